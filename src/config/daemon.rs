//! `[daemon]`: what holds for the whole of postroom.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::alert::Alert;
use super::choice::{Addresses, LogFormat};
use super::find;
use super::problem::Problem;
use super::rate::Rate;
use super::section::Section;
use super::zone;
use crate::compose::Language;

const KEEP: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What holds for the whole of postroom.
#[derive(Clone, Debug, PartialEq)]
pub struct Daemon {
    /// The time zone of schedules that name no other.
    pub timezone: TimeZone,
    /// The language of the texts of templates whose names have none.
    pub language: Language,
    /// The directory of the outbox.
    pub state: PathBuf,
    /// The control socket.
    pub socket: PathBuf,
    /// How log lines are written.
    pub log: LogFormat,
    /// How recipients' addresses appear in logs.
    pub addresses: Addresses,
    /// How long finished runs keep their texts; their rows stay for twice as long.
    pub keep: Duration,
    /// How fast all accounts together may send; every one of them holds.
    pub rate: Vec<Rate>,
    /// Who is told when something needs a person.
    pub alert: Option<Alert>,
}

/// Reads `[daemon]`. Whatever is wrong in it has been reported; the default then stands for it.
pub(super) fn read(section: &Section<'_>) -> Daemon {
    let path = section.doc.file.path();
    let state = section
        .path_of("state")
        .unwrap_or_else(|| find::state_directory(path));
    Daemon {
        timezone: zone::read(section, "timezone").unwrap_or(TimeZone::UTC),
        language: language(section).unwrap_or_default(),
        socket: section
            .path_of("socket")
            .unwrap_or_else(|| find::socket(path, &state)),
        state,
        log: section.choice("log").unwrap_or_default(),
        addresses: section.choice("addresses").unwrap_or_default(),
        keep: section.span("keep").unwrap_or(KEEP),
        rate: section.rates("rate").unwrap_or_default(),
        alert: None, // read beside it, as it names an account
    }
}

fn language(section: &Section<'_>) -> Option<Language> {
    let tag = section.text("language")?;
    match Language::parse(tag.text) {
        Ok(language) => Some(language),
        Err(fault) => {
            let place = section.doc.place(tag.span, "");
            let problem = Problem::error("bad-language", fault.to_string(), place);
            let problem = problem.suggest(fault.near.as_deref());
            let help = "tags are like \"de\", \"pt-BR\" or \"zh-Hant\"";
            section.report(problem.help(help).key(section.path("language")));
            None
        }
    }
}
