//! What one connection showed of itself, and what was said on it, for a person who tries an
//! account.
//!
//! A [`Transcript`] in a [`super::Target`] lies over the stream of a session, above TLS, and writes
//! down each line with its time. No secret and no message is ever in it: [`Masked`] leaves them out
//! as they pass, and an [`Echo`] what a server repeats of them. It changes nothing of what passes.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::echo::Echo;
use super::masked::Masked;
use super::reply::readable;
use super::{Capabilities, Certificate, Stream, TlsFacts};
use crate::clock::Clock;

/// A server's unfinished line is kept up to here, in bytes.
const LINE_MAX: usize = 4096;

/// A record of one connection. Clones share it.
#[derive(Clone)]
pub struct Transcript(Arc<Mutex<Record>>);

/// One line of a conversation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Utterance {
    /// How long after the first host's name was looked up.
    pub at: Duration,
    /// Who said it.
    pub speaker: Speaker,
    /// Without its line end, safe to show; secrets and messages are left out.
    pub text: String,
}

/// Who says something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaker {
    /// postroom, to the server.
    Client,
    /// The server.
    Server,
    /// Nobody: something happened.
    Event,
}

/// What a connection showed of itself so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The address that answered.
    pub peer: Option<SocketAddr>,
    /// The certificate that it showed: verified only if there is TLS, too.
    pub certificate: Option<Certificate>,
    /// Its TLS, if there is any.
    pub tls: Option<TlsFacts>,
    /// What the server offered last: under TLS, once there is TLS.
    pub offers: Option<Capabilities>,
    /// The mechanism of the last AUTH command (RFC 4954), in capital letters.
    pub mechanism: Option<String>,
}

struct Record {
    clock: Clock,
    began: Option<Duration>,
    /// The number of the stream that is listened to: below TLS there is nothing to read.
    layer: usize,
    seen: Seen,
    said: Vec<Utterance>,
    client: Masked,
    server: Vec<u8>,
    /// Of every login so far: a server may come back to what it heard.
    echoes: Vec<Arc<Echo>>,
}

impl Transcript {
    /// An empty one.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self(Arc::new(Mutex::new(Record {
            clock: clock.clone(),
            began: None,
            layer: 0,
            seen: Seen::default(),
            said: Vec::new(),
            client: Masked::default(),
            server: Vec::new(),
            echoes: Vec::new(),
        })))
    }

    /// What the connection showed of itself so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let record = self.record();
        Seen {
            mechanism: record.client.mechanism().map(str::to_owned),
            ..record.seen.clone()
        }
    }

    /// What was said so far, the unfinished lines of both sides at the end.
    #[must_use]
    pub fn said(&self) -> Vec<Utterance> {
        let record = self.record();
        let mut said = record.said.clone();
        said.extend(record.unfinished());
        said
    }

    /// How long ago the first connection was begun.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.record().elapsed()
    }

    /// A connection is begun.
    pub(super) fn begin(&self) {
        let mut record = self.record();
        let now = record.clock.ticks();
        record.began.get_or_insert(now);
    }

    /// A connection was made.
    pub(super) fn reached(&self, peer: SocketAddr) {
        let mut record = self.record();
        record.seen.peer = Some(peer);
        record.happened(&format!("connected to {peer}"));
    }

    /// What passes on the present stream from now on is not for reading.
    pub(super) fn cover(&self) {
        self.record().layer += 1;
    }

    /// The server showed this certificate; whether it holds is not known yet.
    pub(super) fn shown(&self, certificate: Option<Certificate>) {
        self.record().seen.certificate = certificate;
    }

    /// TLS has begun.
    pub(super) fn encrypted(&self, facts: TlsFacts) {
        let mut record = self.record();
        record.happened(&format!("{}, {}", facts.version, facts.cipher));
        record.seen.tls = Some(facts);
    }

    /// EHLO was answered.
    pub(super) fn offered(&self, offers: &Capabilities) {
        self.record().seen.offers = Some(offers.clone());
    }

    /// A login begins; what the server repeats of it is left out from now on.
    pub(super) fn logging_in(&self, echo: &Arc<Echo>) {
        self.record().echoes.push(Arc::clone(echo));
    }

    /// Lies over `stream` and listens to it; no longer to a stream from before.
    #[must_use]
    pub fn over(&self, stream: Box<dyn Stream>) -> Box<dyn Stream> {
        let mut record = self.record();
        let now = record.clock.ticks();
        record.began.get_or_insert(now);
        record.turn_over();
        record.layer += 1;
        Box::new(Overheard {
            stream,
            transcript: self.clone(),
            layer: record.layer,
        })
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// What is in it is asked for by name; a log has no use for it.
impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transcript")
    }
}

impl Record {
    fn elapsed(&self) -> Duration {
        let now = self.clock.ticks();
        now - self.began.unwrap_or(now)
    }

    /// The lines that were begun.
    fn unfinished(&self) -> Vec<Utterance> {
        let server = Some(&self.server).filter(|it| !it.is_empty());
        let server = server.map(|it| self.utterance(Speaker::Server, it));
        let client = self.client.unfinished();
        let client = client.map(|it| self.utterance(Speaker::Client, &it));
        server.into_iter().chain(client).collect()
    }

    /// What was begun on one stream does not end on the next.
    fn turn_over(&mut self) {
        let unfinished = self.unfinished();
        self.said.extend(unfinished);
        self.server.clear();
        self.client.turn_over();
    }

    fn utterance(&self, speaker: Speaker, line: &[u8]) -> Utterance {
        let mut text = readable(line);
        if speaker == Speaker::Server {
            text = self
                .echoes
                .iter()
                .fold(text, |text, it| it.hide_in_line(&text));
        }
        Utterance {
            at: self.elapsed(),
            speaker,
            text,
        }
    }

    fn happened(&mut self, what: &str) {
        let event = self.utterance(Speaker::Event, what.as_bytes());
        self.said.push(event);
    }

    fn heard(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.server);
                self.client.heard(line.get(..3).unwrap_or_default());
                let line = self.utterance(Speaker::Server, &line);
                self.said.push(line);
            } else if self.server.len() < LINE_MAX {
                self.server.push(*byte);
            }
        }
    }

    fn wrote(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(line) = self.client.wrote(*byte) {
                let line = self.utterance(Speaker::Client, &line);
                self.said.push(line);
            }
        }
    }
}

/// A stream that is listened to.
struct Overheard {
    stream: Box<dyn Stream>,
    transcript: Transcript,
    layer: usize,
}

impl Overheard {
    fn record(&self, write: impl FnOnce(&mut Record)) {
        let mut record = self.transcript.record();
        if record.layer == self.layer {
            write(&mut record);
        }
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let asked = buffer.remaining() > 0;
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        match &buffer.filled()[before..] {
            [] if asked => self.record(|it| it.happened("the server closed the connection")),
            heard => self.record(|it| it.heard(heard)),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.record(|it| it.wrote(&bytes[..taken]));
        Poll::Ready(Ok(taken))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, parts))?;
        self.record(|it| {
            let mut left = taken;
            for part in parts {
                let some = left.min(part.len());
                it.wrote(&part[..some]);
                left -= some;
            }
        });
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
