//! One process from its start to its end, which may come at any write and at any word of a server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use postroom::outbox::Fate;
use tokio::sync::Notify;

use super::swarm::{Swarm, happens};

/// Some processes die by the first of so many writes, some by the last.
const WRITES: u64 = 60;

#[derive(Debug)]
pub(crate) struct Life {
    dead: AtomicBool,
    /// How many more writes it lives through, and how it dies at the next one.
    left: Mutex<Option<(u64, Fate)>>,
    ended: Notify,
}

impl Life {
    pub(crate) fn new(swarm: &Swarm, dice: &mut Rng) -> Self {
        let left = happens(dice, swarm.dies_writing).then(|| {
            let fate = [Fate::DieBefore, Fate::DieAfter][dice.usize(..2)];
            (dice.u64(..WRITES), fate)
        });
        Self {
            dead: AtomicBool::new(false),
            left: Mutex::new(left),
            ended: Notify::new(),
        }
    }

    /// Asked at each write.
    pub(crate) fn fate(&self) -> Fate {
        if self.is_over() {
            return Fate::DieBefore;
        }
        match &mut *self.left.lock().unwrap() {
            None => return Fate::Live,
            Some((0, fate)) => {
                let fate = *fate;
                self.end();
                return fate;
            }
            Some((left, _)) => *left -= 1,
        }
        Fate::Live
    }

    pub(crate) fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.ended.notify_one();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// No write ends it from now on.
    pub(crate) fn spare(&self) {
        *self.left.lock().unwrap() = None;
    }

    /// Until it ends.
    pub(crate) async fn over(&self) {
        self.ended.notified().await;
    }
}
