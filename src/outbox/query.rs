//! Reading: the same questions for the daemon's control socket and for commands that open the
//! database themselves. Read-only connections; they never wait for the writer.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::state::State;
use super::suppression::suppression_of;
use super::{DeliveryId, FrozenRun, Kept, OutboxError, RunNo};

/// A reading connection.
pub struct Reader {
    pub(super) conn: Connection,
}

/// How many deliveries of a run are in each state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<String, i64>);

impl Counts {
    /// How many are in `state`.
    #[must_use]
    pub fn of(&self, state: State) -> i64 {
        self.0.get(state.name()).copied().unwrap_or(0)
    }

    /// How many are in any of `states`.
    #[must_use]
    pub fn sum(&self, states: &[State]) -> i64 {
        states.iter().map(|state| self.of(*state)).sum()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }
}

/// A run as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RunRow {
    /// ULID.
    pub id: String,
    /// The schedule.
    pub schedule: String,
    /// The occurrence key.
    pub occurrence: String,
    /// expanding, sending, completed, failed, missed or cancelled.
    pub state: String,
    /// Why, for failed and missed ones.
    pub reason: Option<String>,
    /// The account.
    pub account: String,
    /// Milliseconds.
    pub due_at: i64,
    /// Milliseconds.
    pub opened_at: i64,
    /// Milliseconds.
    pub ended_at: Option<i64>,
    /// Milliseconds.
    pub expires_at: i64,
    /// Deliveries by state.
    pub counts: Counts,
}

/// A delivery as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeliveryRow {
    /// The run's ULID and the row, `01J….17`.
    pub id: String,
    /// The schedule.
    pub schedule: String,
    /// One of the words of [`State`].
    pub state: String,
    /// Address.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// The list it came from.
    pub list: String,
    /// Its line there.
    pub line: i64,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried again, in milliseconds; only for waiting ones.
    pub next_at: Option<i64>,
    /// Whether a try of it ended in doubt.
    pub doubted: bool,
    /// When it became final, in milliseconds.
    pub ended_at: Option<i64>,
}

/// One try as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Counts from 1.
    pub n: i64,
    /// The account.
    pub account: String,
    /// Milliseconds.
    pub started_at: i64,
    /// Milliseconds; none while it is under way.
    pub ended_at: Option<i64>,
    /// The stage of the session that decided.
    pub stage: Option<String>,
    /// accepted, deferred, rejected, uncertain, not-sent or invalid.
    pub outcome: Option<String>,
    /// SMTP reply code.
    pub code: Option<u16>,
    /// Enhanced status code.
    pub enhanced: Option<String>,
    /// What the server said.
    pub reply: Option<String>,
}

/// An address that gets no mail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SuppressionRow {
    /// The address; none once it was forgotten.
    pub address: Option<String>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub source: String,
    /// Milliseconds.
    pub created_at: i64,
    /// Milliseconds.
    pub ends_at: Option<i64>,
}

/// Which deliveries to show.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Filter {
    /// Only these states; empty for all that are not final.
    pub states: Vec<String>,
    /// Only this schedule.
    pub schedule: Option<String>,
    /// Only this account.
    pub account: Option<String>,
    /// Only this run.
    pub run: Option<String>,
    /// Only runs opened since, in milliseconds.
    pub since: Option<i64>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// The state of all things at one moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Snapshot {
    /// Open runs, oldest first.
    pub open: Vec<RunRow>,
    /// The newest ended run of each schedule.
    pub last: Vec<RunRow>,
}

const RUN: &str = "SELECT r.id, r.schedule, r.occurrence, r.state, r.reason, r.account, r.due_at,
    r.opened_at, r.ended_at, r.expires_at, r.no FROM run r";
const DELIVERY: &str =
    "SELECT r.id || '.' || d.seq, r.schedule, d.state, d.address, d.name, d.list,
    d.line, d.reason, d.tries, d.next_at, d.doubted, d.ended_at, d.run, d.seq
    FROM run r JOIN delivery d ON d.run = r.no";

impl Reader {
    /// Opens the outbox below `dir` for reading.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, OutboxError> {
        let path = dir.join("postroom.db");
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
        let open = self.run_rows(
            &format!("{RUN} WHERE r.state IN ('expanding', 'sending') ORDER BY r.no"),
            &[],
        )?;
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

    /// What is frozen with a run.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such run.
    pub fn frozen(&self, run: RunNo) -> Result<(RunRow, FrozenRun), OutboxError> {
        let row = self
            .run_rows(&format!("{RUN} WHERE r.no = ?1"), params![run.0])?
            .pop();
        let row = row.ok_or_else(|| OutboxError::Operation("there is no such run".to_owned()))?;
        let frozen = self
            .conn
            .prepare_cached(
                "SELECT r.account, b.content, r.sender, r.utc_offset, r.retry, r.on_uncertain,
                   r.resend_after FROM run r JOIN blob b ON b.hash = r.template WHERE r.no = ?1",
            )
            .and_then(|mut query| query.query_row([run.0], frozen_run))
            .map_err(failed)?;
        Ok((row, frozen))
    }

    /// Deliveries that fit `filter`, in the order of their runs and rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn deliveries(&self, filter: &Filter) -> Result<Vec<DeliveryRow>, OutboxError> {
        let states = if filter.states.is_empty() {
            let open = State::ALL.iter().filter(|state| !state.is_final());
            open.map(|state| state.name().to_owned()).collect()
        } else {
            filter.states.clone()
        };
        let sql = format!(
            "{DELIVERY} WHERE d.state IN (SELECT value FROM json_each(?1))
               AND EXISTS (SELECT 1 FROM tally t WHERE t.run = r.no AND t.count > 0
                 AND t.state IN (SELECT value FROM json_each(?1)))
               AND (?2 IS NULL OR r.schedule = ?2) AND (?3 IS NULL OR r.account = ?3)
               AND (?4 IS NULL OR r.id = ?4) AND (?5 IS NULL OR r.opened_at >= ?5)
             ORDER BY d.run, d.seq LIMIT ?6"
        );
        let limit = filter
            .limit
            .map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1));
        let mut query = self.conn.prepare_cached(&sql).map_err(failed)?;
        let rows = query.query_map(
            params![
                serde_json::json!(states).to_string(),
                filter.schedule,
                filter.account,
                filter.run,
                filter.since,
                limit
            ],
            |row| delivery_row(row).map(|(row, _)| row),
        );
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// All that happened to one address (normalised), newest run first, with every try.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn history(&self, key: &str) -> Result<Vec<(DeliveryRow, Vec<AttemptRow>)>, OutboxError> {
        let sql = format!(
            "{DELIVERY} JOIN run_key k ON k.run = r.no AND k.fingerprint = ?2 AND k.key = ?1
               AND k.seq = d.seq
             UNION ALL
             {DELIVERY} WHERE d.key = ?1 AND d.state IN ('suppressed', 'skipped', 'invalid')
               AND NOT EXISTS (SELECT 1 FROM run_key k
                 WHERE k.run = r.no AND k.fingerprint = ?2 AND k.key = ?1 AND k.seq = d.seq)
             ORDER BY 13 DESC, 14"
        );
        let mut query = self.conn.prepare_cached(&sql).map_err(failed)?;
        let rows: Vec<(DeliveryRow, DeliveryId)> = query
            .query_map(params![key, Kept::fingerprint(key)], delivery_row)
            .and_then(Iterator::collect)
            .map_err(failed)?;
        rows.into_iter()
            .map(|(row, id)| Ok((row, self.attempts(id)?)))
            .collect()
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

    /// When messages of an account were sent since a time: what its rate limits must remember.
    /// A try that is still under way counts as of now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn sent_since(
        &self,
        account: &str,
        since: i64,
    ) -> Result<Vec<(String, Option<i64>)>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT r.schedule, a.ended_at FROM attempt a JOIN run r ON r.no = a.run
                 WHERE a.account = ?1 AND a.started_at >= ?2",
            )
            .map_err(failed)?;
        query
            .query_map(params![account, since], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .and_then(Iterator::collect)
            .map_err(failed)
    }

    /// The entry of an address (normalised) on the suppression list.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn suppression(&self, key: &str) -> Result<Option<SuppressionRow>, OutboxError> {
        suppression_of(&self.conn, key).map_err(failed)
    }

    /// The whole suppression list.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn suppressions(&self) -> Result<Vec<SuppressionRow>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT address, reason, source, created_at, ends_at FROM suppression
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

fn failed(error: rusqlite::Error) -> OutboxError {
    OutboxError::Operation(error.to_string())
}

fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        schedule: row.get(1)?,
        occurrence: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        account: row.get(5)?,
        due_at: row.get(6)?,
        opened_at: row.get(7)?,
        ended_at: row.get(8)?,
        expires_at: row.get(9)?,
        counts: Counts::default(),
    })
}

fn delivery_row(row: &Row<'_>) -> rusqlite::Result<(DeliveryRow, DeliveryId)> {
    let state: String = row.get(2)?;
    let waits = matches!(state.as_str(), "queued" | "deferred" | "uncertain");
    let next_at = row.get::<_, i64>(9)?;
    let id = DeliveryId {
        run: RunNo(row.get(12)?),
        seq: row.get(13)?,
    };
    let shown = DeliveryRow {
        id: row.get(0)?,
        schedule: row.get(1)?,
        state,
        address: row.get(3)?,
        name: row.get(4)?,
        list: row.get(5)?,
        line: row.get(6)?,
        reason: row.get(7)?,
        tries: row.get(8)?,
        next_at: (waits && next_at < i64::MAX).then_some(next_at),
        doubted: row.get(10)?,
        ended_at: row.get(11)?,
    };
    Ok((shown, id))
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        n: row.get(0)?,
        account: row.get(1)?,
        started_at: row.get(2)?,
        ended_at: row.get(3)?,
        stage: row.get(4)?,
        outcome: row.get(5)?,
        code: row.get(6)?,
        enhanced: row.get(7)?,
        reply: row.get(8)?,
    })
}

pub(super) fn suppression_row(row: &Row<'_>) -> rusqlite::Result<SuppressionRow> {
    Ok(SuppressionRow {
        address: row.get(0)?,
        reason: row.get(1)?,
        source: row.get(2)?,
        created_at: row.get(3)?,
        ends_at: row.get(4)?,
    })
}

fn frozen_run(row: &Row<'_>) -> rusqlite::Result<FrozenRun> {
    let template = match row.get_ref(1)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        _ => String::new(),
    };
    let retry: Vec<u64> =
        serde_json::from_str(&row.get::<_, String>(4)?).expect("written by opening the run");
    let on_uncertain = row
        .get_ref(5)?
        .as_str()?
        .parse()
        .expect("the schema allows known policies only");
    let resend_after = u64::try_from(row.get::<_, i64>(6)?).unwrap_or(0);
    Ok(FrozenRun {
        account: row.get(0)?,
        template,
        sender: row.get(2)?,
        utc_offset: row.get(3)?,
        retry: retry.into_iter().map(Duration::from_secs).collect(),
        on_uncertain,
        resend_after: Duration::from_millis(resend_after),
    })
}
