//! The mail servers of the whole world in one process: wherever an account connects, somebody
//! answers, and every word is written down with the moment at which it was heard.
//!
//! Port 465 and, where there is TLS, 587 lead to the sandbox; any other port to a server that takes
//! every message, but where a test has another answer for it. `@30 250 ok` is an answer that takes
//! thirty seconds, `CLOSE` hangs up.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use postroom::clock::{Clock, Timestamp};
use postroom::config::Account;
use postroom::deliver::target;
use postroom::sandbox::{Port, Reception};
use postroom::smtp::{Deadlines, Resolver, Stream, Target, TlsSetupError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A pipe holds so many bytes.
const PIPE: usize = 256 * 1024;

/// What a server says to a line instead of what every server says; `.` is the end of a message.
pub(super) type Answers = fn(&str) -> Option<&'static str>;

#[derive(Clone)]
pub(super) struct Wire {
    clock: Clock,
    answers: Arc<Mutex<Answers>>,
    secure: Option<Arc<Reception>>,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
struct Book {
    /// Other answers after a line that begins so was answered.
    then: Option<(&'static str, Answers)>,
    hosts: Vec<String>,
    calls: Vec<Call>,
    mails: Vec<Mail>,
}

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) began: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// What the client said, one read after the other.
    pub(super) heard: Vec<Vec<u8>>,
}

impl Call {
    /// All that the client said.
    pub(super) fn said(&self) -> String {
        String::from_utf8_lossy(&self.heard.concat()).into_owned()
    }

    /// How TLS begins on the wire (RFC 8446 section 5.1): a record of type handshake.
    pub(super) fn begins_with_tls(&self) -> bool {
        self.heard
            .first()
            .is_some_and(|bytes| bytes.first() == Some(&22))
    }
}

/// A message that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) at: Timestamp,
    pub(super) host: String,
    pub(super) from: String,
    /// The last of its recipients, mostly the only one.
    pub(super) to: String,
    /// All of them.
    pub(super) all: Vec<String>,
    /// The message as it came.
    pub(super) text: String,
}

impl Mail {
    /// A header with all its lines, unfolded.
    pub(super) fn unfolded(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let start = format!("{name}: ");
        let mut lines = head.lines();
        lines.find_map(|line| line.strip_prefix(&start).map(str::to_owned))
    }

    /// A header's line, if it has one.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        let mut lines = self.text.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| line.strip_prefix(&start))
    }
}

impl Wire {
    pub(super) fn new(clock: Clock, answers: Answers, secure: Option<Arc<Reception>>) -> Self {
        let book = Arc::default();
        Self {
            clock,
            answers: Arc::new(Mutex::new(answers)),
            secure,
            book,
        }
    }

    /// From now on the servers have other answers.
    pub(super) fn answer(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// The same once a line that begins so was answered.
    pub(super) fn answer_once(&self, answers: Answers, heard: &'static str) {
        self.book().then = Some((heard, answers));
    }

    fn answer_to(&self, line: &str) -> Option<&'static str> {
        let answer = (self.answers.lock().unwrap())(line);
        let mut book = self.book();
        if let Some((_, answers)) = book.then.take_if(|(heard, _)| line.starts_with(*heard)) {
            *self.answers.lock().unwrap() = answers;
        }
        answer
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.book().calls.clone()
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.book().mails.clone()
    }

    /// The client's lines that begin so, of all connections.
    pub(super) fn lines(&self, start: &str) -> Vec<String> {
        let said: Vec<String> = self.book().calls.iter().map(Call::said).collect();
        let lines = said.iter().flat_map(|said| said.lines());
        let lines = lines.filter(|line| line.starts_with(start));
        lines.map(str::to_owned).collect()
    }

    /// Leads an account to its server, as the real door does.
    pub(super) fn target(
        &self,
        account: &Account,
        deadlines: Deadlines,
    ) -> Result<Target, TlsSetupError> {
        let (names, wire) = (self.clone(), self.clone());
        let look_up = move |host, port| {
            let mut book = names.book();
            let known = book.hosts.iter().position(|it| *it == host);
            let at = known.unwrap_or_else(|| {
                book.hosts.push(host);
                book.hosts.len() - 1
            });
            let address = ([127, 0, 0, u8::try_from(at).unwrap() + 1], port).into();
            Box::pin(async move { Ok(vec![address]) }) as _
        };
        let resolver = Resolver::new(look_up).reaching(move |address| {
            let std::net::IpAddr::V4(ip) = address.ip() else {
                panic!("all are IPv4");
            };
            let stream = wire.call(usize::from(ip.octets()[3]) - 1, address.port());
            Box::pin(async move { Ok(Box::new(stream) as Box<dyn Stream>) }) as _
        });
        Ok(Target {
            resolver,
            ..target(account, deadlines)?
        })
    }

    /// The client's end of a new connection.
    fn call(&self, host: usize, port: u16) -> DuplexStream {
        let began = self.clock.now();
        let mut book = self.book();
        let host = book.hosts[host].clone();
        book.calls.push(Call {
            host,
            port,
            began,
            ended: None,
            heard: Vec::new(),
        });
        let (ours, theirs) = duplex(PIPE);
        let (relayed, served) = duplex(PIPE);
        let at = book.calls.len() - 1;
        tokio::spawn(self.clone().relay(at, theirs, relayed));
        let wire = self.clone();
        let tls = match port {
            465 => Port::ImplicitTls,
            _ => Port::Starttls,
        };
        tokio::spawn(async move {
            match wire.secure.clone() {
                Some(secure) if port == 465 || port == 587 => {
                    // A client may hang up.
                    let _ = secure.serve_stream(served, tls, None).await;
                }
                _ => drop(Server::new(wire, at, served).serve().await),
            }
        });
        ours
    }

    /// Writes down what the client says.
    async fn relay(self, at: usize, client: DuplexStream, server: DuplexStream) {
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let listen = async {
            let mut buffer = vec![0; PIPE];
            while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                self.book().calls[at].heard.push(buffer[..count].to_vec());
                if to_server.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = listen => {}
            _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
        }
        self.book().calls[at].ended = Some(self.clock.now());
    }
}

/// A server in one conversation.
struct Server {
    wire: Wire,
    call: usize,
    stream: DuplexStream,
    heard: Vec<u8>,
}

impl Server {
    fn new(wire: Wire, call: usize, stream: DuplexStream) -> Self {
        Self {
            wire,
            call,
            stream,
            heard: Vec::new(),
        }
    }

    /// Nothing once somebody has hung up.
    async fn serve(mut self) -> Option<()> {
        self.say("220 mx ESMTP").await?;
        let (mut from, mut to) = (None, Vec::<String>::new());
        loop {
            let line = self.hear("\r\n").await?;
            let answer = match self.wire.answer_to(&line) {
                Some(answer) => answer,
                None if line.starts_with("RCPT") && from.is_none() => "503 5.5.1 from whom?",
                None if line == "DATA" && to.is_empty() => "554 5.5.1 to whom?",
                None => usual(&line),
            };
            let address = line.split(['<', '>']).nth(1).map(str::to_owned);
            let is_yes = answer.starts_with('2') || answer.contains(" 250 ");
            let address = address.filter(|_| is_yes);
            match line.get(..4) {
                Some("MAIL") => (from, to) = (address, Vec::new()),
                Some("RCPT") => to.extend(address),
                _ => {}
            }
            self.say(answer).await?;
            if answer.starts_with("354") {
                let text = self.hear("\r\n.\r\n").await?;
                let (from, to) = (from.take()?, std::mem::take(&mut to));
                let answer = self
                    .wire
                    .answer_to(&format!(". {}", to.last()?))
                    .unwrap_or("250 2.0.0 ok");
                self.say(answer).await?;
                if answer.contains("250 ") {
                    self.take(from, to, text);
                }
            }
        }
    }

    fn take(&self, from: String, all: Vec<String>, text: String) {
        let mut book = self.wire.book();
        let host = book.calls[self.call].host.clone();
        book.mails.push(Mail {
            at: self.wire.clock.now(),
            host,
            from,
            to: all.last().cloned().unwrap_or_default(),
            all,
            text,
        });
    }

    /// Up to `end`, without it.
    async fn hear(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.heard, end.as_bytes()) {
                let said: Vec<u8> = self.heard.drain(..at + end.len()).collect();
                return Some(String::from_utf8_lossy(&said[..at]).into_owned());
            }
            if self.stream.read_buf(&mut self.heard).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Nothing if that ends the conversation.
    async fn say(&mut self, answer: &str) -> Option<()> {
        let (seconds, answer) = match answer.strip_prefix('@') {
            Some(timed) => timed.split_once(' ').unwrap(),
            None => ("0", answer),
        };
        let wait = Duration::from_secs(seconds.parse().unwrap());
        self.wire.clock.sleep(wait).await;
        for line in answer.lines() {
            if line == "CLOSE" {
                return None;
            }
            // The client may have gone; what it makes of that is what counts.
            let _ = self
                .stream
                .write_all(format!("{line}\r\n").as_bytes())
                .await;
        }
        Some(())
    }
}

fn usual(line: &str) -> &'static str {
    match line.get(..4).unwrap_or(line) {
        "EHLO" => "250-mx\n250-PIPELINING\n250-DSN\n250 AUTH PLAIN XOAUTH2",
        "AUTH" => "235 2.7.0 welcome",
        "DATA" => "354 go",
        "QUIT" => "221 2.0.0 bye\nCLOSE",
        _ => "250 2.0.0 ok",
    }
}
