//! `postroom next`

use super::clock_words::{ahead, in_zone};
use super::exit::{self, Exit};
use super::out::Out;
use super::table::Table;
use super::{Trouble, unknown_schedule};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::answer;
use crate::daemon::api::Next;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this schedule
    schedule: Option<String>,
    /// So many times of it
    #[arg(short = 'n', default_value_t = 5, value_name = "COUNT")]
    count: usize,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let now = Clock::system().now();
    let times = match &args.schedule {
        None => answer::next(config, now),
        Some(name) => {
            let schedule = config
                .schedules
                .get(name)
                .ok_or_else(|| unknown_schedule(config, name))?;
            answer::times(schedule, now, args.count)
        }
    };
    if out.json {
        out.value(&times);
        return Ok(exit::DONE);
    }
    if times.is_empty() {
        out.line(match &args.schedule {
            Some(name) => format!("{name} has no time to come: `postroom send {name}` sends it"),
            None => "no schedule has a time to come".to_owned(),
        });
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["SCHEDULE", "LOCAL", "ZONE", "UTC", "", ""]);
    for next in &times {
        table.row(row(config, next, now.as_millisecond()));
    }
    table.lines().iter().for_each(|line| out.line(line));
    Ok(exit::DONE)
}

fn row(config: &Config, next: &Next, now: i64) -> Vec<String> {
    let zone = config
        .schedules
        .get(&next.schedule)
        .map(|it| it.zone.clone());
    vec![
        next.schedule.clone(),
        in_zone(
            next.at,
            &zone.unwrap_or(jiff::tz::TimeZone::UTC),
            "%a %-d %b %Y %H:%M",
        ),
        next.zone.clone(),
        in_zone(next.at, &jiff::tz::TimeZone::UTC, "%-d %b %H:%M"),
        ahead(next.at, now),
        next.note.clone().unwrap_or_default(),
    ]
}
