//! `postroom next --load`, with the real binary. A server whose speed is not known takes all that a
//! rate lets go at once.

use postroom::plan::{Load, LoadRun};

use crate::world::workspace::Workspace;

const SPAN: [&str; 6] = [
    "next",
    "--load",
    "--from",
    "2027-03-01",
    "--to",
    "2027-03-02",
];

/// Schedules to a list of so many people by one account with a rate.
fn workspace(rate: &str, people: usize, schedules: &[(&str, &str)]) -> Workspace {
    let mut config = format!(
        "[account.main]\nhost = \"smtp.example.org\"\nfrom = \"me@example.org\"\n{rate}\n\
         [list.team]\ncsv = \"team.csv\"\n"
    );
    for (name, lines) in schedules {
        let what = "send = \"note\"\nto = \"team\"\nvia = \"main\"\n";
        config.push_str(&format!("[schedule.{name}]\n{what}{lines}\n"));
    }
    let workspace = Workspace::new(&config);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    let rows = (0..people).map(|n| format!("p{n}@example.org\n"));
    workspace.write("team.csv", "email\n".to_owned() + &rows.collect::<String>());
    workspace
}

fn load(workspace: &Workspace, span: &[&str]) -> Load {
    workspace.json(&[span, &["--lists"]].concat())
}

/// A day of March 2027 and minutes of it, in milliseconds.
fn at(day: i64, hour: i64, minute: i64) -> i64 {
    1_803_859_200_000 + (((day - 1) * 24 + hour) * 60 + minute) * 60_000 // Mon 1 March
}

fn times(run: &LoadRun) -> (i64, Option<i64>, Option<i64>) {
    (run.due_at, run.begins_at, run.ends_at)
}

/// 60 people twice a day at 100 a day. The first run takes 60, the second 40 and 20 a day later,
/// when the third is due: it gets the other 40, and 20 when the second's 40 are a day old. So does
/// the fourth; its other 40 wait until the 60 of the day's first hour are.
#[test]
fn what_one_run_takes_the_next_has_not() {
    let schedules = [
        ("a", "cron = \"0 9 * * *\""),
        ("b", "cron = \"0 10 * * *\""),
    ];
    let workspace = workspace("rate = \"100/day\"\n", 60, &schedules);
    let found = load(&workspace, &SPAN);
    let told: Vec<_> = found.runs.iter().map(times).collect();
    let wanted = [
        (at(1, 9, 0), Some(at(1, 9, 0)), None),
        (at(1, 10, 0), Some(at(1, 10, 0)), Some(at(2, 9, 0))),
        (at(2, 9, 0), Some(at(2, 9, 0)), Some(at(2, 10, 0))),
        (at(2, 10, 0), Some(at(2, 10, 0)), Some(at(3, 9, 0))),
    ];
    assert_eq!(told, wanted);
    let binds: Vec<_> = found.runs.iter().map(|it| it.binds.as_deref()).collect();
    let daily = Some("the daily limit of account main");
    assert_eq!(binds, [None, daily, daily, daily]);
    let [account] = found.accounts.as_slice() else {
        panic!("{:?}", found.accounts);
    };
    assert_eq!(
        (account.runs, account.messages, account.per_day),
        (4, 240, Some(100))
    );
    assert_eq!(account.most_due, Some(("2027-03-01".to_owned(), 120)));
    assert_eq!(account.most_sent, Some(("2027-03-01".to_owned(), 100)));
    let output = workspace
        .postroom(&[&SPAN[..], &["--lists"]].concat())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let squeezed = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "b Mon 1 Mar 2027 10:00 UTC 60 Mon 1 Mar 10:00 Tue 2 Mar 09:00 the daily limit of account \
         main binds",
        "main 4 240 100 120 due on 2027-03-01 100 sent on 2027-03-01",
    ] {
        assert!(squeezed.contains(words), "`{words}` is missing in\n{said}");
    }
    let noted = String::from_utf8(output.stderr).unwrap();
    assert!(
        noted.contains("not known yet, and counts as no limit: main"),
        "{noted}"
    );
}

/// Ten an hour to 25 people, every hour: 10, 10 and 5; then the second has 5, 10 and 10.
#[test]
fn a_run_that_waits_for_the_one_before_begins_late() {
    let lines = "cron = \"0 * * * *\"\nrate = \"10/hour\"\nexpires = \"2d\"";
    let workspace = workspace("", 25, &[("c", lines)]);
    let span = [
        "next",
        "--load",
        "--from",
        "2027-03-01",
        "--to",
        "2027-03-01T02:00",
    ];
    let found = load(&workspace, &span);
    let told: Vec<_> = found.runs.iter().map(times).collect();
    let wanted = [
        (at(1, 0, 0), Some(at(1, 0, 0)), Some(at(1, 2, 0))),
        (at(1, 1, 0), Some(at(1, 2, 0)), Some(at(1, 4, 0))),
        (at(1, 2, 0), Some(at(1, 5, 0)), Some(at(1, 7, 0))),
    ];
    assert_eq!(told, wanted);
    let late: Vec<_> = found
        .runs
        .iter()
        .map(|it| (it.overlaps, it.late / 3_600_000))
        .collect();
    assert_eq!(late, [(false, 0), (true, 1), (true, 3)]);
    let said = workspace.said(&[&span[..], &["--lists"]].concat());
    let last = said.lines().nth(3).unwrap();
    assert!(
        last.contains("waits for the run before it; begins 3 h late"),
        "{last}"
    );
}

/// Ten in 50 min to 22 people: 0:00, 0:50, 1:40; then 8 at 2:00 and 2:50, 2 at 2:30 and 3:20, and
/// the last two at 3:40.
#[test]
fn a_run_that_is_skipped_takes_nothing() {
    let lines = "cron = \"0 * * * *\"\nrate = \"10/50m\"\noverlap = \"skip\"";
    let workspace = workspace("", 22, &[("c", lines)]);
    let span = [
        "next",
        "--load",
        "--from",
        "2027-03-01",
        "--to",
        "2027-03-01T02:00",
    ];
    let found = load(&workspace, &span);
    let told: Vec<_> = found.runs.iter().map(times).collect();
    let wanted = [
        (at(1, 0, 0), Some(at(1, 0, 0)), Some(at(1, 1, 40))),
        (at(1, 1, 0), None, None),
        (at(1, 2, 0), Some(at(1, 2, 0)), Some(at(1, 3, 40))),
    ];
    assert_eq!(told, wanted);
    let skipped: Vec<_> = found.runs.iter().map(|it| it.skipped).collect();
    assert_eq!(skipped, [false, true, false]);
}

#[test]
fn what_expires_is_counted() {
    // Ten at once, ten after an hour, and five too late.
    let lines = "cron = \"0 0 1 * *\"\nrate = \"10/hour\"\nexpires = \"90m\"";
    let workspace = workspace("", 25, &[("c", lines)]);
    let run = load(&workspace, &SPAN).runs.remove(0);
    assert_eq!((run.expires, run.ends_at), (5, Some(at(1, 1, 30))));
    // Nobody knows how many they are before the first run.
    let output = workspace.postroom(&SPAN).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().nth(1).unwrap();
    assert_eq!(line.split_whitespace().nth(7), Some("?"), "{said}");
    let noted = String::from_utf8(output.stderr).unwrap();
    assert!(noted.contains("`--lists`"), "{noted}");
}

#[test]
fn one_message_to_all_is_counted_as_one() {
    let lines = "cron = \"0 0 1 * *\"\nrate = \"10/hour\"\nexpires = \"90m\"\ngroup = true";
    let workspace = workspace("", 25, &[("c", lines)]);
    let found = load(&workspace, &SPAN);
    assert_eq!((found.runs[0].people, found.runs[0].expires), (Some(25), 0));
    let account = &found.accounts[0];
    let day = Some(("2027-03-01".to_owned(), 1));
    assert_eq!(account.messages, 1);
    assert_eq!((&account.most_due, &account.most_sent), (&day, &day));
}

/// Each in a minute of its own; how long it takes is for a person to see, with `time`.
#[test]
fn a_year_of_a_hundred_schedules_is_played() {
    let lines: Vec<(String, String)> = (0..100)
        .map(|n| {
            (
                format!("s{n:02}"),
                format!("cron = \"{} {} * * *\"", n % 60, n / 60),
            )
        })
        .collect();
    let lines: Vec<(&str, &str)> = lines
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    // 100 times 150 a day, and 20,000 a day allowed: every run is over on its day.
    let workspace = workspace("rate = [\"10/second\", \"20000/day\"]\n", 150, &lines);
    let span = [
        "next",
        "--load",
        "--from",
        "2027-01-01",
        "--to",
        "2027-12-31",
    ];
    let found = load(&workspace, &span);
    assert_eq!(found.runs.len(), 36_500);
    assert_eq!(found.accounts[0].messages, 5_475_000);
    assert_eq!(found.accounts[0].most_sent.as_ref().unwrap().1, 15_000);
    let over = |run: &LoadRun| run.ends_at.is_some_and(|end| end - run.due_at < 30_000);
    assert!(
        found
            .runs
            .iter()
            .all(|run| over(run) && run.expires == 0 && run.late == 0)
    );
}
