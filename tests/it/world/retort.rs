//! A server on loopback that takes every message, but where a test has another answer for it.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// What a server has just heard.
pub(crate) struct Heard<'a> {
    /// A command; `.` for the end of a message, `…` for its first bytes, nothing for a connection.
    pub(crate) line: &'a str,
    /// How many messages this connection has brought.
    pub(crate) brought: usize,
    /// It came before the line ahead of it was answered.
    pub(crate) hurried: bool,
}

impl Heard<'_> {
    pub(crate) fn is(&self, start: &str) -> bool {
        if start.is_empty() {
            self.line.is_empty()
        } else {
            self.line.starts_with(start)
        }
    }
}

/// Lines to say; `CLOSE`, `RESET`, `HALF` (it closes its side and reads on no more) and `SILENCE`
/// do it. `None` for what every server says.
type Answers = Box<dyn Fn(&Heard<'_>) -> Option<&'static str> + Send>;

#[derive(Clone)]
pub(crate) struct Retort {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
    _sessions: Arc<JoinSet<()>>,
}

struct Shared {
    answers: Answers,
    connections: usize,
    heard: Vec<String>,
    taken: Vec<String>,
}

impl Retort {
    pub(crate) async fn new(
        answers: impl Fn(&Heard<'_>) -> Option<&'static str> + Send + 'static,
    ) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap(); // what it does not read stays with the client
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let listener = socket.listen(64).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared {
            answers: Box::new(answers),
            connections: 0,
            heard: Vec::new(),
            taken: Vec::new(),
        }));
        let mut sessions = JoinSet::new();
        let of_all = Arc::clone(&shared);
        sessions.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                lock(&of_all).connections += 1;
                sessions.spawn(converse(stream, Arc::clone(&of_all)));
            }
        });
        Self {
            port,
            shared,
            _sessions: Arc::new(sessions),
        }
    }

    /// From now on it answers as every server.
    pub(crate) fn mend(&self) {
        self.answer(|_| None);
    }

    /// From now on it has other answers.
    pub(crate) fn answer(
        &self,
        answers: impl Fn(&Heard<'_>) -> Option<&'static str> + Send + 'static,
    ) {
        lock(&self.shared).answers = Box::new(answers);
    }

    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared).connections
    }

    /// Who got a message, sorted: as often as one was taken.
    pub(crate) fn taken(&self) -> Vec<String> {
        let mut taken = lock(&self.shared).taken.clone();
        taken.sort();
        taken
    }

    /// How often it was said a command that begins so.
    pub(crate) fn times(&self, start: &str) -> usize {
        let shared = lock(&self.shared);
        let said = shared.heard.iter().filter(|line| line.starts_with(start));
        said.count()
    }

    /// The lines of an account that sends through it.
    pub(crate) fn lines(&self) -> String {
        let port = self.port;
        format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"")
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap()
}

/// One conversation; its end closes the connection.
async fn converse(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let (mut buffer, mut to, mut brought) = (Vec::new(), String::new(), 0);
    let (mut line, mut hurried) = (String::new(), false);
    loop {
        let heard = Heard {
            line: &line,
            brought,
            hurried,
        };
        let answer = (lock(&shared).answers)(&heard).unwrap_or(usual(&line));
        if line == "." && answer.starts_with('2') {
            lock(&shared).taken.push(to.clone());
        }
        brought += usize::from(line == ".");
        if !say(&mut stream, answer).await {
            return;
        }
        hurried = line != "…" && !buffer.is_empty();
        let begins_body = line == "DATA" && answer.starts_with("354");
        line = if begins_body {
            "…".to_owned()
        } else {
            let end: &[u8] = if line == "…" { b"\r\n.\r\n" } else { b"\r\n" };
            let Some(said) = hear(&mut stream, &mut buffer, end).await else {
                return;
            };
            if line == "…" { ".".to_owned() } else { said }
        };
        if line == "…" && buffer.is_empty() && stream.read_buf(&mut buffer).await.is_err() {
            return;
        }
        if let Some(rcpt) = line.strip_prefix("RCPT TO:<") {
            to = rcpt.split('>').next().unwrap_or_default().to_owned();
        }
        lock(&shared).heard.push(line.clone());
    }
}

fn usual(line: &str) -> &'static str {
    match line.get(..4).unwrap_or(line) {
        "" => "220 retort",
        "EHLO" => "250-retort\n250 AUTH PLAIN",
        "AUTH" => "235 welcome",
        "DATA" => "354 go",
        "…" => "",
        "QUIT" => "221 bye\nCLOSE",
        _ => "250 2.0.0 ok",
    }
}

/// Whether the conversation goes on.
async fn say(stream: &mut TcpStream, answer: &str) -> bool {
    for line in answer.lines() {
        match line {
            "CLOSE" => return false,
            "RESET" => {
                stream.set_zero_linger().unwrap();
                return false;
            }
            "HALF" => {
                let _ = stream.shutdown().await;
                return std::future::pending().await;
            }
            "SILENCE" => return std::future::pending().await,
            said => {
                // The client may have gone; what it makes of that is what counts.
                let _ = stream.write_all(format!("{said}\r\n").as_bytes()).await;
            }
        }
    }
    true
}

async fn hear(stream: &mut TcpStream, buffer: &mut Vec<u8>, end: &[u8]) -> Option<String> {
    loop {
        if let Some(at) = memchr::memmem::find(buffer, end) {
            let said: Vec<u8> = buffer.drain(..at + end.len()).collect();
            return Some(String::from_utf8_lossy(&said[..at]).into_owned());
        }
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}
