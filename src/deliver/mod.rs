//! deliver carries what waits in the outbox to the servers: claim, compose, offer, arm, send,
//! record.
//!
//! Each account has a [`dispatch`] task, which claims rows as its pace allows, and a few lanes,
//! each with one connection. What a reply means is decided in [`verdict`]; what happened is in the
//! outbox, nowhere else. deliver never opens runs and never meets plan: rows appear in the outbox,
//! and a wake-up carries no data.
//!
//! Failure, one recipient at a time:
//! - an account that cannot be used, or whose mail cannot be signed, rests; its rows go back, no
//!   attempt burnt;
//! - a connection that breaks before the end of data defers its row;
//! - no answer to the end of data leaves the row in doubt;
//! - a refusal is the row's own, and the connection goes on.
//!
//! Invariants: no body without a durable arm on the same connection after its 354; the result of
//! one message is handed to the outbox before the next is armed; a session on which anything went
//! wrong is dropped.

mod account;
mod again;
mod board;
mod breaking;
mod carry;
mod dispatch;
mod domains;
mod door;
mod ending;
mod hours;
mod lane;
mod leaving;
mod letter;
mod line;
mod ready;
mod report;
mod settings;
mod signing;
mod slots;
mod together;
pub mod verdict;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use account::{AccountWork, Tools};
pub use again::{RecomposeError, Recomposed, recompose};
pub use door::target;
pub use hours::Hours;
pub use leaving::token_keys;
use letter::Letterheads;
pub use ready::{Ready, Unusable};
pub use settings::Settings;
pub use signing::{Unsigned, signed, signers};
pub use view::{AccountView, MeterView, TroubleView};

use crate::clock::Clock;
use crate::config::Account;
use crate::outbox::{Outbox, OutboxError, Use};
use crate::pace::{Book, Past};
use crate::smtp::{Deadlines, Target, TlsSetupError};

/// Why deliver cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The outbox cannot be read.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// All accounts at work.
pub struct Deliver {
    watch: Watch,
    tasks: JoinSet<()>,
    tools: Tools,
}

/// Where the server of an account is and how it is reached, or why that cannot be said.
type Way = Result<Target, TlsSetupError>;

/// Sees how the accounts are, and wakes them. Clones watch the same ones.
#[derive(Clone, Default)]
pub struct Watch(Arc<RwLock<Posts>>);

/// The accounts of one configuration.
#[derive(Default)]
struct Posts {
    works: BTreeMap<String, Arc<AccountWork>>,
    unusable: BTreeMap<String, AccountView>,
}

impl Watch {
    /// Something may have become due. Carries no data and is never wrong.
    pub fn wake(&self) {
        self.posts()
            .works
            .values()
            .for_each(|work| work.tell_news());
    }

    /// How the accounts are, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountView> {
        let posts = self.posts();
        let usable = posts.works.values().map(|work| work.view());
        let mut all: Vec<_> = posts.unusable.values().cloned().chain(usable).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// How far the rates of schedules and of the whole process are used up: by schedule, the
    /// process's under an empty name.
    #[must_use]
    pub fn shared_meters(&self) -> BTreeMap<String, Vec<MeterView>> {
        let posts = self.posts();
        let any = posts.works.values().next();
        any.map_or_else(BTreeMap::new, |work| work.shared_meters())
    }

    fn posts(&self) -> std::sync::RwLockReadGuard<'_, Posts> {
        self.0.read().expect("no holder of this lock panics")
    }
}

/// The lease of a claimed row: longer than the longest wait for a reply.
const LEASE: Duration = Duration::from_secs(15 * 60);
/// So much longer for each of those who share a message: the answer to each RCPT may take so long.
const LEASE_EACH: Duration = Duration::from_secs(2 * 60);

impl Deliver {
    /// Starts to carry what waits. An account whose TLS cannot be set up is down, and says so; the
    /// others work. `leased` are messages that an earlier process may have been offering when it
    /// ended.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn start(
        settings: Settings,
        leased: &[Use],
        outbox: &Outbox,
        clock: &Clock,
    ) -> Result<Self, DeliverError> {
        Self::start_through(target, settings, leased, outbox, clock)
    }

    /// The same through other doors than the real ones: `target` says where the server of an
    /// account is, and how it is reached.
    ///
    /// # Errors
    /// As [`Deliver::start`].
    pub fn start_through(
        target: impl Fn(&Account, Deadlines) -> Result<Target, TlsSetupError>,
        settings: Settings,
        leased: &[Use],
        outbox: &Outbox,
        clock: &Clock,
    ) -> Result<Self, DeliverError> {
        let tools = Tools {
            outbox: outbox.clone(),
            clock: clock.clone(),
            heads: Arc::new(Letterheads::new(outbox)?),
            book: Arc::new(Mutex::new(Book::default())),
            board: Arc::default(),
            breakers: Arc::default(),
            claiming: Arc::default(),
            manners: Arc::default(),
            keys: Arc::default(),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            fatal: CancellationToken::new(),
        };
        let mut deliver = Self {
            watch: Watch::default(),
            tasks: JoinSet::new(),
            tools,
        };
        let uses = deliver.uses(&settings)?;
        let uses = uses.into_iter().chain(leased.iter().cloned()).collect();
        let accounts = settings.accounts.iter();
        let ways = accounts.map(|it| target(it, settings.deadlines)).collect();
        let now = clock.ticks();
        deliver.set(settings, ways, now, &slots::past(uses, now));
        Ok(deliver)
    }

    /// Goes on by other settings. Accounts that stay as they are keep their connections; others end
    /// what they have in hand and begin anew. No slot that was used is forgotten.
    ///
    /// # Errors
    /// The outbox cannot be read; then nothing has changed.
    pub async fn renew(&mut self, ready: Ready) -> Result<(), DeliverError> {
        let (settings, targets) = ready.into_parts();
        let nothing = crate::outbox::Release {
            rows: Vec::new(),
            next_at: None,
        };
        let now = self.tools.clock.ticks();
        self.tools.outbox.submit(nothing).await?; // all that ended is on record after this
        let uses = self.uses(&settings)?;
        let past = slots::past(uses, self.tools.clock.ticks());
        let ways = targets.into_iter().map(Ok).collect();
        self.set(settings, ways, now, &past);
        Ok(())
    }

    fn uses(&self, settings: &Settings) -> Result<Vec<Use>, OutboxError> {
        let memory = settings.memory();
        if memory.is_zero() {
            return Ok(Vec::new());
        }
        self.tools.outbox.reader()?.uses(memory, &self.tools.clock)
    }

    /// Each account has its way, in their order. What ended before `now` is in `past`.
    fn set(&mut self, settings: Settings, ways: Vec<Way>, now: Duration, past: &[Past]) {
        while self.tasks.try_join_next().is_some() {} // what ended is forgotten
        let (process, schedules) = (&settings.process_rate, &settings.schedule_rates);
        let book = self.tools.book.lock();
        let mut book = book.expect("no holder of this lock panics");
        book.set_shared(process, schedules, now, past);
        drop(book);
        let manners = self.tools.manners.write();
        *manners.expect("no holder of this lock panics") = Arc::new(settings.manners());
        self.tools.keys.renew(&settings.accounts);
        let names: BTreeSet<&String> = settings.accounts.iter().map(|it| &it.name).collect();
        self.dismiss(&names);
        for (account, way) in settings.accounts.into_iter().zip(ways) {
            self.employ(account, way, now, past);
        }
        // What waits for a lane was claimed by other rates and hours.
        let posts = self.posts();
        posts.works.values().for_each(|work| work.claim_anew());
    }

    /// Ends the work of accounts that are no more.
    fn dismiss(&self, names: &BTreeSet<&String>) {
        let mut posts = self.posts();
        posts.unusable.retain(|name, _| names.contains(name));
        posts.works.retain(|name, work| {
            let stays = names.contains(name);
            if !stays {
                work.tools.drain.cancel();
                let why = "it is not in the configuration any more".to_owned();
                self.tools.board.set(name, Some(why));
            }
            stays
        });
    }

    /// Lets an account work as it is described now.
    fn employ(&mut self, account: Account, way: Way, now: Duration, past: &[Past]) {
        let name = account.name.clone();
        let before = self.posts().works.get(&name).cloned();
        if let Some(work) = &before {
            if work.account == account {
                let work = Arc::clone(work);
                self.tasks.spawn(async move { work.renew_secret().await });
                return;
            }
            work.tools.drain.cancel();
        }
        let mut posts = self.posts();
        posts.works.remove(&name);
        posts.unusable.remove(&name);
        match way {
            Ok(target) => {
                let tools = Tools {
                    drain: self.tools.drain.child_token(),
                    ..self.tools.clone()
                };
                let work = AccountWork::new(account, target, tools);
                posts.works.insert(name, Arc::clone(&work));
                drop(posts);
                let past = past.to_vec();
                self.tasks.spawn(async move {
                    if let Some(before) = before {
                        work.after(&before).await;
                    }
                    work.begin(now, &past);
                    dispatch::run(work).await;
                });
            }
            Err(error) => {
                let board = &self.tools.board;
                board.join(&name, &Arc::default());
                board.set(&name, Some(error.to_string()));
                let view = report_unusable(name.clone(), &error, &self.tools.clock);
                posts.unusable.insert(name, view);
            }
        }
    }

    fn posts(&self) -> std::sync::RwLockWriteGuard<'_, Posts> {
        let posts = self.watch.0.write();
        posts.expect("no holder of this lock panics")
    }

    /// For seeing how the accounts are, and for waking them.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Claims nothing more, lets messages under way hear their answers, says goodbye.
    pub async fn drain(&mut self) {
        self.tools.drain.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Fires when the outbox has stopped for good: the process has to end.
    #[must_use]
    pub fn fatal(&self) -> CancellationToken {
        self.tools.fatal.clone()
    }

    /// A handle that ends all waits for answers at once; what is in doubt then is recorded so.
    #[must_use]
    pub fn abort_handle(&self) -> CancellationToken {
        self.tools.abort.clone()
    }
}

fn report_unusable(name: String, error: &TlsSetupError, clock: &Clock) -> AccountView {
    tracing::error!(account = name, "account {name} cannot be used: {error}");
    let since = clock.now().as_millisecond();
    let trouble = Some(TroubleView {
        text: error.to_string(),
        since,
        retry_at: None,
    });
    AccountView {
        name,
        trouble,
        ..AccountView::default()
    }
}
