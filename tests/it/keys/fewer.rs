//! One message to more people than the server takes at once: they share as many as it needs, and
//! everybody gets it once.

use std::cell::Cell;

use super::group::THREE;
use super::stage::{HOUR, MINUTE, Scenery, Stage};
use super::toml::schedule;
use super::wire::Answers;

const FIVE: &[&str] = &[
    "ada@example.org",
    "bob@example.net",
    "cy@example.org",
    "dee@example.org",
    "eve@example.org",
];
const TOO_MANY: &str = "452 4.5.3 too many recipients";

thread_local! {
    /// Of the transaction: there is one connection, and one thread.
    static RECIPIENTS: Cell<usize> = const { Cell::new(0) };
}

/// Counts, and says whether there are more than two.
fn more_than_two(line: &str) -> bool {
    match line.get(..4) {
        Some("MAIL") => RECIPIENTS.set(0),
        Some("RCPT") => RECIPIENTS.set(RECIPIENTS.get() + 1),
        _ => {}
    }
    RECIPIENTS.get() > 2
}

fn stage(lines: &str, answers: Answers) -> Stage {
    let scenery = Scenery {
        answers,
        ..Scenery::with_files(&[("templates/hello/body.txt", "Hello all\n")])
    };
    let toml = schedule(&format!("group = true\n{lines}"));
    Stage::among(scenery, toml.with("[account.ops]", "connections = 1"))
}

/// Sends twice to five; returns how often the server was asked to take a message.
async fn all_get_it_once_by_twos(answers: Answers) -> usize {
    let stage = stage("expires = \"3h\"", answers);
    stage.send(FIVE, MINUTE).await;
    assert_eq!(stage.states(), ["accepted"; 5]);
    let mails = stage.mails();
    let readers: Vec<_> = mails.iter().map(|mail| mail.all.clone()).collect();
    assert_eq!(readers, [&FIVE[..2], &FIVE[2..4], &FIVE[4..]]);
    // The header stays complete, and nothing else differs.
    assert_eq!(mails[0].unfolded("To").unwrap(), FIVE.join(", "));
    assert!(mails.iter().all(|mail| mail.text == mails[0].text));
    assert!(stage.rows().iter().all(|row| row.tries == 1));
    let asked = stage.wire.lines("MAIL").len();
    stage.send(FIVE, MINUTE).await;
    assert_eq!(stage.mails().len(), 6);
    // What was learned is not learned again.
    assert_eq!(stage.wire.lines("MAIL").len(), asked + 3);
    asked
}

#[tokio::test(start_paused = true)]
async fn who_are_too_many_at_data_come_by_halves() {
    let asked = all_get_it_once_by_twos(|line| {
        let too_many = more_than_two(line) && line == "DATA";
        too_many.then_some(TOO_MANY)
    });
    assert_eq!(asked.await, 4);
}

#[tokio::test(start_paused = true)]
async fn who_are_too_many_at_the_end_of_data_come_by_halves() {
    let asked = all_get_it_once_by_twos(|line| {
        let too_many = more_than_two(line) && line.starts_with(". ");
        too_many.then_some("554 5.5.3 too many recipients")
    });
    assert_eq!(asked.await, 4);
}

/// LIMITS RCPTMAX (RFC 9422).
#[tokio::test(start_paused = true)]
async fn a_server_that_names_its_limit_is_never_offered_more() {
    let asked = all_get_it_once_by_twos(|line| match line {
        _ if line.starts_with("EHLO") => Some("250-mx\n250-PIPELINING\n250 LIMITS RCPTMAX=2"),
        _ if more_than_two(line) => Some("550 5.5.3 too many"),
        _ => None,
    });
    assert_eq!(asked.await, 3);
}

/// Even one is too many: that is no matter of number, and is tried later as ever.
#[tokio::test(start_paused = true)]
async fn where_one_is_too_many_all_wait() {
    let stage = stage("retry = [\"10m\"]", |line| {
        (line == "DATA").then_some(TOO_MANY)
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["deferred"; 3]);
    assert!(stage.rows().iter().all(|row| row.tries == 1));
    stage.wire.answer(|_| None);
    stage.pass(HOUR).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
}

/// The lease lasts as long as the server may take for all of them.
#[tokio::test(start_paused = true)]
async fn a_server_that_thinks_long_about_each_still_gets_it() {
    let stage = stage("", |line| {
        line.starts_with("RCPT").then_some("@100 250 2.1.5 ok")
    });
    let people: Vec<String> = (0..20).map(|n| format!("p{n}@example.org")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    stage.send(&people, HOUR).await;
    assert_eq!(stage.states(), ["accepted"; 20]);
    assert_eq!(stage.mails().len(), 1);
    assert_eq!(stage.wire.lines("MAIL").len(), 1);
}

/// The server of this stage offers no SMTPUTF8.
#[tokio::test(start_paused = true)]
async fn a_hidden_one_whom_the_server_cannot_mail_stands_in_nobodys_way() {
    let stage = stage("bcc = \"jürgen@example.org\"", |_| None);
    stage.send(THREE, MINUTE).await;
    let states = ["accepted", "accepted", "accepted", "invalid"];
    assert_eq!(stage.states(), states);
    assert_eq!(stage.mails()[0].all, THREE);
    let reason = stage.rows()[3].reason.clone().unwrap();
    assert!(reason.starts_with("the address has letters"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn one_who_is_named_and_cannot_be_is_told_to_all() {
    let stage = stage("cc = \"jürgen@example.org\"", |_| None);
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["invalid"; 4]);
    let reason = stage.rows()[0].reason.clone().unwrap();
    let masked = postroom::audience::mask("jürgen@example.org");
    let named = format!("the message names {masked}, and the address");
    assert!(reason.starts_with(&named), "{reason}");
}

/// It would say that it is to nobody.
#[tokio::test(start_paused = true)]
async fn without_anybody_in_to_there_are_no_copies() {
    for banned in [&THREE[1..], THREE] {
        let stage = stage("cc = \"boss@example.org\"", |_| None);
        for person in banned {
            let ban = postroom::outbox::Banned::new(person, "asked us to stop", "a person");
            let ban = postroom::outbox::Suppress::from(ban);
            stage.outbox.submit(ban).await.unwrap();
        }
        stage.send(THREE, MINUTE).await;
        let all = banned.len() == THREE.len();
        let states = stage.states();
        assert_eq!(states[3], if all { "skipped" } else { "accepted" });
        assert_eq!(stage.mails().len(), usize::from(!all));
        assert_eq!(stage.ends()[0].0, "completed");
        let reason = stage.rows()[3].reason.clone();
        let told = all.then(|| "nobody is left in To".to_owned());
        assert_eq!(reason, told);
    }
}
