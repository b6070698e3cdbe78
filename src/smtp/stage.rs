//! The stages of a session, and how long each may take.

use std::fmt;
use std::time::Duration;

/// Where in the conversation something happened.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// Name resolution and TCP.
    Connect,
    /// TLS handshake.
    Tls,
    /// The server's first words.
    Greeting,
    /// EHLO.
    Ehlo,
    /// STARTTLS.
    Starttls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA.
    Data,
    /// The message's bytes.
    Body,
    /// The end of data and its reply.
    Dot,
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
}

impl Stage {
    /// The word that people and the database see.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO",
            Self::Starttls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL FROM",
            Self::Rcpt => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "body",
            Self::Dot => "end of data",
            Self::Reset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How long each stage may take in all; bytes that trickle in do not extend it.
///
/// RFC 5321 section 4.5.3.2 asks for more before the body; a short wait there costs a retry. After
/// the dot it is ten minutes, since giving up early there makes duplicates.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name resolution.
    pub resolve: Duration,
    /// TCP, for each address.
    pub connect: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// First reply.
    pub greeting: Duration,
    /// EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA.
    pub command: Duration,
    /// Each piece of the body until the server has taken it.
    pub body: Duration,
    /// The reply to the end of data.
    pub dot: Duration,
    /// RSET.
    pub reset: Duration,
    /// QUIT.
    pub quit: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            resolve: seconds(15),
            connect: seconds(30),
            tls: seconds(30),
            greeting: seconds(60),
            command: seconds(120),
            body: seconds(180),
            dot: seconds(600),
            reset: seconds(20),
            quit: seconds(2),
        }
    }
}

impl Deadlines {
    /// The deadline of a stage.
    #[must_use]
    pub fn of(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Connect => self.connect,
            Stage::Tls => self.tls,
            Stage::Greeting => self.greeting,
            Stage::Ehlo
            | Stage::Starttls
            | Stage::Auth
            | Stage::Mail
            | Stage::Rcpt
            | Stage::Data => self.command,
            Stage::Body => self.body,
            Stage::Dot => self.dot,
            Stage::Reset => self.reset,
            Stage::Quit => self.quit,
        }
    }
}
