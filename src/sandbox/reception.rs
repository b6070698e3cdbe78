//! What all connections of a sandbox share: its options, its memory and its counters.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::ca::Authority;
use super::keep::Keep;
use super::limit::Gate;
use super::refusal_log::RefusalLog;
use super::session::{Caller, Session};
use super::{Options, SandboxError};
use crate::clock::Clock;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// How a byte stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// TLS from the first byte (RFC 8314, section 3.3).
    ImplicitTls,
    /// Plain text, and no mail before STARTTLS (RFC 3207).
    Starttls,
    /// Plain text throughout.
    Plain,
}

/// What a sandbox has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken, those whose TLS handshake failed among them.
    pub connections: u64,
    /// Messages kept (or discarded, where none is kept), also where the 250 was withheld.
    pub accepted: u64,
    /// Answers 4xx to a sender, a recipient or a message.
    pub deferred: u64,
    /// Answers 5xx to a sender, a recipient or a message.
    pub refused: u64,
    /// Of those deferred: for a limit that this server enforces.
    pub limited: u64,
    /// Connections dropped because a recipient asked for it.
    pub dropped: u64,
    /// Messages whose end came in one write with the next command.
    pub chained: u64,
}

/// The receiving side without its sockets: it serves any byte stream, so that tests need none.
pub struct Reception {
    pub(super) login: Option<(String, String)>,
    pub(super) latency: Duration,
    pub(super) max_message_size: usize,
    pub(super) pipelining: bool,
    pub(super) chaining: bool,
    pub(super) smtputf8: bool,
    pub(super) messages_per_connection: Option<usize>,
    connections: Option<usize>,
    open: AtomicUsize,
    pub(super) gate: Gate,
    pub(super) limits_at_dot: bool,
    pub(super) keep: Keep,
    refusals: Option<RefusalLog>,
    pub(super) greylist: FirstTimes,
    pub(super) doubts: FirstTimes,
    authority: Authority,
    acceptor: TlsAcceptor,
    clock: Clock,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    connections: AtomicU64,
    accepted: AtomicU64,
    deferred: AtomicU64,
    refused: AtomicU64,
    limited: AtomicU64,
    dropped: AtomicU64,
    chained: AtomicU64,
}

impl Reception {
    /// Opens the folder, the authority and the log; the addresses of `options` are not used.
    ///
    /// # Errors
    ///
    /// The folder or the log cannot be used, or `ca.pem` is not ours.
    pub fn open(options: &Options, clock: Clock) -> Result<Self, SandboxError> {
        let dir = options.dir.as_deref();
        let now = clock.now();
        let authority = Authority::open(dir, now)?;
        let maildir = dir.filter(|_| !options.discard).map(|dir| dir.join("mail"));
        let refusals = options
            .refusal_log
            .as_deref()
            .map(|path| RefusalLog::open(path).map_err(|reason| SandboxError::log(path, reason)));
        Ok(Self {
            login: options.login.clone(),
            latency: options.latency,
            max_message_size: options.max_message_size,
            pipelining: options.pipelining,
            chaining: options.chaining,
            smtputf8: options.smtputf8,
            messages_per_connection: options.messages_per_connection,
            connections: options.connections,
            open: AtomicUsize::new(0),
            gate: Gate::new(&options.limits),
            limits_at_dot: options.limits_at_dot,
            keep: Keep::open(maildir.as_deref(), options.accept_log.as_deref())?,
            refusals: refusals.transpose()?,
            greylist: FirstTimes::default(),
            doubts: FirstTimes::default(),
            acceptor: authority.server_config(now)?.into(),
            authority,
            clock,
            tally: Tally::default(),
        })
    }

    /// Holds one conversation from its first byte to its end. A stream without a `peer` is in this
    /// process, and counts as loopback.
    ///
    /// # Errors
    ///
    /// The stream broke, ended in the middle, or its TLS handshake failed.
    pub async fn serve_stream<S>(
        &self,
        stream: S,
        port: Port,
        peer: Option<SocketAddr>,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connection = self.tally.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let others = self.open.fetch_add(1, Ordering::Relaxed);
        let _until_the_end = Open(&self.open);
        let caller = Caller {
            connection,
            peer,
            port,
            encrypted: false,
            welcome: self.connections.is_none_or(|most| others < most),
        };
        let encrypted = Caller {
            encrypted: true,
            ..caller
        };
        if port == Port::ImplicitTls {
            let stream = self.handshake(stream).await?;
            Session::new(self, stream, encrypted).greet().await?;
        } else if let Some(stream) = Session::new(self, stream, caller).greet().await? {
            let stream = self.handshake(stream).await?;
            Session::new(self, stream, encrypted).run().await?;
        }
        Ok(())
    }

    /// The file with the authority's certificate, if there is a folder.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.authority.file()
    }

    /// The authority's certificate as PEM text.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// The Maildir that mail is kept in, if any is kept.
    #[must_use]
    pub fn maildir(&self) -> Option<&Path> {
        self.keep.maildir()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            connections: read(&self.tally.connections),
            accepted: read(&self.tally.accepted),
            deferred: read(&self.tally.deferred),
            refused: read(&self.tally.refused),
            limited: read(&self.tally.limited),
            dropped: read(&self.tally.dropped),
            chained: read(&self.tally.chained),
        }
    }

    /// Waits for what is being written.
    pub async fn settle(&self) {
        self.keep.settle().await;
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn count_accepted(&self) {
        self.tally.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self) {
        self.tally.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_chained(&self) {
        self.tally.chained.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_limited(&self) {
        self.tally.limited.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refusal(&self, connection: u64, to: &[String], reply: &str) {
        let logged = self
            .refusals
            .as_ref()
            .map(|log| log.append(connection, to, reply, &self.clock));
        if let Some(Err(error)) = logged {
            tracing::error!("the sandbox cannot log a refusal: {error}");
        }
        let permanent = reply.starts_with('5');
        let counter = if permanent {
            &self.tally.refused
        } else {
            &self.tally.deferred
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    async fn handshake<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = timeout(HANDSHAKE, self.acceptor.accept(stream)).await?;
        handshake.inspect_err(|error| {
            tracing::info!(
                "a TLS handshake with the sandbox failed (does it trust ca.pem?): {error}"
            );
        })
    }
}

/// Counts a connection out when it ends, however it does.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A memory of what was seen once. It is bounded: beyond a million nothing counts as new.
#[derive(Debug, Default)]
pub(super) struct FirstTimes(Mutex<HashSet<String>>);

impl FirstTimes {
    const MAX: usize = 1_000_000;

    pub(super) fn is_first(&self, key: String) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() < Self::MAX && seen.insert(key)
    }
}
