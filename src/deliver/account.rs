//! What the tasks of one account share.

use std::collections::{BTreeMap, VecDeque};
use std::slice;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::board::Board;
use super::breaking::Breakers;
use super::domains::Domains;
use super::hours::Hours;
use super::leaving::Leaving;
use super::letter::Letterheads;
use super::signing::KeyRing;
use super::verdict::Fault;
use crate::clock::{Clock, Timestamp};
use crate::config::{Account, Addresses};
use crate::outbox::{Claimed, DeliveryId, Outbox, OutboxError, Release};
use crate::pace::{Book, Health, Limits, Past, Rest};
use crate::smtp::{Identity, Target};

/// An account that is described anew waits so long at most for what it had in hand.
const HANDOVER: Duration = Duration::from_secs(10);
/// So many sessions may break in a row before the account rests.
const BREAKS: usize = 3;

/// What an account works with, most of it together with all others.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    pub(super) heads: Arc<Letterheads>,
    pub(super) book: Arc<Mutex<Book>>,
    pub(super) board: Arc<Board>,
    pub(super) breakers: Arc<Breakers>,
    /// Held from the look at slots that accounts share until they are taken.
    pub(super) claiming: Arc<tokio::sync::Mutex<()>>,
    pub(super) manners: Arc<RwLock<Arc<Manners>>>,
    /// What signs the mail of all accounts.
    pub(super) keys: Arc<KeyRing>,
    /// Claim nothing more.
    pub(super) drain: CancellationToken,
    /// Wait for nothing more.
    pub(super) abort: CancellationToken,
    /// The outbox has stopped for good.
    pub(super) fatal: CancellationToken,
}

/// What the configuration says that no account is about.
#[derive(Default)]
pub(super) struct Manners {
    /// When schedules may send, if not always.
    pub(super) hours: BTreeMap<String, Hours>,
    /// How addresses appear in the log.
    pub(super) addresses: Addresses,
    /// The key of unsubscribe tokens.
    pub(super) leaving: Option<Leaving>,
    /// Whether accounts may share slots: of the whole process, or of a schedule.
    pub(super) shares: bool,
}

/// One account at work.
pub(super) struct AccountWork {
    pub(super) account: Account,
    pub(super) target: Target,
    /// Who logs in, if anybody does.
    pub(super) identity: Option<Identity>,
    pub(super) tools: Tools,
    /// For the dispatcher: something changed.
    pub(super) wake: Arc<Notify>,
    /// There may be runs that it has not seen.
    pub(super) news: AtomicBool,
    pub(super) domains: Domains,
    /// It works no more.
    pub(super) ended: CancellationToken,
    /// For the lanes: rows are ready.
    pub(super) ready: Notify,
    /// Held while somebody logs in: a password that is refused is tried once, not by every lane.
    pub(super) login: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// The changing part.
pub(super) struct State {
    pub(super) health: Health,
    pub(super) limits: Limits,
    /// Claimed rows that no lane has taken yet; each holds a slot of the pace.
    pub(super) ready: VecDeque<Claimed>,
    /// Lanes that exist, and how many of them have no row in hand.
    pub(super) lanes: usize,
    pub(super) idle: usize,
    pub(super) connections: usize,
    /// Sessions that broke since the last one that did not.
    breaks: usize,
    blame: Blame,
    pub(super) trouble: Option<Trouble>,
}

/// Whether the account is at fault when a server that talks to us says so about one message.
#[derive(Default)]
struct Blame {
    /// It was, once.
    before: bool,
    /// It has taken a message since.
    taken_since: bool,
    /// These were refused in a row, each counted once.
    in_a_row: Vec<DeliveryId>,
}

#[derive(Clone)]
pub(super) struct Trouble {
    pub(super) since: Timestamp,
    pub(super) retry_at: Timestamp,
    pub(super) text: String,
}

impl AccountWork {
    pub(super) fn new(account: Account, target: Target, tools: Tools) -> Arc<Self> {
        let identity = account.login.as_ref().map(Identity::new);
        let state = State {
            health: Health::default(),
            limits: Limits::default(),
            ready: VecDeque::new(),
            lanes: 0,
            idle: 0,
            connections: 0,
            breaks: 0,
            blame: Blame::default(),
            trouble: None,
        };
        Arc::new(Self {
            domains: Domains::new(&account),
            account,
            target,
            identity,
            tools,
            wake: Arc::default(),
            news: AtomicBool::default(),
            ended: CancellationToken::new(),
            ready: Notify::new(),
            login: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Waits until the account has ended its work as it was described before; not for ever, as one
    /// message may wait for its answer for minutes.
    pub(super) async fn after(&self, before: &Self) {
        tokio::select! {
            () = before.ended.cancelled() => {}
            () = self.tools.clock.sleep(HANDOVER) => {}
            () = self.tools.drain.cancelled() => {}
        }
    }

    /// Comes to its rates and to its place among the others, just before it works. What ended
    /// before `now` is in `past`.
    pub(super) fn begin(&self, now: Duration, past: &[Past]) {
        let account = &self.account;
        let domains = account.domains.iter();
        let domains = domains.map(|(name, limits)| (name.clone(), limits.rate.clone()));
        let domains = domains.collect();
        self.book()
            .set_account(&account.name, &account.rate, &domains, now, past);
        self.tools.board.join(&account.name, &self.wake);
    }

    /// The configuration was read again, and this account is as before: its secrets may not be. One
    /// that rests because of its login tries once more, if it has another secret by now; one that
    /// rests because of its key looks at once.
    pub(super) async fn renew_secret(&self) {
        self.renew_key();
        let Some(identity) = &self.identity else {
            return;
        };
        let now = self.tools.clock.ticks();
        let wanted = self.state().health.rests_for(Rest::Login, now);
        match identity.renew(wanted, now).await {
            Ok(true) => {
                self.state().health.try_now();
                self.wake.notify_one();
            }
            Ok(false) => {}
            Err(error) => {
                let account = &self.account.name;
                tracing::warn!(account, "account {account} still rests: {error}");
            }
        }
    }

    fn renew_key(&self) {
        let mut state = self.state();
        if state.health.rests_for(Rest::Key, self.tools.clock.ticks()) {
            state.health.try_now();
            self.wake.notify_one();
        }
    }

    /// What the configuration says now that no account is about.
    pub(super) fn manners(&self) -> Arc<Manners> {
        let manners = self.tools.manners.read();
        Arc::clone(&manners.expect("no holder of this lock panics"))
    }

    /// The account is at fault: it rests, and what was claimed goes back without an attempt.
    pub(super) fn fault(&self, fault: Fault, text: &str) {
        let why = match fault {
            Fault::Server => Rest::Trouble,
            Fault::Rate => Rest::Haste,
            Fault::Login | Fault::Sender => Rest::Login,
            Fault::Quota => Rest::Quota,
            Fault::Key => Rest::Key,
        };
        let is_first = self.rest(why, &format!("{text} ({})", fault.advice()));
        if is_first && fault == Fault::Rate {
            self.slow_down(text); // what was on its way is refused with the first
        }
    }

    /// What would be sent cannot be recorded. The server has nothing to do with it, but has waited
    /// for a body that does not come: it is left alone for a while.
    pub(super) fn cannot_record(&self, error: &OutboxError) {
        self.rest(Rest::Trouble, &format!("nothing can be recorded: {error}"));
    }

    /// Returns whether it did not rest before.
    fn rest(&self, why: Rest, text: &str) -> bool {
        let clock = &self.tools.clock;
        let mut state = self.state();
        let is_first = !state.rests(clock.ticks());
        let wait = state
            .health
            .fault(clock.ticks(), why, |wait| clock.jittered(wait, 10));
        let since = state
            .trouble
            .as_ref()
            .map_or_else(|| clock.now(), |trouble| trouble.since);
        let known = state
            .trouble
            .as_ref()
            .is_some_and(|trouble| trouble.text == *text);
        state.trouble = Some(Trouble {
            since,
            retry_at: clock.now() + wait,
            text: text.to_owned(),
        });
        drop(state);
        let (account, seconds) = (&self.account.name, wait.as_secs());
        if known {
            tracing::debug!(account, "account {account} still rests: {text}");
        } else {
            tracing::warn!(
                account,
                event = "account-down",
                "account {account} rests for {seconds} s, nothing is lost: {text}"
            );
        }
        self.give_back_ready();
        self.tell_board();
        self.wake.notify_one();
        is_first
    }

    /// A session was opened: more lanes may try.
    pub(super) fn reached(&self) {
        if self.state().health.reached() {
            self.wake.notify_one();
        }
    }

    /// Whether a fault that the reply to one message gave the account is the account's. It is until
    /// a message is taken after it; from then on one that is refused so is to blame itself, or it
    /// would stop the others again and again. Several in a row are the account's once more.
    pub(super) fn is_to_blame(&self, id: DeliveryId) -> bool {
        let mut state = self.state();
        let blame = &mut state.blame;
        if !blame.in_a_row.contains(&id) {
            blame.in_a_row.push(id);
        }
        let own = blame.before && blame.taken_since && blame.in_a_row.len() < BREAKS;
        if !own {
            *blame = Blame {
                before: true,
                ..Blame::default()
            };
        }
        !own
    }

    /// The server took a message.
    pub(super) fn took_one(&self) {
        let mut state = self.state();
        state.blame.taken_since = true;
        state.blame.in_a_row.clear();
    }

    /// A session ended without a word. One may; several in a row are the account's trouble.
    pub(super) fn broke(&self, text: &str) {
        let mut state = self.state();
        state.breaks += 1;
        let many = state.breaks >= BREAKS;
        drop(state);
        if many {
            self.fault(Fault::Server, text);
        }
    }

    /// The server refused one more connection beside those that are open: no fault of the account.
    pub(super) fn enough_connections(&self, open: usize, text: &str) {
        let mut state = self.state();
        let now = self.tools.clock.ticks();
        let before = state.limits.connections(self.account.connections, now);
        state.limits.enough_connections(open, now);
        drop(state);
        let account = &self.account.name;
        if open < before {
            tracing::info!(
                account,
                "account {account} uses no more connections than {open} now: {text}"
            );
        }
    }

    /// The account works. While it rests, an answer on a session that was open before says nothing
    /// about whether it can be had again.
    pub(super) fn good(&self) {
        let mut state = self.state();
        state.breaks = 0;
        let rests = state.health.rests(self.tools.clock.ticks()).is_some();
        if state.health.is_doubtful() && !rests {
            state.health.good();
            let was_down = state.trouble.take().is_some();
            drop(state);
            self.tell_board();
            self.wake.notify_one();
            if !was_down {
                return;
            }
            let account = &self.account.name;
            tracing::info!(
                account,
                event = "account-up",
                "account {account} works again"
            );
        }
    }

    /// Gives the rows that no lane has taken back to the outbox, with their slots.
    pub(super) fn give_back_ready(&self) {
        let rows: Vec<Claimed> = self.state().ready.drain(..).collect();
        if !rows.is_empty() {
            self.give_back(&rows);
        }
    }

    /// Rows that no lane has taken are claimed again, as the settings say now.
    pub(super) fn claim_anew(&self) {
        self.give_back_ready();
        self.wake.notify_one();
    }

    /// Gives rows back as they were, with their slots: the server was given nothing of them.
    pub(super) fn give_back(&self, rows: &[Claimed]) {
        rows.iter().for_each(|row| self.unused(row));
        self.release(rows, None);
    }

    /// Gives a row back of which the server has the envelope, and which it may have counted.
    pub(super) fn give_back_told(&self, row: &Claimed, next_at: Option<i64>) {
        self.used(row);
        self.release(slice::from_ref(row), next_at);
    }

    /// The outbox may have rows claimed again, if they are leased still.
    pub(super) fn release(&self, rows: &[Claimed], next_at: Option<i64>) {
        let rows = rows.iter().flat_map(Claimed::each);
        let rows = rows.map(|row| (row.id, row.epoch)).collect();
        drop(self.tools.outbox.submit(Release { rows, next_at }));
    }
}

impl State {
    /// Whether the account may not be used now.
    pub(super) fn rests(&self, now: Duration) -> bool {
        self.health.rests(now).is_some()
    }

    /// How many of those who share a message may share a transaction, of `most` that the server
    /// names.
    pub(super) fn sharing(&self, row: &Claimed, most: usize, work: &AccountWork) -> usize {
        let now = work.tools.clock.ticks();
        self.limits.recipients(row.each().count().min(most), now)
    }

    /// How many rows a lane could take now: the others wait for an end of one for their domain.
    pub(super) fn takeable(&self, domains: &Domains) -> usize {
        let open = |row: &&Claimed| domains.is_open(row.domain());
        self.ready.iter().filter(open).count()
    }
}
