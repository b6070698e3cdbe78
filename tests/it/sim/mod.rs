//! The whole office in one thread and in virtual time, from a seed: real plan, outbox, deliver and
//! SMTP session, against a server that does its worst, in processes that die at any write and at
//! any word. A checker for each invariant reads both memories.
//!
//! `POSTROOM_TEST_SEED=n` plays one seed again.

mod check;
mod ground;
mod life;
mod memory;
mod server;
mod story;
mod swarm;

use story::{Outcome, play};

/// Seeds that failed once.
const KEPT: &[u64] = &[];

/// Seeds that are played in one run of the tests.
fn seeds() -> std::ops::Range<u64> {
    if let Ok(seed) = std::env::var("POSTROOM_TEST_SEED") {
        let seed = seed.parse().expect("POSTROOM_TEST_SEED is a number");
        return seed..seed + 1;
    }
    let long = std::env::var_os("POSTROOM_TEST_LONG").is_some();
    0..if long { 20_000 } else { 2_000 }
}

/// What the seeds came to, and the first of them that failed.
fn all(seeds: impl IntoIterator<Item = u64>) -> (Outcome, Option<String>) {
    let mut sum = Outcome::default();
    for seed in seeds {
        let outcome = play(seed);
        if !outcome.faults.is_empty() {
            let faults = outcome.faults.join("\n  ");
            return (sum, Some(format!("POSTROOM_TEST_SEED={seed}\n  {faults}")));
        }
        sum.add(&outcome);
    }
    (sum, None)
}

#[test]
fn every_invariant_holds_whatever_goes_wrong() {
    let (sum, fault) = all(seeds());
    assert_eq!(fault, None);
    println!("{sum}");
}

#[test]
fn seeds_that_failed_once_hold() {
    assert_eq!(all(KEPT.iter().copied()).1, None);
}
