//! Lists and schedules as `check --lists` shows them to people: a few lines each, and no more of
//! them than there is to say.

use serde_json::{Map, Value, json};

use super::super::backup::size;
use super::super::clock_words::{ago, wall};
use super::super::out::{bold, count, counted, dim, plain};
use super::first_rows;
use super::lists::{ListLook, Look, Looks, shown};
use crate::audience::{List, Source};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::outbox::Reading;
use crate::plan::{Census, NotTo, RollError};

/// Columns of a terminal that are there on every one.
const WIDTH: usize = 80;
/// Before what belongs to a line above it.
const INDENT: &str = "  ";
/// Milliseconds by which the clock of a file server may be ahead.
const AHEAD: i64 = 60_000;
/// So many columns are named.
const NAMED: usize = 40;

/// A block for each list, an empty line between two, then the schedules.
pub(super) fn lines(looks: &Looks, config: &Config, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for look in &looks.lists {
        lines.extend(look.block(config, now));
        lines.push(String::new());
    }
    let schedules = looks.schedules.iter().flat_map(Look::block);
    let schedules: Vec<String> = schedules.collect();
    if !schedules.is_empty() {
        lines.extend(schedules);
        lines.push(String::new());
    }
    lines
}

impl ListLook {
    fn block(&self, config: &Config, now: Timestamp) -> Vec<String> {
        let name = bold(&format!("list {}", self.name));
        let census = match &self.outcome {
            Ok(census) => census,
            Err(fault) => {
                let words = plain(&fault.message);
                let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
                let lead = format!("list {}: cannot be used: ", self.name);
                let mut lines = first_rows::folded(&lead, &words, WIDTH);
                lines[0] = lines[0].replacen(&format!("list {}", self.name), &name, 1);
                return lines;
            }
        };
        let list = config.lists.get(&self.name);
        let is_inline = list.is_some_and(|it| matches!(it.source, Source::Inline(_)));
        let place = if is_inline {
            ", in the configuration"
        } else {
            ""
        };
        let mut lines = vec![format!("{name}: {}{place}", numbers(census))];
        lines.extend(origin(census, list, config, now).map(|it| dim(&it)));
        let before = self.before.as_ref();
        lines.extend(before.map(|before| format!("{INDENT}{}", since(census.rows, before))));
        match is_inline || census.first.is_empty() {
            true => lines.extend(columns("columns: ", &census.columns)),
            false => {
                let address = list.map_or("", |it| it.address_column.as_str());
                let (rows, left) = first_rows::table(census, address, WIDTH - INDENT.len());
                lines.extend(rows.into_iter().map(|row| format!("{INDENT}{row}")));
                lines.extend(columns("and: ", &left));
            }
        }
        lines
    }

    pub(super) fn to_json(&self) -> Value {
        let census = match &self.outcome {
            Ok(census) => census,
            Err(fault) => {
                return json!({
                    "list": self.name,
                    "schedules": self.schedules,
                    "error": fault.to_string(),
                });
            }
        };
        let read = census.particulars.as_ref();
        let file = read.and_then(|it| it.file.as_ref());
        let modified = file.and_then(|it| Timestamp::try_from(it.modified?).ok());
        let bad = census.bad.first.iter();
        let bad = bad.map(|it| {
            json!({
                "line": it.place.line_if_known(), "person": it.place.person(), "fault": it.fault,
            })
        });
        let first: &[Map<String, Value>] = &census.first;
        json!({
            "list": self.name,
            "schedules": self.schedules,
            "file": file.map(|it| it.path.display().to_string()),
            "bytes": file.map(|it| it.bytes),
            "modified_at": modified.map(Timestamp::as_millisecond),
            "encoding": read.map(|it| it.encoding),
            "separator": read.and_then(|it| it.separator).map(|it| it.key()),
            "rows": census.rows,
            "people": census.people,
            "duplicates": census.duplicates(),
            "invalid": census.bad.rows,
            "bad_rows": bad.collect::<Vec<_>>(),
            "columns": census.columns,
            "first": first,
            "last_run": self.before.as_ref().map(|it| json!({
                "run": it.run,
                "opened_at": it.opened_at,
                "rows": it.rows,
            })),
        })
    }
}

/// "1,204 people" where every row is another one, else what the others are.
fn numbers(census: &Census) -> String {
    if census.rows == 0 {
        return "nobody".to_owned();
    }
    let people = counted(census.people, "person", "people");
    if census.rows == census.people {
        return people;
    }
    let not_to = NotTo {
        duplicates: census.duplicates(),
        unusable: census.bad.rows,
        ..NotTo::default()
    };
    let mut told = vec![counted(census.rows, "row", "rows"), people];
    told.extend(not_to.words());
    told.join(", ")
}

/// The file, its size and age, and how it was read.
fn origin(census: &Census, list: Option<&List>, config: &Config, now: Timestamp) -> Option<String> {
    let read = census.particulars.as_ref()?;
    let mut text = match (&read.file, list.map(|it| &it.source)) {
        (Some(file), _) => {
            let path = plain(&shown(&file.path, config));
            let mut text = format!("{INDENT}{path}: {}", size(file.bytes));
            let modified = file.modified.and_then(|it| Timestamp::try_from(it).ok());
            if let Some(at) = modified {
                let (at, now) = (at.as_millisecond(), now.as_millisecond());
                text += &match at > now + AHEAD {
                    true => ", dated in the future".to_owned(),
                    false => format!(", written {}", ago(at, now)),
                };
            }
            text
        }
        (None, Some(Source::Command(output))) => {
            format!("{INDENT}printed by `{}`", plain(output.program.name()))
        }
        (None, _) => return None,
    };
    text += &format!(", {}", read.encoding);
    if let Some(separator) = read.separator {
        text += &format!(", separator {separator}");
    }
    Some(text)
}

/// "12 rows more than in run 01M… (Mon 16 Nov 09:00)".
fn since(rows: u64, before: &Reading) -> String {
    let difference = counted(rows.abs_diff(before.rows), "row", "rows");
    let than = match rows.cmp(&before.rows) {
        std::cmp::Ordering::Equal => "as many rows as".to_owned(),
        std::cmp::Ordering::Greater => format!("{difference} more than"),
        std::cmp::Ordering::Less => format!("{difference} fewer than"),
    };
    format!("{than} in run {} ({})", before.run, wall(before.opened_at))
}

/// The names of columns, in lines that fit.
fn columns(lead: &str, names: &[String]) -> Vec<String> {
    if names.is_empty() {
        return Vec::new();
    }
    let mut names: Vec<String> = names.iter().map(|it| plain(it)).collect();
    if names.len() > NAMED {
        let more = names.len() - NAMED;
        names.truncate(NAMED);
        names.push(format!("{} more", count(more)));
    }
    first_rows::wrapped(lead, &names, WIDTH - INDENT.len())
        .into_iter()
        .map(|line| format!("{INDENT}{line}"))
        .collect()
}

impl Look {
    fn block(&self) -> Vec<String> {
        let name = bold(&format!("schedule {}", self.schedule));
        let Ok(survey) = &self.outcome else {
            return vec![format!("{name}: would not be sent")];
        };
        let people = counted(survey.people, "person", "people");
        let mut told = vec![match survey.seats {
            Some(_) => format!("one message to {people}"),
            None => people,
        }];
        told.extend(survey.not_to().words());
        let mut text = format!("{name}: {}", told.join(", "));
        if let Some(strays) = survey.badness.strays_told() {
            text += &format!("; {}", plain(&strays));
        }
        if let Some(bad) = survey.badness.except_told() {
            text += &format!("; {}", plain(&bad));
        }
        let moved = self.moved.as_ref().map(|moved| {
            let run = format!("run {} ({})", moved.run, wall(moved.opened_at));
            match (moved.joined, moved.left) {
                (0, 0) => format!("{INDENT}the same people as in {run}"),
                (joined, left) => {
                    let (joined, left) = (count(joined), count(left));
                    format!("{INDENT}{joined} joined and {left} left since {run}")
                }
            }
        });
        std::iter::once(text).chain(moved).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let survey = match &self.outcome {
            Err(error) => {
                return json!({ "schedule": self.schedule, "error": RollError::to_string(error) });
            }
            Ok(survey) => survey,
        };
        json!({
            "schedule": self.schedule,
            "people": survey.people,
            "group": survey.seats,
            "duplicates": survey.duplicates,
            "left_out": survey.badness.left_out,
            "suppressed": survey.suppressed,
            "sent_before": survey.sent_before,
            "invalid": survey.badness.bad,
            "invalid_told": survey.badness.told,
            "except_told": survey.badness.except_told(),
            "unknown_zones": survey.badness.strays,
            "unknown_zones_told": survey.badness.strays_told,
            "first": survey.first.as_ref().and_then(|(person, _)| {
                let mailbox = person.mailbox.as_ref().ok()?;
                Some(crate::audience::mask(mailbox.email.as_ref()))
            }),
            "last_run": self.moved.as_ref().map(|it| json!({
                "run": it.run,
                "opened_at": it.opened_at,
                "joined": it.joined,
                "left": it.left,
            })),
        })
    }
}
