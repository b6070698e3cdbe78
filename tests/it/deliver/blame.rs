//! Whose fault it is: one message's, its connection's, or the account's; and that nobody knocks
//! more often than that deserves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{office_at, people};
use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::{Heard, Retort};

/// One that is always refused as if the account were at fault makes it rest once. Then others are
/// taken, so it is that one's own: the others go on at their pace.
#[tokio::test]
async fn one_recipient_that_blames_the_sender_does_not_stop_the_others() {
    for answer in [
        "554 5.7.1 <ops@example.org>: Sender address rejected: Access denied",
        "550 5.4.5 Daily user sending limit exceeded",
        "554 5.7.1 Relay access denied",
    ] {
        let poison = move |heard: &Heard<'_>| heard.is("RCPT TO:<allhands@").then_some(answer);
        let server = Retort::new(poison).await;
        let office = office_at(server.lines(), "connections = 1").await;
        office.send(&["allhands@example.org"]).await;
        until("the rest", || office.trouble().is_some()).await;
        let people = people(200);
        office.send(&people).await;
        for _ in 0..12 {
            jump(Duration::from_secs(61)).await;
            office.sweep().await;
            lull().await;
            let under_way = |state: &String| state == "leased" || state == "armed";
            until("a pause", || !office.states().iter().any(under_way)).await;
        }
        assert_eq!(server.taken(), people, "{answer}");
        assert!(office.trouble().is_none());
        let poisoned = office.row("allhands@example.org");
        assert!(["queued", "deferred"].contains(&poisoned.state.as_str()));
    }
}

/// Where nobody is taken any more, it is the account.
#[tokio::test]
async fn refusals_in_a_row_are_the_accounts_again() {
    let full = Arc::new(AtomicBool::new(true));
    let is_full = Arc::clone(&full);
    let quota = move |heard: &Heard<'_>| {
        let full = heard.is(".") && is_full.load(Ordering::Relaxed);
        full.then_some("550 5.4.5 Daily user sending limit exceeded")
    };
    let server = Retort::new(quota).await;
    let office = office_at(server.lines(), "connections = 1").await;
    office.send(&["a@example.org"]).await;
    until("the first rest", || office.trouble().is_some()).await;
    full.store(false, Ordering::Relaxed);
    jump(Duration::from_secs(400)).await;
    until("an end of it", || office.trouble().is_none()).await;
    full.store(true, Ordering::Relaxed);
    office.send(&people(50)).await;
    until("the second rest", || office.trouble().is_some()).await;
    lull().await;
    assert_eq!(server.times("."), 2 + 3, "no more than three find out");
    let states = office.states();
    assert!(
        !states.iter().any(|state| state == "rejected"),
        "{states:?}"
    );
}

/// 535 is tried by one, also when all sessions had ended and ten are wanted again.
#[tokio::test]
async fn a_password_that_became_wrong_is_tried_once() {
    let wrong = Arc::new(AtomicBool::new(false));
    let is_wrong = Arc::clone(&wrong);
    let login = move |heard: &Heard<'_>| match heard.line {
        line if line.starts_with("EHLO") => Some("250-here\r\n250 AUTH PLAIN"),
        line if line.starts_with("AUTH") && is_wrong.load(Ordering::Relaxed) => {
            Some("535 5.7.8 wrong")
        }
        line if line.starts_with("AUTH") => Some("235 in"),
        _ => None,
    };
    let server = Retort::new(login).await;
    let account = "connections = 10\nuser = \"ada\"\npassword = { file = \"secret\" }";
    let office = office_at(server.lines(), account).await;
    office.send(&people(40)).await;
    office.quiet().await;
    jump(Duration::from_secs(10)).await;
    lull().await;
    let before = server.times("AUTH");
    assert!(before > 1, "several sessions");
    wrong.store(true, Ordering::Relaxed);
    office.send(&people(40)).await;
    until("the rest", || office.trouble().is_some()).await;
    lull().await;
    assert_eq!(server.times("AUTH"), before + 1);
}

/// What cannot be recorded is not sent, and the server is left alone until it can.
#[tokio::test]
async fn an_arm_that_fails_does_not_hammer_the_server() {
    let server = Retort::new(|_: &Heard<'_>| None).await;
    let office = office_at(server.lines(), "connections = 1").await;
    let database = office.config.daemon.state.join("postroom.db");
    let sql = rusqlite::Connection::open(database).unwrap();
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'no'); END";
    sql.execute_batch(trigger).unwrap();
    office.send(&people(3)).await;
    until("the rest", || office.trouble().is_some()).await;
    lull().await;
    assert!(server.connections() <= 2, "{}", server.connections());
    assert!(office.trouble().unwrap().text.contains("recorded"));
    sql.execute_batch("DROP TRIGGER no").unwrap();
    office
        .skip_until_states(Duration::from_secs(31), &["accepted"; 3])
        .await;
}

/// B23: 421 and no more, after the same number of messages: the next connection takes the rest.
#[tokio::test]
async fn a_goodbye_after_some_messages_is_a_new_connection() {
    let enough = |heard: &Heard<'_>| {
        let enough = heard.is("MAIL") && heard.brought >= 5;
        enough.then_some("421 4.4.2 closing")
    };
    let server = Retort::new(enough).await;
    let office = office_at(server.lines(), "connections = 1").await;
    let people = people(50);
    office.send(&people).await;
    office.quiet().await;
    super::each_once(&office, &people, server.taken());
    assert_eq!(server.connections(), 10);
}

/// Who was waited for in vain is not waited for a second time at once.
#[tokio::test]
async fn one_that_hangs_is_waited_for_once() {
    let office = Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    office
        .send(&["a@example.org", "hang@example.org", "b@example.org"])
        .await;
    office.until_states(&["accepted", "leased", "leased"]).await;
    office
        .skip_until_states(
            Duration::from_secs(121),
            &["accepted", "deferred", "accepted"],
        )
        .await;
    assert_eq!(office.tries("hang@example.org").len(), 1);
}
