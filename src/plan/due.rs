//! Of the times that have passed: which one is carried out, and which ones are missed.

use std::time::Duration;

use super::firing::TICK;
use super::local::ROUND;
use crate::calendar::{Calendar, Occurrence};
use crate::clock::Timestamp;
use crate::config::{CatchUp, Schedule};

/// So many missed occurrences are recorded each; of more, the last ones.
const MISSED_MAX: usize = 100;
/// So many are looked at one by one. A calendar of minutes that slept for years is not.
const WALKED: usize = 10_000;
/// After so many, those of the last days are looked at.
const LAST_DAYS: Duration = Duration::from_secs(7 * 24 * 3600);

/// What is due of one schedule at one moment.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Due {
    /// The one to carry out.
    pub(super) run: Option<Occurrence>,
    /// The ones that are too late, oldest first.
    pub(super) missed: Vec<Occurrence>,
    /// At least so many were missed before those.
    pub(super) more_missed: u64,
}

/// Of the occurrences in (from, now]: the last one is carried out unless it is too late, the others
/// are missed. Of those that come to each reader in their own zone, the first that is not too late
/// everywhere is carried out, and what follows it is due after that.
pub(super) fn due_between(
    schedule: &Schedule,
    calendar: &Calendar,
    from: Timestamp,
    now: Timestamp,
) -> Due {
    let mut due = Due::default();
    let mut passed = passed(calendar, from, now);
    if passed.len() >= WALKED {
        due.more_missed = WALKED as u64;
        passed = self::passed(calendar, from.max(now - LAST_DAYS), now);
    }
    let in_time = |it: &Occurrence| !is_too_late(schedule, it.at, now);
    if schedule.readers.is_some() {
        // Somewhere it is still to come, so one does not stand in for another.
        if let Some(first) = passed.iter().position(in_time) {
            due.run = Some(passed.swap_remove(first));
            passed.truncate(first);
        }
    } else if passed.last().is_some_and(in_time) {
        due.run = passed.pop();
    }
    due.missed = passed.split_off(passed.len().saturating_sub(MISSED_MAX));
    due.more_missed += passed.len() as u64;
    due
}

fn passed(calendar: &Calendar, from: Timestamp, now: Timestamp) -> Vec<Occurrence> {
    let after = calendar.after(from);
    after
        .take_while(|occurrence| occurrence.at <= now)
        .take(WALKED)
        .collect()
}

/// Whether it is too late, everywhere, for the run of a schedule that was due at `at`.
pub(super) fn is_too_late(schedule: &Schedule, at: Timestamp, now: Timestamp) -> bool {
    let at = match schedule.readers {
        Some(_) => at.checked_add(ROUND).unwrap_or(Timestamp::MAX),
        None => at,
    };
    is_late(schedule.catch_up, at, now)
}

/// Whether it is too late for what was due at `at`.
pub(super) fn is_late(catch_up: CatchUp, at: Timestamp, now: Timestamp) -> bool {
    let late = Duration::try_from(now - at).unwrap_or_default();
    late > match catch_up {
        CatchUp::Within(most) => most.max(TICK),
        CatchUp::Never => 2 * TICK, // a busy moment is not downtime
    }
}
