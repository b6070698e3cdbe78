//! One planned instant of a schedule, and where a clock change put it.

use std::fmt;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, civil};

use super::wall;

/// One planned instant of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The instant, with all that moved it.
    pub at: Timestamp,
    /// Names this occurrence among all of its schedule, the same after every restart: the
    /// wall-clock text `2026-11-01T01:30` for fixed times, the instant `2026-11-01T05:30Z` for
    /// wildcard hours and elapsed time. It names the planned time: holidays and jitter move the
    /// instant and leave the name.
    pub key: String,
    /// The wall-clock time that was asked for, before anything moved it.
    pub planned: civil::DateTime,
    /// What the zone's clocks show at the instant.
    pub local: civil::DateTime,
    /// Says so if a clock change touched this occurrence.
    pub shift: Option<Shift>,
    /// The holiday that it was moved away from.
    pub holiday: Option<Holiday>,
    /// How much later than otherwise it runs, so that not all schedules and hosts start at once.
    pub jitter: SignedDuration,
}

/// The holiday that an occurrence was moved away from. Displays as a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub day: civil::Date,
    /// What it is called, if it says so.
    pub name: String,
    /// The day on which the occurrence runs instead.
    pub runs: civil::Date,
}

/// What a clock change did to a fixed time. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// The clocks were put forward past the time that was asked for.
    Gap {
        /// The wall-clock time asked for, which no clock shows that day.
        wanted: civil::DateTime,
        /// The first wall-clock time after the gap, when it runs.
        runs: civil::DateTime,
    },
    /// The clocks were put back and show this time twice; it runs at the first.
    Fold {
        /// The wall-clock time that comes twice.
        wall: civil::DateTime,
    },
}

impl Occurrence {
    /// The occurrence of a fixed wall-clock time; `None` beyond the years a [`Timestamp`] can hold.
    pub(super) fn at_wall_time(zone: &TimeZone, wanted: civil::DateTime) -> Option<Self> {
        let (at, shift) = resolve(zone, wanted)?;
        Some(Self {
            at,
            key: wall::text(wanted),
            planned: wanted,
            local: zone.to_datetime(at),
            shift,
            holiday: None,
            jitter: SignedDuration::ZERO,
        })
    }

    /// The occurrence of a wildcard hour: an instant first, and a wall-clock time by consequence.
    pub(super) fn at_instant(zone: &TimeZone, at: Timestamp) -> Self {
        let local = zone.to_datetime(at);
        Self {
            at,
            key: format!("{}Z", wall::text(TimeZone::UTC.to_datetime(at))),
            planned: local,
            local,
            shift: None,
            holiday: None,
            jitter: SignedDuration::ZERO,
        }
    }

    /// This occurrence on another day, at the same time of day.
    pub(super) fn moved_to(self, zone: &TimeZone, holiday: Holiday) -> Option<Self> {
        let wanted = holiday.runs.to_datetime(self.planned.time());
        let (at, shift) = resolve(zone, wanted)?;
        Some(Self {
            at,
            local: zone.to_datetime(at),
            shift,
            holiday: Some(holiday),
            ..self
        })
    }

    /// This occurrence so much later.
    pub(super) fn delayed(self, zone: &TimeZone, jitter: SignedDuration) -> Option<Self> {
        if jitter.is_zero() {
            return Some(self);
        }
        let at = self.at.checked_add(jitter).ok()?;
        let local = zone.to_datetime(at);
        Some(Self {
            at,
            local,
            jitter,
            ..self
        })
    }

    /// What moved it, in words for a person; nothing if nothing did.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let shift = self.shift.map(|shift| shift.to_string());
        let holiday = self.holiday.as_ref().map(ToString::to_string);
        let jitter = (!self.jitter.is_zero()).then(|| format!("{:#} of jitter", self.jitter));
        let notes: Vec<String> = holiday.into_iter().chain(shift).chain(jitter).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// The instant of a wall-clock time in a zone, and what a clock change did to it: in a gap the
/// first instant after it, in a fold the first of the two. `None` beyond the years a [`Timestamp`]
/// can hold.
#[must_use]
pub fn resolve(zone: &TimeZone, wanted: civil::DateTime) -> Option<(Timestamp, Option<Shift>)> {
    match zone.to_ambiguous_timestamp(wanted).offset() {
        AmbiguousOffset::Unambiguous { offset } => Some((offset.to_timestamp(wanted).ok()?, None)),
        AmbiguousOffset::Fold { before, .. } => Some((
            before.to_timestamp(wanted).ok()?,
            Some(Shift::Fold { wall: wanted }),
        )),
        AmbiguousOffset::Gap { before, after } => {
            let at = end_of_gap(zone, wanted, before, after)?;
            let runs = zone.to_datetime(at);
            Some((at, Some(Shift::Gap { wanted, runs })))
        }
    }
}

/// The last instant whose reading is `wall`, or the first after the gap that holds it.
pub(super) fn last(zone: &TimeZone, wall: civil::DateTime) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(wall).offset() {
        AmbiguousOffset::Fold { after, .. } => after.to_timestamp(wall).ok(),
        _ => Some(resolve(zone, wall)?.0),
    }
}

/// The first instant after the gap that holds `wanted`.
///
/// jiff's own answer keeps the distance (02:30 becomes 03:30); ours is the change itself (03:00).
/// It lies between `wanted` read with the later offset and `wanted` read with the earlier one.
fn end_of_gap(
    zone: &TimeZone,
    wanted: civil::DateTime,
    before: Offset,
    after: Offset,
) -> Option<Timestamp> {
    let earliest = after.to_timestamp(wanted).ok()?;
    let latest = before.to_timestamp(wanted).ok()?;
    zone.following(earliest)
        .map(|change| (change.timestamp(), change.offset()))
        .take_while(|(at, _)| *at <= latest)
        .find(|(_, offset)| *offset == after)
        .map_or(Some(latest), |(at, _)| Some(at))
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gap { wanted, runs } => {
                write!(f, "{} does not exist on {}; ", clock(*wanted), day(*wanted))?;
                if wanted.date() == runs.date() {
                    write!(f, "runs at {} that day", clock(*runs))
                } else {
                    write!(f, "runs at {} on {}", clock(*runs), day(*runs))
                }
            }
            Self::Fold { wall } => {
                write!(
                    f,
                    "{} comes twice on {}; runs at the first",
                    clock(*wall),
                    day(*wall)
                )
            }
        }
    }
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = |date: civil::Date| day(date.to_datetime(civil::Time::midnight()));
        write!(f, "{} is a holiday", day(self.day))?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        write!(f, "; runs on {}", day(self.runs))
    }
}

fn clock(wall: civil::DateTime) -> impl fmt::Display {
    wall.strftime(if wall.second() == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    })
}

fn day(wall: civil::DateTime) -> impl fmt::Display {
    wall.strftime("%a %-d %b %Y")
}
