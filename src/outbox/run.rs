//! Opening a run: the frozen copy of what to send.
//!
//! A run opens in steps: [`NewRun`] takes its place (schedule, occurrence), [`AddRows`] brings its
//! people in chunks, [`SealKeys`] gives every address its one message, [`ReserveOnce`] leaves out
//! what was sent before, [`FinishRun`] hands it to deliver. Until the last step nothing of it can
//! be claimed. A run that was interrupted in between is begun anew under the same id: frozen anew,
//! and filled anew after [`ClearRun`]. One that cannot be opened is [`RunFailed`], and its rows are
//! cleared then.
//!
//! [`AddRows`]: super::AddRows
//! [`SealKeys`]: super::SealKeys
//! [`ReserveOnce`]: super::ReserveOnce
//! [`ClearRun`]: super::ClearRun

use std::time::Duration;

use ring::digest::Digest;
use rusqlite::{OptionalExtension, params};
use serde::Serialize;

use super::RunNo;
use super::canary;
use super::carried::{self, Carried};
use super::filling::{forget_counts, still_filled};
use super::group::NewGroup;
use super::once;
use super::schedule::{Missed, Unrun};
use super::store::Tx;
use super::writer::{Operation, Rank};
use crate::config::{OnUncertain, OncePer, Overlap};

/// Whether the run `e` still has people who were not tried: those who only wait for another try
/// stand in nobody's way.
pub(super) const GOES_ON: &str = "(e.state = 'expanding' OR EXISTS (SELECT 1 FROM tally t
    WHERE t.run = e.no AND t.count > 0 AND t.state IN ('queued', 'leased', 'armed')))";

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
    /// What becomes of it while an earlier run of its schedule is being sent; without, it goes
    /// beside that.
    pub overlap: Option<Overlap>,
    /// All accounts that may carry it, in order; the first is that of `frozen`.
    pub via: Vec<String>,
    /// How many people it goes to first, and how long it waits after they were taken, if the others
    /// wait for that.
    pub canary: Option<(u64, Duration)>,
    /// What is frozen with it.
    pub frozen: FrozenRun,
    /// What of it is never sent again.
    pub once: Option<OncePer>,
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
    /// The name of the time zone in which messages show times; without one, `utc_offset` holds.
    pub zone: Option<String>,
    /// What goes with its messages besides their texts.
    pub carried: Option<Carried>,
}

/// What became of [`NewRun`].
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// It is ours to fill; the id is the one that it keeps (an earlier one, if it was interrupted).
    Fill(RunNo, String),
    /// This occurrence already has a run, with this id.
    Exists(String),
    /// It is recorded as skipped, for this reason.
    Skipped(String),
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
            Some((no, id, state)) if state == "expanding" => {
                self.freeze_anew(tx, no)?;
                Ok(Opened::Fill(RunNo(no), id))
            }
            Some((_, id, _)) => Ok(Opened::Exists(id)),
            None => match self.overlapped(tx)? {
                Some(other) => self.skip(tx, &other),
                None => self.insert(tx).map(|no| Opened::Fill(no, self.id.clone())),
            },
        }
    }
}

impl NewRun {
    /// The earlier run of the calendar that this one must not overlap, if it is to be skipped for
    /// it.
    fn overlapped(&self, tx: &Tx<'_>) -> rusqlite::Result<Option<String>> {
        if self.overlap != Some(Overlap::Skip) {
            return Ok(None);
        }
        let sql = format!(
            "SELECT e.id FROM run e INDEXED BY run_turn
             WHERE e.schedule = ?1 AND e.state IN ('expanding', 'sending') AND e.queues
               AND {GOES_ON} ORDER BY e.no LIMIT 1"
        );
        let mut query = tx.conn.prepare_cached(&sql)?;
        query
            .query_row([&self.schedule], |row| row.get(0))
            .optional()
    }

    fn skip(&self, tx: &mut Tx<'_>, other: &str) -> rusqlite::Result<Opened> {
        let skipped = Missed {
            id: self.id.clone(),
            schedule: self.schedule.clone(),
            occurrence: self.occurrence.clone(),
            account: self.frozen.account.clone(),
            due_at: self.due_at,
            state: Unrun::Skipped,
            reason: format!("run {other} was still being sent (`overlap = \"skip\"`)"),
        };
        skipped.apply(tx)?;
        Ok(Opened::Skipped(skipped.reason))
    }

    fn insert(&self, tx: &Tx<'_>) -> rusqlite::Result<RunNo> {
        let template = self.keep_template(tx)?;
        let frozen = &self.frozen;
        let (once_per, once_for) = once::written(self.once.as_ref());
        tx.conn
            .prepare_cached(
                "INSERT INTO run (id, schedule, occurrence, state, account, due_at, opened_at,
                   expires_at, template, sender, utc_offset, retry, on_uncertain, resend_after,
                   once_per, once_for, queues, via, canary_size, canary_wait, zone)
                 VALUES (?1, ?2, ?3, 'expanding', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                   ?15, ?16, ?17, ?18, ?19, ?20)",
            )?
            .execute(params![
                self.id,
                self.schedule,
                self.occurrence,
                frozen.account,
                self.due_at,
                tx.now,
                self.expires_at,
                template.as_ref(),
                frozen.sender,
                frozen.utc_offset,
                frozen.retry_text(),
                frozen.on_uncertain.to_string(),
                millis(frozen.resend_after),
                once_per,
                once_for,
                self.overlap.is_some(),
                self.via_text(),
                self.canary.map(|(people, _)| people),
                self.canary.map(|(_, wait)| millis(wait)),
                frozen.zone,
            ])?;
        let no = tx.conn.last_insert_rowid();
        carried::keep(tx, no, frozen.carried.as_ref())?;
        Ok(RunNo(no))
    }

    /// A run that was interrupted is what the configuration says now, all of it: its people are
    /// read anew, too.
    fn freeze_anew(&self, tx: &Tx<'_>, no: i64) -> rusqlite::Result<()> {
        let template = self.keep_template(tx)?;
        let frozen = &self.frozen;
        let (once_per, once_for) = once::written(self.once.as_ref());
        tx.conn
            .prepare_cached(
                "UPDATE run SET account = ?2, opened_at = ?3, expires_at = ?4, template = ?5,
                   sender = ?6, utc_offset = ?7, retry = ?8, on_uncertain = ?9, resend_after = ?10,
                   once_per = ?11, once_for = ?12, queues = ?13, via = ?14, canary_size = ?15,
                   canary_wait = ?16, zone = ?17
                 WHERE no = ?1",
            )?
            .execute(params![
                no,
                frozen.account,
                tx.now,
                self.expires_at,
                template.as_ref(),
                frozen.sender,
                frozen.utc_offset,
                frozen.retry_text(),
                frozen.on_uncertain.to_string(),
                millis(frozen.resend_after),
                once_per,
                once_for,
                self.overlap.is_some(),
                self.via_text(),
                self.canary.map(|(people, _)| people),
                self.canary.map(|(_, wait)| millis(wait)),
                frozen.zone,
            ])?;
        carried::keep(tx, no, frozen.carried.as_ref())
    }

    fn via_text(&self) -> String {
        serde_json::json!(self.via).to_string()
    }

    /// Keeps the template by its content, and returns the name it has there.
    fn keep_template(&self, tx: &Tx<'_>) -> rusqlite::Result<Digest> {
        let content = self.frozen.template.as_bytes();
        let hash = ring::digest::digest(&ring::digest::SHA256, content);
        tx.conn
            .prepare_cached("INSERT OR IGNORE INTO blob (hash, content) VALUES (?1, ?2)")?
            .execute(params![hash.as_ref(), content])?;
        Ok(hash)
    }
}

impl FrozenRun {
    fn retry_text(&self) -> String {
        let retry: Vec<i64> = self.retry.iter().map(|wait| millis(*wait)).collect();
        serde_json::json!(retry).to_string()
    }
}

/// Hands a filled run to deliver.
#[derive(Debug)]
pub struct FinishRun {
    /// The run.
    pub run: RunNo,
    /// How many rows it has.
    pub people: i64,
    /// They all get one message together.
    pub group: Option<NewGroup>,
    /// How many rows each list had, if it is for all people of its schedule.
    pub lists: Vec<(String, u64)>,
}

impl Operation for FinishRun {
    /// The earlier run of its schedule that it waits for, if there is one.
    type Receipt = Option<String>;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Option<String>> {
        still_filled(tx, self.run)?;
        if let Some(group) = &self.group {
            group.write(tx, self.run.0)?;
        }
        tx.conn
            .prepare_cached(
                "UPDATE run SET state = 'sending', people = ?2
                 WHERE no = ?1 AND state = 'expanding'",
            )?
            .execute(params![self.run.0, self.people])?;
        self.keep_lengths(tx)?;
        canary::close(tx, self.run.0)?;
        tx.complete(self.run.0)?;
        let sql = format!(
            "SELECT e.id FROM run r
             JOIN run e INDEXED BY run_turn ON e.schedule = r.schedule AND e.no < r.no
             WHERE r.no = ?1 AND r.queues AND r.state = 'sending' AND e.queues
               AND e.state IN ('expanding', 'sending') AND {GOES_ON} ORDER BY e.no LIMIT 1"
        );
        let mut query = tx.conn.prepare_cached(&sql)?;
        query.query_row([self.run.0], |row| row.get(0)).optional()
    }
}

impl FinishRun {
    fn keep_lengths(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let mut insert = tx
            .conn
            .prepare_cached("INSERT INTO run_list (run, list, rows) VALUES (?1, ?2, ?3)")?;
        for (list, rows) in &self.lists {
            insert.execute(params![self.run.0, list, rows])?;
        }
        Ok(())
    }
}

/// Ends a run of which nothing was sent, with the reason why. From then on nobody sees its rows;
/// [`ClearRun`](super::ClearRun) removes them.
#[derive(Clone, Debug, Serialize)]
pub struct RunFailed {
    /// The run.
    pub run: RunNo,
    /// For people: what was wrong and what to do.
    pub reason: String,
}

impl Operation for RunFailed {
    type Receipt = ();
    /// A full disk is one of the reasons.
    const RANK: Rank = Rank::Result;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        still_filled(tx, self.run)?;
        forget_counts(tx, self.run)?;
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
