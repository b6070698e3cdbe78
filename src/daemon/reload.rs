//! Another configuration while everything runs.
//!
//! Whatever can fail is done before anything changes; then there is one change. A run that is open
//! keeps what it was opened with; rates, hours and accounts hold from the next message on.

use std::path::Path;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};

use super::api::Reloaded;
use super::engine::Engine;
use super::notify;
use crate::config::{self, Config};
use crate::deliver::{self, Settings};

/// Why the configuration stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReloadError {
    /// The file is wrong.
    #[error("{0}")]
    Wrong(String),
    /// Some keys are read at the start only.
    #[error("{} changed: that takes a restart. Nothing was changed", .0.join(", "))]
    Restart(Vec<&'static str>),
    /// An account cannot be used as it is described.
    #[error("account {0} cannot be used: {1}. Nothing was changed")]
    Account(String, String),
    /// The outbox cannot say what was sent lately.
    #[error("{0}. Nothing was changed")]
    Outbox(String),
    /// The daemon ends.
    #[error("the daemon is about to end")]
    Ending,
}

/// Somebody who asks for it, and waits.
pub(super) type Request = oneshot::Sender<Result<Reloaded, ReloadError>>;

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
    pub(super) async fn ring(&self) -> Result<Reloaded, ReloadError> {
        let (answer, heard) = oneshot::channel();
        let asked = self.0.send(answer).await;
        asked.map_err(|_| ReloadError::Ending)?;
        heard.await.map_err(|_| ReloadError::Ending)?
    }
}

/// Reads the configuration again and goes on by it, and tells the log and systemd.
///
/// # Errors
/// It stays as it is.
pub(super) async fn reload(engine: &mut Engine) -> Result<Reloaded, ReloadError> {
    let reloading = [NotifyState::Reloading];
    notify(&reloading);
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[now]);
    }
    let done = change(engine).await;
    match &done {
        Ok(reloaded) => tracing::info!(
            event = "reloaded",
            "the configuration was read again: {reloaded}"
        ),
        Err(error) => tracing::error!(
            event = "reload-refused",
            "the configuration stays as it was: {error}"
        ),
    }
    notify(&[NotifyState::Ready]);
    done
}

async fn change(engine: &mut Engine) -> Result<Reloaded, ReloadError> {
    let before = engine.config();
    let path = before.path.clone();
    let read = tokio::task::spawn_blocking(move || read(&path, &before));
    let (config, reloaded) = read.await.expect("reading a file does not panic")?;
    engine
        .renew(config)
        .await
        .map_err(|error| ReloadError::Outbox(error.to_string()))?;
    Ok(reloaded)
}

/// The configuration of the file, if it can be used in place of `before`.
fn read(path: &Path, before: &Config) -> Result<(Config, Reloaded), ReloadError> {
    let loaded = config::load(path).map_err(|problems| {
        let text = problems.render(false);
        ReloadError::Wrong(format!("{}\nNothing was changed", text.trim_end()))
    })?;
    let (config, problems) = (loaded.config, loaded.problems);
    let fixed = fixed(before, &config);
    if !fixed.is_empty() {
        return Err(ReloadError::Restart(fixed));
    }
    let deadlines = Settings::of(&config).deadlines;
    for account in config.accounts.values() {
        deliver::target(account, deadlines)
            .map_err(|error| ReloadError::Account(account.name.clone(), error.to_string()))?;
    }
    let reloaded = Reloaded {
        config: config.path.display().to_string(),
        accounts: changes(&before.accounts, &config.accounts),
        schedules: changes(&before.schedules, &config.schedules),
        lists: changes(&before.lists, &config.lists),
        problems: (!problems.is_empty()).then(|| problems.render(false)),
    };
    Ok((config, reloaded))
}

/// Keys that differ and are read at the start only.
fn fixed(before: &Config, after: &Config) -> Vec<&'static str> {
    let (before, after) = (&before.daemon, &after.daemon);
    let differs = [
        ("`daemon.state`", before.state != after.state),
        ("`daemon.socket`", before.socket != after.socket),
        ("`daemon.log`", before.log != after.log),
    ];
    let differs = differs.into_iter().filter(|(_, differs)| *differs);
    differs.map(|(key, _)| key).collect()
}

/// The names whose tables differ.
fn changes<T: PartialEq>(
    before: &std::collections::BTreeMap<String, T>,
    after: &std::collections::BTreeMap<String, T>,
) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let differs = after
        .iter()
        .filter(|(name, it)| before.get(*name) != Some(it));
    let mut all: Vec<String> = gone.chain(differs.map(|(name, _)| name)).cloned().collect();
    all.sort();
    all
}
