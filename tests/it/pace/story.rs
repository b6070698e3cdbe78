//! A process that sends as fast as its limits allow, dies, and is started anew with what was
//! recorded, as deliver does; until it has sent enough. Time is a number here.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::limiter::{Class, Limiter};
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
    class: usize,
    /// None while nobody knows what came of it.
    ended: Option<Duration>,
}

/// A message on its way.
struct Offered {
    class: usize,
    recorded: usize,
    /// When the server counts it, if the process lives so long.
    counted: Duration,
    reply: Duration,
}

pub(super) struct Story {
    kind: Kind,
    dice: Rng,
    classes: Vec<Class>,
    /// For each meter.
    eras: Vec<Vec<Era>>,
    lanes: usize,
    latency: Duration,
    now: Duration,
    /// When this process began.
    began: Duration,
    limiter: Limiter,
    /// The classes of what is claimed and not offered yet.
    ready: VecDeque<usize>,
    offered: Vec<Offered>,
    recorded: Vec<Recorded>,
    /// When the server counted a message, and its class.
    counted: Vec<(Duration, usize)>,
    /// When something counted at a start that was never sent, and its class.
    presumed: Vec<(Duration, usize)>,
    pub(super) restarts: usize,
}

impl Story {
    pub(super) fn play(kind: Kind, seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let limits = limits(&mut dice);
        let latency = latency(&mut dice, kind, &limits);
        let all: Class = (0..limits.len()).collect();
        let classes = match kind {
            Kind::Smooth => vec![all],
            Kind::Troubled => (0..dice.usize(1..=4))
                .map(|_| {
                    all.iter()
                        .copied()
                        .filter(|it| *it == 0 || dice.bool())
                        .collect()
                })
                .collect(),
        };
        let lanes = if kind == Kind::Smooth {
            8
        } else {
            dice.usize(1..=8)
        };
        let mut story = Self {
            kind,
            dice,
            classes,
            limiter: Limiter::new(&limits),
            eras: limits.iter().map(|windows| Era::always(windows)).collect(),
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
                self.restart();
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
        self.see_out();
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
            self.limiter.done(&self.classes[it.class], ticks);
        }
    }

    /// Claims what may go; how long to wait if something may not.
    fn claim(&mut self) -> Option<Duration> {
        let ticks = self.ticks();
        let first = self.dice.usize(..self.classes.len());
        let mut waits = Vec::new();
        for class in 0..self.classes.len() {
            let class = (first + class) % self.classes.len();
            let room = (self.lanes * AHEAD).saturating_sub(self.ready.len());
            let meters = &self.classes[class];
            let count = self.limiter.free(meters, ticks).min(room);
            self.limiter.take(meters, count);
            self.ready.extend(std::iter::repeat_n(class, count));
            if count < room {
                waits.extend(self.limiter.wait(meters, ticks));
            }
        }
        waits.into_iter().min()
    }

    /// Offers what lanes are free for. Some of it is not wanted any more; whether that was none.
    fn offer(&mut self) -> bool {
        let mut wanted = true;
        while self.offered.len() < self.lanes {
            let Some(class) = self.ready.pop_front() else {
                break;
            };
            if self.kind == Kind::Troubled && self.dice.u8(..20) == 0 {
                self.limiter.give_back(&self.classes[class]);
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
        self.limiter = self.limiter_as_recorded();
    }

    /// Somebody writes other rates: the same windows with other counts, or other windows.
    fn change(&mut self) {
        for eras in &mut self.eras {
            let last = eras.last().expect("there is always one");
            let windows = last.windows.iter().map(|window| Window {
                count: match self.dice.u8(..3) {
                    0 => window.count,
                    1 => (window.count / 2).max(1),
                    _ => (window.count * 3 / 2).min(1000),
                },
                length: window.length,
            });
            let windows = windows.collect();
            let from = self.now;
            eras.push(Era { from, windows });
        }
    }

    fn limits(&self) -> Vec<Vec<Window>> {
        let last = |eras: &Vec<Era>| eras.last().expect("there is always one").windows.clone();
        self.eras.iter().map(last).collect()
    }

    fn longest(&self) -> Duration {
        let limits = self.limits();
        let lengths = limits.iter().flatten().map(|window| window.length);
        lengths.max().expect("each meter has windows")
    }

    /// A limiter that knows what the outbox tells: how long ago each one ended.
    fn limiter_as_recorded(&self) -> Limiter {
        let mut limiter = Limiter::new(&self.limits());
        let longest = self.longest();
        let ago = |it: &Recorded| {
            let ended = it
                .ended
                .expect("all that was under way has come to its end");
            (self.now - ended, it.class)
        };
        let mut uses: Vec<_> = self.recorded.iter().map(ago).collect();
        uses.retain(|(ago, _)| *ago <= longest);
        uses.sort_unstable_by(|one, other| other.cmp(one));
        for (ago, class) in uses {
            limiter.remember(&self.classes[class], self.ticks() - ago);
        }
        limiter
    }

    /// What is offered comes to its end, and no more follows.
    fn see_out(&mut self) {
        while let Some(reply) = self.offered.iter().map(|it| it.reply).min() {
            self.now = reply;
            self.hear();
        }
        self.counted.sort_unstable();
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
                let its = counted.filter(|(_, class)| self.classes[*class].contains(&meter));
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
        let mut together = self.eras[0].clone();
        for eras in &self.eras[1..] {
            for (sum, era) in together.iter_mut().zip(eras) {
                sum.windows.extend(&era.windows);
            }
        }
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

/// One to three meters, each with one to four windows: often such as people write together, which
/// bind in turn, and now and then any.
fn limits(dice: &mut Rng) -> Vec<Vec<Window>> {
    let meters = dice.usize(1..=3);
    let base = scaled(dice, 0.1, DAY);
    let any = dice.u8(..4) == 0;
    (0..meters)
        .map(|_| {
            let mut length = if any { scaled(dice, 0.1, DAY) } else { base };
            let mut count = scaled(dice, 1.0, 300.0);
            let mut windows = Vec::new();
            for _ in 0..dice.usize(1..=4) {
                windows.extend(with_burst(dice, window(count, length)));
                let factor = scaled(dice, 1.5, 30.0);
                length = (length * factor).min(DAY);
                count = (count * scaled(dice, 1.0, factor)).min(1000.0);
            }
            windows.truncate(4);
            windows
        })
        .collect()
}

fn window(count: f64, seconds: f64) -> Window {
    Window {
        count: count as usize,
        length: span(seconds),
    }
}

/// A burst is a second window: never more of them at once.
fn with_burst(dice: &mut Rng, window: Window) -> Vec<Window> {
    if dice.u8(..3) > 0 || window.count < 2 {
        return vec![window];
    }
    let count = dice.usize(1..window.count);
    let share = count as f64 / window.count as f64;
    let length = window.length.mul_f64(share);
    vec![window, Window { count, length }]
}

/// The longest time that an answer takes.
fn latency(dice: &mut Rng, kind: Kind, limits: &[Vec<Window>]) -> Duration {
    let windows = || limits.iter().flatten();
    match kind {
        Kind::Troubled => {
            let shortest = windows().map(|it| it.length).min().expect("there is one");
            span(scaled(dice, 0.001, 3.0) * shortest.as_secs_f64())
        }
        // A full window's messages together take a thousandth of it by all lanes.
        Kind::Smooth => {
            let least = windows().map(|it| it.length.as_secs_f64() / it.count as f64);
            span(least.fold(f64::INFINITY, f64::min) * 8.0 / 1000.0)
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}: {} lanes, answers within {:?}, classes {:?}, {} sent by {:?}",
            self.kind,
            self.lanes,
            self.latency,
            self.classes,
            self.counted.len(),
            self.now
        )?;
        for eras in &self.eras {
            for era in eras {
                let windows: Vec<String> = era.windows.iter().map(Window::to_string).collect();
                write!(f, "\n  from {:?}: {}", era.from, windows.join(", "))?;
            }
        }
        Ok(())
    }
}
