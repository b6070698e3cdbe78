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
    /// Of a refused login: who was refused by whom, for people.
    pub login: Option<Box<RefusedLogin>>,
    /// What in the configuration it looks like.
    pub hint: Option<&'static str>,
}

/// What a person needs to know to mend a login.
#[derive(Clone, Debug)]
pub struct RefusedLogin {
    /// The server.
    pub host: String,
    /// Who wanted in.
    pub user: String,
    /// What the server said in its challenge about a token (RFC 7628 section 3.2.2), safe to show.
    pub challenge: Option<String>,
    /// What this server's provider wants.
    pub hint: Option<&'static str>,
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
            login: None,
            hint: None,
        }
    }

    /// Whether the connection was gone before the first command was answered: a server that closes
    /// idle connections, not one that minds the message.
    #[must_use]
    pub fn hung_up_before_mail(&self) -> bool {
        matches!(self.stage, Stage::Mail | Stage::Reset)
            && matches!(self.trouble, Trouble::Closed | Trouble::Io(_))
    }

    /// Whether the server refused who we say we are, rather than to judge it now: 454 (RFC 4954
    /// section 6) and 421 say nothing about a password, and 500 to 504 are about our words.
    #[must_use]
    pub fn is_refused_login(&self) -> bool {
        let refused = self.reply().filter(|_| self.stage == Stage::Auth);
        refused.is_some_and(|reply| reply.is_permanent() && reply.code > 504)
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
            Trouble::Refused(reply) => match &self.login {
                Some(login) => login.tell(reply, f),
                None => write!(f, "{reply}"),
            },
            Trouble::Missing(text) => write!(f, "{text}"),
        }?;
        match self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl RefusedLogin {
    fn tell(&self, reply: &Reply, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} refused the login of {}: {reply}",
            self.host, self.user
        )?;
        if let Some(challenge) = &self.challenge {
            write!(f, " ({challenge})")?;
        }
        match self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SmtpError {}
