//! The outbox is the durable truth: what is not in it did not happen.
//!
//! It holds runs, one row for each delivery, and one for each attempt, in `SQLite` with
//! `synchronous=FULL`. It takes operations and gives receipts; no caller ever holds a transaction.
//! It knows nothing of SMTP, rates or templates.
//!
//! The moves of a delivery ([`state`] holds the same as a table; a test compares the two):
//!
//! ```text
//! queued, deferred                  --claim-->    leased      a lane takes it
//! leased                            --release-->  queued      account fault, hold, lease over
//! leased                            --arm-->      armed       354 came: the body may go
//! leased                            --fail-->     invalid     it cannot be composed
//! leased, armed, uncertain          --defer-->    deferred    4xx, or broken before the body
//! leased, armed, uncertain          --reject-->   rejected    5xx
//! armed, uncertain                  --accept-->   accepted    2xx to the dot, even late
//! armed                             --unsend-->   queued      the dot never left
//! armed                             --doubt-->    uncertain   no usable reply, or a crash
//! uncertain                         --resend-->   queued      the same bytes, once at most
//! leased                            --stall-->    uncertain   the bytes would differ now
//! uncertain                         --presume-->  presumed    the schedule takes it as sent
//! uncertain                         --confirm-->  accepted    a person found out that it arrived
//! uncertain                         --deny-->     queued      a person found out that it did not
//! queued, deferred, leased          --expire-->   expired     not sent in time
//! queued, deferred, leased          --suppress--> suppressed  the address gets no mail
//! queued, deferred, leased          --cancel-->   cancelled   a person said no
//! uncertain                         --cancel-->   cancelled
//! rejected, expired, cancelled      --retry-->    queued      a person tries again
//! ```
//!
//! A row begins as queued, or ends at once as suppressed, skipped or invalid, with the reason.
//!
//! Invariants: a body leaves only after its arm is durable; a row leaves `armed` only by a recorded
//! reply or as `uncertain`; the tally of a run is written in the transaction that moves its rows;
//! an occurrence of a schedule has at most one run; what `once_per` calls the same notice is sent
//! by at most one delivery.

mod ahead;
mod arm;
mod audit;
mod backup;
mod canary;
mod carried;
mod change;
mod claim;
mod filling;
mod filter;
mod forget;
mod group;
mod hold;
mod integrity;
mod lock;
mod once;
mod query;
mod record;
mod report;
mod rows;
mod run;
mod schedule;
mod schema;
mod sent;
mod stamp;
pub mod state;
mod store;
mod suppression;
mod sweep;
mod thin;
mod traces;
mod uses;
mod wall;
mod whole;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde::Serialize;

pub use ahead::Waiting;
pub use arm::{Arm, ArmRefusal, Release};
pub use audit::{AuditRow, ChangeRow};
pub use backup::{BackupError, Holdings, Restored, back_up, restore, verify_backup};
pub use carried::{Blob, Carried, Hash};
pub use change::{Act, Change, Changed, Left};
pub use claim::{BULK, Claim, Claimed, Claims};
pub use filling::{AddRows, ClearFailed, ClearRun, Hour, Kept, NewDelivery, RowKey, SealKeys};
pub use filter::Filter;
pub use forget::{FORGOTTEN, ForgetError, Forgotten, forget};
pub use group::{Group, Named, NewGroup, Seat};
pub use hold::{BREAKER, CANARY, Hold, HoldRow, Scope, TOKEN_KEY, Unhold};
pub use integrity::{Check, Interrupter};
pub use lock::{Holder, LockError, StateLock};
pub use once::{Notice, Notices, ReserveOnce};
pub use query::{History, Reader};
pub use record::{Outcome, Record, Records};
pub use report::{Report, Told};
pub use rows::{Addressee, AttemptRow, Counts, DeliveryRow, RunRow, Snapshot, SuppressionRow};
pub use run::{FinishRun, FrozenRun, NewRun, Opened, RunFailed};
pub use schedule::{Cursors, CutWaits, Missed, SetCursor, TurnBack, Unrun};
pub use sent::Sent;
pub use suppression::{Banned, Bans, Suppress, Unsuppress};
pub use sweep::{Interrupted, Settle, Settled, Sweep, Swept};
pub use thin::{REMOVED, Shrink, Thin, Thinned};
pub use uses::Use;
pub use whole::{Audience, Reading};
pub use writer::{Fate, Receipt};

use crate::clock::Clock;
use store::Store;
use writer::{Door, Operation};

/// The short number of a run inside one outbox. People see the run's ULID.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct RunNo(pub i64);

/// One delivery: the run and the position of its row in the run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct DeliveryId {
    /// The run that it belongs to.
    pub run: RunNo,
    /// Counts from 1 in the order of the lists' rows.
    pub seq: i64,
}

/// Why the outbox did not do what it was asked to. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OutboxError {
    /// The disk has no room; what waits goes on when there is some.
    #[error(
        "the disk of {} is full: nothing is sent until there is room; nothing is lost",
        .path.display()
    )]
    Full {
        /// The database file.
        path: PathBuf,
    },
    /// Damage, an I/O error, or the file was taken away: the process has to end.
    #[error("the outbox has stopped: {0}")]
    Stopped(String),
    /// This one operation cannot be done; the store is fine.
    #[error("the outbox refused an operation: {0}")]
    Operation(String),
    /// Made by a later postroom.
    #[error(
        "{} was written by a newer postroom (its version is {version}, this one reads {known}): \
         install that version again; the file is untouched", .path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema version found.
        version: i32,
        /// The latest that this program knows.
        known: i32,
    },
    /// Not a postroom outbox.
    #[error(
        "{} is not a postroom outbox: move it away or choose another `state` directory; \
         the file is untouched", .path.display()
    )]
    Foreign {
        /// The database file.
        path: PathBuf,
    },
    /// Part of it is missing or overwritten.
    #[error(
        "the outbox {} is damaged ({reason}): put a backup back (`postroom restore SRC`), or move \
         its directory away and start afresh, which forgets who got what; the file is untouched",
        .path.display()
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file cannot be opened.
    #[error("cannot open the outbox {}: {reason}", .path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the system or the database said.
        reason: String,
    },
}

impl OutboxError {
    fn open(path: &Path, error: &rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        match code {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign {
                path: path.to_owned(),
            },
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged {
                path: path.to_owned(),
                reason: error.to_string(),
            },
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full {
                path: path.to_owned(),
            },
            _ => Self::Open {
                path: path.to_owned(),
                reason: error.to_string(),
            },
        }
    }

    fn file(path: &Path, error: &std::io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::Full { path },
            _ => Self::Open {
                path,
                reason: error.to_string(),
            },
        }
    }
}

/// A handle on the outbox; clones share it.
#[derive(Clone)]
pub struct Outbox {
    door: Door,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    dir: PathBuf,
    sound: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

impl Outbox {
    /// Opens the outbox below the state directory `dir`, with a thread of its own for writing. The
    /// caller holds the [`StateLock`] of that directory.
    ///
    /// # Errors
    /// Another program's file, a newer schema, damage, no permission, no room.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, OutboxError> {
        let store = Store::open(dir, clock)?;
        let (sound, full) = (store.sound(), store.full());
        let (door, handle) = Door::thread(store);
        Ok(Self {
            door,
            thread: Arc::new(Mutex::new(Some(handle))),
            dir: dir.to_owned(),
            sound,
            full,
        })
    }

    /// The same without a thread: each operation is durable when `submit` returns. For simulations
    /// in virtual time, where waiting for a thread would let the time run on.
    ///
    /// # Errors
    /// As [`Outbox::open`].
    pub fn open_inline(dir: &Path, clock: Clock) -> Result<Self, OutboxError> {
        Self::open_mortal(dir, clock, |_| Fate::Live)
    }

    /// The same in a process that may die at any write: `fate` says so, from the name of the
    /// operation. From then on nothing is written, and whoever still asks hears that the outbox is
    /// closed. For simulations.
    ///
    /// # Errors
    /// As [`Outbox::open`].
    pub fn open_mortal(
        dir: &Path,
        clock: Clock,
        fate: impl FnMut(&'static str) -> Fate + Send + 'static,
    ) -> Result<Self, OutboxError> {
        let store = Store::open(dir, clock)?;
        let (sound, full) = (store.sound(), store.full());
        Ok(Self {
            door: Door::inline(store, fate),
            thread: Arc::default(),
            dir: dir.to_owned(),
            sound,
            full,
        })
    }

    /// Writes what waits for a slow disk, all in one transaction. For simulations.
    pub fn write(&self) {
        self.door.write();
    }

    /// Hands in an operation. Operations of one caller become durable in the order of their
    /// submission; the receipt says when and whether.
    pub fn submit<O: Operation>(&self, operation: O) -> Receipt<O::Receipt> {
        self.door.submit(operation)
    }

    /// A reading connection of its own; it sees what was durable when a query begins.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn reader(&self) -> Result<Reader, OutboxError> {
        Reader::open(&self.dir)
    }

    /// Why nothing is sent for the moment, if something waits for room on the disk.
    #[must_use]
    pub fn lacks_room(&self) -> Option<OutboxError> {
        let path = self.dir.join(store::DATABASE);
        let full = self.full.load(Ordering::Acquire);
        full.then_some(OutboxError::Full { path })
    }

    /// The state directory.
    fn dir(&self) -> &Path {
        &self.dir
    }

    /// Finishes what was handed in and closes the database. Later operations are refused.
    pub fn close(&self) {
        self.door.close();
        let handle = self
            .thread
            .lock()
            .expect("no holder of this lock panics")
            .take();
        if let Some(handle) = handle {
            let _ = handle.join();
        }
    }
}
