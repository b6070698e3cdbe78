//! `postroom next` and what `check` says of the calendar, with the real binary.

use postroom::daemon::api::Next;
use serde_json::Value;

use crate::world::workspace::Workspace;

const HEAD: &str = "[account.main]\nhost = \"smtp.example.org\"\nfrom = \"me@example.org\"\n\n\
    [list.team]\ninline = [\"ada@example.org\"]\n\n";

/// A workspace with these schedules, each a name and its times.
fn workspace(schedules: &[(&str, &str)]) -> Workspace {
    let mut config = HEAD.to_owned();
    for (name, times) in schedules {
        let what = "send = \"note\"\nto = \"team\"\nvia = \"main\"\n";
        config.push_str(&format!("[schedule.{name}]\n{what}{times}\n\n"));
    }
    let workspace = Workspace::new(&config);
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace
}

const MOVED: [(&str, &str); 4] = [
    (
        "gap",
        "cron = \"30 2 * * Sun\"\ntimezone = \"Europe/Berlin\"",
    ),
    (
        "off",
        "cron = \"0 9 * * Fri\"\nholidays = \"days.ics\"\non_holiday = \"before\"",
    ),
    (
        "night",
        "cron = \"0 20 27 3 *\"\nbetween = \"08:00-18:00 Mon-Fri\"",
    ),
    (
        "late",
        "every = \"2w\"\nstarts = 2027-03-15T09:00:00\nends = 2027-03-29\njitter = \"2m\"",
    ),
];

const DAYS: &str = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Good Friday\n\
    DTSTART;VALUE=DATE:20270326\nEND:VEVENT\nEND:VCALENDAR\n";

#[test]
fn next_says_what_moved_each_time_and_what_it_waits_for() {
    let workspace = workspace(&MOVED);
    workspace.write("days.ics", DAYS);
    let span = ["next", "--from", "2027-03-22", "--to", "2027-03-29T12:00"];
    let said = workspace.said(&span);
    let of = |name: &str| {
        let mut lines = said.lines().filter(|line| line.starts_with(name));
        let line = lines.next().unwrap_or_else(|| panic!("{name} in {said}"));
        assert_eq!(lines.next(), None, "{said}");
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let gap = of("gap");
    assert!(gap.starts_with("gap Sun 28 Mar 2027 03:00 Europe/Berlin 28 Mar 01:00 in "));
    assert!(gap.ends_with("02:30 does not exist on Sun 28 Mar 2027; runs at 03:00 that day"));
    let off = of("off");
    assert!(
        off.starts_with("off Thu 25 Mar 2027 09:00 UTC 25 Mar 09:00 in "),
        "{off}"
    );
    assert!(off.ends_with("Fri 26 Mar 2027 is a holiday (Good Friday); runs on Thu 25 Mar 2027"));
    let night = of("night");
    assert!(
        night.ends_with("outside `between`; sends from Mon 29 Mar 08:00"),
        "{night}"
    );
    assert!(of("late").ends_with("s of jitter"), "{}", of("late"));
    assert_eq!(said.lines().count(), 1 + 4);
    let told: Vec<Next> = workspace.json(&span);
    let names: Vec<_> = told.iter().map(|it| it.schedule.as_str()).collect();
    assert_eq!(names, ["off", "night", "gap", "late"]);
    assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert_eq!(told[1].sends_from, Some(1_806_307_200_000));
}

#[test]
fn a_count_holds_for_one_schedule_and_for_all_together() {
    let workspace = workspace(&[
        ("often", "cron = \"0 * * * *\""),
        ("daily", "cron = \"@daily\""),
    ]);
    let count = |args: &[&str]| {
        workspace
            .json::<Vec<Next>>(&[&["next"], args].concat())
            .len()
    };
    assert_eq!(count(&[]), 2, "the next of each");
    assert_eq!(count(&["often"]), 5);
    assert_eq!(count(&["often", "-n", "7"]), 7);
    assert_eq!(count(&["-n", "30"]), 30);
    assert_eq!(count(&["--from", "2027-01-01", "--to", "2027-01-01"]), 25);
    assert_eq!(
        count(&["daily", "--from", "2027-01-01", "--to", "2027-12-31"]),
        365
    );
    assert_eq!(
        count(&["--from", "2027-01-01", "--to", "2027-01-01", "-n", "3"]),
        3
    );
    let nothing = workspace.said(&[
        "next",
        "daily",
        "--from",
        "2027-01-01T01:00",
        "--to",
        "2027-01-01",
    ]);
    assert_eq!(nothing, "daily does not run in that time\n");
    for (args, told) in [
        (["--from", "2027-02-30"], "February 2027 has 28 days"),
        (["--to", "2001-01-01"], "there is no time between"),
    ] {
        let output = workspace
            .postroom(&[&["next"], &args[..]].concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(64));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(told), "{said}");
    }
}

/// A year of a hundred schedules, as many kinds as there are; how long it takes is for a person to
/// see, with `time`.
#[test]
fn a_year_of_a_hundred_schedules_is_complete() {
    let kinds = [
        ("cron = \"0 9 * * Mon-Fri\"", 261),
        ("cron = \"0 9 L * *\"", 12),
        (
            "cron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\njitter = \"10m\"",
            365,
        ),
        ("cron = \"0 */6 * * *\"", 4 * 365),
        (
            "cron = \"0 9 LW * *\"\nholidays = [\"12-31\"]\non_holiday = \"before\"",
            12,
        ),
        ("every = \"2w\"\nstarts = 2026-01-05T09:00:00", 26),
        (
            "cron = \"0 9 * * *\"\nholidays = [\"12-25\", \"12-26\"]",
            363,
        ),
        (
            "cron = \"0 * * * *\"\ntimezone = \"America/New_York\"",
            8760,
        ),
        ("on = [\"2027-05-01T09:00\", \"2028-05-01T09:00\"]", 1),
        ("every = \"90m\"\nstarts = 2026-01-01", 365 * 16),
    ];
    let names: Vec<String> = (0..100).map(|n| format!("s{n:02}")).collect();
    let schedules: Vec<_> = (0..100)
        .map(|n| (names[n].as_str(), kinds[n % 10].0))
        .collect();
    let workspace = workspace(&schedules);
    let year = ["next", "--from", "2027-01-01", "--to", "2027-12-31"];
    let told: Vec<Next> = workspace.json(&year);
    assert!(told.windows(2).all(|pair| pair[0].at <= pair[1].at));
    for (n, name) in names.iter().enumerate() {
        let count = told.iter().filter(|it| it.schedule == *name).count();
        assert_eq!(count, kinds[n % 10].1, "{}", kinds[n % 10].0);
    }
}

#[test]
fn check_tells_what_time_has_passed_over() {
    let workspace = workspace(&[
        ("once", "on = \"2001-01-01T09:00\""),
        (
            "off",
            "cron = \"0 9 * * Fri\"\nholidays = [\"old.ics\", \"12-25\"]",
        ),
        ("fine", "cron = \"0 9 * * Fri\"\nholidays = \"new.ics\""),
    ]);
    workspace.write("old.ics", DAYS.replace("20270326", "20250418"));
    workspace.write("new.ics", DAYS.replace("20270326", "20990410"));
    let said = workspace.said(&["check"]);
    let told: Vec<_> = said
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    let path = workspace.path("old.ics");
    let old = format!(
        "warning[outdated]: the holidays of schedule `off` end with 2025-04-18: {} knows none to \
         come",
        path.display()
    );
    assert_eq!(
        told,
        [
            "warning[outdated]: schedule `once` has run for the last time",
            old.as_str(),
        ]
    );
    let json: Value = workspace.json(&["check"]);
    assert_eq!(json["outdated"].as_array().unwrap().len(), 2);
    let strict = workspace.postroom(&["check", "--strict"]).output().unwrap();
    assert_eq!(strict.status.code(), Some(65));
}
