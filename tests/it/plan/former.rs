//! Sent to exactly the people of an earlier run.

use postroom::outbox::state::State;
use postroom::plan::{Former, OpenError, Opening, Order, open};

use super::{Desk, hello};

/// Two got it, one did not; nobody of them is on the list any more, and one has moved on there.
fn desk() -> (Desk, String) {
    let desk = Desk::new();
    desk.house.write(
        "people.csv",
        "email,name,city\nada@example.org,Ada,London\nbob@example.org,Bob,Bonn\n\
         eve@example.org,Eve,Ede\n",
    );
    desk.house
        .write("templates/fix/subject.txt", "Not {{city}}\n");
    desk.house
        .write("templates/fix/body.txt", "Sorry, {{name}}.\n");
    let config = desk.config(&text());
    let order = Order::manual("hello", &desk.clock);
    let opening = open(&config, &desk.outbox, &desk.clock, &order).unwrap();
    let path = desk.state().join("postroom.db");
    let sql = rusqlite::Connection::open(path).unwrap();
    for (seq, state) in [(1, "accepted"), (2, "rejected"), (3, "accepted")] {
        sql.execute(
            "UPDATE delivery SET state = ?2, attempts = 1, reason = 'said so', ended_at = 1
             WHERE seq = ?1",
            (seq, state),
        )
        .unwrap();
    }
    desk.house
        .write("people.csv", "email,name,city\neve@example.org,Eve,Oslo\n");
    (desk, opening.run)
}

fn text() -> String {
    let fix = "[schedule.fix]\nsend = \"fix\"\nto = \"people\"\nvia = \"ops\"\n";
    format!("[daemon]\nstate = \".\"\n{}{fix}", hello(""))
}

fn fix(desk: &Desk, run: &str, states: &[State]) -> Result<Opening, OpenError> {
    let mut order = Order::manual("fix", &desk.clock);
    order.former = Some(Former {
        run: run.to_owned(),
        states: states.to_vec(),
    });
    open(&desk.config(&text()), &desk.outbox, &desk.clock, &order)
}

#[test]
fn a_correction_goes_to_exactly_those_who_got_it_with_what_was_known_of_them_then() {
    let (desk, run) = desk();
    let opening = fix(&desk, &run, &[State::Accepted]).unwrap();
    let rows = desk.rows(&opening.run);
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.address.as_str(),
                row.name.as_deref(),
                row.place.to_stored(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("ada@example.org", Some("Ada"), 2),
            ("eve@example.org", Some("Eve"), 4)
        ]
    );
    let (to, subject) = opening.first.unwrap();
    assert_eq!(to.email.to_string(), "ada@example.org");
    assert_eq!(subject, "Not London");
}

#[test]
fn a_beginning_of_the_runs_name_and_other_states_will_do() {
    let (desk, run) = desk();
    let opening = fix(&desk, &run[..20], &[State::Rejected, State::Expired]).unwrap();
    assert_eq!(opening.people(), 1);
    assert_eq!(desk.rows(&opening.run)[0].address, "bob@example.org");
}

#[test]
fn a_run_that_is_not_there_or_has_nobody_like_that_is_told() {
    let (desk, run) = desk();
    let error = fix(&desk, "01NONE", &[State::Accepted]).unwrap_err();
    assert!(
        error.to_string().contains("no run is called 01NONE"),
        "{error}"
    );
    let error = fix(&desk, &run, &[State::Expired]).unwrap_err();
    assert!(error.to_string().contains("nobody of run"), "{error}");
    let sql = rusqlite::Connection::open(desk.state().join("postroom.db")).unwrap();
    let ended = "UPDATE run SET state = 'completed', ended_at = 1, thinned = 1 WHERE id = ?1";
    sql.execute(ended, [&run]).unwrap();
    let error = fix(&desk, &run, &[State::Accepted]).unwrap_err();
    assert!(error.to_string().contains("not kept any more"), "{error}");
}
