//! The calendar says when: from a crontab expression or one-off dates, and a time zone, to
//! occurrences.
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
//! | wildcard hours | every real hour as it comes | every real hour as it comes |
//!
//! - Hours are *wildcard* when their field begins with `*` (`*`, `*/2`) or names all 24. They run
//!   at each instant whose wall-clock reading matches: through a fold twice an hour of that name,
//!   in a gap not at all, because there is no such hour. (cron(8) of cronie draws the same line.)
//! - Several fixed times in one gap (`0,30 2 * * *`), or one in it and one at its end
//!   (`0 2,3 * * *`), fall on the same instant: that is one occurrence, named after the earliest.
//! - An occurrence's key is the wall-clock text for fixed times and the UTC instant for wildcard
//!   hours: unique within a schedule, and equal however often it is computed.
//!
//! # Why the `cron` crate never sees a zone
//!
//! `cron` 0.17 skips times in a gap, and in a fold goes backwards and fires twice. It is therefore
//! fed wall-clock time dressed as UTC (see [`Cron`]), and the zone is resolved here.

mod expression;
mod fault;
mod field;
mod occurrence;
mod shape;
mod unit;
mod wall;
mod zone;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

pub use expression::Cron;
pub use fault::CronError;
pub use occurrence::{Occurrence, Shift};
pub use wall::parse_civil;
pub use zone::{ZoneError, zone};

/// The times of a schedule, in the zone that gives them their meaning.
///
/// ```
/// use postroom::calendar::{Calendar, When, zone};
///
/// let calendar = Calendar {
///     when: When::Cron("30 2 * * *".parse()?),
///     zone: zone("America/New_York")?,
/// };
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
}

/// Which wall-clock times a schedule runs at.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Again and again, as a crontab expression says.
    Cron(Cron),
    /// Once at each of these dates, in whatever order and however often they are named.
    On(Vec<civil::DateTime>),
}

impl Calendar {
    /// All occurrences strictly later than `after`, in strictly increasing order.
    pub fn after(&self, after: Timestamp) -> impl Iterator<Item = Occurrence> + '_ {
        std::iter::successors(self.next_after(after), |last| self.next_after(last.at))
    }

    /// The first occurrence strictly later than `after`; none if there will never be one, or none
    /// before the year 2101, where the `cron` crate ends.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Occurrence> {
        match &self.when {
            When::Cron(cron) if cron.has_wildcard_hours() => self.next_elapsed(cron, after),
            When::Cron(cron) => self.next_fixed(cron, after),
            When::On(dates) => self.next_on(dates, after),
        }
    }

    /// Fixed hours: one occurrence for each matching wall-clock time.
    ///
    /// Later wall-clock times never land on earlier instants, so the first that lands after
    /// `after` is the answer. Only in the second pass of a fold do candidates land before it: those
    /// that already had their turn in the first pass.
    fn next_fixed(&self, cron: &Cron, after: Timestamp) -> Option<Occurrence> {
        let mut wanted = self.zone.to_datetime(after);
        loop {
            wanted = cron.next_wall(wanted)?;
            let occurrence = Occurrence::at_wall_time(&self.zone, wanted)?;
            if occurrence.at > after {
                return Some(occurrence);
            }
        }
    }

    /// Wildcard hours: one occurrence for each instant whose reading matches.
    ///
    /// Between two changes of the zone's offset, wall clock and instants run side by side. So look
    /// for a match in the stretch that holds `after`, and while there is none, in the next stretch.
    fn next_elapsed(&self, cron: &Cron, after: Timestamp) -> Option<Occurrence> {
        let mut from = after;
        let mut reading = self.zone.to_datetime(after);
        loop {
            let wanted = cron.next_wall(reading)?;
            let at = self.zone.to_offset(from).to_timestamp(wanted).ok()?;
            match self.zone.following(from).next() {
                Some(change) if change.timestamp() <= at => {
                    from = change.timestamp();
                    // The stretch begins with the instant of the change itself, and `next_wall`
                    // looks strictly later.
                    let first = self.zone.to_datetime(from);
                    reading = first.saturating_sub(SignedDuration::from_secs(1));
                }
                _ => return Some(Occurrence::at_instant(&self.zone, at)),
            }
        }
    }

    fn next_on(&self, dates: &[civil::DateTime], after: Timestamp) -> Option<Occurrence> {
        dates
            .iter()
            .filter_map(|wanted| Some((Occurrence::at_wall_time(&self.zone, *wanted)?, wanted)))
            .filter(|(occurrence, _)| occurrence.at > after)
            .min_by_key(|(occurrence, wanted)| (occurrence.at, **wanted))
            .map(|(occurrence, _)| occurrence)
    }
}
