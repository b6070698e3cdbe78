//! Another configuration while everything runs.
//!
//! Whatever can fail is done before anything changes; then there is one change. A run that is open
//! keeps what it was opened with; rates, hours and accounts hold from the next message on. One that
//! is refused changes nothing, and is told to whoever asked, to the log, to systemd and in the
//! status until one is not.
//!
//! The files are read beside everything else, as they may lie where nobody answers for minutes;
//! whoever asks again meanwhile waits for that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::current::Current;
use super::difference::{at_the_start, differences};
use super::effect::Scene;
use super::engine::Engine;
use super::last_good;
use super::reloaded::{Difference, How, Refused, Reloaded};
use super::systemd::{counted, in_words, notify};
use crate::clock::Timestamp;
use crate::config::{self, Config, Problems, Severity};
use crate::deliver::{Ready, Settings, Unusable};
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
    #[error(transparent)]
    Account(#[from] Unusable),
    /// The outbox cannot say what was sent lately.
    #[error("{0}")]
    Outbox(String),
    /// Something that reads the files is broken.
    #[error("reading it failed by a bug in postroom, which the log tells of")]
    Bug,
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
    let of_errors = problems.iter().filter(|it| it.severity == Severity::Error);
    let mut files: Vec<PathBuf> = Vec::new();
    for problem in of_errors {
        let path = problem.place().file.path();
        let main = problems.path();
        let beside = main.parent().and_then(|it| path.strip_prefix(it).ok());
        let path = beside.unwrap_or(path).to_owned();
        if !files.contains(&path) {
            files.push(path);
        }
    }
    let errors = counted(problems.errors(), "error");
    match files.as_slice() {
        [] => errors,
        [file] => format!("{errors} in {}", file.display()),
        [first, others @ ..] => {
            let others = counted(others.len(), "other file");
            format!("{errors} in {} and {others}", first.display())
        }
    }
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

/// Reloads, one at a time.
pub(super) struct Reloads {
    under_way: Option<UnderWay>,
    /// A signal came while the files were read, and what it means may have been written since.
    again: bool,
    /// The files that hold are kept as the last good ones.
    kept: bool,
}

/// The files are being read.
struct UnderWay {
    reading: JoinHandle<Outcome>,
    /// Who waits for it, if it was not a signal.
    asked_by: Option<Request>,
}

type Outcome = Result<Prepared, ReloadError>;

/// A configuration that can be used, and what there is to say of it.
pub(super) struct Prepared {
    config: Config,
    problems: Problems,
    ready: Ready,
}

impl Reloads {
    /// `kept` says whether the files of the start are kept as the last good ones.
    pub(super) fn new(kept: bool) -> Self {
        Self {
            under_way: None,
            again: false,
            kept,
        }
    }

    /// Whether the next one can begin.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way.is_none()
    }

    /// Begins to read the files: because of a signal at any time, and once more if they are being
    /// read; for somebody only when idle.
    pub(super) fn begin(&mut self, engine: &Engine, asked_by: Option<Request>) {
        if !self.is_idle() {
            self.again = true;
            return;
        }
        let mut told = vec![NotifyState::Reloading];
        told.extend(NotifyState::monotonic_usec_now().ok());
        notify(&told); // as one message: systemd does not put two together
        self.under_way = Some(UnderWay {
            reading: reading(&engine.config()),
            asked_by,
        });
    }

    /// Waits until they are read; for ever if nobody reads. May be dropped and asked again.
    pub(super) async fn read(&mut self) -> Outcome {
        match &mut self.under_way {
            Some(it) => outcome(&mut it.reading).await,
            None => std::future::pending().await,
        }
    }

    /// Goes on by what was read, tells whoever asked, the log and systemd, and begins again if
    /// that was asked for.
    pub(super) async fn finish(&mut self, engine: &mut Engine, read: Outcome) {
        let asked_by = self.under_way.take().and_then(|it| it.asked_by);
        let done = match read {
            Ok(prepared) => change(engine, prepared).await,
            Err(error) => Err(error),
        };
        tell(engine, &done);
        if let Ok(done) = &done {
            let same = done.before.written.files == done.after.written.files;
            if !(same && self.kept) {
                self.kept = last_good::keep(Arc::clone(&done.after)).await;
            }
        }
        notify(&[NotifyState::Ready]);
        if let Some(answer) = asked_by {
            drop(answer.send(done)); // who does not wait any more need not know
        }
        if std::mem::take(&mut self.again) {
            self.begin(engine, None);
        }
    }
}

fn tell(engine: &Engine, done: &Result<Done, ReloadError>) {
    let (current, now) = (engine.current(), engine.clock.now());
    match done {
        Ok(done) => {
            current.accepted(now, done.reloaded.differs());
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
}

/// Says what a reload would change, and changes nothing.
///
/// # Errors
/// It would be refused for another reason than that something takes a restart.
pub(super) async fn foresee(before: Arc<Config>) -> Result<Done, ReloadError> {
    let prepared = outcome(&mut reading(&before)).await?;
    let reloaded = Reloaded {
        dry_run: true,
        ..compared(&before, &prepared.config, &prepared.problems)
    };
    let after = Arc::new(prepared.config);
    Ok(Done {
        before,
        after,
        reloaded,
    })
}

async fn change(engine: &mut Engine, prepared: Prepared) -> Result<Done, ReloadError> {
    let (before, after) = (engine.config(), prepared.config);
    let fixed = at_the_start(&before, &after);
    if !fixed.is_empty() {
        return Err(ReloadError::Restart(fixed));
    }
    let problems = prepared.problems;
    let reloaded = compared(&before, &after, &problems);
    engine
        .renew(after, prepared.ready)
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

/// Reads what the files hold now, on a thread that may block.
fn reading(before: &Config) -> JoinHandle<Outcome> {
    let path = before.path.clone();
    tokio::task::spawn_blocking(move || read(&path))
}

/// A panic costs this one reload, and not the daemon.
async fn outcome(reading: &mut JoinHandle<Outcome>) -> Outcome {
    reading.await.unwrap_or(Err(ReloadError::Bug))
}

fn read(path: &Path) -> Outcome {
    let loaded = config::load(path).map_err(ReloadError::Wrong)?;
    let ready = Ready::of(Settings::of(&loaded.config))?;
    Ok(Prepared {
        config: loaded.config,
        problems: loaded.problems,
        ready,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bug_in_what_reads_the_files_refuses_the_reload() {
        let mut reading = tokio::task::spawn_blocking(|| panic!("a bug"));
        let refused = outcome(&mut reading).await.err().expect("nothing was read");
        assert!(matches!(refused, ReloadError::Bug), "{refused}");
    }
}
