//! deliver carries what waits in the outbox to the servers: claim, compose, offer, arm, send,
//! record.
//!
//! Each account has a [`dispatch`] task, which claims rows as its pace allows, and a few lanes,
//! each with one connection. What a reply means is decided in [`verdict`]; what happened is in the
//! outbox, nowhere else. deliver never opens runs and never meets plan: rows appear in the outbox,
//! and a wake-up carries no data.
//!
//! Failure, one recipient at a time:
//! - an account that cannot be used rests; its rows go back, no attempt burnt;
//! - a connection that breaks before the end of data defers its row;
//! - no answer to the end of data leaves the row in doubt;
//! - a refusal is the row's own, and the connection goes on.
//!
//! Invariants: no body without a durable arm on the same connection after its 354; the result of
//! one message is handed to the outbox before the next is armed; a session on which anything went
//! wrong is dropped.

mod account;
mod again;
mod carry;
mod dispatch;
mod door;
mod ending;
mod hours;
mod lane;
mod letter;
mod line;
mod report;
pub mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use account::AccountWork;
pub use account::{AccountView, TroubleView};
pub use again::{RecomposeError, Recomposed, recompose};
pub use door::target;
pub use hours::Hours;
use letter::Letterheads;

use crate::clock::Clock;
use crate::config::{Account, Addresses, Config, Rate};
use crate::outbox::{Outbox, OutboxError};
use crate::smtp::{Deadlines, Target, TlsSetupError};

/// What deliver needs to know of the configuration.
pub struct Settings {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Rates of schedules that have their own.
    pub schedule_rates: BTreeMap<String, Vec<Rate>>,
    /// Hours of schedules that may not send at any hour.
    pub schedule_hours: BTreeMap<String, Hours>,
    /// How addresses appear in the log.
    pub addresses: Addresses,
    /// How long each stage of a session may take.
    pub deadlines: Deadlines,
}

impl Settings {
    /// What a configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let schedules = || config.schedules.values();
        let paced = schedules().filter(|schedule| !schedule.rate.is_empty());
        let hours = schedules().filter_map(|schedule| {
            let open = schedule.between.clone()?;
            let zone = schedule.zone.clone();
            Some((schedule.name.clone(), Hours { open, zone }))
        });
        Self {
            accounts: config.accounts.values().cloned().collect(),
            schedule_rates: paced.map(|it| (it.name.clone(), it.rate.clone())).collect(),
            schedule_hours: hours.collect(),
            addresses: config.daemon.addresses,
            deadlines: Deadlines::default(),
        }
    }
}

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
    drain: CancellationToken,
    abort: CancellationToken,
    fatal: CancellationToken,
}

/// Sees how the accounts are, and wakes them. Clones watch the same ones.
#[derive(Clone, Default)]
pub struct Watch {
    accounts: Arc<BTreeMap<String, Arc<AccountWork>>>,
    unusable: Arc<Vec<AccountView>>,
}

impl Watch {
    /// Something may have become due. Carries no data and is never wrong.
    pub fn wake(&self) {
        self.accounts
            .values()
            .for_each(|work| work.wake.notify_one());
    }

    /// How the accounts are, by name.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountView> {
        let mut all = self.unusable.to_vec();
        all.extend(self.accounts.values().map(|work| work.view()));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

/// The lease of a claimed row: longer than the longest wait for a reply.
const LEASE: Duration = Duration::from_secs(15 * 60);

impl Deliver {
    /// Starts to carry what waits. An account whose TLS cannot be set up is down, and says so; the
    /// others work.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn start(settings: Settings, outbox: &Outbox, clock: &Clock) -> Result<Self, DeliverError> {
        Self::start_through(target, settings, outbox, clock)
    }

    /// The same through other doors than the real ones: `target` says where the server of an
    /// account is, and how it is reached.
    ///
    /// # Errors
    /// As [`Deliver::start`].
    pub fn start_through(
        target: impl Fn(&Account, Deadlines) -> Result<Target, TlsSetupError>,
        settings: Settings,
        outbox: &Outbox,
        clock: &Clock,
    ) -> Result<Self, DeliverError> {
        let heads = Arc::new(Letterheads::new(outbox)?);
        let hours = Arc::new(settings.schedule_hours);
        let mut deliver = Self {
            watch: Watch::default(),
            tasks: JoinSet::new(),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            fatal: CancellationToken::new(),
        };
        let reader = outbox.reader()?;
        let (mut accounts, mut unusable) = (BTreeMap::new(), Vec::new());
        for account in settings.accounts {
            let name = account.name.clone();
            let tools = account::Tools {
                outbox: outbox.clone(),
                clock: clock.clone(),
                heads: Arc::clone(&heads),
                hours: Arc::clone(&hours),
                addresses: settings.addresses,
                drain: deliver.drain.clone(),
                abort: deliver.abort.clone(),
                fatal: deliver.fatal.clone(),
            };
            let rates = &settings.schedule_rates;
            match target(&account, settings.deadlines) {
                Ok(target) => {
                    let work = AccountWork::new(account, target, rates, tools);
                    work.remember_what_was_sent(&reader)?;
                    deliver.tasks.spawn(dispatch::run(Arc::clone(&work)));
                    accounts.insert(name, work);
                }
                Err(error) => unusable.push(report_unusable(name, &error, clock)),
            }
        }
        deliver.watch = Watch {
            accounts: Arc::new(accounts),
            unusable: Arc::new(unusable),
        };
        Ok(deliver)
    }

    /// For seeing how the accounts are, and for waking them.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Claims nothing more, lets messages under way hear their answers, says goodbye.
    pub async fn drain(&mut self) {
        self.drain.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Fires when the outbox has stopped for good: the process has to end.
    #[must_use]
    pub fn fatal(&self) -> CancellationToken {
        self.fatal.clone()
    }

    /// A handle that ends all waits for answers at once; what is in doubt then is recorded so.
    #[must_use]
    pub fn abort_handle(&self) -> CancellationToken {
        self.abort.clone()
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
        connections: 0,
        trouble,
    }
}
