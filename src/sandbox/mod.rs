//! The sandbox: an SMTP server that takes every message and passes none on.
//!
//! `postroom sandbox`, the demo, tests and benches develop against it. It speaks implicit TLS with
//! a throw-away authority (`ca.rs`), and STARTTLS and plain text where asked; it keeps mail in a
//! Maildir, can log what it accepted and refused for checkers (`accept_log.rs`, `refusal_log.rs`),
//! enforces rates where asked (`limit.rs`), and misbehaves for recipients whose name asks for it
//! (`behaviour.rs`, [`BEHAVIOURS`]). It is stricter than most servers, so that a client's faults
//! show here first.
//!
//! It never sends mail, opens no connection, and knows nothing of the rest of postroom. Its
//! invariant: 250 to the end of a message is said only after the message is kept and its line in
//! the accept log is on disk.
//!
//! ```text
//! Sandbox    sockets: start, addresses, stop         (this file, listener.rs)
//! Reception  what all connections share              (reception.rs)
//! Session    one conversation over any byte stream   (session.rs, transaction.rs, auth.rs)
//! Keep       Maildir and accept log                  (keep.rs, maildir.rs, accept_log.rs)
//! ```

mod accept_log;
mod auth;
mod behaviour;
mod ca;
mod command;
mod data;
mod keep;
mod limit;
mod listener;
mod maildir;
mod reception;
mod refusal_log;
mod session;
mod transaction;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use self::behaviour::BEHAVIOURS;
pub use self::limit::Limit;
pub use self::reception::{Counts, Port, Reception};
use crate::clock::Clock;

/// How a sandbox listens, what it keeps and how it behaves.
#[derive(Clone)]
pub struct Options {
    /// Where to listen with TLS from the first byte; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where to listen in plain text that must turn to TLS with STARTTLS before any mail.
    pub starttls: Option<SocketAddr>,
    /// Where to listen in plain text. AUTH is offered there to loopback clients only.
    pub plain: Option<SocketAddr>,
    /// Folder for `ca.pem`, `ca.key` and the Maildir `mail/`. Without it the authority lives in
    /// memory and no mail is kept.
    pub dir: Option<PathBuf>,
    /// Accept mail and keep none of it.
    pub discard: bool,
    /// File to append one JSON line to for each accepted message, on disk before the 250.
    pub accept_log: Option<PathBuf>,
    /// File to append one JSON line to for each sender, recipient or message that was refused.
    pub refusal_log: Option<PathBuf>,
    /// User and password that every client must log in with; a token must be the same as the
    /// password. Without them AUTH is optional and takes anything.
    pub login: Option<(String, String)>,
    /// Extra time before the answer to the end of every message.
    pub latency: Duration,
    /// Largest message in octets; announced as SIZE.
    pub max_message_size: usize,
    /// Whether PIPELINING is offered. Where it is not, commands that do not wait for their turn
    /// end the session.
    pub pipelining: bool,
    /// Whether commands may follow a message in the same write (RFC 2920, section 3.1). Where not,
    /// MAIL is answered 503, as Haraka does.
    pub chaining: bool,
    /// Whether SMTPUTF8 is offered (RFC 6531). Either way an address beyond ASCII is refused where
    /// MAIL does not announce it.
    pub smtputf8: bool,
    /// Messages that one connection may bring; the next MAIL is answered 421.
    pub messages_per_connection: Option<usize>,
    /// Connections that may be open at a time; the next one is greeted with 421.
    pub connections: Option<usize>,
    /// Messages that are accepted in any span of so long, all connections together; one more is
    /// answered 421 and its connection closed.
    pub limits: Vec<Limit>,
    /// Whether what is over a limit is refused at its end, after its body, and not at MAIL.
    pub limits_at_dot: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            starttls: None,
            plain: None,
            dir: None,
            discard: false,
            accept_log: None,
            refusal_log: None,
            login: None,
            latency: Duration::ZERO,
            max_message_size: 50 * 1024 * 1024,
            pipelining: true,
            chaining: true,
            smtputf8: true,
            messages_per_connection: None,
            connections: None,
            limits: Vec::new(),
            limits_at_dot: false,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A listening address cannot be had.
    #[error("cannot listen on {address}: {reason}; choose another address or port")]
    Listen {
        address: SocketAddr,
        reason: io::Error,
    },
    /// The folder, or something in it, cannot be read or made.
    #[error("cannot use {path} for the sandbox: {reason}")]
    Folder { path: PathBuf, reason: io::Error },
    /// The log of what was accepted, or refused, cannot be opened.
    #[error("cannot write the log {path}: {reason}")]
    Log { path: PathBuf, reason: io::Error },
    /// There is a `ca.pem` that no `ca.key` of ours belongs to.
    #[error(
        "{path} was not made by a sandbox, or the ca.key beside it is missing or another one's; \
         move both away, and a new authority is made (clients must then be given the new ca.pem)"
    )]
    ForeignAuthority { path: PathBuf },
    /// No certificate could be made.
    #[error("cannot make a certificate for the sandbox: {0}")]
    Certificate(String),
}

impl SandboxError {
    fn folder(path: &Path, reason: io::Error) -> Self {
        Self::Folder {
            path: path.to_owned(),
            reason,
        }
    }

    fn log(path: &Path, reason: io::Error) -> Self {
        Self::Log {
            path: path.to_owned(),
            reason,
        }
    }
}

impl From<rcgen::Error> for SandboxError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

impl From<rustls::Error> for SandboxError {
    fn from(error: rustls::Error) -> Self {
        Self::Certificate(error.to_string())
    }
}

/// A running sandbox. Dropped, it stops at once; [`Sandbox::stop`] also waits for its disk.
pub struct Sandbox {
    reception: Arc<Reception>,
    address: SocketAddr,
    starttls: Option<SocketAddr>,
    plain: Option<SocketAddr>,
    listeners: JoinSet<()>,
    stop: CancellationToken,
}

impl Sandbox {
    /// Opens the folder and the sockets, and serves until it is stopped.
    ///
    /// # Errors
    ///
    /// See [`SandboxError`]. Nothing listens then.
    pub async fn start(options: Options, clock: Clock) -> Result<Self, SandboxError> {
        let mut sandbox = Self {
            reception: Arc::new(Reception::open(&options, clock)?),
            address: options.listen,
            starttls: None,
            plain: None,
            listeners: JoinSet::new(),
            stop: CancellationToken::new(),
        };
        sandbox.address = sandbox.listen(options.listen, Port::ImplicitTls).await?;
        if let Some(address) = options.starttls {
            sandbox.starttls = Some(sandbox.listen(address, Port::Starttls).await?);
        }
        if let Some(address) = options.plain {
            sandbox.plain = Some(sandbox.listen(address, Port::Plain).await?);
        }
        Ok(sandbox)
    }

    /// Where it listens with implicit TLS.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for STARTTLS, if it does.
    #[must_use]
    pub fn starttls_address(&self) -> Option<SocketAddr> {
        self.starttls
    }

    /// Where it listens in plain text, if it does.
    #[must_use]
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.plain
    }

    /// The file with the authority's certificate that clients should trust, if there is a folder.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.reception.ca_file()
    }

    /// The authority's certificate as PEM text.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.reception.ca_pem()
    }

    /// The Maildir that mail is kept in, if any is kept.
    #[must_use]
    pub fn maildir(&self) -> Option<&Path> {
        self.reception.maildir()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.reception.counts()
    }

    /// Closes every socket and waits for what is being written. A message whose 250 was not sent
    /// yet may have been accepted: the client is in doubt, as with any server that dies.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.reception.settle().await;
    }

    async fn listen(
        &mut self,
        address: SocketAddr,
        port: Port,
    ) -> Result<SocketAddr, SandboxError> {
        let refused = |reason| SandboxError::Listen { address, reason };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        let reception = Arc::clone(&self.reception);
        self.listeners.spawn(listener::serve(
            listener,
            port,
            reception,
            self.stop.clone(),
        ));
        Ok(bound)
    }
}
