//! Reading: the same questions for the daemon's control socket and for commands that open the
//! database themselves. Read-only connections; they never wait for the writer.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params, params_from_iter};

use super::rows::{
    Addressee, AttemptRow, Counts, DeliveryRow, RunRow, Snapshot, SuppressionRow, addressee,
    attempt_row, delivery_row, frozen_run, run_row, suppression_row,
};
use super::state::State;
use super::store::DATABASE;
use super::suppression::suppressions_of;
use super::{AuditRow, DeliveryId, Filter, FrozenRun, Kept, OutboxError, RunNo};

/// A delivery with all tries, and all that people did to it.
pub type History = (DeliveryRow, Vec<AttemptRow>, Vec<AuditRow>);

/// A reading connection.
pub struct Reader {
    pub(super) conn: Connection,
}

const RUN: &str = "SELECT r.id, r.schedule, r.occurrence, r.state, r.reason, r.account, r.due_at,
    r.opened_at, r.ended_at, r.expires_at, r.no, r.thinned, r.queues,
    r.via, iif(r.canary IS NULL, NULL, r.canary_size) FROM run r";
const DELIVERY: &str =
    "SELECT r.id || '.' || d.seq, r.schedule, d.state, d.address, d.name, d.list,
    d.line, d.reason, d.tries, d.next_at, d.doubted, d.ended_at, d.run, d.seq, r.account,
    iif(d.seq > r.canary AND d.state IN ('queued', 'deferred'), r.canary_size, NULL)";

impl Reader {
    /// Whether there is an outbox below `dir`.
    #[must_use]
    pub fn exists(dir: &Path) -> bool {
        dir.join(DATABASE).exists()
    }

    /// Opens the outbox below `dir` for reading.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, OutboxError> {
        let path = dir.join(DATABASE);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&path, flags)
            .and_then(|conn| {
                conn.busy_timeout(Duration::from_secs(5))?;
                conn.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
                Ok(conn)
            })
            .map_err(|e| OutboxError::open(&path, &e))?;
        Ok(Self { conn })
    }

    /// Open runs and each schedule's last one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, OutboxError> {
        let open = self.open_runs()?;
        let last = self.run_rows(
            &format!(
                "{RUN} WHERE r.no IN (SELECT max(no) FROM run
                   WHERE state NOT IN ('expanding', 'sending') GROUP BY schedule)
                 ORDER BY r.schedule"
            ),
            &[],
        )?;
        Ok(Snapshot { open, last })
    }

    /// Open runs, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn open_runs(&self) -> Result<Vec<RunRow>, OutboxError> {
        self.run_rows(
            &format!("{RUN} WHERE r.state IN ('expanding', 'sending') ORDER BY r.no"),
            &[],
        )
    }

    /// Runs, newest first: of one schedule or of all, opened since a time.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs(
        &self,
        schedule: Option<&str>,
        since: Option<i64>,
        limit: usize,
    ) -> Result<Vec<RunRow>, OutboxError> {
        self.run_rows(
            &format!(
                "{RUN} WHERE (?1 IS NULL OR r.schedule = ?1) AND (?2 IS NULL OR r.opened_at >= ?2)
                 ORDER BY r.no DESC LIMIT ?3"
            ),
            params![schedule, since, limit],
        )
    }

    /// One run by its id, or by a beginning of it that fits only one.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run(&self, id: &str) -> Result<Option<RunRow>, OutboxError> {
        let upper = format!("{id}\u{7f}");
        let mut found = self.run_rows(
            &format!("{RUN} WHERE r.id >= ?1 AND r.id < ?2 LIMIT 2"),
            params![id, upper],
        )?;
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// A run by its number.
    pub(super) fn row(&self, run: RunNo) -> Result<RunRow, OutboxError> {
        self.run_rows(&format!("{RUN} WHERE r.no = ?1"), params![run.0])?
            .pop()
            .ok_or_else(|| OutboxError::Operation("there is no such run".to_owned()))
    }

    /// What is frozen with a run.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such run.
    pub fn frozen(&self, run: RunNo) -> Result<(RunRow, FrozenRun), OutboxError> {
        let row = self.row(run)?;
        let frozen = self
            .conn
            .prepare_cached(
                "SELECT r.account, b.content, r.sender, r.utc_offset, r.retry, r.on_uncertain,
                   r.resend_after, r.zone
                 FROM run r JOIN blob b ON b.hash = r.template WHERE r.no = ?1",
            )
            .and_then(|mut query| query.query_row([run.0], frozen_run))
            .map_err(failed)?;
        let carried = self.carried(run)?;
        Ok((row, FrozenRun { carried, ..frozen }))
    }

    /// Deliveries that fit `filter`, in the order of their runs and rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn deliveries(&self, filter: &Filter) -> Result<Vec<DeliveryRow>, OutboxError> {
        self.fitting(DELIVERY, filter, |row| {
            delivery_row(row).map(|(row, _)| row)
        })
    }

    /// Which deliveries fit `filter`, in the same order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn ids(&self, filter: &Filter) -> Result<Vec<DeliveryId>, OutboxError> {
        self.fitting("SELECT d.run, d.seq", filter, |row| {
            Ok(DeliveryId {
                run: RunNo(row.get(0)?),
                seq: row.get(1)?,
            })
        })
    }

    /// How many deliveries fit `filter`, by state.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn count(&self, filter: &Filter) -> Result<Counts, OutboxError> {
        let these = filter.conditions();
        let sql = format!(
            "SELECT d.state, count(*) FROM run r CROSS JOIN delivery d ON d.run = r.no
             WHERE {} GROUP BY d.state",
            these.text
        );
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut query| {
                query
                    .query_map(params_from_iter(these.values), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect()
            })
            .map(Counts)
            .map_err(failed)
    }

    fn fitting<T>(
        &self,
        select: &str,
        filter: &Filter,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, OutboxError> {
        let mut these = filter.conditions();
        let limit = filter.limit.map(i64::try_from);
        these
            .values
            .push(limit.map_or(-1, |limit| limit.unwrap_or(-1)).into());
        let sql = format!(
            "{select} FROM run r CROSS JOIN delivery d ON d.run = r.no
             WHERE {} ORDER BY r.no, d.seq LIMIT ?",
            these.text
        );
        self.conn
            .prepare_cached(&sql)
            .and_then(|mut query| {
                query
                    .query_map(params_from_iter(these.values), read)?
                    .collect()
            })
            .map_err(failed)
    }

    /// One delivery, if there is such a row.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<DeliveryRow>, OutboxError> {
        let only = Filter {
            ids: Some(vec![id]),
            ..Filter::default()
        };
        self.deliveries(&only).map(|mut rows| rows.pop())
    }

    /// All that happened to one address (normalised), newest run first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn history(&self, key: &str) -> Result<Vec<History>, OutboxError> {
        let sql = format!(
            "{DELIVERY} FROM run r
             CROSS JOIN run_key k ON k.run = r.no AND k.fingerprint = ?2 AND k.key = ?1
             CROSS JOIN delivery d ON d.run = k.run AND d.seq = k.seq
             WHERE r.state <> 'failed'
             UNION ALL
             {DELIVERY} FROM delivery d INDEXED BY delivery_unsent CROSS JOIN run r ON r.no = d.run
             WHERE d.key = ?1 AND d.state IN ('suppressed', 'skipped', 'invalid')
               AND r.state <> 'failed' AND NOT EXISTS (SELECT 1 FROM run_key k
                 WHERE k.run = r.no AND k.fingerprint = ?2 AND k.key = ?1 AND k.seq = d.seq)
             ORDER BY 13 DESC, 14"
        );
        let mut query = self.conn.prepare_cached(&sql).map_err(failed)?;
        let rows: Vec<(DeliveryRow, DeliveryId)> = query
            .query_map(params![key, Kept::fingerprint(key)], delivery_row)
            .and_then(Iterator::collect)
            .map_err(failed)?;
        rows.into_iter()
            .map(|(row, id)| Ok((row, self.attempts(id)?, self.audits(id)?)))
            .collect()
    }

    /// Whom the deliveries of a run in one of `states` are for: the next ones after a row.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn addressees(
        &self,
        run: RunNo,
        states: &[State],
        after: i64,
        limit: usize,
    ) -> Result<Vec<Addressee>, OutboxError> {
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        let names = serde_json::json!(names).to_string();
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT seq, list, line, address, name, fields FROM delivery
                 WHERE run = ?1 AND seq > ?2 AND state IN (SELECT value FROM json_each(?3))
                 ORDER BY seq LIMIT ?4",
            )
            .map_err(failed)?;
        query
            .query_map(params![run.0, after, names, limit], addressee)
            .and_then(Iterator::collect)
            .map_err(failed)
    }

    /// The tries of one delivery, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn attempts(&self, id: DeliveryId) -> Result<Vec<AttemptRow>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT n, account, started_at, ended_at, stage, outcome, code, enhanced, reply
                 FROM attempt WHERE run = ?1 AND seq = ?2 ORDER BY n",
            )
            .map_err(failed)?;
        query
            .query_map(params![id.run.0, id.seq], attempt_row)
            .and_then(Iterator::collect)
            .map_err(failed)
    }

    /// The entries of an address (normalised) on the suppression list; that for all mail first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn suppressions_of(&self, key: &str) -> Result<Vec<SuppressionRow>, OutboxError> {
        suppressions_of(&self.conn, key).map_err(failed)
    }

    /// The whole suppression list.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn suppressions(&self) -> Result<Vec<SuppressionRow>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT address, reason, source, created_at, ends_at, scope FROM suppression
                 ORDER BY created_at",
            )
            .and_then(|mut query| query.query_map([], suppression_row)?.collect())
            .map_err(failed)
    }

    fn run_rows(
        &self,
        sql: &str,
        params: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<RunRow>, OutboxError> {
        let mut query = self.conn.prepare_cached(sql).map_err(failed)?;
        let rows: Vec<(RunRow, i64)> = query
            .query_map(params, |row| Ok((run_row(row)?, row.get(10)?)))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        rows.into_iter()
            .map(|(row, no)| {
                Ok(RunRow {
                    counts: self.counts(no)?,
                    ..row
                })
            })
            .collect()
    }

    fn counts(&self, run: i64) -> Result<Counts, OutboxError> {
        self.conn
            .prepare_cached("SELECT state, count FROM tally WHERE run = ?1 AND count > 0")
            .and_then(|mut query| {
                query
                    .query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map(Counts)
            .map_err(failed)
    }

    /// How many rows of a run are in each state, counted one by one: for tests of the tally.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn recount(&self, run: &str) -> Result<Counts, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT d.state, count(*) FROM delivery d JOIN run r ON r.no = d.run
                 WHERE r.id = ?1 GROUP BY d.state",
            )
            .and_then(|mut query| {
                query
                    .query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .map(Counts)
            .map_err(failed)
    }

    /// Whether any run belongs to this schedule.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn knows_schedule(&self, name: &str) -> Result<bool, OutboxError> {
        self.any(
            "SELECT EXISTS (SELECT 1 FROM run WHERE schedule = ?1)",
            name,
        )
    }

    /// Whether any run went through this account.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn knows_account(&self, name: &str) -> Result<bool, OutboxError> {
        self.any("SELECT EXISTS (SELECT 1 FROM run WHERE account = ?1)", name)
    }

    fn any(&self, sql: &str, name: &str) -> Result<bool, OutboxError> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut query| query.query_row([name], |row| row.get(0)))
            .map_err(failed)
    }

    /// Finds a run's number by its id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run_no(&self, id: &str) -> Result<Option<RunNo>, OutboxError> {
        super::store::run_no(&self.conn, id)
            .optional()
            .map_err(failed)
    }
}

/// A question that could not be answered.
pub(super) fn failed(error: rusqlite::Error) -> OutboxError {
    OutboxError::Operation(error.to_string())
}
