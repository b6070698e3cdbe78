//! Looking through the whole database: after an end without a word, and in backups.
//!
//! It is done on a reading connection, which stops no writer; the log only grows longer until it is
//! through. What is damaged is written to no more.

use std::sync::atomic::Ordering;

use rusqlite::{Connection, ErrorCode, InterruptHandle, ffi};

use super::query::Reader;
use super::store::Tx;
use super::writer::{Operation, Rank};
use super::{Outbox, OutboxError};

/// So many faults are told.
const TOLD: usize = 3;

/// Ends a look through the database before it is done.
pub struct Interrupter(InterruptHandle);

impl Interrupter {
    /// The reader that this came from gives up what it does at the moment.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl Reader {
    /// For ending a long question of this reader from elsewhere.
    #[must_use]
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.conn.get_interrupt_handle())
    }
}

/// How a look through the database ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// All of it is in order.
    Sound,
    /// Some of it is not: what was found.
    Damaged(String),
    /// It was ended before.
    Interrupted,
}

impl Outbox {
    /// Whether the whole database is known to be in order. It is not after a process that ended
    /// without a word, until [`Outbox::check`] found nothing.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound.load(Ordering::Acquire)
    }

    /// Looks through the whole database, which takes seconds for each million of rows. The outbox
    /// stops for good if it is damaged.
    ///
    /// # Errors
    /// It could not be read.
    pub fn check(&self, reader: &Reader) -> Result<Check, OutboxError> {
        let check = quickly(&reader.conn).map_err(|e| OutboxError::Operation(e.to_string()))?;
        match &check {
            Check::Sound => self.sound.store(true, Ordering::Release),
            Check::Damaged(reason) => {
                let reason = reason.clone();
                drop(self.submit(Condemn { reason })); // it fails, and all that comes after
            }
            Check::Interrupted => {}
        }
        Ok(check)
    }
}

/// Whether every page is in order, and every index has as many entries as its table.
fn quickly(conn: &Connection) -> rusqlite::Result<Check> {
    judged(faults(conn, "PRAGMA quick_check(3)"))
}

/// The same, and that every entry of an index is its row's, and every row belongs to something.
pub(super) fn thoroughly(conn: &Connection) -> rusqlite::Result<Check> {
    match judged(faults(conn, "PRAGMA integrity_check(3)"))? {
        Check::Sound => judged(faults(
            conn,
            "SELECT 'a row of ' || \"table\" || ' belongs to no ' || parent
             FROM pragma_foreign_key_check LIMIT 3",
        )),
        found => Ok(found),
    }
}

/// Whether the tallies of all runs that still have their rows are what is counted.
pub(super) fn tallies(conn: &Connection) -> rusqlite::Result<Check> {
    judged(faults(
        conn,
        "SELECT 'run ' || r.id || ' has ' || coalesce(d.n, 0) || ' messages that are '
           || coalesce(d.state, t.state) || ', and its tally says ' || coalesce(t.count, 0)
         FROM (SELECT run, state, count(*) AS n FROM delivery GROUP BY run, state) d
         FULL JOIN tally t ON t.run = d.run AND t.state = d.state
         JOIN run r ON r.no = coalesce(d.run, t.run)
         WHERE r.thinned < 2 AND coalesce(d.n, 0) <> coalesce(t.count, 0) LIMIT 3",
    ))
}

fn faults(conn: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = conn.prepare(sql)?;
    query.query_map([], |row| row.get(0))?.collect()
}

fn judged(faults: rusqlite::Result<Vec<String>>) -> rusqlite::Result<Check> {
    let error = match faults {
        Ok(mut faults) => {
            faults.retain(|fault| fault != "ok");
            faults.truncate(TOLD);
            let told = faults.join("; ").replace('\n', " ");
            return Ok(match told.is_empty() {
                true => Check::Sound,
                false => Check::Damaged(told),
            });
        }
        Err(error) => error,
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Ok(Check::Interrupted),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::SystemIoFailure) => {
            Ok(Check::Damaged(error.to_string()))
        }
        _ => Err(error),
    }
}

/// Stops the store, as if it had met the damage itself.
struct Condemn {
    reason: String,
}

impl Operation for Condemn {
    type Receipt = ();
    const RANK: Rank = Rank::Result;

    fn apply(&self, _: &mut Tx<'_>) -> rusqlite::Result<()> {
        let text = format!("its database is damaged ({})", self.reason);
        Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CORRUPT),
            Some(text),
        ))
    }
}
