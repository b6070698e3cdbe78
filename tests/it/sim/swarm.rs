//! What goes wrong in one simulation: each seed leaves most of it out, and does much of the rest.
//! All misfortunes at once would hide each other.

use fastrand::Rng;

/// Chances in a thousand, but where it says something else.
#[derive(Debug)]
pub(crate) struct Swarm {
    /// The process dies at some write to its outbox.
    pub(crate) dies_writing: u32,
    /// The process dies at a step of the conversation.
    pub(crate) dies_talking: u32,
    pub(crate) no_connection: u32,
    pub(crate) later: u32,
    pub(crate) never: u32,
    pub(crate) goodbye: u32,
    pub(crate) close: u32,
    pub(crate) garbage: u32,
    pub(crate) delay: u32,
    /// The longest delay, in seconds.
    pub(crate) longest: u64,
    /// A message is taken and the server closes without a word of that.
    pub(crate) forgets: u32,
    /// Shares of what people and clocks do.
    pub(crate) suppress: u32,
    pub(crate) hold: u32,
    pub(crate) jump: u32,
    pub(crate) again: u32,
    pub(crate) restart: u32,
    pub(crate) pipelining: bool,
    /// Bytes that a connection holds.
    pub(crate) pipe: usize,
}

impl Swarm {
    pub(crate) fn draw(dice: &mut Rng) -> Self {
        let mut some = |most: u32| {
            if dice.bool() { dice.u32(1..=most) } else { 0 }
        };
        let mut swarm = Self {
            dies_writing: some(900),
            dies_talking: some(60),
            no_connection: some(300),
            later: some(120),
            never: some(80),
            goodbye: some(60),
            close: some(80),
            garbage: some(60),
            delay: some(150),
            longest: 0,
            forgets: some(300),
            suppress: some(10),
            hold: some(10),
            jump: some(5),
            again: some(10),
            restart: some(10),
            pipelining: false,
            pipe: 0,
        };
        swarm.longest = [5, 100, 700][dice.usize(..3)];
        swarm.pipelining = dice.bool();
        swarm.pipe = [64, 700, 65_536][dice.usize(..3)];
        swarm
    }
}

/// Whether something with so many chances in a thousand happens.
pub(crate) fn happens(dice: &mut Rng, chances: u32) -> bool {
    chances > 0 && dice.u32(..1000) < chances
}
