//! Where accepted mail goes: the Maildir, then the accept log. Only then is 250 said.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use tokio::sync::RwLock;
use tokio::task::spawn_blocking;

use super::SandboxError;
use super::accept_log::{AcceptLog, Entry};
use super::maildir::Maildir;
use crate::clock::{Clock, Timestamp};

/// A message that is about to be accepted.
#[derive(Debug)]
pub(super) struct Parcel<'a> {
    pub(super) connection: u64,
    pub(super) sender: &'a str,
    pub(super) recipients: &'a [String],
    pub(super) message_id: Option<&'a str>,
    pub(super) message: Vec<u8>,
    /// The clause of the Received field that says from whom and how, without its date.
    pub(super) received: String,
}

#[derive(Debug)]
pub(super) struct Keep {
    maildir: Option<Maildir>,
    log: Option<AcceptLog>,
    /// Read by a write into the Maildir while it runs, so that `settle` can wait for it.
    writing: Arc<RwLock<()>>,
}

impl Keep {
    pub(super) fn open(maildir: Option<&Path>, log: Option<&Path>) -> Result<Self, SandboxError> {
        let maildir = maildir.map(|path| {
            Maildir::open(path.to_owned()).map_err(|source| SandboxError::folder(path, source))
        });
        let log =
            log.map(|path| AcceptLog::open(path).map_err(|source| SandboxError::log(path, source)));
        let (maildir, log) = (maildir.transpose()?, log.transpose()?);
        Ok(Self {
            maildir,
            log,
            writing: Arc::default(),
        })
    }

    pub(super) fn maildir(&self) -> Option<&Path> {
        self.maildir.as_ref().map(Maildir::path)
    }

    /// Keeps a message; returns the name it is kept under.
    pub(super) async fn keep(&self, parcel: Parcel<'_>, clock: &Clock) -> io::Result<String> {
        let (now, elapsed) = (clock.now(), clock.ticks());
        let id = clock.new_id().to_string();
        let name = format!("{id}.eml");
        let size = parcel.message.len();
        let sha256 = self
            .log
            .as_ref()
            .map(|_| hex(digest(&SHA256, &parcel.message).as_ref()));
        if let Some(maildir) = &self.maildir {
            let head = head(&parcel, &id, now);
            let (maildir, name) = (maildir.clone(), name.clone());
            let running = Arc::clone(&self.writing).read_owned().await;
            spawn_blocking(move || {
                let _running = running;
                maildir.store(&name, head.as_bytes(), &parcel.message)
            })
            .await??;
        }
        if let (Some(log), Some(sha256)) = (&self.log, &sha256) {
            let entry = Entry {
                time_ms: now.as_millisecond(),
                time_us: now.as_microsecond(),
                elapsed_us: elapsed.as_micros(),
                connection: parcel.connection,
                from: parcel.sender,
                to: parcel.recipients,
                message_id: parcel.message_id,
                size,
                sha256,
            };
            if let Err(error) = log.append(&entry).await {
                // It will be refused, so it must not lie there as if it had been accepted.
                if let Some(maildir) = &self.maildir {
                    maildir.remove(&name)?;
                }
                return Err(error);
            }
        }
        Ok(id)
    }

    /// Waits for what is being written.
    pub(super) async fn settle(&self) {
        drop(self.writing.write().await);
        if let Some(log) = &self.log {
            log.settle().await;
        }
    }
}

/// The fields that a server puts before a message at final delivery (RFC 5321, section 4.4).
fn head(parcel: &Parcel<'_>, id: &str, now: Timestamp) -> String {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = date
        .timestamp_to_string(&now)
        .unwrap_or_else(|_| now.to_string());
    let mut head = format!("Return-Path: <{}>\r\n", parcel.sender);
    for recipient in parcel.recipients {
        head.push_str("Delivered-To: ");
        head.push_str(recipient);
        head.push_str("\r\n");
    }
    head.push_str(&format!(
        "Received: {} id {id};\r\n\t{date}\r\n",
        parcel.received
    ));
    head
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}
