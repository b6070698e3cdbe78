//! What is to be told about runs that ended: written in the transaction that ended them, so that it
//! is told even if postroom ends in between, and not told again by the next process.

use rusqlite::params;

use super::query::{Reader, failed};
use super::store::Tx;
use super::writer::{Operation, Rank};
use super::{OutboxError, RunNo, RunRow};

/// A run that ended, not told yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The run.
    pub run: RunNo,
    /// How often it has ended: more than once if a person had its failures tried again.
    pub round: i64,
    /// The run as it is now.
    pub row: RunRow,
}

/// Notes that `run` has just ended.
pub(super) fn note_report(tx: &Tx<'_>, run: i64) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "INSERT INTO report (run, round, created_at) SELECT no, rounds, ?2 FROM run
             WHERE no = ?1",
        )?
        .execute([run, tx.now])
        .map(drop)
}

/// Says that a report was told.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The run.
    pub run: RunNo,
    /// Which of its ends.
    pub round: i64,
}

impl Operation for Told {
    type Receipt = ();
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        tx.conn
            .prepare_cached("UPDATE report SET told_at = ?3 WHERE run = ?1 AND round = ?2")?
            .execute(params![self.run.0, self.round, tx.now])
            .map(drop)
    }
}

impl Reader {
    /// Reports that were not told yet, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn untold(&self) -> Result<Vec<Report>, OutboxError> {
        let mut query = self
            .conn
            .prepare_cached(
                "SELECT run, round FROM report WHERE told_at IS NULL ORDER BY created_at LIMIT 100",
            )
            .map_err(failed)?;
        let untold: Vec<(i64, i64)> = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        untold
            .into_iter()
            .map(|(run, round)| {
                let run = RunNo(run);
                let row = self.row(run)?;
                Ok(Report { run, round, row })
            })
            .collect()
    }
}
