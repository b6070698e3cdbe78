//! A process that sends as fast as its limits allow, dies, and is started anew with what was
//! recorded, as deliver does; until it has sent enough. Time is a number here.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use postroom::config::Rate;

use super::limiter::{Class, Limiter, METERS};
use super::{scaled, span};
use crate::world::windows::{self, Era, Window};

/// Where the elapsed time of a process begins.
const BEGIN: Duration = Duration::from_secs(366 * 24 * 3600);
const DAY: f64 = 86_400.0;
/// Claimed ahead for each lane.
const AHEAD: usize = 4;
/// So many messages end a story, or so many looks.
const MESSAGES: usize = 3000;
const LOOKS: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Answers take long, and everything happens.
    Troubled,
    /// Answers take little, and restarts are short.
    Smooth,
}

/// What lies in the outbox.
struct Recorded {
    class: Class,
    /// None while nobody knows what came of it.
    ended: Option<Duration>,
}

/// A message on its way.
struct Offered {
    class: Class,
    recorded: usize,
    /// When the server counts it, if the process lives so long.
    counted: Duration,
    reply: Duration,
}

pub(super) struct Story {
    kind: Kind,
    dice: Rng,
    classes: Vec<Class>,
    /// Whether they are of large runs.
    bulk: bool,
    /// For each meter.
    limits: Vec<Vec<Rate>>,
    eras: Vec<Vec<Era>>,
    lanes: usize,
    latency: Duration,
    now: Duration,
    /// When this process began.
    began: Duration,
    limiter: Limiter,
    /// The classes of what is claimed and not offered yet.
    ready: VecDeque<Class>,
    offered: Vec<Offered>,
    recorded: Vec<Recorded>,
    /// When the server counted a message, and its class.
    counted: Vec<(Duration, Class)>,
    /// When something counted at a start that was never sent, and its class.
    presumed: Vec<(Duration, Class)>,
    pub(super) restarts: usize,
}

impl Story {
    pub(super) fn play(kind: Kind, seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let limits = limits(&mut dice);
        let latency = latency(&mut dice, kind, &limits);
        let (classes, lanes) = match kind {
            Kind::Smooth => (vec![class(&mut dice)], 8),
            Kind::Troubled => {
                let classes = (0..dice.usize(1..=4)).map(|_| class(&mut dice));
                (classes.collect(), dice.usize(1..=8))
            }
        };
        let mut limiter = Limiter::default();
        limiter.set(&limits, BEGIN, &[]);
        let mut story = Self {
            kind,
            classes,
            bulk: dice.bool(),
            dice,
            limiter,
            eras: vec![Vec::new(); METERS],
            limits,
            lanes,
            latency,
            now: Duration::ZERO,
            began: Duration::ZERO,
            ready: VecDeque::new(),
            offered: Vec::new(),
            recorded: Vec::new(),
            counted: Vec::new(),
            presumed: Vec::new(),
            restarts: 0,
        };
        story.new_era();
        story.run();
        story
    }

    fn run(&mut self) {
        let chance = scaled(&mut self.dice, 0.0003, 0.02);
        for _ in 0..LOOKS {
            self.hear();
            if self.counted.len() >= MESSAGES {
                break;
            }
            if self.dice.f64() < chance {
                if self.kind == Kind::Troubled && self.dice.u8(..4) == 0 {
                    self.reload();
                } else {
                    self.restart();
                }
            }
            let blocked = self.claim();
            if !self.offer() {
                continue; // there is room again
            }
            let reply = self.offered.iter().map(|it| it.reply).min();
            let next = [reply, blocked.map(|wait| self.now + wait)];
            let next = next.into_iter().flatten().min();
            let next = next.unwrap_or_else(|| panic!("nobody will wake up: {self}"));
            assert!(next > self.now || reply == Some(next), "no wait: {self}");
            let early = self.dice.u8(..10) == 0; // something else wakes it
            let share = if early { self.dice.f64() } else { 1.0 };
            self.now += (next - self.now).mul_f64(share);
        }
        self.hear_all();
        self.counted.sort_unstable_by_key(|(at, _)| *at);
    }

    /// In the elapsed time of the process.
    fn ticks(&self) -> Duration {
        BEGIN + (self.now - self.began)
    }

    /// Replies that have come by now.
    fn hear(&mut self) {
        let ticks = self.ticks();
        let now = self.now;
        let (ended, going) = std::mem::take(&mut self.offered)
            .into_iter()
            .partition(|it| it.reply <= now);
        self.offered = going;
        for it in ended as Vec<Offered> {
            self.counted.push((it.counted, it.class));
            self.recorded[it.recorded].ended = Some(now);
            self.limiter.done(it.class, ticks);
        }
    }

    /// Claims what may go; how long to wait if something may not.
    fn claim(&mut self) -> Option<Duration> {
        let ticks = self.ticks();
        let first = self.dice.usize(..self.classes.len());
        let mut waits = Vec::new();
        for n in 0..self.classes.len() {
            let class = self.classes[(first + n) % self.classes.len()];
            let ahead = (self.lanes * AHEAD).saturating_sub(self.ready.len());
            let (room, more_in) = self.limiter.room(class, self.bulk, ticks);
            for _ in 0..room.min(ahead) {
                self.limiter.take(class, ticks);
                self.ready.push_back(class);
            }
            if room < ahead {
                waits.extend(more_in);
            }
        }
        waits.into_iter().min()
    }

    /// Offers what lanes are free for. Some of it is not wanted any more; whether that was none.
    fn offer(&mut self) -> bool {
        let (mut wanted, ticks) = (true, self.ticks());
        while self.offered.len() < self.lanes {
            let Some(class) = self.ready.pop_front() else {
                break;
            };
            if self.kind == Kind::Troubled && self.dice.u8(..20) == 0 {
                self.limiter.give_back(class, ticks);
                wanted = false;
                continue;
            }
            let latency = self.latency.mul_f64(self.dice.f64());
            let recorded = self.recorded.len();
            self.recorded.push(Recorded { class, ended: None });
            self.offered.push(Offered {
                class,
                recorded,
                counted: self.now + latency.mul_f64(self.dice.f64()),
                reply: self.now + latency,
            });
        }
        wanted
    }

    /// The process is killed, and after a while there is another, perhaps with other limits. What
    /// it does not know the end of, it counts as of its start.
    fn restart(&mut self) {
        self.restarts += 1;
        let killed = self.now;
        let longest = self.longest();
        self.now += match self.kind {
            Kind::Smooth => self.latency.mul_f64(self.dice.f64()),
            Kind::Troubled if self.dice.bool() => self.latency,
            Kind::Troubled => longest.mul_f64(2.0 * self.dice.f64()),
        };
        self.began = self.now;
        for it in std::mem::take(&mut self.offered) {
            self.recorded[it.recorded].ended = Some(self.now);
            if it.counted <= killed {
                self.counted.push((it.counted, it.class));
            } else {
                self.presumed.push((self.now, it.class));
            }
        }
        for class in std::mem::take(&mut self.ready) {
            let ended = Some(self.now);
            self.recorded.push(Recorded { class, ended });
            self.presumed.push((self.now, class));
        }
        // Where a change cuts off a burst is a matter of luck, and nothing to measure a share of.
        if self.kind == Kind::Troubled && self.dice.bool() {
            self.change();
        }
        self.limiter = Limiter::default();
        self.set_limits();
    }

    /// The same process goes on by other rates, once nothing is under way.
    fn reload(&mut self) {
        let ticks = self.ticks();
        for class in std::mem::take(&mut self.ready) {
            self.limiter.give_back(class, ticks);
        }
        self.hear_all();
        self.change();
        self.set_limits();
    }

    /// Somebody writes other counts, or takes a rate away.
    fn change(&mut self) {
        for (meter, rates) in self.limits.iter_mut().enumerate() {
            for rate in rates.iter_mut() {
                rate.count = match self.dice.u8(..3) {
                    0 => rate.count,
                    1 => (rate.count / 2).max(1),
                    _ => (rate.count * 3 / 2).min(1000),
                };
                rate.burst = rate.burst.map(|burst| burst.min(rate.count));
            }
            if !is_account(meter) && self.dice.u8(..10) == 0 {
                rates.pop();
            }
        }
        self.new_era();
    }

    fn new_era(&mut self) {
        for (eras, rates) in self.eras.iter_mut().zip(&self.limits) {
            let windows = rates.iter().flat_map(Rate::windows);
            let windows = windows.map(|(count, length)| Window {
                count: usize::try_from(count).unwrap(),
                length,
            });
            let (from, windows) = (self.now, windows.collect());
            eras.push(Era { from, windows });
        }
    }

    fn longest(&self) -> Duration {
        let windows = self.limits.iter().flatten().map(|rate| rate.window);
        windows.max().expect("each account has rates")
    }

    /// The limits as they are, with what the outbox tells: how long ago each one ended.
    fn set_limits(&mut self) {
        let longest = self.longest();
        let ago = |it: &Recorded| {
            let ended = it
                .ended
                .expect("all that was under way has come to its end");
            (self.now - ended, it.class)
        };
        let mut uses: Vec<_> = self.recorded.iter().map(ago).collect();
        uses.retain(|(ago, _)| *ago <= longest);
        uses.sort_by_key(|(ago, _)| std::cmp::Reverse(*ago));
        let now = self.ticks();
        let past = uses.into_iter().map(|(ago, class)| class.past(now - ago));
        let past: Vec<_> = past.collect();
        self.limiter.set(&self.limits, now, &past);
    }

    fn hear_all(&mut self) {
        while let Some(reply) = self.offered.iter().map(|it| it.reply).min() {
            self.now = reply;
            self.hear();
        }
    }

    pub(super) fn sent(&self) -> usize {
        self.counted.len()
    }

    /// What a server finds that counts what each meter is for.
    pub(super) fn objections(&self) -> Vec<String> {
        let meters = self.eras.iter().enumerate();
        meters
            .flat_map(|(meter, eras)| {
                let counted = self.counted.iter();
                let its = counted.filter(|(_, class)| class.meters().contains(&meter));
                let instants: Vec<Duration> = its.map(|(at, _)| *at).collect();
                windows::objections(&instants, eras)
            })
            .collect()
    }

    /// How much was used of what all meters together allow; what has to be presumed sent was.
    pub(super) fn share(&self) -> f64 {
        let both = self.counted.iter().chain(&self.presumed);
        let mut instants: Vec<Duration> = both.map(|(at, _)| *at).collect();
        instants.sort_unstable();
        let meters = self.classes[0].meters().into_iter();
        let windows = meters.flat_map(|meter| self.eras[meter][0].windows.clone());
        let together = Era::always(&windows.collect::<Vec<_>>());
        let end = last_before_a_rest(&instants);
        windows::share(&instants, &together, end)
    }
}

/// The last one before the longest silence of the second half: there all that was allowed had been
/// used, however little had been allowed since.
fn last_before_a_rest(instants: &[Duration]) -> Duration {
    let half = &instants[instants.len() / 2..];
    let rests = half.windows(2).max_by_key(|pair| pair[1] - pair[0]);
    rests.map_or(half[0], |pair| pair[0])
}

fn class(dice: &mut Rng) -> Class {
    Class {
        account: dice.usize(..2),
        schedule: dice.usize(..2),
        domain: dice.bool(),
    }
}

fn is_account(meter: usize) -> bool {
    matches!(meter, 1 | 2)
}

/// Each meter has one to four rates, or none but for accounts: often such as people write together,
/// which bind in turn, and now and then any.
fn limits(dice: &mut Rng) -> Vec<Vec<Rate>> {
    let base = scaled(dice, 0.1, DAY);
    let any = dice.u8(..4) == 0;
    let rates = |meter| {
        let mut length = if any { scaled(dice, 0.1, DAY) } else { base };
        let mut count = scaled(dice, 1.0, 300.0);
        let mut rates = Vec::new();
        let least = usize::from(is_account(meter));
        for _ in 0..dice.usize(least..=4) {
            rates.push(rate(dice, count, length));
            let factor = scaled(dice, 1.5, 30.0);
            length = (length * factor).min(DAY);
            count = (count * scaled(dice, 1.0, factor)).min(1000.0);
        }
        rates
    };
    (0..METERS).map(rates).collect()
}

fn rate(dice: &mut Rng, count: f64, seconds: f64) -> Rate {
    let count = count as u32;
    let burst = (dice.u8(..3) == 0).then(|| dice.u32(1..=count));
    Rate {
        count,
        window: span(seconds),
        burst,
    }
}

/// The longest time that an answer takes.
fn latency(dice: &mut Rng, kind: Kind, limits: &[Vec<Rate>]) -> Duration {
    let windows = || limits.iter().flatten().flat_map(Rate::windows);
    match kind {
        Kind::Troubled => {
            let shortest = windows()
                .map(|(_, length)| length)
                .min()
                .expect("there is one");
            span(scaled(dice, 0.001, 3.0) * shortest.as_secs_f64())
        }
        // A full window's messages together take a thousandth of it by all lanes.
        Kind::Smooth => {
            let least = windows().map(|(count, length)| length.as_secs_f64() / f64::from(count));
            span(least.fold(f64::INFINITY, f64::min) * 8.0 / 1000.0)
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {} lanes, bulk {}, answers within {:?}, {:?}, {} sent by {:?}",
            self.kind,
            self.lanes,
            self.bulk,
            self.latency,
            self.classes,
            self.counted.len(),
            self.now
        )?;
        for (meter, eras) in self.eras.iter().enumerate() {
            for era in eras {
                let windows: Vec<String> = era.windows.iter().map(Window::to_string).collect();
                write!(f, "\n  {meter} from {:?}: {}", era.from, windows.join(", "))?;
            }
        }
        Ok(())
    }
}
