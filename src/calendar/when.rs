//! Which times a schedule runs at, and the next of them: wall-clock times and elapsed ones, taken
//! to instants by the rules for clock changes. Bounds, holidays and jitter come later.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use super::every::Every;
use super::expression::Cron;
use super::occurrence::{Occurrence, Shift};
use super::wall;

/// Which wall-clock times a schedule runs at.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Again and again, as a crontab expression says.
    Cron(Cron),
    /// Again and again, at a fixed distance.
    Every(Every),
    /// Once at each of these dates, in whatever order and however often they are named.
    On(Vec<civil::DateTime>),
}

impl When {
    /// Whether these are times of day, rather than hours that follow each other.
    #[must_use]
    pub fn keeps_time_of_day(&self) -> bool {
        match self {
            Self::Cron(cron) => !cron.has_wildcard_hours(),
            Self::Every(every) => every.keeps_time_of_day(),
            Self::On(_) => true,
        }
    }

    /// The first occurrence strictly later than `after`.
    pub(super) fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
        match self {
            Self::Cron(cron) if cron.has_wildcard_hours() => next_elapsed(cron, zone, after),
            Self::Cron(cron) => next_fixed(cron, zone, after),
            Self::Every(every) => every.next(zone, after),
            Self::On(dates) => next_on(dates, zone, after),
        }
    }

    /// The same text for the same times, whatever version wrote it down.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Cron(cron) => format!("cron {cron}"),
            Self::Every(every) => every.identity(),
            Self::On(dates) => {
                let mut dates = dates.clone();
                dates.sort_unstable();
                dates.dedup();
                let dates: Vec<String> = dates.into_iter().map(wall::text).collect();
                format!("on {}", dates.join(" "))
            }
        }
    }
}

/// Fixed hours: one occurrence for each matching wall-clock time.
///
/// Later wall-clock times never land on earlier instants, so the first that lands after `after` is
/// the answer. Only in the second pass of a fold do candidates land before it: those that already
/// had their turn in the first pass.
fn next_fixed(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
    let mut wanted = zone.to_datetime(after);
    loop {
        wanted = cron.next_wall(wanted)?;
        let occurrence = Occurrence::at_wall_time(zone, wanted)?;
        if occurrence.at > after {
            return Some(occurrence);
        }
    }
}

/// Wildcard hours: one occurrence for each instant whose reading matches, and one right after a gap
/// that swallowed some.
///
/// Between two changes of the zone's offset, wall clock and instants run side by side. So look for
/// a match in the stretch that holds `after`, and while there is none, in the next stretch.
fn next_elapsed(cron: &Cron, zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
    let mut from = after;
    let mut reading = zone.to_datetime(after);
    loop {
        let wanted = cron.next_wall(reading)?;
        let before = zone.to_offset(from);
        let at = before.to_timestamp(wanted).ok()?;
        match zone.following(from).next() {
            Some(change) if change.timestamp() <= at => {
                from = change.timestamp();
                let first = zone.to_datetime(from);
                if let Some(wanted) = swallowed(cron, before.to_datetime(from), first) {
                    let runs = first;
                    let shift = (wanted != runs).then_some(Shift::Gap { wanted, runs });
                    let occurrence = Occurrence::at_instant(zone, from);
                    return Some(Occurrence {
                        shift,
                        ..occurrence
                    });
                }
                // The stretch begins with the instant of the change itself, and `next_wall`
                // looks strictly later.
                reading = first.saturating_sub(SignedDuration::from_secs(1));
            }
            _ => return Some(Occurrence::at_instant(zone, at)),
        }
    }
}

/// What runs at the end of a gap, where clocks jump from `from` to `to`: `to` itself if it matches,
/// otherwise the first time that was swallowed and is lost.
///
/// Where all hours are named, an hour that is not there is no loss: real hours follow each other as
/// ever. Only of an hour that begins within itself (a gap of half an hour) a run can be lost.
fn swallowed(cron: &Cron, from: civil::DateTime, to: civil::DateTime) -> Option<civil::DateTime> {
    if to <= from {
        return None;
    }
    let second = SignedDuration::from_secs(1);
    if cron.next_wall(to.saturating_sub(second)) == Some(to) {
        return Some(to);
    }
    let begin = if cron.has_all_hours() {
        from.max(to.date().at(to.hour(), 0, 0, 0))
    } else {
        from
    };
    cron.next_wall(begin.saturating_sub(second))
        .filter(|wanted| *wanted < to)
}

fn next_on(dates: &[civil::DateTime], zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
    dates
        .iter()
        .filter_map(|wanted| Some((Occurrence::at_wall_time(zone, *wanted)?, wanted)))
        .filter(|(occurrence, _)| occurrence.at > after)
        .min_by_key(|(occurrence, wanted)| (occurrence.at, **wanted))
        .map(|(occurrence, _)| occurrence)
}
