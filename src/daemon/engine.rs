//! The working parts together: lock, outbox, plan, deliver. The daemon runs them for months; a
//! `send` without a daemon runs them until its run is done.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::current::Current;
use super::standing;
use super::thinning;
use crate::clock::Clock;
use crate::config::Config;
use crate::deliver::{Deliver, DeliverError, Ready, Settings, Watch};
use crate::outbox::{
    ClearFailed, CutWaits, Hold, Holder, Interrupted, Interrupter, LockError, Outbox, OutboxError,
    RunFailed, Settle, Settled, StateLock, Sweep,
};
use crate::plan::{Firings, MANUAL, OpenError, Opening, Order, open};

use super::integrity;

/// How often what time alone decides is looked at.
const SWEEP: Duration = Duration::from_secs(2);

/// How often what failed openings left is removed.
const TIDY: Duration = Duration::from_secs(60);

/// Everything that works on one state directory.
pub struct Engine {
    current: Current,
    /// What was done.
    pub outbox: Outbox,
    /// The time.
    pub clock: Clock,
    deliver: Deliver,
    /// Runs whose opening was interrupted.
    again: Vec<Order>,
    tasks: Vec<JoinHandle<()>>,
    fatal: CancellationToken,
    check: Option<Interrupter>,
    _lock: StateLock,
}

/// Why postroom cannot begin to work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else works there.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The configuration was not read as a whole.
    #[error("the configuration has errors: `postroom check` says which")]
    Partial,
}

impl From<DeliverError> for StartError {
    fn from(error: DeliverError) -> Self {
        let DeliverError::Outbox(error) = error;
        Self::Outbox(error)
    }
}

impl Engine {
    /// Takes the state directory, settles what a crash left, and starts to deliver; nothing leaves
    /// that `held` stops.
    ///
    /// # Errors
    /// Another process has it, or the outbox cannot be used.
    pub async fn start(
        config: Arc<Config>,
        clock: Clock,
        held: Option<Hold>,
    ) -> Result<Self, StartError> {
        let (lock, outbox) = take_state(&config, &clock)?;
        let reader = outbox.reader()?;
        integrity::tell_if_it_went_back(&reader)?;
        let settled = outbox.submit(Settle).await?;
        tell_settled(&settled);
        while outbox.submit(CutWaits).await? {}
        if let Some(hold) = held {
            outbox.submit(hold).await?;
        }
        let deliver = Deliver::start(Settings::of(&config), &settled.leased, &outbox, &clock)?;
        let fatal = deliver.fatal();
        let check = integrity::check_if_unsound(&outbox, reader, &clock, &fatal);
        let mut engine = Self {
            current: Current::new(config, clock.now()),
            outbox,
            clock,
            deliver,
            again: Vec::new(),
            tasks: Vec::new(),
            fatal,
            check,
            _lock: lock,
        };
        tell_stranded(&engine.config(), &engine.outbox)?;
        engine.again = engine.settle_interrupted(settled.interrupted).await?;
        engine.spawn_sweeps();
        engine.spawn_reports();
        engine.spawn_tidying();
        engine.spawn_thinning();
        Ok(engine)
    }

    /// Orders for the openings that were interrupted. A manual one is not repeated: the person who
    /// asked for it was told.
    async fn settle_interrupted(
        &self,
        interrupted: Vec<Interrupted>,
    ) -> Result<Vec<Order>, OutboxError> {
        let mut again = Vec::new();
        for run in interrupted {
            let known = self.config().schedules.contains_key(&run.schedule);
            if known && !run.occurrence.starts_with(MANUAL) {
                again.push(Order::due(&run.schedule, run.occurrence, run.due_at).begun());
                continue;
            }
            let reason =
                "postroom ended while this run was opened; nothing of it was sent".to_owned();
            tracing::warn!(
                event = "run-failed",
                schedule = run.schedule,
                occurrence = run.occurrence,
                "{} was not sent: {reason}",
                run.schedule
            );
            self.outbox
                .submit(RunFailed {
                    run: run.no,
                    reason,
                })
                .await?;
        }
        Ok(again)
    }

    /// Starts to watch the calendars, and what a person is to be told of; begins interrupted
    /// openings anew.
    pub fn start_plan(&mut self) {
        self.spawn_alarms();
        let (config, outbox) = (self.config(), self.outbox.clone());
        let (watch, fatal) = (self.watch(), self.fatal.clone());
        let again = std::mem::take(&mut self.again);
        let firings = Firings::new(config, outbox, self.clock.clone(), again);
        let firings = firings.following(self.current.changes());
        self.tasks.push(tokio::spawn(async move {
            let _end_of_all = fatal.drop_guard(); // also after a panic: nobody else does this
            if let Err(error) = firings.run(|| watch.wake()).await {
                tracing::error!("schedules have stopped: {error}");
            }
        }));
    }

    /// Opens a run now.
    ///
    /// # Errors
    /// Nothing is sent to anybody.
    pub async fn open(&self, order: Order) -> Result<Opening, OpenError> {
        let (config, outbox) = (self.config(), self.outbox.clone());
        let clock = self.clock.clone();
        let opened = tokio::task::spawn_blocking(move || open(&config, &outbox, &clock, &order));
        let opening = opened.await.expect("opening a run does not panic");
        self.deliver.watch().wake();
        opening
    }

    fn spawn_reports(&mut self) {
        let (outbox, clock, fatal) = (self.outbox.clone(), self.clock.clone(), self.fatal.clone());
        self.tasks.push(tokio::spawn(async move {
            let _end_of_all = fatal.drop_guard(); // also after a panic: nobody else does this
            if let Err(error) = super::reports::run(outbox, clock).await {
                tracing::error!("runs that end are not told any more: {error}");
            }
        }));
    }

    /// Whoever sends without a daemon is told at once.
    fn spawn_alarms(&mut self) {
        let (current, outbox) = (self.current(), self.outbox.clone());
        let (clock, watch) = (self.clock.clone(), self.watch());
        let fatal = self.fatal.clone();
        self.tasks.push(tokio::spawn(async move {
            let _end_of_all = fatal.drop_guard(); // also after a panic: nobody else does this
            if let Err(error) = super::alarms::run(current, outbox, clock, watch).await {
                tracing::error!("nobody is told of what waits for a person any more: {error}");
            }
        }));
    }

    fn spawn_sweeps(&mut self) {
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        let (watch, fatal) = (self.watch(), self.fatal.clone());
        self.tasks.push(tokio::spawn(async move {
            let _end_of_all = fatal.drop_guard(); // also after a panic: nobody else does this
            loop {
                let swept = outbox.submit(Sweep).await;
                if swept.as_ref().is_ok_and(|swept| swept.held > 0) {
                    tracing::warn!(
                        event = "held",
                        "the first few people of a run were not all taken, so it is on hold \
                         (`postroom status` says why)"
                    );
                }
                match swept {
                    Ok(swept) if swept.more => continue,
                    Ok(swept) if swept.is_news() => watch.wake(),
                    Ok(_) => {}
                    Err(error @ OutboxError::Stopped(_)) => {
                        return tracing::error!("housekeeping has stopped: {error}");
                    }
                    Err(error) => tracing::error!("housekeeping waits: {error}"),
                }
                clock.sleep(SWEEP).await;
            }
        }));
    }

    fn spawn_tidying(&mut self) {
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        self.tasks.push(tokio::spawn(async move {
            loop {
                tidy(&outbox).await;
                clock.sleep(TIDY).await;
            }
        }));
    }

    fn spawn_thinning(&mut self) {
        let (current, outbox) = (self.current(), self.outbox.clone());
        let clock = self.clock.clone();
        self.tasks.push(tokio::spawn(async move {
            thinning::run(&current, &outbox, &clock).await;
        }));
    }

    /// What to do.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.current.get()
    }

    /// The configuration that holds, for those who outlive a change of it.
    #[must_use]
    pub fn current(&self) -> Current {
        self.current.clone()
    }

    /// Goes on by another configuration, and by what was made ready for it.
    ///
    /// # Errors
    /// The outbox cannot be read; then nothing has changed.
    pub async fn renew(&mut self, config: Config, ready: Ready) -> Result<(), DeliverError> {
        self.deliver.renew(ready).await?;
        self.current.set(config);
        self.watch().wake();
        Ok(())
    }

    /// For waking deliver and for seeing how accounts are.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.deliver.watch()
    }

    /// Fires when the outbox has stopped for good.
    #[must_use]
    pub fn fatal(&self) -> CancellationToken {
        self.fatal.clone()
    }

    /// Ends all waits for servers' answers when it is cancelled.
    #[must_use]
    pub fn abort_handle(&self) -> CancellationToken {
        self.deliver.abort_handle()
    }

    /// Opens no more runs, claims nothing more, hears the answers that are due, closes the outbox.
    pub async fn stop(mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        self.check.iter().for_each(Interrupter::interrupt);
        self.deliver.drain().await;
        let outbox = self.outbox;
        let _ = tokio::task::spawn_blocking(move || outbox.close()).await;
    }
}

/// Takes the state directory of a configuration and opens its outbox. Whoever holds the lock is the
/// only one to write.
///
/// # Errors
/// Another process has it, or the outbox cannot be used.
pub fn take_state(config: &Config, clock: &Clock) -> Result<(StateLock, Outbox), StartError> {
    if config.is_partial {
        return Err(StartError::Partial);
    }
    let lock = lock_state(config, clock)?;
    Ok((lock, Outbox::open(&config.daemon.state, clock.clone())?))
}

/// Takes the state directory of a configuration, and leaves what is in it alone.
///
/// # Errors
/// Another process has it, or it cannot be used.
pub fn lock_state(config: &Config, clock: &Clock) -> Result<StateLock, LockError> {
    let holder = Holder {
        pid: std::process::id(),
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        started: clock.now(),
        config: config.path.clone(),
    };
    StateLock::take(&config.daemon.state, &holder)
}

/// Removes the rows of runs that failed. Nobody sees them, so trouble may wait.
async fn tidy(outbox: &Outbox) {
    loop {
        match outbox.submit(ClearFailed).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::warn!("rows of a failed run stay for now: {error}"),
        }
    }
}

/// Tells which runs wait for an account that is there no more.
fn tell_stranded(config: &Config, outbox: &Outbox) -> Result<(), OutboxError> {
    for run in outbox.reader()?.snapshot()?.open {
        if let Some(text) = standing::stranded(config, &run) {
            let (schedule, id) = (&run.schedule, &run.id);
            tracing::warn!(
                event = "run-stranded",
                schedule,
                run = id,
                "run {id}: {text}"
            );
        }
    }
    Ok(())
}

fn tell_settled(settled: &Settled) {
    if settled.released > 0 {
        tracing::info!(
            "{} messages were claimed when postroom ended; they were certainly not sent and go on",
            settled.released
        );
    }
    if !settled.uncertain.is_empty() {
        tracing::warn!(
            event = "uncertain",
            "{} messages were on their way when postroom ended: nobody knows whether they arrived \
             (`postroom queue --state uncertain`)",
            settled.uncertain.len()
        );
    }
}
