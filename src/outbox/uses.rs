//! What was sent lately: what limits must remember when a process starts.

use std::time::Duration;

use rusqlite::{Row, params};

use super::OutboxError;
use super::query::{Reader, failed};
use super::run::millis;
use super::store::Tx;
use super::wall::{Moment, Stretch, stretches};
use crate::clock::Clock;

/// Uses that ended within one such part of the longest window are told as one.
const GRAINS: i64 = 1024;

/// A message to several people used one slot. Where it is tried twice within a grain it counts
/// once: between tries lies more than that.
const MESSAGES: &str = "count(iif(r.grouped IS NULL, 1, NULL))
               + count(DISTINCT iif(r.grouped IS NULL, NULL, r.no))";

/// Messages that used a slot of the limits, at about the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The schedule.
    pub schedule: String,
    /// The domain whose limits held for them, if one's did.
    pub domain: String,
    /// The account that carried them.
    pub account: String,
    /// How long ago the last of them ended, in elapsed time; 0 if it has not.
    pub ago: Duration,
    /// How many.
    pub count: u64,
}

impl Use {
    /// From schedule, account, pool and count in this order.
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            schedule: row.get(0)?,
            account: row.get(1)?,
            domain: row.get(2)?,
            ago: Duration::ZERO,
            count: row.get(3)?,
        })
    }
}

impl Reader {
    /// What was tried within `longest`, through any account, the newest first. A wall clock that
    /// was set since makes nothing of it older, if the machine was not started anew.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn uses(&self, longest: Duration, clock: &Clock) -> Result<Vec<Use>, OutboxError> {
        self.tried(millis(longest), clock).map_err(failed)
    }

    fn tried(&self, longest: i64, clock: &Clock) -> rusqlite::Result<Vec<Use>> {
        // One state of the database: what ends meanwhile must not be in neither part, or in both.
        let tx = self.conn.unchecked_transaction()?;
        let now = Moment::of(clock);
        let mut uses = self.under_way()?;
        for stretch in stretches(&self.conn, clock.boot(), now)? {
            uses.extend(self.ended(&stretch, longest, now)?);
        }
        tx.commit()?;
        uses.sort_by_key(|it| it.ago);
        Ok(uses)
    }

    fn under_way(&self) -> rusqlite::Result<Vec<Use>> {
        let mut query = self.conn.prepare_cached(&format!(
            "SELECT r.schedule, a.account, d.pool, {MESSAGES}
             FROM run r CROSS JOIN delivery d INDEXED BY delivery_busy ON d.run = r.no
             CROSS JOIN attempt a ON a.run = d.run AND a.seq = d.seq AND a.n = d.attempts
             WHERE r.state IN ('expanding', 'sending')
               AND d.state IN ('leased', 'armed', 'uncertain') AND d.state = 'armed'
               AND a.ended_at IS NULL
             GROUP BY r.schedule, a.account, d.pool"
        ))?;
        query.query_map([], Use::of)?.collect()
    }

    fn ended(&self, stretch: &Stretch, longest: i64, now: Moment) -> rusqlite::Result<Vec<Use>> {
        let mut query = self.conn.prepare_cached(&format!(
            "SELECT r.schedule, a.account, d.pool, {MESSAGES}, max(a.ended_at)
             FROM attempt a INDEXED BY attempt_ended CROSS JOIN run r ON r.no = a.run
             CROSS JOIN delivery d ON d.run = a.run AND d.seq = a.seq
             WHERE a.ended_at >= ?1 AND a.ended_at < ?2 AND a.outcome <> 'invalid'
             GROUP BY r.schedule, a.account, d.pool, a.ended_at / ?3"
        ))?;
        let grain = (longest / GRAINS).max(1);
        let since = stretch.since(longest, now);
        let uses = query.query_map(params![since, stretch.to, grain], |row| {
            let ago = stretch.ago(row.get(4)?, now);
            Ok(Use {
                ago: Duration::from_millis(u64::try_from(ago).unwrap_or(0)),
                ..Use::of(row)?
            })
        })?;
        uses.collect()
    }
}

/// What is claimed at the moment, by account and what limits it.
pub(super) fn leased(tx: &Tx<'_>) -> rusqlite::Result<Vec<Use>> {
    let mut query = tx.conn.prepare_cached(&format!(
        "SELECT r.schedule, coalesce(d.carrier, r.account), d.pool, {MESSAGES}
         FROM run r CROSS JOIN delivery d INDEXED BY delivery_busy ON d.run = r.no
         WHERE r.state IN ('expanding', 'sending') AND d.state IN ('leased', 'armed', 'uncertain')
           AND d.state = 'leased'
         GROUP BY 1, 2, 3"
    ))?;
    query.query_map([], Use::of)?.collect()
}
