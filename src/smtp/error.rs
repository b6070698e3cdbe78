//! What can go wrong on the wire, told by stage.

use std::fmt;
use std::time::Duration;

use super::{Reply, Stage};

/// A session that has come to its end, and whether the message under way may have arrived.
#[derive(Clone, Debug)]
pub struct SmtpError {
    /// Where it happened.
    pub stage: Stage,
    /// What happened.
    pub trouble: Trouble,
    /// Whether the end of data may have left: if not, the message was certainly not sent.
    pub in_doubt: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The host's name has no address, or nobody answers for it.
    Resolve(String),
    /// No TCP connection.
    Connect(String),
    /// No TLS, or not with whom we want.
    Tls(String),
    /// The stage took longer than this.
    Timeout(Duration),
    /// The server closed the connection.
    Closed,
    /// The connection broke.
    Io(String),
    /// The server does not keep to the protocol.
    Protocol(String),
    /// The server said no to the session itself, or is about to close it.
    Refused(Reply),
    /// The server does not offer what the account needs.
    Missing(String),
}

impl SmtpError {
    /// An error at a stage where nothing is in doubt.
    #[must_use]
    pub fn new(stage: Stage, trouble: Trouble) -> Self {
        Self {
            stage,
            trouble,
            in_doubt: false,
        }
    }

    /// Whether the connection was gone before the first command was answered: a server that closes
    /// idle connections, not one that minds the message.
    #[must_use]
    pub fn hung_up_before_mail(&self) -> bool {
        matches!(self.stage, Stage::Mail | Stage::Reset)
            && matches!(self.trouble, Trouble::Closed | Trouble::Io(_))
    }

    /// The reply that caused it, if one did.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match &self.trouble {
            Trouble::Refused(reply) => Some(reply),
            _ => None,
        }
    }
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = self.stage;
        match &self.trouble {
            Trouble::Resolve(text) | Trouble::Connect(text) | Trouble::Tls(text) => {
                write!(f, "{text}")
            }
            Trouble::Timeout(span) => {
                write!(f, "no answer within {} s at {stage}", span.as_secs_f64())
            }
            Trouble::Closed => write!(f, "the server closed the connection at {stage}"),
            Trouble::Io(text) => write!(f, "the connection broke at {stage}: {text}"),
            Trouble::Protocol(text) => {
                write!(f, "the server broke the protocol at {stage}: {text}")
            }
            Trouble::Refused(reply) => write!(f, "{reply}"),
            Trouble::Missing(text) => write!(f, "{text}"),
        }
    }
}

impl std::error::Error for SmtpError {}
