//! `canary`: a few people first.

use std::time::Duration;

use super::problem::Problem;
use super::section::Section;
use super::tables;

/// How many people get a mail first, and how long the others then wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canary {
    /// At least 1.
    pub people: u64,
    /// After the last of them was accepted.
    pub wait: Duration,
}

/// Reads it: a number, or a table with `people` and `wait`. What is wrong has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<Canary> {
    let value = section.value("canary")?;
    let canary = match value.get_ref().as_table() {
        None => Canary {
            people: section.count("canary")?,
            wait: Duration::ZERO,
        },
        Some(entries) => {
            let header = tables::header(section.doc, value.span());
            let table = "schedule.*.canary";
            let inner = Section::open(section.doc, table, section.name, header, entries);
            if inner.lacks("people") {
                let message = format!("{} does not say how many are first", inner.title());
                let place = inner.header_place("needs `people`");
                let problem = Problem::error("missing-key", message, place);
                let help = "write `canary = { people = 20, wait = \"10m\" }`";
                inner.report(problem.help(help).key(inner.path("people")));
            }
            Canary {
                people: inner.count("people")?,
                wait: inner.duration("wait").unwrap_or_default(),
            }
        }
    };
    check_is_smaller_than_the_fuse(section, canary);
    Some(canary)
}

fn check_is_smaller_than_the_fuse(section: &Section<'_>, canary: Canary) {
    if let Some(most) = section.count("max_recipients")
        && canary.people >= most
    {
        let message = format!(
            "the canary of {} is a whole run: nobody is left to wait for it",
            section.title()
        );
        let place = section.value_place("canary", "a smaller number, or none");
        let fuse = section.value_place("max_recipients", "no run is larger than this");
        let problem = Problem::warning("no-effect", message, place).and(fuse);
        section.report(problem.key(section.path("canary")));
    }
}
