//! The daemon keeps it going: start, signals, control socket, drain, stop.
//!
//! One process has a state directory; it opens runs as they fall due, delivers, and answers
//! questions on its socket. SIGTERM or SIGINT drains: nothing new is claimed, messages under way
//! hear their answers. A second signal ends those waits and records what is in doubt.
//!
//! Readiness means: configuration loaded, lock held, outbox open, socket bound. It never means
//! that a mail server can be reached; one broken account or list stops nobody else.

mod alarms;
pub mod answer;
pub mod api;
pub mod author;
pub mod change;
mod changing;
mod control;
mod engine;
pub mod filter;
mod integrity;
pub mod log;
mod reports;
mod standing;
mod thinning;
pub mod times;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub use control::SocketError;
use control::{Desk, listen, routes};
pub use engine::{Engine, StartError, lock_state, take_state};

use crate::clock::Clock;
use crate::config::Config;
use crate::outbox::Hold;

/// How often systemd is asked for more time while a message waits for its answer.
const EXTEND: Duration = Duration::from_secs(20);

/// Why the daemon ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// It could not begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It could not listen on its socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Signals cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signals(std::io::Error),
    /// The outbox stopped under it.
    #[error("the outbox has stopped; see the log. Nothing is sent that cannot be recorded")]
    Fatal,
}

/// Runs until a signal ends it; with everything on hold if `held` says so.
///
/// # Errors
/// It could not begin, or the outbox stopped for good.
pub async fn run(config: Arc<Config>, clock: Clock, held: Option<Hold>) -> Result<(), DaemonError> {
    // Before slow work, so that no signal meets the default action.
    let mut signals = Signals::new().map_err(DaemonError::Signals)?;
    let mut engine = Engine::start(Arc::clone(&config), clock.clone(), held).await?;
    let (listener, desk) = match open_desk(&engine) {
        Ok(opened) => opened,
        Err(error) => {
            engine.stop().await;
            return Err(error);
        }
    };
    let routes = routes(Arc::new(desk)).into_make_service_with_connect_info::<author::Peer>();
    let control = tokio::spawn(async move { axum::serve(listener, routes).await });
    engine.start_plan();
    tell_ready(&config);
    let fatal = engine.fatal();
    let told = tokio::select! {
        () = signals.next() => true,
        () = fatal.cancelled() => false,
    };
    notify(&[NotifyState::Stopping]);
    tracing::info!(
        event = "stopping",
        "stopping: messages under way hear their answers first"
    );
    if !told {
        engine.abort_handle().cancel(); // no answer could be recorded
    }
    drain(engine, &mut signals, &clock).await;
    control.abort();
    let _ = std::fs::remove_file(&config.daemon.socket);
    if told {
        Ok(())
    } else {
        Err(DaemonError::Fatal)
    }
}

fn open_desk(engine: &Engine) -> Result<(UnixListener, Desk), DaemonError> {
    let listener = listen(&engine.config.daemon.socket)?;
    let desk = Desk {
        config: Arc::clone(&engine.config),
        outbox: engine.outbox.clone(),
        reader: Mutex::new(engine.outbox.reader().map_err(StartError::Outbox)?),
        clock: engine.clock.clone(),
        watch: engine.watch(),
        started: engine.clock.now(),
    };
    Ok((listener, desk))
}

/// Waits for what is under way; a second signal ends the wait.
async fn drain(engine: Engine, signals: &mut Signals, clock: &Clock) {
    let abort: CancellationToken = engine.abort_handle();
    let stop = engine.stop();
    tokio::pin!(stop);
    loop {
        // At once, as the time that systemd gives may be shorter than the first wait.
        let more = u32::try_from((3 * EXTEND).as_micros()).unwrap_or(u32::MAX);
        notify(&[NotifyState::ExtendTimeoutUsec(more)]);
        tokio::select! {
            () = &mut stop => break,
            () = signals.next() => {
                tracing::warn!("stopping at once: what waits for its answer is in doubt now");
                abort.cancel();
            }
            () = clock.sleep(EXTEND) => {}
        }
    }
    tracing::info!(event = "stopped", "stopped");
}

fn tell_ready(config: &Config) {
    let plural = |n: usize, noun| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
    let (schedules, accounts) = (config.schedules.len(), config.accounts.len());
    tracing::info!(
        event = "ready",
        config = %config.path.display(),
        schedules,
        accounts,
        "postroom {} is ready: {}, {}, socket {}",
        env!("CARGO_PKG_VERSION"),
        plural(schedules, "schedule"),
        plural(accounts, "account"),
        config.daemon.socket.display()
    );
    notify(&[NotifyState::Ready]);
}

/// Tells systemd, where there is one.
fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("systemd was not told: {error}");
    }
}

/// The signals that end the daemon, from the moment this exists. SIGHUP does not: it asks for the
/// configuration to be read again, which this version cannot.
struct Signals {
    term: tokio::signal::unix::Signal,
    int: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits to be told to end.
    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
                _ = self.hangup.recv() => tracing::warn!(
                    "SIGHUP: the configuration is read at the start only; restart to apply it"
                ),
            }
        }
    }
}
