//! Arm and release: the last word before a body leaves, and the way back.
//!
//! Hold, suppression, expiry and the lease are tested inside the arm, so that nothing can change
//! between the test and the deed.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::DeliveryId;
use super::claim::{Claimed, HELD, IN_DOUBT_TOO_LATE, TOO_LATE};
use super::run::millis;
use super::state::{Move, State};
use super::store::Tx;
use super::suppression::Ban;
use super::writer::{Operation, Rank};

/// An armed row is its lane's for so long, from its arm on: more than any body and the ten minutes
/// of its answer take. It ends only for a lane that died.
const ARMED: Duration = Duration::from_secs(2 * 3600);

/// Makes it durable that the bodies of these deliveries may go out now. All share one transaction
/// on one connection: the row's own, or each recipient's of a message to several. The server gives
/// a body to all or to none of them: where one may not have it, none is armed.
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
    /// Its run, schedule or account is on hold, or the account that would carry it; it waits.
    Held,
    /// The hours are over at which its schedule may send; it waits.
    Closed,
    /// The address was suppressed after the run opened.
    Suppressed,
    /// Its time ran out.
    Expired,
    /// An earlier try is in doubt and the bytes would differ now: a person decides.
    BytesChanged,
    /// Nothing stands against it but that another recipient of the message may not have it. It is
    /// offered anew without them.
    Companion,
}

impl ArmRefusal {
    /// What stands against sending, if anything does against one of them.
    #[must_use]
    pub fn first(of: &[Result<(), Self>]) -> Option<Self> {
        let refusals = of.iter().filter_map(|it| it.err());
        refusals.min_by_key(|it| *it == Self::Companion)
    }
}

impl Operation for Arm {
    type Receipt = Vec<Result<(), ArmRefusal>>;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Self::Receipt> {
        let mut refusals: Vec<_> = self
            .rows
            .iter()
            .map(|row| self.obstacle(tx, row))
            .collect::<Result<_, _>>()?;
        if refusals.iter().any(Option::is_some) {
            let others = refusals.iter_mut().filter(|it| it.is_none());
            others.for_each(|it| *it = Some(ArmRefusal::Companion));
        }
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
               d.doubted AND d.digest <> ?6
             FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.run = ?3 AND d.seq = ?4 AND d.state = 'leased' AND d.epoch = ?5
               AND d.lease_until > ?7"
        );
        let found: Option<(bool, bool, bool, Option<bool>)> = tx
            .conn
            .prepare_cached(&sql)?
            .query_row(
                params![
                    tx.now,
                    self.account,
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
            Some(_) if is_banned(tx, row)? => Some(ArmRefusal::Suppressed),
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

fn is_banned(tx: &Tx<'_>, row: &Claimed) -> rusqlite::Result<bool> {
    Ok(match Ban::load(tx)? {
        Some(ban) => ban.reason(tx, &row.key, &row.schedule)?.is_some(),
        None => false,
    })
}

/// Puts a row that may not be armed where it belongs.
fn withdraw(tx: &mut Tx<'_>, row: &Claimed, refusal: ArmRefusal) -> rusqlite::Result<()> {
    let (step, reason) = match refusal {
        ArmRefusal::LeaseLost => return Ok(()),
        ArmRefusal::Held | ArmRefusal::Closed | ArmRefusal::Companion => (Move::Release, None),
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
