//! Opening a run: the frozen copy of what to send, and to whom.
//!
//! A run opens in steps: [`NewRun`] takes its place (schedule, occurrence), [`AddRows`] brings its
//! people in chunks, [`SealKeys`] gives every address its one message, [`FinishRun`] hands it to
//! deliver. Until the last step nothing of it can be claimed. A run that was interrupted in between
//! is begun anew under the same id.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::RunNo;
use super::state::State;
use super::store::Tx;
use super::suppression::Ban;
use super::writer::{Operation, Rank};
use crate::config::OnUncertain;

/// A run to be opened, frozen: later edits of the configuration do not touch it.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// A fresh ULID as text.
    pub id: String,
    /// The schedule's name.
    pub schedule: String,
    /// The occurrence key; (schedule, occurrence) has one run for ever.
    pub occurrence: String,
    /// When it was due, in milliseconds.
    pub due_at: i64,
    /// When what is not sent by then is not sent at all, in milliseconds.
    pub expires_at: i64,
    /// What is frozen with it.
    pub frozen: FrozenRun,
}

/// What a delivery needs to know of its run.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenRun {
    /// The account that sends it.
    pub account: String,
    /// The template with its partials and layout, as JSON.
    pub template: String,
    /// The sender's identity, as JSON.
    pub sender: String,
    /// Offset from UTC for the Date header, in seconds.
    pub utc_offset: i32,
    /// Waits between tries; the last one repeats.
    pub retry: Vec<Duration>,
    /// What to do with a message in doubt.
    pub on_uncertain: OnUncertain,
    /// How long to wait before a message in doubt is sent again.
    pub resend_after: Duration,
}

/// What became of [`NewRun`].
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// It is ours to fill; the id is the one that it keeps (an earlier one, if it was interrupted).
    Fill(RunNo, String),
    /// This occurrence already has a run, with this id.
    Exists(String),
}

impl Operation for NewRun {
    type Receipt = Opened;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Opened> {
        let earlier: Option<(i64, String, String)> = tx
            .conn
            .prepare_cached(
                "SELECT no, id, state FROM run WHERE schedule = ?1 AND occurrence = ?2",
            )?
            .query_row(params![self.schedule, self.occurrence], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        match earlier {
            Some((no, id, state)) if state == "expanding" => Ok(Opened::Fill(RunNo(no), id)),
            Some((_, id, _)) => Ok(Opened::Exists(id)),
            None => self.insert(tx).map(|no| Opened::Fill(no, self.id.clone())),
        }
    }
}

impl NewRun {
    fn insert(&self, tx: &Tx<'_>) -> rusqlite::Result<RunNo> {
        let frozen = &self.frozen;
        let hash = ring::digest::digest(&ring::digest::SHA256, frozen.template.as_bytes());
        tx.conn
            .prepare_cached("INSERT OR IGNORE INTO blob (hash, content) VALUES (?1, ?2)")?
            .execute(params![hash.as_ref(), frozen.template.as_bytes()])?;
        let retry: Vec<i64> = frozen.retry.iter().map(|wait| millis(*wait)).collect();
        tx.conn
            .prepare_cached(
                "INSERT INTO run (id, schedule, occurrence, state, account, due_at, opened_at,
                   expires_at, template, sender, utc_offset, retry, on_uncertain, resend_after)
                 VALUES (?1, ?2, ?3, 'expanding', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                self.id,
                self.schedule,
                self.occurrence,
                frozen.account,
                self.due_at,
                tx.now,
                self.expires_at,
                hash.as_ref(),
                frozen.sender,
                frozen.utc_offset,
                serde_json::json!(retry).to_string(),
                frozen.on_uncertain.to_string(),
                millis(frozen.resend_after),
            ])?;
        Ok(RunNo(tx.conn.last_insert_rowid()))
    }
}

/// One row of a list on its way into a run.
#[derive(Clone, Debug, Default)]
pub struct NewDelivery {
    /// Position in the run, from 1.
    pub seq: i64,
    /// The list that it came from.
    pub list: String,
    /// Its line in that list.
    pub line: u64,
    /// The normalised address, by which duplicates are found.
    pub key: String,
    /// The address to send to; for an unusable row what stood there.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// Template fields, as JSON.
    pub fields: String,
    /// Why nothing can be sent for this row.
    pub invalid: Option<String>,
}

/// Adds a chunk of rows to a run that is being filled.
#[derive(Debug)]
pub struct AddRows {
    /// The run.
    pub run: RunNo,
    /// Whether this is the first chunk: rows of an interrupted filling are dropped then.
    pub first: bool,
    /// At most some 500, so that arms and results need not wait.
    pub rows: Vec<NewDelivery>,
}

impl Operation for AddRows {
    /// How many of them get no mail because their address is suppressed.
    type Receipt = u64;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
        still_filled(tx, self.run)?;
        if self.first {
            clear(tx, self.run)?;
        }
        let bans = Ban::load(tx)?;
        let mut suppressed = 0;
        for row in &self.rows {
            let (state, reason) = match (&row.invalid, &bans) {
                (Some(reason), _) => (State::Invalid, Some(reason.clone())),
                (None, Some(ban)) => match ban.reason(tx, &row.key)? {
                    Some(reason) => (State::Suppressed, Some(reason)),
                    None => (State::Queued, None),
                },
                (None, None) => (State::Queued, None),
            };
            suppressed += u64::from(state == State::Suppressed);
            tx.conn
                .prepare_cached(
                    "INSERT INTO delivery (run, seq, state, list, line, key, address, name,
                       fields, reason, next_at, ended_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute(params![
                    self.run.0,
                    row.seq,
                    state.name(),
                    row.list,
                    row.line,
                    row.key,
                    row.address,
                    row.name,
                    row.fields,
                    reason,
                    0, // at once, whatever a clock that is set back says later
                    state.is_final().then_some(tx.now),
                ])?;
            tx.count(self.run.0, state, 1);
        }
        Ok(suppressed)
    }
}

/// Rows come and go only until the run is handed to deliver: later they are what happened.
fn still_filled(tx: &Tx<'_>, run: RunNo) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("SELECT 1 FROM run WHERE no = ?1 AND state = 'expanding'")?
        .query_row([run.0], |_| Ok(()))
}

fn clear(tx: &Tx<'_>, run: RunNo) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM run_key WHERE run = ?1",
        "DELETE FROM delivery WHERE run = ?1",
        "DELETE FROM tally WHERE run = ?1",
    ] {
        tx.conn.prepare_cached(sql)?.execute([run.0])?;
    }
    Ok(())
}

/// Gives each address of a run its one message: the first row keeps it, later ones are skipped.
/// Sent in chunks that are sorted by fingerprint over the whole run, which keeps the index's pages
/// in order; rows of one fingerprint may lie in two chunks.
#[derive(Debug)]
pub struct SealKeys {
    /// The run.
    pub run: RunNo,
    /// ([`Kept::fingerprint`], seq), ascending.
    pub keys: Vec<(i64, i64)>,
}

/// Which rows keep their address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kept {
    /// How many of the chunk were duplicates.
    pub duplicates: u64,
}

impl Kept {
    /// Sorts equal addresses next to each other; 64 bits of SHA-256, the same in every process.
    #[must_use]
    pub fn fingerprint(key: &str) -> i64 {
        let hash = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        let first = hash.as_ref()[..8]
            .try_into()
            .expect("a SHA-256 has 32 bytes");
        i64::from_be_bytes(first)
    }
}

impl Operation for SealKeys {
    type Receipt = Kept;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Kept> {
        still_filled(tx, self.run)?;
        let mut duplicates = 0;
        for (fingerprint, seq) in &self.keys {
            let fresh = tx
                .conn
                .prepare_cached(
                    "INSERT OR IGNORE INTO run_key (run, fingerprint, key, seq)
                     SELECT run, ?2, key, seq FROM delivery
                     WHERE run = ?1 AND seq = ?3 AND state = 'queued'",
                )?
                .execute(params![self.run.0, fingerprint, seq])?;
            if fresh == 0 && skip_duplicate(tx, self.run, *fingerprint, *seq)? {
                tx.moved(self.run.0, State::Queued, State::Skipped);
                duplicates += 1;
            }
        }
        Ok(Kept { duplicates })
    }
}

fn skip_duplicate(tx: &Tx<'_>, run: RunNo, fingerprint: i64, seq: i64) -> rusqlite::Result<bool> {
    let changed = tx
        .conn
        .prepare_cached(
            "UPDATE delivery SET state = 'skipped', ended_at = ?4, reason = (
               SELECT 'the same address as ' || first.list || ' line ' || first.line
               FROM run_key k JOIN delivery first ON first.run = k.run AND first.seq = k.seq
               WHERE k.run = ?1 AND k.fingerprint = ?2 AND k.key = delivery.key)
             WHERE run = ?1 AND seq = ?3 AND state = 'queued' AND NOT EXISTS (
               SELECT 1 FROM run_key k WHERE k.run = ?1 AND k.fingerprint = ?2 AND k.seq = ?3)",
        )?
        .execute(params![run.0, fingerprint, seq, tx.now])?;
    Ok(changed == 1)
}

/// Hands a filled run to deliver.
#[derive(Debug)]
pub struct FinishRun {
    /// The run.
    pub run: RunNo,
    /// How many rows it has.
    pub people: i64,
}

impl Operation for FinishRun {
    type Receipt = ();
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        tx.conn
            .prepare_cached(
                "UPDATE run SET state = 'sending', people = ?2
                 WHERE no = ?1 AND state = 'expanding'",
            )?
            .execute(params![self.run.0, self.people])?;
        tx.complete(self.run.0)
    }
}

/// Ends a run of which nothing was sent, with the reason why.
#[derive(Clone, Debug, Serialize)]
pub struct RunFailed {
    /// The run.
    pub run: RunNo,
    /// For people: what was wrong and what to do.
    pub reason: String,
}

impl Operation for RunFailed {
    type Receipt = ();
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        still_filled(tx, self.run)?;
        clear(tx, self.run)?;
        tx.conn
            .prepare_cached(
                "UPDATE run SET state = 'failed', reason = ?2, ended_at = ?3
                 WHERE no = ?1 AND state = 'expanding'",
            )?
            .execute(params![self.run.0, self.reason, tx.now])?;
        Ok(())
    }
}

/// A span in the unit of the database.
pub(super) fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
