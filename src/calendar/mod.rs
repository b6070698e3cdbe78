//! The calendar says when: from a crontab expression, a distance or one-off dates, and a time zone,
//! to occurrences.
//!
//! It holds no clock and no state: the same question has the same answer before and after a
//! restart, and [`Calendar::after`] is nothing but [`Calendar::next_after`] asked again. It never
//! answers with an instant that is not strictly later than the one it was asked about, so a caller
//! that sleeps until the answer and asks again cannot spin.
//!
//! # When clocks change
//!
//! | | clocks go forward (gap) | clocks go back (fold) |
//! |---|---|---|
//! | fixed hours, `on` | at the first instant after the gap, once | once, at the first of the two |
//! | wildcard hours | what is lost, once, right after the gap | every real hour as it comes |
//!
//! - `every` counts whole days as fixed times of day, and anything else as elapsed time, which
//!   clock changes leave alone.
//! - Hours are *wildcard* when their field begins with `*` (`*`, `*/2`) or names all 24. They run
//!   at each instant whose wall-clock reading matches: through a fold twice an hour of that name.
//!   (cron(8) of cronie draws the same line.) Stepped hours (`*/2`) whose time is in a gap run at
//!   its end. Where every hour is named, an hour that is not there is no loss, as real hours follow
//!   each other all the same; only of an hour that is there in part (a gap of half an hour) a run
//!   can be lost, and then it is made up for.
//! - Several fixed times in one gap (`0,30 2 * * *`), or one in it and one at its end
//!   (`0 2,3 * * *`), fall on the same instant: that is one occurrence, named after the earliest.
//! - An occurrence's key is the wall-clock text for fixed times and the UTC instant for wildcard
//!   hours: unique within a schedule, and equal however often it is computed.
//!
//! # What else moves an occurrence
//!
//! In this order: `starts` and `ends` bound the planned times; what is planned for a holiday falls
//! out or goes to a business day, where occurrences that meet are one; jitter delays them all
//! alike. None of that touches the key.
//!
//! # Why the `cron` crate never sees a zone
//!
//! `cron` 0.17 skips times in a gap, and in a fold goes backwards and fires twice. It is therefore
//! fed wall-clock time dressed as UTC (see [`Cron`]), and the zone is resolved here.

mod every;
mod expression;
mod fault;
mod field;
mod holidays;
mod hours;
mod ics;
mod jitter;
mod occurrence;
mod planned;
mod rarity;
mod shape;
mod unit;
mod wall;
mod when;
mod workday;
mod zone;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

pub use every::{Every, NotWholeMinutes};
pub use expression::Cron;
pub use fault::CronError;
pub use holidays::{Holidays, OnHoliday};
pub use hours::{HoursError, OpenHours};
pub use ics::{IcsFault, ics_days};
pub use jitter::jitter;
pub use occurrence::{Holiday, Occurrence, Shift, resolve};
pub use planned::Occurrences;
pub use rarity::Rarity;
pub use wall::{parse_bound, parse_civil, parse_holiday};
pub use when::When;
pub use zone::{ZoneError, first_zone, zone};

/// The times of a schedule, in the zone that gives them their meaning.
///
/// ```
/// use postroom::calendar::{Calendar, When, zone};
///
/// let daily = When::Cron("30 2 * * *".parse()?);
/// let calendar = Calendar::new(daily, zone("America/New_York")?);
/// let next = calendar.next_after("2027-03-14T00:00:00Z".parse()?).expect("it runs daily");
/// assert_eq!(next.key, "2027-03-14T02:30");
/// assert_eq!(next.local.to_string(), "2027-03-14T03:00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    /// Which wall-clock times.
    pub when: When,
    /// The zone whose clocks are meant.
    pub zone: TimeZone,
    /// No time planned before this wall-clock time counts.
    pub starts: Option<civil::DateTime>,
    /// No time planned after this wall-clock time counts; one at it does.
    pub ends: Option<civil::DateTime>,
    /// Days without a run, and where their occurrences go. The bounds are judged by the planned
    /// time, before a holiday moves it.
    pub holidays: Option<Holidays>,
    /// How much later everything runs; not negative.
    pub jitter: SignedDuration,
}

impl Calendar {
    /// These times in this zone, without bounds, holidays or jitter.
    #[must_use]
    pub fn new(when: When, zone: TimeZone) -> Self {
        Self {
            when,
            zone,
            starts: None,
            ends: None,
            holidays: None,
            jitter: SignedDuration::ZERO,
        }
    }

    /// The same wall-clock times elsewhere.
    #[must_use]
    pub fn in_zone(&self, zone: TimeZone) -> Self {
        Self {
            zone,
            ..self.clone()
        }
    }

    /// All occurrences strictly later than `after`, in strictly increasing order.
    #[must_use]
    pub fn after(&self, after: Timestamp) -> Occurrences<'_> {
        Occurrences::after(self, after)
    }

    /// The first occurrence strictly later than `after`; none if there will never be one, or none
    /// before the year 2101, where the `cron` crate ends.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Occurrence> {
        self.after(after).next()
    }

    /// A text that changes when the planned times do, and only then: the same in every version, on
    /// every host.
    #[must_use]
    pub fn identity(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("fixed");
        let mut text = format!("{} {zone}", self.when.identity());
        for (word, bound) in [("starts", self.starts), ("ends", self.ends)] {
            if let Some(bound) = bound {
                text.push_str(&format!(" {word} {}", wall::text(bound)));
            }
        }
        if let Some(holidays) = &self.holidays {
            text.push_str(&format!(" holidays {}", holidays.identity()));
        }
        text
    }
}
