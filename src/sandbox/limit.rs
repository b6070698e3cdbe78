//! Limits that this server enforces: so many messages in any span of so long, and not one more.
//!
//! A message takes its place when it is let in and keeps it until a whole window after it was
//! accepted, which is the strictest count that a server can make. One that does not come to a 250
//! gives its place back. Several limits apply together.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// So many messages in any span of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How many are taken.
    pub count: usize,
    /// In what time.
    pub window: Duration,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} s", self.count, self.window.as_secs_f64())
    }
}

/// The limits, and what counts against them now.
pub(super) struct Gate(Mutex<Ledger>);

struct Ledger {
    limits: Vec<Limit>,
    /// When messages were accepted, oldest first, as far back as the longest window reaches.
    accepted: VecDeque<Duration>,
    /// Let in, and neither accepted nor gone.
    under_way: usize,
}

/// What a message was let in with. Dropped, it is free again.
pub(super) struct Place<'a> {
    gate: &'a Gate,
}

impl Gate {
    pub(super) fn new(limits: &[Limit]) -> Self {
        Self(Mutex::new(Ledger {
            limits: limits.to_vec(),
            accepted: VecDeque::new(),
            under_way: 0,
        }))
    }

    /// Lets a message in, or names the limit that it would exceed.
    pub(super) fn admit(&self, clock: &Clock) -> Result<Place<'_>, Limit> {
        let mut ledger = self.ledger();
        let now = clock.ticks();
        ledger.forget(now);
        if let Some(limit) = ledger.full(now) {
            return Err(limit);
        }
        ledger.under_way += 1;
        Ok(Place { gate: self })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// The message was accepted: it counts from now on.
    pub(super) fn accepted(self, clock: &Clock) {
        let mut ledger = self.gate.ledger();
        if !ledger.limits.is_empty() {
            ledger.accepted.push_back(clock.ticks());
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.ledger().under_way -= 1;
    }
}

/// A transaction without a Message-ID is known by what it prints; its place says nothing.
impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl Ledger {
    /// Forgets what no window reaches any more.
    fn forget(&mut self, now: Duration) {
        let longest = self.limits.iter().map(|limit| limit.window).max();
        let Some(longest) = longest else { return };
        while self.accepted.front().is_some_and(|at| *at + longest <= now) {
            self.accepted.pop_front();
        }
    }

    fn full(&self, now: Duration) -> Option<Limit> {
        let is_full = |limit: &&Limit| {
            let before = self
                .accepted
                .partition_point(|at| *at + limit.window <= now);
            self.accepted.len() - before + self.under_way >= limit.count
        };
        self.limits.iter().find(is_full).copied()
    }
}
