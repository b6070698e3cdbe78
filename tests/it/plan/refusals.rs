//! Why a run was refused, word for word, wherever a person may look for it; and what is told of one
//! that was not.

use std::sync::{Arc, Mutex};

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
        "list `people` (FILE) has 100 rows, and had 10 when run RUN read it on Mon 2026-06-01: \
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
        let before = postroom::plan::open(&config, &desk.outbox, &desk.clock, &order).unwrap();
        let path = desk.state().join("people.csv");
        match day {
            Day::Text(text) => desk.house.write("people.csv", text),
            Day::Directory => {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            }
            Day::Tenfold => desk.house.people(&addresses(100)),
            Day::Yesterday => {
                let due: std::time::SystemTime = "2026-06-01T09:00:00Z"
                    .parse::<postroom::clock::Timestamp>()
                    .unwrap()
                    .into();
                let then = due - std::time::Duration::from_secs(51 * 3600);
                let file = std::fs::File::options().write(true).open(&path).unwrap();
                file.set_modified(then).unwrap();
            }
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
        "12 of 2012 rows are unusable (people line 2002: no @ in the address; people line 2003: no \
         @ in the address; people line 2004: no @ in the address; …)"
    );
}
