//! A server on loopback that offers PIPELINING and hangs up without a word: on whoever hurries, or
//! after so many messages, of which it may have told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[derive(Clone, Copy)]
pub(crate) enum Temper {
    /// Closes after its answer to a message if something came along with that.
    MindsHurry,
    /// Closes after its answer to so many messages.
    HasEnough(usize),
    /// The same, but it says so in its answer to EHLO (RFC 9422).
    SaysHowMany(usize),
}

pub(crate) struct Abrupt {
    shared: Arc<Mutex<Shared>>,
    _sessions: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    connections: usize,
    accepted: Vec<String>,
    cut_off: usize,
}

impl Abrupt {
    pub(crate) async fn start(at: SocketAddr, temper: Temper) -> Self {
        let listener = bind(at).await;
        let shared = Arc::new(Mutex::new(Shared::default()));
        let mut sessions = JoinSet::new();
        let of_all = Arc::clone(&shared);
        sessions.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                of_all.lock().unwrap().connections += 1;
                sessions.spawn(converse(stream, temper, Arc::clone(&of_all)));
            }
        });
        Self {
            shared,
            _sessions: sessions,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().unwrap().connections
    }

    /// How often it hung up on somebody who had said more.
    pub(crate) fn cut_off(&self) -> usize {
        self.shared.lock().unwrap().cut_off
    }

    /// Everybody who was sent something, sorted.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let mut accepted = self.shared.lock().unwrap().accepted.clone();
        accepted.sort();
        accepted
    }
}

/// Whoever had the port before may be on the way out still.
async fn bind(at: SocketAddr) -> TcpListener {
    for _ in 0..1000 {
        if let Ok(listener) = TcpListener::bind(at).await {
            return listener;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{at} is never free");
}

async fn converse(mut stream: TcpStream, temper: Temper, shared: Arc<Mutex<Shared>>) {
    let _ = stream.write_all(b"220 abrupt\r\n").await;
    let (mut heard, mut to, mut messages) = (Vec::new(), String::new(), 0);
    let mut in_body = false;
    loop {
        let end: &[u8] = if in_body { b"\r\n.\r\n" } else { b"\r\n" };
        let Some(at) = memchr::memmem::find(&heard, end) else {
            if stream.read_buf(&mut heard).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let said: Vec<u8> = heard.drain(..at + end.len()).collect();
        let said = String::from_utf8_lossy(&said).into_owned();
        let offers = match temper {
            Temper::SaysHowMany(most) => {
                format!("250-abrupt\r\n250-LIMITS MAILMAX={most}\r\n250 PIPELINING\r\n")
            }
            _ => "250-abrupt\r\n250 PIPELINING\r\n".to_owned(),
        };
        let answer: &[u8] = if in_body {
            in_body = false;
            messages += 1;
            shared.lock().unwrap().accepted.push(to.clone());
            b"250 taken\r\n"
        } else if said.starts_with("EHLO") {
            offers.as_bytes()
        } else if let Some(rcpt) = said.strip_prefix("RCPT TO:<") {
            to = rcpt.split('>').next().unwrap_or_default().to_owned();
            b"250 ok\r\n"
        } else if said.starts_with("DATA") {
            in_body = true;
            b"354 go\r\n"
        } else {
            b"250 ok\r\n"
        };
        let _ = stream.write_all(answer).await;
        let enough = match temper {
            Temper::MindsHurry => !heard.is_empty(),
            Temper::HasEnough(most) | Temper::SaysHowMany(most) => messages == most,
        };
        if answer == b"250 taken\r\n" && enough {
            shared.lock().unwrap().cut_off += usize::from(!heard.is_empty());
            let _ = stream.shutdown().await; // what came along is not read: FIN, then RST
            return;
        }
    }
}
