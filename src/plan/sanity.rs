//! Whether the wall clock can be believed, by elapsed time. It never corrects it.

use std::time::Duration;

use jiff::SignedDuration;

use crate::clock::{Clock, Timestamp};

/// No clock that is right says an earlier time than this program was written: 2026-01-01. Machines
/// without a battery begin in 1970.
const WRITTEN: i64 = 1_767_225_600;
/// Differences up to this are no jump: time servers correct as much.
const HARMLESS: SignedDuration = SignedDuration::from_secs(60);

/// What the clocks said last.
pub(super) struct Sanity {
    now: Timestamp,
    ticks: Duration,
    was_right: bool,
}

/// What was seen of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// Whether it may be right.
    pub(super) is_right: bool,
    /// It says an earlier time than it should. What has come since then at the earliest was not
    /// looked at by the time that it really is.
    pub(super) went_back_to: Option<Timestamp>,
}

impl Sanity {
    pub(super) fn new(clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            ticks: clock.ticks(),
            was_right: true,
        }
    }

    /// Looks, and tells what is strange once.
    pub(super) fn look(&mut self, clock: &Clock) -> Seen {
        let (now, ticks) = (clock.now(), clock.ticks());
        let passed = SignedDuration::try_from(ticks.saturating_sub(self.ticks)).unwrap_or_default();
        let jump = now.duration_since(self.now).saturating_sub(passed);
        let before = std::mem::replace(&mut self.now, now);
        self.ticks = ticks;
        let is_right = now.as_second() >= WRITTEN;
        match (std::mem::replace(&mut self.was_right, is_right), is_right) {
            (true, false) => tracing::error!(
                event = "clock-wrong",
                "the clock says {now:.0}, which cannot be: no schedule runs until it is right"
            ),
            (false, true) => tracing::warn!(
                event = "clock-right",
                "the clock says {now:.0} now: schedules go on"
            ),
            (true, true) => tell_jump(jump, before, now),
            (false, false) => {}
        }
        Seen {
            is_right,
            went_back_to: (jump < -HARMLESS).then(|| now.checked_sub(passed).unwrap_or(now)),
        }
    }
}

fn tell_jump(jump: SignedDuration, before: Timestamp, now: Timestamp) {
    let by = SignedDuration::from_secs(jump.unsigned_abs().as_secs() as i64);
    if jump < -HARMLESS {
        tracing::warn!(
            event = "clock-went-back",
            "the clock went back by {by:#}, from {before:.0} to {now:.0}: no run is opened twice"
        );
    } else if jump > HARMLESS {
        tracing::warn!(
            event = "clock-went-forward",
            "the clock went forward by {by:#}, from {before:.0} to {now:.0}, or the machine slept: \
             what fell due meanwhile is caught up or missed, as `catch_up` says"
        );
    }
}
