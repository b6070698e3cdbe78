//! Of the times that have passed: which one is carried out, and which ones are missed.

use std::time::Duration;

use super::firing::TICK;
use crate::calendar::{Calendar, Occurrence};
use crate::clock::Timestamp;
use crate::config::CatchUp;

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
/// are missed.
pub(super) fn due_between(
    calendar: &Calendar,
    from: Timestamp,
    now: Timestamp,
    catch_up: CatchUp,
) -> Due {
    let mut due = Due::default();
    let mut passed = passed(calendar, from, now);
    if passed.len() >= WALKED {
        due.more_missed = WALKED as u64;
        passed = self::passed(calendar, from.max(now - LAST_DAYS), now);
    }
    if let Some(last) = passed.pop() {
        if is_late(catch_up, last.at, now) {
            passed.push(last);
        } else {
            due.run = Some(last);
        }
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

/// Whether it is too late for what was due at `at`.
pub(super) fn is_late(catch_up: CatchUp, at: Timestamp, now: Timestamp) -> bool {
    let late = Duration::try_from(now - at).unwrap_or_default();
    late > match catch_up {
        CatchUp::Within(most) => most.max(TICK),
        CatchUp::Never => 2 * TICK, // a busy moment is not downtime
    }
}
