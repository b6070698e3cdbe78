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

    /// Writes all of `bytes` in time, or says how many were handed on before it failed.
    pub(super) async fn write_counted(
        &mut self,
        stage: Stage,
        bytes: &[u8],
        within: Duration,
    ) -> Result<(), (usize, SmtpError)> {
        let by = Instant::now() + within;
        let mut done = 0;
        while done < bytes.len() {
            let trouble = match timeout_at(by, self.stream.write(&bytes[done..])).await {
                Ok(Ok(0)) => Trouble::Closed,
                Ok(Ok(count)) => {
                    done += count;
                    continue;
                }
                Ok(Err(error)) => broken(&error),
                Err(_) => Trouble::Timeout(within),
            };
            return Err((done, SmtpError::new(stage, trouble)));
        }
        Ok(())
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

    /// Looks, without waiting, whether the server has said anything that no command asked for, or
    /// has closed. Judged after decryption, since TLS session tickets arrive on idle connections.
    ///
    /// # Errors
    /// It has: its goodbye if it said one (RFC 5321 section 3.8), else what it did.
    pub(super) fn silent(&mut self) -> Result<(), Trouble> {
        let mut bytes = [0; 512];
        let mut buffer = ReadBuf::new(&mut bytes);
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.stream).poll_read(&mut context, &mut buffer) {
            Poll::Pending if self.received.is_empty() => return Ok(()),
            Poll::Pending => {}
            Poll::Ready(Err(error)) => return Err(broken(&error)),
            Poll::Ready(Ok(())) if buffer.filled().is_empty() && self.received.is_empty() => {
                return Err(Trouble::Closed);
            }
            Poll::Ready(Ok(())) => self.received.extend_from_slice(buffer.filled()),
        }
        // What was said stays received: this stream can only be closed.
        match Reply::take(&mut self.received.clone()) {
            Ok(Some(reply)) if reply.code == 421 => Err(Trouble::Refused(reply)),
            _ => Err(Trouble::Protocol(
                "it sent a reply that nobody asked for".to_owned(),
            )),
        }
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
