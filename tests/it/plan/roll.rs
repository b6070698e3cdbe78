//! Looking at a run without opening it: a survey, one person, a test message.

use postroom::plan::{OpenError, Order, Roll, RollError, open, survey};

use super::{Desk, hello};

#[test]
fn a_survey_counts_as_an_opening_would_and_changes_nothing() {
    let desk = Desk::new();
    desk.house
        .people(&["ada@example.org", "ADA@example.org", "x", "bob@example.org"]);
    let config = desk.config(&hello(""));
    let seen = survey(&Roll::of(&config, "hello").unwrap(), None).unwrap();
    assert_eq!((seen.people, seen.duplicates, seen.badness.bad), (2, 1, 1));
    assert_eq!(seen.first.unwrap().0.place.to_stored(), 2);
    assert!(desk.runs().is_empty());
}

#[test]
fn one_person_can_be_chosen_and_must_be_listed() {
    let desk = Desk::new();
    desk.house.people(&["ada@example.org", "bob@example.org"]);
    let config = desk.config(&hello(""));
    let mut order = Order::manual("hello", &desk.clock);
    order.only = Some("bob@example.org".to_owned());
    let opening = open(&config, &desk.outbox, &desk.clock, &order).unwrap();
    let rows = desk.rows(&opening.run);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].address.as_str(), rows[0].place.to_stored()),
        ("bob@example.org", 3)
    );

    let mut order = Order::manual("hello", &desk.clock);
    order.only = Some("eve@example.org".to_owned());
    let error = open(&config, &desk.outbox, &desk.clock, &order).unwrap_err();
    let OpenError::Roll(RollError::NotListed { .. }) = error else {
        panic!("{error}");
    };
    assert!(error.to_string().contains("eve@example.org"));
}

#[test]
fn a_test_message_goes_to_one_mailbox_and_nobody_on_the_list() {
    let desk = Desk::new();
    desk.house
        .people(&["broken", "ada@example.org", "bob@example.org"]);
    let config = desk.config(&hello(""));
    let mut order = Order::manual("hello", &desk.clock);
    order.test = Some("me@example.org".parse().unwrap());
    let opening = open(&config, &desk.outbox, &desk.clock, &order).unwrap();
    let rows = desk.rows(&opening.run);
    let queued: Vec<_> = rows.iter().filter(|row| row.state == "queued").collect();
    assert_eq!(queued.len(), 1);
    assert_eq!(
        (queued[0].address.as_str(), queued[0].place.to_stored()),
        ("me@example.org", 3)
    );
    assert!(
        rows.iter().all(|row| row.address != "ada@example.org"),
        "{rows:?}"
    );
}

#[test]
fn a_schedule_that_does_not_exist_is_told_with_those_that_do() {
    let desk = Desk::new();
    let config = desk.config(&hello(""));
    let error = Roll::of(&config, "hallo").err().unwrap();
    assert!(error.to_string().contains("there are hello"), "{error}");
}
