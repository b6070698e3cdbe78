//! Bytes to and from a server, each exchange within its deadline.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::{Reply, SmtpError, Stage, Trouble};

/// A byte stream that a session can run over: TCP, TLS, or a pipe in a test.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// A stream with the bytes that were received and not yet used.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            received: Vec::with_capacity(1024),
        }
    }

    /// The stream back, for TLS to be laid over it.
    ///
    /// # Errors
    /// Something was received that nobody asked for: plaintext that would be taken for words spoken
    /// under TLS (CVE-2011-0411 and its family).
    pub(super) fn into_stream(self, stage: Stage) -> Result<Box<dyn Stream>, SmtpError> {
        if self.received.is_empty() {
            return Ok(self.stream);
        }
        let text = "it sent more than its answer before TLS began".to_owned();
        Err(SmtpError::new(stage, Trouble::Protocol(text)))
    }

    /// Writes all of `bytes` by `deadline`.
    pub(super) async fn write(
        &mut self,
        stage: Stage,
        bytes: &[u8],
        within: Duration,
    ) -> Result<(), SmtpError> {
        let io = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(Instant::now() + within, io).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(SmtpError::new(stage, broken(&error))),
            Err(_) => Err(SmtpError::new(stage, Trouble::Timeout(within))),
        }
    }

    /// Writes as much as the stream takes at once, and says how much that was.
    pub(super) async fn write_some(
        &mut self,
        stage: Stage,
        bytes: &[u8],
        within: Duration,
    ) -> Result<usize, SmtpError> {
        match timeout_at(Instant::now() + within, self.stream.write(bytes)).await {
            Ok(Ok(0)) => Err(SmtpError::new(stage, Trouble::Closed)),
            Ok(Ok(n)) => Ok(n),
            Ok(Err(error)) => Err(SmtpError::new(stage, broken(&error))),
            Err(_) => Err(SmtpError::new(stage, Trouble::Timeout(within))),
        }
    }

    /// Hands on what lower layers still hold.
    pub(super) async fn flush(&mut self, stage: Stage, within: Duration) -> Result<(), SmtpError> {
        self.write(stage, &[], within).await
    }

    /// Reads one reply; the deadline covers all of it.
    pub(super) async fn reply(
        &mut self,
        stage: Stage,
        within: Duration,
    ) -> Result<Reply, SmtpError> {
        match timeout_at(Instant::now() + within, self.whole_reply(stage)).await {
            Ok(reply) => reply,
            Err(_) => Err(SmtpError::new(stage, Trouble::Timeout(within))),
        }
    }

    async fn whole_reply(&mut self, stage: Stage) -> Result<Reply, SmtpError> {
        loop {
            match Reply::take(&mut self.received) {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(text) => return Err(SmtpError::new(stage, Trouble::Protocol(text))),
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(SmtpError::new(stage, Trouble::Closed)),
                Ok(_) => {}
                Err(error) => return Err(SmtpError::new(stage, broken(&error))),
            }
        }
    }

    /// Whether something was received that no command asked for.
    pub(super) fn has_unasked(&self) -> bool {
        !self.received.is_empty()
    }

    /// Whether an idle stream is still worth using: anything to read on it is a goodbye. Judged
    /// after decryption, since TLS session tickets arrive on idle connections.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer);
        matches!(polled, Poll::Pending) && self.received.is_empty()
    }

    /// Says goodbye to TLS and TCP; nobody waits for an answer.
    pub(super) async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

fn broken(error: &std::io::Error) -> Trouble {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | BrokenPipe => Trouble::Closed,
        ConnectionReset | ConnectionAborted => Trouble::Io("reset by the server".to_owned()),
        _ => Trouble::Io(error.to_string()),
    }
}
