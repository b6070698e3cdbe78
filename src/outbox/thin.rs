//! Retention: what finished runs still say after a while, and space that is given back.
//!
//! A run is thinned twice. First the servers' words and the recipients' fields go, later its rows
//! with their tries, keys and changes, and its template. The run itself stays for ever with the
//! sums of its deliveries: an occurrence must never run twice. Runs that are not over are never
//! touched, and each step is small, so that sending beside it does not wait.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::carried;
use super::run::millis;
use super::store::Tx;
use super::writer::{Operation, Rank};

/// What stands where a text was that retention took away.
pub const REMOVED: &str = "removed";

/// At most so many rows are touched by one step.
const CHUNK: i64 = 500;

/// Takes away a little of what is older than it must be; asked again until there is no more.
#[derive(Clone, Copy, Debug)]
pub struct Thin {
    /// How long after its end a run keeps its texts.
    pub texts: Duration,
    /// How long it keeps its rows; longer than `texts`, and than any rate looks back.
    pub rows: Duration,
}

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thinned {
    /// Rows that lost their texts, or went.
    pub rows: u64,
    /// Whether there is more to do.
    pub more: bool,
}

impl Operation for Thin {
    type Receipt = Thinned;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Thinned> {
        if let Some((run, seq)) = begun(tx)? {
            return blank_texts(tx, run, seq);
        }
        if let Some(run) = due(tx, 0, self.texts)? {
            // Marked first: from here on nobody may open it again, as half of it is gone.
            tx.conn
                .prepare_cached(
                    "UPDATE run SET thinned = 1,
                       grouped = json_set(grouped, '$.fields', json('{}'))
                     WHERE no = ?1",
                )?
                .execute([run])?;
            return blank_texts(tx, run, 0);
        }
        match due(tx, 1, self.rows)? {
            Some(run) => remove_rows(tx, run),
            None => Ok(Thinned::default()),
        }
    }
}

/// The run whose texts are being taken away, and its last row that has none any more.
fn begun(tx: &Tx<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    let text: Option<Vec<u8>> = tx
        .conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'thinning'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| serde_json::from_slice(&text).expect("written by this module")))
}

/// The first run to be thinned once more.
fn due(tx: &Tx<'_>, thinned: i64, keep: Duration) -> rusqlite::Result<Option<i64>> {
    tx.conn
        .prepare_cached(
            "SELECT no FROM run WHERE thinned = ?1 AND ended_at <= ?2 ORDER BY ended_at LIMIT 1",
        )?
        .query_row(
            params![thinned, tx.now.saturating_sub(millis(keep))],
            |row| row.get(0),
        )
        .optional()
}

fn blank_texts(tx: &Tx<'_>, run: i64, after: i64) -> rusqlite::Result<Thinned> {
    let Some((last, rows)) = next_rows(tx, run, after)? else {
        tx.conn
            .prepare_cached("DELETE FROM meta WHERE key = 'thinning'")?
            .execute([])?;
        return Ok(Thinned {
            rows: 0,
            more: true,
        });
    };
    tx.conn
        .prepare_cached(
            "UPDATE attempt SET reply = NULL
             WHERE run = ?1 AND seq > ?2 AND seq <= ?3 AND reply IS NOT NULL",
        )?
        .execute(params![run, after, last])?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET fields = '{}', files = NULL, reason = iif(reason IS NULL, NULL, ?4)
             WHERE run = ?1 AND seq > ?2 AND seq <= ?3
               AND (fields <> '{}' OR files IS NOT NULL OR reason IS NOT ?4)",
        )?
        .execute(params![run, after, last, REMOVED])?;
    tx.conn
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES ('thinning', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([serde_json::json!([run, last]).to_string().into_bytes()])?;
    Ok(Thinned { rows, more: true })
}

/// The next rows of a run that make one step together with their tries: the last of them, and how
/// many they are.
fn next_rows(tx: &Tx<'_>, run: i64, after: i64) -> rusqlite::Result<Option<(i64, u64)>> {
    let mut query = tx.conn.prepare_cached(
        "SELECT seq, attempts FROM delivery WHERE run = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let mut found = query.query(params![run, after, CHUNK])?;
    let (mut last, mut rows, mut weight) = (None, 0, 0);
    while let Some(row) = found.next()? {
        weight += 1 + row.get::<_, i64>(1)?;
        if last.is_some() && weight > CHUNK {
            break;
        }
        last = Some(row.get(0)?);
        rows += 1;
    }
    Ok(last.map(|last| (last, rows)))
}

fn remove_rows(tx: &Tx<'_>, run: i64) -> rusqlite::Result<Thinned> {
    let mut step = Thinned {
        rows: 0,
        more: true,
    };
    // The way to the rows goes first, in its own order: going along with them it would be torn
    // out of all its pages at once.
    let keys = tx
        .conn
        .prepare_cached(
            "DELETE FROM run_key WHERE (run, fingerprint, key) IN (
               SELECT run, fingerprint, key FROM run_key WHERE run = ?1
               ORDER BY fingerprint, key LIMIT ?2)",
        )?
        .execute(params![run, CHUNK])?;
    if keys > 0 {
        return Ok(step);
    }
    let Some((last, rows)) = next_rows(tx, run, 0)? else {
        remove_template(tx, run)?;
        return Ok(step);
    };
    step.rows = rows;
    for sql in [
        "DELETE FROM once WHERE run = ?1 AND seq <= ?2 AND NOT EXISTS (
           SELECT 1 FROM delivery d WHERE d.run = once.run AND d.seq = once.seq
             AND (d.state IN ('accepted', 'presumed') OR d.doubted = 1))",
        "DELETE FROM audit_row WHERE run = ?1 AND seq <= ?2",
        "DELETE FROM attempt WHERE run = ?1 AND seq <= ?2",
        "DELETE FROM delivery WHERE run = ?1 AND seq <= ?2",
    ] {
        tx.conn.prepare_cached(sql)?.execute(params![run, last])?;
    }
    Ok(step)
}

fn remove_template(tx: &Tx<'_>, run: i64) -> rusqlite::Result<()> {
    let template: Option<Vec<u8>> = tx
        .conn
        .prepare_cached("SELECT template FROM run WHERE no = ?1")?
        .query_row([run], |row| row.get(0))?;
    tx.conn
        .prepare_cached("UPDATE run SET thinned = 2, template = NULL WHERE no = ?1")?
        .execute([run])?;
    carried::release(tx, run)?;
    match template {
        Some(template) => carried::drop_unused(tx, &template),
        None => Ok(()),
    }
}

/// Gives some of the database's free pages back to the file system.
#[derive(Clone, Copy, Debug)]
pub struct Shrink {
    /// At most so many pages.
    pub pages: u32,
}

impl Operation for Shrink {
    /// How many free pages are left.
    type Receipt = u64;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
        let sql = format!("PRAGMA incremental_vacuum({})", self.pages);
        let mut vacuum = tx.conn.prepare(&sql)?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {} // each step frees a page
        tx.conn
            .prepare_cached("PRAGMA freelist_count")?
            .query_row([], |row| row.get(0))
    }
}
