//! One conversation: which command may come when, and what it is answered.
//!
//! A session owns its stream and ends with it. It never panics on input, and whatever a client
//! does, it waits no longer than the wire's time-outs.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};

use super::auth;
use super::command::{self, Command, Mechanism};
use super::reception::{Port, Reception};
use super::transaction::Transaction;
use super::wire::Wire;

/// So many commands that make no sense end a session: it is not SMTP that is spoken there.
const MISTAKES_MAX: u32 = 50;

/// So many wrong passwords end a session.
const LOGINS_MAX: u32 = 3;

/// Who is calling, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Number of the connection, counted from 1.
    pub(super) connection: u64,
    /// None for a stream inside this process.
    pub(super) peer: Option<SocketAddr>,
    pub(super) port: Port,
    pub(super) encrypted: bool,
    /// Whether there is room for one more connection.
    pub(super) welcome: bool,
}

impl Caller {
    /// Whether a password would travel where nobody can listen.
    fn may_log_in(&self) -> bool {
        let local = self
            .peer
            .is_none_or(|peer| peer.ip().to_canonical().is_loopback());
        self.encrypted || (self.port == Port::Plain && local)
    }
}

/// What the client called itself.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) name: String,
    /// Whether it said EHLO.
    pub(super) extended: bool,
}

pub(super) struct Session<'a, S> {
    pub(super) reception: &'a Reception,
    pub(super) wire: Wire<S>,
    pub(super) caller: Caller,
    pub(super) hello: Option<Hello>,
    pub(super) logged_in: bool,
    pub(super) transaction: Option<Transaction<'a>>,
    /// Messages begun on this connection.
    pub(super) messages: usize,
    /// Commands followed the last message in the same write, against the house rules.
    pub(super) hurried: bool,
    failed_logins: u32,
    mistakes: u32,
}

/// What comes after a command was dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Next,
    /// Send what is queued and say good-bye.
    Close,
    /// Break off without a word.
    Drop,
    /// Go on under TLS.
    Encrypt,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(reception: &'a Reception, stream: S, caller: Caller) -> Self {
        Self {
            reception,
            wire: Wire::new(stream),
            caller,
            hello: None,
            logged_in: false,
            transaction: None,
            messages: 0,
            hurried: false,
            failed_logins: 0,
            mistakes: 0,
        }
    }

    /// Greets and runs. Returns the stream if it is to be encrypted now.
    pub(super) async fn greet(mut self) -> io::Result<Option<S>> {
        if !self.caller.welcome {
            self.wire.reply("421 4.7.0 Too many connections, closing");
            self.wire.close().await?;
            return Ok(None);
        }
        self.wire.reply("220 localhost ESMTP postroom sandbox");
        self.run().await
    }

    /// Answers commands until the end. Returns the stream if it is to be encrypted now.
    pub(super) async fn run(mut self) -> io::Result<Option<S>> {
        loop {
            match self.turn().await {
                Ok(Turn::Next) => self.wire.flush_if_full().await?,
                Ok(Turn::Drop) => {
                    self.reception.count_dropped();
                    return Ok(None);
                }
                Ok(Turn::Encrypt) => {
                    self.wire.flush().await?;
                    return Ok(Some(self.wire.into_stream()));
                }
                Ok(Turn::Close) => break,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    self.wire
                        .reply("421 4.4.2 Nothing came for too long, closing");
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.wire.close().await?;
        Ok(None)
    }

    async fn turn(&mut self) -> io::Result<Turn> {
        let command = match self.wire.line().await? {
            Ok(line) => command::parse(line),
            Err(refusal) => Err(refusal),
        };
        if !self.reception.pipelining && !self.wire.is_drained() {
            self.wire
                .reply("503 5.5.0 Wait for each reply: PIPELINING is not offered");
            return Ok(Turn::Close);
        }
        match command {
            Ok(command) => self.answer(command).await,
            Err(refusal) => Ok(self.blame(refusal)),
        }
    }

    async fn answer(&mut self, command: Command) -> io::Result<Turn> {
        Ok(match command {
            Command::Ehlo(name) => self.ehlo(name),
            Command::Helo(name) => self.helo(name),
            Command::Mail(mail) => self.mail(mail),
            Command::Rcpt(recipient) => self.rcpt(recipient).await?,
            Command::Data => self.data().await?,
            Command::Rset => {
                self.transaction = None;
                self.say("250 2.0.0 Reset")
            }
            Command::Noop => self.say("250 2.0.0 Still here"),
            Command::Vrfy => self.say("252 2.5.2 Send, and see"),
            Command::Help => self.say("214 2.0.0 RFC 5321, and `postroom sandbox --help`"),
            Command::Quit => {
                self.say("221 2.0.0 Good-bye");
                Turn::Close
            }
            Command::Starttls => self.starttls(),
            Command::Auth(mechanism, initial) => self.auth(mechanism, initial).await?,
        })
    }

    fn helo(&mut self, name: String) -> Turn {
        self.transaction = None;
        self.hello = Some(Hello {
            name,
            extended: false,
        });
        self.say("250 localhost")
    }

    fn ehlo(&mut self, name: String) -> Turn {
        self.transaction = None;
        self.wire.reply(&format!("250-localhost greets {name}"));
        self.hello = Some(Hello {
            name,
            extended: true,
        });
        if self.reception.pipelining {
            self.wire.reply("250-PIPELINING");
        }
        if self.offers_starttls() {
            self.wire.reply("250-STARTTLS");
        }
        if self.caller.may_log_in() {
            self.wire.reply("250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER");
        }
        self.wire.reply("250-8BITMIME");
        if self.reception.smtputf8 {
            self.wire.reply("250-SMTPUTF8");
        }
        self.wire
            .reply(&format!("250-SIZE {}", self.reception.max_message_size));
        self.say("250 ENHANCEDSTATUSCODES")
    }

    fn offers_starttls(&self) -> bool {
        self.caller.port == Port::Starttls && !self.caller.encrypted
    }

    fn starttls(&mut self) -> Turn {
        if self.caller.encrypted {
            return self.blame("503 5.5.1 TLS is on already");
        }
        if !self.offers_starttls() {
            return self.blame("502 5.5.1 STARTTLS is not offered on this port");
        }
        if !self.wire.is_drained() {
            // Whoever wrote that could have been someone between us and the client (RFC 3207,
            // section 6; CVE-2011-0411): nothing of it may be taken for the client's.
            self.wire
                .reply("554 5.5.0 Commands follow STARTTLS without TLS, closing");
            return Turn::Close;
        }
        self.wire.reply("220 2.0.0 Begin TLS");
        Turn::Encrypt
    }

    async fn auth(&mut self, mechanism: Mechanism, initial: Option<String>) -> io::Result<Turn> {
        if !self.hello.as_ref().is_some_and(|hello| hello.extended) {
            return Ok(self.blame("503 5.5.1 Say EHLO first"));
        }
        if !self.caller.may_log_in() {
            return Ok(self.blame("538 5.7.11 Passwords only under TLS"));
        }
        if self.logged_in || self.transaction.is_some() {
            return Ok(self.blame("503 5.5.1 Log in once, and before MAIL"));
        }
        let credentials = match auth::ask(&mut self.wire, mechanism, initial).await? {
            Ok(credentials) => credentials,
            Err(refusal) => return Ok(self.blame(refusal)),
        };
        let expected = self.reception.login.as_ref();
        if expected.is_none_or(|(user, password)| credentials.are(user, password)) {
            self.logged_in = true;
            return Ok(self.say("235 2.7.0 Logged in"));
        }
        self.failed_logins += 1;
        if let Err(refusal) = auth::challenge(&mut self.wire, mechanism).await? {
            return Ok(self.blame(refusal));
        }
        self.wire.reply("535 5.7.8 Wrong user name or password");
        if self.failed_logins < LOGINS_MAX {
            return Ok(Turn::Next);
        }
        self.wire
            .reply("421 4.7.0 Too many wrong passwords, closing");
        Ok(Turn::Close)
    }

    /// Why no mail may begin now, if so.
    pub(super) fn obstacle(&self) -> Option<&'static str> {
        if self.hello.is_none() {
            Some("503 5.5.1 Say EHLO first")
        } else if self.offers_starttls() {
            Some("530 5.7.0 Say STARTTLS first")
        } else if self.reception.login.is_some() && !self.logged_in {
            Some("530 5.7.0 Log in first")
        } else {
            None
        }
    }

    pub(super) fn say(&mut self, reply: &str) -> Turn {
        self.wire.reply(reply);
        Turn::Next
    }

    /// Answers what a client should not have said.
    pub(super) fn blame(&mut self, reply: &str) -> Turn {
        self.wire.reply(reply);
        self.mistakes += 1;
        if self.mistakes < MISTAKES_MAX {
            return Turn::Next;
        }
        self.wire.reply("421 4.7.0 Too many errors, closing");
        Turn::Close
    }
}
