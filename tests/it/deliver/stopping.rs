//! The end of a process: with time to hear the answers, and without.

use std::time::Duration;

use crate::world::office::{Office, Plan, jump, lull, until, within};

async fn office() -> Office {
    Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await
}

/// A10: a first SIGTERM.
#[tokio::test]
async fn a_drain_hears_the_answer_that_is_due_and_begins_nothing_new() {
    let mut office = office().await;
    office.send(&["slow@example.org", "bob@example.org"]).await;
    office.until_states(&["armed", "leased"]).await;
    office.drain_during(Duration::from_secs(6)).await;
    assert_eq!(office.states(), ["accepted", "queued"]);
    assert_eq!(office.accepted().len(), 1);
    assert!(office.tries("bob@example.org").is_empty());
}

#[tokio::test]
async fn a_drain_of_idle_lanes_is_quick() {
    let mut office = office().await;
    office.send(&["bob@example.org"]).await;
    office.until_states(&["accepted"]).await;
    let mut deliver = office.deliver.take().unwrap();
    within(5, deliver.drain()).await;
}

/// A10: a second one.
#[tokio::test]
async fn an_abort_records_what_is_in_doubt_and_gives_back_the_rest() {
    let mut office = Office::new(Plan {
        account: "connections = 2",
        ..Plan::default()
    })
    .await;
    office
        .send(&["slow@example.org", "hang@example.org", "bob@example.org"])
        .await;
    office.until_states(&["armed", "leased", "leased"]).await;
    let mut deliver = office.deliver.take().unwrap();
    let abort = deliver.abort_handle();
    within(5, async {
        tokio::join!(deliver.drain(), async {
            lull().await;
            abort.cancel();
        })
    })
    .await;
    assert_eq!(office.states(), ["uncertain", "queued", "queued"]);
    let tries = office.tries("slow@example.org");
    assert_eq!(tries[0].outcome.as_deref(), Some("uncertain"));
    assert!(
        tries[0]
            .reply
            .as_ref()
            .unwrap()
            .contains("postroom was stopped"),
        "{tries:?}"
    );
    for address in ["hang@example.org", "bob@example.org"] {
        assert!(
            office.tries(address).is_empty(),
            "{address}: no attempt was burnt"
        );
    }
}

/// A process that begins again takes up what the last one left.
#[tokio::test]
async fn a_restart_goes_on_where_the_last_process_stopped() {
    let mut office = office().await;
    let people: Vec<_> = (0..30).map(|n| format!("p{n}@example.org")).collect();
    office.send(&people).await;
    until("some", || office.accepted().len() >= 5).await;
    office.drain_during(Duration::ZERO).await;
    let before = office.accepted().len();
    assert!(
        office
            .states()
            .iter()
            .all(|state| state == "accepted" || state == "queued")
    );
    office.start();
    office.quiet().await;
    assert!(before <= 30);
    let mut to: Vec<_> = office
        .accepted()
        .iter()
        .map(|line| line["to"][0].to_string())
        .collect();
    assert_eq!(to.len(), 30);
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 30, "nobody twice");
}

#[tokio::test]
async fn what_is_held_back_before_its_body_is_not_sent() {
    let office = office().await;
    office.send(&["slow3@example.org", "bob@example.org"]).await;
    office.until_states(&["armed", "leased"]).await;
    // Claimed already, and then a person says stop.
    let sql = rusqlite::Connection::open(office.config.daemon.state.join("postroom.db")).unwrap();
    sql.execute(
        "INSERT INTO hold VALUES ('all', '', 'stop', 'grace', 0, NULL)",
        [],
    )
    .unwrap();
    office
        .skip_until_states(Duration::from_secs(4), &["accepted", "queued"])
        .await;
    lull().await;
    assert_eq!(office.accepted().len(), 1, "not even an empty message");
    assert!(office.tries("bob@example.org").is_empty());
    sql.execute("DELETE FROM hold", []).unwrap();
    office
        .skip_until_states(Duration::from_secs(31), &["accepted", "accepted"])
        .await;
}

/// Stopped in the moment of the arm: nothing of the body went out, so nothing is in doubt.
#[tokio::test]
async fn an_abort_between_354_and_the_body_leaves_no_doubt() {
    let mut office = office().await;
    let state = office.config.daemon.state.clone();
    let mut deliver = office.deliver.take().unwrap();
    deliver.drain().await;
    // The writer's own thread, so that a commit can take its time.
    office.outbox = postroom::outbox::Outbox::open(&state, office.clock.clone()).unwrap();
    office.start();
    office.send(&["slow2@example.org", "bob@example.org"]).await;
    office.until_states(&["armed", "leased"]).await;
    let sql = rusqlite::Connection::open(state.join("postroom.db")).unwrap();
    sql.execute_batch("BEGIN IMMEDIATE").unwrap();
    jump(Duration::from_secs(3)).await;
    until("the server has it", || office.accepted().len() == 1).await;
    lull().await; // MAIL, RCPT, DATA, 354 for bob
    let mut deliver = office.deliver.take().unwrap();
    deliver.abort_handle().cancel();
    tokio::join!(deliver.drain(), async {
        lull().await;
        sql.execute_batch("ROLLBACK").unwrap();
    });
    office.outbox.close();
    assert_eq!(
        office.states(),
        ["accepted", "queued"],
        "{:#?}",
        office.rows()
    );
    assert_eq!(office.accepted().len(), 1);
    assert!(!office.row("bob@example.org").doubted);
}
