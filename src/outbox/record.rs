//! Recording how a try ended: the attempt, the move, and what follows from it, in one transaction.

use rusqlite::{OptionalExtension, params};

use super::DeliveryId;
use super::state::{Move, State};
use super::store::Tx;
use super::suppression::{Banned, ban};
use super::writer::{Operation, Rank};
use crate::config::OnUncertain;

/// How a try of a delivery ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// 2xx to the dot.
    Accepted,
    /// Refused for now, or the session failed before the body: again at this time (milliseconds).
    Deferred {
        /// When it may be tried again.
        next_at: i64,
    },
    /// Refused for good.
    Rejected {
        /// Whether the server said that this address does not exist: it gets no more mail then.
        suppress: bool,
    },
    /// No usable reply after the body.
    Uncertain,
    /// Armed, but the dot never left: certainly not sent. Again at this time (milliseconds).
    NotSent {
        /// When it may be tried again.
        next_at: i64,
    },
    /// The message cannot be composed.
    Invalid,
}

impl Outcome {
    fn step(&self) -> Move {
        match self {
            Self::Accepted => Move::Accept,
            Self::Deferred { .. } => Move::Defer,
            Self::Rejected { .. } => Move::Reject,
            Self::Uncertain => Move::Doubt,
            Self::NotSent { .. } => Move::Unsend,
            Self::Invalid => Move::Fail,
        }
    }

    /// Whether it may have reached the recipient: only such an attempt is a try of this delivery.
    fn is_a_try(&self) -> bool {
        !matches!(self, Self::NotSent { .. } | Self::Invalid)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Deferred { .. } => "deferred",
            Self::Rejected { .. } => "rejected",
            Self::Uncertain => "uncertain",
            Self::NotSent { .. } => "not-sent",
            Self::Invalid => "invalid",
        }
    }
}

/// The end of a try.
#[derive(Clone, Debug)]
pub struct Record {
    /// Which delivery.
    pub id: DeliveryId,
    /// The epoch of the lease under which it was tried.
    pub epoch: i64,
    /// How it ended.
    pub outcome: Outcome,
    /// The account.
    pub account: String,
    /// When the try began, in milliseconds; an armed one knows its own.
    pub started_at: i64,
    /// The stage of the session that decided.
    pub stage: &'static str,
    /// SMTP reply code.
    pub code: Option<u16>,
    /// Enhanced status code (RFC 3463), as text.
    pub enhanced: Option<String>,
    /// What the server said, or what went wrong, sanitised.
    pub reply: String,
}

impl Operation for Record {
    /// The state that the delivery is in now; `None` if the row was no longer ours.
    type Receipt = Option<State>;
    const RANK: Rank = Rank::Result;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Option<State>> {
        let Some(row) = self.find(tx)? else {
            return Ok(None);
        };
        let Some(to) = row.state.after(self.outcome.step()) else {
            return Ok(None);
        };
        self.note_attempt(tx, &row)?;
        self.write_state(tx, to)?;
        tx.moved(self.id.run.0, row.state, to);
        match &self.outcome {
            Outcome::Uncertain => {
                let (policy, resends) = (row.on_uncertain, row.resends);
                let resend_after = row.resend_after;
                settle_doubt(
                    tx,
                    &Doubt {
                        id: self.id,
                        policy,
                        resends,
                        resend_after,
                    },
                )
                .map(Some)
            }
            Outcome::Rejected { suppress: true } => {
                let source = format!("{} {}", row.run_id, self.stage);
                let banned = Banned {
                    address: row.address,
                    ..Banned::new(&row.key, &self.reply, &source)
                };
                ban(tx, &banned)?;
                Ok(Some(to))
            }
            _ => Ok(Some(to)),
        }
    }
}

/// The ends of tries that belong together, recorded at one moment: those to whom a message goes
/// together are due again together.
#[derive(Clone, Debug)]
pub struct Records(pub Vec<Record>);

impl Operation for Records {
    /// As [`Record`]'s, for each.
    type Receipt = Vec<Option<State>>;
    const RANK: Rank = Rank::Result;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Self::Receipt> {
        self.0.iter().map(|record| record.apply(tx)).collect()
    }
}

struct Row {
    state: State,
    attempts: i64,
    resends: i64,
    key: String,
    address: String,
    run_id: String,
    on_uncertain: String,
    resend_after: i64,
}

impl Record {
    fn find(&self, tx: &Tx<'_>) -> rusqlite::Result<Option<Row>> {
        let mut query = tx.conn.prepare_cached(
            "SELECT d.state, d.attempts, d.resends, d.key, d.address, r.id, r.on_uncertain,
               r.resend_after
             FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.run = ?1 AND d.seq = ?2 AND d.epoch = ?3",
        )?;
        let row = query.query_row(params![self.id.run.0, self.id.seq, self.epoch], |row| {
            Ok(Row {
                state: State::from_name(row.get_ref(0)?.as_str()?)
                    .expect("the schema allows known states only"),
                attempts: row.get(1)?,
                resends: row.get(2)?,
                key: row.get(3)?,
                address: row.get(4)?,
                run_id: row.get(5)?,
                on_uncertain: row.get(6)?,
                resend_after: row.get(7)?,
            })
        });
        row.optional()
    }

    /// An armed delivery completes the row that arm wrote; one that never got so far gets its own.
    fn note_attempt(&self, tx: &Tx<'_>, row: &Row) -> rusqlite::Result<()> {
        let n = if matches!(row.state, State::Armed | State::Uncertain) {
            row.attempts
        } else {
            row.attempts + 1
        };
        tx.conn
            .prepare_cached(
                "INSERT INTO attempt (run, seq, n, account, started_at, ended_at, stage, outcome,
                   code, enhanced, reply)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
                 ON CONFLICT (run, seq, n) DO UPDATE SET ended_at = excluded.ended_at,
                   stage = excluded.stage, outcome = excluded.outcome, code = excluded.code,
                   enhanced = excluded.enhanced, reply = excluded.reply",
            )?
            .execute(params![
                self.id.run.0,
                self.id.seq,
                n,
                self.account,
                self.started_at,
                tx.now,
                self.stage,
                self.outcome.name(),
                self.code,
                self.enhanced,
                self.reply,
            ])?;
        tx.conn
            .prepare_cached(
                "UPDATE delivery SET attempts = ?3, tries = tries + ?4
                 WHERE run = ?1 AND seq = ?2",
            )?
            .execute(params![
                self.id.run.0,
                self.id.seq,
                n,
                self.outcome.is_a_try() && row.state != State::Uncertain, // counted already
            ])?;
        Ok(())
    }

    fn write_state(&self, tx: &Tx<'_>, to: State) -> rusqlite::Result<()> {
        let next_at = match self.outcome {
            Outcome::Deferred { next_at } | Outcome::NotSent { next_at } => Some(next_at),
            _ => None,
        };
        let says_why = !matches!(self.outcome, Outcome::Accepted);
        tx.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?3, lease_until = NULL,
                   next_at = max(coalesce(?4, next_at), not_before), reason = ?5,
                   doubted = max(doubted, ?6), ended_at = ?7
                 WHERE run = ?1 AND seq = ?2",
            )?
            .execute(params![
                self.id.run.0,
                self.id.seq,
                to.name(),
                next_at,
                says_why.then_some(&self.reply),
                to == State::Uncertain,
                to.is_final().then_some(tx.now),
            ])?;
        Ok(())
    }
}

/// A delivery that has just come into doubt, and what its run says about that.
pub(super) struct Doubt {
    pub(super) id: DeliveryId,
    pub(super) policy: String,
    pub(super) resends: i64,
    pub(super) resend_after: i64,
}

/// Applies the run's policy: send it again later (once), take it as sent, or leave it to a person,
/// which means that it is due at the end of time.
pub(super) fn settle_doubt(tx: &mut Tx<'_>, doubt: &Doubt) -> rusqlite::Result<State> {
    let policy = doubt
        .policy
        .parse()
        .expect("the schema allows known policies only");
    let next_at = match policy {
        OnUncertain::AssumeSent => {
            presume(tx, doubt.id)?;
            return Ok(State::Presumed);
        }
        OnUncertain::Resend if doubt.resends == 0 => tx.now.saturating_add(doubt.resend_after),
        OnUncertain::Resend | OnUncertain::Hold => i64::MAX,
    };
    tx.conn
        .prepare_cached("UPDATE delivery SET next_at = ?3 WHERE run = ?1 AND seq = ?2")?
        .execute(params![doubt.id.run.0, doubt.id.seq, next_at])?;
    Ok(State::Uncertain)
}

/// Takes a delivery in doubt as sent.
fn presume(tx: &mut Tx<'_>, id: DeliveryId) -> rusqlite::Result<()> {
    let to = tx.step(id.run.0, State::Uncertain, Move::Presume)?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?4, ended_at = ?3
             WHERE run = ?1 AND seq = ?2 AND state = 'uncertain'",
        )?
        .execute(params![id.run.0, id.seq, tx.now, to.name()])?;
    Ok(())
}
