//! A server that says what a script tells it to, at the other end of a pipe.
//!
//! ```text
//! S: 250 ok       says this line
//! C: RSET         must hear this line; `C: MAIL…` one that begins so
//! BODY            hears a message up to its dot
//! WAIT 30         lets so many seconds pass
//! CLOSE           closes; END waits until the other side has closed
//! ```

use std::sync::OnceLock;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::config::Tls;
use postroom::sandbox::{Options, Reception};
use postroom::smtp::{
    Chaining, Credentials, Deadlines, Envelope, Resolver, Session, SmtpError, Stream, Target,
    TlsClient,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

pub(crate) const GREETING: &str = "S: 220 mx.example.org ESMTP
     C: EHLO client.example.org
     S: 250-mx.example.org greets you
    ";

pub(crate) struct Server {
    stream: Option<Box<dyn Stream>>,
    heard: Vec<u8>,
    /// The messages that `BODY` heard, with their stuffing.
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Server {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            heard: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn stream(&mut self) -> &mut dyn Stream {
        self.stream.as_mut().expect("not closed yet")
    }

    /// The stream, for TLS to be laid over it.
    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        assert!(self.heard.is_empty(), "more was said before TLS");
        self.stream.expect("not closed yet")
    }

    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        // The client may have gone; what it makes of that is what counts.
        let _ = self.stream().write_all(bytes).await;
    }

    /// Up to and with `end`.
    async fn hear_until(&mut self, end: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.heard, end) {
                return self.heard.drain(..at + end.len()).collect();
            }
            let mut bytes = [0; 4096];
            let count = self.stream().read(&mut bytes).await.unwrap_or(0);
            let heard = String::from_utf8_lossy(&self.heard).into_owned();
            assert!(count > 0, "the client closed after {heard:?}");
            self.heard.extend_from_slice(&bytes[..count]);
        }
    }

    pub(crate) async fn line(&mut self) -> String {
        let line = self.hear_until(b"\r\n").await;
        String::from_utf8(line[..line.len() - 2].to_vec()).unwrap()
    }

    /// Whatever comes until the client closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.heard);
        let _ = self.stream().read_to_end(&mut rest).await;
        rest
    }

    /// What is there to read at this moment.
    pub(crate) async fn one_read(&mut self) -> String {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.stream().read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..count].to_vec()).unwrap()
    }

    pub(crate) async fn play(&mut self, script: &str) {
        let lines = script.lines().map(str::trim_start);
        for line in lines.filter(|line| !line.is_empty()) {
            if let Some(text) = line.strip_prefix("S:") {
                let text = text.strip_prefix(' ').unwrap_or(text);
                self.say(format!("{text}\r\n").as_bytes()).await;
            } else if let Some(wanted) = line.strip_prefix("C: ") {
                let heard = self.line().await;
                let fits = match wanted.strip_suffix('…') {
                    Some(start) => heard.starts_with(start),
                    None => heard == wanted,
                };
                assert!(fits, "expected {wanted:?}, heard {heard:?}");
            } else if let Some(seconds) = line.strip_prefix("WAIT ") {
                tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
            } else {
                self.act(line).await;
            }
        }
    }

    async fn act(&mut self, word: &str) {
        match word {
            "BODY" => {
                let body = self.hear_until(b"\r\n.\r\n").await;
                self.bodies.push(body);
            }
            "CLOSE" => self.stream = None,
            "END" => {
                let rest = self.rest().await;
                assert!(
                    rest.is_empty(),
                    "heard {:?}",
                    String::from_utf8_lossy(&rest)
                );
            }
            other => panic!("not a word of a script: {other}"),
        }
    }
}

/// Plays `script` at the far end of a pipe. The task gives the server back, its end still open.
pub(crate) fn serve(script: impl Into<String>) -> (Box<dyn Stream>, JoinHandle<Server>) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let script = script.into();
    let server = tokio::spawn(async move {
        let mut server = Server::new(theirs);
        server.play(&script).await;
        server
    });
    (Box::new(ours), server)
}

fn tls_client() -> TlsClient {
    static CLIENT: OnceLock<TlsClient> = OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::simulated(super::bench::start(), 1);
        let reception = Reception::open(&Options::default(), clock).unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, reception.ca_pem()).unwrap();
        TlsClient::new(Some(&ca)).unwrap()
    };
    CLIENT.get_or_init(make).clone()
}

pub(crate) fn target() -> Target {
    Target {
        host: "localhost".to_owned(),
        port: 25,
        tls: Tls::None,
        resolver: Resolver::default(),
        client: tls_client(),
        hello: "client.example.org".to_owned(),
        deadlines: Deadlines::default(),
        chaining: Chaining::default(),
        provider: None,
        transcript: None,
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::password("ada".to_owned(), Zeroizing::new("pässword".to_owned()))
}

/// The opening of a session against `script`, without login.
pub(crate) async fn begin(
    script: impl Into<String>,
) -> (Result<Session, SmtpError>, JoinHandle<Server>) {
    let (stream, server) = serve(script);
    (Session::begin(stream, &target(), None).await, server)
}

/// A session with a server that offers `offers` and then follows `script`; `target` remembers.
pub(crate) async fn begin_at(
    target: &Target,
    offers: &[&str],
    script: &str,
) -> (Result<Session, SmtpError>, JoinHandle<Server>) {
    let (stream, server) = serve(opening(offers, script));
    (Session::begin(stream, target, None).await, server)
}

fn opening(offers: &[&str], script: &str) -> String {
    let mut opening = GREETING.to_owned();
    for offer in offers {
        opening.push_str(&format!("S: 250-{offer}\n"));
    }
    opening.push_str("S: 250 HELP\n");
    opening.push_str(script);
    opening
}

/// A session past EHLO with a server that offers `offers` (`PIPELINING`, `SIZE 1000`) and then
/// follows `script`.
pub(crate) async fn session(offers: &[&str], script: &str) -> (Session, JoinHandle<Server>) {
    let (session, server) = begin_at(&target(), offers, script).await;
    (session.unwrap(), server)
}

/// A message of `size` bytes from Ada.
pub(crate) fn envelope(to: &[&str], size: usize) -> Envelope {
    Envelope {
        from: "ada@example.org".parse().unwrap(),
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        reply_to: None,
        named: Vec::new(),
        size,
        dsn: None,
    }
}
