//! A mail server that does its worst within the protocol, and a little beyond, and remembers what
//! it took.
//!
//! It took a message once it has seen the end of it and has decided to; whether its answer gets
//! out is another matter.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use postroom::smtp::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::life::Life;
use super::memory::Memory;
use super::swarm::{Swarm, happens};

pub(crate) struct Server {
    pub(crate) swarm: Swarm,
    /// It does nothing wrong any more.
    calm: AtomicBool,
    dice: Mutex<Rng>,
    memory: Mutex<Memory>,
}

/// What is to be answered.
#[derive(Clone, Copy, Eq, PartialEq)]
enum At {
    Greeting,
    Command,
    Dot,
}

/// What it does instead of the right thing.
enum Whim {
    Answer(&'static str),
    Goodbye,
    Close,
}

const GARBAGE: [&str; 4] = ["what?", "2x0 hm", "354-go", "220 hello"];
const LATER: [&str; 3] = ["451 4.3.0 later", "450 4.2.1 later", "452 4.2.2 full"];
const NEVER: [&str; 3] = ["550 5.1.1 nobody", "550 5.7.1 no", "554 5.6.0 no"];

impl Server {
    pub(crate) fn new(swarm: Swarm, dice: Rng, memory: Memory) -> Arc<Self> {
        Arc::new(Self {
            swarm,
            calm: AtomicBool::new(false),
            dice: Mutex::new(dice),
            memory: Mutex::new(memory),
        })
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    fn happens(&self, chances: u32) -> bool {
        !self.calm.load(Ordering::Relaxed) && happens(&mut self.dice.lock().unwrap(), chances)
    }

    async fn pause(&self, seconds: u64) {
        let clock = self.memory().clock.clone();
        clock.sleep(Duration::from_secs(seconds)).await;
    }

    fn one_of(&self, words: &[&'static str]) -> &'static str {
        words[self.dice.lock().unwrap().usize(..words.len())]
    }

    /// Somebody connects, to send for an account.
    pub(crate) async fn reached(
        self: Arc<Self>,
        life: Arc<Life>,
        account: String,
    ) -> io::Result<Box<dyn Stream>> {
        if self.happens(self.swarm.no_connection) {
            if self.happens(300) {
                self.pause(40).await; // longer than anybody waits
            }
            self.memory()
                .log
                .note(format!("{account} gets no connection"));
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(self.swarm.pipe);
        let number = self.memory().connected(&account);
        let talk = Talk {
            server: self,
            life,
            account,
            number,
            to: None,
            pipe: ours,
            heard: Vec::new(),
            is_open: false,
        };
        tokio::spawn(async move { talk.run().await.unwrap_or_default() });
        Ok(Box::new(theirs))
    }

    /// What happens at a step of a conversation before the server answers.
    async fn step(&self, life: &Life, at: At) -> Option<Whim> {
        let swarm = &self.swarm;
        if self.happens(swarm.dies_talking) {
            self.memory().log.note("the process dies talking");
            life.end();
            tokio::task::yield_now().await;
        }
        let too_long = at == At::Greeting && *swarm.delays.start() > 0;
        if !too_long && self.happens(swarm.delay) {
            let delays = match at {
                At::Dot => swarm.delays_at_dot.clone(),
                At::Greeting | At::Command => swarm.delays.clone(),
            };
            let seconds = self.dice.lock().unwrap().u64(delays);
            self.pause(seconds).await;
        }
        if self.happens(swarm.later) {
            return Some(Whim::Answer(self.one_of(&LATER)));
        }
        if self.happens(swarm.never) {
            return Some(Whim::Answer(self.one_of(&NEVER)));
        }
        if self.happens(swarm.garbage) {
            return Some(Whim::Answer(self.one_of(&GARBAGE)));
        }
        if self.happens(swarm.goodbye) {
            return Some(Whim::Goodbye);
        }
        self.happens(swarm.close).then_some(Whim::Close)
    }
}

/// One connection. Its parts end with `None` when it is closed.
struct Talk {
    server: Arc<Server>,
    life: Arc<Life>,
    account: String,
    number: usize,
    /// Who was named last.
    to: Option<String>,
    pipe: DuplexStream,
    heard: Vec<u8>,
    /// It has said what it offers: from here on the account is not at fault.
    is_open: bool,
}

impl Talk {
    async fn run(mut self) -> Option<()> {
        self.answer_at(At::Greeting, "220 simulated").await?;
        let (mut from, mut to) = (false, Vec::new());
        loop {
            let line = self.line().await?;
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => {
                    let offers = match self.server.swarm.pipelining {
                        true => "250-simulated\r\n250 PIPELINING",
                        false => "250 simulated",
                    };
                    self.is_open |= self.answer(offers).await?;
                }
                "MAIL" => {
                    self.server.memory().offers += 1;
                    to.clear();
                    from = self.answer("250 2.1.0 ok").await?;
                }
                "RCPT" if from => {
                    let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    self.to = Some(address.clone());
                    if self.answer("250 2.1.5 ok").await? {
                        to.push(address);
                    }
                }
                "DATA" if to.is_empty() => self.say("503 5.5.1 bad sequence").await?,
                "DATA" => {
                    from = false;
                    let to = std::mem::take(&mut to);
                    if self.answer("354 go").await? {
                        self.body(&to).await?;
                    }
                }
                "RSET" => {
                    (from, to) = (false, Vec::new());
                    self.say("250 2.0.0 ok").await?;
                }
                "QUIT" => {
                    self.say("221 2.0.0 bye").await?;
                    return None;
                }
                _ => self.say("503 5.5.1 bad sequence").await?,
            }
        }
    }

    /// The right answer, and whether it was given.
    async fn answer(&mut self, right: &str) -> Option<bool> {
        self.answer_at(At::Command, right).await
    }

    async fn answer_at(&mut self, at: At, right: &str) -> Option<bool> {
        match self.server.step(&self.life, at).await {
            None => {
                self.say(right).await?;
                Some(true)
            }
            Some(whim) => {
                self.follow(whim).await?;
                Some(false)
            }
        }
    }

    async fn follow(&mut self, whim: Whim) -> Option<()> {
        match whim {
            Whim::Answer(words) => self.say(words).await,
            Whim::Goodbye => {
                self.say("421 4.3.2 goodbye").await?;
                self.hang_up()
            }
            Whim::Close => self.hang_up(),
        }
    }

    fn note(&self, what: String) {
        let mut memory = self.server.memory();
        let whom = self.to.as_deref();
        memory.log.note_line(self.number, whom, what);
    }

    fn hang_up(&self) -> Option<()> {
        self.note("(hangs up)".to_owned());
        self.server.memory().hang_ups += u64::from(self.is_open);
        None
    }

    async fn say(&mut self, words: &str) -> Option<()> {
        self.note(format!("< {}", words.replace("\r\n", " / ")));
        let line = format!("{words}\r\n");
        self.pipe.write_all(line.as_bytes()).await.ok()
    }

    async fn hear(&mut self) -> Option<()> {
        (self.pipe.read_buf(&mut self.heard).await.ok()? > 0).then_some(())
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.heard, b"\r\n") {
                let line = String::from_utf8_lossy(&self.heard[..end]).into_owned();
                self.heard.drain(..end + 2);
                self.note(format!("> {line}"));
                return Some(line);
            }
            self.hear().await?;
        }
    }

    /// Takes a message, or does not: one body for each of those who share it.
    async fn body(&mut self, to: &[String]) -> Option<()> {
        if self.heard.is_empty() {
            self.hear().await?;
        }
        let first = self.begins(to);
        let numbers = first..first + to.len();
        let troubled = self.server.happens(200);
        let end = loop {
            let end = memchr::memmem::find(&self.heard, b"\r\n.\r\n");
            let heard = &self.heard[..end.map_or(self.heard.len(), |end| end + 2)];
            for body in &mut self.server.memory().bodies[numbers.clone()] {
                body.bytes = heard.to_vec();
            }
            if let Some(end) = end {
                break end;
            }
            if troubled && let Some(whim) = self.server.step(&self.life, At::Command).await {
                match whim {
                    Whim::Answer(words) if words.starts_with(['4', '5']) => {
                        self.say(words).await?;
                        return self.hang_up();
                    }
                    _ => return self.hang_up(),
                }
            }
            self.hear().await?;
        };
        self.heard.drain(..end + 5);
        self.note("> .".to_owned());
        if let Some(whim) = self.server.step(&self.life, At::Dot).await
            && !self.server.happens(300)
        {
            return self.follow(whim).await;
        }
        self.take(numbers).await
    }

    /// The number of the first of them.
    fn begins(&self, to: &[String]) -> usize {
        self.note("> (a body begins)".to_owned());
        let mut memory = self.server.memory();
        let first = memory.bodies.len();
        for (at, to) in to.iter().enumerate() {
            let number = memory.begins(&self.account, to, self.life.is_over());
            memory.bodies[number].process = self.life.number;
            memory.bodies[number].is_copy = at > 0;
        }
        first
    }

    /// From here on the message has arrived.
    async fn take(&mut self, numbers: Range<usize>) -> Option<()> {
        for body in &mut self.server.memory().bodies[numbers.clone()] {
            body.taken = true;
        }
        self.note("(has taken it)".to_owned());
        match self.server.step(&self.life, At::Command).await {
            _ if self.server.happens(self.server.swarm.forgets) => return self.hang_up(),
            Some(Whim::Answer(words)) if GARBAGE.contains(&words) => self.say(words).await?,
            Some(Whim::Close | Whim::Goodbye) => return self.hang_up(),
            _ => {
                // Whoever is told may record it before this task goes on.
                for body in &mut self.server.memory().bodies[numbers.clone()] {
                    body.told = true;
                }
                self.say("250 2.0.0 taken").await?;
                let mut memory = self.server.memory();
                numbers.for_each(|number| memory.was_heard(number));
            }
        }
        Some(())
    }
}
