//! Rates, from the server's side: whatever happens to the process, its clocks and its
//! configuration, no window is over at the instants at which messages were sent, and little of
//! what was allowed is left unused.

mod forecast;
mod learning;
mod limiter;
mod rebuilt;
mod server;
mod story;

use std::time::Duration;

use fastrand::Rng;

use story::{Kind, Story};

/// Of what was allowed.
const USED: f64 = 0.97;

fn seeds() -> std::ops::Range<u64> {
    if let Ok(seed) = std::env::var("POSTROOM_TEST_SEED") {
        let seed = seed.parse().expect("POSTROOM_TEST_SEED is a number");
        return seed..seed + 1;
    }
    let long = std::env::var_os("POSTROOM_TEST_LONG").is_some();
    0..if long { 20_000 } else { 40 }
}

#[test]
fn no_window_is_ever_over_whatever_happens_to_the_process() {
    let (mut restarts, mut sent) = (0, 0);
    for seed in seeds() {
        let story = Story::play(Kind::Troubled, seed);
        let found = story.objections();
        assert!(
            found.is_empty(),
            "POSTROOM_TEST_SEED={seed}\n{}\n{story}",
            found.join("\n")
        );
        restarts += story.restarts;
        sent += story.sent();
    }
    println!("{sent} messages, {restarts} restarts");
}

#[test]
fn little_is_left_unused_of_what_is_allowed() {
    let mut least: f64 = 1.0;
    for seed in seeds() {
        let story = Story::play(Kind::Smooth, seed);
        let found = story.objections();
        assert!(found.is_empty(), "seed {seed}: {}", found.join("\n"));
        let share = story.share();
        assert!(
            share >= USED,
            "POSTROOM_TEST_SEED={seed}\n{share:.4} of what was allowed\n{story}"
        );
        least = least.min(share);
    }
    println!("at the least {least:.4} of what was allowed");
}

/// Somewhere between `least` and `most`, each order of magnitude as likely as another.
fn scaled(dice: &mut Rng, least: f64, most: f64) -> f64 {
    least * (most / least).powf(dice.f64())
}

fn span(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}
