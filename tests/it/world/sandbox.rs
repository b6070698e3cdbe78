//! The sandbox, running beside the test, with its synced log of what it took.

use std::path::PathBuf;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::testimony::{PASSWORD, USER, account};
use super::workspace::folder;

/// A sandbox that wants a login and takes its time to answer.
pub(crate) struct Catcher {
    runtime: Runtime,
    sandbox: Sandbox,
    folder: TempDir,
}

impl Catcher {
    pub(crate) const PASSWORD: &str = PASSWORD;

    pub(crate) fn start(latency: Duration) -> Self {
        Self::start_by(&Clock::system(), latency)
    }

    /// The same, and it keeps what it takes.
    pub(crate) fn keeping(latency: Duration) -> Self {
        Self::start_with(&Clock::system(), latency, false)
    }

    /// The same, by a clock that its certificates are of today for.
    pub(crate) fn start_by(clock: &Clock, latency: Duration) -> Self {
        Self::start_with(clock, latency, true)
    }

    fn start_with(clock: &Clock, latency: Duration, discard: bool) -> Self {
        let (runtime, folder) = (Runtime::new().unwrap(), folder());
        let options = Options {
            dir: Some(folder.path().to_owned()),
            discard,
            accept_log: Some(folder.path().join("accepted")),
            login: Some((USER.to_owned(), PASSWORD.to_owned())),
            latency,
            ..Options::default()
        };
        let sandbox = runtime
            .block_on(Sandbox::start(options, clock.clone()))
            .unwrap();
        Self {
            runtime,
            sandbox,
            folder,
        }
    }

    /// The keys of an account that sends through it.
    pub(crate) fn account(&self) -> String {
        let ca = self.sandbox.ca_file().unwrap();
        account(self.sandbox.address().port(), ca)
    }

    pub(crate) fn accept_log(&self) -> PathBuf {
        self.folder.path().join("accepted")
    }

    /// What it has kept.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// How many messages it has taken.
    pub(crate) fn taken(&self) -> u64 {
        self.sandbox.counts().accepted
    }

    /// Stops, once everything is on disk.
    pub(crate) fn stop(self) {
        let _folder = self.shut();
    }

    /// The same; what it has kept stays as long as the folder does.
    pub(crate) fn shut(self) -> TempDir {
        self.runtime.block_on(self.sandbox.stop());
        self.folder
    }
}

/// A sandbox at a port that somebody had before, and may be about to leave.
pub(crate) async fn successor(options: &Options, clock: &Clock) -> Sandbox {
    for _ in 0..1000 {
        if let Ok(sandbox) = Sandbox::start(options.clone(), clock.clone()).await {
            return sandbox;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Sandbox::start(options.clone(), clock.clone())
        .await
        .unwrap()
}
