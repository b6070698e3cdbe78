//! The accept log: what this server said 250 to, for checkers to compare with.
//!
//! One JSON object for each accepted message and line, on disk before the 250 goes out:
//!
//! | field | |
//! |---|---|
//! | `time_ms`, `time_us` | when it was accepted, in milli- and microseconds since 1970 UTC |
//! | `elapsed_us` | the same in elapsed time, from any beginning: no clock that is set moves it |
//! | `connection` | number of the connection, counted from 1 |
//! | `from`, `to` | the envelope: the sender (empty for `<>`) and the list of recipients |
//! | `message_id` | without angle brackets, or null |
//! | `size`, `sha256` | of the bytes received, dots unstuffed, before any header of ours |
//!
//! Lines that wait at the same time share one sync. After a failed write the log takes nothing
//! more: a checker must be able to trust that what is missing was never accepted.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::task::spawn_blocking;

/// One line of the log; the module's head says what the fields mean.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    pub(super) time_ms: i64,
    pub(super) time_us: i64,
    pub(super) elapsed_us: u128,
    pub(super) connection: u64,
    pub(super) from: &'a str,
    pub(super) to: &'a [String],
    pub(super) message_id: Option<&'a str>,
    pub(super) size: usize,
    pub(super) sha256: &'a str,
}

#[derive(Debug)]
pub(super) struct AcceptLog {
    waiting: Arc<Mutex<Waiting>>,
    disk: Arc<tokio::sync::Mutex<Disk>>,
}

/// Lines that are not written yet.
#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Number of the last line that was put here.
    last: u64,
}

#[derive(Debug)]
struct Disk {
    file: File,
    /// Number of the last line that is synced.
    synced: u64,
    broken: bool,
}

impl AcceptLog {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let disk = Disk {
            file,
            synced: 0,
            broken: false,
        };
        Ok(Self {
            waiting: Arc::default(),
            disk: Arc::new(disk.into()),
        })
    }

    /// Writes a line and waits until it is on disk.
    pub(super) async fn append(&self, entry: &Entry<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let number = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.lines.append(&mut line);
            waiting.last += 1;
            waiting.last
        };
        let mut disk = Arc::clone(&self.disk).lock_owned().await;
        if disk.synced >= number {
            return Ok(()); // whoever held the disk before wrote this line too
        }
        // The guard moves along: if this task is dropped, the next one still waits for the write.
        let waiting = Arc::clone(&self.waiting);
        spawn_blocking(move || disk.write(&waiting)).await?
    }

    /// Waits for a write that is under way.
    pub(super) async fn settle(&self) {
        drop(self.disk.lock().await);
    }
}

impl Disk {
    fn write(&mut self, waiting: &Mutex<Waiting>) -> io::Result<()> {
        let (lines, last) = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut waiting.lines), waiting.last)
        };
        if self.broken {
            return Err(io::Error::other(
                "an earlier write to the accept log failed",
            ));
        }
        let written = self
            .file
            .write_all(&lines)
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.synced = last,
            Err(_) => self.broken = true,
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry<'static> = Entry {
        time_ms: 0,
        time_us: 0,
        elapsed_us: 0,
        connection: 1,
        from: "",
        to: &[],
        message_id: None,
        size: 0,
        sha256: "",
    };

    #[tokio::test]
    async fn a_line_that_another_one_failed_to_write_is_not_taken_for_written() {
        let dir = tempfile::tempdir().unwrap();
        let log = AcceptLog::open(&dir.path().join("log")).unwrap();
        let mut disk = log.disk.lock().await;
        disk.file = File::open(dir.path().join("log")).unwrap(); // reads only
        let release = async { drop(disk) };
        let (first, second, ()) = tokio::join!(log.append(&ENTRY), log.append(&ENTRY), release);
        assert!(first.is_err());
        assert!(second.is_err());
    }
}
