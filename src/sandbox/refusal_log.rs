//! The refusal log: what this server said 4xx or 5xx to, for whoever counts.
//!
//! One JSON object for each sender, recipient or message that was refused and line: `time_us` and
//! `elapsed_us` as in the accept log, the number of the `connection`, whom it was for (`to`, empty
//! where that was not said yet), and the `reply`. It is not synced: nothing is promised to a client
//! by it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::clock::Clock;

#[derive(Debug)]
pub(super) struct RefusalLog(Mutex<File>);

#[derive(Serialize)]
struct Entry<'a> {
    time_us: i64,
    elapsed_us: u128,
    connection: u64,
    to: &'a [String],
    reply: &'a str,
}

impl RefusalLog {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(file.into()))
    }

    pub(super) fn append(
        &self,
        connection: u64,
        to: &[String],
        reply: &str,
        clock: &Clock,
    ) -> io::Result<()> {
        let entry = Entry {
            time_us: clock.now().as_microsecond(),
            elapsed_us: clock.ticks().as_micros(),
            connection,
            to,
            reply,
        };
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)
    }
}
