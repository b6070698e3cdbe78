//! The calendar against Python's `zoneinfo`: other code, looking at its clock every minute around
//! every clock change of 2024 to 2030. Both read the same tzdb, the files of the system's zoneinfo
//! directory: what is compared is the reading of it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp, civil};
use postroom::calendar::{Calendar, Every, OpenHours, When};
use serde::Deserialize;
use serde_json::json;

use super::{cron, instant, zone};
use crate::world::skip::{lacks_python, skip};

const LOOK: &str = include_str!("zoneinfo.py");

/// Where jiff looks first, too, unless `TZDIR` says otherwise; then Python is told the same.
const ZONEINFO: &str = "/usr/share/zoneinfo";

const YEARS: [i16; 2] = [2024, 2030];

/// Whole, half and quarter hours, hemispheres, changes at midnight, at 24:00, during Ramadan, of
/// two hours and of half an hour; and a few zones that gave them up.
const ZONES: [&str; 32] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Asuncion",
    "America/Chicago",
    "America/Godthab",
    "America/Havana",
    "America/Los_Angeles",
    "America/Miquelon",
    "America/New_York",
    "America/Port-au-Prince",
    "America/Santiago",
    "America/Scoresbysund",
    "America/St_Johns",
    "America/Tijuana",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Antarctica/Vostok",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Atlantic/Azores",
    "Australia/Adelaide",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Norfolk",
];

/// An expression, and the same for Python: hours, minutes, kind.
fn expressions() -> Vec<(&'static str, serde_json::Value)> {
    let every = |step: usize, from: u8, end: u8| (from..end).step_by(step).collect::<Vec<u8>>();
    let hours = every(1, 0, 24);
    vec![
        ("*/15 * * * *", json!([hours, [0, 15, 30, 45], "all"])),
        ("10 * * * *", json!([hours, [10], "all"])),
        (
            "0,20,40 */2 * * *",
            json!([every(2, 0, 24), [0, 20, 40], "stepped"]),
        ),
        ("30 */3 * * *", json!([every(3, 0, 24), [30], "stepped"])),
        ("0 0 * * *", json!([[0], [0], "fixed"])),
        ("15,45 0-3 * * *", json!([[0, 1, 2, 3], [15, 45], "fixed"])),
        ("30 2,3 * * *", json!([[2, 3], [30], "fixed"])),
        ("* 1-3 * * *", json!([[1, 2, 3], every(1, 0, 60), "fixed"])),
        ("59 22-23,0-1 * * *", json!([[22, 23, 0, 1], [59], "fixed"])),
    ]
}

/// Hours, and the same for Python: days, begin and end in minutes.
fn hours() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("08:00-18:00 Mon-Fri", json!([[1, 2, 3, 4, 5], 480, 1080])),
        ("22:00-06:00 Sat,Sun", json!([[6, 0], 1320, 360])),
        ("02:15-02:45", json!([[0, 1, 2, 3, 4, 5, 6], 135, 165])),
        ("23:30-00:30 Fri-Sun", json!([[5, 6, 0], 1410, 30])),
        ("00:00-24:00 Sun", json!([[0], 0, 1440])),
    ]
}

/// What Python saw around one clock change, in minutes since 1970.
#[derive(Deserialize)]
struct Seen {
    zone: String,
    from: i64,
    to: i64,
    runs: Vec<Vec<i64>>,
    open: Vec<Vec<i64>>,
}

#[test]
fn python_looking_at_its_clock_sees_the_same_at_every_clock_change() {
    let Some(directory) = zoneinfo("the calendar was not compared with zoneinfo") else {
        return;
    };
    let (expressions, hours) = (expressions(), hours());
    let question = json!({
        "zones": ZONES,
        "years": YEARS,
        "expressions": expressions.iter().map(|(_, told)| told).collect::<Vec<_>>(),
        "spans": hours.iter().map(|(_, told)| told).collect::<Vec<_>>(),
    });
    let seen = ask_python(&directory, &question);
    let (mut changes, mut compared, mut minutes) = (0, 0, 0);
    for seen in &seen {
        for ((expression, _), theirs) in expressions.iter().zip(&seen.runs) {
            let ours = runs(&cron(expression, &seen.zone), seen);
            assert!(!ours.is_empty());
            assert_same(&ours, theirs, expression, &seen.zone);
            compared += ours.len();
        }
        for ((text, _), theirs) in hours.iter().zip(&seen.open) {
            assert_same(&open(text, seen), theirs, text, &seen.zone);
            minutes += theirs.len();
        }
        let daily = runs(&every_day(&seen.zone), seen);
        assert_eq!(daily, runs(&cron("30 2 * * *", &seen.zone), seen));
        changes += 1;
    }
    assert_eq!(changes, changes_by_jiff());
    assert!(
        changes > 350 && compared > 200_000 && minutes > 300_000,
        "only {changes} changes, {compared} occurrences, {minutes} open minutes"
    );
}

fn assert_same(ours: &[i64], theirs: &[i64], what: &str, zone: &str) {
    let at = |minutes: Option<&i64>| {
        minutes.map(|minutes| Timestamp::from_second(minutes * 60).unwrap().to_string())
    };
    let differs = (0..ours.len().max(theirs.len())).find(|i| ours.get(*i) != theirs.get(*i));
    if let Some(i) = differs {
        let (ours, theirs) = (at(ours.get(i)), at(theirs.get(i)));
        panic!("{what} in {zone}: we say {ours:?}, Python says {theirs:?}");
    }
}

fn minutes(at: Timestamp) -> i64 {
    at.as_second() / 60
}

fn at_minute(minute: i64) -> Timestamp {
    Timestamp::from_second(minute * 60).unwrap()
}

fn runs(calendar: &Calendar, seen: &Seen) -> Vec<i64> {
    let runs = calendar
        .after(at_minute(seen.from))
        .map(|it| minutes(it.at));
    runs.take_while(|at| *at <= seen.to).collect()
}

/// The open minutes, put together from openings and closings alone.
fn open(text: &str, seen: &Seen) -> Vec<i64> {
    let hours: OpenHours = text.parse().unwrap();
    let zone = zone(&seen.zone).unwrap();
    let mut found = Vec::new();
    let mut at = at_minute(seen.from);
    while let Some(opens) = hours.opens(&zone, at)
        && minutes(opens) <= seen.to
    {
        assert!(hours.is_open(&zone, opens));
        let closes = hours.closes(&zone, opens).unwrap();
        assert!(closes > opens && !hours.is_open(&zone, closes));
        found.extend(minutes(opens)..minutes(closes).min(seen.to + 1));
        at = closes;
    }
    found
}

/// Daily at half past two, counted in days from long ago.
fn every_day(zone_name: &str) -> Calendar {
    let anchor = civil::date(2020, 1, 1).at(2, 30, 0, 0);
    let daily = Every::new(anchor, SignedDuration::from_hours(24)).unwrap();
    Calendar::new(When::Every(daily), zone(zone_name).unwrap())
}

fn changes_by_jiff() -> usize {
    let [from, to] = [YEARS[0], YEARS[1] + 1].map(|year| instant(&format!("{year}-01-01T00:00Z")));
    let changes = |name: &&str| {
        let zone = zone(name).unwrap();
        let all = zone
            .following(from)
            .take_while(|change| change.timestamp() < to);
        let before = |at: Timestamp| zone.to_offset(at - SignedDuration::from_secs(1));
        all.filter(|it| it.offset() != before(it.timestamp()))
            .count()
    };
    ZONES.iter().map(changes).sum()
}

/// The directory that both sides read.
fn zoneinfo(untried: &str) -> Option<String> {
    if lacks_python(untried) {
        return None;
    }
    let directory = std::env::var("TZDIR").unwrap_or_else(|_| ZONEINFO.to_owned());
    if !Path::new(&directory).join(ZONES[0]).exists() {
        skip(&format!("there are no time zones in {directory}"), untried);
        return None;
    }
    Some(directory)
}

fn ask_python(directory: &str, question: &serde_json::Value) -> Vec<Seen> {
    let mut child = Command::new("python3")
        .args(["-c", LOOK])
        .env("PYTHONTZPATH", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(question.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).unwrap();
    let seen = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    seen.collect()
}
