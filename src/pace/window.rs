//! Rolling limits: in no span of the window's length do more begin than the rate allows.
//!
//! A slot is taken before a message is offered and counts until the window has passed after its
//! reply, wherever in between the server does its own counting. Ends that lie within a small part
//! of a window are kept as one, at the later time: exact for the server, and a day's limit of any
//! size fits in a few kilobytes.

use std::collections::VecDeque;
use std::time::Duration;

use super::used::Used;
use crate::config::Rate;

/// A window is remembered in so many parts. What that leaves unused is one in so many.
const GRAINS: u32 = 512;
/// Of each window bulk leaves one slot in so many to others, and one at least where a window has
/// [`SPARE_FROM`] of them.
const SPARE: usize = 50;
const SPARE_FROM: usize = 34;
/// Nobody waits long for a slot that will be free so soon: then bulk may take the last ones.
pub(super) const SOON: Duration = Duration::from_millis(1500);

/// Who asks for a slot: a large run never takes the last ones of a window, so that a small one
/// need not wait until it has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// A run of many people.
    Bulk,
    /// Any other.
    Small,
}

/// The limits of an account, a domain, a schedule or the whole process; all of them apply.
#[derive(Debug, Default)]
pub struct Pace {
    windows: Vec<Window>,
    under_way: usize,
}

#[derive(Clone, Debug)]
struct Window {
    rate: Rate,
    most: usize,
    length: Duration,
    /// Uses that ended in the window, oldest first.
    ended: VecDeque<Group>,
    /// How many those are.
    recent: usize,
}

/// Uses that ended within one grain of each other.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: Duration,
    last: Duration,
    count: usize,
}

impl Pace {
    /// No `rates` means no limit.
    #[must_use]
    pub fn new(rates: &[Rate]) -> Self {
        let mut pace = Self::default();
        pace.set(rates, Duration::ZERO, &[]);
        pace
    }

    /// Other rates from `now` on. What has been used counts on. Where that is not remembered for
    /// long enough, `older` is all that was used: when, ascending, and how many. Who asked for it
    /// did so at `now` or later; what ended since may count twice, and nothing is left out.
    pub fn set(&mut self, rates: &[Rate], now: Duration, older: &[(Duration, usize)]) {
        let windows = rates.iter().flat_map(|rate| {
            let parts = rate.windows();
            parts.map(|(count, length)| self.window(*rate, count, length, now, older))
        });
        self.windows = windows.collect();
    }

    fn window(
        &self,
        rate: Rate,
        count: u32,
        length: Duration,
        now: Duration,
        older: &[(Duration, usize)],
    ) -> Window {
        let mut window = Window {
            rate,
            most: usize::try_from(count).unwrap_or(usize::MAX),
            length,
            ended: VecDeque::new(),
            recent: 0,
        };
        let history = self.history(length);
        let is_known = older.is_empty() || history.is_some_and(|it| it.length >= length);
        for (at, count) in older.iter().filter(|_| !is_known) {
            window.remember(*at, *count);
        }
        let groups = history.into_iter().flat_map(|it| &it.ended);
        for group in groups.filter(|it| is_known || it.last >= now) {
            window.recent += group.count;
            window.ended.push_back(*group);
        }
        window
    }

    /// The window that remembers the last `length` best: the shortest that is long enough.
    fn history(&self, length: Duration) -> Option<&Window> {
        let long_enough = self.windows.iter().filter(|it| it.length >= length);
        let best = long_enough.min_by_key(|it| it.length);
        best.or_else(|| self.windows.iter().max_by_key(|it| it.length))
    }

    /// The longest window: how far back its memory must reach after a restart.
    #[must_use]
    pub fn memory(&self) -> Duration {
        let lengths = self.windows.iter().map(|window| window.length);
        lengths.max().unwrap_or_default()
    }

    /// How many slots are free at `now` for a run of this size.
    pub fn free(&mut self, now: Duration, size: Size) -> usize {
        let under_way = self.under_way;
        let windows = self.windows.iter_mut();
        let free = windows.map(|window| window.free_for(now, under_way, size));
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
        self.remember(now, 1);
    }

    /// Counts uses that ended at `at`, by an earlier process for example. Times must not descend.
    pub fn remember(&mut self, at: Duration, count: usize) {
        let windows = self.windows.iter_mut();
        windows.for_each(|window| window.remember(at, count));
    }

    /// How long until a slot is free for a run of this size, if only time can free one. `None` if
    /// one is free now, or if the next one comes with a reply.
    pub fn wait(&mut self, now: Duration, size: Size) -> Option<Duration> {
        let under_way = self.under_way;
        let windows = self.windows.iter_mut();
        let full = windows.filter_map(|window| window.wait(now, under_way, size));
        full.max()
    }

    /// How far each window is used up.
    pub fn used(&mut self, now: Duration) -> Vec<Used> {
        let under_way = self.under_way;
        let used = self.windows.iter_mut().map(|window| {
            window.forget(now);
            let groups = window.ended.iter();
            let uses = groups.map(|it| (now.saturating_sub(it.last), it.count));
            Used {
                rate: window.rate,
                most: window.most,
                length: window.length,
                uses: uses.collect(),
                under_way,
            }
        });
        used.collect()
    }
}

/// How many slots of a window a run of this size leaves to others.
pub(super) fn spare(most: usize, length: Duration, size: Size) -> usize {
    if size == Size::Small || most < SPARE_FROM || length <= SOON {
        return 0;
    }
    (most / SPARE).max(1)
}

impl Window {
    /// Forgets what has left the window: strictly, as two messages exactly one window apart do not
    /// share one.
    fn forget(&mut self, now: Duration) {
        while let Some(group) = self.ended.front()
            && self.leaves(group) <= now
        {
            self.recent -= group.count;
            self.ended.pop_front();
        }
    }

    /// When the uses of a group count no more.
    fn leaves(&self, group: &Group) -> Duration {
        group.last + self.length
    }

    fn free_for(&mut self, now: Duration, under_way: usize, size: Size) -> usize {
        self.forget(now);
        let free = self.most.saturating_sub(self.recent + under_way);
        let next = self.ended.front().map(|group| self.leaves(group));
        if next.is_some_and(|at| at <= now + SOON) {
            return free;
        }
        free.saturating_sub(spare(self.most, self.length, size))
    }

    /// How long until a slot is free, if time alone frees one that is not free now.
    fn wait(&mut self, now: Duration, under_way: usize, size: Size) -> Option<Duration> {
        if self.free_for(now, under_way, size) > 0 {
            return None;
        }
        let spare = spare(self.most, self.length, size);
        let (mut taken, mut at) = (self.recent + under_way, now);
        for group in &self.ended {
            let leaves = self.leaves(group);
            let free = self.most.saturating_sub(taken);
            if free > spare {
                return Some(at - now);
            }
            if free > 0 {
                return Some(at.max(leaves.saturating_sub(SOON)).saturating_sub(now));
            }
            taken -= group.count;
            at = leaves;
        }
        (self.most.saturating_sub(taken) > spare).then(|| at.saturating_sub(now))
    }

    fn remember(&mut self, at: Duration, count: usize) {
        self.recent += count;
        let grain = self.length / GRAINS;
        match self.ended.back_mut() {
            Some(group) if at.saturating_sub(group.first) <= grain => {
                group.last = group.last.max(at);
                group.count += count;
            }
            _ => self.ended.push_back(Group {
                first: at,
                last: at,
                count,
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

    fn limit(count: u32, window: u64) -> Pace {
        let text = format!("{count}/{window}s");
        Pace::new(&[text.parse().expect("a rate")])
    }

    #[test]
    fn a_slot_counts_until_a_window_after_its_reply() {
        let mut pace = limit(1, 60);
        pace.take(1);
        assert_eq!(
            pace.free(seconds(100), Size::Small),
            0,
            "while it is under way"
        );
        assert_eq!(
            pace.wait(seconds(100), Size::Small),
            None,
            "no time helps before the reply"
        );
        pace.done(seconds(100));
        assert_eq!(pace.free(seconds(159), Size::Small), 0);
        assert_eq!(pace.wait(seconds(159), Size::Small), Some(seconds(1)));
        assert_eq!(pace.free(seconds(160), Size::Small), 1);
    }

    #[test]
    fn a_slot_that_was_not_used_is_free_again() {
        let mut pace = limit(2, 60);
        pace.take(2);
        pace.give_back();
        assert_eq!(pace.free(seconds(1), Size::Small), 1);
    }

    #[test]
    fn every_limit_applies() {
        let rates = ["10/minute", "15/hour"].map(|text| text.parse().expect("a rate"));
        let mut pace = Pace::new(&rates);
        pace.remember(seconds(1000), 10);
        assert_eq!(pace.free(seconds(1000), Size::Small), 0);
        assert_eq!(pace.free(seconds(1061), Size::Small), 5);
        assert_eq!(pace.memory(), seconds(3600));
    }

    #[test]
    fn no_window_is_ever_over_and_little_is_left_unused() {
        let rng = &mut fastrand::Rng::with_seed(7);
        for (count, window) in [(1, 1), (3, 10), (100, 60), (500, 3600)] {
            let mut pace = limit(count, window);
            let (mut now, end) = (Duration::ZERO, seconds(window * 20));
            let mut sent = Vec::new();
            while now < end {
                if pace.free(now, Size::Small) > 0 {
                    pace.take(1);
                    sent.push(now);
                    now += Duration::from_micros(rng.u64(..2000));
                    pace.done(now);
                } else {
                    now += pace
                        .wait(now, Size::Small)
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

    #[test]
    fn bulk_leaves_a_little_for_others() {
        let mut pace = limit(100, 60);
        let at = seconds(1000);
        assert_eq!(
            (pace.free(at, Size::Bulk), pace.free(at, Size::Small)),
            (98, 100)
        );
        pace.remember(at, 98);
        assert_eq!(
            (pace.free(at, Size::Bulk), pace.free(at, Size::Small)),
            (0, 2)
        );
        assert_eq!(
            pace.wait(at, Size::Bulk),
            Some(seconds(60) - SOON),
            "two are free, and more soon"
        );
        let soon = seconds(1060) - SOON;
        assert_eq!(pace.free(soon, Size::Bulk), 2);
        pace.remember(soon, 2);
        assert_eq!(pace.wait(soon, Size::Bulk), Some(SOON));
        assert_eq!(pace.free(seconds(1060), Size::Bulk), 96);
        for (count, window, spare) in [(33, 60, 0), (34, 60, 1), (100, 1, 0), (2000, 60, 40)] {
            let free = |size| limit(count, window).free(at, size);
            assert_eq!(
                free(Size::Small) - free(Size::Bulk),
                spare,
                "{count}/{window}s"
            );
        }
    }

    #[test]
    fn a_burst_is_a_window_of_its_own() {
        let mut pace = Pace::new(&["100/minute burst 10".parse().expect("a rate")]);
        let at = seconds(1000);
        assert_eq!(pace.free(at, Size::Small), 10);
        pace.remember(at, 10);
        assert_eq!(pace.wait(at, Size::Small), Some(seconds(6)));
    }

    #[test]
    fn other_rates_count_what_was_used_before() {
        let mut pace = limit(100, 60);
        pace.take(1);
        pace.remember(seconds(1000), 50);
        let rates = ["60/minute", "20/30s"].map(|text| text.parse().expect("a rate"));
        pace.set(&rates, seconds(1010), &[]);
        assert_eq!(pace.free(seconds(1010), Size::Small), 0, "50 of 20 in 30 s");
        assert_eq!(
            pace.free(seconds(1031), Size::Small),
            9,
            "50 and one under way of 60"
        );
        let older = [(seconds(900), 4), (seconds(1000), 50)];
        pace.set(&["60/hour".parse().expect("a rate")], seconds(1031), &older);
        assert_eq!(pace.free(seconds(1031), Size::Small), 5, "each once");
    }

    #[test]
    fn a_longer_window_knows_all_of_what_is_told_as_one() {
        let mut pace = limit(100, 60);
        pace.remember(seconds(990), 20);
        let hour = ["1000/hour".parse().expect("a rate")];
        let older = [(seconds(990), 150)]; // 130 of them more than a minute ago
        pace.set(&hour, seconds(1000), &older);
        assert_eq!(pace.free(seconds(1000), Size::Small), 850);
    }

    const GRAIN_FLOOR: Duration = Duration::from_nanos(1);
}
