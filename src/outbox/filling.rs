//! The people of a run that is being opened: brought in chunks, each address once, or removed.
//!
//! Rows go in by tens in one statement, in the order of the tables: that is what makes a million
//! of them quick. No operation here touches more rows than one transaction may have beside sending.

use std::sync::LazyLock;

use rusqlite::{CachedStatement, OptionalExtension, params};

use super::forget::nobody;
use super::query::{Reader, failed};
use super::state::State;
use super::store::Tx;
use super::suppression::{Ban, schedule_of};
use super::writer::{Operation, Rank};
use super::{OutboxError, RunNo};

/// So many rows share a statement; more gain nothing.
const GROUP: usize = 50;
/// So many rows are removed at once: removing takes longer than adding.
const REMOVED: usize = 250;

/// One row of a list on its way into a run.
#[derive(Clone, Debug, Default)]
pub struct NewDelivery {
    /// Position in the run, from 1.
    pub seq: i64,
    /// The list that it came from.
    pub list: String,
    /// Where in that list, as [`Place::to_stored`] has it.
    pub place: i64,
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
    /// Why nothing is sent for this row, though something could be.
    pub left_out: Option<String>,
    /// Its own time, if the run has not the same one for all.
    pub hour: Option<Hour>,
    /// The domain of its address, if an account that may carry it limits that one, else nothing.
    pub pool: String,
    /// The files that go to this person alone, as JSON.
    pub files: Option<String>,
}

/// When a message is due where its reader lives.
#[derive(Clone, Debug, PartialEq)]
pub enum Hour {
    /// It is due.
    Due {
        /// It may not leave before, in milliseconds.
        not_before: i64,
        /// It is not sent any more after, in milliseconds.
        expires_at: i64,
    },
    /// It was, and is not sent any more: for people.
    Over(String),
}

/// Adds a chunk of rows to a run that is being filled.
#[derive(Debug)]
pub struct AddRows {
    /// The run.
    pub run: RunNo,
    /// At most some 500, so that arms and results need not wait.
    pub rows: Vec<NewDelivery>,
}

impl Operation for AddRows {
    /// How many of them get no mail because their address is suppressed.
    type Receipt = u64;
    const RANK: Rank = Rank::Bulk;

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
        static MANY: LazyLock<String> = LazyLock::new(|| AddRows::statement(GROUP));
        static ONE: LazyLock<String> = LazyLock::new(|| AddRows::statement(1));

        still_filled(tx, self.run)?;
        let bans = match Ban::load(tx)? {
            Some(bans) => Some((bans, schedule_of(tx, self.run.0)?)),
            None => None,
        };
        let (groups, rest) = self.rows.as_chunks::<GROUP>();
        let groups = groups.iter().map(|group| (&*MANY, &group[..]));
        let mut suppressed = 0;
        for (sql, group) in groups.chain(rest.chunks(1).map(|row| (&*ONE, row))) {
            let mut insert = tx.conn.prepare_cached(sql)?;
            for (place, row) in group.iter().enumerate() {
                let banned = match &bans {
                    Some((bans, schedule)) => bans.reason(tx, &row.key, schedule)?,
                    None => None,
                };
                let nobody = matches!(banned, Some((_, true))).then(|| nobody(self.run, row));
                let is_usable = row.invalid.is_none();
                let row = nobody.as_ref().unwrap_or(row);
                let (state, reason) = fate(row, banned);
                suppressed += u64::from(is_usable && state == State::Suppressed);
                self.bind(&mut insert, place, row, state, reason.as_deref(), tx.now)?;
                tx.count(self.run.0, state, 1);
            }
            insert.raw_execute()?;
        }
        Ok(suppressed)
    }
}

impl AddRows {
    const COLUMNS: usize = 16;

    fn statement(rows: usize) -> String {
        let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        format!(
            "INSERT INTO delivery (run, seq, state, list, line, key, address, name, fields,
               reason, ended_at, next_at, not_before, expires_at, pool, files) VALUES {}",
            vec![row; rows].join(", ")
        )
    }

    fn bind(
        &self,
        insert: &mut CachedStatement<'_>,
        place: usize,
        row: &NewDelivery,
        state: State,
        reason: Option<&str>,
        now: i64,
    ) -> rusqlite::Result<()> {
        let ended_at = state.is_final().then_some(now);
        // 0 is at once, whatever a clock that is set back says later.
        let (not_before, expires_at) = match row.hour {
            Some(Hour::Due {
                not_before,
                expires_at,
            }) => (not_before, Some(expires_at)),
            _ => (0, None),
        };
        let values: [&dyn rusqlite::ToSql; Self::COLUMNS] = [
            &self.run.0,
            &row.seq,
            &state.name(),
            &row.list,
            &row.place,
            &row.key,
            &row.address,
            &row.name,
            &row.fields,
            &reason,
            &ended_at,
            &not_before,
            &not_before,
            &expires_at,
            &row.pool,
            &row.files,
        ];
        (place * Self::COLUMNS + 1..)
            .zip(values)
            .try_for_each(|(at, value)| insert.raw_bind_parameter(at, value))
    }
}

/// The state that a row begins with, and why, if that is its last one.
fn fate(row: &NewDelivery, banned: Option<(String, bool)>) -> (State, Option<String>) {
    match (&row.invalid, &row.left_out, banned) {
        (Some(reason), ..) => (State::Invalid, Some(reason.clone())),
        (None, Some(reason), _) => (State::Skipped, Some(reason.clone())),
        (None, None, Some((reason, _))) => (State::Suppressed, Some(reason)),
        (None, None, None) => match &row.hour {
            Some(Hour::Over(reason)) => (State::Skipped, Some(reason.clone())),
            _ => (State::Queued, None),
        },
    }
}

/// Rows come and go only until the run is handed to deliver: later they are what happened.
pub(super) fn still_filled(tx: &Tx<'_>, run: RunNo) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("SELECT 1 FROM run WHERE no = ?1 AND state = 'expanding'")?
        .query_row([run.0], |_| Ok(()))
}

/// An address of a run, and the row that has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RowKey {
    /// [`Kept::fingerprint`] of the address.
    pub fingerprint: i64,
    /// The normalised address.
    pub key: String,
    /// The row.
    pub seq: i64,
}

impl RowKey {
    /// The address that a row has.
    #[must_use]
    pub fn new(key: String, seq: i64) -> Self {
        Self {
            fingerprint: Kept::fingerprint(&key),
            key,
            seq,
        }
    }
}

/// Gives each address of a run its one message: the first row keeps it, later ones are skipped.
/// Sent in chunks that are sorted by fingerprint over the whole run, which keeps the index's pages
/// in order; rows of one address may lie in two chunks, the first one first.
#[derive(Debug)]
pub struct SealKeys {
    /// The run.
    pub run: RunNo,
    /// At most some 500 of [`Reader::waiting_keys`].
    pub keys: Vec<RowKey>,
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

    fn rows(&self) -> usize {
        self.keys.len()
    }

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Kept> {
        static MANY: LazyLock<String> = LazyLock::new(|| SealKeys::statement(GROUP));
        static ONE: LazyLock<String> = LazyLock::new(|| SealKeys::statement(1));

        still_filled(tx, self.run)?;
        let (groups, rest) = self.keys.as_chunks::<GROUP>();
        let groups = groups.iter().map(|group| (&*MANY, &group[..]));
        let mut duplicates = 0;
        for (sql, group) in groups.chain(rest.chunks(1).map(|key| (&*ONE, key))) {
            let mut insert = tx.conn.prepare_cached(sql)?;
            for (place, key) in group.iter().enumerate() {
                let at = place * 4 + 1;
                insert.raw_bind_parameter(at, self.run.0)?;
                insert.raw_bind_parameter(at + 1, key.fingerprint)?;
                insert.raw_bind_parameter(at + 2, &key.key)?;
                insert.raw_bind_parameter(at + 3, key.seq)?;
            }
            if insert.raw_execute()? == group.len() {
                continue;
            }
            for key in group {
                if skip_duplicate(tx, self.run, key)? {
                    tx.moved(self.run.0, State::Queued, State::Skipped);
                    duplicates += 1;
                }
            }
        }
        Ok(Kept { duplicates })
    }
}

impl SealKeys {
    fn statement(keys: usize) -> String {
        format!(
            "INSERT OR IGNORE INTO run_key (run, fingerprint, key, seq) VALUES {}",
            vec!["(?, ?, ?, ?)"; keys].join(", ")
        )
    }
}

/// Skips a row if it does not have its address.
fn skip_duplicate(tx: &Tx<'_>, run: RunNo, key: &RowKey) -> rusqlite::Result<bool> {
    let changed = tx
        .conn
        .prepare_cached(
            "UPDATE delivery SET state = 'skipped', ended_at = ?4, reason = (
               SELECT 'the same address as ' || first.list || CASE WHEN first.line < 0
                 THEN printf(' person %,d', -first.line) ELSE ' line ' || first.line END
               FROM run_key k JOIN delivery first ON first.run = k.run AND first.seq = k.seq
               WHERE k.run = ?1 AND k.fingerprint = ?2 AND k.key = delivery.key)
             WHERE run = ?1 AND seq = ?3 AND state = 'queued' AND NOT EXISTS (
               SELECT 1 FROM run_key k WHERE k.run = ?1 AND k.fingerprint = ?2 AND k.seq = ?3)",
        )?
        .execute(params![run.0, key.fingerprint, key.seq, tx.now])?;
    Ok(changed == 1)
}

impl Reader {
    /// The addresses of some rows of a run, without rows that get no mail. It is quick where the
    /// rows are named in their order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn waiting_keys(&self, run: RunNo, rows: &[i64]) -> Result<Vec<RowKey>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT d.key, d.seq FROM json_each(?2) wanted
                 CROSS JOIN delivery d ON d.run = ?1 AND d.seq = wanted.value
                 WHERE d.state = 'queued'",
            )
            .map_err(failed)?;
        query
            .query_map(params![run.0, serde_json::json!(rows).to_string()], |row| {
                Ok(RowKey::new(row.get(0)?, row.get(1)?))
            })
            .and_then(Iterator::collect)
            .map_err(failed)
    }
}

/// Removes some rows of a run that is begun anew, or has failed.
#[derive(Clone, Copy, Debug)]
pub struct ClearRun {
    /// The run.
    pub run: RunNo,
}

impl Operation for ClearRun {
    /// Whether there is more to remove.
    type Receipt = bool;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        tx.conn
            .prepare_cached("SELECT 1 FROM run WHERE no = ?1 AND state IN ('expanding', 'failed')")?
            .query_row([self.run.0], |_| Ok(()))?;
        forget_counts(tx, self.run)?;
        remove_some(tx, self.run)
    }
}

/// Removes some rows of any run that has failed: those that were left because the process ended
/// or the disk was full.
#[derive(Clone, Copy, Debug)]
pub struct ClearFailed;

impl Operation for ClearFailed {
    /// Whether there may be more to remove.
    type Receipt = bool;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        let left: Option<i64> = tx
            .conn
            .prepare_cached(
                "SELECT no FROM run INDEXED BY run_failed WHERE state = 'failed'
                   AND EXISTS (SELECT 1 FROM delivery WHERE run = no)
                 ORDER BY no DESC LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?;
        match left {
            Some(no) => remove_some(tx, RunNo(no)).map(|_| true),
            None => Ok(false),
        }
    }
}

/// From here on nothing that counts or lists the rows of this run finds any.
pub(super) fn forget_counts(tx: &Tx<'_>, run: RunNo) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("DELETE FROM tally WHERE run = ?1")?
        .execute([run.0])
        .map(drop)
}

/// Removes the addresses and notices first, so that a run with rows is one that is not cleared yet.
fn remove_some(tx: &Tx<'_>, run: RunNo) -> rusqlite::Result<bool> {
    let notices = tx
        .conn
        .prepare_cached(
            "DELETE FROM once WHERE (schedule, hash) IN
               (SELECT schedule, hash FROM once WHERE run = ?1 LIMIT ?2)",
        )?
        .execute(params![run.0, REMOVED])?;
    if notices > 0 {
        return Ok(true);
    }
    let keys = tx
        .conn
        .prepare_cached(
            "DELETE FROM run_key WHERE run = ?1 AND fingerprint <= (SELECT max(fingerprint) FROM
               (SELECT fingerprint FROM run_key WHERE run = ?1 ORDER BY fingerprint LIMIT ?2))",
        )?
        .execute(params![run.0, REMOVED])?;
    let rows = tx
        .conn
        .prepare_cached(
            "DELETE FROM delivery WHERE run = ?1 AND seq <= (SELECT max(seq) FROM
               (SELECT seq FROM delivery WHERE run = ?1 ORDER BY seq LIMIT ?2))",
        )?
        .execute(params![run.0, REMOVED.saturating_sub(keys)])?;
    Ok(keys + rows >= REMOVED)
}
