//! The writing side: batches of operations, each batch one durable transaction.
//!
//! [`Store::commit`] is a plain function: production calls it on the writer's thread, a simulation
//! calls it inline. An operation that fails takes nobody along: its batch is rolled back and the
//! operations are applied one by one. A full disk frees the ballast, so that results of messages
//! under way can still be recorded; an I/O error stops the store for good, since after a failed
//! fsync nobody knows what is on the disk.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params};

use super::report::note_report;
use super::state::{Move, State};
use super::wall::{Moment, Noted};
use super::{OutboxError, RunNo, schema, stamp};
use crate::clock::Clock;

/// The file of the database in the state directory.
pub(super) const DATABASE: &str = "postroom.db";
/// The file that is given up where the disk is full.
pub(super) const BALLAST: &str = "ballast";
const BALLAST_BYTES: u64 = 1 << 20;
/// So many pages of the write-ahead log, 4 KiB each, are moved into the database at a time. Arms
/// wait meanwhile: with four times as many, one in a hundred did so for more than 10 ms.
const LOG_PAGES: i64 = 250;
/// What was refused for want of room is tried again sooner than this.
const ROOM_AGAIN: Duration = Duration::from_secs(15);

/// The database and what is needed to write it safely.
pub(super) struct Store {
    conn: Connection,
    clock: Clock,
    path: PathBuf,
    inode: u64,
    ballast: PathBuf,
    stamp: stamp::Stamp,
    clocks: Noted,
    /// Whether the whole database is known to be in order: it is not after an end without a word,
    /// until it was looked through.
    sound: Arc<AtomicBool>,
    /// Whether something waits for room, and when it was last refused.
    full: Arc<AtomicBool>,
    refused_at: Duration,
    fatal: Option<String>,
}

/// One request to the store, its receipt kept until the batch is durable.
pub(super) trait Work: Send {
    /// Runs inside the open transaction. May be called again after a rollback.
    fn apply(&mut self, tx: &mut Tx<'_>) -> rusqlite::Result<()>;
    /// Tells the requester how it ended, after commit or rollback.
    fn settle(&mut self, failure: Option<&OutboxError>);
    /// Whether it records what already happened, and so may use the ballast.
    fn records_results(&self) -> bool;
    /// Whether no transaction may be open around it.
    fn stands_alone(&self) -> bool;
}

/// What an operation sees of the transaction that it runs in.
pub struct Tx<'a> {
    pub(super) conn: &'a Connection,
    /// Wall time of this batch in milliseconds.
    pub(super) now: i64,
    /// Elapsed time in milliseconds, which leases are measured in: a wall clock that is set
    /// forward must not end them.
    pub(super) ticks: i64,
    moment: Moment,
    tally: HashMap<(i64, State), i64>,
}

impl<'a> Tx<'a> {
    fn new(conn: &'a Connection, clock: &Clock) -> Self {
        let moment = Moment::of(clock);
        Self {
            conn,
            now: moment.wall,
            moment,
            ticks: i64::try_from(clock.ticks().as_millis()).unwrap_or(i64::MAX),
            tally: HashMap::new(),
        }
    }

    /// Notes that deliveries of `run` moved; the tally is written once, before the commit.
    pub(super) fn count(&mut self, run: i64, state: State, by: i64) {
        *self.tally.entry((run, state)).or_default() += by;
    }

    /// Makes one move of a delivery: gives the state to write, and counts it.
    ///
    /// # Errors
    /// The table of moves does not have it.
    pub(super) fn step(&mut self, run: i64, from: State, by: Move) -> rusqlite::Result<State> {
        let illegal = || {
            let text = format!("{from} deliveries cannot {by:?}");
            rusqlite::Error::ToSqlConversionFailure(text.into())
        };
        let to = from.after(by).ok_or_else(illegal)?;
        self.moved(run, from, to);
        Ok(to)
    }

    /// Notes that a delivery is in another state now.
    pub(super) fn moved(&mut self, run: i64, from: State, to: State) {
        self.count(run, from, -1);
        self.count(run, to, 1);
    }

    /// Writes the tallies and completes the runs whose last delivery has just become final.
    fn finish(&mut self) -> rusqlite::Result<()> {
        let mut runs: Vec<i64> = Vec::new();
        let mut add = self.conn.prepare_cached(
            "INSERT INTO tally (run, state, count) VALUES (?1, ?2, ?3)
             ON CONFLICT (run, state) DO UPDATE SET count = count + excluded.count",
        )?;
        // Gains first: a count must not dip below zero in between.
        let mut moves: Vec<_> = self.tally.drain().filter(|(_, by)| *by != 0).collect();
        moves.sort_by_key(|((run, state), by)| (-by.signum(), *run, *state));
        for ((run, state), by) in moves {
            if by > 0 {
                add.execute(params![run, state.name(), by])?;
            } else {
                self.conn
                    .prepare_cached(
                        "UPDATE tally SET count = count + ?3 WHERE run = ?1 AND state = ?2",
                    )?
                    .execute(params![run, state.name(), by])?;
            }
            runs.push(run);
        }
        runs.sort_unstable();
        runs.dedup();
        runs.into_iter().try_for_each(|run| self.complete(run))
    }

    /// Ends a run that has nothing left to do, and notes that this is to be told. Exactly one
    /// caller sees the row change.
    pub(super) fn complete(&self, run: i64) -> rusqlite::Result<()> {
        let completed = self
            .conn
            .prepare_cached(
                "UPDATE run SET state = 'completed', ended_at = ?2
                 WHERE no = ?1 AND state = 'sending' AND NOT EXISTS (
                   SELECT 1 FROM tally WHERE run = ?1 AND count > 0 AND state IN
                     ('queued', 'leased', 'armed', 'uncertain', 'deferred'))",
            )?
            .execute(params![run, self.now])?;
        if completed == 1 {
            note_report(self, run)?;
        }
        Ok(())
    }
}

impl Store {
    /// Opens the database below `dir`, making it if there is none, and checks that it is ours.
    ///
    /// # Errors
    /// Another program's file, a newer schema, damage, a read-only or full disk.
    pub(super) fn open(dir: &Path, clock: Clock) -> Result<Self, OutboxError> {
        let path = dir.join(DATABASE);
        let ballast = dir.join(BALLAST);
        private_file(&path)?;
        schema::not_emptied(&path, &ballast)?;
        let found = schema::whose(&path)?;
        if found == schema::Found::Nothing {
            stamp::not_emptied(dir)?;
        }
        let conn = Connection::open(&path).map_err(|e| OutboxError::open(&path, &e))?;
        schema::make(&conn, found, dir).map_err(|e| OutboxError::open(&path, &e))?;
        prepare(&conn).map_err(|e| OutboxError::open(&path, &e))?;
        let inode = fs::metadata(&path)
            .map_err(|e| OutboxError::file(&path, &e))?
            .ino();
        let stamp = stamp::Stamp::open(&conn, dir, found, clock.now().as_millisecond());
        let stamp = stamp.inspect_err(|_| leave_log(&conn))?;
        let sound = Arc::new(AtomicBool::new(stamp.closed_well));
        let store = Self {
            conn,
            clock,
            path,
            inode,
            ballast,
            stamp,
            clocks: Noted::default(),
            sound,
            full: Arc::default(),
            refused_at: Duration::ZERO,
            fatal: None,
        };
        if let Err(error) = store.keep_ballast() {
            tracing::warn!("cannot keep a ballast file for a full disk: {error}");
        }
        Ok(store)
    }

    /// Applies `batch` in one durable transaction and settles every operation in it.
    pub(super) fn commit(&mut self, batch: &mut [Box<dyn Work>]) {
        if batch.len() > 1 && batch.iter().any(|work| work.stands_alone()) {
            return batch.chunks_mut(1).for_each(|work| self.commit(work));
        }
        let whole = self.attempt(batch);
        let Err(error) = whole else {
            batch.iter_mut().for_each(|work| work.settle(None));
            return;
        };
        if batch.len() == 1 {
            self.alone(&mut batch[0], &error);
        } else {
            for work in batch.chunks_mut(1) {
                self.commit(work);
            }
        }
    }

    /// The end of an operation that failed on its own: a full disk gets one more try.
    fn alone(&mut self, work: &mut Box<dyn Work>, error: &OutboxError) {
        let retry = matches!(error, OutboxError::Full { .. }) && work.records_results();
        if retry && fs::remove_file(&self.ballast).is_ok() {
            tracing::error!("the disk is full: gave up the ballast file to record a result");
            let again = self.attempt(std::slice::from_mut(work));
            return work.settle(again.err().as_ref());
        }
        work.settle(Some(error));
    }

    /// Applies `batch` in one durable transaction, and settles nothing.
    pub(super) fn attempt(&mut self, batch: &mut [Box<dyn Work>]) -> Result<(), OutboxError> {
        let done = self.write(batch);
        let now = self.clock.ticks();
        if matches!(done, Err(OutboxError::Full { .. })) {
            self.refused_at = now;
            self.full.store(true, Ordering::Release);
        } else if now.saturating_sub(self.refused_at) > ROOM_AGAIN {
            self.full.store(false, Ordering::Release);
        }
        done
    }

    fn write(&mut self, batch: &mut [Box<dyn Work>]) -> Result<(), OutboxError> {
        if let Some(text) = &self.fatal {
            return Err(OutboxError::Stopped(text.clone()));
        }
        self.still_ours()?;
        if !batch.iter().all(|work| work.records_results()) {
            self.has_ballast()?;
        }
        let written = transact(&mut self.conn, &self.clock, &mut self.clocks, batch);
        let written = written.map_err(|error| self.judge(&error))?;
        written.into_iter().for_each(|commits| self.stamp(commits));
        if self.fatal.is_none()
            && let Err(error) = fold(&self.conn)
        {
            self.judge(&error); // this batch is durable, and the next one hears of it
        }
        Ok(())
    }

    /// Tells the stamp of a commit that is durable. If it does not hear of it, it is behind, which
    /// harms nobody; but a disk that fails is not trusted with the next one.
    fn stamp(&mut self, commits: u64) {
        match self.stamp.write(commits) {
            Err(error) if error.kind() != io::ErrorKind::StorageFull => {
                self.stop(format!("the file `stamp` cannot be written: {error}"));
            }
            _ => {}
        }
    }

    /// Sorts a failure into "try later", "stop for good" and "this operation is wrong".
    fn judge(&mut self, error: &rusqlite::Error) -> OutboxError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => OutboxError::Full {
                path: self.path.clone(),
            },
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ReadOnly,
            ) => self.stop(error.to_string()),
            _ => OutboxError::Operation(error.to_string()),
        }
    }

    fn stop(&mut self, text: String) -> OutboxError {
        leave_log(&self.conn);
        tracing::error!(path = %self.path.display(), "the outbox stops: {text}");
        self.fatal = Some(text.clone());
        OutboxError::Stopped(text)
    }

    /// `SQLite` goes on writing happily to a file that was deleted or replaced under it.
    fn still_ours(&mut self) -> Result<(), OutboxError> {
        match fs::metadata(&self.path) {
            Ok(meta) if meta.ino() == self.inode => Ok(()),
            _ => Err(self.stop(format!(
                "{} was deleted or replaced while postroom ran",
                self.path.display()
            ))),
        }
    }

    /// Whether the ballast is in place, made anew where space has come back.
    fn has_ballast(&self) -> Result<(), OutboxError> {
        if self.ballast.exists() {
            return Ok(());
        }
        self.keep_ballast().map_err(|_| OutboxError::Full {
            path: self.path.clone(),
        })
    }

    fn keep_ballast(&self) -> io::Result<()> {
        if fs::metadata(&self.ballast).is_ok_and(|meta| meta.len() == BALLAST_BYTES) {
            return Ok(());
        }
        self.write_ballast().inspect_err(|_| {
            let _ = fs::remove_file(&self.ballast);
        })
    }

    /// Bytes that no file system can make smaller, and on the disk: room that is really taken.
    fn write_ballast(&self) -> io::Result<()> {
        let random = self
            .conn
            .query_row("SELECT randomblob(?1)", [BALLAST_BYTES], |row| row.get(0));
        let bytes: Vec<u8> = random.map_err(io::Error::other)?;
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&self.ballast)?;
        file.write_all(&bytes)?;
        file.sync_all()
    }

    /// Whether the whole database is known to be in order; to be set by whoever looked through it.
    pub(super) fn sound(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.sound)
    }

    /// Whether something waits for room on the disk.
    pub(super) fn full(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.full)
    }

    /// A stop in order: notes it, and moves the write-ahead log into the database file.
    pub(super) fn close(&mut self) {
        if self.fatal.is_some() || self.still_ours().is_err() {
            return;
        }
        if self.sound.load(Ordering::Acquire) {
            match stamp::close(&self.conn) {
                Ok(commits) => self.stamp(commits),
                Err(error) => tracing::warn!("could not note the end in the outbox: {error}"),
            }
        }
        if self.fatal.is_some() {
            return;
        }
        let done = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = done {
            tracing::warn!("could not fold the write-ahead log into the outbox: {error}");
            self.judge(&error); // and does not try again when the connection is closed
        }
    }
}

/// Gives the number of this commit, if it changed anything.
fn transact(
    conn: &mut Connection,
    clock: &Clock,
    clocks: &mut Noted,
    batch: &mut [Box<dyn Work>],
) -> rusqlite::Result<Option<u64>> {
    if let [work] = batch
        && work.stands_alone()
    {
        return work.apply(&mut Tx::new(conn, clock)).map(|()| None);
    }
    let before = conn.total_changes();
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut tx = Tx::new(&transaction, clock);
    for work in batch.iter_mut() {
        work.apply(&mut tx)?;
    }
    tx.finish()?;
    let moment = tx.moment;
    drop(tx);
    if transaction.total_changes() == before {
        transaction.commit()?; // what changes nothing costs the disk nothing
        return Ok(None);
    }
    let noted = clocks.note(&transaction, clock, moment)?;
    let commits = stamp::count(&transaction)?;
    transaction.commit()?;
    *clocks = noted;
    Ok(Some(commits))
}

/// Moves the write-ahead log into the database once it is long. `SQLite` would do so by itself, but
/// would not tell if the disk refused.
fn fold(conn: &Connection) -> rusqlite::Result<()> {
    let left = |sql| {
        let mut pragma = conn.prepare_cached(sql)?;
        pragma.query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
    };
    if left("PRAGMA wal_checkpoint(NOOP)")? >= LOG_PAGES {
        left("PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}

/// Nothing is moved out of the write-ahead log any more, not even when the connection is closed:
/// what a failed sync was for may be lost though the next one succeeds, and then only the log still
/// has it. The next start moves all of it anew.
fn leave_log(conn: &Connection) {
    let leave = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    if let Err(error) = conn.set_db_config(leave, true) {
        tracing::error!("the write-ahead log cannot be left alone: {error}");
    }
}

fn private_file(path: &Path) -> Result<(), OutboxError> {
    fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
        .open(path)
        .map(drop)
        .map_err(|e| OutboxError::file(path, &e))
}

fn prepare(conn: &Connection) -> rusqlite::Result<()> {
    schema::write_ahead(conn)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -16_384)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "journal_size_limit", 64 << 20)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?; // see `fold`
    conn.pragma_update(None, "secure_delete", true)?;
    // Without it `SQLite` compiles many of the statements below anew each time that they run, to
    // look whether a value that was bound makes a partial index fit.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The key with which addresses on the suppression list are hashed.
pub(super) fn hmac_key(conn: &Connection) -> rusqlite::Result<Vec<u8>> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = 'hmac-key'")?
        .query_row([], |row| row.get(0))
}

/// The number that a run has in the tables below it.
pub(super) fn run_no(conn: &Connection, id: &str) -> rusqlite::Result<RunNo> {
    conn.prepare_cached("SELECT no FROM run WHERE id = ?1")?
        .query_row([id], |row| row.get(0).map(RunNo))
}
