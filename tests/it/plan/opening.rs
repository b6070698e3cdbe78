//! A run is whole or it is nothing, and every row of its lists is accounted for.

use postroom::daemon::answer;
use postroom::daemon::api::QueueQuery;
use postroom::outbox::{Banned, ClearFailed, Outbox, Suppress};
use postroom::plan::{OpenError, Opening, Order, open};

use super::{ACCOUNT, Desk, hello};
use crate::world::small_disk::SmallDisk;

impl Desk {
    /// What a question to the database answers, a text for each row.
    pub(super) fn column(&self, sql: &str) -> Vec<String> {
        let conn = rusqlite::Connection::open(self.state().join("postroom.db")).unwrap();
        let mut query = conn.prepare(sql).unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn open(&self, text: &str) -> Result<Opening, OpenError> {
        let config = self.config(text);
        let order = Order::manual("hello", &self.clock);
        open(&config, &self.outbox, &self.clock, &order)
    }

    /// Opens a run that fails, and returns its reason, which the outbox keeps too.
    fn refused(&self, text: &str) -> String {
        let error = self.open(text).unwrap_err();
        let OpenError::Roll(error) = error else {
            panic!("the audience is at fault, not {error}");
        };
        let run = self.runs().pop().unwrap();
        assert_eq!(run.state, "failed");
        assert_eq!(run.reason, Some(error.to_string()));
        assert_eq!(run.counts.total(), 0, "nothing of it is left");
        error.to_string()
    }
}

pub(super) fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}@example.org")).collect()
}

/// `good` people, and `bad` rows without a usable address after them.
fn mixed(good: usize, bad: usize) -> Vec<String> {
    let mut rows = people(good);
    rows.extend((0..bad).map(|n| format!("nobody{n}")));
    rows
}

#[test]
fn every_row_is_accounted_for() {
    let desk = Desk::new();
    desk.house.people(&[
        "ada@example.org",
        "bob@example.org",
        "no-at-sign",
        "Ada@Example.org",
        "eve@example.org",
    ]);
    let banned = Suppress::from(Banned::new("eve@example.org", "asked us to stop", "grace"));
    desk.outbox.submit(banned).wait().unwrap();
    let opening = desk.open(&hello("")).unwrap();
    assert_eq!((opening.badness.rows, opening.badness.bad), (5, 1));
    assert_eq!((opening.duplicates, opening.suppressed), (1, 1));
    let rows = desk.rows(&opening.run);
    let told: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.place.line_if_known().unwrap(),
                row.state.as_str(),
                row.reason.as_deref().unwrap_or(""),
            )
        })
        .collect();
    let [ada, bob, bad, twice, eve] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!((*ada, *bob), ((2, "queued", ""), (3, "queued", "")));
    assert_eq!((bad.0, bad.1), (4, "invalid"));
    assert!(bad.2.contains('@'), "{bad:?}");
    assert_eq!(*twice, (5, "skipped", "the same address as people line 2"));
    assert_eq!(*eve, (6, "suppressed", "asked us to stop"));
    assert_eq!(rows[2].address, "no-at-sign", "as it stood there");
}

#[test]
fn two_lists_are_united_without_their_duplicates() {
    let desk = Desk::new();
    desk.house.people(&["ada@example.org", "bob@example.org"]);
    desk.house
        .write("guests.csv", "email\nBOB@example.org\ncyd@example.org\n");
    let text = format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.guests]\ncsv = \"guests.csv\"\n
         [schedule.hello]\nsend = \"hello\"\nto = [\"people\", \"guests\"]\nvia = \"ops\"\n"
    );
    let opening = desk.open(&text).unwrap();
    assert_eq!((opening.badness.rows, opening.duplicates), (4, 1));
    let rows = desk.rows(&opening.run);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.list.as_str(), row.state.as_str()))
        .collect();
    let queued = "queued";
    assert_eq!(
        told,
        [
            ("people", queued),
            ("people", queued),
            ("guests", "skipped"),
            ("guests", queued)
        ]
    );
    assert_eq!(
        rows[2].reason.as_deref(),
        Some("the same address as people line 3")
    );
}

#[test]
fn a_run_of_thousands_has_each_address_once() {
    let desk = Desk::new();
    let mut rows = people(1200);
    rows.extend(people(700));
    desk.house.people(&rows);
    let opening = desk.open(&hello("")).unwrap();
    assert_eq!((opening.badness.rows, opening.duplicates), (1900, 700));
    let run = desk.runs().pop().unwrap();
    let of = |state: &str| run.counts.0.get(state).copied();
    assert_eq!((of("queued"), of("skipped")), (Some(1200), Some(700)));
    let kept = desk.rows(&opening.run);
    let first = kept
        .iter()
        .filter(|row| row.state == "queued")
        .all(|row| row.place.to_stored() <= 1201);
    assert!(first, "the first row keeps the address");
}

#[test]
fn a_few_bad_rows_are_left_out_and_one_in_a_hundred_is_too_many() {
    for (good, bad, sent) in [
        (20, 10, true),
        (1089, 11, true),
        (1088, 11, false),
        (20, 11, false),
    ] {
        let desk = Desk::new();
        desk.house.people(&mixed(good, bad));
        if sent {
            let opening = desk.open(&hello("")).unwrap();
            assert_eq!(opening.badness.usable(), good as u64);
        } else {
            let reason = desk.refused(&hello(""));
            assert!(reason.contains("11 of"), "{reason}");
            assert!(
                reason.contains(&format!("people line {}", good + 2)),
                "{reason}"
            );
        }
    }
}

#[test]
fn bad_rows_can_be_refused_altogether() {
    let desk = Desk::new();
    desk.house.people(&mixed(50, 1));
    let reason = desk.refused(&hello("bad_rows = \"refuse\""));
    assert!(reason.contains("people line 52"), "{reason}");
}

#[test]
fn an_empty_list_fails_or_is_skipped_as_the_schedule_says() {
    let none: &[&str] = &[];
    let desk = Desk::new();
    desk.house.people(none);
    let reason = desk.refused(&hello(""));
    assert!(
        reason.contains("nobody") && reason.contains("empty = \"skip\""),
        "{reason}"
    );
    let opening = desk.open(&hello("empty = \"skip\"")).unwrap();
    assert_eq!(desk.runs().pop().unwrap().state, "completed");
    assert!(desk.rows(&opening.run).is_empty());

    desk.house.people(&["nobody"]);
    let reason = desk.refused(&hello(""));
    assert!(reason.contains("1 of 1 row is unusable"), "{reason}");
}

#[test]
fn an_empty_cell_makes_the_row_invalid_and_a_missing_column_the_run() {
    let desk = Desk::new();
    desk.house
        .write("templates/hello/body.txt", "Dear {{title}}\n");
    desk.house.write(
        "people.csv",
        "email,title\nada@example.org,Countess\nbob@example.org,\n",
    );
    let opening = desk.open(&hello("")).unwrap();
    let rows = desk.rows(&opening.run);
    assert_eq!(
        (rows[0].state.as_str(), rows[1].state.as_str()),
        ("queued", "invalid")
    );
    assert!(
        rows[1].reason.as_ref().unwrap().contains("title"),
        "{rows:?}"
    );

    // The column goes away after the configuration was read.
    let config = desk.config(&hello(""));
    desk.house.people(&["ada@example.org"]);
    let order = Order::manual("hello", &desk.clock);
    let error = open(&config, &desk.outbox, &desk.clock, &order).unwrap_err();
    let run = desk.runs().pop().unwrap();
    assert_eq!(run.state, "failed");
    let text = error.to_string();
    for part in ["title", "people", "body.txt"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_list_that_breaks_off_in_the_middle_leaves_nothing() {
    let desk = Desk::new();
    let mut csv = "email\n".to_owned();
    people(700)
        .iter()
        .for_each(|to| csv.push_str(&format!("{to}\n")));
    csv.push_str("\"never closed\n");
    desk.house.write("people.csv", &csv);
    let reason = desk.refused(&hello(""));
    assert!(reason.contains("people"), "{reason}");
}

#[test]
fn what_is_frozen_does_not_change_with_the_files() {
    let desk = Desk::new();
    desk.open(&hello("")).unwrap();
    desk.house
        .write("templates/hello/body.txt", "Something else\n");
    let reader = desk.outbox.reader().unwrap();
    let run = desk.runs().pop().unwrap();
    let no = reader.run_no(&run.id).unwrap().unwrap();
    let (_, frozen) = reader.frozen(no).unwrap();
    assert!(
        frozen.template.contains("Hello {{email}}"),
        "{}",
        frozen.template
    );
    assert!(!frozen.template.contains("Something else"));
}

#[test]
fn more_people_than_the_fuse_allows_are_refused() {
    let desk = Desk::new();
    desk.house.people(&people(5));
    assert!(desk.open(&hello("max_recipients = 5")).is_ok());
    desk.house.people(&people(600));
    let reason = desk.refused(&hello("max_recipients = 550"));
    assert!(reason.contains("max_recipients = 550"), "{reason}");
    assert!(reason.contains("more people than"), "{reason}");
    assert!(
        !reason.contains("551"),
        "the list was not read to its end: {reason}"
    );
}

/// The fuse counts people, not rows: who is on two lists is one.
#[test]
fn the_fuse_counts_nobody_twice() {
    let desk = Desk::new();
    let mut rows = people(5);
    rows.extend(people(5));
    desk.house.people(&rows);
    let opening = desk.open(&hello("max_recipients = 5"));
    assert_eq!(opening.unwrap().duplicates, 5);
}

/// More than go from one thread to another at once, and more than one chunk: whatever the threads
/// do, rows keep their order and their lines.
#[test]
fn a_long_list_comes_in_whole_and_in_order() {
    let desk = Desk::new();
    desk.house
        .write("templates/hello/body.txt", "Dear {{title}}\n");
    let title = |n: usize| if n % 400 == 399 { "" } else { "Countess" };
    let people = (0..3000).map(|n| format!("p{}@example.org,{}\n", n % 2900, title(n)));
    let csv: String = ["email,title\n".to_owned()]
        .into_iter()
        .chain(people)
        .collect();
    desk.house.write("people.csv", &csv);
    let opening = desk.open(&hello("")).unwrap();
    assert_eq!((opening.badness.rows, opening.badness.bad), (3000, 7));
    assert_eq!((opening.duplicates, opening.people()), (100, 2893));
    let (first, subject) = opening.first.unwrap();
    assert_eq!(
        (first.to_string().as_str(), subject.as_str()),
        ("p0@example.org", "Hello")
    );
    let rows = desk.rows(&opening.run);
    assert_eq!(rows.len(), 3000);
    for (n, row) in rows.iter().enumerate() {
        let state = match n {
            _ if title(n).is_empty() => "invalid",
            2900.. => "skipped",
            _ => "queued",
        };
        let wanted = (format!("p{}@example.org", n % 2900), n + 2, state);
        let line = usize::try_from(row.place.to_stored()).unwrap();
        assert_eq!((row.address.clone(), line, row.state.as_str()), wanted);
    }
    let told = rows[2950].reason.as_deref();
    assert_eq!(told, Some("the same address as people line 52"));
}

/// Trouble far behind the first rows: nothing of the run is seen, and the reason is the list's.
#[test]
fn a_long_list_that_breaks_off_is_told_with_its_line() {
    let desk = Desk::new();
    let mut rows = people(5000);
    rows[4000] = "\"p4000@example.org\"x".to_owned();
    desk.house.people(&rows);
    let reason = desk.refused(&hello(""));
    assert!(reason.contains("4002"), "{reason}");
    assert!(desk.rows(&desk.runs()[0].id).is_empty());
}

/// A14: a person who waits is told, and no half of a run stays behind.
#[test]
fn a_run_that_a_person_asked_for_ends_where_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount("5m") else {
        return;
    };
    let desk = Desk::new();
    let outbox = Outbox::open_inline(disk.path(), desk.clock.clone()).unwrap();
    let desk = Desk { outbox, ..desk };
    desk.house.people(&people(20_000));
    let error = desk.open(&hello("")).unwrap_err();
    let OpenError::GivenUp { unrecorded, .. } = &error else {
        panic!("the disk is full, not {error}");
    };
    assert!(unrecorded.is_none(), "the ballast made room: {error}");
    for part in ["disk", "full", "given up", "send it again"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let run = desk.runs().pop().unwrap();
    assert_eq!((run.state.as_str(), run.counts.total()), ("failed", 0));
    let reason = run.reason.unwrap();
    for part in ["full", "given up"] {
        assert!(reason.contains(part), "{reason}");
    }

    // Its rows give their room back where there is some to work in.
    desk.house.people(&people(3));
    disk.resize("20m");
    while desk.outbox.submit(ClearFailed).wait().unwrap() {}
    assert_eq!(desk.open(&hello("")).unwrap().people(), 3);
}

/// The account is renamed or taken out while a run of it waits: nobody would claim it.
#[test]
fn a_run_whose_account_is_gone_says_so() {
    let desk = Desk::new();
    desk.open(&hello("")).unwrap();
    let reader = desk.outbox.reader().unwrap();
    let config = desk.config(&hello(""));
    let status = answer::status(&config, &reader, &desk.clock).unwrap();
    assert_eq!(status.open[0].reason, None);
    let renamed = hello("").replace("ops", "sales");
    let status = answer::status(&desk.config(&renamed), &reader, &desk.clock).unwrap();
    let reason = status.open[0].reason.as_deref().unwrap();
    assert!(reason.contains("`ops`"), "{reason}");
}

/// Or it would look as if it were sent this moment, for as long as the earlier one is on hold.
#[test]
fn a_run_that_waits_for_an_earlier_one_says_so() {
    let desk = Desk::new();
    desk.house.people(&["ada@example.org"]);
    let config = desk.config(&hello(""));
    for occurrence in ["09:00", "10:00"] {
        let order = Order::due("hello", occurrence.to_owned(), desk.clock.now());
        open(&config, &desk.outbox, &desk.clock, &order).unwrap();
    }
    desk.open(&hello("")).unwrap(); // what a person asks for waits for nobody
    let reader = desk.outbox.reader().unwrap();
    let runs = answer::status(&config, &reader, &desk.clock).unwrap().open;
    let waits = runs[1].reason.as_deref().unwrap();
    assert!(waits.contains(&runs[0].id), "{waits}");
    assert_eq!((&runs[0].reason, &runs[2].reason), (&None, &None));
    let now = desk.clock.now();
    let rows = answer::queue(&config, &reader, &QueueQuery::default(), now).unwrap();
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.reason.as_deref(), row.next_at.is_some()))
        .collect();
    assert_eq!(told, [(None, true), (Some(waits), false), (None, true)]);
}

#[test]
fn rows_of_a_domain_with_limits_of_its_own_are_marked_as_such() {
    let desk = Desk::new();
    let rows = [
        "a@Gmail.com",
        "b@example.org",
        "c@B\u{fc}cher.example",
        "d@gmail.com.example",
    ];
    desk.house.people(&rows);
    let limits = "[account.ops.domain.\"gmail.com\"]\nconnections = 1\n\
        [account.backup]\nhost = \"mx2.example.org\"\nfrom = \"B <b@example.org>\"\n\
        [account.backup.domain.\"b\u{fc}cher.example\"]\nrate = \"1/minute\"\n\
        [account.other]\nhost = \"mx3.example.org\"\nfrom = \"C <c@example.org>\"\n\
        [account.other.domain.\"example.org\"]\nconnections = 1\n";
    let text = hello("").replace("via = \"ops\"", "via = [\"ops\", \"backup\"]");
    desk.open(&format!("{text}{limits}")).unwrap();
    let pools = desk.column("SELECT pool FROM delivery ORDER BY seq");
    assert_eq!(pools, ["gmail.com", "", "xn--bcher-kva.example", ""]);
    let via = desk.column("SELECT via FROM run");
    assert_eq!(via, ["[\"ops\",\"backup\"]"]);
}

#[test]
fn a_canary_is_for_whole_runs() {
    let desk = Desk::new();
    desk.house.people(&people(5));
    let config = desk.config(&hello("canary = { people = 2, wait = \"10m\" }"));
    for only in [None, Some("p3@example.org".to_owned())] {
        let order = Order {
            only,
            ..Order::manual("hello", &desk.clock)
        };
        open(&config, &desk.outbox, &desk.clock, &order).unwrap();
    }
    let frozen = "SELECT coalesce(canary_size, 0) || ' ' || coalesce(canary_wait, 0) FROM run";
    assert_eq!(desk.column(frozen), ["2 600000", "0 0"]);
}
