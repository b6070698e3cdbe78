//! `postroom next`

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::clock_words::{ago, ahead, in_zone};
use super::exit::{self, Exit};
use super::out::Out;
use super::table::Table;
use super::{Trouble, load, unknown_schedule};
use crate::calendar::{parse_bound, resolve};
use crate::clock::Clock;
use crate::config::{Config, Schedule};
use crate::daemon::api::Next;
use crate::daemon::times::{self, Span};

/// So many times of one schedule are told if nobody says how many.
const TIMES: usize = 5;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this schedule
    schedule: Option<String>,
    /// So many times: of the schedule, or of all together
    #[arg(short = 'n', value_name = "COUNT")]
    count: Option<usize>,
    /// From this date on, or this date and time, instead of from now on
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Up to this date, and all of it, or this date and time
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Play that time at the rates: when each run begins and ends, what it waits for, and which get
    /// into each other's way. Runs are as large as the last one was. It begins with nothing
    /// waiting; failover and trouble are not played
    #[arg(long, requires = "to", conflicts_with = "count")]
    load: bool,
    /// Count the people in the lists instead
    #[arg(long, requires = "load")]
    lists: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let now = Clock::system().now();
    let times = times(config, args, now)?;
    if args.load {
        return load::run(config, (&times, args.schedule.as_deref()), args.lists, out);
    }
    if out.json {
        out.value(&times);
        return Ok(exit::DONE);
    }
    if times.is_empty() {
        out.line(nothing(args));
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["SCHEDULE", "LOCAL", "ZONE", "UTC", "", ""]);
    for next in &times {
        table.row(row(config, next, now.as_millisecond()));
    }
    out.lines(&table.lines());
    Ok(exit::DONE)
}

/// Without a word about how many or until when: the next of each schedule, or a few of the one.
fn times(config: &Config, args: &Args, now: Timestamp) -> Result<Vec<Next>, Trouble> {
    let one = match &args.schedule {
        Some(name) => {
            let schedule = config.schedules.get(name);
            Some(schedule.ok_or_else(|| unknown_schedule(config.schedules.keys(), name))?)
        }
        None => None,
    };
    let zone = one.map_or(&config.daemon.timezone, |it| &it.zone);
    let nanosecond = SignedDuration::from_nanos(1);
    let after = match &args.from {
        Some(from) => moment(from, zone, false)?
            .checked_sub(nanosecond)
            .unwrap_or(Timestamp::MIN),
        None => now,
    };
    let to = match &args.to {
        Some(to) => moment(to, zone, true)?,
        None => Timestamp::MAX,
    };
    if to < after {
        let text = "there is no time between `--from`, or now, and `--to`";
        return Err(Trouble::new(exit::USAGE, text));
    }
    let most = match (args.count, &args.to, one) {
        (Some(count), ..) => count,
        (None, Some(_), _) => usize::MAX,
        (None, None, Some(_)) => TIMES,
        (None, None, None) => return Ok(times::next(config, after)),
    };
    let span = Span { after, to, most };
    let schedules = config.schedules.values();
    // Whatever is asked for shares its accounts with all the others.
    let asked = |it: &&Schedule| args.load || one.is_none_or(|one| one.name == it.name);
    Ok(times::within(schedules.filter(asked), span))
}

fn moment(text: &str, zone: &TimeZone, is_end: bool) -> Result<Timestamp, Trouble> {
    let wall = parse_bound(text, is_end).map_err(|fault| Trouble::new(exit::USAGE, fault))?;
    let at = resolve(zone, wall).map(|(at, _)| at);
    at.ok_or_else(|| Trouble::new(exit::USAGE, format!("`{text}` is too far away")))
}

fn nothing(args: &Args) -> String {
    let span = args.from.is_some() || args.to.is_some();
    match &args.schedule {
        Some(name) if span => format!("{name} does not run in that time"),
        None if span => "no schedule runs in that time".to_owned(),
        Some(name) => format!("{name} has no time to come: `postroom send {name}` sends it"),
        None => "no schedule has a time to come".to_owned(),
    }
}

fn row(config: &Config, next: &Next, now: i64) -> Vec<String> {
    let schedule = config.schedules.get(&next.schedule);
    let zone = schedule.and_then(|it| it.calendar.as_ref().map(|it| it.zone.clone()));
    vec![
        next.schedule.clone(),
        in_zone(
            next.at,
            &zone.unwrap_or(TimeZone::UTC),
            "%a %-d %b %Y %H:%M",
        ),
        next.zone.clone(),
        in_zone(next.at, &TimeZone::UTC, "%-d %b %H:%M"),
        if next.at < now {
            ago(next.at, now)
        } else {
            ahead(next.at, now)
        },
        next.note.clone().unwrap_or_default(),
    ]
}
