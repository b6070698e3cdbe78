//! A server that enforces a rate: none of its refusals is needed where the rate is configured, and
//! few where it has to be learned.

use std::time::Duration;

use postroom::sandbox::{Counts, Limit, Options};

use crate::world::still::Still;

const PEOPLE: usize = 2000;
const LIMIT: Limit = Limit {
    count: 100,
    window: Duration::from_secs(10),
};

/// What the server has counted when everybody has come to an end, and how long that took.
#[expect(
    clippy::print_stdout,
    reason = "figures for whoever asks with --nocapture"
)]
async fn served(account: &str, limits_at_dot: bool) -> (Counts, Duration) {
    let still = Still::new(
        account,
        &Options {
            discard: true,
            latency: Duration::from_millis(2),
            limits: vec![LIMIT],
            limits_at_dot,
            ..Options::default()
        },
    );
    let people: Vec<String> = (0..PEOPLE).map(|n| format!("p{n}@example.org")).collect();
    let took = still.send(&people).await;
    let counts = still.reception.counts();
    println!("{account:?}: {counts:?} in {took:?}");
    assert_eq!(counts.accepted, PEOPLE as u64, "everybody, once");
    (counts, took)
}

/// Whether it refuses at the end of a message: one way, or in the long form both.
fn ways() -> &'static [bool] {
    let long = std::env::var_os("POSTROOM_TEST_LONG").is_some();
    if long { &[false, true] } else { &[false] }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_enforces_a_rate_refuses_nothing_where_it_is_configured() {
    for limits_at_dot in ways() {
        let (counts, took) = served("rate = \"100/10s\"", *limits_at_dot).await;
        assert_eq!((counts.limited, counts.deferred, counts.refused), (0, 0, 0));
        let bulk = LIMIT.count - 2; // a fiftieth is left for smaller runs
        let least = LIMIT.window * (PEOPLE.div_ceil(bulk) - 1) as u32;
        assert!(
            took < least.mul_f64(1.05),
            "{took:?} where {least:?} is possible"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_enforces_a_rate_refuses_little_while_it_is_learned() {
    for limits_at_dot in ways() {
        let (counts, _) = served("", *limits_at_dot).await;
        let share = counts.limited as f64 / (counts.limited + counts.accepted) as f64;
        assert!(share < 0.03, "{:.1} % were refused", 100.0 * share);
        assert_eq!(counts.deferred, counts.limited);
    }
}
