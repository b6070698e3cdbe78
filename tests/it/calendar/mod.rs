//! The calendar: what crontab means, what clock changes do, and what is said about mistakes.

mod clock_changes;
mod croniter;
mod crontab;
mod distance;
mod holidays;
mod hours;
mod ics;
mod messages;
mod properties;
mod python;
mod rarity;
mod reference;
mod zones;

use jiff::Timestamp;
use postroom::calendar::{Calendar, Occurrence, When, parse_civil, zone};

fn instant(text: &str) -> Timestamp {
    text.parse().expect("a test's instant is well formed")
}

fn cron(expression: &str, zone_name: &str) -> Calendar {
    let cron = expression
        .parse()
        .unwrap_or_else(|fault| panic!("{expression}: {fault}"));
    Calendar::new(When::Cron(cron), zone(zone_name).unwrap())
}

fn on(dates: &[&str], zone_name: &str) -> Calendar {
    let dates = dates
        .iter()
        .map(|date| parse_civil(date).unwrap())
        .collect();
    Calendar::new(When::On(dates), zone(zone_name).unwrap())
}

/// The occurrences after `from`, up to and with `to`.
fn between(calendar: &Calendar, from: &str, to: &str) -> Vec<Occurrence> {
    let to = instant(to);
    calendar
        .after(instant(from))
        .take_while(|occurrence| occurrence.at <= to)
        .collect()
}

/// `key @ instant` of each occurrence, which is what a run is identified by and when it starts.
fn shown(occurrences: &[Occurrence]) -> Vec<String> {
    let shown = |o: &Occurrence| format!("{} @ {}", o.key, o.at.strftime("%dT%H:%MZ"));
    occurrences.iter().map(shown).collect()
}
