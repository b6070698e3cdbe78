//! What each message takes of the rates, and whether the account has any left.

use std::collections::BTreeMap;
use std::sync::MutexGuard;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::account::{AccountWork, State};
use super::verdict::Fault;
use super::view::MeterView;
use crate::outbox::{Claimed, Use};
use crate::pace::{Book, Past, Room, Slot, Used};
use crate::smtp::Reply;

/// What is on record may be told older than it is by so much: stamps are cut off to milliseconds,
/// and clocks are set by a little all the time.
const STAMPS: Duration = Duration::from_millis(20);

impl AccountWork {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        let book = self.tools.book.lock();
        book.expect("no holder of this lock panics")
    }

    fn slot<'a>(&'a self, row: &'a Claimed) -> Slot<'a> {
        Slot {
            account: &self.account.name,
            schedule: &row.schedule,
            domain: row.domain(),
        }
    }

    /// What may be claimed now.
    pub(super) fn room(&self) -> Room {
        let now = self.tools.clock.ticks();
        self.book().room(&self.account.name, now)
    }

    /// Whether a further message like this one may go out now.
    pub(super) fn has_room(&self, row: &Claimed) -> bool {
        let now = self.tools.clock.ticks();
        self.book().has_room(self.slot(row), now)
    }

    /// Takes the slots of a row, if there are any for its domain: the outbox knows only of domains
    /// that had a rate when the run was opened.
    pub(super) fn take_slot(&self, row: &Claimed) -> bool {
        let now = self.tools.clock.ticks();
        let (mut book, slot) = (self.book(), self.slot(row));
        let has_room = !self.domains.is_limited(slot.domain) || book.has_room(slot, now);
        if has_room {
            book.take(slot, now);
        }
        has_room
    }

    /// The slots of a row were used; they count until their windows have passed.
    pub(super) fn used(&self, row: &Claimed) {
        let now = self.tools.clock.ticks();
        self.book().done(self.slot(row), now);
    }

    /// The slots of a row were not used.
    pub(super) fn unused(&self, row: &Claimed) {
        let now = self.tools.clock.ticks();
        self.book().give_back(self.slot(row), now);
    }

    /// Notes whether any lane has a row in hand.
    pub(super) fn note_busy(&self, state: &State) {
        let now = self.tools.clock.ticks();
        let busy = state.lanes > state.idle;
        self.book().speed(&self.account.name).busy(busy, now);
    }

    /// A message had its answer.
    pub(super) fn note_answered(&self) {
        let now = self.tools.clock.ticks();
        self.book().speed(&self.account.name).answered(now);
    }

    /// A server that says goodbye to somebody who has just been served, and does not say that it is
    /// in trouble itself, is asked too often.
    pub(super) fn goodbye(&self, reply: &Reply, text: &str) {
        self.fault(self.behind_goodbye(reply), text);
    }

    /// What is wrong where a server says 421.
    pub(super) fn behind_goodbye(&self, reply: &Reply) -> Fault {
        let now = self.tools.clock.ticks();
        let served = self.book().speed(&self.account.name).lately(now).is_some();
        // RFC 3463: X.3.X is the mail system's, X.4.X the network's.
        let own = reply.enhanced.is_some_and(|it| matches!(it.1, 3 | 4));
        if served && !own {
            Fault::Rate
        } else {
            Fault::Server
        }
    }

    /// The server said that messages come too fast.
    pub(super) fn slow_down(&self, text: &str) {
        let (account, now) = (&self.account.name, self.tools.clock.ticks());
        let rate = words(self.book().too_fast(account, now));
        tracing::warn!(
            account,
            event = "rate-learned",
            "account {account} sends no more than {rate} now, as its server asks for less; it is \
             raised again step by step: {text}"
        );
    }

    /// Whether the account can send, for those that stand in for it: where its rates leave nothing
    /// for a good while, or something is wrong that a try has not shown to be over.
    pub(super) fn tell_board(&self) {
        let now = self.tools.clock.ticks();
        let spent = self.room().spent;
        let state = self.state();
        let trying = state.lanes > state.idle || !state.ready.is_empty();
        let down = state.health.is_failing() && (state.rests(now) || trying);
        let trouble = state.trouble.as_ref().map(|it| it.text.clone());
        drop(state);
        let why = if down {
            Some(trouble.unwrap_or_else(|| "it cannot be used".to_owned()))
        } else {
            spent.then(|| "its rate leaves nothing for now".to_owned())
        };
        self.tools.board.set(&self.account.name, why);
    }

    /// How far the rates of schedules, and of the process under an empty name, are used up.
    pub(super) fn shared_meters(&self) -> BTreeMap<String, Vec<MeterView>> {
        let now = self.tools.clock.ticks();
        let views = |used: Vec<Used>| used.into_iter().map(MeterView::from).collect::<Vec<_>>();
        let mut book = self.book();
        let mut meters = book.used_by_schedules(now);
        meters.insert(String::new(), book.used_by_all(now));
        meters.retain(|_, used| !used.is_empty());
        let meters = meters.into_iter();
        meters.map(|(name, used)| (name, views(used))).collect()
    }

    /// There may be runs that the account has not seen.
    pub(super) fn tell_news(&self) {
        self.news.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}

/// Slots that were used before now, in the words of pace, ascending in time.
pub(super) fn past(uses: Vec<Use>, now: Duration) -> Vec<Past> {
    let past = uses.into_iter().map(|it| Past {
        account: it.account,
        schedule: it.schedule,
        domain: it.domain,
        at: now.saturating_sub(it.ago.saturating_sub(STAMPS)),
        count: usize::try_from(it.count).unwrap_or(usize::MAX),
    });
    let mut past: Vec<Past> = past.collect();
    past.sort_by_key(|it| it.at);
    past
}

/// A rate as people read it: "4.2/second", "12/minute".
pub(super) fn words(per_second: f64) -> String {
    if per_second >= 1.0 {
        format!("{per_second:.1}/second")
    } else {
        format!("{:.1}/minute", per_second * 60.0)
    }
}
