//! One simulation from its seed to its end: processes live and die, people and clocks interfere,
//! and at last everything is left in peace for as long as it takes.

use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use postroom::clock::{Clock, Timestamp};
use postroom::config::{Account, Config};
use postroom::deliver::{Deliver, Settings};
use postroom::outbox::ClearFailed;
use postroom::outbox::{
    DeliveryId, Outbox, OutboxError, Receipt, Settle, Suppress, Sweep, Unsuppress,
};
use postroom::plan::{OpenError, Order, open};
use postroom::smtp::{Chaining, Deadlines, Resolver, Target};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::time::Instant;

use super::life::Life;
use super::memory::Memory;
use super::server::Server;
use super::swarm::Swarm;
use super::{check, ground};
use crate::world::bench::start;

/// So many processes die at most.
const LIVES: usize = 6;
/// In peace, everything is over in so many minutes: clocks were set back by hours.
const PEACE: usize = 30 * 60;

/// What became of a simulation.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) faults: Vec<String>,
    stories: usize,
    crashes: usize,
    taken: usize,
    in_doubt: usize,
    rows: usize,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: &Self) {
        self.stories += other.stories;
        self.crashes += other.crashes;
        self.taken += other.taken;
        self.in_doubt += other.in_doubt;
        self.rows += other.rows;
    }

    /// Whether many stories had enough in them to find anything out; a few may be dull.
    pub(crate) fn is_eventful(&self) -> bool {
        let enough = self.stories / 2;
        self.stories < 100 || (self.crashes > enough && self.in_doubt > enough)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} stories: {} crashes, {} deliveries, {} taken, {} in doubt once",
            self.stories, self.crashes, self.rows, self.taken, self.in_doubt
        )
    }
}

pub(crate) struct Story {
    dice: Rng,
    dir: TempDir,
    config: Arc<Config>,
    server: Arc<Server>,
    clock: Clock,
    /// What people and clocks still do.
    acts: usize,
    /// Occurrences that were ordered, and those of them that may not be opened yet.
    ordered: Vec<Order>,
    open_again: Vec<Order>,
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
async fn answer<R>(receipt: Receipt<R>) -> R {
    match receipt.await {
        Ok(answer) => answer,
        Err(OutboxError::Stopped(_)) => pending().await,
        Err(error) => panic!("{error}"),
    }
}

/// What is done between two waits.
enum Act {
    Open,
    Again,
    Suppress,
    Unsuppress,
    Hold,
    Release,
    Jump,
    Restart,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let swarm = Swarm::draw(&mut dice);
        let dir = ground::state();
        let config = Arc::new(ground::config(&mut dice));
        let clock = Clock::simulated(start(), dice.u64(..));
        let sql = Connection::open(dir.path().join("postroom.db")).unwrap();
        let memory = Memory::new(sql, clock.clone());
        Self {
            server: Server::new(swarm, dice.fork(), memory),
            acts: dice.usize(2..10),
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
            let life = Arc::new(Life::new(&self.server.swarm, &mut self.dice));
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
            let faults = check::at_any_time(&self.server.memory().sql);
            outcome.faults.extend(faults);
            outcome.crashes += usize::from(dead);
            if self.peace && !dead {
                break;
            }
            let wait = Duration::from_secs(self.dice.u64(..300));
            self.clock.sleep(wait).await;
        }
        self.end(outcome)
    }

    fn end(self, mut outcome: Outcome) -> Outcome {
        let memory = self.server.memory();
        outcome.faults.extend(memory.objections.iter().cloned());
        outcome.faults.extend(check::at_the_end(&memory));
        let rows = check::rows(&memory.sql);
        let count = |sql| -> usize { memory.sql.query_row(sql, [], |row| row.get(0)).unwrap() };
        let runs = count("SELECT count(*) FROM run");
        // A clock that was set forward makes an interrupted opening too late: that is told.
        let too_late = count("SELECT count(*) FROM run WHERE state = 'failed' AND reason <> ''");
        let ordered = self.ordered.len();
        let wanted = ordered.saturating_sub(too_late) * ground::people(&self.config);
        if runs != ordered || rows.len() != wanted {
            let what = format!("{runs} runs of {ordered}, {} rows of {wanted}", rows.len());
            outcome.faults.push(format!("none lost: {what}"));
        }
        outcome.rows = rows.len();
        outcome.taken = memory.bodies.iter().filter(|body| body.taken).count();
        outcome.in_doubt = rows.iter().filter(|row| row.is_doubted()).count();
        outcome
    }

    /// From the start of a process to its end, if nothing ends it before.
    async fn live(&mut self, life: &Arc<Life>) {
        let armed = self.armed();
        let fate = Arc::clone(life);
        let opened = Outbox::open_mortal(self.dir.path(), self.clock.clone(), move || fate.fate());
        let outbox = opened.unwrap();
        let settled = answer(outbox.submit(Settle)).await;
        self.in_doubt_is_what_was_armed(&armed, &settled.uncertain);
        for run in settled.interrupted {
            let order = Order::due(&run.schedule, run.occurrence, run.due_at);
            self.open_again.push(order);
        }
        let mut deliver = self.deliver(life, &outbox);
        let mut restarts = false;
        while self.acts > 0 && !restarts {
            self.acts -= 1;
            restarts = self.act(&outbox, &deliver).await;
            self.pass(&outbox, &deliver).await;
        }
        if !restarts {
            self.in_peace(life);
            self.see_it_through(&outbox, &deliver).await;
        }
        deliver.drain().await;
    }

    fn deliver(&self, life: &Arc<Life>, outbox: &Outbox) -> Deliver {
        let settings = Settings {
            accounts: self.config.accounts.values().cloned().collect(),
            schedule_rates: std::collections::BTreeMap::new(),
            schedule_hours: std::collections::BTreeMap::new(),
            addresses: self.config.daemon.addresses,
            deadlines: Deadlines::default(),
        };
        let (server, life) = (Arc::clone(&self.server), Arc::clone(life));
        let door = move |account: &Account, _| {
            let (server, life) = (Arc::clone(&server), Arc::clone(&life));
            let here: SocketAddr = ([127, 0, 0, 1], 25).into();
            let resolver = Resolver::new(move |_, _| Box::pin(async move { Ok(vec![here]) }));
            let resolver = resolver
                .reaching(move |_| Box::pin(Arc::clone(&server).reached(Arc::clone(&life))));
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
        Deliver::start_through(door, settings, outbox, &self.clock).unwrap()
    }

    /// The rows that the file has as armed, and the accounts that sent them.
    fn armed(&self) -> Vec<(i64, i64, String)> {
        let memory = self.server.memory();
        let query = "SELECT d.run, d.seq, r.account FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.state = 'armed' ORDER BY d.run, d.seq";
        let mut query = memory.sql.prepare(query).unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// After a crash exactly that is in doubt, and no more than one for each connection.
    fn in_doubt_is_what_was_armed(&self, armed: &[(i64, i64, String)], doubted: &[DeliveryId]) {
        let mut doubted: Vec<_> = doubted.iter().map(|id| (id.run.0, id.seq)).collect();
        doubted.sort_unstable();
        let expected: Vec<_> = armed.iter().map(|(run, seq, _)| (*run, *seq)).collect();
        if doubted != expected {
            let what = format!("{expected:?} were armed, {doubted:?} came into doubt");
            let rule = "in doubt is what was armed";
            self.server.memory().object(rule, &what);
        }
        for account in self.config.accounts.values() {
            let own = armed.iter().filter(|(.., name)| *name == account.name);
            let (own, most) = (own.count(), account.connections);
            if own > most {
                let what = format!("{own} of {} with {most}", account.name);
                let rule = "one in doubt for each connection";
                self.server.memory().object(rule, &what);
            }
        }
    }

    /// Time passes, and what time decides is looked at now and then.
    async fn pass(&mut self, outbox: &Outbox, deliver: &Deliver) {
        let looks = self.dice.u64(1..3);
        for _ in 0..looks {
            let wait = Duration::from_secs(self.dice.u64(..200));
            self.clock.sleep(wait).await;
            answer(outbox.submit(Sweep)).await;
            answer(outbox.submit(ClearFailed)).await;
            deliver.watch().wake();
        }
    }

    /// One thing happens; whether the process is to end by it.
    async fn act(&mut self, outbox: &Outbox, deliver: &Deliver) -> bool {
        let swarm = &self.server.swarm;
        let shares = [
            (Act::Open, 10),
            (Act::Again, swarm.again),
            (Act::Suppress, swarm.suppress),
            (Act::Unsuppress, swarm.suppress),
            (Act::Hold, swarm.hold),
            (Act::Release, swarm.hold),
            (Act::Jump, swarm.jump),
            (Act::Restart, swarm.restart),
        ];
        let sum: u32 = shares.iter().map(|(_, share)| share).sum();
        let mut at = self.dice.u32(..sum);
        let mut acts = shares.into_iter();
        let act = acts.find_map(|(act, share)| match at.checked_sub(share) {
            None => Some(act),
            Some(left) => {
                at = left;
                None
            }
        });
        match act.expect("the dice stay below the sum") {
            Act::Open => {
                let schedule = ground::SCHEDULES[self.dice.usize(..3)];
                let occurrence = format!("occurrence {}", self.ordered.len());
                let order = Order::due(schedule, occurrence, self.clock.now());
                self.ordered.push(order.clone());
                self.open(outbox, deliver, &order);
            }
            Act::Again => {
                let all = self.ordered.len();
                if all > 0 {
                    let order = self.ordered[self.dice.usize(..all)].clone();
                    self.open(outbox, deliver, &order);
                }
            }
            Act::Suppress => self.suppress(outbox).await,
            Act::Unsuppress => self.unsuppress(outbox).await,
            Act::Hold => self.hold(),
            Act::Release => self.release(),
            Act::Jump => {
                let minutes = self.dice.i64(-180..180);
                let to = self.clock.now().as_millisecond() + minutes * 60_000;
                self.clock.jump_to(Timestamp::from_millisecond(to).unwrap());
            }
            Act::Restart => return true,
        }
        false
    }

    /// Opens a run; one that its process did not live to see whole is opened again later.
    fn open(&mut self, outbox: &Outbox, deliver: &Deliver, order: &Order) {
        match open(&self.config, outbox, &self.clock, order) {
            Ok(_) | Err(OpenError::TooLate(_)) => deliver.watch().wake(),
            Err(OpenError::Outbox(OutboxError::Stopped(_))) => self.open_again.push(order.clone()),
            Err(error) => panic!("{error}"),
        }
    }

    fn somebody(&mut self) -> String {
        format!("p{}@example.org", self.dice.usize(..7))
    }

    async fn suppress(&mut self, outbox: &Outbox) {
        let address = self.somebody();
        let suppress = Suppress {
            key: address.clone(),
            address: address.clone(),
            reason: "asked us to stop".to_owned(),
            source: "a person".to_owned(),
        };
        answer(outbox.submit(suppress)).await;
        self.server.memory().bans.insert(address, Instant::now());
    }

    async fn unsuppress(&mut self, outbox: &Outbox) {
        let key = self.somebody();
        self.server.memory().bans.remove(&key);
        let author = "grace".to_owned();
        answer(outbox.submit(Unsuppress { key, author })).await;
    }

    fn hold(&mut self) {
        let scopes = [
            ("all", String::new()),
            ("account", "ops".to_owned()),
            ("schedule", "daily".to_owned()),
        ];
        let (scope, name) = scopes[self.dice.usize(..3)].clone();
        let memory = &mut *self.server.memory();
        let held = "INSERT OR REPLACE INTO hold VALUES (?1, ?2, 'looks wrong', 'grace', 0, NULL)";
        memory.sql.execute(held, [scope, &name]).unwrap();
        memory
            .holds
            .entry((scope, name))
            .or_insert_with(Instant::now);
    }

    fn release(&self) {
        let memory = &mut *self.server.memory();
        memory.sql.execute("DELETE FROM hold", []).unwrap();
        memory.holds.clear();
    }

    /// Nothing goes wrong any more.
    fn in_peace(&mut self, life: &Life) {
        self.peace = true;
        self.acts = 0;
        life.spare();
        self.server.calm_down();
        self.release();
    }

    async fn see_it_through(&mut self, outbox: &Outbox, deliver: &Deliver) {
        for order in std::mem::take(&mut self.open_again) {
            self.open(outbox, deliver, &order);
        }
        for _ in 0..PEACE {
            answer(outbox.submit(Sweep)).await;
            answer(outbox.submit(ClearFailed)).await;
            deliver.watch().wake();
            self.clock.sleep(Duration::from_secs(60)).await;
            let rows = check::rows(&self.server.memory().sql);
            if !rows.iter().any(check::Row::moves) {
                return;
            }
        }
    }
}
