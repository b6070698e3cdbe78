//! When schedules run, told with what moved each time and what it waits for.

use std::num::NonZero;
use std::thread;

use super::api::Next;
use crate::calendar::Occurrence;
use crate::clock::Timestamp;
use crate::config::{Config, Schedule};
use crate::plan::upcoming;

/// Which times are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Strictly later than this.
    pub after: Timestamp,
    /// Not later than this.
    pub to: Timestamp,
    /// At most so many, the first.
    pub most: usize,
}

/// When schedules run next, soonest first.
#[must_use]
pub fn next(config: &Config, now: Timestamp) -> Vec<Next> {
    upcoming(config, now)
        .into_iter()
        .map(|next| told(&config.schedules[&next.schedule], &next.occurrence))
        .collect()
}

/// The times of these schedules within a span, all of them together in order.
#[must_use]
pub fn within<'c>(schedules: impl Iterator<Item = &'c Schedule>, span: Span) -> Vec<Next> {
    let schedules: Vec<&Schedule> = schedules.collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let lots = schedules.chunks(schedules.len().div_ceil(cores).max(1));
    let mut found: Vec<Next> = thread::scope(|scope| {
        let of_lot = |lot: &[&Schedule]| -> Vec<Next> {
            lot.iter().flat_map(|schedule| of(schedule, span)).collect()
        };
        let at_work: Vec<_> = lots.map(|lot| scope.spawn(move || of_lot(lot))).collect();
        let done = at_work.into_iter();
        done.flat_map(|it| it.join().expect("a calendar does not panic"))
            .collect()
    });
    found.sort_by(|a, b| (a.at, &a.schedule).cmp(&(b.at, &b.schedule)));
    found.truncate(span.most);
    found
}

fn of(schedule: &Schedule, span: Span) -> impl Iterator<Item = Next> {
    let calendar = schedule.calendar.iter();
    calendar
        .flat_map(move |calendar| calendar.after(span.after).take(span.most))
        .take_while(move |occurrence| occurrence.at <= span.to)
        .map(|occurrence| told(schedule, &occurrence))
}

fn told(schedule: &Schedule, occurrence: &Occurrence) -> Next {
    // Where each reader has a time of their own, no one instant says whether it is within.
    let hours = schedule
        .between
        .as_ref()
        .filter(|_| schedule.readers.is_none());
    let sends = hours.and_then(|hours| {
        let opens = hours.opens(&schedule.zone, occurrence.at)?;
        (opens != occurrence.at).then_some(opens)
    });
    let waits = sends.map(|opens| {
        let opens = schedule.zone.to_datetime(opens);
        format!(
            "outside `between`; sends from {}",
            opens.strftime("%a %-d %b %H:%M")
        )
    });
    let readers = schedule.readers.is_some().then(|| {
        let wall = occurrence.planned.strftime("%H:%M");
        format!("at {wall} where each reader lives; opens where the day begins first")
    });
    let notes = occurrence.note().into_iter().chain(readers).chain(waits);
    let notes: Vec<String> = notes.collect();
    Next {
        schedule: schedule.name.clone(),
        at: occurrence.at.as_millisecond(),
        local: occurrence.local.to_string(),
        zone: zone_of(schedule),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
        sends_from: sends.map(Timestamp::as_millisecond),
    }
}

/// What the schedule's times are told in: not one zone if each reader has one.
fn zone_of(schedule: &Schedule) -> String {
    match &schedule.readers {
        Some(_) => "UTC+14".to_owned(),
        None => schedule.zone.iana_name().unwrap_or("UTC").to_owned(),
    }
}
