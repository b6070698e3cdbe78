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
pub mod current;
mod difference;
mod effect;
mod engine;
pub mod filter;
mod integrity;
mod last_good;
mod lately;
pub mod log;
mod reload;
mod reloaded;
mod reports;
mod standing;
mod systemd;
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

use reload::{Bell, Door, Reloads};
use systemd::notify;

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
    let (bell, door) = reload::bell();
    let (listener, desk) = match open_desk(&engine, bell) {
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
    let reloads = Reloads::new(last_good::keep(Arc::clone(&config)).await);
    let status = systemd::Status::new(engine.current(), engine.watch(), clock.clone());
    status.tell();
    let status_line = tokio::spawn(status.clone().follow());
    let told = serve(&mut engine, &mut signals, (door, reloads), &status).await;
    status_line.abort();
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
    let _ = std::fs::remove_file(&config.daemon.socket); // a reload does not move it
    if told {
        Ok(())
    } else {
        Err(DaemonError::Fatal)
    }
}

/// Reloads whenever that is asked for. Answers whether it was told to end; else it has to.
async fn serve(
    engine: &mut Engine,
    signals: &mut Signals,
    (mut door, mut reloads): (Door, Reloads),
    status: &systemd::Status,
) -> bool {
    let fatal = engine.fatal();
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End => return true,
                Told::Reload => reloads.begin(engine, None),
            },
            () = fatal.cancelled() => return false,
            Some(request) = door.recv(), if reloads.is_idle() => {
                reloads.begin(engine, Some(request));
            }
            read = reloads.read() => {
                reloads.finish(engine, read).await;
                status.tell();
            }
        }
    }
}

fn open_desk(engine: &Engine, bell: Bell) -> Result<(UnixListener, Desk), DaemonError> {
    let listener = listen(&engine.config().daemon.socket)?;
    let desk = Desk {
        current: engine.current(),
        bell,
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
            () = signals.end() => {
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

/// The signals that the daemon hears, from the moment this exists.
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

    /// The next signal.
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.term.recv() => Told::End,
            _ = self.int.recv() => Told::End,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// Waits to be told to end; there is nothing to read again any more.
    async fn end(&mut self) {
        while self.next().await != Told::End {}
    }
}

/// What a signal says.
#[derive(PartialEq)]
enum Told {
    End,
    Reload,
}
