//! Runs that are refused too often stop, and a person lets them go on.

use std::time::Duration;

use postroom::outbox::{BREAKER, Scope, Unhold};

use crate::world::office::{Office, Plan, jump, lull, until};

fn refused(kind: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|n| format!("{kind}+{n}@example.org"))
        .collect()
}

async fn office() -> Office {
    let account = "connections = 1";
    Office::new(Plan {
        account,
        ..Plan::default()
    })
    .await
}

fn count(office: &Office, state: &str) -> usize {
    office.states().iter().filter(|it| *it == state).count()
}

/// Waits for the hold on the only run, and gives its reason.
async fn held(office: &Office) -> String {
    let holds = || {
        let now = office.clock.now().as_millisecond();
        office.outbox.reader().unwrap().holds(now).unwrap()
    };
    until("a hold", || !holds().is_empty()).await;
    lull().await;
    let hold = holds().remove(0);
    assert!(matches!(hold.scope, Scope::Run(_)), "{hold:?}");
    assert_eq!(hold.author, BREAKER);
    hold.reason
}

async fn release(office: &Office) {
    let id = office.rows()[0].id.clone();
    let run = id.split('.').next().unwrap().to_owned();
    let unhold = Unhold {
        scope: Scope::Run(run),
        author: "ada".to_owned(),
    };
    office.outbox.submit(unhold).await.unwrap();
    office.wake();
}

#[tokio::test]
async fn ten_refusals_at_the_start_stop_a_run_until_it_is_released() {
    let office = office().await;
    office
        .send(&[refused("5xx", 25), vec!["ada@example.org".to_owned()]].concat())
        .await;
    let reason = held(&office).await;
    assert!(
        reason.starts_with("the first 10 were all refused; the last: 550"),
        "{reason}"
    );
    assert_eq!(
        (count(&office, "rejected"), count(&office, "queued")),
        (10, 16)
    );
    release(&office).await;
    until("ten more", || count(&office, "rejected") == 20).await;
    held(&office).await;
    release(&office).await;
    office.quiet().await;
    assert_eq!(
        (count(&office, "rejected"), count(&office, "accepted")),
        (25, 1)
    );
}

#[tokio::test]
async fn policy_refusals_stop_a_run_that_was_well_taken() {
    let office = office().await;
    let well: Vec<String> = (0..40).map(|n| format!("p{n}@example.org")).collect();
    let people = [&well[..30], &refused("dot5xx", 9), &well[30..]].concat();
    office.send(&people).await;
    let reason = held(&office).await;
    assert!(
        reason.starts_with("8 of the last 20 were refused by the server's policy"),
        "{reason}"
    );
    assert_eq!(
        (count(&office, "accepted"), count(&office, "rejected")),
        (30, 8)
    );
    release(&office).await;
    office.quiet().await;
    assert_eq!(
        (count(&office, "accepted"), count(&office, "rejected")),
        (40, 9)
    );
}

/// One that stops leaves the others alone.
#[tokio::test]
async fn another_run_of_the_account_goes_on() {
    let office = office().await;
    office.send(&refused("5xx", 12)).await;
    held(&office).await;
    office.send(&["ada@example.org"]).await;
    until("the other run", || office.accepted().len() == 1).await;
    assert_eq!(count(&office, "queued"), 2);
}

/// What was taken before a restart counts.
#[tokio::test]
async fn a_restart_is_not_the_beginning_of_a_run() {
    let account = "connections = 1\nrate = \"1/minute\"";
    let mut office = Office::new(Plan {
        account,
        ..Plan::default()
    })
    .await;
    office
        .send(&[vec!["ada@example.org".to_owned()], refused("5xx", 12)].concat())
        .await;
    until("the first", || count(&office, "accepted") == 1).await;
    office.drain_during(Duration::from_secs(10)).await;
    office.start();
    for minute in 1..=12 {
        jump(Duration::from_secs(61)).await;
        until("one more", || count(&office, "rejected") == minute).await;
    }
}
