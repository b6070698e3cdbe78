//! Chain traps: the envelope of the next message is with the server already, and then something
//! happens to it. No empty mail, no false "accepted", nobody twice.

use std::time::Duration;

use postroom::outbox::Suppress;
use postroom::sandbox::Options;
use rusqlite::Connection;

use super::{counts, each_once, office_with as office, office_with_abrupt, people, taken};
use crate::world::abrupt::Temper;
use crate::world::office::{Office, lull, until};

const SLOW: &str = "slow@example.org"; // five seconds for the answer to its dot
const BOB: &str = "bob@example.org";

/// A message waits for the answer to its dot, and the next one's envelope went with its body.
async fn two_in_a_chain() -> Office {
    let office = office("connections = 1", Options::default()).await;
    office.send(&[SLOW, BOB]).await;
    office.until_states(&["armed", "leased"]).await;
    until("the chain", || counts(&office).chained == 1).await;
    office
}

fn sql(office: &Office) -> Connection {
    Connection::open(office.config.daemon.state.join("postroom.db")).unwrap()
}

/// Only the first message came in, and not so much as an empty one beside it.
async fn only_the_first(office: &Office, state: &str) {
    office
        .skip_until_states(Duration::from_secs(6), &["accepted", state])
        .await;
    lull().await;
    let accepted = office.accepted();
    assert_eq!(accepted.len(), 1, "{accepted:#?}");
    assert_eq!(accepted[0]["to"][0], SLOW);
    assert!(office.tries(BOB).is_empty());
}

#[tokio::test]
async fn messages_that_wait_are_chained_on_a_warm_connection() {
    let office = office("connections = 1", Options::default()).await;
    let people = people(50);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, taken(&office));
    let chained = counts(&office).chained;
    assert!(chained >= 40, "{chained} of 50");
    assert_eq!(counts(&office).connections, 1);
}

#[tokio::test]
async fn an_account_that_does_not_want_it_does_not_chain() {
    let office = office("chaining = false", Options::default()).await;
    let people = people(20);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, taken(&office));
    assert_eq!(counts(&office).chained, 0);
}

/// Where a rate leaves nothing over, the next one waits for its turn outside.
#[tokio::test]
async fn where_a_rate_binds_nothing_is_chained() {
    for (rate, binds) in [("5/hour", true), ("1000/hour", false)] {
        let account = format!("connections = 1\nrate = \"{rate}\"");
        let office = office(&account, Options::default()).await;
        let people = people(5);
        office.send(&people).await;
        office.quiet().await;
        each_once(&office, &people, taken(&office));
        assert_eq!(counts(&office).chained == 0, binds, "{rate}");
    }
}

#[tokio::test]
async fn one_that_is_suppressed_meanwhile_is_not_sent() {
    let office = two_in_a_chain().await;
    let suppress = Suppress::from(postroom::outbox::Banned::new(BOB, "asked to", "test"));
    office.outbox.submit(suppress).await.unwrap();
    only_the_first(&office, "suppressed").await;
}

#[tokio::test]
async fn one_that_is_held_meanwhile_waits() {
    let office = two_in_a_chain().await;
    let hold = "INSERT INTO hold VALUES ('all', '', 'stop', 'grace', 0, NULL)";
    sql(&office).execute(hold, []).unwrap();
    only_the_first(&office, "queued").await;
    sql(&office).execute("DELETE FROM hold", []).unwrap();
    office
        .skip_until_states(Duration::from_secs(31), &["accepted", "accepted"])
        .await;
    assert_eq!(office.accepted().len(), 2);
}

#[tokio::test]
async fn one_that_is_cancelled_meanwhile_is_not_sent() {
    let office = two_in_a_chain().await;
    let cancel = "UPDATE delivery SET state = 'cancelled', lease_until = NULL, ended_at = 1
        WHERE address = 'bob@example.org'";
    assert_eq!(sql(&office).execute(cancel, []).unwrap(), 1);
    only_the_first(&office, "cancelled").await;
}

#[tokio::test]
async fn one_whose_time_runs_out_meanwhile_is_not_sent() {
    let office = two_in_a_chain().await;
    let expire = "UPDATE run SET expires_at = opened_at";
    sql(&office).execute(expire, []).unwrap();
    only_the_first(&office, "expired").await;
}

#[tokio::test]
async fn a_stop_hears_the_answer_that_is_due_and_leaves_the_next_for_later() {
    let mut office = two_in_a_chain().await;
    office.drain_during(Duration::from_secs(6)).await;
    assert_eq!(office.states(), ["accepted", "queued"]);
    assert_eq!(office.accepted().len(), 1);
    assert!(office.tries(BOB).is_empty());
    office.start();
    office.until_states(&["accepted", "accepted"]).await;
    assert_eq!(office.accepted().len(), 2);
}

#[tokio::test]
async fn an_abort_leaves_one_in_doubt_and_the_next_untouched() {
    let mut office = two_in_a_chain().await;
    let mut deliver = office.deliver.take().unwrap();
    deliver.abort_handle().cancel();
    deliver.drain().await;
    assert_eq!(office.states(), ["uncertain", "queued"]);
    assert!(office.tries(BOB).is_empty());
}

/// B25: Haraka: 503 to a MAIL that came with a body. Nothing lost, nothing doubled, nobody charged.
#[tokio::test]
async fn a_server_that_refuses_chaining_is_served_without() {
    let server = Options {
        chaining: false,
        ..Options::default()
    };
    let office = office("connections = 3", server).await;
    let people = people(60);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, taken(&office));
    assert_eq!(counts(&office).chained, 1, "one message found out for all");
    assert!(counts(&office).connections <= 3);
}

/// B19: The first of two drops the connection at its dot: it alone is in doubt.
#[tokio::test]
async fn a_connection_that_breaks_leaves_one_in_doubt_and_not_two() {
    let office = office("connections = 1", Options::default()).await;
    office
        .send(&["a@example.org", "doubt@example.org", BOB])
        .await;
    office
        .until_states(&["accepted", "uncertain", "accepted"])
        .await;
    assert_eq!(office.tries(BOB).len(), 1);
}

/// It answers the message, and hangs up on what came along: two are enough to find out.
#[tokio::test]
async fn a_server_that_hangs_up_on_hurry_is_served_without() {
    let (office, server) = office_with_abrupt(Temper::MindsHurry).await;
    let people = people(40);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, server.accepted());
    assert!(server.connections() <= 4, "{}", server.connections());
}
