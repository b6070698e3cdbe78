//! What a server wants fewer of: messages on a connection, connections at a time.

use postroom::sandbox::{Counts, Options};
use std::time::Duration;

use crate::world::abrupt::{Abrupt, Temper};
use crate::world::office::{Office, Plan, jump};

async fn office(account: &str, server: Options) -> Office {
    Office::new(Plan {
        account,
        server,
        ..Plan::default()
    })
    .await
}

fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}@example.org")).collect()
}

fn counts(office: &Office) -> Counts {
    office.sandbox.as_ref().unwrap().counts()
}

fn all_at_the_first_try(office: &Office, people: &[String]) {
    assert_eq!(office.accepted().len(), people.len());
    for address in people {
        assert_eq!(office.tries(address).len(), 1, "{address} was charged");
    }
    assert!(office.trouble().is_none(), "{:?}", office.trouble());
}

/// B23: the refusal is nobody's fault, the next connection is opened at once, and the one after it
/// is ended before the server has to.
#[tokio::test]
async fn the_messages_that_a_connection_may_carry_are_learned() {
    for chaining in ["true", "false"] {
        let server = Options {
            messages_per_connection: Some(7),
            ..Options::default()
        };
        let account = format!("connections = 1\nchaining = {chaining}");
        let office = office(&account, server).await;
        let people = people(70);
        office.send(&people).await;
        office.quiet().await;
        all_at_the_first_try(&office, &people);
        assert_eq!(counts(&office).connections, 10);
        assert_eq!(counts(&office).deferred, 1, "one 421, and it was enough");
    }
}

#[tokio::test]
async fn the_configured_number_of_messages_is_kept() {
    let account = "connections = 1\nmessages_per_connection = 10";
    let office = office(account, Options::default()).await;
    let people = people(40);
    office.send(&people).await;
    office.quiet().await;
    all_at_the_first_try(&office, &people);
    assert_eq!(counts(&office).connections, 4);
}

/// B24: lanes shrink to what is allowed, and no account is in trouble while one can work.
#[tokio::test]
async fn the_connections_that_a_server_allows_are_learned() {
    let server = Options {
        connections: Some(2),
        latency: Duration::from_millis(5),
        ..Options::default()
    };
    let office = office("connections = 8", server).await;
    let people = people(200);
    office.send(&people).await;
    office.quiet().await;
    all_at_the_first_try(&office, &people);
    let opened = counts(&office).connections;
    assert!(opened <= 2 + 8 + 4, "{opened} connections for 200 messages");
}

/// B23: a server that says nothing, and hangs up after the same number of messages each time.
#[tokio::test]
async fn an_unspoken_number_of_messages_is_learned() {
    let office = Office::new(Plan {
        account: "connections = 1",
        deserted: true,
        ..Plan::default()
    })
    .await;
    let address = ([127, 0, 0, 1], office.port()).into();
    let server = Abrupt::start(address, Temper::HasEnough(7)).await;
    let mut people = people(70);
    office.send(&people).await;
    office.quiet().await;
    people.sort();
    assert_eq!(server.accepted(), people);
    for address in &people {
        assert_eq!(office.tries(address).len(), 1, "{address} was charged");
    }
    assert_eq!(server.connections(), 10);
    assert_eq!(server.cut_off(), 2, "twice to learn, never after");
}

/// RFC 9422: what it says in its answer to EHLO is kept to from the first connection on.
#[tokio::test]
async fn a_stated_number_of_messages_is_kept_to() {
    let office = Office::new(Plan {
        account: "connections = 1",
        deserted: true,
        ..Plan::default()
    })
    .await;
    let address = ([127, 0, 0, 1], office.port()).into();
    let server = Abrupt::start(address, Temper::SaysHowMany(5)).await;
    let mut people = people(30);
    office.send(&people).await;
    office.quiet().await;
    people.sort();
    assert_eq!(server.accepted(), people);
    assert_eq!((server.connections(), server.cut_off()), (6, 0));
}

#[tokio::test]
async fn a_connection_is_renewed_at_its_age_and_closed_when_it_is_idle() {
    for (age, idle, connections) in [("1m", "1h", 2), ("1h", "1m", 2), ("1h", "1h", 1)] {
        let account =
            format!("connections = 1\nconnection_age = \"{age}\"\nconnection_idle = \"{idle}\"");
        let office = office(&account, Options::default()).await;
        office.send(&["ada@example.org"]).await;
        office.until_states(&["accepted"]).await;
        jump(Duration::from_secs(61)).await;
        office.send(&["bob@example.org"]).await;
        office.quiet().await;
        let opened = counts(&office).connections;
        assert_eq!(opened, connections, "age {age}, idle {idle}");
    }
}
