//! One process from its start to its end, which may come at any write and at any word of a server.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use postroom::outbox::Fate;
use tokio::sync::Notify;

use super::swarm::{Swarm, happens};

/// Some processes die by the first of so many writes, some by the last.
const WRITES: u64 = 60;

/// What a slow disk may let wait: whoever asks for these waits in virtual time for the answer.
const MAY_WAIT: [&str; 10] = [
    "Arm",
    "Record",
    "Records",
    "Claim",
    "Release",
    "Hold",
    "Unhold",
    "Suppress",
    "Unsuppress",
    "Sweep",
];

#[derive(Debug)]
pub(crate) struct Life {
    /// How many processes there were before.
    pub(crate) number: usize,
    dead: AtomicBool,
    /// How many more writes it lives through, and how it dies at the next one.
    left: Mutex<Option<(u64, Fate)>>,
    /// Dice for the disk, and how often it is slow.
    disk: Mutex<(Rng, u32)>,
    /// Something waits for the disk.
    pub(crate) slow: Notify,
    ended: Notify,
}

impl Life {
    pub(crate) fn new(number: usize, swarm: &Swarm, dice: &mut Rng) -> Self {
        let left = happens(dice, swarm.dies_writing).then(|| {
            let fate = [Fate::DieBefore, Fate::DieAfter][dice.usize(..2)];
            (dice.u64(..WRITES), fate)
        });
        Self {
            number,
            dead: AtomicBool::new(false),
            left: Mutex::new(left),
            disk: Mutex::new((dice.fork(), swarm.disk_waits)),
            slow: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// Asked at each write.
    pub(crate) fn fate(&self, operation: &'static str) -> Fate {
        if self.is_over() {
            return Fate::DieBefore;
        }
        match &mut *self.left.lock().unwrap() {
            None => {}
            Some((0, fate)) => {
                let fate = *fate;
                self.end();
                return fate;
            }
            Some((left, _)) => *left -= 1,
        }
        let (dice, waits) = &mut *self.disk.lock().unwrap();
        if MAY_WAIT.contains(&operation) && happens(dice, *waits) {
            self.slow.notify_one();
            return Fate::Wait;
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

    /// No write ends it from now on, or waits.
    pub(crate) fn spare(&self) {
        *self.left.lock().unwrap() = None;
        self.disk.lock().unwrap().1 = 0;
    }

    /// Until it ends.
    pub(crate) async fn over(&self) {
        self.ended.notified().await;
    }
}
