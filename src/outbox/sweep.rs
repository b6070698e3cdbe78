//! Housekeeping: what a crash left, and what time alone decides.

use rusqlite::params;

use super::canary;
use super::claim::{IN_DOUBT_TOO_LATE, TOO_LATE};
use super::record::{Doubt, settle_doubt};
use super::state::{Move, State};
use super::store::Tx;
use super::uses::leased;
use super::writer::{Operation, Rank};
use super::{DeliveryId, RunNo, Use};
use crate::clock::Timestamp;

/// At most so many rows are moved by one sweep, so that arms and results need not wait.
const CHUNK: usize = 500;

/// Settles, once at start, what a process that ended without a word left behind.
#[derive(Clone, Copy, Debug)]
pub struct Settle;

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Claimed but certainly not sent: they go back to the queue.
    pub released: u64,
    /// The same, by what limits them. Servers may have been told of them, and count them.
    pub leased: Vec<Use>,
    /// Their body may have been on its way: nobody knows whether they arrived.
    pub uncertain: Vec<DeliveryId>,
    /// Runs whose opening was interrupted.
    pub interrupted: Vec<Interrupted>,
}

/// A run that was not whole yet when postroom ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Interrupted {
    /// The run.
    pub no: RunNo,
    /// Its schedule.
    pub schedule: String,
    /// Its occurrence key.
    pub occurrence: String,
    /// When it was due.
    pub due_at: Timestamp,
}

impl Operation for Settle {
    type Receipt = Settled;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Settled> {
        let mut settled = Settled {
            leased: leased(tx)?,
            ..Settled::default()
        };
        for busy in busy(tx, i64::MIN, i64::MAX)? {
            match busy.state {
                State::Leased => {
                    release(tx, busy.doubt.id)?;
                    settled.released += 1;
                }
                State::Armed => {
                    doubt(
                        tx,
                        &busy,
                        "postroom ended before the server's answer was recorded",
                    )?;
                    fence(tx, busy.doubt.id)?;
                    settled.uncertain.push(busy.doubt.id);
                }
                _ => {}
            }
        }
        let mut expanding = tx.conn.prepare_cached(
            "SELECT no, schedule, occurrence, due_at FROM run
             WHERE state IN ('expanding', 'sending') AND state = 'expanding' ORDER BY no",
        )?;
        settled.interrupted = expanding
            .query_map([], |row| {
                Ok(Interrupted {
                    no: RunNo(row.get(0)?),
                    schedule: row.get(1)?,
                    occurrence: row.get(2)?,
                    due_at: Timestamp::from_millisecond(row.get(3)?)
                        .unwrap_or(Timestamp::UNIX_EPOCH),
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(settled)
    }
}

/// Does what is due by time: ends leases, sends again or gives up what is in doubt, expires, and
/// lets runs go on whose first few people were taken.
#[derive(Clone, Copy, Debug)]
pub struct Sweep;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Swept {
    /// Leases that ended without a word.
    pub leases: u64,
    /// Deliveries in doubt that are sent again.
    pub resent: u64,
    /// Deliveries whose time is over.
    pub expired: u64,
    /// Runs that go on to all others, as the first few were taken.
    pub opened: u64,
    /// Runs that are on hold, as the first few were not.
    pub held: u64,
    /// Whether there is more to do at once.
    pub more: bool,
}

impl Swept {
    /// Whether something may have become due.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.resent + self.leases + self.expired + self.opened > 0
    }
}

impl Operation for Sweep {
    type Receipt = Swept;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Swept> {
        let mut swept = Swept::default();
        for busy in busy(tx, tx.now, tx.ticks)? {
            match busy.state {
                State::Leased => {
                    release(tx, busy.doubt.id)?;
                    swept.leases += 1;
                }
                State::Armed => {
                    doubt(
                        tx,
                        &busy,
                        "its lane ended before the server's answer was recorded",
                    )?;
                    swept.leases += 1;
                }
                State::Uncertain => {
                    resend(tx, busy.doubt.id)?;
                    swept.resent += 1;
                }
                _ => {}
            }
        }
        swept.expired = expire(tx)?;
        (swept.opened, swept.held) = canary::decide(tx)?;
        swept.more = swept.expired >= CHUNK as u64;
        Ok(swept)
    }
}

struct Busy {
    state: State,
    attempts: i64,
    doubt: Doubt,
}

/// Rows whose wait in doubt ends by `now`, or whose lease ends by `ticks`.
fn busy(tx: &Tx<'_>, now: i64, ticks: i64) -> rusqlite::Result<Vec<Busy>> {
    let mut query = tx.conn.prepare_cached(
        "SELECT d.run, d.seq, d.state, d.attempts, d.resends, r.on_uncertain, r.resend_after
         FROM run r JOIN delivery d ON d.run = r.no
         WHERE r.state IN ('expanding', 'sending') AND d.state IN ('leased', 'armed', 'uncertain')
           AND CASE d.state WHEN 'uncertain' THEN d.next_at <= ?1 ELSE d.lease_until <= ?2 END",
    )?;
    let rows = query.query_map([now, ticks], |row| {
        Ok(Busy {
            state: State::from_name(row.get_ref(2)?.as_str()?)
                .expect("the schema allows known states only"),
            attempts: row.get(3)?,
            doubt: Doubt {
                id: DeliveryId {
                    run: RunNo(row.get(0)?),
                    seq: row.get(1)?,
                },
                resends: row.get(4)?,
                policy: row.get(5)?,
                resend_after: row.get(6)?,
            },
        })
    })?;
    rows.collect()
}

fn release(tx: &mut Tx<'_>, id: DeliveryId) -> rusqlite::Result<()> {
    let to = tx.step(id.run.0, State::Leased, Move::Release)?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?3, lease_until = NULL WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, to.name()])?;
    Ok(())
}

/// An armed row without a reply: in doubt from now on, and the run's policy applies.
fn doubt(tx: &mut Tx<'_>, busy: &Busy, why: &str) -> rusqlite::Result<()> {
    let (run, seq) = (busy.doubt.id.run.0, busy.doubt.id.seq);
    let to = tx.step(run, State::Armed, Move::Doubt)?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?4, lease_until = NULL, doubted = 1, reason = ?3,
               tries = tries + 1
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![run, seq, why, to.name()])?;
    tx.conn
        .prepare_cached(
            "UPDATE attempt SET outcome = 'uncertain', ended_at = ?4, stage = 'end of data',
               reply = ?5
             WHERE run = ?1 AND seq = ?2 AND n = ?3 AND outcome IS NULL",
        )?
        .execute(params![run, seq, busy.attempts, tx.now, why])?;
    settle_doubt(tx, &busy.doubt).map(drop)
}

/// Nothing that an earlier process might still say counts any more.
fn fence(tx: &Tx<'_>, id: DeliveryId) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("UPDATE delivery SET epoch = epoch + 1 WHERE run = ?1 AND seq = ?2")?
        .execute(params![id.run.0, id.seq])
        .map(drop)
}

fn resend(tx: &mut Tx<'_>, id: DeliveryId) -> rusqlite::Result<()> {
    let to = tx.step(id.run.0, State::Uncertain, Move::Resend)?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?4, resends = resends + 1, next_at = max(?3, not_before)
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, tx.now, to.name()])?;
    Ok(())
}

fn expire(tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
    let with_run = "SELECT d.run, d.seq, d.state
         FROM run r CROSS JOIN delivery d INDEXED BY delivery_waiting ON d.run = r.no
         WHERE r.state IN ('expanding', 'sending') AND r.state = 'sending' AND r.expires_at <= ?1
           AND d.state IN ('queued', 'deferred') LIMIT ?2";
    let alone = "SELECT d.run, d.seq, d.state
         FROM delivery d INDEXED BY delivery_expires JOIN run r ON r.no = d.run
         WHERE r.state = 'sending' AND d.expires_at IS NOT NULL AND d.expires_at <= ?1
           AND d.state IN ('queued', 'deferred') LIMIT ?2";
    let mut over: Vec<(i64, i64, String)> = Vec::new();
    for sql in [with_run, alone] {
        let mut query = tx.conn.prepare_cached(sql)?;
        let rows = query.query_map(params![tx.now, CHUNK], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        over.extend(rows.collect::<Result<Vec<_>, _>>()?);
        if !over.is_empty() {
            break; // a row may be found by both
        }
    }
    for (run, seq, state) in &over {
        let from = State::from_name(state).expect("the schema allows known states only");
        let to = tx.step(*run, from, Move::Expire)?;
        tx.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?6, ended_at = ?3,
                   reason = iif(doubted, ?4, ?5) || coalesce('; last: ' || reason, '')
                 WHERE run = ?1 AND seq = ?2",
            )?
            .execute(params![
                run,
                seq,
                tx.now,
                IN_DOUBT_TOO_LATE,
                TOO_LATE,
                to.name()
            ])?;
    }
    Ok(over.len() as u64)
}
