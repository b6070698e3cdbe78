//! Bytes to and from a server, each exchange within its deadline.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::unconstrained;
use tokio::time::{error::Elapsed, timeout};

use super::{Reply, SmtpError, Stage, Trouble};

/// A byte stream that a session can run over: TCP, TLS, or a pipe in a test.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// No server has so much to say while it is being written to.
const RECEIVED_MAX: usize = 256 * 1024;

/// A body moves on by so many bytes within each deadline: 500 a second in three minutes.
const BLOCK: usize = 90_000;

/// So many bytes rustls takes before it must have sent them.
const TLS_AHEAD: usize = 64 * 1024;

/// A stream with the bytes that were received and not yet used.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    received: Vec<u8>,
    /// TLS takes bytes before it sends them: what it was given when it failed may have gone.
    takes_ahead: bool,
    /// Why the server will say no more.
    gone: Option<Trouble>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            received: Vec::with_capacity(1024),
            takes_ahead: false,
            gone: None,
        }
    }

    pub(super) fn over_tls(stream: Box<dyn Stream>) -> Self {
        Self {
            takes_ahead: true,
            ..Self::new(stream)
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

    /// Writes all of `bytes`, and listens meanwhile: a server whose answers nobody takes stops
    /// reading.
    pub(super) async fn write(
        &mut self,
        stage: Stage,
        bytes: &[u8],
        within: Duration,
    ) -> Result<(), SmtpError> {
        let mut parts = [IoSlice::new(bytes)];
        let writing = async {
            let mut left = Left::new(&mut parts, 0);
            while !left.parts.is_empty() {
                poll_fn(|cx| self.poll_hand_on(cx, &mut left)).await?;
            }
            self.stream.flush().await.map_err(|error| broken(&error))
        };
        in_time(timeout(within, writing).await, within)
            .map_err(|trouble| SmtpError::new(stage, trouble))
    }

    /// Writes a message, whose end of data ends after `end` of the bytes in `parts`, and what
    /// follows it. Each block has its own deadline.
    ///
    /// # Errors
    /// With the refusal, if one came before the dot was out; a server that says anything else by
    /// then has broken the protocol. In doubt as soon as the dot may have been on its way.
    pub(super) async fn write_message(
        &mut self,
        parts: &mut [IoSlice<'_>],
        end: usize,
        within: Duration,
    ) -> Result<(), SmtpError> {
        let mut left = Left::new(parts, end);
        while !left.parts.is_empty() {
            let block = left.done + BLOCK;
            let writing = async {
                self.look();
                self.check_not_answered(&left)?;
                while left.done < block && !left.parts.is_empty() {
                    poll_fn(|cx| self.poll_hand_on(cx, &mut left)).await?;
                }
                Ok(())
            };
            if let Err(trouble) = in_time(timeout(within, writing).await, within) {
                // Some servers take a dot without its LF.
                let in_doubt = left.done + 1 >= end;
                if left.done >= end && self.has_answer() {
                    return Ok(());
                }
                return Err(self.body_error(trouble, in_doubt));
            }
        }
        let flushed = timeout(within, self.stream.flush()).await;
        let flushed = flushed.map(|io| io.map_err(|error| broken(&error)));
        match in_time(flushed, within) {
            Err(_) if self.has_answer() => Ok(()),
            flushed => flushed.map_err(|trouble| self.body_error(trouble, true)),
        }
    }

    /// Whether the answer to a message is there already: then what follows the message may be lost,
    /// and the answer holds.
    fn has_answer(&mut self) -> bool {
        self.peek().is_some()
    }

    fn body_error(&mut self, trouble: Trouble, in_doubt: bool) -> SmtpError {
        let stage = if in_doubt { Stage::Dot } else { Stage::Body };
        // A server that has seen enough answers and closes.
        match self.peek().filter(Reply::is_refusal) {
            Some(refusal) => SmtpError::new(stage, Trouble::Refused(refusal)),
            None => SmtpError {
                in_doubt,
                ..SmtpError::new(stage, trouble)
            },
        }
    }

    /// Hands on as much as the stream takes now, and hears what there is to hear.
    fn poll_hand_on(
        &mut self,
        cx: &mut Context<'_>,
        left: &mut Left<'_, '_>,
    ) -> Poll<Result<(), Trouble>> {
        match Pin::new(&mut self.stream).poll_write_vectored(cx, left.parts) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(Trouble::Closed)),
            Poll::Ready(Ok(count)) => {
                left.advance(count);
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Err(error)) => {
                if self.takes_ahead {
                    left.done += TLS_AHEAD;
                }
                return Poll::Ready(Err(broken(&error)));
            }
            Poll::Pending => self.poll_listen(cx),
        }
        self.check_not_answered(left)?;
        Poll::Pending
    }

    /// A server that has gone, or that answers a message it has not seen the end of, is not written
    /// to.
    fn check_not_answered(&self, left: &Left<'_, '_>) -> Result<(), Trouble> {
        if let Some(gone) = &self.gone {
            return Err(gone.clone());
        }
        if left.done < left.end && self.has_unasked() {
            let text = "it answered before the end of data".to_owned();
            return Err(Trouble::Protocol(text));
        }
        Ok(())
    }

    /// Takes in what the server has said, and whether it has gone.
    fn poll_listen(&mut self, cx: &mut Context<'_>) {
        while self.gone.is_none() && self.received.len() < RECEIVED_MAX {
            let mut bytes = [0; 1024];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Err(error)) => self.gone = Some(broken(&error)),
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    self.gone = Some(Trouble::Closed);
                }
                Poll::Ready(Ok(())) => self.received.extend_from_slice(buffer.filled()),
            }
        }
    }

    /// Takes in what is there now, however much this task has done already without a pause.
    fn look(&mut self) {
        let listen = poll_fn(|cx| {
            self.poll_listen(cx);
            Poll::Ready(())
        });
        let mut context = Context::from_waker(Waker::noop());
        let _ = pin!(unconstrained(listen)).poll(&mut context);
    }

    /// The reply that is there now, if one is. It stays received.
    fn peek(&mut self) -> Option<Reply> {
        self.look();
        Reply::take(&mut self.received.clone()).ok().flatten()
    }

    /// Reads one reply; the deadline covers all of it.
    pub(super) async fn reply(
        &mut self,
        stage: Stage,
        within: Duration,
    ) -> Result<Reply, SmtpError> {
        let reply = timeout(within, self.whole_reply()).await;
        in_time(reply, within).map_err(|trouble| SmtpError::new(stage, trouble))
    }

    async fn whole_reply(&mut self) -> Result<Reply, Trouble> {
        loop {
            if let Some(reply) = Reply::take(&mut self.received).map_err(Trouble::Protocol)? {
                return Ok(reply);
            }
            if let Some(gone) = &self.gone {
                return Err(gone.clone());
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(Trouble::Closed),
                Ok(_) => {}
                Err(error) => return Err(broken(&error)),
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
        // What was said stays received: this stream can only be closed.
        match self.peek() {
            Some(reply) if reply.code == 421 => Err(Trouble::Refused(reply)),
            _ if self.has_unasked() => Err(Trouble::Protocol(
                "it sent a reply that nobody asked for".to_owned(),
            )),
            _ => self.gone.clone().map_or(Ok(()), Err),
        }
    }

    /// Says goodbye to TLS and TCP; nobody waits for an answer.
    pub(super) async fn close(&mut self) {
        let _ = self.stream.shutdown().await;
    }
}

/// What is still to be written.
struct Left<'a, 'b> {
    parts: &'a mut [IoSlice<'b>],
    /// Bytes handed on.
    done: usize,
    /// Until so many are, the server has nothing to say.
    end: usize,
}

impl<'a, 'b> Left<'a, 'b> {
    fn new(parts: &'a mut [IoSlice<'b>], end: usize) -> Self {
        let mut left = Self {
            parts,
            done: 0,
            end,
        };
        left.advance(0); // a part that is empty would look like a stream that takes nothing
        left
    }

    fn advance(&mut self, count: usize) {
        self.done += count;
        let mut parts = std::mem::take(&mut self.parts);
        IoSlice::advance_slices(&mut parts, count);
        self.parts = parts;
    }
}

fn in_time<T>(done: Result<Result<T, Trouble>, Elapsed>, within: Duration) -> Result<T, Trouble> {
    done.unwrap_or(Err(Trouble::Timeout(within)))
}

fn broken(error: &io::Error) -> Trouble {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | BrokenPipe => Trouble::Closed,
        ConnectionReset | ConnectionAborted => Trouble::Io("reset by the server".to_owned()),
        _ => Trouble::Io(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes and breaks; has something to say, or nothing.
    struct Breaking {
        takes: usize,
        says: &'static [u8],
    }

    impl AsyncRead for Breaking {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.says.is_empty() {
                return Poll::Pending;
            }
            buffer.put_slice(std::mem::take(&mut self.says));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Breaking {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.takes);
            self.takes -= count;
            match count {
                0 => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                _ => Poll::Ready(Ok(count)),
            }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// How a message of so many bytes, with an envelope behind it, ends on a stream that takes so
    /// many bytes.
    async fn write(mut wire: Wire, size: usize) -> SmtpError {
        let (message, next) = (vec![b'x'; size], b"MAIL FROM:<a@example.org>\r\n");
        let mut parts = [IoSlice::new(&message), IoSlice::new(next)];
        let written = wire.write_message(&mut parts, size, Duration::from_secs(1));
        written.await.expect_err("the stream broke")
    }

    fn breaking(takes: usize, says: &'static [u8]) -> Box<dyn Stream> {
        Box::new(Breaking { takes, says })
    }

    #[tokio::test(start_paused = true)]
    async fn a_plain_stream_knows_to_the_byte_what_it_took() {
        for (takes, in_doubt) in [
            (0, false),
            (98, false),
            (99, true),
            (100, true),
            (101, true),
        ] {
            let error = write(Wire::new(breaking(takes, b"")), 100).await;
            assert_eq!(error.in_doubt, in_doubt, "{takes} of 100");
        }
    }

    /// rustls has taken a whole buffer when it says that none of it was taken.
    #[tokio::test(start_paused = true)]
    async fn tls_may_have_sent_what_it_was_given_when_it_broke() {
        assert!(write(Wire::over_tls(breaking(0, b"")), 100).await.in_doubt);
        for (takes, in_doubt) in [(0, false), (150_000, true)] {
            let error = write(Wire::over_tls(breaking(takes, b"")), 200_000).await;
            assert_eq!(error.in_doubt, in_doubt, "{takes} of 200,000");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_is_there_when_the_stream_breaks_leaves_no_doubt() {
        let mut wire = Wire::over_tls(breaking(50, b""));
        wire.received.extend_from_slice(b"554 5.7.1 no\r\n");
        let error = write(wire, 100).await;
        assert_eq!(error.reply().map(|reply| reply.code), Some(554));
        assert!(!error.in_doubt);
    }
}
