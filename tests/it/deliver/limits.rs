//! What a server wants fewer of: messages on a connection, connections at a time.

use std::time::Duration;

use postroom::sandbox::Options;

use super::{
    counts, each_once, office_at, office_with as office, office_with_abrupt, people, taken,
};
use crate::world::abrupt::Temper;
use crate::world::office::jump;
use crate::world::retort::{Heard, Retort};

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
        each_once(&office, &people, taken(&office));
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
    each_once(&office, &people, taken(&office));
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
    each_once(&office, &people, taken(&office));
    let opened = counts(&office).connections;
    assert!(opened <= 2 + 8 + 4, "{opened} connections for 200 messages");
}

/// B24: said on a connection that has carried messages, it is not answered with one more.
#[tokio::test]
async fn a_connection_that_is_one_too_many_is_not_opened_again() {
    let too_many = |heard: &Heard<'_>| {
        let too_many = heard.is("MAIL") && heard.brought == 3;
        too_many.then_some("421 4.7.0 Too many connections from you")
    };
    let server = Retort::new(too_many).await;
    let account = "connections = 2\nmessages_per_connection = 1000";
    let office = office_at(server.lines(), account).await;
    let people = people(12);
    office.send(&people).await;
    office
        .skip_until_states(Duration::from_secs(61), &["accepted"; 12])
        .await;
    each_once(&office, &people, server.taken());
}

/// B23: a server that says nothing, and hangs up after the same number of messages each time.
#[tokio::test]
async fn an_unspoken_number_of_messages_is_learned() {
    let (office, server) = office_with_abrupt(Temper::HasEnough(7)).await;
    let people = people(70);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, server.accepted());
    assert_eq!(server.connections(), 10);
    assert_eq!(server.cut_off(), 2, "twice to learn, never after");
}

/// RFC 9422: what it says in its answer to EHLO is kept to from the first connection on.
#[tokio::test]
async fn a_stated_number_of_messages_is_kept_to() {
    let (office, server) = office_with_abrupt(Temper::SaysHowMany(5)).await;
    let people = people(30);
    office.send(&people).await;
    office.quiet().await;
    each_once(&office, &people, server.accepted());
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
