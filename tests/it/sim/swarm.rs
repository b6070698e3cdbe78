//! What goes wrong in one simulation: each seed leaves most of it out, and does much of the rest.
//! All misfortunes at once would hide each other; some have to meet, or nothing is found out.

use std::ops::RangeInclusive;

use fastrand::Rng;

/// What a story is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A little of everything.
    Mixed,
    /// A server so slow that leases end while a connection waits for it.
    Slow,
    /// A server that takes messages and says nothing, again and again.
    Silent,
    /// People who change their minds while a message is on its way.
    Fickle,
    /// Rates that bind.
    Paced,
}

/// Chances in a thousand, but where it says something else.
#[derive(Debug)]
pub(crate) struct Swarm {
    pub(crate) kind: Kind,
    /// The process dies at some write to its outbox.
    pub(crate) dies_writing: u32,
    /// The process dies at a step of the conversation.
    pub(crate) dies_talking: u32,
    /// A write waits for the disk.
    pub(crate) disk_waits: u32,
    /// The longest that it does, in seconds.
    pub(crate) disk_longest: u64,
    pub(crate) no_connection: u32,
    pub(crate) later: u32,
    pub(crate) never: u32,
    pub(crate) goodbye: u32,
    pub(crate) close: u32,
    pub(crate) garbage: u32,
    pub(crate) delay: u32,
    /// How long, in seconds; and to the end of data.
    pub(crate) delays: RangeInclusive<u64>,
    pub(crate) delays_at_dot: RangeInclusive<u64>,
    /// A message is taken and the server closes without a word of that.
    pub(crate) forgets: u32,
    /// Shares of what people and clocks do.
    pub(crate) suppress: u32,
    pub(crate) hold: u32,
    pub(crate) change: u32,
    pub(crate) forget: u32,
    pub(crate) jump: u32,
    pub(crate) again: u32,
    pub(crate) restart: u32,
    pub(crate) pipelining: bool,
    /// Bytes that a connection holds.
    pub(crate) pipe: usize,
    /// How often something is done, and the longest pause after it, in seconds.
    pub(crate) acts: usize,
    pub(crate) pause: u64,
    /// The longest time without a process.
    pub(crate) gap: u64,
}

impl Swarm {
    pub(crate) fn draw(dice: &mut Rng) -> Self {
        let mut some = |most: u32| {
            if dice.bool() { dice.u32(1..=most) } else { 0 }
        };
        let mut swarm = Self {
            kind: Kind::Mixed,
            dies_writing: some(900),
            dies_talking: some(60),
            disk_waits: some(300),
            disk_longest: 0,
            no_connection: some(300),
            later: some(120),
            never: some(80),
            goodbye: some(60),
            close: some(80),
            garbage: some(60),
            delay: some(150),
            delays: 0..=0,
            delays_at_dot: 0..=0,
            forgets: some(300),
            suppress: some(10),
            hold: some(10),
            change: some(10),
            forget: some(2),
            jump: some(5),
            again: some(10),
            restart: some(10),
            pipelining: false,
            pipe: 0,
            acts: 0,
            pause: 200,
            gap: 300,
        };
        let longest = [5, 100, 700][dice.usize(..3)];
        (swarm.delays, swarm.delays_at_dot) = (0..=longest, 0..=longest);
        swarm.disk_longest = [1, 30][dice.usize(..2)];
        swarm.pipelining = dice.bool();
        swarm.pipe = [64, 700, 65_536][dice.usize(..3)];
        swarm.acts = dice.usize(2..10);
        let kinds = [
            Kind::Mixed,
            Kind::Mixed,
            Kind::Slow,
            Kind::Silent,
            Kind::Fickle,
            Kind::Paced,
        ];
        swarm.turn(kinds[dice.usize(..kinds.len())]);
        swarm
    }

    /// Makes the story one of a kind: what it is about happens, and little stands in its way.
    fn turn(&mut self, kind: Kind) {
        self.kind = kind;
        if kind == Kind::Mixed {
            return;
        }
        for chances in [&mut self.later, &mut self.never, &mut self.no_connection] {
            *chances /= 8;
        }
        for chances in [&mut self.goodbye, &mut self.close, &mut self.garbage] {
            *chances /= 8;
        }
        match kind {
            Kind::Mixed => {}
            Kind::Slow => {
                self.delay = 700;
                (self.delays, self.delays_at_dot) = (40..=115, 250..=585);
                (self.later, self.dies_talking) = (self.later * 8, self.dies_talking / 4);
                (self.acts, self.pause, self.jump) = (12, 400, 0);
            }
            Kind::Silent => {
                self.forgets = 800;
                (self.delay, self.hold, self.jump) = (0, 0, 0);
                (self.acts, self.pause) = (6, 150);
            }
            Kind::Fickle => {
                self.delay = 600;
                (self.delays, self.delays_at_dot) = (20..=100, 20..=100);
                (self.suppress, self.hold, self.change) = (12, 12, 12);
                (self.acts, self.pause, self.forgets) = (20, 60, self.forgets / 4);
            }
            Kind::Paced => {
                (self.jump, self.delay, self.again) = (0, self.delay / 4, 0);
                (self.acts, self.pause, self.gap) = (8, 60, 20);
                self.restart = 8;
            }
        }
    }
}

/// Whether something with so many chances in a thousand happens.
pub(crate) fn happens(dice: &mut Rng, chances: u32) -> bool {
    chances > 0 && dice.u32(..1000) < chances
}
