//! `[[account.<name>.rule]]`: what a server's refusals mean. Without one, 551 is final.

use super::stage::{MINUTE, Stage};
use super::toml::account;
use super::wire::Answers;

const ADA: &[&str] = &["ada@example.org"];

const MOVED: Answers = |line| moved(line.starts_with("RCPT"));

fn moved(is_so: bool) -> Option<&'static str> {
    is_so.then_some("551 5.1.6 Moved to Timbuktu")
}

/// A rule of these lines, against a server that says that Ada has moved.
async fn ruled(lines: &str) -> Stage {
    let toml = account("").with("[[account.ops.rule]]", lines);
    let stage = Stage::answering(MOVED, toml);
    stage.send(ADA, MINUTE / 2).await;
    stage
}

#[tokio::test(start_paused = true)]
pub(super) async fn reply_says_which_codes_are_meant() {
    for (reply, state) in [
        ("551", "deferred"),
        ("552", "rejected"),
        ("551 5.1.6", "deferred"),
        ("551 5.7.1", "rejected"),
    ] {
        let stage = ruled(&format!("reply = \"{reply}\"\nthen = \"later\"")).await;
        assert_eq!(stage.states(), [state], "{reply}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn text_says_which_words_are_meant() {
    for (text, state) in [("timbuktu", "deferred"), ("gone for good", "rejected")] {
        let stage = ruled(&format!("text = \"{text}\"\nthen = \"later\"")).await;
        assert_eq!(stage.states(), [state], "{text}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn at_says_what_was_refused() {
    const BUSY: fn(bool) -> Option<&'static str> = |it| it.then_some("451 4.3.0 Busy");
    const REFUSED: [(&str, Answers); 4] = [
        ("mail", |line| BUSY(line.starts_with("MAIL"))),
        ("rcpt", |line| BUSY(line.starts_with("RCPT"))),
        ("data", |line| BUSY(line == "DATA")),
        ("dot", |line| BUSY(line.starts_with(". "))),
    ];
    for (refused, answers) in REFUSED {
        for at in ["mail", "rcpt", "data", "dot"] {
            let rule = format!("reply = \"451\"\nat = \"{at}\"\nthen = \"reject\"");
            let toml = account("").with("[[account.ops.rule]]", &rule);
            let stage = Stage::answering(answers, toml);
            stage.send(ADA, MINUTE / 2).await;
            let (states, fits) = (stage.states(), at == refused);
            assert_eq!(states == ["rejected"], fits, "{at}, {refused}: {states:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn then_says_what_follows() {
    for (then, state, suppressed, rests) in [
        ("later", "deferred", 0, false),
        ("reject", "rejected", 0, false),
        ("suppress", "rejected", 1, false),
        ("pause", "queued", 0, true),
    ] {
        let stage = ruled(&format!(
            "reply = \"551\"\nat = \"rcpt\"\nthen = \"{then}\""
        ))
        .await;
        assert_eq!(stage.states(), [state], "{then}");
        let reader = stage.outbox.reader().unwrap();
        let all = reader.suppressions().unwrap();
        assert_eq!(all.len(), suppressed, "{then}");
        assert_eq!(stage.trouble().is_some(), rests, "{then}");
    }
    let stage = ruled("reply = \"551\"\nthen = \"reconnect\"").await;
    assert!(stage.wire.calls().len() > 1, "on a connection of its own");
}
