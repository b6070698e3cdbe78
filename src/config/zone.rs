//! Time zones by name.

use jiff::tz::TimeZone;

use super::problem::Problem;
use super::section::Section;
use crate::calendar;

/// The time zone that a key names.
pub(super) fn read(section: &Section<'_>, key: &str) -> Option<TimeZone> {
    let value = section.value(key)?;
    let Some(name) = section.text(key) else {
        let message = "a time zone for each recipient is planned, but not built";
        let place = section.doc.place(value.span(), "name one zone for all");
        section.report(Problem::error("not-yet", message, place).key(section.path(key)));
        return None;
    };
    match calendar::zone(name.text) {
        Ok(zone) => Some(zone),
        Err(fault) => {
            let place = section.doc.place(name.span, "");
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
