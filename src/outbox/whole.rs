//! How many people runs are for and how long their lists were, so that one can be held against the
//! last.

use rusqlite::{OptionalExtension, Row, params};

use super::query::failed;
use super::state::State;
use super::{OutboxError, Reader, RunNo};

/// Rows in these states were left out when their run opened.
const LEFT_OUT: [State; 3] = [State::Invalid, State::Suppressed, State::Skipped];

/// A run, and how many people were to get it.
#[derive(Clone, Debug, PartialEq)]
pub struct Audience {
    /// Its ULID.
    pub run: String,
    /// When it was opened, in milliseconds.
    pub opened_at: i64,
    /// The rows that were not left out.
    pub people: u64,
}

/// What a run read of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The run's ULID.
    pub run: String,
    /// When it was opened, in milliseconds.
    pub opened_at: i64,
    /// All rows of the list, good and bad.
    pub rows: u64,
}

impl Reader {
    /// What the newest run that is whole read of a list, whatever its schedule. Only runs for all
    /// people of a schedule count, and only those that found `least` rows.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_reading(&self, list: &str, least: u64) -> Result<Option<Reading>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT r.id, r.opened_at, l.rows
                 FROM run_list l INDEXED BY run_list_list CROSS JOIN run r ON r.no = l.run
                 WHERE l.list = ?1 AND l.rows >= ?2 ORDER BY l.run DESC LIMIT 1",
            )
            .and_then(|mut query| {
                let read = |row: &Row<'_>| {
                    Ok(Reading {
                        run: row.get(0)?,
                        opened_at: row.get(1)?,
                        rows: row.get(2)?,
                    })
                };
                query.query_row(params![list, least], read).optional()
            })
            .map_err(failed)
    }

    /// The people of a run, also while it is being opened.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such run.
    pub fn audience(&self, run: RunNo) -> Result<Audience, OutboxError> {
        let row = self.row(run)?;
        let people = row.counts.total() - row.counts.sum(&LEFT_OUT);
        Ok(Audience {
            run: row.id,
            opened_at: row.opened_at,
            people: people.try_into().unwrap_or(0),
        })
    }

    /// The people of the schedule's newest run that went to its end or still goes on, and was for
    /// anybody. Runs whose occurrence begins with `part` do not count, nor does `besides`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_audience(
        &self,
        schedule: &str,
        part: &str,
        besides: Option<RunNo>,
    ) -> Result<Option<Audience>, OutboxError> {
        let [one, two, three] = LEFT_OUT.map(State::name);
        let newest: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT no FROM run r INDEXED BY run_schedule
                 WHERE schedule = ?1 AND state IN ('sending', 'completed')
                   AND substr(occurrence, 1, length(?2)) <> ?2 AND no IS NOT ?3
                   AND EXISTS (SELECT 1 FROM tally t WHERE t.run = r.no AND t.count > 0
                     AND t.state NOT IN (?4, ?5, ?6))
                 ORDER BY no DESC LIMIT 1",
            )
            .and_then(|mut query| {
                let besides = besides.map(|run| run.0);
                let values = params![schedule, part, besides, one, two, three];
                query.query_row(values, |row| row.get(0)).optional()
            })
            .map_err(failed)?;
        newest.map(|no| self.audience(RunNo(no))).transpose()
    }

    /// Hands over [`Kept::fingerprint`] of each person of a run, in ascending order. Nothing comes
    /// back where they are not kept any more, not all of them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn with_fingerprints<T>(
        &self,
        audience: &Audience,
        take: impl FnOnce(&mut dyn Iterator<Item = i64>) -> T,
    ) -> Result<Option<T>, OutboxError> {
        let Some(no) = self.run_no(&audience.run)? else {
            return Ok(None);
        };
        let thinned = self.row(no)?.thinned;
        let mut query = self
            .conn
            .prepare_cached("SELECT fingerprint FROM run_key WHERE run = ?1 ORDER BY fingerprint")
            .map_err(failed)?;
        let rows = query.query_map([no.0], |row| row.get(0)).map_err(failed)?;
        let (mut seen, mut fault) = (0, None);
        let taken = take(&mut rows.map_while(|row| {
            seen += 1;
            row.map_err(|error| fault = Some(error)).ok()
        }));
        match fault {
            Some(error) => Err(failed(error)),
            // Its rows may be going just now.
            None => Ok((thinned == 0 || seen >= audience.people).then_some(taken)),
        }
    }
}
