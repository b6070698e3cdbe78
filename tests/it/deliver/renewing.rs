//! Other settings while mail flows.

use std::sync::Arc;
use std::time::Duration;

use postroom::config::Account;
use postroom::deliver::Settings;

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
    let deliver = office.deliver.as_mut().unwrap();
    deliver.renew(settings).await.unwrap();
    lull().await;
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
    office
        .deliver
        .as_mut()
        .unwrap()
        .renew(without)
        .await
        .unwrap();
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
