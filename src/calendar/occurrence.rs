//! One planned instant of a schedule, and where a clock change put it.

use std::fmt;

use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{Timestamp, civil};

use super::wall;

/// One planned instant of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The instant.
    pub at: Timestamp,
    /// Names this occurrence among all of its schedule, the same after every restart: the
    /// wall-clock text `2026-11-01T01:30` for fixed times, the instant `2026-11-01T05:30Z` for
    /// wildcard hours.
    pub key: String,
    /// What the zone's clocks show at that instant.
    pub local: civil::DateTime,
    /// Says so if a clock change touched this occurrence.
    pub shift: Option<Shift>,
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
        let (at, shift) = match zone.to_ambiguous_timestamp(wanted).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset.to_timestamp(wanted).ok()?, None),
            AmbiguousOffset::Fold { before, .. } => (
                before.to_timestamp(wanted).ok()?,
                Some(Shift::Fold { wall: wanted }),
            ),
            AmbiguousOffset::Gap { before, after } => {
                let at = end_of_gap(zone, wanted, before, after)?;
                let runs = zone.to_datetime(at);
                (at, Some(Shift::Gap { wanted, runs }))
            }
        };
        let local = zone.to_datetime(at);
        Some(Self {
            at,
            key: wall::text(wanted),
            local,
            shift,
        })
    }

    /// The occurrence of a wildcard hour: an instant first, and a wall-clock time by consequence.
    pub(super) fn at_instant(zone: &TimeZone, at: Timestamp) -> Self {
        let key = format!("{}Z", wall::text(TimeZone::UTC.to_datetime(at)));
        Self {
            at,
            key,
            local: zone.to_datetime(at),
            shift: None,
        }
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
