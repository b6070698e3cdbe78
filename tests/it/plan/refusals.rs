//! Why a run was refused, word for word, wherever a person may look for it; and what is told of one
//! that was not.

use std::fs::File;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use postroom::daemon::answer;
use postroom::outbox::Claim;
use postroom::plan::Order;

use super::asking::SOON;
use super::opening::people as addresses;
use super::{ACCOUNT, Desk, hello};
use crate::world::bench::LEASE;
use crate::world::hearer::hear;

/// What stands where the list should be when the run is due.
enum Day {
    Text(&'static str),
    Directory,
    Tenfold,
    Yesterday,
}

const BAD_DAYS: [(Day, &str); 7] = [
    (
        Day::Text(""),
        "list `people`: FILE: the file is empty: it has not even a header line; was its export \
         interrupted? a list without people still has a header",
    ),
    (
        Day::Text("email\n"),
        "there is nobody on list `people` (FILE): was its export cut short? if it may have no \
         rows, set `empty = \"skip\"` in schedule `hello`",
    ),
    (
        Day::Text("email\nada@example.org\n\"bob@exa"),
        "list `people`: FILE:3: the list ends inside the quoted cell that begins here; was it cut \
         off? else close the quote; inside a cell, write \"\"",
    ),
    (
        Day::Text("email,name\nada@example.org,Ada\nbob@exa"),
        "list `people`: FILE:3: the list ends inside this row, which has fewer fields than the \
         header; was it cut off? else give the row all its fields, and its line an end",
    ),
    (
        Day::Yesterday,
        "list `people`: FILE: it was last changed 2 d 3 h ago, and `max_age` allows 26 h; did its \
         export fail?",
    ),
    (
        Day::Directory,
        "list `people`: FILE: it is a directory, not a file; give the path of a regular file, or \
         of a link to one",
    ),
    (
        Day::Tenfold,
        "list `people` (FILE) has 100 rows, and had 10 when run RUN read it on Mon 1 Jun 08:00: \
         900% more, where its `max_change = \"50%\"` allows no more than that; look at the list, \
         and if it is meant: `postroom send hello --accept-change`",
    ),
];

#[tokio::test]
async fn a_refused_run_says_why_in_the_status_in_the_log_and_in_the_alert() {
    for (day, told) in BAD_DAYS {
        let desk = Desk::new();
        desk.house.people(&addresses(10));
        let alert =
            "[daemon]\nstate = \".\"\nalert = { to = \"boss@example.org\", via = \"ops\" }\n";
        let list = "people.csv\"\nmax_change = \"50%\"\nmax_age = \"26h\"\n";
        let text = format!("{alert}{}", hello(SOON).replace("people.csv\"\n", list));
        let config = desk.config(&text);
        let order = Order::manual("hello", &desk.clock);
        let path = desk.state().join("people.csv");
        let before_nine = |hours: u64| {
            let due: postroom::clock::Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
            let then = SystemTime::from(due) - Duration::from_secs(hours * 3600);
            File::open(&path).unwrap().set_modified(then).unwrap();
        };
        before_nine(1);
        let before = postroom::plan::open(&config, &desk.outbox, &desk.clock, &order).unwrap();
        match day {
            Day::Text(text) => {
                desk.house.write("people.csv", text);
                before_nine(1);
            }
            Day::Directory => {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            }
            Day::Tenfold => {
                desk.house.people(&addresses(100));
                before_nine(1);
            }
            Day::Yesterday => before_nine(51),
        }
        let told = told
            .replace("FILE", &path.display().to_string())
            .replace("RUN", &before.run);
        let log = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&log);
        let hearing = hear(move |line| heard.lock().unwrap().push_str(&line));
        desk.nine_o_clock(&config, Vec::new(), 3).await;
        drop(hearing);
        let reader = desk.outbox.reader().unwrap();
        let status = answer::status(&config, &reader, &desk.clock).unwrap();
        let last = status
            .last
            .iter()
            .find(|run| run.schedule == "hello")
            .unwrap();
        assert_eq!(
            (last.state.as_str(), last.reason.as_deref()),
            ("failed", Some(&*told))
        );
        let line = format!("hello was not sent at 2026-06-01T09:00: {told}");
        let log = log.lock().unwrap();
        assert!(log.contains(&line), "{line}\n{log}");
        let alerts = desk.column(
            "SELECT fields ->> '$.text' FROM delivery JOIN run ON no = run
             WHERE schedule = '@alert'",
        );
        assert!(alerts.len() == 1 && alerts[0].contains(&told), "{alerts:?}");
        let claim = Claim::of("ops", 1000, LEASE);
        let claimed = desk.outbox.submit(claim).wait().unwrap().rows;
        assert_eq!(claimed.len(), 11, "those of the run before, and the alert");
    }
}

#[tokio::test]
async fn the_log_says_of_an_opening_what_became_of_each_row() {
    let desk = Desk::new();
    let mut people = addresses(4);
    people.extend(["P1@example.org", "nobody", "p2@example.org"].map(str::to_owned));
    desk.house.people(&people);
    desk.list("guests", &["p3@example.org", "eve@example.org"]);
    let text = format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.guests]\ncsv = \"guests.csv\"\n
         [list.team]\ninline = [\"eve@example.org\", \"p0@example.org\"]\n[schedule.hello]\n\
         send = \"hello\"\nto = [\"people\", \"guests\"]\nexcept = \"team\"\nvia = \"ops\"\n{SOON}"
    );
    let config = desk.config(&text);
    let log = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&log);
    let hearing = hear(move |line| heard.lock().unwrap().push(line));
    desk.nine_o_clock(&config, Vec::new(), 1).await;
    drop(hearing);
    let log = log.lock().unwrap();
    let opened = log.iter().find(|line| line.contains("run-opened")).unwrap();
    let wanted = "for 3 people of 9 rows (people 7, guests 2; 3 repeated addresses; 2 left out by \
                  `except`; 1 unusable row)";
    assert!(opened.contains(wanted), "{opened}");
}

#[test]
fn one_person_whose_row_is_broken_is_told_of_the_row() {
    let desk = Desk::new();
    desk.house.write(
        "people.csv",
        "email\n\"ada@example.org, bob@example.org\"\ncyd @example.org\nada@@example.org\n\
         \u{200b}dan@example.org\neve@example.org\n",
    );
    let only = |address: &str| {
        let mut order = desk.by_hand();
        order.only = Some(address.to_owned());
        order
    };
    for (address, row) in [
        (
            "bob@example.org",
            "people line 2: two addresses in one cell",
        ),
        ("cyd@example.org", "people line 3: a space in the address"),
    ] {
        let error = desk.turned_down(&hello("empty = \"skip\""), &only(address));
        assert_eq!(
            error.to_string(),
            format!(
                "{address} is on the lists of schedule `hello`, but the row cannot be used \
                 ({row}): mend it there"
            )
        );
    }
    let error = desk
        .turned_down(&hello(""), &only("dan@example.org"))
        .to_string();
    assert!(error.contains("people line 5: "), "{error}");
    let error = desk
        .turned_down(&hello(""), &only("fay@example.org"))
        .to_string();
    assert!(error.contains("is not on the lists"), "{error}");
    assert_eq!(
        desk.carry_out(&hello(""), &only("eve@example.org"))
            .unwrap()
            .people(),
        1
    );
    // And `why` finds them in the run of all.
    let opening = desk.carry_out(&hello(""), &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.badness.bad), (1, 4));
    for (address, line) in [
        ("ada@example.org", 2),
        ("cyd@example.org", 3),
        ("dan@example.org", 5),
    ] {
        let history = desk.outbox.reader().unwrap().history(address).unwrap();
        let found: Vec<_> = history
            .iter()
            .map(|(row, ..)| (row.place.to_stored(), &*row.state))
            .collect();
        assert_eq!(found, [(line, "invalid")], "{address}");
    }
}

#[test]
fn ten_unusable_rows_are_told_and_three_in_one_line() {
    let desk = Desk::new();
    let mut people = addresses(2000);
    people.extend((0..12).map(|n| format!("nobody{n}")));
    desk.house.people(&people);
    let opening = desk.carry_out(&hello(""), &desk.by_hand()).unwrap();
    let told = &opening.badness.told;
    assert_eq!(
        (told.len(), &*told[9]),
        (10, "people line 2011: no @ in the address")
    );
    assert_eq!(
        opening.badness.to_string(),
        "12 of 2,012 rows are unusable (people line 2002: no @ in the address; people line 2003: \
         no @ in the address; people line 2004: no @ in the address; …)"
    );
}

#[test]
fn what_a_person_asked_for_is_logged_as_what_the_calendar_does() {
    let desk = Desk::new();
    let mut people = addresses(3);
    people.extend(["P1@example.org", "nobody"].map(str::to_owned));
    desk.house.people(&people);
    let order = desk.by_hand();
    let opening = desk.carry_out(&hello(""), &order).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&log);
    let hearing = hear(move |line| heard.lock().unwrap().push(line));
    let config = desk.config(&hello(""));
    postroom::plan::tell_opened(&config, (&order, &opening), desk.clock.now());
    drop(hearing);
    let log = log.lock().unwrap();
    for part in [
        "for 3 people of 5 rows (1 repeated address; 1 unusable row), asked for by a person",
        "duplicates=1",
        "left_out=0",
        "invalid=1",
        "rows=5",
    ] {
        assert!(log[0].contains(part), "{part}: {}", log[0]);
    }
    assert!(log[1].contains("people line 6"), "{}", log[1]);
}

#[test]
fn too_many_unusable_rows_are_refused_with_the_rule_and_one_with_its_grammar() {
    let desk = Desk::new();
    let mut people = addresses(1000);
    people.extend((0..11).map(|n| format!("nobody{n}")));
    desk.house.people(&people);
    let error = desk.turned_down(&hello(""), &desk.by_hand()).to_string();
    assert!(
        error.starts_with("11 of 1,011 rows are unusable"),
        "{error}"
    );
    let end = "; …), more than 10 and more than 1 in 100: nothing is sent to anybody until they \
               are mended";
    assert!(error.ends_with(end), "{error}");
    desk.house.people(&["ada@example.org", "nobody"]);
    let refuse = hello("bad_rows = \"refuse\"");
    let error = desk.turned_down(&refuse, &desk.by_hand()).to_string();
    assert_eq!(
        error,
        "1 of 2 rows is unusable (people line 3: no @ in the address): nothing is sent to anybody \
         until it is mended"
    );
}

#[test]
fn one_person_who_only_gets_a_copy_is_told_so() {
    let desk = Desk::new();
    desk.house.write("templates/hello/body.txt", "Hello!\n");
    let order = || {
        let mut order = desk.by_hand();
        order.only = Some("hid@example.org".to_owned());
        order
    };
    let text = hello("group = true\nbcc = \"hid@example.org\"");
    assert_eq!(
        desk.turned_down(&text, &order()).to_string(),
        "hid@example.org is not on the lists of schedule `hello` (people); whom its `cc` and `bcc` \
         name gets the one message to all, and none alone"
    );
    let error = desk.turned_down(&hello("group = true"), &order());
    let error = error.to_string();
    assert!(error.ends_with("(people)"), "{error}");
}
