//! How fast an account is served: while it works, and lately.

use std::collections::VecDeque;
use std::time::Duration;

/// Speeds are of the time before: what was long ago counts half each time that so much was worked.
const HALVED_AFTER: Duration = Duration::from_secs(60);
/// What is lately.
const LATELY: u64 = 60;
/// Less work than this tells nothing.
const ENOUGH: f64 = 0.05;

/// Counts messages and the time in which any was in hand.
#[derive(Debug, Default)]
pub struct Speed {
    count: f64,
    worked: Duration,
    busy_since: Option<Duration>,
    /// Messages in each second lately that had any, oldest first.
    seconds: VecDeque<(u64, usize)>,
}

impl Speed {
    /// Whether any message is in hand from now on.
    pub fn busy(&mut self, busy: bool, now: Duration) {
        match (busy, self.busy_since) {
            (true, None) => self.busy_since = Some(now),
            (false, Some(since)) => {
                self.worked += now.saturating_sub(since);
                self.busy_since = None;
            }
            _ => {}
        }
    }

    /// A message had its answer.
    pub fn answered(&mut self, now: Duration) {
        self.count += 1.0;
        if let Some(since) = self.busy_since.replace(now) {
            self.worked += now.saturating_sub(since);
        } else {
            self.busy_since = None;
        }
        if self.worked > HALVED_AFTER {
            self.worked /= 2;
            self.count /= 2.0;
        }
        let second = now.as_secs();
        match self.seconds.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.seconds.push_back((second, 1)),
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Duration) {
        while let Some((second, _)) = self.seconds.front()
            && second + LATELY <= now.as_secs()
        {
            self.seconds.pop_front();
        }
    }

    /// Messages a second while any is in hand; none before there was enough to do.
    #[must_use]
    pub fn working(&self, now: Duration) -> Option<f64> {
        let current = self.busy_since.map(|since| now.saturating_sub(since));
        let worked = (self.worked + current.unwrap_or_default()).as_secs_f64();
        (self.count >= 1.0 && worked >= ENOUGH).then(|| self.count / worked)
    }

    /// Messages a second over the last minute, or since the first of them; none if there are none.
    pub fn lately(&mut self, now: Duration) -> Option<f64> {
        self.forget(now);
        let (first, _) = *self.seconds.front()?;
        let span = now.saturating_sub(Duration::from_secs(first));
        let count: usize = self.seconds.iter().map(|(_, count)| count).sum();
        Some(count as f64 / span.as_secs_f64().max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_secs(1_000_000) + Duration::from_millis(millis)
    }

    #[test]
    fn only_time_with_work_counts() {
        let mut speed = Speed::default();
        assert_eq!(speed.working(at(0)), None);
        speed.busy(true, at(0));
        (1..=10).for_each(|n| speed.answered(at(100 * n)));
        speed.busy(false, at(1000));
        assert_eq!(speed.working(at(90_000)), Some(10.0));
        speed.busy(true, at(90_000));
        assert_eq!(speed.working(at(91_000)), Some(5.0), "an answer is awaited");
    }

    #[test]
    fn what_was_long_ago_counts_less_and_less() {
        let mut speed = Speed::default();
        speed.busy(true, at(0));
        (1..=1000).for_each(|n| speed.answered(at(100 * n)));
        (1..=600).for_each(|n| speed.answered(at(100_000 + 1000 * n)));
        let now = speed.working(at(700_000)).expect("there was work");
        assert!((0.99..1.1).contains(&now), "{now}");
    }

    #[test]
    fn lately_is_a_minute_or_since_it_began() {
        let mut speed = Speed::default();
        assert_eq!(speed.lately(at(0)), None);
        (0..100).for_each(|_| speed.answered(at(0)));
        assert_eq!(speed.lately(at(10)), Some(100.0));
        assert_eq!(speed.lately(at(10_000)), Some(10.0));
        assert_eq!(speed.lately(at(60_000)), None);
    }
}
