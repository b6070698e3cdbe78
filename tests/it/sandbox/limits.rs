//! Rates that the sandbox enforces.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::sandbox::{Limit, Options, Reception};
use serde_json::Value;
use tokio::time::advance;

use super::script::{Client, message_to, reception};

const MAIL: &str = "C: MAIL FROM:<ada@example.org>\n";

fn limit(count: usize, seconds: u64) -> Limit {
    let window = Duration::from_secs(seconds);
    Limit { count, window }
}

fn limited(limits: &[Limit]) -> Arc<Reception> {
    reception(&Options {
        limits: limits.to_vec(),
        ..Options::default()
    })
}

/// Brings one message and says goodbye; whether it was taken.
async fn bring(reception: &Arc<Reception>, recipient: &str) -> bool {
    let mut client = Client::greeted(reception).await;
    client.play(MAIL).await;
    let reply = client.reply().await;
    if !reply.starts_with("250") {
        let over = reply.starts_with("421 4.7.0 Rate limit exceeded: ");
        assert!(over, "{reply}");
        assert_eq!(client.reply().await, "<end>");
        return false;
    }
    let rest = message_to(recipient);
    let (_, rest) = rest.split_once("S: 250 …").unwrap();
    client.play(rest).await;
    client.reply().await.starts_with("250")
}

#[tokio::test(start_paused = true)]
async fn one_more_than_a_limit_allows_is_refused_until_the_window_has_passed() {
    let reception = limited(&[limit(2, 10)]);
    assert!(bring(&reception, "bob@example.org").await);
    advance(Duration::from_secs(4)).await;
    assert!(bring(&reception, "bob@example.org").await);
    assert!(!bring(&reception, "bob@example.org").await);
    advance(Duration::from_micros(5_999_999)).await;
    assert!(!bring(&reception, "bob@example.org").await);
    advance(Duration::from_micros(1)).await;
    assert!(bring(&reception, "bob@example.org").await);
    assert!(!bring(&reception, "bob@example.org").await, "one came back");
    let counts = reception.counts();
    assert_eq!(
        (counts.accepted, counts.limited, counts.deferred),
        (3, 3, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn each_of_several_limits_is_enforced() {
    let reception = limited(&[limit(2, 1), limit(3, 60)]);
    for taken in [true, true, false] {
        assert_eq!(bring(&reception, "bob@example.org").await, taken);
    }
    advance(Duration::from_secs(1)).await;
    for taken in [true, false] {
        assert_eq!(bring(&reception, "bob@example.org").await, taken);
    }
    advance(Duration::from_secs(1)).await;
    assert!(!bring(&reception, "bob@example.org").await, "the minute's");
}

#[tokio::test(start_paused = true)]
async fn messages_under_way_count_until_they_are_known_not_to_come() {
    let reception = limited(&[limit(1, 10)]);
    let mut first = Client::greeted(&reception).await;
    first.play(&[MAIL, "S: 250 …"].concat()).await;
    assert!(!bring(&reception, "bob@example.org").await, "one is coming");
    first.play("C: RSET\nS: 250 …").await;
    assert!(!bring(&reception, "dot5xx@example.org").await, "refused");
    assert!(!bring(&reception, "drop@example.org").await, "broken off");
    assert!(bring(&reception, "bob@example.org").await, "it was free");
    assert!(!bring(&reception, "bob@example.org").await);
}

#[tokio::test(start_paused = true)]
async fn a_limit_may_be_enforced_after_the_body() {
    let reception = reception(&Options {
        limits: vec![limit(1, 10)],
        limits_at_dot: true,
        ..Options::default()
    });
    let mut clients = [
        Client::greeted(&reception).await,
        Client::greeted(&reception).await,
    ];
    for client in &mut clients {
        client.play(&message_to("bob@example.org")).await;
    }
    clients[0].play("S: 250 …").await;
    let over = "S: 421 4.7.0 Rate limit exceeded: 1 in 10 s, closing\nS: <end>";
    clients[1].play(over).await;
    assert_eq!(reception.counts().limited, 1);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_logged_with_their_connection_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("refused.jsonl");
    let reception = reception(&Options {
        limits: vec![limit(1, 10)],
        refusal_log: Some(log.clone()),
        ..Options::default()
    });
    assert!(bring(&reception, "bob@example.org").await);
    advance(Duration::from_micros(1_234_567)).await;
    assert!(!bring(&reception, "bob@example.org").await);
    let mut third = Client::greeted(&reception).await;
    third
        .play("C: MAIL FROM:<ada@example.org> SIZE=99999999999")
        .await;
    third.play("S: 552 5.3.4 …").await;
    let [over, large] = &lines(&log)[..] else {
        panic!("{:?}", lines(&log));
    };
    assert_eq!(over["connection"], 2);
    assert_eq!(over["time_us"], 1_793_534_401_234_567_i64);
    let reply = "421 4.7.0 Rate limit exceeded: 1 in 10 s, closing";
    assert_eq!(over["reply"], reply);
    assert_eq!(large["connection"], 3);
    assert_eq!(large["elapsed_us"], over["elapsed_us"]);
}

fn lines(log: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}
