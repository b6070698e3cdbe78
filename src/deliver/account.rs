//! What the tasks of one account share.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::hours::Hours;
use super::letter::Letterheads;
use super::verdict::Fault;
use crate::clock::{Clock, Timestamp};
use crate::config::{Account, Addresses, Rate};
use crate::outbox::{Claimed, DeliveryId, Outbox, OutboxError, Reader, Release};
use crate::pace::{Health, Limits, Pace, Rest};
use crate::smtp::{Identity, Target};

/// So many sessions may break in a row before the account rests.
const BREAKS: usize = 3;

/// What an account works with.
pub(super) struct Tools {
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    pub(super) heads: Arc<Letterheads>,
    /// When schedules may send, if not always.
    pub(super) hours: Arc<BTreeMap<String, Hours>>,
    pub(super) addresses: Addresses,
    /// Claim nothing more.
    pub(super) drain: CancellationToken,
    /// Wait for nothing more.
    pub(super) abort: CancellationToken,
    /// The outbox has stopped for good.
    pub(super) fatal: CancellationToken,
}

/// One account at work.
pub(super) struct AccountWork {
    pub(super) account: Account,
    pub(super) target: Target,
    /// Who logs in, if anybody does.
    pub(super) identity: Option<Identity>,
    pub(super) tools: Tools,
    /// For the dispatcher: something changed.
    pub(super) wake: Notify,
    /// For the lanes: rows are ready.
    pub(super) ready: Notify,
    /// Held while somebody logs in: a password that is refused is tried once, not by every lane.
    pub(super) login: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

/// The changing part.
pub(super) struct State {
    pub(super) pace: Pace,
    pub(super) schedules: HashMap<String, Pace>,
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
    trouble: Option<Trouble>,
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
struct Trouble {
    since: Timestamp,
    retry_at: Timestamp,
    text: String,
}

/// An account as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AccountView {
    /// Its name.
    pub name: String,
    /// Open connections.
    pub connections: usize,
    /// Why it is down, since when and until when (milliseconds), if it is.
    pub trouble: Option<TroubleView>,
}

/// What is wrong with an account.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct TroubleView {
    /// In a person's words.
    pub text: String,
    /// Milliseconds.
    pub since: i64,
    /// Milliseconds; none if only an edit of the configuration helps.
    pub retry_at: Option<i64>,
}

impl AccountWork {
    pub(super) fn new(
        account: Account,
        target: Target,
        schedule_rates: &BTreeMap<String, Vec<Rate>>,
        tools: Tools,
    ) -> Arc<Self> {
        let identity = account.login.as_ref().map(Identity::new);
        let schedules = schedule_rates
            .iter()
            .map(|(name, rates)| (name.clone(), Pace::new(rates)))
            .collect();
        let state = State {
            pace: Pace::new(&account.rate),
            schedules,
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
            account,
            target,
            identity,
            tools,
            wake: Notify::new(),
            ready: Notify::new(),
            login: tokio::sync::Mutex::default(),
            state: Mutex::new(state),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Rebuilds the rates' memory from the attempts of earlier processes. One without an end is
    /// counted as of now.
    pub(super) fn remember_what_was_sent(&self, reader: &Reader) -> Result<(), OutboxError> {
        let mut state = self.state();
        let longest = state
            .schedules
            .values()
            .map(Pace::memory)
            .max()
            .unwrap_or_default();
        let memory = state.pace.memory().max(longest);
        if memory.is_zero() {
            return Ok(());
        }
        let ticks = self.tools.clock.ticks();
        for used in reader.uses(memory, &self.tools.clock)?.iter().rev() {
            if used.account != self.account.name {
                continue;
            }
            let at = ticks.saturating_sub(used.ago);
            for _ in 0..used.count {
                state.pace.remember(at);
                if let Some(pace) = state.schedules.get_mut(&used.schedule) {
                    pace.remember(at);
                }
            }
        }
        Ok(())
    }

    /// The account is at fault: it rests, and what was claimed goes back without an attempt.
    pub(super) fn fault(&self, fault: Fault, text: &str) {
        let why = match fault {
            Fault::Server | Fault::Rate => Rest::Trouble,
            Fault::Login | Fault::Sender => Rest::Login,
            Fault::Quota => Rest::Quota,
        };
        self.rest(why, &format!("{text} ({})", fault.advice()));
    }

    /// What would be sent cannot be recorded. The server has nothing to do with it, but has waited
    /// for a body that does not come: it is left alone for a while.
    pub(super) fn cannot_record(&self, error: &OutboxError) {
        self.rest(Rest::Trouble, &format!("nothing can be recorded: {error}"));
    }

    fn rest(&self, why: Rest, text: &str) {
        let clock = &self.tools.clock;
        let mut state = self.state();
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
        self.wake.notify_one();
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

    /// Gives rows back as they were, with their slots: the server was given nothing of them.
    pub(super) fn give_back(&self, rows: &[Claimed]) {
        let mut state = self.state();
        rows.iter().for_each(|row| state.give_back(&row.schedule));
        drop(state);
        self.release(rows, None);
    }

    /// Gives a row back of which the server has the envelope, and which it may have counted.
    pub(super) fn give_back_told(&self, row: &Claimed, next_at: Option<i64>) {
        self.state().done(&row.schedule, self.tools.clock.ticks());
        self.release(slice::from_ref(row), next_at);
    }

    /// The outbox may have rows claimed again, if they are leased still.
    pub(super) fn release(&self, rows: &[Claimed], next_at: Option<i64>) {
        let rows = rows.iter().map(|row| (row.id, row.epoch)).collect();
        drop(self.tools.outbox.submit(Release { rows, next_at }));
    }

    pub(super) fn view(&self) -> AccountView {
        let state = self.state();
        let trouble = state.trouble.as_ref().map(|trouble| TroubleView {
            text: trouble.text.clone(),
            since: trouble.since.as_millisecond(),
            retry_at: Some(trouble.retry_at.as_millisecond()),
        });
        AccountView {
            name: self.account.name.clone(),
            connections: state.connections,
            trouble,
        }
    }
}

impl State {
    /// Whether the account may not be used now.
    pub(super) fn rests(&self, now: Duration) -> bool {
        self.health.rests(now).is_some()
    }

    /// Whether a rate leaves nothing for a further message of `schedule` now.
    pub(super) fn is_bound(&mut self, schedule: &str, now: Duration) -> bool {
        let own = self.schedules.get_mut(schedule);
        self.pace.free(now) == 0 || own.is_some_and(|pace| pace.free(now) == 0)
    }

    /// A slot was used; it counts until its windows have passed.
    pub(super) fn done(&mut self, schedule: &str, now: Duration) {
        self.pace.done(now);
        if let Some(pace) = self.schedules.get_mut(schedule) {
            pace.done(now);
        }
    }

    /// A slot was not used.
    pub(super) fn give_back(&mut self, schedule: &str) {
        self.pace.give_back();
        if let Some(pace) = self.schedules.get_mut(schedule) {
            pace.give_back();
        }
    }
}
