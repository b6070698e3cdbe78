//! The rate that a server taught by refusing: halved when it says "too fast", and raised step by
//! step while it says nothing (additive increase, multiplicative decrease).
//!
//! It is only ever stricter than the configured rates, and it is kept in memory alone: after a
//! restart the server says it again.

use std::time::Duration;

use super::window::{Pace, Size};
use crate::config::Rate;

/// One step up after so long without a refusal.
const STEP_AFTER: Duration = Duration::from_secs(30);
/// One step up is this part of the rate that was refused.
const STEP: f64 = 1.0 / 20.0;
/// Nothing is slower, in messages a second: a server that wants less is at fault, not in a hurry.
const SLOWEST: f64 = 1.0 / 60.0;
/// Where nothing is known of the rate that was refused, it was this.
const UNKNOWN: f64 = 2.0;
/// Forgotten when it has come back to so many times the rate that was refused.
const FORGET_AT: f64 = 2.0;

/// The learned rate of one account, if there is one.
#[derive(Debug, Default)]
pub struct Learned {
    pace: Pace,
    limit: Option<Limit>,
}

#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Messages a second when it was last refused, and from then on.
    refused: f64,
    start: f64,
    at: Duration,
    /// Steps that the pace knows of.
    steps: u32,
}

impl Limit {
    fn rate(self) -> f64 {
        self.start + f64::from(self.steps) * STEP * self.refused
    }
}

impl Learned {
    /// The server said that messages come too fast, which they did at `seen` a second lately.
    /// Returns the rate from now on.
    pub fn too_fast(&mut self, seen: Option<f64>, now: Duration) -> f64 {
        let before = self.rate(now);
        let refused = before.or(seen).unwrap_or(UNKNOWN).max(2.0 * SLOWEST);
        let limit = Limit {
            refused,
            start: refused / 2.0,
            at: now,
            steps: 0,
        };
        self.limit = Some(limit);
        self.pace.set(&[window(limit.start)], now, &[]);
        limit.start
    }

    /// Messages a second at most; none if nothing has been learned, or it is forgotten.
    pub fn rate(&mut self, now: Duration) -> Option<f64> {
        let limit = self.limit.as_mut()?;
        let quiet = now.saturating_sub(limit.at).as_secs() / STEP_AFTER.as_secs();
        let steps = u32::try_from(quiet).unwrap_or(u32::MAX);
        if steps > limit.steps {
            limit.steps = steps;
            if limit.rate() >= FORGET_AT * limit.refused {
                self.limit = None;
                self.pace.set(&[], now, &[]);
                return None;
            }
            self.pace.set(&[window(limit.rate())], now, &[]);
        }
        Some(limit.rate())
    }

    /// The slots of the learned rate, to be used like any others.
    pub fn pace(&mut self, now: Duration) -> &mut Pace {
        self.rate(now);
        &mut self.pace
    }

    /// How many may go now.
    pub fn free(&mut self, now: Duration) -> usize {
        self.pace(now).free(now, Size::Small)
    }
}

/// A rate as a rolling window: of a second, or as long as one message takes.
fn window(rate: f64) -> Rate {
    let count = rate.ceil().max(1.0);
    Rate {
        // Saturates; far above what any server takes.
        count: count as u32,
        window: Duration::from_secs_f64(count / rate),
        burst: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn it_is_halved_at_once_and_comes_back_in_steps() {
        let mut learned = Learned::default();
        assert_eq!(learned.free(START), usize::MAX);
        assert_eq!(learned.too_fast(Some(20.0), START), 10.0);
        assert_eq!(learned.free(START), 10);
        assert_eq!(learned.rate(START + STEP_AFTER), Some(11.0));
        assert_eq!(learned.free(START + 5 * STEP_AFTER), 15);
        assert_eq!(learned.too_fast(Some(99.0), START + 5 * STEP_AFTER), 7.5);
        assert_eq!(learned.rate(START + 6 * STEP_AFTER), Some(8.25));
        assert_eq!(learned.rate(START + 60 * STEP_AFTER), None, "forgotten");
        assert_eq!(learned.free(START + 60 * STEP_AFTER), usize::MAX);
    }

    #[test]
    fn it_never_comes_to_a_stop() {
        let mut learned = Learned::default();
        assert_eq!(learned.too_fast(None, START), 1.0);
        for _ in 0..20 {
            learned.too_fast(None, START);
        }
        assert_eq!(learned.rate(START), Some(SLOWEST));
        assert_eq!(learned.free(START), 1);
        learned.pace(START).take(1);
        learned.pace(START).done(START);
        let wait = learned.pace(START).wait(START, Size::Small);
        assert_eq!(wait, Some(Duration::from_secs(60)));
    }

    #[test]
    fn slots_that_are_taken_stay_taken() {
        let mut learned = Learned::default();
        learned.pace(START).take(3);
        learned.too_fast(Some(20.0), START);
        assert_eq!(learned.free(START), 7);
    }
}
