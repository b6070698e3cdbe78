//! What people do to deliveries: try again, cancel, settle a doubt.
//!
//! It is given the rows that a reader found, some hundreds at a time, and looks at each again in
//! the transaction that moves it: what went on meanwhile, and what may not be moved, is left and
//! counted. Each moved row has its entry in the audit.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params};

use super::DeliveryId;
use super::audit::{Entry, count_rows, note_row};
use super::forget::forgotten_key;
use super::once::is_taken;
use super::state::{Move, State};
use super::store::Tx;
use super::suppression::{Ban, schedule_of};
use super::writer::{Operation, Rank};

/// What is done to deliveries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Act {
    /// Again: failed ones from the start, waiting ones at once.
    Retry,
    /// Not at all.
    Cancel,
    /// A person found out that what is in doubt did arrive.
    Sent,
    /// A person found out that what is in doubt did not arrive: it goes out again.
    NotSent,
}

impl Act {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Sent => "sent",
            Self::NotSent => "not-sent",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Retry, Self::Cancel, Self::Sent, Self::NotSent];
        all.into_iter().find(|act| act.name() == name)
    }

    /// Whether it can be done to a delivery in this state; else why not.
    ///
    /// # Errors
    /// What such a delivery needs instead.
    pub fn fits(self, state: State) -> Result<(), Left> {
        let step = match self {
            Self::Retry if matches!(state, State::Queued | State::Deferred) => return Ok(()),
            Self::Retry => Move::Retry,
            Self::Cancel => Move::Cancel,
            Self::Sent => Move::Confirm,
            Self::NotSent => Move::Deny,
        };
        match (state.after(step), state) {
            (Some(_), _) => Ok(()),
            (None, State::Leased | State::Armed) => Err(Left::OnItsWay),
            (None, State::Uncertain) => Err(Left::InDoubt),
            (None, State::Accepted | State::Presumed) => Err(Left::Sent),
            (None, State::Suppressed | State::Skipped | State::Invalid) => Err(Left::NeverMeant),
            (None, State::Rejected | State::Expired | State::Cancelled) => Err(Left::Ended),
            (None, State::Queued | State::Deferred) => Err(Left::NotInDoubt),
        }
    }
}

/// Why a delivery was left as it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Left {
    /// A lane has it.
    OnItsWay,
    /// Nobody knows whether it arrived.
    InDoubt,
    /// There is nothing to find out about it.
    NotInDoubt,
    /// A server took it, or it counts as sent.
    Sent,
    /// It has ended without having been sent.
    Ended,
    /// Suppressed, repeated or unusable when its run opened.
    NeverMeant,
    /// Its address gets no mail.
    Suppressed,
    /// The same notice was sent since, or is on its way.
    SentSince,
    /// Its person was forgotten.
    Forgotten,
    /// Its fields are gone: it cannot be composed any more.
    Thinned,
    /// Its run is still being opened.
    Opening,
    /// It is no longer in the state that was asked for.
    WentOn,
}

impl Left {
    /// For programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnItsWay => "on-its-way",
            Self::InDoubt => "in-doubt",
            Self::NotInDoubt => "not-in-doubt",
            Self::Sent => "sent",
            Self::Ended => "ended",
            Self::NeverMeant => "never-meant",
            Self::Suppressed => "suppressed",
            Self::SentSince => "sent-since",
            Self::Forgotten => "forgotten",
            Self::Thinned => "thinned",
            Self::Opening => "opening",
            Self::WentOn => "went-on",
        }
    }

    /// For people, after a count.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::OnItsWay => {
                "on their way: they hear their answer first; run this again for what the server \
                 refuses"
            }
            Self::InDoubt => {
                "in doubt: find out whether they arrived, and say so with `postroom queue resolve`"
            }
            Self::NotInDoubt => "not in doubt: they wait to be sent",
            Self::Sent => "sent, or taken as sent: nobody gets it twice",
            Self::Ended => "ended before, and not sent",
            Self::NeverMeant => "suppressed, repeated or unusable from the start",
            Self::Suppressed => "to addresses that get no mail (`postroom suppress remove ADDR`)",
            Self::SentSince => {
                "whose notice another run has sent since, or may send (`once_per`): nobody gets it \
                 twice"
            }
            Self::Forgotten => "of people who were forgotten: nothing is known of them any more",
            Self::Thinned => "of runs so old that the recipients' fields are gone",
            Self::Opening => "of a run that is still being opened: run this again when it is whole",
            Self::WentOn => "in another state meanwhile",
        }
    }
}

/// Does `act` to some deliveries.
#[derive(Clone, Debug)]
pub struct Change {
    /// What.
    pub act: Act,
    /// To which; some hundreds at most.
    pub rows: Vec<DeliveryId>,
    /// Only if they are still in one of these states (words of [`State`]).
    pub states: Vec<String>,
    /// Who does it.
    pub author: String,
    /// What they named and why, for the audit.
    pub detail: String,
    /// The audit's entry, if this goes on with a change.
    pub audit: Option<i64>,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changed {
    /// How many were changed.
    pub done: i64,
    /// How many were left, and why.
    pub left: BTreeMap<Left, i64>,
    /// The audit's entry; none as long as nothing was changed.
    pub audit: Option<i64>,
}

impl Operation for Change {
    type Receipt = Changed;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Changed> {
        let ban = Ban::load(tx)?;
        let mut runs = HashMap::new();
        let mut changed = Changed {
            audit: self.audit,
            ..Changed::default()
        };
        for id in &self.rows {
            let Some((state, key)) = find(tx, *id)? else {
                continue; // thinned away since it was listed
            };
            let run = match runs.get(&id.run.0) {
                Some(run) => *run,
                None => *runs.entry(id.run.0).or_insert(Run::find(tx, id.run.0)?),
            };
            if let Some(left) = self.obstacle(tx, *id, state, run, ban.as_ref(), &key)? {
                *changed.left.entry(left).or_default() += 1;
                continue;
            }
            let audit = match changed.audit {
                Some(audit) => audit,
                None => *changed.audit.insert(self.entry().write(tx)?),
            };
            self.make(tx, *id, state)?;
            note_row(tx, audit, *id, state)?;
            changed.done += 1;
        }
        if let Some(audit) = changed.audit {
            count_rows(tx, audit, changed.done)?;
        }
        Ok(changed)
    }
}

/// What of a run decides about its rows.
#[derive(Clone, Copy)]
struct Run {
    expanding: bool,
    thinned: bool,
}

impl Run {
    fn find(tx: &Tx<'_>, no: i64) -> rusqlite::Result<Self> {
        tx.conn
            .prepare_cached("SELECT state = 'expanding', thinned > 0 FROM run WHERE no = ?1")?
            .query_row([no], |row| {
                Ok(Self {
                    expanding: row.get(0)?,
                    thinned: row.get(1)?,
                })
            })
    }
}

impl Change {
    fn entry(&self) -> Entry<'_> {
        Entry {
            author: &self.author,
            action: self.act.name(),
            detail: &self.detail,
        }
    }

    fn obstacle(
        &self,
        tx: &Tx<'_>,
        id: DeliveryId,
        state: State,
        run: Run,
        ban: Option<&Ban>,
        key: &str,
    ) -> rusqlite::Result<Option<Left>> {
        if !self.states.iter().any(|word| word == state.name()) {
            return Ok(Some(Left::WentOn));
        }
        if run.expanding {
            return Ok(Some(Left::Opening));
        }
        if let Err(left) = self.act.fits(state) {
            return Ok(Some(left));
        }
        if self.act != Act::Retry {
            return Ok(None);
        }
        if key == forgotten_key(id) {
            return Ok(Some(Left::Forgotten));
        }
        if run.thinned {
            return Ok(Some(Left::Thinned));
        }
        let banned = match ban {
            Some(ban) => {
                let schedule = schedule_of(tx, id.run.0)?;
                ban.reason(tx, key, &schedule)?.is_some()
            }
            None => false,
        };
        if banned {
            return Ok(Some(Left::Suppressed));
        }
        Ok(is_taken(tx, id)?.then_some(Left::SentSince))
    }

    fn make(&self, tx: &mut Tx<'_>, id: DeliveryId, from: State) -> rusqlite::Result<()> {
        match self.act {
            Act::Retry if from.is_final() => again(tx, id, from, Move::Retry),
            Act::Retry => at_once(tx, id),
            Act::NotSent => again(tx, id, from, Move::Deny),
            Act::Cancel => {
                let reason = format!("cancelled by {}", self.author);
                end(tx, id, from, Move::Cancel, &reason)
            }
            Act::Sent => {
                let reason = format!("{} found out that it arrived", self.author);
                end(tx, id, from, Move::Confirm, &reason)
            }
        }
    }
}

fn find(tx: &Tx<'_>, id: DeliveryId) -> rusqlite::Result<Option<(State, String)>> {
    tx.conn
        .prepare_cached("SELECT state, key FROM delivery WHERE run = ?1 AND seq = ?2")?
        .query_row(params![id.run.0, id.seq], |row| {
            let state = State::from_name(row.get_ref(0)?.as_str()?)
                .expect("the schema allows known states only");
            Ok((state, row.get(1)?))
        })
        .optional()
}

/// A waiting row need not wait for its next try.
fn at_once(tx: &Tx<'_>, id: DeliveryId) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET next_at = max(min(next_at, ?3), not_before)
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, tx.now])
        .map(drop)
}

/// Back to the queue, in a run that is open and has time. Where a person knows that it did not
/// arrive, its doubt is over, and other bytes may go out.
fn again(tx: &mut Tx<'_>, id: DeliveryId, from: State, step: Move) -> rusqlite::Result<()> {
    reopen(tx, id.run.0)?;
    let to = tx.step(id.run.0, from, step)?;
    let doubt_over = step == Move::Deny;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?3, reason = NULL, ended_at = NULL,
               next_at = max(?4, not_before), doubted = iif(?5, 0, doubted),
               expires_at = NULL
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, to.name(), tx.now, doubt_over])
        .map(drop)
}

/// A run that has ended, or whose time is over, gets the time that it had at first once more.
fn reopen(tx: &Tx<'_>, run: i64) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "UPDATE run SET state = 'sending', ended_at = NULL,
               rounds = rounds + (ended_at IS NOT NULL), reopened_at = ?2,
               expires_at = ?2 + expires_at - coalesce(reopened_at, opened_at)
             WHERE no = ?1 AND (ended_at IS NOT NULL OR expires_at <= ?2)",
        )?
        .execute(params![run, tx.now])
        .map(drop)
}

/// A person ends it. A lane that holds it learns so at its arm.
fn end(
    tx: &mut Tx<'_>,
    id: DeliveryId,
    from: State,
    step: Move,
    reason: &str,
) -> rusqlite::Result<()> {
    let to = tx.step(id.run.0, from, step)?;
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?3, reason = ?4, ended_at = ?5, lease_until = NULL
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, to.name(), reason, tx.now])
        .map(drop)
}
