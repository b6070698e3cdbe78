//! The calendar against Python's `zoneinfo`: other code, another reading of the same tzdb.

use std::io::Write;
use std::process::{Command, Stdio};

use super::{between, cron};
use crate::world::skip::lacks_python;

/// Looks at the clock every minute of a span. A wildcard hour runs whenever the clock shows it; a
/// fixed time when its first pass shows it, or right after the gap that swallowed it.
const BRUTE_FORCE: &str = r#"
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
for line in sys.stdin:
    zone, start, end, hours, minutes, wild = line.split()
    tz = ZoneInfo(zone)
    start, end = (datetime.fromisoformat(text) for text in (start, end))
    hours = {int(n) for n in hours.split(",")}
    minutes = {int(n) for n in minutes.split(",")}
    due = lambda wall: wall.hour in hours and wall.minute in minutes
    found, previous, at = [], None, start
    while at <= end:
        local = at.astimezone(tz)
        wall = local.replace(tzinfo=None, fold=0)
        if wild == "yes":
            runs = due(wall)
        else:
            runs = due(wall) and local.fold == 0
            skipped = previous + MINUTE if previous else wall
            while skipped < wall:
                runs = runs or due(skipped)
                skipped += MINUTE
        if runs and at > start:
            found.append(at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%MZ"))
        previous, at = wall, at + MINUTE
    print(" ".join(found))
"#;

/// Zones, each with the days of its two clock changes of 2026.
const ZONES: [(&str, &str, &str); 6] = [
    ("America/New_York", "2026-03-08", "2026-11-01"),
    ("America/Havana", "2026-03-08", "2026-11-01"),
    ("Asia/Beirut", "2026-03-29", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05", "2026-10-04"),
    ("Europe/Berlin", "2026-03-29", "2026-10-25"),
    ("Pacific/Chatham", "2026-04-05", "2026-09-27"),
];

/// Expression, then the same for Python: hours, minutes, wildcard.
const EXPRESSIONS: [(&str, &str, &str, &str); 4] = [
    (
        "0,20,40 */2 * * *",
        "0,2,4,6,8,10,12,14,16,18,20,22",
        "0,20,40",
        "yes",
    ),
    ("0 0 * * *", "0", "0", "no"),
    ("15,45 1-2 * * *", "1,2", "15,45", "no"),
    ("30 2,3 * * *", "2,3", "30", "no"),
];

#[test]
fn python_looking_at_its_clock_sees_the_same_occurrences() {
    if lacks_python("the calendar was not compared with zoneinfo") {
        return;
    }
    let mut questions = String::new();
    let mut answers = Vec::new();
    for (zone, spring, autumn) in ZONES {
        for day in [spring, autumn] {
            let day: jiff::civil::Date = day.parse().unwrap();
            let [from, to] = [-2, 3].map(|days| {
                let edge = day.saturating_add(jiff::Span::new().days(days));
                format!("{edge}T00:00:00+00:00")
            });
            for (expression, hours, minutes, wild) in EXPRESSIONS {
                questions.push_str(&format!("{zone} {from} {to} {hours} {minutes} {wild}\n"));
                let found = between(&cron(expression, zone), &from, &to);
                let found: Vec<_> = found
                    .iter()
                    .map(|o| o.at.strftime("%Y-%m-%dT%H:%MZ").to_string())
                    .collect();
                answers.push((expression, zone, found.join(" ")));
            }
        }
    }
    let python = ask_python(&questions);
    assert_eq!(python.lines().count(), answers.len());
    for (theirs, (expression, zone, ours)) in python.lines().zip(&answers) {
        assert!(!ours.is_empty());
        assert_eq!(ours, theirs, "{expression} in {zone}");
    }
}

fn ask_python(questions: &str) -> String {
    let mut child = Command::new("python3")
        .args(["-c", BRUTE_FORCE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(questions.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
