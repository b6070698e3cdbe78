//! `[schedule.<name>]`: when its mail leaves. The stage begins on Monday, 1 June 2026, 08:00 UTC.

use super::stage::{HOUR, MINUTE, Scenery, Stage};
use super::toml::schedule;
use crate::world::office::until;

const NINE: &str = "cron = \"0 9 * * *\"";

/// Until ten o'clock on the second day.
const TWO_MORNINGS: u32 = 26;

/// When mails leave within so many hours.
async fn moments(lines: &str, hours: u32) -> Vec<String> {
    let stage = Stage::new(schedule(lines));
    stage.pass(hours * HOUR).await;
    stage.moments()
}

#[tokio::test(start_paused = true)]
pub(super) async fn timezone_of_the_daemon_holds_for_schedules_without_one() {
    for (zone, moment) in [
        ("Europe/Berlin", "06-01 10:00"),
        ("America/New_York", "06-01 16:00"),
    ] {
        let toml = schedule("cron = \"0 12 * * *\"");
        let stage = Stage::new(toml.with("[daemon]", &format!("timezone = \"{zone}\"")));
        stage.pass(12 * HOUR).await;
        assert_eq!(stage.moments(), [moment], "{zone}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn cron_says_when() {
    for (cron, wanted) in [
        ("0 9 * * *", ["06-01 09:00", "06-02 09:00"].as_slice()),
        ("30 9 * * Tue", &["06-02 09:30"]),
    ] {
        let moments = moments(&format!("cron = \"{cron}\""), TWO_MORNINGS).await;
        assert_eq!(moments, wanted);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn on_says_when() {
    for (on, wanted) in [
        ("2026-06-01T12:00:00", ["06-01 12:00"].as_slice()),
        (
            "[\"2026-06-01 13:00\", \"2026-06-01T14:30\"]",
            &["06-01 13:00", "06-01 14:30"],
        ),
    ] {
        assert_eq!(moments(&format!("on = {on}"), 8).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn every_is_the_distance_between_two_runs() {
    for (every, wanted) in [
        ("3h", ["06-01 09:00", "06-01 12:00"]),
        ("4h", ["06-01 09:00", "06-01 13:00"]),
    ] {
        let lines = format!("every = \"{every}\"\nstarts = \"2026-06-01T09:00\"");
        assert_eq!(moments(&lines, 6).await, wanted, "{every}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn starts_is_the_first_day() {
    for (starts, wanted) in [
        ("2026-06-01", ["06-01 09:00", "06-02 09:00"].as_slice()),
        ("2026-06-02", &["06-02 09:00"]),
    ] {
        let lines = format!("{NINE}\nstarts = \"{starts}\"");
        assert_eq!(moments(&lines, TWO_MORNINGS).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn ends_is_the_last_day() {
    for (ends, wanted) in [
        ("2026-06-01", ["06-01 09:00"].as_slice()),
        ("2026-06-02", &["06-01 09:00", "06-02 09:00"]),
    ] {
        let lines = format!("{NINE}\nends = \"{ends}\"");
        assert_eq!(moments(&lines, TWO_MORNINGS).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn timezone_of_a_schedule_says_where_its_hours_and_dates_are() {
    for (zone, moment, date) in [
        (
            "Europe/Berlin",
            "06-01 10:00",
            "Mon, 1 Jun 2026 12:00:00 +0200",
        ),
        (
            "America/New_York",
            "06-01 16:00",
            "Mon, 1 Jun 2026 12:00:00 -0400",
        ),
    ] {
        let lines = format!("cron = \"0 12 * * *\"\ntimezone = \"{zone}\"");
        let stage = Stage::new(schedule(&lines));
        stage.pass(9 * HOUR).await;
        assert_eq!(stage.moments(), [moment], "{zone}");
        assert_eq!(stage.mails()[0].header("Date"), Some(date));
    }
}

#[tokio::test(start_paused = true)]
async fn a_column_and_otherwise_are_each_readers_timezone() {
    let csv = "email,zone,other\na@example.org,Asia/Tokyo,Europe/London\nb@example.org,,\n";
    for (column, otherwise, wanted) in [
        ("zone", "Europe/Berlin", ["06-01 15:00", "06-01 22:00"]),
        ("other", "Europe/Berlin", ["06-01 22:00", "06-01 23:00"]),
        ("zone", "America/New_York", ["06-01 15:00", "06-02 04:00"]),
    ] {
        let zones = format!("{{ column = \"{column}\", otherwise = \"{otherwise}\" }}");
        let toml = schedule(&format!("on = \"2026-06-02T00:00\"\ntimezone = {zones}"));
        let toml = toml.with("[list.people]", "optional = [\"zone\", \"other\"]");
        let stage = Stage::among(Scenery::with_files(&[("people.csv", csv)]), toml);
        stage.pass(21 * HOUR).await;
        let mut moments = stage.moments();
        moments.sort();
        assert_eq!(moments, wanted, "{zones}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn holidays_are_days_without_a_run() {
    let calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\n\
        UID:1@example.org\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260601\r\n\
        SUMMARY:Whit Monday\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    for (holidays, wanted) in [
        ("2026-06-01", "06-02 09:00"),
        ("\"06-02\"", "06-01 09:00"),
        ("\"days.ics\"", "06-02 09:00"),
    ] {
        let toml = schedule(&format!("{NINE}\nholidays = [{holidays}]"));
        let scenery = Scenery::with_files(&[("days.ics", calendar)]);
        let stage = Stage::among(scenery, toml);
        stage.pass(TWO_MORNINGS * HOUR).await;
        assert_eq!(stage.moments(), [wanted], "{holidays}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn on_holiday_says_what_becomes_of_such_a_run() {
    for (day, then, wanted) in [
        (1, "skip", [].as_slice()),
        (1, "after", &["06-02 09:00"]),
        (2, "skip", &[]),
        (2, "before", &["06-01 09:00"]),
    ] {
        let lines = format!("cron = \"0 9 {day} 6 *\"\nholidays = [2026-06-0{day}]");
        let lines = format!("{lines}\non_holiday = \"{then}\"");
        assert_eq!(moments(&lines, TWO_MORNINGS).await, wanted, "{then}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn jitter_starts_a_run_later_by_less_than_that() {
    let mut late = Vec::new();
    for (jitter, most) in [("1s", 1), ("10h", 36_000)] {
        let stage = Stage::new(schedule(&format!("{NINE}\njitter = \"{jitter}\"")));
        stage.pass(12 * HOUR).await;
        let nine: postroom::clock::Timestamp = "2026-06-01T09:00:00Z".parse().unwrap();
        let seconds = stage.mails()[0].at.as_second() - nine.as_second();
        assert!((0..most).contains(&seconds), "{jitter}: {seconds} s");
        late.push(seconds);
    }
    assert_eq!(late[0], 0);
    assert!(late[1] > 0, "one in 36,000 machines would not wait");
}

#[tokio::test(start_paused = true)]
pub(super) async fn between_says_at_which_hours_mail_may_leave() {
    for (between, wanted) in [
        ("10:00-12:00", "06-01 10:00"),
        ("14:00-18:00 Mon", "06-01 14:00"),
    ] {
        let lines = format!("{NINE}\nbetween = \"{between}\"");
        assert_eq!(moments(&lines, 12).await, [wanted]);
    }
}

/// Programs run in real time, so this test does, too.
#[tokio::test]
pub(super) async fn command_of_when_decides_whether_a_run_is_opened() {
    for (word, readers, state) in [("yes", 1, "completed"), ("", 0, "skipped")] {
        let when = format!("when = {{ command = [\"echo\", \"{word}\"] }}");
        let stage = Stage::new(schedule(&format!("{NINE}\n{when}")));
        stage
            .clock
            .jump_to("2026-06-01T08:59:59.9Z".parse().unwrap());
        tokio::select! {
            () = stage.pass(HOUR) => {}
            () = until("the run", || stage.runs().iter().any(|run| run.state == state)) => {}
        }
        assert_eq!(stage.readers().len(), readers, "{word}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn timeout_of_when_is_how_long_its_program_may_take() {
    for (timeout, seconds) in [("1m", 60), ("5m", 300)] {
        let when = format!("when = {{ command = [\"sleep\", \"1000\"], timeout = \"{timeout}\" }}");
        let stage = Stage::new(schedule(&format!("on = \"2026-06-01T09:00\"\n{when}")));
        stage.pass(HOUR + 10 * MINUTE).await;
        let run = stage.runs().remove(0);
        assert_eq!(run.state, "failed");
        let took = run.ended_at.unwrap() - run.due_at;
        assert_eq!(took / 1000, seconds, "{timeout}");
        let told = format!("did not end within {seconds} seconds");
        assert!(run.reason.as_ref().unwrap().contains(&told), "{run:?}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn catch_up_says_how_late_a_missed_run_may_still_begin() {
    for (catch_up, readers) in [("2h", 1), ("10m", 0), ("never", 0)] {
        let toml = schedule(&format!("{NINE}\ncatch_up = \"{catch_up}\""));
        let stage = Stage::new(toml);
        stage.pass(MINUTE).await;
        stage.clock.jump_to("2026-06-01T09:30:00Z".parse().unwrap());
        stage.pass(MINUTE).await; // another process
        assert_eq!(stage.readers().len(), readers, "{catch_up}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn overlap_says_what_becomes_of_a_run_beside_an_earlier_one() {
    for (overlap, wanted, states) in [
        (
            "queue",
            ["06-01 09:08", "06-01 09:16"].as_slice(),
            ["completed", "completed"],
        ),
        ("skip", &["06-01 09:08"], ["completed", "skipped"]),
    ] {
        let lines = "on = [\"2026-06-01T09:00\", \"2026-06-01T09:05\"]";
        let stage = Stage::answering(
            |line| line.starts_with(". ").then_some("@500 250 2.0.0 ok"),
            schedule(&format!("{lines}\noverlap = \"{overlap}\"")),
        );
        stage.pass(2 * HOUR).await;
        assert_eq!(stage.moments(), wanted, "{overlap}");
        let ends: Vec<_> = stage.ends().into_iter().map(|(state, _)| state).collect();
        assert_eq!(ends, states, "{overlap}");
    }
}
