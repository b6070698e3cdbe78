//! What people changed: who, when, what they said, and which deliveries it moved.
//!
//! An entry is written in the transaction of the change itself, so there is no change without one;
//! what changed nothing leaves none.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::query::failed;
use super::state::State;
use super::store::Tx;
use super::{DeliveryId, OutboxError, Reader};

/// Something that a person did to one delivery.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AuditRow {
    /// Milliseconds.
    pub at: i64,
    /// Who, `uid 1000 (ada)`.
    pub author: String,
    /// retry, cancel, sent or not-sent.
    pub action: String,
    /// What they named, and why they did it if they said so.
    pub detail: String,
    /// The state that it was in before.
    pub was: String,
}

/// A change of any kind, as one line of the outbox's history.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ChangeRow {
    /// Counts up.
    pub no: i64,
    /// Milliseconds.
    pub at: i64,
    /// Who, `uid 1000 (ada)`.
    pub author: String,
    /// retry, cancel, sent, not-sent, hold, release, suppress or unsuppress.
    pub action: String,
    /// What they named, and why they did it if they said so.
    pub detail: String,
    /// How many deliveries it moved.
    pub rows: i64,
}

/// Who changes something, what, and what they said about it.
pub(super) struct Entry<'a> {
    pub(super) author: &'a str,
    pub(super) action: &'a str,
    pub(super) detail: &'a str,
}

impl Entry<'_> {
    /// Writes it; gives its number.
    pub(super) fn write(&self, tx: &Tx<'_>) -> rusqlite::Result<i64> {
        tx.conn
            .prepare_cached(
                "INSERT INTO audit (at, author, action, detail) VALUES (?1, ?2, ?3, ?4)
                 RETURNING no",
            )?
            .query_row(
                params![tx.now, self.author, self.action, self.detail],
                |row| row.get(0),
            )
    }
}

/// Notes that the change `audit` moved a delivery, and from where; [`count_rows`] counts it.
pub(super) fn note_row(
    tx: &Tx<'_>,
    audit: i64,
    id: DeliveryId,
    was: State,
) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT OR IGNORE INTO audit_row (run, seq, audit, was) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![id.run.0, id.seq, audit, was.name()])
        .map(drop)
}

/// Notes how many deliveries more the change `audit` moved: once for many of them.
pub(super) fn count_rows(tx: &Tx<'_>, audit: i64, rows: i64) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("UPDATE audit SET rows = rows + ?2 WHERE no = ?1")?
        .execute([audit, rows])
        .map(drop)
}

impl Reader {
    /// What people did to one delivery, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn audits(&self, id: DeliveryId) -> Result<Vec<AuditRow>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT a.at, a.author, a.action, a.detail, w.was
                 FROM audit_row w JOIN audit a ON a.no = w.audit
                 WHERE w.run = ?1 AND w.seq = ?2 ORDER BY a.no",
            )
            .and_then(|mut query| {
                query
                    .query_map(params![id.run.0, id.seq], audit_row)?
                    .collect()
            })
            .map_err(failed)
    }

    /// What people changed, newest first: since a time, at most so much.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn changes(&self, since: Option<i64>, limit: usize) -> Result<Vec<ChangeRow>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT no, at, author, action, detail, rows FROM audit
                 WHERE ?1 IS NULL OR at >= ?1 ORDER BY no DESC LIMIT ?2",
            )
            .and_then(|mut query| {
                query
                    .query_map(params![since, limit], change_row)?
                    .collect()
            })
            .map_err(failed)
    }
}

fn audit_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        at: row.get(0)?,
        author: row.get(1)?,
        action: row.get(2)?,
        detail: row.get(3)?,
        was: row.get(4)?,
    })
}

fn change_row(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow {
        no: row.get(0)?,
        at: row.get(1)?,
        author: row.get(2)?,
        action: row.get(3)?,
        detail: row.get(4)?,
        rows: row.get(5)?,
    })
}
