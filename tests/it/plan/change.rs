//! `max_change`: many more people or far fewer than the last time is a mistake until it is meant.

use postroom::outbox::{Banned, Suppress};
use postroom::plan::{Former, OpenError, Opening, Order, RollError};

use super::opening::people as addresses;
use super::{Desk, hello};

const HALF: &str = "max_change = \"50%\"";

impl Desk {
    fn sent(&self, more: &str, order: &Order) -> Result<Opening, OpenError> {
        self.carry_out(&hello(more), order)
    }

    fn send_to(&self, people: usize) -> Result<Opening, OpenError> {
        self.house.people(&addresses(people));
        self.sent(HALF, &Order::manual("hello", &self.clock))
    }

    fn is_refused(&self, people: usize) -> bool {
        match self.send_to(people) {
            Ok(opening) => {
                assert_eq!(opening.people(), people as u64);
                false
            }
            Err(OpenError::Roll(RollError::Changed { .. })) => true,
            Err(error) => panic!("{error}"),
        }
    }

    fn accepting(&self, people: usize) -> Opening {
        self.house.people(&addresses(people));
        let mut order = Order::manual("hello", &self.clock);
        order.accepts_change = true;
        self.sent(HALF, &order).unwrap()
    }
}

#[test]
fn a_run_for_many_more_or_far_fewer_people_than_the_last_is_refused_with_both_numbers() {
    let desk = Desk::new();
    let first = desk.send_to(10).unwrap().run;
    let error = desk.send_to(16).unwrap_err().to_string();
    let told = format!(
        "16 people, and 10 in its last run {first} (Mon 1 Jun 08:00): 60% more, where \
         `max_change = \"50%\"` allows no more than that; look at its lists, and if it is meant: \
         `postroom send hello --accept-change`"
    );
    assert_eq!(error, told);
    let refused = desk.runs().pop().unwrap();
    assert_eq!(
        (refused.state.as_str(), refused.reason),
        ("failed", Some(error))
    );
    assert_eq!(refused.counts.total(), 0, "nothing of it is left");
    let error = desk.send_to(4).unwrap_err().to_string();
    assert!(error.contains("60% fewer"), "{error}");
    assert!(!desk.is_refused(15), "half as many again are allowed");
    assert!(desk.is_refused(23), "of 15, which is the last run now");
    assert!(!desk.is_refused(8), "and eight of fifteen");
}

#[test]
fn what_a_person_accepts_is_what_the_next_run_is_held_against() {
    let desk = Desk::new();
    desk.send_to(2).unwrap();
    assert!(desk.is_refused(40));
    assert_eq!(desk.accepting(40).people(), 40);
    assert!(!desk.is_refused(50));
    assert!(desk.is_refused(2));
}

#[test]
fn a_run_of_the_calendar_is_refused_as_one_of_a_person() {
    let desk = Desk::new();
    desk.send_to(2).unwrap();
    desk.house.people(&addresses(4));
    let due = Order::due("hello", "2026-11-30T09:00".to_owned(), desk.clock.now());
    let error = desk.sent(HALF, &due).unwrap_err();
    assert!(matches!(error, OpenError::Roll(RollError::Changed { .. })));
}

#[test]
fn what_went_to_a_part_of_them_is_neither_weighed_nor_held_against_others() {
    let desk = Desk::new();
    let first = desk.send_to(10).unwrap().run;
    let mut only = Order::manual("hello", &desk.clock);
    only.only = Some("p3@example.org".to_owned());
    assert_eq!(desk.sent(HALF, &only).unwrap().people(), 1);
    let mut test = Order::manual("hello", &desk.clock);
    test.test = Some("ops@example.org".parse().unwrap());
    assert_eq!(desk.sent(HALF, &test).unwrap().people(), 1);
    let mut again = Order::manual("hello", &desk.clock);
    again.former = Some(Former {
        run: desk.runs()[1].id.clone(),
        states: vec![postroom::outbox::state::State::Queued],
    });
    assert_eq!(desk.sent(HALF, &again).unwrap().people(), 1);
    let error = desk.send_to(3).unwrap_err().to_string();
    assert!(
        error.contains(&format!("10 in its last run {first}")),
        "{error}"
    );
    assert!(!desk.is_refused(10));
}

#[test]
fn only_those_count_who_get_a_mail() {
    let desk = Desk::new();
    desk.send_to(10).unwrap();
    // Ten of these twenty are suppressed, four repeat one another, one is no address.
    let mut rows = addresses(20);
    for address in &rows[10..] {
        let banned = Suppress::from(Banned::new(address, "asked us to stop", "grace"));
        desk.outbox.submit(banned).wait().unwrap();
    }
    rows.extend(addresses(4));
    rows.push("nobody".to_owned());
    desk.house.people(&rows);
    let order = Order::manual("hello", &desk.clock);
    let opening = desk.sent(HALF, &order).unwrap();
    assert_eq!((opening.people(), opening.suppressed), (10, 10));
    assert!(
        !desk.is_refused(10),
        "and they do not count when they are looked back at"
    );
}

#[test]
fn what_was_never_sent_and_what_was_for_nobody_is_no_measure() {
    let desk = Desk::new();
    assert!(
        !desk.is_refused(10),
        "the first run is held against nothing"
    );
    desk.house.people::<&str>(&[]);
    let more = format!("{HALF}\nempty = \"skip\"");
    let nobody = || desk.sent(&more, &Order::manual("hello", &desk.clock));
    assert_eq!(
        nobody().unwrap().people(),
        0,
        "that is fine, the person says"
    );
    assert!(desk.is_refused(30), "ten is the last run's number still");
    assert!(!desk.is_refused(9));
    // A run that was cancelled went to nobody knows how many.
    desk.accepting(100);
    let sql = rusqlite::Connection::open(desk.state().join("postroom.db")).unwrap();
    sql.execute(
        "UPDATE run SET state = 'cancelled', ended_at = 1 WHERE no = (SELECT max(no) FROM run)",
        [],
    )
    .unwrap();
    assert!(!desk.is_refused(10));
}

#[test]
fn without_the_key_nothing_is_weighed() {
    let desk = Desk::new();
    desk.send_to(2).unwrap();
    desk.house.people(&addresses(100));
    let order = Order::manual("hello", &desk.clock);
    assert_eq!(desk.sent("", &order).unwrap().people(), 100);
}
