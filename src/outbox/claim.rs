//! Claim, arm, release: the steps from waiting to "the body may go out".
//!
//! A claim is a lease: it ends by itself, and its epoch fences off a lane that slept through the
//! end. Arm is the last word before a body leaves; hold, suppression, expiry and the lease are
//! tested inside it, so that nothing can change between the test and the deed.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::run::{GOES_ON, millis};
use super::state::{Move, State};
use super::store::Tx;
use super::suppression::Ban;
use super::writer::{Operation, Rank};
use super::{DeliveryId, RunNo};
use crate::clock::Timestamp;

/// A hold on everything, on the row's run, its schedule or its account. The query around it names
/// the run `r`; `?1` is the time.
const HELD: &str = "EXISTS (SELECT 1 FROM hold h WHERE (h.ends_at IS NULL OR h.ends_at > ?1) AND (
    h.scope = 'all' OR (h.scope = 'run' AND h.name = r.id)
    OR (h.scope = 'schedule' AND h.name = r.schedule)
    OR (h.scope = 'account' AND h.name = r.account)))";

/// Why a row whose time ran out was not sent.
pub(super) const TOO_LATE: &str = "not sent in time";
/// The same, where an earlier try was taken or not: who asks must not be told that it was not.
pub(super) const IN_DOUBT_TOO_LATE: &str = "it may have arrived, and was not sent again in time";

/// So many rows are looked at for those whose time is not over: a million may end at one moment,
/// and the sweep takes them away in chunks.
const LOOKED_AT: usize = 500;

/// An armed row is its lane's for so long, from its arm on: more than any body and the ten minutes
/// of its answer take. It ends only for a lane that died.
const ARMED: Duration = Duration::from_secs(2 * 3600);

/// Asks for deliveries of one account that are due.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The account.
    pub account: String,
    /// How many at most.
    pub limit: usize,
    /// Schedules that may not use up the limit, and what each may take.
    pub schedule_limits: HashMap<String, usize>,
    /// When mail of some schedules may not leave any more, in milliseconds.
    pub closing: HashMap<String, i64>,
    /// Counts up, so that runs take turns to be first.
    pub turn: u64,
    /// How long the lease lasts; longer than the longest wait for a reply.
    pub lease: Duration,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claims {
    /// The rows, now leased.
    pub rows: Vec<Claimed>,
    /// When the earliest row that was not taken is due, in milliseconds, for the account to sleep;
    /// none if the limit was reached.
    pub next_at: Option<i64>,
}

/// One leased delivery.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Which one.
    pub id: DeliveryId,
    /// The run's ULID.
    pub run_id: String,
    /// The run's schedule.
    pub schedule: String,
    /// Fences off earlier leases of the same row.
    pub epoch: i64,
    /// Normalised address.
    pub key: String,
    /// Address to send to.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// Template fields, as JSON.
    pub fields: String,
    /// How many tries before may have reached the recipient.
    pub tries: i64,
    /// Whether an earlier try ended in doubt.
    pub doubted: bool,
    /// It may leave from then on, in milliseconds, if it has a time of its own; else 0.
    pub not_before: i64,
    /// It may not leave from then on, in milliseconds, as long as this claim lasts.
    pub closes_at: Option<i64>,
}

impl Claimed {
    /// Whether the hours are over at which it may leave.
    #[must_use]
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at.is_some_and(|at| at <= now.as_millisecond())
    }
}

struct OpenRun {
    no: i64,
    id: String,
    schedule: String,
}

impl Operation for Claim {
    type Receipt = Claims;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Claims> {
        let mut runs = open_runs(tx, &self.account)?;
        let mut claims = Claims::default();
        if runs.is_empty() {
            return Ok(claims);
        }
        let first = usize::try_from(self.turn).unwrap_or(0) % runs.len();
        runs.rotate_left(first);
        let mut limits = self.schedule_limits.clone();
        // Two rounds: an equal share for each run, then what is left for those that have more.
        let share = self.limit.div_ceil(runs.len());
        for most in [share, self.limit] {
            for run in &runs {
                let room = most.min(self.limit - claims.rows.len());
                let allowed = limits.get(&run.schedule).copied().unwrap_or(room).min(room);
                let taken = self.take(tx, run, allowed, &mut claims.rows)?;
                if let Some(limit) = limits.get_mut(&run.schedule) {
                    *limit -= taken;
                }
            }
        }
        if claims.rows.len() == self.limit {
            return Ok(claims); // nobody sleeps who has all that they can take
        }
        for run in &runs {
            if limits.get(&run.schedule) != Some(&0) {
                claims.next_at = [claims.next_at, next_at(tx, run.no)?]
                    .into_iter()
                    .flatten()
                    .min();
            }
        }
        Ok(claims)
    }
}

impl Claim {
    fn take(
        &self,
        tx: &mut Tx<'_>,
        run: &OpenRun,
        most: usize,
        into: &mut Vec<Claimed>,
    ) -> rusqlite::Result<usize> {
        if most == 0 {
            return Ok(0);
        }
        let mut due = tx.conn.prepare_cached(
            "SELECT seq, state FROM (
               SELECT seq, state, next_at, expires_at FROM delivery
               WHERE run = ?1 AND state IN ('queued', 'deferred') AND next_at <= ?2
               ORDER BY next_at, seq LIMIT ?4)
             WHERE expires_at IS NULL OR expires_at > ?2
             ORDER BY next_at, seq LIMIT ?3",
        )?;
        let looked_at = most.max(LOOKED_AT);
        let due: Vec<(i64, String)> = due
            .query_map(params![run.no, tx.now, most, looked_at], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut lease = tx.conn.prepare_cached(
            "UPDATE delivery SET state = ?4, epoch = epoch + 1, lease_until = ?3
             WHERE run = ?1 AND seq = ?2
             RETURNING epoch, key, address, name, fields, tries, doubted, not_before",
        )?;
        let until = tx.ticks + millis(self.lease);
        for (seq, state) in &due {
            let from = State::from_name(state).expect("the schema allows known states only");
            let leased = tx.step(run.no, from, Move::Claim)?.name();
            into.push(lease.query_row(params![run.no, seq, until, leased], |row| {
                Ok(Claimed {
                    id: DeliveryId {
                        run: RunNo(run.no),
                        seq: *seq,
                    },
                    run_id: run.id.clone(),
                    schedule: run.schedule.clone(),
                    epoch: row.get(0)?,
                    key: row.get(1)?,
                    address: row.get(2)?,
                    name: row.get(3)?,
                    fields: row.get(4)?,
                    tries: row.get(5)?,
                    doubted: row.get(6)?,
                    not_before: row.get(7)?,
                    closes_at: self.closing.get(&run.schedule).copied(),
                })
            })?);
        }
        Ok(due.len())
    }
}

fn open_runs(tx: &Tx<'_>, account: &str) -> rusqlite::Result<Vec<OpenRun>> {
    let sql = format!(
        "SELECT no, id, schedule FROM run r
         WHERE account = ?2 AND state IN ('expanding', 'sending') AND state = 'sending'
           AND expires_at > ?1 AND NOT {HELD} AND NOT (queues AND EXISTS (
             SELECT 1 FROM run e INDEXED BY run_turn
             WHERE e.state IN ('expanding', 'sending') AND e.queues
               AND e.schedule = r.schedule AND e.no < r.no AND {GOES_ON}))
         ORDER BY no"
    );
    let mut query = tx.conn.prepare_cached(&sql)?;
    let runs = query.query_map(params![tx.now, account], |row| {
        Ok(OpenRun {
            no: row.get(0)?,
            id: row.get(1)?,
            schedule: row.get(2)?,
        })
    })?;
    runs.collect()
}

/// A row that expires is the next sweep's, not the next claim's. Behind many of those nothing is
/// seen, until the sweep is through and wakes the accounts.
fn next_at(tx: &Tx<'_>, run: i64) -> rusqlite::Result<Option<i64>> {
    tx.conn
        .prepare_cached(
            "SELECT next_at FROM (
               SELECT seq, next_at, expires_at FROM delivery
               WHERE run = ?1 AND state IN ('queued', 'deferred')
               ORDER BY next_at, seq LIMIT ?3)
             WHERE expires_at IS NULL OR expires_at > ?2
             ORDER BY next_at, seq LIMIT 1",
        )?
        .query_row(params![run, tx.now, LOOKED_AT], |row| row.get(0))
        .optional()
}

/// Makes it durable that the bodies of these deliveries may go out now. All share one transaction
/// on one connection: the row's own, or each recipient's of a message to several.
#[derive(Clone, Debug)]
pub struct Arm {
    /// What the claim gave.
    pub rows: Vec<Claimed>,
    /// The account that sends.
    pub account: String,
    /// SHA-256 over the message's bytes.
    pub digest: [u8; 32],
}

/// Why a delivery may not go out now. Its row has already been moved to where it belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ArmRefusal {
    /// Somebody else has it, or nobody: this lane came too late.
    LeaseLost,
    /// Its run, schedule or account is on hold; it waits.
    Held,
    /// The hours are over at which its schedule may send; it waits.
    Closed,
    /// The address was suppressed after the run opened.
    Suppressed,
    /// Its time ran out.
    Expired,
    /// An earlier try is in doubt and the bytes would differ now: a person decides.
    BytesChanged,
}

impl Operation for Arm {
    type Receipt = Vec<Result<(), ArmRefusal>>;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Self::Receipt> {
        let refusals: Vec<_> = self
            .rows
            .iter()
            .map(|row| self.obstacle(tx, row))
            .collect::<Result<_, _>>()?;
        for (row, refusal) in self.rows.iter().zip(&refusals) {
            match refusal {
                None => self.arm(tx, row)?,
                Some(refusal) => withdraw(tx, row, *refusal)?,
            }
        }
        Ok(refusals
            .into_iter()
            .map(|refusal| refusal.map_or(Ok(()), Err))
            .collect())
    }
}

impl Arm {
    /// What stands against sending `row` at this moment, read in the same transaction.
    fn obstacle(&self, tx: &Tx<'_>, row: &Claimed) -> rusqlite::Result<Option<ArmRefusal>> {
        let sql = format!(
            "SELECT r.state = 'sending', coalesce(d.expires_at, r.expires_at) > ?1, {HELD},
               d.doubted AND d.digest <> ?5
             FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.run = ?2 AND d.seq = ?3 AND d.state = 'leased' AND d.epoch = ?4
               AND d.lease_until > ?6"
        );
        let found: Option<(bool, bool, bool, Option<bool>)> = tx
            .conn
            .prepare_cached(&sql)?
            .query_row(
                params![
                    tx.now,
                    row.id.run.0,
                    row.id.seq,
                    row.epoch,
                    self.digest,
                    tx.ticks
                ],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        Ok(match found {
            None | Some((false, ..)) => Some(ArmRefusal::LeaseLost),
            Some((_, false, ..)) => Some(ArmRefusal::Expired),
            Some((_, _, true, _)) => Some(ArmRefusal::Held),
            Some(_) if row.closes_at.is_some_and(|at| at <= tx.now) => Some(ArmRefusal::Closed),
            Some((.., Some(true))) => Some(ArmRefusal::BytesChanged),
            Some(_) if is_banned(tx, &row.key)? => Some(ArmRefusal::Suppressed),
            Some(_) => None,
        })
    }

    fn arm(&self, tx: &mut Tx<'_>, row: &Claimed) -> rusqlite::Result<()> {
        let state = tx.step(row.id.run.0, State::Leased, Move::Arm)?;
        let n: i64 = tx
            .conn
            .prepare_cached(
                "UPDATE delivery SET state = ?6, attempts = attempts + 1, digest = ?4,
                   lease_until = ?5
                 WHERE run = ?1 AND seq = ?2 AND state = 'leased' AND epoch = ?3
                 RETURNING attempts",
            )?
            .query_row(
                params![
                    row.id.run.0,
                    row.id.seq,
                    row.epoch,
                    self.digest,
                    tx.ticks + millis(ARMED),
                    state.name()
                ],
                |r| r.get(0),
            )?;
        tx.conn
            .prepare_cached(
                "INSERT INTO attempt (run, seq, n, account, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![row.id.run.0, row.id.seq, n, self.account, tx.now])?;
        Ok(())
    }
}

fn is_banned(tx: &Tx<'_>, key: &str) -> rusqlite::Result<bool> {
    Ok(match Ban::load(tx)? {
        Some(ban) => ban.reason(tx, key)?.is_some(),
        None => false,
    })
}

/// Puts a row that may not be armed where it belongs.
fn withdraw(tx: &mut Tx<'_>, row: &Claimed, refusal: ArmRefusal) -> rusqlite::Result<()> {
    let (step, reason) = match refusal {
        ArmRefusal::LeaseLost => return Ok(()),
        ArmRefusal::Held | ArmRefusal::Closed => (Move::Release, None),
        ArmRefusal::Suppressed => (
            Move::Suppress,
            Some("the address was suppressed after the run opened"),
        ),
        ArmRefusal::Expired if row.doubted => (Move::Expire, Some(IN_DOUBT_TOO_LATE)),
        ArmRefusal::Expired => (Move::Expire, Some(TOO_LATE)),
        ArmRefusal::BytesChanged => (
            Move::Stall,
            Some("an earlier try is in doubt, and the message would be a different one now"),
        ),
    };
    // Only a person gets it out of doubt: no sweep may send it again.
    let next_at = (step == Move::Stall).then_some(i64::MAX);
    leave_lease(tx, row.id, row.epoch, step, reason, next_at)
}

/// Gives leased rows back: certainly not sent, no attempt burnt.
#[derive(Clone, Debug)]
pub struct Release {
    /// The rows with the epochs of their leases.
    pub rows: Vec<(DeliveryId, i64)>,
    /// When they may be claimed again, in milliseconds, if not at once: others go first then.
    pub next_at: Option<i64>,
}

impl Operation for Release {
    type Receipt = ();
    const RANK: Rank = Rank::Result;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        self.rows.iter().try_for_each(|(id, epoch)| {
            leave_lease(tx, *id, *epoch, Move::Release, None, self.next_at)
        })
    }
}

fn leave_lease(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    epoch: i64,
    step: Move,
    reason: Option<&str>,
    next_at: Option<i64>,
) -> rusqlite::Result<()> {
    let to = State::Leased
        .after(step)
        .expect("a lease is left by a legal move");
    let changed = tx
        .conn
        .prepare_cached(
            "UPDATE delivery SET state = ?4, lease_until = NULL, reason = coalesce(?5, reason),
               ended_at = ?6, next_at = max(coalesce(?7, next_at), not_before)
             WHERE run = ?1 AND seq = ?2 AND state = 'leased' AND epoch = ?3",
        )?
        .execute(params![
            id.run.0,
            id.seq,
            epoch,
            to.name(),
            reason,
            to.is_final().then_some(tx.now),
            next_at,
        ])?;
    if changed == 1 {
        tx.moved(id.run.0, State::Leased, to);
    }
    Ok(())
}
