//! `[schedule.<name>]`: what goes to whom over what, how fast, and what may stop it.

use std::time::Duration;

use super::stage::{HOUR, MINUTE, Scenery, Stage};
use super::toml::schedule;
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
/// A server that takes nobody's mail for now.
const BUSY: Answers = |line| line.starts_with("RCPT").then_some("450 4.2.0 later");
/// A server that hangs up where its answer should be.
const RUDE: Answers = |line| line.starts_with(". ").then_some("CLOSE");

#[tokio::test(start_paused = true)]
pub(super) async fn send_is_the_template() {
    for (send, subject) in [("hello", "Hello"), ("bye", "Farewell")] {
        let files = [
            ("templates/bye/subject.txt", "Farewell\n"),
            ("templates/bye/body.txt", "So long\n"),
        ];
        let toml = schedule(&format!("send = \"{send}\""));
        let stage = Stage::among(Scenery::with_files(&files), toml);
        stage.send(&TWO[..1], MINUTE).await;
        assert_eq!(stage.mails()[0].header("Subject"), Some(subject));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn to_is_who_gets_it() {
    for (to, readers) in [
        ("\"people\"", ["ada@example.org"].as_slice()),
        ("\"guests\"", &["guest@example.org"]),
        (
            "[\"guests\", \"people\"]",
            &["guest@example.org", "ada@example.org"],
        ),
    ] {
        let toml = schedule(&format!("to = {to}"));
        let stage = Stage::new(toml.with("[list.guests]", "inline = [\"guest@example.org\"]"));
        stage.send(&TWO[..1], MINUTE).await;
        assert_eq!(stage.readers(), readers);
    }
}

/// The second account has another server.
#[tokio::test(start_paused = true)]
pub(super) async fn via_is_the_account_and_whoever_stands_in_for_it() {
    let two = "host = \"mx2.example.org\"\ntls = \"none\"\nfrom = \"two@example.org\"";
    for (via, host) in [("\"ops\"", "localhost"), ("\"two\"", "mx2.example.org")] {
        let toml = schedule(&format!("via = {via}")).with("[account.two]", two);
        let stage = Stage::new(toml);
        stage.send(&TWO[..1], MINUTE).await;
        assert_eq!(stage.mails()[0].host, host);
    }
    for (via, hosts) in [
        ("[\"ops\", \"two\"]", ["mx2.example.org"].as_slice()),
        ("[\"ops\"]", &[]),
    ] {
        let toml = schedule(&format!("via = {via}")).with("[account.two]", two);
        let toml = toml.with("[account.ops]", "hello = \"one.example.org\"");
        let out: Answers = |line| {
            line.starts_with("EHLO one")
                .then_some("421 4.3.2 no\nCLOSE")
        };
        let stage = Stage::answering(out, toml);
        stage.send(&TWO[..1], HOUR).await;
        let mails = stage.mails();
        let carriers: Vec<_> = mails.iter().map(|mail| mail.host.as_str()).collect();
        assert_eq!(carriers, hosts, "{via}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn retry_of_a_schedule_says_when_it_is_tried_again() {
    for (retry, wanted) in [("1m", 60), ("10m", 600)] {
        let toml = schedule(&format!("retry = [\"{retry}\"]"));
        let stage = Stage::answering(BUSY, toml.with("[account.ops]", "retry = [\"5m\"]"));
        stage.send(&TWO[..1], 15 * MINUTE).await;
        let wait = stage.waits("ada@example.org")[0];
        let fifth = wanted / 5; // retries that failed together do not come back together
        assert!((wait - wanted).abs() <= fifth, "{retry}: after {wait} s");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn expires_is_when_mail_is_given_up() {
    for (expires, state) in [("10m", "expired"), ("1h", "deferred")] {
        let toml = schedule(&format!("expires = \"{expires}\"\nretry = [\"2m\"]"));
        let stage = Stage::answering(BUSY, toml);
        stage.send(&TWO[..1], 11 * MINUTE).await;
        assert_eq!(stage.states(), [state], "{expires}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn rate_of_a_schedule_spaces_its_mails() {
    for (rate, seconds) in [("1/minute", 60), ("1/hour", 3600)] {
        let stage = Stage::new(schedule(&format!("rate = \"{rate}\"")));
        stage.send(TWO, 2 * HOUR).await;
        assert_eq!(stage.seconds(), [0, seconds], "{rate}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn except_is_who_gets_nothing_of_it() {
    for (except, readers) in [
        ("except = \"odd\"", vec![FOUR[1], FOUR[3]]),
        ("except = [\"odd\", \"last\"]", vec![FOUR[1]]),
        ("", FOUR.to_vec()),
    ] {
        let toml = schedule(except)
            .with("[list.odd]", &format!("inline = {:?}", [FOUR[0], FOUR[2]]))
            .with("[list.last]", &format!("inline = {:?}", [FOUR[3]]));
        let stage = Stage::new(toml);
        stage.send(FOUR, MINUTE).await;
        let mut got = stage.readers();
        got.sort();
        assert_eq!(got, readers, "{except}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn max_recipients_refuses_more() {
    for (most, refused) in [(3, true), (4, false)] {
        let stage = Stage::new(schedule(&format!("max_recipients = {most}")));
        stage.house.people(FOUR);
        let opened = stage.open().map_err(|error| error.to_string());
        match opened {
            Err(told) => assert!(refused && told.contains("max_recipients = 3"), "{told}"),
            Ok(opening) => assert_eq!((refused, opening.people()), (false, 4)),
        }
        stage.pass(MINUTE).await;
        assert_eq!(stage.mails().len(), if refused { 0 } else { 4 });
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn max_change_refuses_a_list_that_has_changed_more() {
    for (share, readers) in [("40%", 4), ("60%", 6)] {
        let stage = Stage::new(schedule(&format!("max_change = \"{share}\"")));
        stage.send(FOUR, MINUTE).await;
        stage.house.people(TWO); // half of them
        let opened = stage.open();
        assert_eq!(opened.is_ok(), readers == 6, "{share}");
        stage.pass(MINUTE).await;
        assert_eq!(stage.mails().len(), readers, "{share}");
    }
}

/// After how many minutes each of four people has it, from a server that takes one for each.
async fn canary(lines: &str) -> Vec<i64> {
    let toml = schedule(lines).with("[account.ops]", "connections = 4\nchaining = false");
    let stage = Stage::answering(SLOW, toml);
    stage.send(FOUR, 30 * MINUTE).await;
    let seconds = stage.seconds().into_iter();
    seconds.map(|second| second / 60).collect()
}

#[tokio::test(start_paused = true)]
pub(super) async fn canary_is_how_many_are_first() {
    for (canary_of, wanted) in [(1, [1, 2, 2, 2]), (2, [1, 1, 2, 2])] {
        let minutes = canary(&format!("canary = {canary_of}")).await;
        assert_eq!(minutes, wanted, "{canary_of}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn people_of_a_canary_are_first() {
    for (people, wanted) in [(1, [1, 2, 2, 2]), (2, [1, 1, 2, 2])] {
        let minutes = canary(&format!("canary = {{ people = {people} }}")).await;
        assert_eq!(minutes, wanted, "{people}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn wait_of_a_canary_keeps_the_others() {
    for (wait, wanted) in [("1m", [1, 3, 3, 3]), ("10m", [1, 12, 12, 12])] {
        let minutes = canary(&format!("canary = {{ people = 1, wait = \"{wait}\" }}")).await;
        assert_eq!(minutes, wanted, "{wait}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn on_uncertain_says_what_becomes_of_a_mail_without_an_answer() {
    for (word, state, times) in [
        ("hold", "uncertain", 1),
        ("assume-sent", "presumed", 1),
        ("resend", "uncertain", 2),
    ] {
        let stage = Stage::answering(RUDE, schedule(&format!("on_uncertain = \"{word}\"")));
        stage.send(&TWO[..1], 2 * HOUR).await;
        assert_eq!(stage.states(), [state], "{word}");
        assert_eq!(stage.wire.lines("DATA").len(), times, "{word}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn resend_after_is_how_long_such_a_mail_waits() {
    for (after, seconds) in [("5m", 300), ("20m", 1200)] {
        let stage = Stage::answering(RUDE, schedule(&format!("resend_after = \"{after}\"")));
        stage.send(&TWO[..1], 30 * MINUTE).await;
        let wait = stage.waits("ada@example.org")[0];
        assert!(
            (seconds..seconds + 3).contains(&wait),
            "{after}: after {wait} s"
        );
    }
}

/// How the run of nine o'clock ends, and how many have its mail.
async fn at_nine(lines: &str, people: &[&str]) -> (String, usize) {
    let stage = Stage::new(schedule(&format!("on = \"2026-06-01T09:00\"\n{lines}")));
    stage.house.people(people);
    stage.pass(HOUR + MINUTE).await;
    let (state, _) = stage.ends().remove(0);
    (state, stage.mails().len())
}

#[tokio::test(start_paused = true)]
pub(super) async fn empty_says_what_a_run_to_nobody_is() {
    for (word, state) in [("fail", "failed"), ("skip", "completed")] {
        let end = at_nine(&format!("empty = \"{word}\""), &[]).await;
        assert_eq!(end, (state.to_owned(), 0));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn bad_rows_says_whether_the_others_get_theirs() {
    for (word, state, mails) in [("skip", "completed", 1), ("refuse", "failed", 0)] {
        let people = ["ada@example.org", "no-at-sign"];
        let end = at_nine(&format!("bad_rows = \"{word}\""), &people).await;
        assert_eq!(end, (state.to_owned(), mails));
    }
}

/// How often Ada hears, of one date and then of another, so much later.
async fn twice(lines: &str, later: Duration) -> usize {
    let stage = Stage::new(schedule(lines));
    for day in ["May", "June"] {
        let csv = format!("email,ends_on\nada@example.org,{day}\n");
        stage.house.write("people.csv", &csv);
        let _ = stage.open(); // to nobody, if she has heard of it
        stage.pass(later).await;
    }
    stage.mails().len()
}

#[tokio::test(start_paused = true)]
pub(super) async fn once_per_says_what_makes_it_the_same_notice() {
    for (fields, mails) in [("\"email\"", 1), ("\"email\", \"ends_on\"", 2)] {
        let lines = format!("once_per = [{fields}]\nempty = \"skip\"");
        assert_eq!(twice(&lines, MINUTE).await, mails, "{fields}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn once_for_is_how_long_a_notice_counts() {
    for (span, mails) in [("1d", 1), ("2h", 2)] {
        let lines = format!("once_per = [\"email\"]\nonce_for = \"{span}\"\nempty = \"skip\"");
        assert_eq!(twice(&lines, 3 * HOUR).await, mails, "{span}");
    }
}
