//! Rolling limits: in no span of the window's length do more begin than the rate allows.
//!
//! A slot is taken before a message is offered and counts until the window has passed after its
//! reply, wherever in between the server does its own counting. Ends that lie within 1/64 of a
//! window are kept as one, at the later time: exact for the server, and a day's limit of any size
//! fits in a few hundred bytes.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::Rate;

/// A window is remembered in so many parts.
const GRAINS: u32 = 64;

/// The limits of one account or one schedule, all of which apply.
#[derive(Debug, Default)]
pub struct Pace {
    windows: Vec<Window>,
    under_way: usize,
}

#[derive(Debug)]
struct Window {
    most: usize,
    length: Duration,
    /// Uses that ended in the window, oldest first.
    ended: VecDeque<Group>,
}

/// Uses that ended within one grain of each other.
#[derive(Debug)]
struct Group {
    first: Duration,
    last: Duration,
    count: usize,
}

impl Pace {
    /// No `rates` means no limit.
    #[must_use]
    pub fn new(rates: &[Rate]) -> Self {
        let windows = rates.iter().map(|rate| Window {
            most: usize::try_from(rate.count).unwrap_or(usize::MAX),
            length: rate.window,
            ended: VecDeque::new(),
        });
        Self {
            windows: windows.collect(),
            under_way: 0,
        }
    }

    /// The longest window: how far back its memory must reach after a restart.
    #[must_use]
    pub fn memory(&self) -> Duration {
        self.windows
            .iter()
            .map(|window| window.length)
            .max()
            .unwrap_or_default()
    }

    /// How many slots are free at `now`.
    pub fn free(&mut self, now: Duration) -> usize {
        let under_way = self.under_way;
        let free = self
            .windows
            .iter_mut()
            .map(|window| window.free(now, under_way));
        free.min().unwrap_or(usize::MAX)
    }

    /// Takes slots that [`Pace::free`] promised.
    pub fn take(&mut self, count: usize) {
        self.under_way += count;
    }

    /// Gives a slot back that was not used: the server saw nothing of it.
    pub fn give_back(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Ends the use of a slot. It stays taken for the length of each window.
    pub fn done(&mut self, now: Duration) {
        self.under_way = self.under_way.saturating_sub(1);
        self.remember(now);
    }

    /// Counts a use that ended at `at`, by an earlier process for example. Times must not descend.
    pub fn remember(&mut self, at: Duration) {
        self.windows
            .iter_mut()
            .for_each(|window| window.remember(at));
    }

    /// How long until a slot is free, if only time can free one. `None` if one is free now, or if
    /// the next one comes with a reply.
    pub fn wait(&mut self, now: Duration) -> Option<Duration> {
        let under_way = self.under_way;
        let full = self.windows.iter_mut().filter_map(|window| {
            let free = window.free(now, under_way);
            let oldest = window.ended.front()?;
            (free == 0).then(|| (oldest.last + window.length).saturating_sub(now))
        });
        full.max()
    }
}

impl Window {
    fn free(&mut self, now: Duration, under_way: usize) -> usize {
        // Strictly older: two messages exactly one window apart do not share a window.
        while self
            .ended
            .front()
            .is_some_and(|group| group.last + self.length <= now)
        {
            self.ended.pop_front();
        }
        let recent: usize = self.ended.iter().map(|group| group.count).sum();
        self.most.saturating_sub(recent + under_way)
    }

    fn remember(&mut self, at: Duration) {
        let grain = self.length / GRAINS;
        match self.ended.back_mut() {
            Some(group) if at.saturating_sub(group.first) <= grain => {
                group.last = group.last.max(at);
                group.count += 1;
            }
            _ => self.ended.push_back(Group {
                first: at,
                last: at,
                count: 1,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn pace(count: u32, window: u64) -> Pace {
        Pace::new(&[Rate {
            count,
            window: seconds(window),
            burst: None,
        }])
    }

    #[test]
    fn a_slot_counts_until_a_window_after_its_reply() {
        let mut pace = pace(1, 60);
        pace.take(1);
        assert_eq!(pace.free(seconds(100)), 0, "while it is under way");
        assert_eq!(
            pace.wait(seconds(100)),
            None,
            "no time helps before the reply"
        );
        pace.done(seconds(100));
        assert_eq!(pace.free(seconds(159)), 0);
        assert_eq!(pace.wait(seconds(159)), Some(seconds(1)));
        assert_eq!(pace.free(seconds(160)), 1);
    }

    #[test]
    fn a_slot_that_was_not_used_is_free_again() {
        let mut pace = pace(2, 60);
        pace.take(2);
        pace.give_back();
        assert_eq!(pace.free(seconds(1)), 1);
    }

    #[test]
    fn every_limit_applies() {
        let minute = Rate {
            count: 10,
            window: seconds(60),
            burst: None,
        };
        let hour = Rate {
            count: 15,
            window: seconds(3600),
            burst: None,
        };
        let mut pace = Pace::new(&[minute, hour]);
        (0..10).for_each(|_| pace.remember(seconds(1000)));
        assert_eq!(pace.free(seconds(1000)), 0);
        assert_eq!(pace.free(seconds(1061)), 5);
        assert_eq!(pace.memory(), seconds(3600));
    }

    #[test]
    fn no_window_is_ever_over_and_little_is_left_unused() {
        let rng = &mut fastrand::Rng::with_seed(7);
        for (count, window) in [(1, 1), (3, 10), (100, 60), (500, 3600)] {
            let mut pace = pace(count, window);
            let (mut now, end) = (Duration::ZERO, seconds(window * 20));
            let mut sent = Vec::new();
            while now < end {
                if pace.free(now) > 0 {
                    pace.take(1);
                    sent.push(now);
                    now += Duration::from_micros(rng.u64(..2000));
                    pace.done(now);
                } else {
                    now += pace
                        .wait(now)
                        .expect("nothing is under way")
                        .max(GRAIN_FLOOR);
                }
            }
            let most = usize::try_from(count).unwrap();
            for (i, first) in sent.iter().enumerate().skip(most) {
                assert!(
                    *first - sent[i - most] >= seconds(window),
                    "{count} per {window} s"
                );
            }
            assert!(sent.len() >= most * 19, "{} of {}", sent.len(), most * 20);
        }
    }

    const GRAIN_FLOOR: Duration = Duration::from_nanos(1);
}
