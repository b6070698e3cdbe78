//! What the stories drive: the meters of a process, several of which a message takes a slot of.

use std::time::Duration;

use postroom::config::Rate;
use postroom::pace::{Pace, Size};

use crate::world::windows::Window;

pub(super) struct Limiter {
    meters: Vec<Pace>,
}

/// The meters that a message takes a slot of, by number.
pub(super) type Class = Vec<usize>;

impl Limiter {
    pub(super) fn new(limits: &[Vec<Window>]) -> Self {
        let meter =
            |windows: &Vec<Window>| Pace::new(&windows.iter().map(rate).collect::<Vec<_>>());
        Self {
            meters: limits.iter().map(meter).collect(),
        }
    }

    pub(super) fn free(&mut self, class: &Class, now: Duration) -> usize {
        let free = class
            .iter()
            .map(|meter| self.meters[*meter].free(now, Size::Small));
        free.min().unwrap_or(usize::MAX)
    }

    pub(super) fn take(&mut self, class: &Class, count: usize) {
        class
            .iter()
            .for_each(|meter| self.meters[*meter].take(count));
    }

    pub(super) fn give_back(&mut self, class: &Class) {
        class
            .iter()
            .for_each(|meter| self.meters[*meter].give_back());
    }

    pub(super) fn done(&mut self, class: &Class, now: Duration) {
        class.iter().for_each(|meter| self.meters[*meter].done(now));
    }

    pub(super) fn remember(&mut self, class: &Class, at: Duration) {
        class
            .iter()
            .for_each(|meter| self.meters[*meter].remember(at, 1));
    }

    pub(super) fn wait(&mut self, class: &Class, now: Duration) -> Option<Duration> {
        let waits = class
            .iter()
            .filter_map(|meter| self.meters[*meter].wait(now, Size::Small));
        waits.max()
    }
}

fn rate(window: &Window) -> Rate {
    Rate {
        count: u32::try_from(window.count).unwrap(),
        window: window.length,
        burst: None,
    }
}
