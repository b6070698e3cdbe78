//! `daemon.alert`: who is told when something needs a person.

use lettre::message::Mailbox;

use super::document::Document;
use super::problem::Problem;
use super::section::{Section, Text, every};
use super::tables::header;
use super::{mailbox, program};
use crate::audience;
use crate::program::Program;

/// Who is told when something needs a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// By mail, through `via`.
    pub to: Vec<Mailbox>,
    /// The account.
    pub via: Option<String>,
    /// A program that reads the alert on its standard input.
    pub command: Option<Program>,
}

/// An alert and where the name of its account stands, before it is looked up.
pub(super) struct Draft<'d> {
    pub(super) section: Section<'d>,
    pub(super) via: Option<Text<'d>>,
    pub(super) alert: Alert,
}

/// Reads it. What is wrong has been reported.
pub(super) fn read<'d>(top: &Section<'d>, doc: &'d Document) -> Option<Draft<'d>> {
    let daemon = top.value("daemon")?.get_ref().as_table()?;
    let value = daemon.get("alert")?;
    let entries = value.get_ref().as_table()?;
    let section = Section::open(doc, "daemon.alert", "", header(doc, value.span()), entries);
    let to = addressees(&section);
    let via = section.text("via");
    for (one, other) in [("to", "via"), ("via", "to")] {
        if section.has(one) && section.lacks(other) {
            let message =
                format!("an alert with `{one}` needs `{other}`: who, and by which account");
            let place = section.key_place(one, format!("and no `{other}`"));
            section.report(Problem::error("missing-key", message, place).key(section.path(other)));
        }
    }
    let command = section.has("command").then(|| program::read(&section));
    if to.is_empty() && command.is_none() && section.lacks("to") && section.lacks("command") {
        let message = "an alert reaches nobody";
        let place = section.header_place("needs `to` and `via`, or `command`");
        section.report(Problem::error("missing-key", message, place).key(section.path("to")));
    }
    let alert = Alert {
        to,
        via: via.as_ref().map(|it| it.text.to_owned()),
        command: command.flatten(),
    };
    Some(Draft {
        section,
        via,
        alert,
    })
}

fn addressees(section: &Section<'_>) -> Vec<Mailbox> {
    let texts = section.some_texts("to").unwrap_or_default();
    let read = texts.iter().map(|text| match audience::mailbox(text.text) {
        Ok(mailbox) => Some(mailbox),
        Err(fault) => {
            section.report(mailbox::problem(section.doc, text, &fault).key(section.path("to")));
            None
        }
    });
    every(read).unwrap_or_default()
}
