//! What a message costs, from what the server offers and how far away it is.

use std::time::Duration;

use crate::config::Account;
use crate::smtp::Capabilities;

/// How the commands of one message travel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// Each command waits for its answer: MAIL, RCPT, DATA, the message.
    Lockstep,
    /// MAIL, RCPT and DATA in one write (RFC 2920), then the message.
    Grouped,
    /// A message with the MAIL, RCPT and DATA of the next one.
    Chained,
}

/// What a message costs while there is always another one to send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) mode: Mode,
    /// What its round trips take. The server's own time comes on top.
    pub(super) span: Duration,
    /// So many messages a second all connections of the account carry at most.
    pub(super) per_second: f64,
    /// So many messages go over one connection.
    pub(super) per_connection: usize,
}

impl Mode {
    fn of(account: &Account, offers: &Capabilities) -> Self {
        match (offers.pipelining, account.chaining) {
            (false, _) => Self::Lockstep,
            (true, false) => Self::Grouped,
            (true, true) => Self::Chained,
        }
    }

    /// Round trips for a message to one recipient.
    pub(super) fn round_trips(self) -> u32 {
        match self {
            Self::Lockstep => 4,
            Self::Grouped => 2,
            Self::Chained => 1,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lockstep => "lockstep",
            Self::Grouped => "grouped",
            Self::Chained => "chained",
        }
    }
}

impl Cost {
    pub(super) fn of(account: &Account, offers: &Capabilities, round_trip: Duration) -> Self {
        let mode = Mode::of(account, offers);
        let span = round_trip * mode.round_trips();
        // A clock may be too coarse for a server beside it.
        let seconds = span.as_secs_f64().max(1e-6);
        let connections = u32::try_from(account.connections).unwrap_or(u32::MAX);
        let per_connection = account.messages_per_connection;
        Self {
            mode,
            span,
            per_second: f64::from(connections) / seconds,
            per_connection: per_connection.min(offers.mail_max.unwrap_or(usize::MAX)),
        }
    }
}
