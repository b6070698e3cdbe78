//! What the outbox remembers of schedules: how far each calendar has got, and what was missed.

use rusqlite::{OptionalExtension, params};

use super::store::Tx;
use super::writer::{Operation, Rank};

/// At most so many rows are moved at once, so that arms and results need not wait.
const CHUNK: usize = 500;

/// Asks how far the calendars of some schedules have got. One that is new, or whose times were
/// edited, starts from now.
#[derive(Clone, Debug)]
pub struct Cursors {
    /// The schedules' names, each with a text that changes with its times.
    pub schedules: Vec<(String, String)>,
}

impl Operation for Cursors {
    /// For each, up to when occurrences have been dealt with, in milliseconds.
    type Receipt = Vec<i64>;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Vec<i64>> {
        self.schedules
            .iter()
            .map(|(name, revision)| cursor(tx, name, revision))
            .collect()
    }
}

fn cursor(tx: &Tx<'_>, name: &str, revision: &str) -> rusqlite::Result<i64> {
    let known: Option<i64> = tx
        .conn
        .prepare_cached("SELECT cursor_at FROM schedule WHERE name = ?1 AND revision = ?2")?
        .query_row(params![name, revision], |row| row.get(0))
        .optional()?;
    if let Some(cursor_at) = known {
        return Ok(cursor_at);
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO schedule (name, revision, cursor_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET revision = excluded.revision,
               cursor_at = excluded.cursor_at",
        )?
        .execute(params![name, revision, tx.now])?;
    Ok(tx.now)
}

/// Says that all occurrences of a schedule up to a time have been dealt with. It never takes a
/// calendar back: an interrupted opening may lie before the last edit.
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
            .prepare_cached("UPDATE schedule SET cursor_at = max(cursor_at, ?2) WHERE name = ?1")?
            .execute(params![self.schedule, self.cursor_at])
            .map(drop)
    }
}

/// The clock was set back: calendars that are past the moment that it went to go on from there.
/// What was only told as missed or skipped, and came after it, may have its run; and nobody waits
/// for another try longer than they would have.
#[derive(Clone, Copy, Debug)]
pub struct TurnBack {
    /// That moment, in milliseconds: now, or some seconds ago.
    pub to: i64,
}

impl Operation for TurnBack {
    /// Whether there is more to do.
    type Receipt = bool;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        tx.conn
            .prepare_cached("UPDATE schedule SET cursor_at = ?1 WHERE cursor_at > ?1")?
            .execute([self.to])?;
        tx.conn
            .prepare_cached("DELETE FROM run WHERE state IN ('missed', 'skipped') AND due_at > ?1")?
            .execute([self.to])?;
        cut_waits(tx)
    }
}

/// Nobody waits for another try longer than they would have if the clock had always been as it is
/// now: it may have been set back while nobody looked.
#[derive(Clone, Copy, Debug)]
pub struct CutWaits;

impl Operation for CutWaits {
    /// Whether there is more to do.
    type Receipt = bool;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        cut_waits(tx)
    }
}

fn cut_waits(tx: &Tx<'_>) -> rusqlite::Result<bool> {
    let (waiting, in_doubt) = (call_waiting(tx)?, call_doubtful(tx)?);
    Ok(waiting == CHUNK || in_doubt == CHUNK)
}

/// What there is instead of a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unrun {
    /// Its time passed, and nobody meant it to.
    Missed,
    /// There is none, as the configuration wants it.
    Skipped,
    /// It could not be opened.
    Failed,
}

impl Unrun {
    fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// What was given back or is to be sent again may go at once, what a server deferred after the
/// longest wait that it can have been given. Waits differ by a fifth, by chance.
fn call_waiting(tx: &Tx<'_>) -> rusqlite::Result<usize> {
    tx.conn
        .prepare_cached(
            "WITH waits AS (
               SELECT d.run, d.seq, d.state, d.next_at, coalesce((
                 SELECT max(value) FROM json_each(r.retry)
                 WHERE key <= iif(d.state = 'queued', 0, d.tries)), 0) AS wait
               FROM run r CROSS JOIN delivery d INDEXED BY delivery_waiting ON d.run = r.no
               WHERE r.state IN ('expanding', 'sending') AND r.state = 'sending'
                 AND d.state IN ('queued', 'deferred')
                 AND d.next_at > ?1 AND d.next_at > d.not_before),
             far AS (
               SELECT run, seq, ?1 + iif(state = 'queued', 0, wait) AS latest FROM waits
               WHERE next_at > ?1 + wait * 5 / 4 LIMIT ?2)
             UPDATE delivery SET next_at = max(far.latest, not_before) FROM far
             WHERE delivery.run = far.run AND delivery.seq = far.seq",
        )?
        .execute(params![tx.now, CHUNK])
}

/// What is sent again for want of an answer waits `resend_after`; what a person decides waits on.
fn call_doubtful(tx: &Tx<'_>) -> rusqlite::Result<usize> {
    tx.conn
        .prepare_cached(
            "WITH far AS (
               SELECT d.run, d.seq, ?1 + r.resend_after AS latest
               FROM run r CROSS JOIN delivery d INDEXED BY delivery_busy ON d.run = r.no
               WHERE r.state IN ('expanding', 'sending') AND r.state = 'sending'
                 AND d.state IN ('leased', 'armed', 'uncertain') AND d.state = 'uncertain'
                 AND d.next_at > max(?1 + r.resend_after, d.not_before) AND d.next_at < ?3
               LIMIT ?2)
             UPDATE delivery SET next_at = max(far.latest, not_before) FROM far
             WHERE delivery.run = far.run AND delivery.seq = far.seq",
        )?
        .execute(params![tx.now, CHUNK, i64::MAX])
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
    /// What became of it.
    pub state: Unrun,
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
                 VALUES (?1, ?2, ?3, ?8, ?4, ?5, ?6, ?7, ?7, ?6, '', 0, '[]', 'hold', 0)",
            )?
            .execute(params![
                self.id,
                self.schedule,
                self.occurrence,
                self.reason,
                self.account,
                self.due_at,
                tx.now,
                self.state.name(),
            ])?;
        Ok(added == 1)
    }
}
