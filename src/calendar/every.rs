//! Times at a fixed distance from a stated start.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil};

use super::occurrence::{Occurrence, resolve};
use super::wall;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Times at a fixed distance from a stated start, which is the first of them.
///
/// Whole days keep the time of day, as the wall clock shows it: every 14 days at nine is at nine in
/// summer and in winter, and clock changes touch it as they touch a fixed time of crontab. Any
/// other distance is elapsed time, which clock changes leave alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    anchor: civil::DateTime,
    /// Whole minutes, at least one.
    step: SignedDuration,
}

/// Why a distance cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("whole minutes, at least one")]
pub struct NotWholeMinutes;

impl Every {
    /// Every `step` from `anchor` on.
    ///
    /// # Errors
    /// The step is not of whole minutes.
    pub fn new(anchor: civil::DateTime, step: SignedDuration) -> Result<Self, NotWholeMinutes> {
        let minutes = step.as_mins();
        if minutes < 1 || SignedDuration::from_mins(minutes) != step {
            return Err(NotWholeMinutes);
        }
        Ok(Self { anchor, step })
    }

    /// The distance.
    #[must_use]
    pub fn step(&self) -> SignedDuration {
        self.step
    }

    pub(super) fn next(&self, zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
        if self.keeps_time_of_day() {
            self.next_day(zone, self.step.as_secs() / DAY.as_secs(), after)
        } else {
            self.next_elapsed(zone, after)
        }
    }

    /// Some days before the answer may be looked at: clock changes have moved whole ones.
    fn next_day(&self, zone: &TimeZone, days: i64, after: Timestamp) -> Option<Occurrence> {
        let passed = zone.to_datetime(after).date() - self.anchor.date();
        let mut count = (i64::from(passed.get_days()) - 2).max(0) / days;
        loop {
            let wanted = self.anchor.checked_add((count * days).days()).ok()?;
            let occurrence = Occurrence::at_wall_time(zone, wanted)?;
            if occurrence.at > after {
                return Some(occurrence);
            }
            count += 1;
        }
    }

    fn next_elapsed(&self, zone: &TimeZone, after: Timestamp) -> Option<Occurrence> {
        let (first, _) = resolve(zone, self.anchor)?;
        let passed = after.duration_since(first);
        let count = if after < first {
            0
        } else {
            passed.as_secs() / self.step.as_secs() + 1
        };
        let passed = SignedDuration::from_secs(self.step.as_secs().checked_mul(count)?);
        let at = first.checked_add(passed).ok()?;
        Some(Occurrence::at_instant(zone, at))
    }

    pub(super) fn identity(&self) -> String {
        let minutes = self.step.as_mins();
        format!("every {minutes}m from {}", wall::text(self.anchor))
    }

    /// Whether the time of day is kept.
    #[must_use]
    pub fn keeps_time_of_day(&self) -> bool {
        self.step.as_secs() % DAY.as_secs() == 0
    }
}
