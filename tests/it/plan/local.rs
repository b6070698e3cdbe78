//! Each reader at nine where they live, in one run that follows the sun.

use std::sync::Arc;
use std::time::Duration;

use postroom::config::Config;
use postroom::plan::{Firings, Order, open};

use super::{Desk, hello};

const HOUR: Duration = Duration::from_secs(3600);
const NINE: &str = "cron = \"0 9 * * *\"
    timezone = { column = \"zone\", otherwise = \"Europe/Berlin\" }";

const PEOPLE: &str = "email,zone\n\
    kiri@example.org,Pacific/Kiritimati\n\
    ichi@example.org,Asia/Tokyo\n\
    bert@example.org,\n\
    anna@example.org,America/New_York\n\
    mars@example.org,Mars/Base\n\
    noue@example.org,Pacific/Niue\n";

impl Desk {
    async fn go(&self, config: &Arc<Config>, span: Duration) {
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        let firings = Firings::new(Arc::clone(config), outbox, clock, Vec::new());
        let ended = tokio::time::timeout(span, firings.run(|| {})).await;
        assert!(ended.is_err(), "it watches for ever: {ended:?}");
    }

    /// The hour at which each row may leave, or its state and reason.
    fn hours(&self, run: &str) -> Vec<(String, String)> {
        let told = self.rows(run).into_iter().map(|row| {
            let at = row.next_at.map(|at| {
                let at = postroom::clock::Timestamp::from_millisecond(at).unwrap();
                at.to_string()
            });
            let what = at.unwrap_or_else(|| format!("{}: {}", row.state, row.reason.unwrap()));
            (row.address[..4].to_owned(), what)
        });
        told.collect()
    }
}

fn told(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    let rows = rows.iter();
    rows.map(|(who, what)| ((*who).to_owned(), (*what).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_opens_with_the_first_place_and_each_message_waits_for_its_own() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    let config = desk.config(&hello(NINE));
    desk.go(&config, 25 * HOUR).await; // from 08:00 UTC
    let runs = desk.runs();
    assert_eq!(desk.occurrences("hello").len(), 1);
    assert_eq!(runs[0].occurrence, "2026-06-02T09:00");
    assert_eq!(runs[0].due_at, ms("2026-06-01T19:00:00Z"));
    let wanted = told(&[
        ("kiri", "2026-06-01T19:00:00Z"),
        ("ichi", "2026-06-02T00:00:00Z"),
        ("bert", "2026-06-02T07:00:00Z"),
        ("anna", "2026-06-02T13:00:00Z"),
        ("mars", "2026-06-02T07:00:00Z"),
        ("noue", "2026-06-02T20:00:00Z"),
    ]);
    assert_eq!(desk.hours(&runs[0].id), wanted);
}

fn ms(at: &str) -> i64 {
    at.parse::<postroom::clock::Timestamp>()
        .unwrap()
        .as_millisecond()
}

/// Down from before the run opened until noon in Berlin: who is late by more than `catch_up` gets
/// nothing, and a row says so.
#[tokio::test(start_paused = true)]
async fn after_downtime_those_get_it_for_whom_it_is_not_too_late() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    let config = desk.config(&hello(&format!("{NINE}\ncatch_up = \"4h\"")));
    desk.go(&config, HOUR).await;
    desk.clock.jump_to("2026-06-02T10:00:00Z".parse().unwrap());
    desk.go(&config, HOUR / 2).await;
    let runs = desk.runs();
    assert_eq!(runs.len(), 1);
    let hours = desk.hours(&runs[0].id);
    for (who, what) in &hours[..2] {
        assert!(
            what.starts_with("skipped: 2026-06-02 09:00 in "),
            "{who} {what}"
        );
        assert!(what.contains("`catch_up`"), "{who} {what}");
    }
    assert_eq!(hours[2].1, "2026-06-02T07:00:00Z", "late, and in time");
    assert_eq!(hours[3].1, "2026-06-02T13:00:00Z");
}

/// Down for so long that one day is over everywhere, one is half over and one has begun.
#[tokio::test(start_paused = true)]
async fn a_day_that_is_over_everywhere_is_missed_and_the_others_are_not() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    let config = desk.config(&hello(NINE));
    desk.go(&config, HOUR).await;
    desk.clock.jump_to("2026-06-03T19:30:00Z".parse().unwrap());
    desk.go(&config, HOUR / 4).await;
    let runs: Vec<_> = desk
        .runs()
        .into_iter()
        .map(|run| (run.occurrence, run.state))
        .collect();
    let wanted = [
        ("2026-06-02T09:00", "missed"),
        ("2026-06-03T09:00", "sending"),
        ("2026-06-04T09:00", "sending"),
    ];
    assert_eq!(
        runs,
        wanted.map(|(key, state)| (key.to_owned(), state.to_owned()))
    );
    desk.go(&config, HOUR / 4).await;
    assert_eq!(desk.runs().len(), 3, "and that is that");
}

#[tokio::test(start_paused = true)]
async fn without_another_zone_who_has_none_gets_no_mail_and_is_told() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    let config = desk.config(&hello(
        "cron = \"0 9 * * *\"\ntimezone = { column = \"zone\" }",
    ));
    desk.go(&config, 25 * HOUR).await;
    let hours = desk.hours(&desk.runs()[0].id);
    assert_eq!(hours[2].1, "invalid: `zone` names no time zone");
    assert!(hours[4].1.starts_with("invalid: ") && hours[4].1.contains("Mars/Base"));
}

/// The gap of a zone is its own: 02:30 does not exist in Berlin that day, and does in Tokyo.
#[tokio::test(start_paused = true)]
async fn clock_changes_are_those_of_each_reader() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    desk.clock.jump_to("2027-03-26T20:00:00Z".parse().unwrap());
    let config = desk.config(&hello(&NINE.replace("0 9 ", "30 2 ")));
    desk.go(&config, 17 * HOUR).await;
    let run = desk.runs().pop().unwrap();
    assert_eq!(run.occurrence, "2027-03-28T02:30");
    let hours = desk.hours(&run.id);
    assert_eq!(hours[1].1, "2027-03-27T17:30:00Z");
    assert_eq!(
        hours[2].1, "2027-03-28T01:00:00Z",
        "the first after the gap"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_person_asks_for_goes_to_all_at_once() {
    let desk = Desk::new();
    desk.house.write("people.csv", PEOPLE);
    let config = desk.config(&hello(NINE));
    let order = Order::manual("hello", &desk.clock);
    let (outbox, clock) = (desk.outbox.clone(), desk.clock.clone());
    let opening = open(&config, &outbox, &clock, &order).unwrap();
    assert_eq!((opening.people(), opening.badness.strays), (6, 1));
    assert!(opening.badness.strays_told[0].contains("Mars/Base"));
    let hours = desk.hours(&opening.run);
    assert!(
        hours.iter().all(|(_, at)| at == "1970-01-01T00:00:00Z"),
        "{hours:?}"
    );
}
