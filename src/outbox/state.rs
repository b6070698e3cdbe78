//! The states of a delivery and the one table of moves between them.
//!
//! [`MOVES`] is what may happen. Results ask [`State::after`] before they are written; the other
//! operations each make one move of it, which a test holds against the table for every state.

use std::fmt;

/// Where a delivery stands. The text form is what the database holds and what people see.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Waits to be claimed.
    Queued,
    /// Claimed by a lane that has not sent its body yet: certainly not sent.
    Leased,
    /// The body may be on its way. Until the reply is recorded nobody can know.
    Armed,
    /// No usable reply came after the body: it may have arrived.
    Uncertain,
    /// Refused for now, or not reached; waits for `next_at`.
    Deferred,
    /// A server answered 2xx to this end of data.
    Accepted,
    /// Uncertain, and the schedule says to take that as sent.
    Presumed,
    /// A server refused it for good.
    Rejected,
    /// Not sent in time.
    Expired,
    /// A person said no.
    Cancelled,
    /// The address gets no mail.
    Suppressed,
    /// Left out on purpose, a duplicate for example.
    Skipped,
    /// Unusable row: no address, or the template cannot be rendered for it.
    Invalid,
}

use State::{
    Accepted, Armed, Cancelled, Deferred, Expired, Invalid, Leased, Presumed, Queued, Rejected,
    Skipped, Suppressed, Uncertain,
};

/// What can happen to a delivery.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Move {
    /// A lane takes it.
    Claim,
    /// The lane gives it back: certainly not sent, no attempt burnt.
    Release,
    /// 354 came; the body goes out after this is durable.
    Arm,
    /// 2xx to the dot, also one that comes after the lane's lease has ended.
    Accept,
    /// 4xx, or the session failed before the body.
    Defer,
    /// 5xx.
    Reject,
    /// No reply, or none that can be trusted, after the dot.
    Doubt,
    /// The dot never left: certainly not sent.
    Unsend,
    /// The message cannot be composed.
    Fail,
    /// In doubt before, and the bytes would differ now: a person decides.
    Stall,
    /// In doubt, and sent once more.
    Resend,
    /// In doubt, and taken as sent.
    Presume,
    /// A person found out that it did arrive.
    Confirm,
    /// A person found out that it did not arrive: it goes out again.
    Deny,
    /// Its time is over.
    Expire,
    /// A person said no.
    Cancel,
    /// The address was suppressed since the run opened.
    Suppress,
    /// A person tries a failed one again.
    Retry,
}

/// Every legal move. The head of [`crate::outbox`] draws the same.
pub const MOVES: &[(State, Move, State)] = &[
    (Queued, Move::Claim, Leased),
    (Queued, Move::Expire, Expired),
    (Queued, Move::Cancel, Cancelled),
    (Queued, Move::Suppress, Suppressed),
    (Deferred, Move::Claim, Leased),
    (Deferred, Move::Expire, Expired),
    (Deferred, Move::Cancel, Cancelled),
    (Deferred, Move::Suppress, Suppressed),
    (Leased, Move::Release, Queued),
    (Leased, Move::Arm, Armed),
    (Leased, Move::Defer, Deferred),
    (Leased, Move::Reject, Rejected),
    (Leased, Move::Fail, Invalid),
    (Leased, Move::Stall, Uncertain),
    (Leased, Move::Cancel, Cancelled),
    (Leased, Move::Suppress, Suppressed),
    (Leased, Move::Expire, Expired),
    (Armed, Move::Accept, Accepted),
    (Armed, Move::Defer, Deferred),
    (Armed, Move::Reject, Rejected),
    (Armed, Move::Doubt, Uncertain),
    (Armed, Move::Unsend, Queued),
    (Uncertain, Move::Accept, Accepted),
    (Uncertain, Move::Defer, Deferred),
    (Uncertain, Move::Reject, Rejected),
    (Uncertain, Move::Resend, Queued),
    (Uncertain, Move::Presume, Presumed),
    (Uncertain, Move::Confirm, Accepted),
    (Uncertain, Move::Deny, Queued),
    (Uncertain, Move::Cancel, Cancelled),
    (Rejected, Move::Retry, Queued),
    (Expired, Move::Retry, Queued),
    (Cancelled, Move::Retry, Queued),
];

impl State {
    /// All states, in the order in which people read them.
    pub const ALL: [Self; 13] = [
        Queued, Leased, Armed, Uncertain, Deferred, Accepted, Presumed, Rejected, Expired,
        Cancelled, Suppressed, Skipped, Invalid,
    ];

    /// The state after `step`, or `None` where that is not a legal move.
    #[must_use]
    pub fn after(self, step: Move) -> Option<Self> {
        MOVES
            .iter()
            .find(|(from, by, _)| (*from, *by) == (self, step))
            .map(|(_, _, to)| *to)
    }

    /// Whether a delivery in this state is done for good, unless a person steps in.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Queued | Leased | Armed | Uncertain | Deferred)
    }

    /// The word that stands in the database and in front of people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Queued => "queued",
            Leased => "leased",
            Armed => "armed",
            Uncertain => "uncertain",
            Deferred => "deferred",
            Accepted => "accepted",
            Presumed => "presumed",
            Rejected => "rejected",
            Expired => "expired",
            Cancelled => "cancelled",
            Suppressed => "suppressed",
            Skipped => "skipped",
            Invalid => "invalid",
        }
    }

    /// The state that a database word stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
