//! Time zones by name, for all or each reader's own.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::problem::Problem;
use super::section::{Section, Text, text_of};
use super::suggest;
use crate::calendar;

/// The forms of a schedule's `timezone` with a zone for each reader.
const FORM: &str = "{ column = \"zone\", otherwise = \"Europe/Berlin\" }";

/// Each reader's own time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct ReaderZones {
    /// The column of the lists that names it.
    pub column: String,
    /// The zone of those whose cell is empty or names no zone; without, they get no mail.
    pub otherwise: Option<TimeZone>,
}

/// The time zone that a key names for all.
pub(super) fn read(section: &Section<'_>, key: &str) -> Option<TimeZone> {
    let value = section.value(key)?;
    let Some(name) = section.text(key) else {
        let message = format!("`{key}` of {} is one zone for all", section.title());
        let place = section.doc.place(value.span(), "name one");
        let problem = Problem::error("wrong-type", message, place);
        let help = format!("a schedule may have one for each reader: `{key} = {FORM}`");
        section.report(problem.help(help).key(section.path(key)));
        return None;
    };
    named(section, key, &name)
}

/// The column that names each reader's zone, with its place, and their zones.
pub(super) fn of_readers<'d>(
    section: &Section<'d>,
    key: &str,
) -> Option<(Option<Text<'d>>, ReaderZones)> {
    let table = section.value(key)?.get_ref().as_table()?;
    let (mut column, mut otherwise) = (None, None);
    let mut is_misread = false;
    for (name, value) in table {
        match (name.get_ref().as_ref(), text_of(value)) {
            ("column", Some(text)) => column = Some(text),
            ("otherwise", Some(text)) => otherwise = named(section, key, &text),
            (word @ ("column" | "otherwise"), None) => {
                is_misread |= word == "column";
                let message = format!("`{word}` of `{key}` wants a text in quotes");
                complain(section, key, "wrong-type", message, value.span());
            }
            (word, _) => {
                is_misread = true;
                let message = format!("`{word}` means nothing in `{key}`");
                let place = section.doc.place(name.span(), "");
                let problem = Problem::error("unknown-key", message, place)
                    .suggest(suggest::nearest(word, ["column", "otherwise"]));
                let help = format!("write `{key} = {FORM}`");
                section.report(problem.help(help).key(section.path(key)));
            }
        }
    }
    if column.is_none() && !is_misread {
        let message = format!("`{key}` of {} names no column", section.title());
        let span = section.value(key).map(toml::Spanned::span)?;
        complain(section, key, "missing-key", message, span);
    }
    let zones = ReaderZones {
        column: column
            .as_ref()
            .map_or_else(String::new, |it| it.text.to_owned()),
        otherwise,
    };
    Some((column, zones))
}

fn complain(
    section: &Section<'_>,
    key: &str,
    code: &'static str,
    message: String,
    span: Range<usize>,
) {
    let place = section.doc.place(span, format!("write {FORM}"));
    section.report(Problem::error(code, message, place).key(section.path(key)));
}

fn named(section: &Section<'_>, key: &str, name: &Text<'_>) -> Option<TimeZone> {
    match calendar::zone(name.text) {
        Ok(zone) => Some(zone),
        Err(fault) => {
            let place = section.doc.place(name.span.clone(), "");
            section.report(
                Problem::error("unknown-timezone", fault.message, place)
                    .suggest(fault.suggestion)
                    .maybe_help(fault.help)
                    .key(section.path(key)),
            );
            None
        }
    }
}
