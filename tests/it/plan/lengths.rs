//! Lists that are empty, or many times longer than they were: each stops the run, and says which.

use postroom::outbox::state::State;
use postroom::plan::{Former, Order, RollError};

use super::opening::people as addresses;
use super::{ACCOUNT, Desk, hello};

/// `people` and `guests` get it.
fn both(more: &str) -> String {
    format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.guests]\ncsv = \"guests.csv\"\n
         [schedule.hello]\nsend = \"hello\"\nto = [\"people\", \"guests\"]\nvia = \"ops\"\n{more}\n"
    )
}

/// A list that may change by half, and two schedules that go to it.
fn guarded(list: &str, more: &str) -> String {
    let second = "[schedule.second]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";
    hello(more).replace("people.csv\"\n", &format!("people.csv\"\n{list}\n")) + second
}

const HALF: &str = "max_change = \"50%\"";

#[test]
fn each_list_without_rows_stops_the_run_also_beside_one_that_has_some() {
    let desk = Desk::new();
    for (csv, told) in [
        ("email\n", "there is nobody on list `guests` ("),
        ("", "list `guests`: "),
    ] {
        desk.house.write("guests.csv", csv);
        let error = desk.turned_down(&both(""), &desk.by_hand()).to_string();
        assert!(error.starts_with(told), "{error}");
        assert!(error.contains("guests.csv"), "{error}");
        let skip = both("empty = \"skip\"");
        let opening = desk.carry_out(&skip, &desk.by_hand()).unwrap();
        assert_eq!(opening.people(), 1);
    }
    let inline = both("").replace("csv = \"guests.csv\"", "inline = []");
    let error = desk.turned_down(&inline, &desk.by_hand()).to_string();
    assert_eq!(
        error,
        "there is nobody on list `guests`: if it may have no rows, set `empty = \"skip\"` in \
         schedule `hello`"
    );
}

#[test]
fn a_file_of_no_bytes_is_nobody_where_that_is_fine() {
    let desk = Desk::new();
    desk.house.write("people.csv", "");
    let opening = desk
        .carry_out(&hello("empty = \"skip\""), &desk.by_hand())
        .unwrap();
    assert_eq!(opening.people(), 0);
    assert_eq!(desk.runs().pop().unwrap().state, "completed");
    let error = desk.turned_down(&hello(""), &desk.by_hand()).to_string();
    assert!(
        error.contains("the file is empty") && error.contains("interrupted"),
        "{error}"
    );
    // A broken one is not an empty one.
    desk.house.write("people.csv", "email\n\"ada@");
    desk.turned_down(&hello("empty = \"skip\""), &desk.by_hand());
}

#[test]
fn a_check_takes_a_file_of_no_bytes_for_good_where_every_schedule_does() {
    let desk = Desk::new();
    let codes = |text: &str| {
        desk.house.write("postroom.toml", text);
        let loaded = postroom::config::load(&desk.state().join("postroom.toml")).unwrap();
        loaded.problems.iter().map(|it| it.code).collect::<Vec<_>>()
    };
    desk.house.write("people.csv", "");
    let second = |more: &str| guarded("", "empty = \"skip\"") + more;
    assert_eq!(codes(&hello("empty = \"skip\"")), [""; 0]);
    assert_eq!(codes(&hello("")), ["missing-header"]);
    assert_eq!(codes(&second("")), ["missing-header"]);
    assert_eq!(codes(&second("empty = \"skip\"\n")), [""; 0]);
    let except = second("empty = \"skip\"\n")
        + "[list.all]\ninline = [\"ada@example.org\"]\n[schedule.third]\nsend = \"hello\"\n\
           to = \"all\"\nexcept = \"people\"\nvia = \"ops\"\nempty = \"skip\"\n";
    assert_eq!(
        codes(&except),
        ["missing-header"],
        "that would be mail to everybody"
    );
    desk.house.write("people.csv", "email\n\"ada");
    assert_eq!(
        codes(&hello("empty = \"skip\"")),
        [""; 0],
        "only the header is read"
    );
}

#[test]
fn a_list_that_has_grown_or_shrunk_by_more_than_its_share_stops_the_run() {
    let desk = Desk::new();
    let text = guarded(HALF, "");
    desk.house.people(&addresses(10));
    let first = desk.carry_out(&text, &desk.by_hand()).unwrap().run;
    desk.house.people(&addresses(100));
    let error = desk.turned_down(&text, &desk.by_hand()).to_string();
    let path = desk.state().join("people.csv");
    assert_eq!(
        error,
        format!(
            "list `people` ({}) has 100 rows, and had 10 when run {first} read it on Mon 1 Jun \
             08:00: 900% more, where its `max_change = \"50%\"` allows no more than that; look at \
             the list, and if it is meant: `postroom send hello --accept-change`",
            path.display()
        )
    );
    // By whatever schedule, and of the calendar.
    let due = Order::due("second", "2026-11-30T09:00".to_owned(), desk.clock.now());
    let error = desk.turned_down(&text, &due);
    assert!(
        matches!(
            error,
            RollError::ListChanged {
                before: 10,
                rows: 100,
                ..
            }
        ),
        "{error}"
    );
    desk.house.people(&addresses(4));
    let error = desk.turned_down(&text, &desk.by_hand()).to_string();
    assert!(error.contains("60% fewer"), "{error}");
    desk.house.people(&addresses(15));
    desk.carry_out(&text, &due_again(&desk)).unwrap();
    desk.house.people(&addresses(7));
    desk.turned_down(&text, &desk.by_hand());
}

fn due_again(desk: &Desk) -> Order {
    Order::due("second", "2026-12-07T09:00".to_owned(), desk.clock.now())
}

#[test]
fn what_a_person_accepts_is_the_new_measure_and_parts_are_none() {
    let desk = Desk::new();
    let text = guarded(HALF, "");
    desk.house.people(&addresses(10));
    let first = desk.carry_out(&text, &desk.by_hand()).unwrap().run;
    desk.house.people(&addresses(40));
    let mut only = desk.by_hand();
    only.only = Some("p30@example.org".to_owned());
    let mut test = desk.by_hand();
    test.test = Some("tess@example.org".parse().unwrap());
    let mut former = desk.by_hand();
    former.former = Some(Former {
        run: first,
        states: vec![State::Queued],
    });
    for part in [only, test, former] {
        desk.carry_out(&text, &part).unwrap();
    }
    desk.turned_down(&text, &desk.by_hand());
    let mut meant = desk.by_hand();
    meant.accepts_change = true;
    desk.carry_out(&text, &meant).unwrap();
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.house.people(&addresses(10));
    desk.turned_down(&text, &desk.by_hand());
}

#[test]
fn all_rows_count_good_and_bad_and_twice() {
    let desk = Desk::new();
    let text = guarded(HALF, "");
    let mut rows = addresses(8);
    rows.extend(["nobody".to_owned(), "p1@example.org".to_owned()]);
    desk.house.people(&rows);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    let lengths = desk
        .outbox
        .reader()
        .unwrap()
        .last_reading("people", 0)
        .unwrap()
        .unwrap();
    assert_eq!(lengths.rows, 10);
    desk.house.people(&addresses(15));
    desk.carry_out(&text, &desk.by_hand()).unwrap();
}

#[test]
fn nobody_is_no_measure_where_that_is_fine() {
    let desk = Desk::new();
    let text = guarded(HALF, "empty = \"skip\"");
    desk.house.people(&addresses(10));
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.house.people::<&str>(&[]);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.house.people(&addresses(30));
    let error = desk.turned_down(&text, &desk.by_hand());
    assert!(
        matches!(error, RollError::ListChanged { before: 10, .. }),
        "{error}"
    );
    desk.house.people(&addresses(9));
    desk.carry_out(&text, &desk.by_hand()).unwrap();
}

/// One schedule takes an empty list for good; the other does not, and is guarded as before.
#[test]
fn nobody_is_no_measure_for_another_schedule() {
    let desk = Desk::new();
    let text = guarded(HALF, "empty = \"skip\"")
        + "[list.all]\ncsv = \"all.csv\"\n[schedule.others]\nsend = \"hello\"\nto = \"all\"\n\
           except = \"people\"\nempty = \"skip\"\nvia = \"ops\"\n";
    desk.list("all", &["ada@example.org", "eve@example.org"]);
    desk.house.people(&addresses(10));
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.house.people::<&str>(&[]);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    let others = Order::due("others", "2026-11-30T09:00".to_owned(), desk.clock.now());
    let error = desk.turned_down(&text, &others).to_string();
    assert!(error.contains("has 0 rows, and had 10"), "{error}");
    desk.house.people(&addresses(30));
    let error = desk.turned_down(&text, &due_again(&desk)).to_string();
    assert!(error.contains("has 30 rows, and had 10"), "{error}");
}

#[test]
fn a_list_of_except_is_guarded_also_against_having_no_rows() {
    let desk = Desk::new();
    let text = hello("except = \"team\"\nempty = \"skip\"")
        + "[list.team]\ncsv = \"team.csv\"\nmax_change = \"50%\"\n";
    desk.list("team", &["eve@example.org", "fay@example.org"]);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.list("team", &[]);
    let error = desk.turned_down(&text, &desk.by_hand()).to_string();
    assert!(error.contains("has 0 rows, and had 2"), "{error}");
    let mut meant = desk.by_hand();
    meant.accepts_change = true;
    desk.carry_out(&text, &meant).unwrap();
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.list("team", &["eve@example.org", "fay@example.org"]);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
}

#[test]
fn lengths_stay_when_the_rows_of_a_run_are_gone() {
    let desk = Desk::new();
    let text = guarded(HALF, "empty = \"skip\"");
    desk.house.people(&["nobody"]);
    desk.carry_out(&text, &desk.by_hand()).unwrap();
    desk.house.people(&["nobody", "no-one"]);
    let second = std::time::Duration::from_secs(1);
    desk.clock.advance(5 * second);
    let thin = postroom::outbox::Thin {
        texts: second,
        rows: second,
    };
    while desk.outbox.submit(thin).wait().unwrap().more {}
    assert_eq!(desk.runs()[0].thinned, 2);
    desk.turned_down(&text, &desk.by_hand());
}
