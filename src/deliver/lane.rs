//! A lane carries one row after the other over one connection.
//!
//! This file is a lane's life: which row comes next, and how it ends. What is done with a row is in
//! `carry.rs`.

use std::slice;
use std::sync::Arc;

use super::account::{AccountWork, State};
use super::domains::{Domains, InHand};
use super::line::Line;
use super::report::Report;
use crate::outbox::Claimed;

/// Carries rows until there are none for a while, or until it is told to stop.
pub(super) async fn run(work: Arc<AccountWork>) {
    let mut lane = Lane {
        place: Place {
            work: Arc::clone(&work),
            row: None,
            next: None,
        },
        line: None,
        report: Report::new(Arc::clone(&work)),
        retires: false,
    };
    while let Some(row) = lane.next().await {
        lane.carry(row).await;
    }
    lane.report.confirm().await;
    drop(lane.place); // while it says goodbye it takes no row
    if let Some(line) = lane.line {
        line.session.quit().await;
    }
}

pub(super) struct Lane {
    pub(super) place: Place,
    pub(super) line: Option<Line>,
    pub(super) report: Report,
    /// The server wants fewer connections.
    pub(super) retires: bool,
}

/// A lane's place among the lanes of its account, and the rows in its hands.
pub(super) struct Place {
    pub(super) work: Arc<AccountWork>,
    row: Option<Hand>,
    /// The one whose envelope went out with the body of `row`.
    next: Option<Hand>,
}

impl Drop for Place {
    /// Also after a panic: then the row goes back, unless it is armed; that one comes into doubt
    /// when its lease ends.
    fn drop(&mut self) {
        self.give_back_next();
        let row = self.row.take();
        if let Some(Hand { row, .. }) = &row {
            self.work.give_back_told(row, None);
        }
        let mut state = self.work.state();
        state.lanes -= 1;
        state.idle -= usize::from(row.is_none());
        self.work.note_busy(&state);
        drop(state);
        self.work.wake.notify_one();
    }
}

impl Lane {
    /// The next row, or `None` when it is time to end.
    async fn next(&mut self) -> Option<Claimed> {
        let work = Arc::clone(&self.place.work);
        let idle_until = work.tools.clock.ticks() + work.account.connection_idle;
        loop {
            let ready = work.ready.notified();
            tokio::pin!(ready);
            ready.as_mut().enable(); // before the look, so that nothing is missed
            if let Some(row) = self.place.take(self.retires) {
                if self.report.is_long() {
                    self.report.confirm().await;
                }
                return Some(row);
            }
            if self.retires || work.tools.drain.is_cancelled() {
                return None;
            }
            self.report.confirm().await;
            let left = idle_until.saturating_sub(work.tools.clock.ticks());
            tokio::select! {
                biased; // the same seed, the same story
                () = ready => {}
                () = work.tools.drain.cancelled() => {}
                () = work.tools.clock.sleep(left) => return None,
            }
        }
    }
}

impl Place {
    /// Lets go of the row in hand, and takes another one unless the lane ends.
    fn take(&mut self, ends: bool) -> Option<Claimed> {
        let work = Arc::clone(&self.work);
        let mut state = work.state();
        if self.row.take().is_some() {
            state.idle += 1;
        }
        let closed = if ends {
            Vec::new()
        } else {
            self.pick(&mut state)
        };
        let row = self.row();
        if row.is_some() {
            state.idle -= 1;
        }
        work.note_busy(&state);
        if !ends && state.takeable(&work.domains) < state.lanes {
            work.wake.notify_one();
        }
        drop(state);
        if !closed.is_empty() {
            work.give_back(&closed);
        }
        row
    }

    /// Takes the first row in hand whose domain takes one more now. Returns those that came too
    /// late for their hours.
    fn pick(&mut self, state: &mut State) -> Vec<Claimed> {
        let (now, domains) = (self.work.tools.clock.now(), &self.work.domains);
        let mut closed = Vec::new();
        state.ready.retain(|row| {
            let too_late = row.is_closed(now);
            closed.extend(too_late.then(|| row.clone()));
            !too_late
        });
        let open = |row: &Claimed| domains.is_open(row.domain());
        if let Some(at) = state.ready.iter().position(open) {
            self.row = state.ready.remove(at).map(|row| Hand::new(row, domains));
        }
        closed
    }

    /// A row whose envelope may go out before the answer about the one in hand: if no lane waits
    /// for it, no rate binds, the account is well and the server takes all its people at once.
    pub(super) fn take_ahead(&mut self, most: usize) -> Option<Claimed> {
        let work = Arc::clone(&self.work);
        let mut state = work.state();
        let domains = &work.domains;
        if state.takeable(domains) <= state.idle || state.health.is_doubtful() {
            return None;
        }
        let open = |row: &Claimed| domains.is_open(row.domain());
        let at = state.ready.iter().position(open)?;
        let first = &state.ready[at];
        if state.sharing(first, most, &work) < first.each().count() {
            return None;
        }
        if first.is_closed(work.tools.clock.now()) || !work.has_room(first) {
            return None;
        }
        let row = state.ready.remove(at)?;
        if state.takeable(domains) < state.lanes {
            work.wake.notify_one();
        }
        self.next = Some(Hand::new(row.clone(), &work.domains));
        Some(row)
    }

    /// The row in hand.
    pub(super) fn row(&self) -> Option<Claimed> {
        self.row.as_ref().map(|hand| hand.row.clone())
    }

    /// Of the rows that share the message in hand, only these are left.
    pub(super) fn keep(&mut self, rows: &Claimed) {
        if let Some(hand) = &mut self.row {
            hand.row.clone_from(rows);
        }
    }

    /// The row taken ahead is the one in hand now.
    pub(super) fn advance(&mut self) {
        self.row = self.next.take();
    }

    /// The row taken ahead will not go, or has ended.
    pub(super) fn forget_next(&mut self) {
        self.next = None;
    }

    /// The row taken ahead goes back as it was: the server was given nothing of it.
    pub(super) fn give_back_next(&mut self) {
        if let Some(Hand { row, .. }) = self.next.take() {
            self.work.give_back(slice::from_ref(&row));
        }
    }

    /// The row taken ahead goes back. The server has its envelope.
    pub(super) fn give_back_told_next(&mut self) {
        if let Some(Hand { row, .. }) = self.next.take() {
            self.work.give_back_told(&row, None);
        }
    }
}

/// A row in a lane's hands.
struct Hand {
    row: Claimed,
    _counted: Option<InHand>,
}

impl Hand {
    fn new(row: Claimed, domains: &Domains) -> Self {
        let _counted = domains.take(row.domain());
        Self { row, _counted }
    }
}
