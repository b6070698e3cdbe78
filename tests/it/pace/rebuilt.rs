//! What a process knows at its start of those before it, while somebody sets the clock on the wall
//! by hours, seconds and milliseconds, forward and back: no use of a slot is told to be longer ago
//! than it is, but for what a stamp in milliseconds leaves out, and none is missing.

use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;
use postroom::outbox::{Outcome, Sweep};

use super::{scaled, seeds, span};
use crate::world::bench::{Bench, now};

const STEPS: usize = 80;
/// Stamps are whole milliseconds.
const STAMP: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Of what is due and was claimed, a few messages go at once.
const AT_ONCE: usize = 3;

struct Story {
    bench: Bench,
    dice: Rng,
    /// When each one ended, in elapsed time.
    ended: Vec<Duration>,
}

impl Story {
    /// One thing happens; whether a process begins by it.
    fn step(&mut self) -> bool {
        let deed = self.dice.u8(..10);
        match deed {
            0..=5 => self.send(),
            6 | 7 => {
                let time = scaled(&mut self.dice, 0.0001, 7200.0);
                self.bench.advance(span(time));
            }
            8 => self.set_the_clock(),
            _ => {
                self.bench.crash();
                self.bench.settle();
            }
        }
        deed == 9
    }

    fn send(&mut self) {
        let before = self.bench.claim(AT_ONCE);
        if before.is_empty() {
            let addresses = [0, 1, 2].map(|n| format!("p{}.{n}@example.org", self.ended.len()));
            let run = format!("run {} {}", self.ended.len(), self.dice.u64(..));
            let run = self.bench.new_run("daily", &run);
            self.bench
                .open_run(run, &addresses.each_ref().map(String::as_str));
        }
        for row in before {
            if self.bench.arm(&row).is_err() {
                continue; // its lease ended with a jump
            }
            let time = scaled(&mut self.dice, 0.0001, 2.0);
            self.bench.advance(span(time));
            self.bench.record(&row, Outcome::Accepted);
            self.ended.push(self.bench.clock.ticks());
        }
    }

    fn set_the_clock(&mut self) {
        // As often as not by so little that it is hardly noticed.
        let most = if self.dice.bool() { 0.02 } else { 7200.0 };
        let by = scaled(&mut self.dice, 0.005, most);
        let by = if self.dice.bool() { by } else { -by };
        let to = self.bench.clock.now() + SignedDuration::from_secs_f64(by);
        self.bench.clock.jump_to(to);
        now(self.bench.outbox.submit(Sweep)).unwrap();
    }

    /// One for each that is told older than it is, or not told at all.
    fn objections(&self) -> Vec<String> {
        let reader = self.bench.outbox.reader().unwrap();
        let uses = reader.uses(LONGEST, &self.bench.clock).unwrap();
        let each =
            |ago: Duration, count: u64| std::iter::repeat_n(ago, usize::try_from(count).unwrap());
        let mut told: Vec<Duration> = uses.iter().flat_map(|it| each(it.ago, it.count)).collect();
        told.sort_unstable();
        let now = self.bench.clock.ticks();
        let real = self.ended.iter().rev().map(|at| now - *at);
        let real = real.take_while(|ago| *ago < LONGEST).enumerate();
        real.filter_map(|(n, ago)| match told.get(n) {
            Some(told) if *told < ago + STAMP => None,
            told => Some(format!("{n}: {ago:?} ago is told as {told:?}")),
        })
        .collect()
    }
}

#[test]
fn nothing_that_was_sent_is_told_older_than_it_is_whatever_clocks_say() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let _time_stands_still = runtime.enter();
    for seed in seeds().step_by(4) {
        let mut story = Story {
            bench: Bench::seeded(seed),
            dice: Rng::with_seed(seed),
            ended: Vec::new(),
        };
        for _ in 0..STEPS {
            if !story.step() {
                continue;
            }
            let found = story.objections();
            let first = found.iter().take(5).cloned().collect::<Vec<_>>();
            assert!(
                found.is_empty(),
                "POSTROOM_TEST_SEED={seed}\n{}",
                first.join("\n")
            );
        }
    }
}
