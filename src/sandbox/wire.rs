//! Lines in, replies out, over any byte stream.
//!
//! Replies are gathered while pipelined input waits and go out in one write before the next read
//! (RFC 2920, section 3.2). Input is bounded: a line that is too long is skipped, not stored.

use std::io;
use std::time::Duration;

use memchr::memchr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Longest command line. RFC 5321 asks for 512 octets; AUTH and MAIL parameters need more.
const LINE_MAX: usize = 2000;

/// Room for a TLS record, so that one read takes what one write sent.
const INPUT: usize = 16 * 1024;

/// Replies are sent at the latest when so many octets have gathered.
const OUTPUT: usize = 16 * 1024;

/// How long a client may be silent, or not read (RFC 5321, section 4.5.3.2.7).
const IDLE: Duration = Duration::from_secs(300);

/// A client that was told nothing may wait so long before the connection is taken for dead.
const SILENCE: Duration = Duration::from_secs(3600);

pub(super) struct Wire<S> {
    stream: S,
    input: Box<[u8]>,
    start: usize,
    end: usize,
    output: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        let input = vec![0; INPUT].into_boxed_slice();
        Self {
            stream,
            input,
            start: 0,
            end: 0,
            output: Vec::new(),
        }
    }

    /// The next line without its CRLF, or the reply that refuses it.
    ///
    /// # Errors
    ///
    /// `TimedOut` from a silent client, `UnexpectedEof` from one that went away.
    pub(super) async fn line(&mut self) -> io::Result<Result<&[u8], &'static str>> {
        self.line_of(LINE_MAX).await
    }

    /// The same, where a line may have `longest` octets; that must fit into the input.
    ///
    /// # Errors
    ///
    /// As [`Wire::line`].
    pub(super) async fn line_of(
        &mut self,
        longest: usize,
    ) -> io::Result<Result<&[u8], &'static str>> {
        debug_assert!(longest < INPUT, "a line fits into the input");
        let mut skipped = false;
        let (from, to) = loop {
            if let Some(length) = memchr(b'\n', &self.input[self.start..self.end]) {
                let from = self.start;
                self.start += length + 1;
                break (from, from + length);
            }
            if self.end - self.start > longest {
                skipped = true;
                self.start = self.end;
            }
            self.fill().await?;
        };
        if skipped || to - from > longest {
            return Ok(Err("500 5.5.2 Line too long"));
        }
        let line = self.input[from..to].strip_suffix(b"\r");
        Ok(line.ok_or("500 5.5.2 A line must end with CRLF, not with a bare LF"))
    }

    /// What has arrived and is not consumed yet; waits for something if that is nothing.
    pub(super) async fn chunk(&mut self) -> io::Result<&[u8]> {
        if self.is_drained() {
            self.fill().await?;
        }
        Ok(&self.input[self.start..self.end])
    }

    /// Takes the first `length` octets of the chunk off the wire.
    pub(super) fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// Whether everything that was read has been consumed.
    pub(super) fn is_drained(&self) -> bool {
        self.start == self.end
    }

    /// Queues a reply. It goes out before the next read at the latest.
    pub(super) fn reply(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    /// Sends what is queued.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        timeout(IDLE, async {
            self.stream.write_all(&self.output).await?;
            self.stream.flush().await
        })
        .await??;
        self.output.clear();
        Ok(())
    }

    /// Sends what is queued if that is much: a client that never stops to read holds no memory.
    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.output.len() >= OUTPUT {
            self.flush().await
        } else {
            Ok(())
        }
    }

    /// Says nothing more and swallows what arrives until the client gives up; returns how the
    /// connection ended.
    pub(super) async fn ignore(&mut self) -> io::Error {
        let swallow = async {
            self.flush().await?;
            while self.stream.read(&mut self.input).await? > 0 {}
            io::Result::Ok(())
        };
        match timeout(SILENCE, swallow).await {
            Ok(Err(error)) => error,
            Ok(Ok(())) | Err(_) => io::ErrorKind::UnexpectedEof.into(),
        }
    }

    /// Sends what is queued and ends the connection in order.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.flush().await?;
        timeout(IDLE, self.stream.shutdown()).await?
    }

    /// The bare stream, for TLS to begin on. Input that was read and not consumed is forgotten.
    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.input.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        match timeout(IDLE, self.stream.read(&mut self.input[self.end..])).await?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                self.end += length;
                Ok(())
            }
        }
    }
}
