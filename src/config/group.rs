//! `group`, `cc` and `bcc`: one mail to all instead of one each.

use std::collections::{BTreeMap, HashSet};

use lettre::message::Mailbox;

use super::attachment::{Attached, Attachment};
use super::mailbox;
use super::problem::Problem;
use super::schedule::{Draft, Schedule};
use super::section::{Section, Text};
use crate::audience::{self, List, NAME, Source};
use crate::compose::Template;

/// So many recipients may share one mail: every server takes at least that many (RFC 5321 section
/// 4.5.3.1.8).
pub const MOST_TOGETHER: u64 = 100;

/// Who gets one mail together with the people of `to`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Named in Cc, for all to see.
    pub cc: Vec<Copied>,
    /// Named nowhere.
    pub bcc: Vec<Copied>,
}

/// An entry of `cc` or `bcc`.
#[derive(Clone, Debug, PartialEq)]
pub enum Copied {
    /// The people of the list of this name.
    List(String),
    /// One person.
    One(Mailbox),
}

/// Reads it, and gives the names of lists in `cc` and in `bcc`. What is wrong has been reported.
pub(super) fn read<'d>(section: &Section<'d>) -> (Option<Group>, [Vec<Text<'d>>; 2]) {
    let (cc, cc_lists) = copies(section, "cc");
    let (bcc, bcc_lists) = copies(section, "bcc");
    let is_group = section.flag("group") == Some(true);
    if is_group {
        check_fits(section);
    } else if !section.is_unclear("group") {
        check_alone(section);
    }
    let group = is_group.then_some(Group { cc, bcc });
    (group, [cc_lists, bcc_lists])
}

fn copies<'d>(section: &Section<'d>, key: &str) -> (Vec<Copied>, Vec<Text<'d>>) {
    let (mut copies, mut lists) = (Vec::new(), Vec::new());
    for text in section.some_texts(key).unwrap_or_default() {
        if !text.text.contains('@') {
            copies.push(Copied::List(text.text.to_owned()));
            lists.push(text);
            continue;
        }
        match audience::mailbox(text.text) {
            Ok(mailbox) => copies.push(Copied::One(mailbox)),
            Err(fault) => {
                let problem = mailbox::problem(section.doc, &text, &fault);
                section.report(problem.key(section.path(key)));
            }
        }
    }
    (copies, lists)
}

/// Who gets a mail of their own has nobody beside them in it.
fn check_alone(section: &Section<'_>) {
    let copies = ["cc", "bcc"].map(|key| section.has(key).then_some(key));
    let (key, what) = match copies {
        [Some(key), Some(_)] => (key, "`cc` and `bcc` are".to_owned()),
        [Some(key), None] | [None, Some(key)] => (key, format!("`{key}` is")),
        [None, None] => return,
    };
    let message = format!(
        "{what} for one mail to all, and {} sends one to each",
        section.title()
    );
    let place = section.key_place(key, "needs `group = true`");
    let problem = Problem::error("missing-key", message, place);
    let help = "write `group = true`, or put these people on a list and name that in `to`";
    section.report(problem.help(help).key(section.path("group")));
}

/// What is about each person for themselves has no place in one mail to all.
fn check_fits(section: &Section<'_>) {
    let about_each = [
        ("canary", "nobody can be first where all get one mail"),
        ("once_per", "one mail to all is not left out for some"),
    ];
    for (key, why) in about_each.into_iter().filter(|(key, _)| section.has(key)) {
        only_without(section, key, why);
    }
    if section.holds_table("timezone") {
        only_without(section, "timezone", "one mail to all leaves at one time");
    }
}

fn only_without(section: &Section<'_>, key: &str, why: &str) {
    let message = format!("{} has `group` and `{key}`: {why}", section.title());
    let place = section.key_place("group", "one mail to all");
    let other = section.key_place(key, "for each person");
    let problem = Problem::error("only-one-of", message, place).and(other);
    section.report(problem.key(section.path("group")));
}

/// Reports a template that speaks to one person, of the address or the name of its list.
pub(super) fn check_template(
    section: &Section<'_>,
    draft: &Draft<'_>,
    template: &Template,
    lists: &BTreeMap<&str, &List>,
) {
    let to = draft.schedule.to.iter();
    let to: Vec<_> = to.filter_map(|name| lists.get(name.as_str())).collect();
    for variable in template.variables() {
        let is = |column: &str| variable.name == column;
        let what = if to.iter().any(|list| is(&list.address_column)) {
            "address"
        } else if to
            .iter()
            .any(|list| is(list.name_column.as_deref().unwrap_or(NAME)))
        {
            "name"
        } else {
            continue;
        };
        let message = format!(
            "template `{}` uses `{}`, the {what} of one person, and {} sends one mail to all",
            template.name(),
            variable.name,
            section.title()
        );
        let place = section.key_place("group", "one mail to all");
        let note = format!(
            "it is used in {}:{}:{}",
            variable.file, variable.line, variable.column
        );
        let help = "take it out of the template, or take `group` out: then each gets their own";
        let problem = Problem::error("only-one-of", message, place).note(note);
        section.report(problem.help(help).key(section.path("group")));
        return;
    }
}

/// Reports a file of one person, which a mail to all cannot carry.
pub(super) fn check_attachments(section: &Section<'_>, schedule: &Schedule) {
    let of_one = |it: &&Attachment| matches!(it.content, Attached::Each { .. });
    let Some(attachment) = schedule.attachments.iter().find(of_one) else {
        return;
    };
    let Attached::Each { folder, path, .. } = &attachment.content else {
        return;
    };
    let message = format!(
        "`{}/{}` is a file of one person, and {} sends one mail to all",
        folder.display(),
        path.written(),
        section.title()
    );
    let place = section.key_place("group", "one mail to all");
    let help = "take it out of `attachments`, or take `group` out: then each gets their own";
    let problem = Problem::error("only-one-of", message, place);
    section.report(problem.help(help).key(section.path("group")));
}

/// Reports more people than may share a mail, as far as they stand in the file.
pub(super) fn check_size(section: &Section<'_>, draft: &Draft<'_>, lists: &BTreeMap<&str, &List>) {
    let Some(group) = &draft.schedule.group else {
        return;
    };
    let mut people = HashSet::new();
    let copies = group.cc.iter().chain(&group.bcc);
    let mut names: Vec<&str> = draft.schedule.to.iter().map(String::as_str).collect();
    for copied in copies {
        match copied {
            Copied::List(name) => names.push(name),
            Copied::One(mailbox) => {
                people.insert(audience::key(&mailbox.email));
            }
        }
    }
    let inline = names.iter().filter_map(|name| lists.get(name));
    for list in inline.filter(|list| matches!(list.source, Source::Inline(_))) {
        let rows = list.read().into_iter().flatten().flatten();
        people.extend(rows.filter_map(|row| Some(row.recipient.ok()?.key)));
    }
    if people.len() as u64 > MOST_TOGETHER {
        let message = format!(
            "{} sends one mail to {} people, and one to more than {MOST_TOGETHER} recipients is \
             refused by many servers",
            section.title(),
            people.len()
        );
        let place = section.key_place("group", "one mail to all");
        let problem = Problem::error("too-many", message, place);
        let help = "take `group` out: then each gets their own; or make several schedules";
        section.report(problem.help(help).key(section.path("group")));
    }
}
