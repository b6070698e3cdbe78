//! `except`: who stands on such a list gets nothing, and a list that cannot be trusted stops all.

use postroom::outbox::state::State;
use postroom::outbox::{Banned, Suppress};
use postroom::plan::{Former, Order, RollError};

use super::opening::people as addresses;
use super::{ACCOUNT, Desk};

/// `people` get it, besides those of `team`.
fn but_team(more: &str) -> String {
    format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n[list.team]\ncsv = \"team.csv\"\n
         [list.board]\ncsv = \"board.csv\"\n[schedule.hello]\nsend = \"hello\"\n\
         to = \"people\"\nexcept = [\"team\", \"board\"]\nvia = \"ops\"\n{more}\n"
    )
}

/// On no list that anything goes to.
const ELSEWHERE: &str = "elsewhere@example.org";

fn desk(team: &[&str]) -> Desk {
    let desk = Desk::new();
    desk.house
        .people(&["ada@example.org", "bob@example.org", "cyd@example.org"]);
    desk.list("team", if team.is_empty() { &[ELSEWHERE] } else { team });
    desk.list("board", &[ELSEWHERE]);
    desk
}

const ON_TEAM: &str = "on list `team`, which `except` names";

#[test]
fn whoever_a_list_of_except_names_gets_nothing_and_is_a_row_that_says_so() {
    let desk = desk(&["Bob <BOB@Example.org>"]);
    desk.list("board", &["cyd@example.org"]);
    let opening = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.badness.left_out), (1, 2));
    let skipped = "skipped".to_owned();
    assert_eq!(
        desk.told(&opening.run),
        [
            ("people".to_owned(), 2, "queued".to_owned(), String::new()),
            ("people".to_owned(), 3, skipped.clone(), ON_TEAM.to_owned()),
            (
                "people".to_owned(),
                4,
                skipped,
                "on list `board`, which `except` names".to_owned()
            ),
        ]
    );
    let history = desk
        .outbox
        .reader()
        .unwrap()
        .history("bob@example.org")
        .unwrap();
    assert_eq!(
        history[0].0.reason.as_deref(),
        Some(ON_TEAM),
        "and `why` tells it"
    );
}

#[test]
fn an_address_is_compared_as_duplicates_are() {
    for (row, same) in [
        ("ADA@EXAMPLE.ORG", true),
        ("\"  ada@example.org \"", true),
        ("Countess <ada@example.org>", true),
        ("ada+news@example.org", false),
        ("ada@example.com", false),
    ] {
        let desk = desk(&[row]);
        let opening = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
        assert_eq!(opening.badness.left_out, u64::from(same), "{row}");
    }
    let desk = desk(&["eve@xn--bcher-kva.example"]);
    desk.house
        .people(&["Eve@B\u{fc}cher.example", "ada@example.org"]);
    let opening = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
    assert_eq!(opening.people(), 1);
}

#[test]
fn all_that_counts_people_counts_without_those() {
    let desk = desk(&[]);
    let all = addresses(20);
    let team: Vec<&str> = all[..15].iter().map(String::as_str).collect();
    desk.list("team", &team);
    // One of them twice, one of them suppressed: both are left out, and nothing else.
    let mut rows = all.clone();
    rows.push(all[0].clone());
    desk.house.people(&rows);
    let banned = Suppress::from(Banned::new(&all[1], "asked us to stop", "grace"));
    desk.outbox.submit(banned).wait().unwrap();
    let fuses = "max_recipients = 5\ncanary = 3\nonce_per = [\"email\"]\nmax_change = \"10%\"";
    let opening = desk.carry_out(&but_team(fuses), &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.badness.left_out), (5, 16));
    assert_eq!((opening.duplicates, opening.suppressed), (0, 0));
    assert_eq!(desk.runs()[0].canary, Some(3));
    let states = desk.rows(&opening.run).into_iter().map(|row| row.state);
    assert_eq!(states.filter(|state| state == "queued").count(), 5);
    let read: Vec<_> = opening
        .badness
        .all_lists()
        .map(|it| (&*it.list, it.rows, it.left_out))
        .collect();
    assert_eq!(read, [("people", 21, 16), ("team", 15, 0), ("board", 1, 0)]);
    // They were not sent it: as soon as they are off the list it is theirs, and nobody else's.
    desk.list("team", &[ELSEWHERE]);
    let error = desk
        .turned_down(&but_team(fuses), &desk.by_hand())
        .to_string();
    assert!(error.contains("max_recipients"), "{error}");
    let again = "once_per = [\"email\"]";
    let opening = desk.carry_out(&but_team(again), &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.sent_before), (14, 5));
}

#[test]
fn a_canary_is_not_of_those_who_are_left_out() {
    let desk = desk(&["ada@example.org"]);
    let opening = desk
        .carry_out(&but_team("canary = 1"), &desk.by_hand())
        .unwrap();
    let claim = postroom::outbox::Claim::of("ops", 10, crate::world::bench::LEASE);
    let claimed = desk.outbox.submit(claim).wait().unwrap().rows;
    let claimed: Vec<_> = claimed.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(
        claimed,
        ["bob@example.org"],
        "{:?}",
        desk.told(&opening.run)
    );
}

#[test]
fn a_row_that_is_left_out_needs_no_fields() {
    let desk = desk(&["bob@example.org"]);
    desk.house
        .write("templates/hello/body.txt", "Dear {{title}}\n");
    desk.house.write(
        "people.csv",
        "email,title\nada@example.org,Countess\nbob@example.org,\n",
    );
    let text = but_team("bad_rows = \"refuse\"");
    let opening = desk.carry_out(&text, &desk.by_hand()).unwrap();
    assert_eq!((opening.badness.bad, opening.badness.left_out), (0, 1));
}

#[test]
fn a_list_of_except_that_cannot_be_trusted_stops_the_run() {
    for (what, bytes) in [
        ("it has not even a header", ""),
        (
            "ends inside the quoted cell",
            "email\nbob@example.org\n\"cyd@exa",
        ),
        ("no column is called `email`", "address\nbob@example.org\n"),
        ("not UTF-8 text", "email\nbob@example.org\n\u{fffd}"),
    ] {
        for empty in ["fail", "skip"] {
            let desk = desk(&[]);
            let text = but_team(&format!("empty = \"{empty}\""));
            desk.house.write("team.csv", bytes);
            if bytes.contains('\u{fffd}') {
                let path = desk.state().join("team.csv");
                std::fs::write(path, b"email\nbob@example.org\n\xff\xfe\n").unwrap();
            }
            let error = desk.turned_down(&text, &desk.by_hand());
            assert!(matches!(error, RollError::Except(_)), "{error:?}");
            let error = error.to_string();
            for part in ["whom `except` leaves out", "list `team`", "team.csv", what] {
                assert!(error.contains(part), "{part}: {error}");
            }
        }
    }
    let desk = desk(&[]);
    let config = desk.config(&but_team(""));
    std::fs::remove_file(desk.state().join("team.csv")).unwrap();
    let order = desk.by_hand();
    let error = postroom::plan::open(&config, &desk.outbox, &desk.clock, &order).unwrap_err();
    assert!(
        error.to_string().contains("there is no such file"),
        "{error}"
    );
}

#[test]
fn nobody_on_a_list_of_except_is_an_accident_unless_a_person_says_that_it_is_not() {
    let skip = "empty = \"skip\"";
    let desk = desk(&[]);
    desk.list("team", &[]);
    let team = desk.state().join("team.csv");
    assert_eq!(
        desk.turned_down(&but_team(""), &desk.by_hand()).to_string(),
        format!(
            "list `team` ({}), which `except` names, has no rows: was its export cut short? if \
             that is fine, set `empty = \"skip\"` in schedule `hello`",
            team.display()
        )
    );
    let opening = desk.carry_out(&but_team(skip), &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.badness.left_out), (3, 0));
    let inline = |more: &str| but_team(more).replace("csv = \"team.csv\"", "inline = []");
    assert_eq!(
        desk.turned_down(&inline(""), &desk.by_hand()).to_string(),
        "list `team`, which `except` names, has no rows: if that is fine, set `empty = \"skip\"` \
         in schedule `hello`"
    );
    assert!(desk.carry_out(&inline(skip), &desk.by_hand()).is_ok());
    desk.house.write("list.json", "[]");
    let json = but_team("").replace("csv = \"team.csv\"", "json = \"list.json\"");
    let error = desk.turned_down(&json, &desk.by_hand());
    assert!(matches!(error, RollError::NobodyExcepted { .. }), "{error}");
}

#[test]
fn a_list_of_except_without_one_usable_row_says_of_nobody_whom_it_leaves_out() {
    for more in ["", "empty = \"skip\"", "bad_rows = \"refuse\""] {
        let desk = desk(&["nobody", "ada @example.org"]);
        let error = desk.turned_down(&but_team(more), &desk.by_hand());
        assert_eq!(
            error.to_string(),
            "nobody knows whom `except` leaves out: 2 of 2 rows are unusable (team line 2: no @ in \
             the address; team line 3: a space in the address), which is all there is: nothing is \
             sent to anybody"
        );
    }
}

#[test]
fn bad_rows_of_a_list_of_except_are_told_and_weighed_for_themselves() {
    let desk = desk(&["bob@example.org", "nobody", "ada @example.org"]);
    let opening = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
    assert_eq!(opening.badness.bad, 0, "its people are not the run's");
    assert_eq!(
        opening.badness.except_told().as_deref(),
        Some(
            "`except`: 2 of 3 rows are unusable (team line 3: no @ in the address; team line 4: a \
             space in the address)"
        )
    );
    let left: Vec<_> = desk
        .rows(&opening.run)
        .into_iter()
        .map(|row| row.state)
        .collect();
    assert_eq!(
        left,
        ["skipped", "skipped", "queued"],
        "whom a row may mean is left out"
    );
    let refuse = but_team("bad_rows = \"refuse\"");
    let error = desk.turned_down(&refuse, &desk.by_hand()).to_string();
    let begins = "nobody knows whom `except` leaves out: 2 of 3 rows are unusable (team line 3";
    assert!(error.starts_with(begins), "{error}");
    // Eleven of two hundred are too many, however long the lists are that it goes to.
    let mut rows = addresses(189);
    rows.extend((0..11).map(|n| format!("nobody{n}")));
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    desk.list("team", &rows);
    desk.house.people(&addresses(3000));
    let error = desk.turned_down(&but_team(""), &desk.by_hand()).to_string();
    assert!(
        error.contains("11 of 200 rows are unusable (team line 191"),
        "{error}"
    );
}

#[test]
fn names_and_fields_of_a_list_of_except_do_no_harm() {
    let desk = desk(&[]);
    let name = "x".repeat(300);
    desk.house.write(
        "team.csv",
        &format!("email,name,team\nbob@example.org,{name},\nada@example.org,Ada\n"),
    );
    let opening = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
    assert_eq!(opening.badness.left_out, 2);
    assert_eq!(
        opening.badness.except[0].told,
        ["team line 3: 2 fields, the header has 3"],
        "that one may have another address in its place"
    );
}

#[test]
fn one_person_who_is_left_out_is_refused_with_the_line() {
    let desk = desk(&["eve@example.org", "Bob@example.org"]);
    let only = |address: &str| {
        let mut order = desk.by_hand();
        order.only = Some(address.to_owned());
        order
    };
    let error = desk.turned_down(&but_team("empty = \"skip\""), &only("bob@example.org"));
    assert_eq!(
        error.to_string(),
        "bob@example.org gets nothing of schedule `hello`: its `except` names list `team`, which \
         has them (line 3)"
    );
    let error = desk.turned_down(&but_team(""), &only("eve@example.org"));
    assert!(matches!(error, RollError::NotListed { .. }), "{error}");
    let opening = desk
        .carry_out(&but_team(""), &only("ada@example.org"))
        .unwrap();
    assert_eq!(opening.people(), 1);
}

#[test]
fn a_test_goes_to_its_tester_all_the_same() {
    let desk = desk(&["ada@example.org", "tess@example.org"]);
    let mut order = desk.by_hand();
    order.test = Some("tess@example.org".parse().unwrap());
    order.only = Some("ada@example.org".to_owned());
    let opening = desk.carry_out(&but_team(""), &order).unwrap();
    let rows = desk.rows(&opening.run);
    assert_eq!(
        (rows[0].address.as_str(), rows[0].state.as_str()),
        ("tess@example.org", "queued")
    );
}

#[test]
fn the_people_of_an_earlier_run_are_left_out_too() {
    let desk = desk(&[]);
    let first = desk.carry_out(&but_team(""), &desk.by_hand()).unwrap();
    desk.list("team", &["bob@example.org"]);
    let mut order = desk.by_hand();
    order.former = Some(Former {
        run: first.run,
        states: vec![State::Queued],
    });
    let opening = desk.carry_out(&but_team(""), &order).unwrap();
    assert_eq!((opening.people(), opening.badness.left_out), (2, 1));
}

#[test]
fn a_run_whose_people_are_all_left_out_is_one_to_nobody() {
    let desk = desk(&["ada@example.org", "bob@example.org", "cyd@example.org"]);
    let error = desk.turned_down(&but_team(""), &desk.by_hand()).to_string();
    assert!(error.contains("`except` leaves out 3 of 3 rows"), "{error}");
    let fine = but_team("empty = \"skip\"");
    let opening = desk.carry_out(&fine, &desk.by_hand()).unwrap();
    assert_eq!(opening.people(), 0);
    assert_eq!(desk.runs().pop().unwrap().state, "completed");
}

#[test]
fn a_forgotten_person_who_is_left_out_is_not_named_again() {
    let desk = desk(&["bob@example.org"]);
    let key = "bob@example.org";
    postroom::outbox::forget(&desk.outbox, key, "grace").unwrap();
    let order = Order::manual("hello", &desk.clock);
    let opening = desk.carry_out(&but_team(""), &order).unwrap();
    assert_eq!(
        (
            opening.people(),
            opening.badness.left_out,
            opening.suppressed
        ),
        (2, 1, 0)
    );
    let rows = desk.rows(&opening.run);
    assert!(rows.iter().all(|row| row.address != key), "{rows:?}");
}

#[test]
fn one_message_to_all_leaves_them_out_in_every_seat() {
    let desk = desk(&["bob@example.org", "eve@example.org", "boss@example.org"]);
    desk.house.write("templates/hello/body.txt", "Hello!\n");
    desk.list("guests", &["eve@example.org", "fay@example.org"]);
    let text = but_team("group = true\ncc = [\"guests\", \"boss@example.org\"]\nempty = \"skip\"")
        .replace(
            "[list.board]",
            "[list.guests]\ncsv = \"guests.csv\"\nmax_change = \"50%\"\n[list.board]",
        );
    let opening = desk.carry_out(&text, &desk.by_hand()).unwrap();
    assert_eq!((opening.people(), opening.badness.left_out), (3, 3));
    let claim = postroom::outbox::Claim::of("ops", 10, crate::world::bench::LEASE);
    let claimed = desk.outbox.submit(claim).wait().unwrap().rows;
    let group = format!("{claimed:?}");
    for (address, is_there) in [
        ("ada@example.org", true),
        ("cyd@example.org", true),
        ("fay@example.org", true),
        ("bob@example.org", false),
        ("eve@example.org", false),
        ("boss@example.org", false),
    ] {
        assert_eq!(group.contains(address), is_there, "{address}: {group}");
    }
    // Lists that get copies are guarded as the others are.
    desk.list(
        "guests",
        &[
            "a@example.org",
            "b@example.org",
            "c@example.org",
            "d@example.org",
        ],
    );
    let error = desk.turned_down(&text, &desk.by_hand()).to_string();
    assert!(
        error.contains("list `guests`") && error.contains("4 rows, and had 2"),
        "{error}"
    );
    desk.house.write("guests.csv", "");
    let opening = desk.carry_out(&text, &desk.by_hand()).unwrap();
    assert_eq!(opening.people(), 2, "nobody is fine there, too");
}

#[test]
fn json_of_no_bytes_is_nobody_but_not_on_a_list_of_except() {
    let desk = desk(&[]);
    let text = |list: &str| {
        let csv = format!("csv = \"{list}.csv\"");
        but_team("empty = \"skip\"").replace(&csv, "json = \"list.json\"")
    };
    for (json, is_there) in [("", false), ("[]", true)] {
        desk.house.write("list.json", json);
        let opening = desk.carry_out(&text("people"), &desk.by_hand()).unwrap();
        assert_eq!(opening.people(), 0);
        if is_there {
            let opening = desk.carry_out(&text("team"), &desk.by_hand()).unwrap();
            assert_eq!((opening.people(), opening.badness.left_out), (3, 0));
        } else {
            let error = desk.turned_down(&text("team"), &desk.by_hand()).to_string();
            assert!(error.contains("list.json: the file is empty"), "{error}");
        }
    }
}

#[test]
fn a_program_without_output_is_nobody_but_not_on_a_list_of_except() {
    let desk = desk(&[]);
    let silent = |list: &str| {
        but_team("empty = \"skip\"")
            .replace(&format!("csv = \"{list}.csv\""), "command = [\"true\"]")
    };
    assert_eq!(
        desk.carry_out(&silent("people"), &desk.by_hand())
            .unwrap()
            .people(),
        0
    );
    let error = desk
        .turned_down(&silent("team"), &desk.by_hand())
        .to_string();
    assert!(
        error.contains("the command `true` printed nothing"),
        "{error}"
    );
    let failing = silent("people").replace("[\"true\"]", "[\"false\"]");
    let error = desk.turned_down(&failing, &desk.by_hand()).to_string();
    assert!(
        error.contains("list `people`") && error.contains("`false`"),
        "{error}"
    );
}

/// A wrong column, or another file: ten bad rows are an accident that happens, unless they are
/// all there are.
#[test]
fn a_list_of_except_that_has_rows_and_leaves_out_nobody_stops_the_run() {
    let desk = desk(&["Bob", "Cyd"]);
    let error = desk.turned_down(&but_team(""), &desk.by_hand()).to_string();
    assert_eq!(
        error,
        "list `team`, which `except` names, leaves out nobody: 2 of 2 rows are unusable (team line \
         2: no @ in the address; team line 3: no @ in the address); nothing is sent to anybody \
         until they are mended"
    );
}
