//! A rolling window in which many messages are one step.

use std::collections::VecDeque;
use std::time::Duration;

use crate::pace::window::SOON;
use crate::pace::{Size, Used};

/// A window of less than such a part of a run is a steady flow.
const SMALL: u64 = 125;
/// Such a part of a window is the most that is waited for at once.
const AT_ONCE: u64 = 8;
/// Uses that end within such a part of a window are remembered as one.
const PARTS: f64 = 256.0;
/// Rounding takes no slot away.
const SLACK: f64 = 1e-6;

/// One window; times are seconds from now on.
#[derive(Debug)]
pub(super) struct Window {
    most: u64,
    spare: u64,
    /// How many the largest run has that uses it.
    pub(super) people: u64,
    length: f64,
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    /// What ended when, oldest first, and how many those are.
    Exact {
        ended: VecDeque<(f64, u64)>,
        recent: u64,
    },
    /// When it will be empty again, if each slot takes its share of the window's length.
    Steady { empty: f64 },
}

impl Window {
    /// For runs to so many people at most, each of whose messages takes so long.
    pub(super) fn new(used: &Used, people: u64, one: f64) -> Self {
        let most = u64::try_from(used.most).unwrap_or(u64::MAX).max(1);
        let length = used.length.as_secs_f64();
        let (memory, length) = if most < people / SMALL {
            let empty = f64::NEG_INFINITY;
            (Memory::Steady { empty }, length + one)
        } else {
            let (ended, recent) = (VecDeque::new(), 0);
            (Memory::Exact { ended, recent }, length)
        };
        let mut window = Self {
            most,
            spare: u64::try_from(used.spare(Size::Bulk)).unwrap_or(0),
            people,
            length,
            memory,
        };
        let under_way = (Duration::ZERO, used.under_way);
        for (ago, count) in used.uses.iter().copied().chain([under_way]) {
            if let (1.., Ok(count)) = (count, u64::try_from(count)) {
                let end = -ago.as_secs_f64();
                window.take((end - one, end), count);
            }
        }
        window
    }

    /// So many can be waited for at once.
    pub(super) fn room(&self, is_bulk: bool) -> u64 {
        match self.memory {
            Memory::Exact { .. } => ((self.most - self.spare(is_bulk)) / AT_ONCE).max(1),
            Memory::Steady { .. } => u64::MAX,
        }
    }

    /// What leaves within this time may be remembered as one; any, if it does not remember.
    pub(super) fn grain(&self) -> f64 {
        match self.memory {
            Memory::Exact { .. } => self.length / PARTS,
            Memory::Steady { .. } => f64::INFINITY,
        }
    }

    /// What a run leaves to others, unless more are free soon.
    fn spare(&self, is_bulk: bool) -> u64 {
        if is_bulk { self.spare } else { 0 }
    }

    /// How many slots are free at `at`.
    pub(super) fn free(&self, at: f64, is_bulk: bool) -> u64 {
        match &self.memory {
            Memory::Exact { ended, recent } => {
                let gone = |(end, _): &&(f64, u64)| end + self.length <= at;
                let left: u64 = ended.iter().take_while(gone).map(|(_, count)| count).sum();
                let free = self.most.saturating_sub(recent - left);
                let next = ended.iter().find(|it| !gone(it));
                let soon =
                    next.is_some_and(|(end, _)| end + self.length - SOON.as_secs_f64() <= at);
                free.saturating_sub(if soon { 0 } else { self.spare(is_bulk) })
            }
            Memory::Steady { empty } => {
                let room = self.length - (empty - at).max(0.0);
                (room / self.length * self.most as f64 + SLACK).max(0.0) as u64
            }
        }
    }

    /// The first time, not before `at`, at which so many slots are free: not more than
    /// [`Window::room`].
    pub(super) fn ready(&self, at: f64, need: u64, is_bulk: bool) -> f64 {
        match &self.memory {
            Memory::Exact { ended, recent } => {
                let (mut taken, mut ready) = (*recent, at);
                for (end, count) in ended {
                    let free = self.most.saturating_sub(taken);
                    let leaves = end + self.length;
                    if free >= need + self.spare(is_bulk) {
                        break;
                    }
                    if free >= need {
                        return ready.max(leaves - SOON.as_secs_f64());
                    }
                    taken -= count;
                    ready = ready.max(leaves);
                }
                ready
            }
            Memory::Steady { empty } => {
                let share = need as f64 * self.length / self.most as f64;
                at.max(empty + share - self.length)
            }
        }
    }

    /// Uses so many slots for messages that begin and end then.
    pub(super) fn take(&mut self, (begin, end): (f64, f64), count: u64) {
        let (length, most) = (self.length, self.most);
        match &mut self.memory {
            Memory::Exact { ended, recent } => {
                *recent += count;
                match ended.back_mut() {
                    Some((last, of_last)) if end - *last <= 0.0 => *of_last += count,
                    _ => ended.push_back((end, count)),
                }
            }
            Memory::Steady { empty } => {
                *empty = empty.max(begin) + count as f64 * length / most as f64;
            }
        }
    }

    /// Forgets what does not count any more at `now`.
    pub(super) fn forget(&mut self, now: f64) {
        if let Memory::Exact { ended, recent } = &mut self.memory {
            while let Some((end, count)) = ended.front()
                && end + self.length <= now
            {
                *recent -= count;
                ended.pop_front();
            }
        }
    }
}
