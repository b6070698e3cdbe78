//! Conversations written down: `C:` lines are sent, `S:` lines must come back.
//!
//! `C:` lines that follow each other go out in one write. `S: 250 …` matches any reply that begins
//! with what stands before the ellipsis, and `S: <end>` the end of the connection.

use std::sync::Arc;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Port, Reception};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};

pub(super) fn clock() -> Clock {
    Clock::simulated("2026-11-01T12:00:00Z".parse().unwrap(), 7)
}

pub(super) fn reception(options: &Options) -> Arc<Reception> {
    Arc::new(Reception::open(options, clock()).unwrap())
}

/// A client at the other end of a pipe.
pub(super) struct Client(BufReader<DuplexStream>);

impl Client {
    pub(super) fn connect(reception: &Arc<Reception>, port: Port) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let reception = Arc::clone(reception);
        tokio::spawn(async move { reception.serve_stream(theirs, port, None).await });
        Self(BufReader::new(ours))
    }

    /// Past the greeting and EHLO.
    pub(super) async fn greeted(reception: &Arc<Reception>) -> Self {
        let mut client = Self::connect(reception, Port::Plain);
        client.play("S: 220 …\nC: EHLO client.example\n").await;
        while !client.reply().await.starts_with("250 ") {}
        client
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        // The server may have closed already; what it said is what counts.
        let _ = self.0.get_mut().write_all(bytes).await;
    }

    /// One line without its CRLF, or `<end>`.
    pub(super) async fn reply(&mut self) -> String {
        let mut line = String::new();
        match self.0.read_line(&mut line).await {
            Ok(0) | Err(_) => "<end>".to_owned(),
            Ok(_) => line
                .strip_suffix("\r\n")
                .expect("replies end with CRLF")
                .to_owned(),
        }
    }

    /// The bytes of the next read: what the server wrote in one go.
    pub(super) async fn one_write(&mut self) -> String {
        let mut bytes = vec![0; 64 * 1024];
        let length = self.0.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    pub(super) async fn play(&mut self, script: &str) {
        let mut group = Vec::new();
        for line in script
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty())
        {
            if let Some(said) = line.strip_prefix("C:") {
                group.extend_from_slice(said.strip_prefix(' ').unwrap_or(said).as_bytes());
                group.extend_from_slice(b"\r\n");
                continue;
            }
            self.send(&std::mem::take(&mut group)).await;
            let expected = line
                .strip_prefix("S: ")
                .expect("a line of a script is C: or S:");
            let reply = self.reply().await;
            let matches = match expected.strip_suffix('…') {
                Some(start) => reply.starts_with(start),
                None => reply == expected,
            };
            assert!(matches, "expected {expected:?}, got {reply:?}");
        }
        self.send(&group).await;
    }
}

/// A transaction up to the end of a small message.
pub(super) fn message_to(recipient: &str) -> String {
    format!(
        "C: MAIL FROM:<ada@example.org>
         S: 250 …
         C: RCPT TO:<{recipient}>
         S: 250 …
         C: DATA
         S: 354 …
         C: Message-ID: <1.17@example.org>
         C:
         C: Hello
         C: .
        "
    )
}
