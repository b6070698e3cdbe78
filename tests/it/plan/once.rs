//! `once_per` as a person meets it: lists, openings and what a send would be.

use postroom::daemon::answer;
use postroom::outbox::{Claim, Outcome};
use postroom::plan::{OpenError, Opening, Order, open};

use super::{Desk, hello};
use crate::world::bench::{LEASE, report};

const ONCE: &str = "once_per = [\"email\", \"ends_on\"]";

impl Desk {
    fn ends(&self, rows: &[(&str, &str)]) {
        let rows: String = rows
            .iter()
            .map(|(to, day)| format!("{to},{day}\n"))
            .collect();
        self.house
            .write("people.csv", &format!("email,ends_on\n{rows}"));
    }

    fn order(&self) -> Order {
        Order::manual("hello", &self.clock)
    }

    fn send_once(&self, order: &Order) -> Result<Opening, OpenError> {
        let config = self.config(&format!("[daemon]\nstate = \".\"\n{}", hello(ONCE)));
        open(&config, &self.outbox, &self.clock, order)
    }

    fn accept_all(&self) {
        let claim = Claim::of("ops", 2000, LEASE);
        for row in self.outbox.submit(claim).wait().unwrap().rows {
            let arm = postroom::outbox::Arm {
                rows: vec![row.clone()],
                account: "ops".to_owned(),
                digest: [7; 32],
            };
            self.outbox.submit(arm).wait().unwrap().remove(0).unwrap();
            let accepted = report(&row, Outcome::Accepted);
            self.outbox.submit(accepted).wait().unwrap();
        }
    }
}

#[test]
fn each_person_hears_of_each_date_once_also_of_runs_that_a_person_starts() {
    let desk = Desk::new();
    desk.ends(&[("ada@example.org", "May"), ("Bob@Example.org", "June")]);
    let first = desk.send_once(&desk.order()).unwrap();
    assert_eq!((first.people(), first.sent_before), (2, 0));
    desk.accept_all();
    desk.ends(&[
        ("ada@example.org", "May"),
        ("bob@example.org", "June"),
        ("eve@example.org", "May"),
        ("EVE@example.org", "July"),
    ]);
    let config = desk.config(&format!("[daemon]\nstate = \".\"\n{}", hello(ONCE)));
    let plan = answer::survey(&config, &desk.order(), &desk.clock).unwrap();
    assert_eq!((plan.people, plan.sent_before, plan.duplicates), (1, 2, 1));
    let second = desk.send_once(&desk.order()).unwrap();
    assert_eq!(
        (second.people(), second.sent_before, second.duplicates),
        (1, 2, 1)
    );
    let rows = desk.rows(&second.run);
    let before = format!("sent before: run {}", first.run);
    let told: Vec<_> = rows.iter().map(|row| row.reason.as_deref()).collect();
    let repeated = "the same address as people line 4";
    assert_eq!(
        told,
        [Some(before.as_str()), Some(&before), None, Some(repeated)]
    );

    // A test is no notice, and is kept by none.
    let mut order = desk.order();
    order.test = Some("ada@example.org".parse().unwrap());
    assert_eq!(desk.send_once(&order).unwrap().sent_before, 0);
    desk.ends(&[("ada@example.org", "August")]);
    let mut order = desk.order();
    order.test = Some("eve@example.org".parse().unwrap());
    desk.send_once(&order).unwrap();
    let mut order = desk.order();
    order.only = Some("ada@example.org".to_owned());
    assert_eq!(desk.send_once(&order).unwrap().people(), 1);
}

#[test]
fn a_run_of_thousands_is_reserved_in_chunks_and_once() {
    let desk = Desk::new();
    let people: Vec<String> = (0..2600).map(|n| format!("p{n}@example.org")).collect();
    let rows: Vec<(&str, &str)> = people.iter().map(|to| (to.as_str(), "May")).collect();
    desk.ends(&rows[..1300]);
    assert_eq!(desk.send_once(&desk.order()).unwrap().people(), 1300);
    desk.ends(&rows);
    let second = desk.send_once(&desk.order()).unwrap();
    assert_eq!((second.people(), second.sent_before), (1300, 1300));
    let states = desk.rows(&second.run).into_iter().map(|row| row.state);
    let wanted = |at| if at < 1300 { "skipped" } else { "queued" };
    assert!(states.enumerate().all(|(at, state)| state == wanted(at)));
}

#[test]
fn an_opening_that_ended_in_the_midst_of_reserving_is_whole_when_it_is_begun_anew() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use postroom::outbox::{Fate, Outbox};

    let people: Vec<String> = (0..1800).map(|n| format!("p{n}@example.org")).collect();
    let rows: Vec<(&str, &str)> = people.iter().map(|to| (to.as_str(), "May")).collect();
    // Every write of an opening is its last one in turn.
    let mut last = 0;
    loop {
        let desk = Desk::new();
        desk.ends(&rows);
        let order = desk.order();
        let writes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&writes);
        desk.outbox.close();
        let fate = move |_| match counted.fetch_add(1, Ordering::Relaxed) {
            n if n == last => Fate::DieAfter,
            _ => Fate::Live,
        };
        let mortal = Outbox::open_mortal(desk.state(), desk.clock.clone(), fate).unwrap();
        let text = format!("[daemon]\nstate = \".\"\n{}", hello(ONCE));
        let config = desk.config(&text);
        let whole = open(&config, &mortal, &desk.clock, &order).is_ok();
        drop(mortal);
        let outbox = Outbox::open_inline(desk.state(), desk.clock.clone()).unwrap();
        let desk = Desk { outbox, ..desk };
        // The list is another one by then.
        desk.ends(&rows[1..]);
        let opening = desk.send_once(&order).unwrap();
        if whole || opening.existed {
            assert!(last > 10, "there are many writes in an opening: {last}");
            break;
        }
        assert_eq!(
            (opening.people(), opening.sent_before),
            (1799, 0),
            "after {last} writes"
        );
        let run = desk.runs().pop().unwrap();
        let run = desk
            .outbox
            .reader()
            .unwrap()
            .run_no(&run.id)
            .unwrap()
            .unwrap();
        let notices = "SELECT count(*), count(DISTINCT seq), max(seq) FROM once WHERE run = ?1";
        let sql = rusqlite::Connection::open(desk.state().join("postroom.db")).unwrap();
        let found: (i64, i64, i64) = sql
            .query_row(notices, [run.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        assert_eq!(found, (1799, 1799, 1799));
        last += 1;
    }
}

#[test]
fn a_list_that_lost_the_column_is_not_sent_to() {
    let desk = Desk::new();
    desk.house.people(&["ada@example.org"]);
    let OpenError::Roll(error) = desk.send_once(&desk.order()).unwrap_err() else {
        panic!("the list is at fault");
    };
    let text = "`once_per` names `ends_on`, which list `people` does not have: it has email";
    assert_eq!(error.to_string(), text);
}
