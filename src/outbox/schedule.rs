//! What the outbox remembers of schedules: how far each calendar has got, and what was missed.

use rusqlite::{OptionalExtension, params};

use super::store::Tx;
use super::writer::{Operation, Rank};

/// Asks how far the calendar of a schedule has got. A schedule that is new, or whose times were
/// edited, starts from now.
#[derive(Clone, Debug)]
pub struct Cursor {
    /// The schedule's name.
    pub schedule: String,
    /// Changes with its times.
    pub revision: String,
}

/// Where a schedule stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KnownSchedule {
    /// Occurrences up to this time, in milliseconds, have been dealt with.
    pub cursor_at: i64,
    /// Whether it was made or edited just now.
    pub fresh: bool,
}

impl Operation for Cursor {
    type Receipt = KnownSchedule;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<KnownSchedule> {
        let known: Option<i64> = tx
            .conn
            .prepare_cached("SELECT cursor_at FROM schedule WHERE name = ?1 AND revision = ?2")?
            .query_row(params![self.schedule, self.revision], |row| row.get(0))
            .optional()?;
        if let Some(cursor_at) = known {
            return Ok(KnownSchedule {
                cursor_at,
                fresh: false,
            });
        }
        tx.conn
            .prepare_cached(
                "INSERT INTO schedule (name, revision, cursor_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET revision = excluded.revision,
                   cursor_at = excluded.cursor_at",
            )?
            .execute(params![self.schedule, self.revision, tx.now])?;
        Ok(KnownSchedule {
            cursor_at: tx.now,
            fresh: true,
        })
    }
}

/// Says that all occurrences of a schedule up to a time have been dealt with.
#[derive(Clone, Debug)]
pub struct SetCursor {
    /// The schedule's name.
    pub schedule: String,
    /// Milliseconds.
    pub cursor_at: i64,
}

impl Operation for SetCursor {
    type Receipt = ();
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        tx.conn
            .prepare_cached("UPDATE schedule SET cursor_at = ?2 WHERE name = ?1")?
            .execute(params![self.schedule, self.cursor_at])
            .map(drop)
    }
}

/// Records that an occurrence was not carried out, and why. It takes the occurrence's place: no
/// run will be opened for it any more.
#[derive(Clone, Debug)]
pub struct Missed {
    /// A fresh ULID as text.
    pub id: String,
    /// The schedule's name.
    pub schedule: String,
    /// The occurrence key.
    pub occurrence: String,
    /// The account that would have sent it.
    pub account: String,
    /// When it was due, in milliseconds.
    pub due_at: i64,
    /// For people.
    pub reason: String,
}

impl Operation for Missed {
    /// Whether it was not known before.
    type Receipt = bool;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        let added = tx
            .conn
            .prepare_cached(
                "INSERT OR IGNORE INTO run (id, schedule, occurrence, state, reason, account,
                   due_at, opened_at, ended_at, expires_at, sender, utc_offset, retry,
                   on_uncertain, resend_after)
                 VALUES (?1, ?2, ?3, 'missed', ?4, ?5, ?6, ?7, ?7, ?6, '', 0, '[]', 'hold', 0)",
            )?
            .execute(params![
                self.id,
                self.schedule,
                self.occurrence,
                self.reason,
                self.account,
                self.due_at,
                tx.now
            ])?;
        Ok(added == 1)
    }
}
