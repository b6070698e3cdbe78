//! The daemon of a demo: this program once more, as a child.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::super::client::{AskError, Client};
use super::super::exit;
use super::super::out::plain;
use super::folder::Folder;
use super::{Trouble, bold};
use crate::clock::block;

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(50);
/// So many looks until the daemon must answer, or must have ended.
const GLANCES: usize = 400;
/// So many until one that does not answer has ended.
const GLANCES_AT_AN_END: usize = 20;
/// So much of a log says why a daemon ended.
const LAST_LINES: usize = 12;

/// A running daemon. It ends with this value, and with this process: its standard input is a pipe
/// that only this process holds.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
    stop: CancellationToken,
}

impl Process {
    pub(super) fn start(folder: &Folder, stop: &CancellationToken) -> Result<Self, Trouble> {
        let log = folder.log();
        let spawn = || -> io::Result<Child> {
            Command::new(std::env::current_exe()?)
                .arg("--config")
                .arg(folder.config())
                .args(["daemon", "--with-stdin"])
                .current_dir(folder.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(File::create(&log)?)
                .process_group(0) // Ctrl-C is for the demo, which then ends the daemon in order
                .spawn()
        };
        let child = spawn().map_err(|error| {
            Trouble::new(exit::IO, format!("the daemon cannot be started: {error}"))
        })?;
        let stop = stop.clone();
        Ok(Self { child, log, stop })
    }

    /// Waits until it answers on its socket.
    pub(super) fn connect(&mut self, socket: &Path) -> Result<Client, Trouble> {
        for _ in 0..GLANCES {
            self.goes_on()?;
            match Client::connect(socket) {
                Err(AskError::NoDaemon(_)) => block(GLANCE),
                answer => return answer.map_err(|e| Trouble::new(exit::UNAVAILABLE, e)),
            }
        }
        Err(self.trouble("the daemon does not answer"))
    }

    /// Whether there is any use in waiting: it runs, and nobody wants the demo to end.
    pub(super) fn goes_on(&mut self) -> Result<(), Trouble> {
        if self.stop.is_cancelled() {
            return Err(Trouble::new(exit::NO, "stopped"));
        }
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.ended(status)),
            Err(error) => Err(self.trouble(&format!("the daemon is out of sight: {error}"))),
        }
    }

    /// The trouble behind a trouble: a daemon that does not answer may be about to end.
    pub(super) fn explain(&mut self, trouble: Trouble) -> Trouble {
        for _ in 0..GLANCES_AT_AN_END {
            if let Err(deeper) = self.goes_on() {
                return deeper;
            }
            block(GLANCE);
        }
        trouble
    }

    fn ended(&self, status: ExitStatus) -> Trouble {
        self.trouble(&format!("the daemon ended before its time ({status})"))
    }

    /// What went wrong, and the last that the daemon said about it.
    pub(super) fn trouble(&self, what: &str) -> Trouble {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<String> = log.lines().map(plain).collect();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        let path = bold(&self.log.display().to_string());
        let text = match last {
            [] => format!("{what}; it wrote nothing to {path}"),
            last => format!("{what}. The end of {path}:\n  {}", last.join("\n  ")),
        };
        Trouble::new(exit::UNAVAILABLE, text)
    }

    /// Lets it end in order.
    pub(super) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.child.stdin.take());
        for _ in 0..GLANCES {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            block(GLANCE);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
