//! Hours at which a schedule may send, and runs that wait for each other.

use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Timestamp;
use postroom::plan::{Order, open};
use postroom::sandbox::Options;

use super::{each_once, people, taken};
use crate::world::office::{Office, Plan, jump, lull, until};

const HOUR: Duration = Duration::from_secs(3600);

async fn office(account: &str, schedule: &str) -> Office {
    Office::new(Plan {
        account,
        schedule,
        server: Options {
            latency: Duration::from_millis(5),
            ..Options::default()
        },
        ..Plan::default()
    })
    .await
}

/// When the only try of each was armed.
fn armed_at(office: &Office, people: &[String]) -> Vec<String> {
    let tries = people.iter().map(|address| office.tries(address));
    let at = tries.map(|tries| Timestamp::from_millisecond(tries[0].started_at).unwrap());
    at.map(|at| at.to_string()).collect()
}

#[tokio::test]
async fn a_run_that_opens_before_its_hours_begins_with_them() {
    let office = office("", "between = \"09:30-17:00 Mon-Fri\"").await;
    let everybody = people(3);
    office.send(&everybody).await; // Monday, 08:00
    lull().await;
    assert!(office.accepted().is_empty());
    for _ in 0..4 {
        jump(HOUR / 2).await;
        lull().await;
    }
    office.quiet().await;
    each_once(&office, &everybody, taken(&office));
    for at in armed_at(&office, &everybody) {
        assert!(at.as_str() >= "2026-06-01T09:30", "{at}");
    }
}

#[tokio::test]
async fn a_run_pauses_outside_its_hours_and_goes_on_inside() {
    let slow = "connections = 2\nrate = \"6/minute\"";
    let office = office(slow, "between = \"08:00-08:05\"\nexpires = \"3d\"").await;
    let everybody = people(40);
    office.send(&everybody).await;
    for _ in 0..14 {
        jump(Duration::from_secs(30)).await;
        lull().await;
    }
    lull().await;
    let first = office.accepted();
    assert!((10..40).contains(&first.len()), "{}", first.len());
    let busy = office
        .states()
        .iter()
        .any(|it| it == "leased" || it == "armed");
    assert!(!busy, "nothing is on its way at night");
    assert!(office.trouble().is_none());

    jump(24 * HOUR - Duration::from_secs(10 * 60)).await;
    for _ in 0..30 {
        jump(Duration::from_secs(30)).await;
        lull().await;
    }
    office.quiet().await;
    each_once(&office, &everybody, taken(&office));
    for at in armed_at(&office, &everybody) {
        assert!(("08:00".."08:05").contains(&&at[11..16]), "{at}");
    }
}

#[tokio::test]
async fn hours_of_one_schedule_stop_no_other() {
    let schedules = "between = \"20:00-21:00\"
        [schedule.alarm]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";
    let office = office("", schedules).await;
    office.send(&people(3)).await;
    let alarm = ["zoe@example.org".to_owned()];
    office.send_by("alarm", &alarm).await;
    until("the alarm", || !office.accepted().is_empty()).await;
    lull().await;
    assert_eq!(taken(&office), alarm);
}

/// Nobody has to wake the account when an earlier run has had its turn.
#[tokio::test]
async fn a_later_run_follows_at_once_when_everybody_of_the_earlier_one_was_tried() {
    let office = office("connections = 3", "").await;
    let (first, second) = (people(40), vec!["zoe@example.org".to_owned()]);
    for (occurrence, people) in [("a", &first), ("b", &second)] {
        office.house.people(people);
        let now = office.clock.now();
        let order = Order::due("hello", occurrence.to_owned(), now);
        let (config, outbox) = (Arc::clone(&office.config), office.outbox.clone());
        let clock = office.clock.clone();
        let opened = tokio::task::spawn_blocking(move || open(&config, &outbox, &clock, &order));
        opened.await.unwrap().unwrap();
        office.wake();
    }
    until("everybody", || office.accepted().len() == 41).await;
    assert_eq!(taken(&office).last(), second.first(), "the last of all");
}
