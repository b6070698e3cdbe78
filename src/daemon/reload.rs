//! Another configuration while everything runs.
//!
//! Whatever can fail is done before anything changes; then there is one change. A run that is open
//! keeps what it was opened with; rates, hours and accounts hold from the next message on. One that
//! is refused changes nothing, and is told to whoever asked, to the log, to systemd and in the
//! status until one is not.

use std::path::Path;
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};

use super::current::Current;
use super::difference::{at_the_start, differences};
use super::effect::Scene;
use super::engine::Engine;
use super::last_good;
use super::reloaded::{Difference, How, Refused, Reloaded};
use super::systemd::{counted, in_words, notify};
use crate::clock::Timestamp;
use crate::config::{self, Config, Problems, Severity};
use crate::deliver::{self, Settings};
use crate::outbox::Reader;

/// So many problems are told to the log.
const LOGGED: usize = 20;

/// Why the configuration stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    /// The files are wrong.
    #[error("{}", wrong(.0))]
    Wrong(Problems),
    /// Some keys are read at the start only.
    #[error("{}", restart(.0))]
    Restart(Vec<&'static str>),
    /// An account cannot be used as it is described.
    #[error("account {0} cannot be used: {1}")]
    Account(String, String),
    /// The outbox cannot say what was sent lately.
    #[error("{0}")]
    Outbox(String),
    /// The daemon ends.
    #[error("the daemon is about to end")]
    Ending,
}

impl ReloadError {
    /// All of it, for whoever asked for the reload, and what keeps running.
    pub(super) fn words(&self, colour: bool, current: &Current, now: Timestamp) -> String {
        let why = match self {
            Self::Wrong(problems) => format!("{}\n", problems.render(colour).trim_end()),
            other => format!("{other}. "),
        };
        let loaded = in_words(current.standing().loaded_at, now);
        let schedules = counted(current.get().schedules.len(), "schedule");
        format!(
            "{why}Nothing was changed; the configuration of {loaded} keeps running ({schedules})"
        )
    }

    fn refused(&self, now: Timestamp) -> Refused {
        Refused {
            at: now.as_millisecond(),
            errors: match self {
                Self::Wrong(problems) => problems.errors(),
                _ => 0,
            },
            text: self.to_string(),
        }
    }
}

fn wrong(problems: &Problems) -> String {
    let file = problems.path().file_name().unwrap_or_default();
    let errors = problems.errors();
    let s = if errors == 1 { "" } else { "s" };
    format!("{errors} error{s} in {}", file.display())
}

fn restart(keys: &[&str]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
    format!("{} changed: that takes a restart", keys.join(", "))
}

/// Somebody who asks for it, and waits.
pub(super) type Request = oneshot::Sender<Result<Done, ReloadError>>;

/// For asking.
#[derive(Clone)]
pub(super) struct Bell(mpsc::Sender<Request>);

/// For hearing it.
pub(super) type Door = mpsc::Receiver<Request>;

/// Both ends.
pub(super) fn bell() -> (Bell, Door) {
    let (sender, receiver) = mpsc::channel(4);
    (Bell(sender), receiver)
}

impl Bell {
    /// Asks for a reload, and says how it ended.
    ///
    /// # Errors
    /// The configuration stays as it is.
    pub(super) async fn ring(&self) -> Result<Done, ReloadError> {
        let (answer, heard) = oneshot::channel();
        let asked = self.0.send(answer).await;
        asked.map_err(|_| ReloadError::Ending)?;
        heard.await.map_err(|_| ReloadError::Ending)?
    }
}

/// A reload that was done, or could be.
pub(super) struct Done {
    before: Arc<Config>,
    after: Arc<Config>,
    reloaded: Reloaded,
}

impl Done {
    /// What it changes, with what follows from that as far as it can be told.
    pub(super) fn told(self, reader: &Reader, now: Timestamp) -> Reloaded {
        let mut reloaded = self.reloaded;
        let scene = Scene {
            before: &self.before,
            after: &self.after,
            now,
            counts_people: reloaded.dry_run, // else somebody waits who wants to go on
        };
        if let Err(error) = scene.tell(&mut reloaded, reader) {
            tracing::warn!("what a reload does to the queue cannot be told: {error}");
        }
        reloaded
    }
}

/// Reads the configuration again and goes on by it, and tells the log and systemd.
///
/// # Errors
/// It stays as it is.
pub(super) async fn reload(engine: &mut Engine) -> Result<Done, ReloadError> {
    let reloading = [NotifyState::Reloading];
    notify(&reloading);
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[now]);
    }
    let done = change(engine).await;
    let (current, now) = (engine.current(), engine.clock.now());
    match &done {
        Ok(done) => {
            current.accepted(now, done.reloaded.differs());
            if done.before.written.files != done.after.written.files {
                last_good::keep(Arc::clone(&done.after)).await;
            }
            tracing::info!(
                event = "reloaded",
                "the configuration was read again: {}",
                done.reloaded
            );
        }
        Err(error) => {
            current.refused(error.refused(now));
            tracing::error!(
                event = "reload-refused",
                "the configuration stays as it was: {error}"
            );
            if let ReloadError::Wrong(problems) = error {
                log(problems, Severity::Error);
            }
        }
    }
    notify(&[NotifyState::Ready]);
    done
}

/// Says what a reload would change, and changes nothing.
///
/// # Errors
/// It would be refused for another reason than that something takes a restart.
pub(super) async fn foresee(before: Arc<Config>) -> Result<Done, ReloadError> {
    let (after, problems) = prepared(&before).await?;
    let reloaded = Reloaded {
        dry_run: true,
        ..compared(&before, &after, &problems)
    };
    let after = Arc::new(after);
    Ok(Done {
        before,
        after,
        reloaded,
    })
}

async fn change(engine: &mut Engine) -> Result<Done, ReloadError> {
    let before = engine.config();
    let (after, problems) = prepared(&before).await?;
    let fixed = at_the_start(&before, &after);
    if !fixed.is_empty() {
        return Err(ReloadError::Restart(fixed));
    }
    let reloaded = compared(&before, &after, &problems);
    engine
        .renew(after)
        .await
        .map_err(|error| ReloadError::Outbox(error.to_string()))?;
    // What nobody has to mend was told with the change that brought it.
    let least = match reloaded.differs() {
        true => Severity::Warning,
        false => Severity::Error,
    };
    log(&problems, least);
    Ok(Done {
        before,
        after: engine.config(),
        reloaded,
    })
}

/// The configuration that the files hold now, if it can be used, and what there is to say of it.
async fn prepared(before: &Config) -> Result<(Config, Problems), ReloadError> {
    let path = before.path.clone();
    let read = tokio::task::spawn_blocking(move || read(&path));
    read.await.expect("reading a file does not panic")
}

fn read(path: &Path) -> Result<(Config, Problems), ReloadError> {
    let loaded = config::load(path).map_err(ReloadError::Wrong)?;
    let deadlines = Settings::of(&loaded.config).deadlines;
    for account in loaded.config.accounts.values() {
        deliver::target(account, deadlines)
            .map_err(|error| ReloadError::Account(account.name.clone(), error.to_string()))?;
    }
    Ok((loaded.config, loaded.problems))
}

fn compared(before: &Config, after: &Config, problems: &Problems) -> Reloaded {
    let changes = differences(before, after);
    let names = |kind: &str| {
        let of_kind = changes.iter().filter(|it| it.kind == kind);
        let differ = of_kind.filter(|it| it.how != How::Unused);
        differ.map(|it: &Difference| it.name.clone()).collect()
    };
    let restart = at_the_start(before, after);
    Reloaded {
        config: after.path.display().to_string(),
        dry_run: false,
        restart: restart.into_iter().map(str::to_owned).collect(),
        accounts: names("account"),
        schedules: names("schedule"),
        lists: names("list"),
        problems: (!problems.is_clean()).then(|| problems.render(false)),
        changes,
    }
}

/// One line for each problem that is no lighter than `least`: the log holds no drawings.
fn log(problems: &Problems, least: Severity) {
    let told = problems.iter().filter(|it| it.severity <= least);
    for problem in told.take(LOGGED) {
        let place = problem.place();
        let at = place.file.position(place.span.start);
        let path = place.file.path().display();
        let at = format!("{path}:{}:{}", at.line, at.column);
        let (code, message) = (problem.code, &problem.message);
        match problem.severity {
            Severity::Error => {
                tracing::error!(event = "config-problem", code, "{at}: {message}");
            }
            Severity::Warning => {
                tracing::warn!(event = "config-problem", code, "{at}: {message}");
            }
            Severity::Note => {}
        }
    }
}
