//! How fast an account goes, how long its sessions last, and what it does after a refusal.

use super::stage::{HOUR, MINUTE, Stage};
use super::toml::account;
use super::wire::Answers;

const TWO: &[&str] = &["ada@example.org", "bob@example.org"];
const FOUR: &[&str] = &[
    "ada@example.org",
    "bob@example.org",
    "cy@example.org",
    "dee@example.org",
];

/// A server that takes a minute for each message.
const SLOW: Answers = |line| line.starts_with(". ").then_some("@60 250 2.0.0 ok");

#[tokio::test(start_paused = true)]
pub(super) async fn rate_of_an_account_spaces_its_mails() {
    for (rate, seconds) in [
        ("\"1/minute\"", [0, 60, 120, 180]),
        ("\"1/hour\"", [0, 3600, 7200, 10_800]),
        ("\"2/minute\"", [0, 0, 60, 60]),
        ("\"2/minute burst 1\"", [0, 30, 60, 90]),
        ("[\"1/minute\", \"2/hour\"]", [0, 60, 3600, 3660]),
    ] {
        let stage = Stage::new(account(&format!("rate = {rate}")));
        stage.send(FOUR, 4 * HOUR).await;
        assert_eq!(stage.seconds(), seconds, "{rate}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn connections_says_how_many_mails_are_under_way_at_once() {
    for (connections, seconds) in [(1, [60, 120, 180, 240]), (2, [60, 60, 120, 120])] {
        let toml = account(&format!("connections = {connections}\nchaining = false"));
        let stage = Stage::answering(SLOW, toml);
        stage.send(FOUR, 10 * MINUTE).await;
        assert_eq!(stage.seconds(), seconds);
        assert_eq!(stage.wire.calls().len(), connections);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn messages_per_connection_ends_sessions() {
    for (messages, sessions) in [(1, 4), (2, 2)] {
        let lines = format!("connections = 1\nmessages_per_connection = {messages}");
        let stage = Stage::new(account(&lines));
        stage.send(FOUR, MINUTE).await;
        assert_eq!(stage.readers(), FOUR);
        assert_eq!(stage.wire.calls().len(), sessions);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn connection_age_renews_a_session() {
    for (age, sessions) in [("1m", 2), ("1h", 1)] {
        let lines = format!("connection_age = \"{age}\"\nconnection_idle = \"2h\"");
        let stage = Stage::new(account(&lines));
        stage.send(&TWO[..1], 2 * MINUTE).await;
        stage.send(&TWO[1..], MINUTE).await;
        assert_eq!(stage.readers(), TWO);
        assert_eq!(stage.wire.calls().len(), sessions, "{age}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn connection_idle_ends_a_session_without_work() {
    for (idle, seconds) in [("10s", 10), ("50s", 50)] {
        let stage = Stage::new(account(&format!("connection_idle = \"{idle}\"")));
        stage.send(&TWO[..1], 2 * MINUTE).await;
        let call = stage.wire.calls().remove(0);
        let stayed = call.ended.unwrap().as_second() - call.began.as_second();
        assert_eq!(stayed, seconds);
        assert!(call.said().ends_with("QUIT\r\n"));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn chaining_lets_the_next_envelope_go_with_the_body() {
    for chaining in [true, false] {
        let lines = format!("connections = 1\nchaining = {chaining}");
        let stage = Stage::new(account(&lines));
        stage.send(FOUR, MINUTE).await;
        assert_eq!(stage.readers(), FOUR);
        let call = stage.wire.calls().remove(0);
        let together = call.heard.iter().any(|bytes| {
            let said = String::from_utf8_lossy(bytes);
            said.contains("\r\n.\r\nMAIL FROM")
        });
        assert_eq!(together, chaining);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn retry_of_an_account_says_when_it_is_tried_again() {
    for (retry, wanted) in [("\"1m\", \"20m\"", 60), ("\"10m\", \"1m\"", 600)] {
        let stage = Stage::answering(
            |line| line.starts_with("RCPT").then_some("450 4.2.0 later"),
            account(&format!("retry = [{retry}]")),
        );
        stage.send(&TWO[..1], 15 * MINUTE).await;
        let wait = stage.waits("ada@example.org")[0];
        let fifth = wanted / 5; // retries that failed together do not come back together
        assert!((wait - wanted).abs() <= fifth, "{retry}: after {wait} s");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn rate_of_a_domain_spaces_mails_to_it() {
    for (rate, seconds) in [("1/minute", 60), ("1/hour", 3600)] {
        let limit = format!("rate = \"{rate}\"");
        let toml = account("").with("[account.ops.domain.\"slow.example\"]", &limit);
        let stage = Stage::new(toml);
        let people = ["a@slow.example", "b@slow.example", "c@example.org"];
        stage.send(&people, 2 * HOUR).await;
        assert_eq!(stage.seconds(), [0, 0, seconds], "{rate}");
        assert!(stage.readers()[2].ends_with("slow.example"));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn connections_of_a_domain_hold_back_mails_to_it() {
    for (connections, seconds) in [(1, [60, 60, 120]), (2, [60, 60, 60])] {
        let limit = format!("connections = {connections}");
        let toml = account("connections = 3").with("[account.ops.domain.\"slow.example\"]", &limit);
        let stage = Stage::answering(SLOW, toml);
        let people = ["a@slow.example", "b@slow.example", "c@example.org"];
        stage.send(&people, 10 * MINUTE).await;
        assert_eq!(stage.seconds(), seconds, "{connections}");
    }
}
