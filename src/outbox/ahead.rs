//! What is still to come, and how fast things went: what a forecast is made of.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::query::{Reader, failed};
use super::store::DATABASE;
use super::{OutboxError, RunRow};

/// People whose times lie within so many milliseconds of each other wait together: zones differ by
/// quarters of an hour.
const QUARTER: i64 = 15 * 60 * 1000;
/// So many of the newest tries say how fast servers are.
const LATELY: usize = 2000;
/// Tries with a longer pause between them, in milliseconds, are not one piece of work.
const PAUSE: i64 = 1000;
/// A piece of work of fewer tries says nothing: one lane does it.
const ENOUGH: u32 = 10;

/// People of a run who wait for the same.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The domain whose limits hold for them, if one's do.
    pub pool: String,
    /// In milliseconds; what is past is now.
    pub from: i64,
    /// In milliseconds, if they have a time of their own.
    pub expires_at: Option<i64>,
    /// How many; 1 where they get one message together.
    pub people: u64,
}

impl Reader {
    /// Opens the outbox below `dir` so that nothing is written, not even what readers share with
    /// each other.
    ///
    /// # Errors
    /// There is none, or it cannot be read so: somebody has to open it to mend it.
    pub fn peek(dir: &Path) -> Result<Self, OutboxError> {
        let path = dir.join(DATABASE);
        // Without a log nobody else has it open, or what they write is not there yet.
        let log = dir.join([DATABASE, "-wal"].concat()).exists();
        let how = if log { "readonly_shm=1" } else { "immutable=1" };
        let name = path.display().to_string();
        let name = name
            .replace('%', "%25")
            .replace('?', "%3f")
            .replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let uri = format!("file:{name}?mode=ro&{how}");
        let conn = Connection::open_with_flags(uri, flags).and_then(|conn| {
            conn.busy_timeout(Duration::from_secs(1))?;
            conn.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
            Ok(conn)
        });
        let conn = conn.map_err(|error| OutboxError::open(&path, &error))?;
        Ok(Self { conn })
    }

    /// Who waits in an open run, by what and until when. It looks at each of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn waiting(&self, run: &RunRow, now: i64) -> Result<Vec<Waiting>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT d.pool, max(d.next_at), d.expires_at,
                   iif(r.grouped IS NULL, count(*), 1)
                 FROM run r CROSS JOIN delivery d ON d.run = r.no
                 WHERE r.id = ?1 AND d.state IN ('queued', 'deferred', 'leased', 'armed')
                 GROUP BY d.pool, max(0, d.next_at - ?2 + ?3) / ?3, d.expires_at",
            )
            .map_err(failed)?;
        query
            .query_map(params![run.id, now, QUARTER], |row| {
                Ok(Waiting {
                    pool: row.get(0)?,
                    from: row.get(1)?,
                    expires_at: row.get(2)?,
                    people: row.get(3)?,
                })
            })
            .and_then(Iterator::collect)
            .map_err(failed)
    }

    /// How many messages a second each account's server took lately while it was busy, where enough
    /// were sent in one piece to tell.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn speeds(&self) -> Result<BTreeMap<String, f64>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT account, started_at, ended_at FROM attempt a INDEXED BY attempt_ended
                 WHERE ended_at IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM run r WHERE r.no = a.run AND r.grouped IS NOT NULL)
                 ORDER BY ended_at DESC LIMIT ?1",
            )
            .map_err(failed)?;
        let tries: Vec<(String, i64, i64)> = query
            .query_map([LATELY], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        let mut of: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
        for (account, started, ended) in tries {
            of.entry(account).or_default().push((started, ended));
        }
        let speeds = of.into_iter();
        Ok(speeds
            .filter_map(|(account, tries)| Some((account, speed(tries)?)))
            .collect())
    }
}

/// Messages a second over all pieces of work that are large enough.
fn speed(mut tries: Vec<(i64, i64)>) -> Option<f64> {
    tries.sort_unstable();
    let (mut count, mut millis) = (0, 0);
    let mut pieces: Vec<(i64, i64, u32)> = Vec::new();
    for (started, ended) in tries {
        match pieces.last_mut() {
            Some((_, until, tries)) if started <= *until + PAUSE => {
                (*until, *tries) = (ended.max(*until), *tries + 1);
            }
            _ => pieces.push((started, ended, 1)),
        }
    }
    for (from, until, tries) in pieces {
        if tries >= ENOUGH {
            (count, millis) = (count + tries, millis + (until - from).max(1));
        }
    }
    (count > 0).then(|| f64::from(count) * 1000.0 / millis as f64)
}

#[cfg(test)]
mod tests {
    use super::speed;

    #[test]
    fn pauses_do_not_make_a_server_slow() {
        // Twenty in 2 s, a pause of a minute, twenty in 2 s.
        let burst = |from: i64| (0..20).map(move |n| (from + 100 * n, from + 100 * (n + 1)));
        let tries = burst(0).chain(burst(62_000)).collect();
        assert_eq!(speed(tries), Some(10.0));
    }

    #[test]
    fn a_few_messages_say_nothing() {
        assert_eq!(
            speed((0..9).map(|n| (100 * n, 100 * n + 50)).collect()),
            None
        );
        let rare = (0..50).map(|n| (5_000 * n, 5_000 * n + 50)).collect();
        assert_eq!(speed(rare), None);
    }
}
