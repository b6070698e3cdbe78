//! Other settings while mail flows.

use std::sync::Arc;
use std::time::Duration;

use postroom::config::Account;
use postroom::deliver::{Ready, Settings};

use crate::world::authority::Authority;
use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::Retort;

fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}@example.org")).collect()
}

async fn office(server: &Retort, account: &str) -> Office {
    Office::new(Plan {
        elsewhere: Some(server.lines()),
        account,
        ..Plan::default()
    })
    .await
}

/// Goes on with the account changed.
async fn renew(office: &mut Office, change: impl FnOnce(&mut Account)) {
    let mut config = (*office.config).clone();
    change(config.accounts.get_mut("ops").expect("the account"));
    office.config = Arc::new(config);
    let settings = Settings::of(&office.config);
    office.renew(settings).await;
    lull().await;
    let deliver = office.deliver.as_ref().unwrap();
    assert!(!deliver.fatal().is_cancelled(), "it goes on");
}

/// A lower rate counts what was sent under the higher one.
#[tokio::test]
async fn a_lower_rate_counts_what_was_sent_before() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "rate = \"20/minute\"").await;
    office.send(&people(60)).await;
    let accepted = || {
        office
            .states()
            .iter()
            .filter(|it| *it == "accepted")
            .count()
    };
    until("twenty", || accepted() == 20).await;
    jump(Duration::from_secs(40)).await;
    renew(&mut office, |ops| {
        ops.rate = vec!["5/minute".parse().unwrap()]
    })
    .await;
    lull().await;
    assert_eq!(server.taken().len(), 20);
    jump(Duration::from_secs(21)).await;
    until("five more", || server.taken().len() == 25).await;
    lull().await;
    assert_eq!(server.taken().len(), 25);
}

/// A longer window than any before knows what was sent before it was there.
#[tokio::test]
async fn a_rate_that_is_new_knows_what_was_sent_before() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "").await;
    office.send(&people(10)).await;
    office.until_states(&["accepted"; 10]).await;
    jump(Duration::from_secs(600)).await;
    renew(&mut office, |ops| {
        ops.rate = vec!["12/hour".parse().unwrap()]
    })
    .await;
    office
        .send(&["a@example.org", "b@example.org", "c@example.org"])
        .await;
    until("two more", || server.taken().len() == 12).await;
    lull().await;
    assert_eq!(server.taken().len(), 12);
}

/// Nothing that concerns the account has changed: its connection stays.
#[tokio::test]
async fn an_account_that_stays_as_it_is_keeps_its_connections() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "connections = 1").await;
    office.send(&people(1)).await;
    office.until_states(&["accepted"]).await;
    renew(&mut office, |_| {}).await;
    office.send(&["b@example.org"]).await;
    office.until_states(&["accepted"; 2]).await;
    assert_eq!(server.connections(), 1);
    renew(&mut office, |ops| {
        ops.hello = Some("other.example.org".to_owned())
    })
    .await;
    office.send(&["c@example.org"]).await;
    office.until_states(&["accepted"; 3]).await;
    assert_eq!(
        server.connections(),
        2,
        "and one that is described anew begins anew"
    );
    assert_eq!(server.times("EHLO other.example.org"), 1);
}

/// An account that is taken out ends; its mail waits for it.
#[tokio::test]
async fn an_account_that_is_gone_sends_nothing_and_comes_back() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "rate = \"1/second\"").await;
    office.send(&people(9)).await;
    until("the first", || !server.taken().is_empty()).await;
    let with = Arc::clone(&office.config);
    let mut without = Settings::of(&with);
    without.accounts.clear();
    office.renew(without).await;
    lull().await;
    let taken = server.taken().len();
    jump(Duration::from_secs(60)).await;
    lull().await;
    assert_eq!(server.taken().len(), taken);
    renew(&mut office, |_| {}).await;
    for _ in 0..9 {
        jump(Duration::from_secs(2)).await;
        lull().await;
    }
    office.until_states(&["accepted"; 9]).await;
    assert_eq!(server.taken().len(), 9, "each once");
}

fn paced(rate: &str) -> impl FnOnce(&mut postroom::config::Config) {
    let rate = vec![rate.parse().unwrap()];
    |config| config.daemon.rate = rate
}

/// Goes on with anything changed.
async fn renew_all(office: &mut Office, change: impl FnOnce(&mut postroom::config::Config)) {
    let mut config = (*office.config).clone();
    change(&mut config);
    office.config = Arc::new(config);
    let settings = Settings::of(&office.config);
    office.renew(settings).await;
}

/// An office whose server takes five seconds for each message, and has the first one in hand.
async fn slow() -> Office {
    let office = Office::new(Plan {
        account: "connections = 1",
        server: postroom::sandbox::Options {
            latency: Duration::from_secs(5),
            ..Default::default()
        },
        ..Plan::default()
    })
    .await;
    office.send(&people(40)).await;
    until("one in hand", || {
        office.states().iter().any(|it| it == "armed")
    })
    .await;
    office
}

async fn a_few_minutes() {
    for _ in 0..40 {
        jump(Duration::from_secs(5)).await;
        lull().await;
    }
}

/// What was under way counts for a rate that comes before its answer.
#[tokio::test]
async fn a_rate_that_is_new_counts_what_is_under_way() {
    let mut office = slow().await;
    renew(&mut office, |ops| {
        ops.rate = vec!["1/hour".parse().unwrap()]
    })
    .await;
    a_few_minutes().await;
    assert_eq!(office.accepted().len(), 1);
}

/// Rows that were claimed under another rate of the process, and wait for a lane, go back.
#[tokio::test]
async fn rows_that_wait_for_a_lane_are_claimed_anew_under_another_rate() {
    let mut office = slow().await;
    renew_all(&mut office, paced("1/hour")).await;
    a_few_minutes().await;
    let accepted = office.accepted().len();
    assert!(
        accepted <= 2,
        "{accepted}: the one under way, and the one told ahead"
    );
}

/// A domain that gets a rate while a run goes on keeps nobody else waiting.
#[tokio::test]
async fn a_rate_for_a_domain_holds_for_the_runs_that_are_open_and_stops_nobody_else() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "rate = \"1/hour\"").await;
    let slow: Vec<String> = (0..400).map(|n| format!("p{n}@slow.example")).collect();
    office.send(&[slow, people(30)].concat()).await;
    until("the first", || server.taken().len() == 1).await;
    renew(&mut office, |ops| {
        let limits = postroom::config::DomainLimits {
            rate: vec!["3/hour".parse().unwrap()],
            connections: None,
        };
        ops.rate = Vec::new();
        ops.domains = [("slow.example".to_owned(), limits)].into();
    })
    .await;
    let taken = |of: &str| server.taken().iter().filter(|it| it.ends_with(of)).count();
    until("the others", || taken("@example.org") == 30).await;
    lull().await;
    assert!(taken("@slow.example") <= 4, "{}", taken("@slow.example"));
}

/// The next run of a schedule may go through another account while the last one is under way.
#[tokio::test]
async fn accounts_share_the_rate_of_a_schedule_that_goes_over_from_one_to_the_other() {
    let server = Retort::new(|_| None).await;
    let lines = server.lines();
    let office = Office::new(Plan {
        account: &format!("[account.two]\n{lines}\nfrom = \"ops@example.org\""),
        elsewhere: Some(server.lines()),
        schedule: "rate = \"1/minute\"",
        ..Plan::default()
    })
    .await;
    assert!(Settings::of(&office.config).several_accounts);
}

/// Whatever happens to the files after they were read: nothing fails any more.
#[tokio::test]
async fn what_was_made_ready_is_what_is_gone_on_by() {
    let server = Retort::new(|_| None).await;
    let mut office = office(&server, "").await;
    let ca = office.house.path().join("ca.pem");
    std::fs::write(&ca, Authority::new().pem()).unwrap();
    let mut settings = Settings::of(&office.config);
    settings.accounts[0].ca = Some(ca.clone());
    let ready = Ready::of(settings).unwrap();
    std::fs::remove_file(&ca).unwrap();
    let deliver = office.deliver.as_mut().unwrap();
    deliver.renew(ready).await.unwrap();
    office.send(&["a@example.org"]).await;
    office.until_states(&["accepted"]).await;
    assert_eq!(office.trouble(), None);
}
