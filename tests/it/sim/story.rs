//! One simulation from its seed to its end: processes live and die, people and clocks interfere,
//! and at last everything is left in peace for as long as it takes. What people do is in `acts.rs`.

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use postroom::clock::Clock;
use postroom::config::{Account, Config};
use postroom::deliver::{Deliver, Settings};
use postroom::outbox::{ClearFailed, DeliveryId, Outbox, OutboxError, Receipt, Settle, Sweep};
use postroom::plan::Order;
use postroom::smtp::{Chaining, Resolver, Target};
use rusqlite::Connection;
use tempfile::TempDir;

use super::life::Life;
use super::log::{Event, Fault};
use super::memory::Memory;
use super::server::Server;
use super::swarm::Swarm;
use super::{check, ground};
use crate::world::bench::start;

/// So many processes die at most.
const LIVES: usize = 6;
/// In peace, everything is over in this time: clocks were set back by hours.
const PEACE: Duration = Duration::from_secs(40 * 3600);

/// What became of a simulation.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) faults: Vec<Fault>,
    /// What happened, if there are faults: what the story is about, and the events.
    pub(crate) told: String,
    pub(crate) events: Vec<Event>,
    stories: usize,
    crashes: usize,
    taken: usize,
    in_doubt: usize,
    rows: usize,
    /// Runs whose people shared a message that a server took for at least two of them.
    shared: usize,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Self) {
        self.stories += other.stories;
        self.crashes += other.crashes;
        self.taken += other.taken;
        self.in_doubt += other.in_doubt;
        self.rows += other.rows;
        self.shared += other.shared;
    }

    /// For people: what did not hold, and what happened.
    pub(crate) fn story(&self) -> String {
        let faults: Vec<String> = self.faults.iter().take(5).map(Fault::to_string).collect();
        format!("  {}\n  {}", faults.join("\n  "), self.told)
    }

    /// Whether many stories had enough in them to find anything out; a few may be dull.
    pub(crate) fn is_eventful(&self) -> bool {
        let enough = self.stories / 2;
        let shared = self.stories / 10;
        self.stories < 100
            || (self.crashes > enough && self.in_doubt > enough && self.shared > shared)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} stories: {} crashes, {} deliveries, {} taken, {} in doubt once, \
             {} runs of people who shared a message",
            self.stories, self.crashes, self.rows, self.taken, self.in_doubt, self.shared
        )
    }
}

pub(crate) struct Story {
    pub(super) dice: Rng,
    dir: TempDir,
    pub(super) config: Arc<Config>,
    pub(super) server: Arc<Server>,
    pub(super) clock: Clock,
    /// What people and clocks still do.
    pub(super) acts: usize,
    /// Occurrences that were ordered, and those of them that may not be opened yet.
    pub(super) ordered: Vec<Order>,
    pub(super) open_again: Vec<Order>,
    peace: bool,
}

/// Plays the simulation of `seed` in time of its own.
pub(crate) fn play(seed: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async { Story::new(seed).play().await })
}

/// The answer of the outbox. A process that has died waits for it in vain.
pub(super) async fn answer<R>(receipt: Receipt<R>) -> R {
    match receipt.await {
        Ok(answer) => answer,
        Err(OutboxError::Stopped(_)) => pending().await,
        Err(error) => panic!("{error}"),
    }
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let swarm = Swarm::draw(&mut dice);
        let dir = ground::state();
        let config = Arc::new(ground::config(&mut dice, swarm.kind));
        let clock = Clock::simulated(start(), dice.u64(..));
        let sql = Connection::open(dir.path().join("postroom.db")).unwrap();
        let accounts = config.accounts.values();
        let connections = accounts
            .map(|it| (it.name.clone(), it.connections))
            .collect();
        let mut memory = Memory::new(sql, clock.clone(), connections);
        let together = config.schedules.values().filter(|it| it.group.is_some());
        memory.together = together.map(|it| it.name.clone()).collect();
        Self {
            acts: swarm.acts,
            server: Server::new(swarm, dice.fork(), memory),
            dice,
            dir,
            config,
            clock,
            ordered: Vec::new(),
            open_again: Vec::new(),
            peace: false,
        }
    }

    async fn play(mut self) -> Outcome {
        let mut outcome = Outcome {
            stories: 1,
            ..Outcome::default()
        };
        loop {
            let number = self.server.memory().deaths.len();
            let life = Arc::new(Life::new(number, &self.server.swarm, &mut self.dice));
            if outcome.crashes >= LIVES {
                self.in_peace(&life);
            }
            self.clock = Clock::simulated(self.clock.now(), self.dice.u64(..));
            self.server.memory().clock = self.clock.clone();
            let dead = tokio::select! {
                biased;
                () = life.over() => true,
                () = self.live(&life) => false,
            };
            for _ in 0..8 {
                tokio::task::yield_now().await; // what it leaves behind is taken away
            }
            self.server.memory().has_ended(dead);
            outcome.crashes += usize::from(dead);
            if self.peace && !dead {
                break;
            }
            let wait = Duration::from_secs(self.dice.u64(..self.server.swarm.gap));
            self.clock.sleep(wait).await;
        }
        self.end(outcome)
    }

    fn end(self, mut outcome: Outcome) -> Outcome {
        let memory = &mut *self.server.memory();
        let rows = check::rows(memory);
        outcome.faults.append(&mut memory.faults);
        outcome.faults.extend(check::at_the_end(memory, &rows));
        outcome.faults.extend(self.over_a_rate(memory));
        let count = |sql| -> usize { memory.sql.query_row(sql, [], |row| row.get(0)).unwrap() };
        let runs = count("SELECT count(*) FROM run");
        // A clock that was set forward makes an interrupted opening too late: that is told.
        let too_late = count("SELECT count(*) FROM run WHERE state = 'failed' AND reason <> ''");
        let ordered = self.ordered.len();
        let wanted = ordered.saturating_sub(too_late) * ground::people(&self.config);
        if runs != ordered || rows.len() != wanted {
            let what = format!("{runs} runs of {ordered}, {} rows of {wanted}", rows.len());
            outcome.faults.push(Fault::new("none lost", what));
        }
        outcome.rows = rows.len();
        outcome.shared = count(
            "SELECT count(*) FROM run r WHERE grouped IS NOT NULL AND 1 <
               (SELECT count(*) FROM delivery d WHERE d.run = r.no AND d.state = 'accepted')",
        );
        outcome.taken = memory.bodies.iter().filter(|body| body.taken).count();
        outcome.in_doubt = rows.iter().filter(|row| row.is_doubted()).count();
        if !outcome.faults.is_empty() {
            let schedules = self.config.schedules.values();
            let policies: Vec<_> = schedules
                .map(|it| (&it.name, it.on_uncertain, it.resend_after, &it.rate))
                .collect();
            let accounts = self.config.accounts.values();
            let accounts: Vec<_> = accounts
                .map(|it| (&it.name, it.connections, &it.rate))
                .collect();
            let swarm = &self.server.swarm;
            let events = memory.log.about(&outcome.faults);
            outcome.told = format!("{swarm:?}\n  {policies:?}\n  {accounts:?}\n{events}");
        }
        outcome.events = std::mem::take(&mut memory.log.events);
        outcome
    }

    fn over_a_rate(&self, memory: &Memory) -> Vec<Fault> {
        let kind = self.server.swarm.kind;
        let accounts = self.config.accounts.values();
        let whole =
            accounts.map(|it| check::never_over_a_rate(memory, kind, &it.name, None, &it.rate));
        let schedules = self.config.schedules.values();
        let parts = schedules.map(|it| {
            let name = Some(it.name.as_str());
            check::never_over_a_rate(memory, kind, &it.via[0], name, &it.rate)
        });
        let limited = self.config.accounts.values().filter_map(|it| {
            let limits = it.domains.get(ground::DOMAIN)?;
            check::never_over_a_rate(memory, kind, &it.name, None, &limits.rate)
        });
        whole.chain(parts).flatten().chain(limited).collect()
    }

    /// From the start of a process to its end, if nothing ends it before.
    async fn live(&mut self, life: &Arc<Life>) {
        let armed = self.armed();
        let (fate, server) = (Arc::clone(life), Arc::clone(&self.server));
        let ask = move |operation| {
            let fate = fate.fate(operation);
            server.memory().writes(operation, fate);
            fate
        };
        let opened = Outbox::open_mortal(self.dir.path(), self.clock.clone(), ask);
        let outbox = opened.unwrap();
        let (disk, longest) = (outbox.clone(), self.server.swarm.disk_longest);
        let clock = self.clock.clone();
        let mut dice = self.dice.fork();
        let slow = async move {
            loop {
                life.slow.notified().await;
                let wait = Duration::from_millis(dice.u64(..=longest * 1000));
                clock.sleep(wait).await;
                disk.write();
            }
        };
        tokio::select! {
            biased;
            () = slow => {}
            () = self.work(life, &outbox, armed) => {}
        }
    }

    async fn work(&mut self, life: &Arc<Life>, outbox: &Outbox, armed: Vec<(i64, i64)>) {
        let settled = answer(outbox.submit(Settle)).await;
        self.in_doubt_is_what_was_armed(&armed, &settled.uncertain);
        for run in settled.interrupted {
            let order = Order::due(&run.schedule, run.occurrence, run.due_at);
            self.open_again.push(order);
        }
        let mut deliver = self.deliver(life, outbox);
        let mut restarts = false;
        while self.acts > 0 && !restarts {
            self.acts -= 1;
            restarts = self.act(outbox, &deliver).await;
            self.pass(outbox, &deliver).await;
        }
        if !restarts {
            self.in_peace(life);
            self.release(outbox).await;
            self.see_it_through(outbox, &deliver).await;
        }
        deliver.drain().await;
        outbox.close();
    }

    fn deliver(&self, life: &Arc<Life>, outbox: &Outbox) -> Deliver {
        let settings = Settings::of(&self.config);
        let (server, life) = (Arc::clone(&self.server), Arc::clone(life));
        let door = move |account: &Account, _| {
            let (server, life) = (Arc::clone(&server), Arc::clone(&life));
            let here: SocketAddr = ([127, 0, 0, 1], 25).into();
            let resolver = Resolver::new(move |_, _| Box::pin(async move { Ok(vec![here]) }));
            let name = account.name.clone();
            let resolver = resolver.reaching(move |_| {
                Box::pin(Arc::clone(&server).reached(Arc::clone(&life), name.clone()))
            });
            let chaining = match account.chaining {
                true => Chaining::default(),
                false => Chaining::never(),
            };
            Ok(Target {
                resolver,
                chaining,
                ..ground::door()
            })
        };
        Deliver::start_through(door, settings, &[], outbox, &self.clock).unwrap()
    }

    /// The rows that the file has as armed.
    fn armed(&self) -> Vec<(i64, i64)> {
        let memory = &mut *self.server.memory();
        memory.look();
        let rows = memory.seen.rows.iter();
        let armed = rows.filter(|(_, row)| row.state == "armed");
        armed.map(|(id, _)| *id).collect()
    }

    /// After a crash exactly that is in doubt.
    fn in_doubt_is_what_was_armed(&self, armed: &[(i64, i64)], doubted: &[DeliveryId]) {
        let mut doubted: Vec<_> = doubted.iter().map(|id| (id.run.0, id.seq)).collect();
        doubted.sort_unstable();
        if doubted != armed {
            let what = format!("{armed:?} were armed, {doubted:?} came into doubt");
            self.server
                .memory()
                .object("in doubt is what was armed", what);
        }
    }

    /// Time passes, and what time decides is looked at now and then.
    async fn pass(&mut self, outbox: &Outbox, deliver: &Deliver) {
        let looks = self.dice.u64(1..3);
        for _ in 0..looks {
            let wait = Duration::from_secs(self.dice.u64(..self.server.swarm.pause));
            self.clock.sleep(wait).await;
            answer(outbox.submit(Sweep)).await;
            answer(outbox.submit(ClearFailed)).await;
            deliver.watch().wake();
        }
    }

    /// Nothing goes wrong any more.
    fn in_peace(&mut self, life: &Life) {
        self.peace = true;
        self.acts = 0;
        life.spare();
        self.server.calm_down();
        self.server.memory().log.note("peace");
    }

    async fn see_it_through(&mut self, outbox: &Outbox, deliver: &Deliver) {
        for order in std::mem::take(&mut self.open_again) {
            self.open(outbox, deliver, &order);
        }
        let end = self.clock.ticks() + PEACE;
        while self.clock.ticks() < end {
            answer(outbox.submit(Sweep)).await;
            answer(outbox.submit(ClearFailed)).await;
            deliver.watch().wake();
            let wait = self.server.memory().until_something_is_due();
            let Some(wait) = wait else {
                return;
            };
            self.clock.sleep(wait).await;
        }
    }
}
