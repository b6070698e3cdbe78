//! `postroom next --load`

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Trouble;
use super::check::list_sizes;
use super::clock_words::{in_zone, span};
use super::exit::{self, Exit};
use super::out::{Out, count, counted, plain};
use super::progress::during;
use super::table::Table;
use crate::config::Config;
use crate::daemon::api::Next;
use crate::outbox::Reader;
use crate::plan::{Lately, Load, LoadAccount, LoadRun, Size, last_sizes, play};

/// Plays what is due at these times, and tells it: all of it, or what it is for one schedule.
pub(super) fn run(
    config: &Config,
    (due, only): (&[Next], Option<&str>),
    lists: bool,
    out: &Out,
) -> Result<Exit, Trouble> {
    let (mut sizes, lately) = known(config);
    if lists {
        sizes.extend(during("reading the lists", out, || list_sizes(config)));
    }
    let times: Vec<(String, Timestamp)> = due
        .iter()
        .filter_map(|it| {
            Some((
                it.schedule.clone(),
                Timestamp::from_millisecond(it.at).ok()?,
            ))
        })
        .collect();
    let from = times.iter().map(|(_, at)| *at).min().unwrap_or_default();
    let mut load = play(config, &sizes, &lately, (from, &times));
    load.runs
        .retain(|run| only.is_none_or(|only| run.schedule == only));
    if out.json {
        out.value(&load);
        return Ok(exit::DONE);
    }
    if load.runs.is_empty() {
        out.line("nothing runs in that time");
        return Ok(exit::DONE);
    }
    tell(config, &load, out);
    notes(&load, &lately, out);
    Ok(exit::DONE)
}

/// How large runs were, and how fast servers: nothing before the first run.
fn known(config: &Config) -> (BTreeMap<String, Size>, Lately) {
    let read = || {
        let reader = Reader::peek(&config.daemon.state)?;
        let lately = Lately {
            speeds: reader.speeds()?,
            ..Lately::default()
        };
        Ok::<_, crate::outbox::OutboxError>((last_sizes(config, &reader)?, lately))
    };
    read().unwrap_or_default()
}

fn tell(config: &Config, load: &Load, out: &Out) {
    let zone = &config.daemon.timezone;
    let mut table = Table::new(&["SCHEDULE", "DUE", "MESSAGES", "BEGINS", "ENDS", ""]);
    for run in &load.runs {
        let at = |at: Option<i64>| match at {
            Some(at) => in_zone(at, zone, "%a %-d %b %H:%M"),
            None => "-".to_owned(),
        };
        table.row(vec![
            run.schedule.clone(),
            in_zone(run.due_at, zone, "%a %-d %b %Y %H:%M %Z"),
            run.people.map_or_else(|| "?".to_owned(), count),
            at(run.begins_at),
            at(run.ends_at),
            note(run),
        ]);
    }
    out.lines(&table.lines());
    let mut table = Table::new(&["ACCOUNT", "RUNS", "MESSAGES", "A DAY AT MOST", "", ""]);
    for account in &load.accounts {
        let day = |most: &Option<(String, u64)>, what: &str| match most {
            Some((day, most)) => format!("{} {what} on {day}", count(*most)),
            None => String::new(),
        };
        table.row(vec![
            account.account.clone(),
            count(account.runs),
            count(account.messages),
            account.per_day.map_or_else(|| "-".to_owned(), count),
            day(&account.most_due, "due"),
            day(&account.most_sent, "sent"),
        ]);
    }
    out.lines(&table.lines());
}

/// What a run waits for, and what comes of that.
fn note(run: &LoadRun) -> String {
    let mut notes = Vec::new();
    if run.skipped {
        notes.push("skipped: the run before it goes on".to_owned());
    } else if run.overlaps {
        notes.push("waits for the run before it".to_owned());
    }
    if run.late > 0 {
        let late = std::time::Duration::from_millis(run.late.unsigned_abs());
        notes.push(format!("begins {} late", span(late)));
    }
    if run.expires > 0 {
        notes.push(format!("{} expire unsent", count(run.expires)));
    }
    let binds = run.binds.iter().filter(|_| !run.skipped);
    notes.extend(binds.map(|binds| format!("{binds} binds")));
    plain(&notes.join("; "))
}

fn notes(load: &Load, lately: &Lately, out: &Out) {
    let unknown = load.runs.iter().filter(|run| run.people.is_none()).count();
    if unknown > 0 {
        let runs = counted(unknown, "run", "runs");
        out.note(format!(
            "? {runs} of schedules that were never sent: with `--lists` their people are counted"
        ));
    }
    let has_speed = |it: &&LoadAccount| lately.speeds.contains_key(&it.account);
    let unseen = load.accounts.iter().filter(|it| !has_speed(it));
    let unseen: Vec<&str> = unseen.map(|it| it.account.as_str()).collect();
    if !unseen.is_empty() {
        out.note(format!(
            "How fast the servers are is not known yet, and counts as no limit: {}",
            unseen.join(", ")
        ));
    }
}
