//! `postroom check --lists`: every list read, every message rendered into nothing.

use std::collections::BTreeMap;

use super::super::out::{counted, plain};
use crate::audience::{self, Care, Source};
use crate::clock::Clock;
use crate::config::{About, BadRows, Config, Remark, RowMark, Severity};
use crate::plan::{Badness, Roll, Size, Survey, survey};

/// What reading the lists of one schedule found.
pub(super) struct Look {
    pub(super) schedule: String,
    pub(super) outcome: Result<Survey, String>,
}

pub(super) fn look_at(config: &Config, clock: &Clock) -> Vec<Look> {
    let looks = config.schedules.keys().map(|schedule| Look {
        schedule: schedule.clone(),
        outcome: Roll::of(config, schedule)
            .and_then(|mut roll| {
                roll.care = Care::Fresh(clock.clone());
                survey(&roll, None)
            })
            .map_err(|error| error.to_string()),
    });
    looks.collect()
}

pub(super) fn sizes_of(looks: &[Look]) -> impl Iterator<Item = (String, Size)> {
    looks.iter().filter_map(|look| {
        let people = look.outcome.as_ref().ok()?.people;
        let as_of = None;
        Some((look.schedule.clone(), Size { people, as_of }))
    })
}

/// How many people there are, and how many lists nobody has counted. A list of the configuration
/// itself is counted there.
pub(super) fn people(config: &Config, looks: &[Look]) -> (u64, usize) {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for survey in looks.iter().filter_map(|look| look.outcome.as_ref().ok()) {
        let lists = survey.badness.lists.iter();
        counted.extend(lists.map(|it| (it.list.as_str(), it.usable())));
    }
    for list in config.lists.values() {
        if let Source::Inline(people) = &list.source {
            counted.insert(&list.name, people.len() as u64);
        }
    }
    let unread = config.lists.len() - counted.len();
    (counted.values().sum(), unread)
}

impl Look {
    /// What is wrong with it, at its place.
    pub(super) fn remarks(&self, config: &Config) -> Vec<Remark> {
        match &self.outcome {
            Err(error) => vec![self.not_sendable(error)],
            Ok(survey) => bad_rows(config, &self.schedule, &survey.badness)
                .into_iter()
                .collect(),
        }
    }

    fn not_sendable(&self, error: &str) -> Remark {
        Remark {
            about: About::Schedule(self.schedule.clone()),
            keys: vec!["to"],
            code: "not-sendable",
            severity: Severity::Error,
            message: format!(
                "schedule `{}` would not be sent: {}",
                self.schedule,
                plain(error)
            ),
            label: String::new(),
            notes: Vec::new(),
            helps: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(super) fn words(&self) -> Option<String> {
        let survey = self.outcome.as_ref().ok()?;
        let people = counted(survey.people, "person", "people");
        let mut text = format!("{}: {people}", self.schedule);
        if survey.duplicates > 0 {
            let repeated = "repeated addresses";
            let repeated = counted(survey.duplicates, "repeated address", repeated);
            text += &format!(", {repeated}");
        }
        if survey.badness.bad > 0 {
            let rows = counted(survey.badness.bad, "unusable row", "unusable rows");
            text += &format!(", {rows}");
        }
        if let Some(strays) = survey.badness.strays_told() {
            text += &format!("; {}", plain(&strays));
        }
        Some(text)
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.outcome {
            Err(error) => serde_json::json!({ "schedule": self.schedule, "error": error }),
            Ok(survey) => serde_json::json!({
                "schedule": self.schedule,
                "people": survey.people,
                "duplicates": survey.duplicates,
                "invalid": survey.badness.bad,
                "invalid_told": survey.badness.told,
                "unknown_zones": survey.badness.strays,
                "unknown_zones_told": survey.badness.strays_told,
                "first": survey.first.as_ref().and_then(|(person, _)| {
                    person.mailbox.as_ref().ok().map(|it| audience::mask(it.email.as_ref()))
                }),
            }),
        }
    }
}

/// Rows that are skipped, with the first of them.
fn bad_rows(config: &Config, schedule: &str, badness: &Badness) -> Option<Remark> {
    let first = badness.first.first()?;
    let row = |list: &str, line: u64, fault: &str| {
        Some(RowMark {
            file: config.lists.get(list)?.source.path()?.to_owned(),
            line: usize::try_from(line).ok()?,
            label: plain(fault),
        })
    };
    let rows = badness.first.iter();
    let rows: Vec<RowMark> = rows
        .filter_map(|it| row(&it.list, it.line, &it.fault))
        .collect();
    let of = counted(badness.rows, "row", "rows");
    let are = if badness.bad == 1 { "is" } else { "are" };
    let first_told = plain(&badness.told.join("; "));
    let told = badness.told.len() as u64;
    let mut notes = Vec::new();
    match badness.bad.saturating_sub(told) {
        0 if rows.len() == badness.first.len() => {}
        0 => notes.push(first_told),
        more => notes.push(format!("{first_told}; and {more} more")),
    }
    let schedules = config.schedules.get(schedule);
    if schedules.is_some_and(|it| it.bad_rows == BadRows::Skip) {
        notes.push(
            "`bad_rows = \"refuse\"` stops the schedule instead; more than 1% and more than 10 \
             rows always stop it"
                .to_owned(),
        );
    }
    Some(Remark {
        about: About::List(first.list.clone()),
        keys: vec!["csv", "json", "inline"],
        code: "bad-row",
        severity: Severity::Warning,
        message: format!(
            "{} of {of} for schedule `{schedule}` {are} unusable and will be skipped",
            badness.bad
        ),
        label: String::new(),
        notes,
        helps: Vec::new(),
        rows,
    })
}
