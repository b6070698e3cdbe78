//! Rates that more than one message shares: of a domain, of the whole process, and the one that a
//! server has taught. And who goes first where there is little.

use std::time::Duration;

use postroom::deliver::AccountView;

use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::{Heard, Retort};

fn people(domain: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}@{domain}")).collect()
}

fn view(office: &Office) -> AccountView {
    let views = office.deliver.as_ref().unwrap().watch().accounts();
    views.into_iter().next().unwrap()
}

/// A domain's rate keeps its own people waiting, and nobody else.
#[tokio::test]
async fn the_rate_of_a_domain_keeps_nobody_else_waiting() {
    let server = Retort::new(|_| None).await;
    let office = Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "[account.ops.domain.\"slow.example\"]\nrate = \"2/minute\"",
        ..Plan::default()
    })
    .await;
    let people = [people("Slow.Example", 30), people("example.org", 30)].concat();
    office.send(&people).await;
    let taken = |of: &str| server.taken().iter().filter(|it| it.ends_with(of)).count();
    until("the others", || taken("@example.org") == 30).await;
    lull().await;
    assert_eq!(taken("@slow.example"), 2);
    jump(Duration::from_secs(61)).await;
    until("two more", || taken("@slow.example") == 4).await;
    lull().await;
    assert_eq!(taken("@slow.example"), 4);
}

/// Of a domain no more are under way at once than it may have; the other connections have others.
#[tokio::test]
async fn no_more_are_under_way_to_a_domain_than_it_may_have() {
    let server = Retort::new(|it: &Heard<'_>| it.is(".").then_some("SILENCE")).await;
    let office = Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "connections = 4\n[account.ops.domain.\"slow.example\"]\nconnections = 1",
        ..Plan::default()
    })
    .await;
    let people = [people("slow.example", 9), people("example.org", 9)].concat();
    office.send(&people).await;
    until("four", || server.times("RCPT") == 4).await;
    lull().await;
    assert_eq!(server.times("RCPT TO:<p0@slow.example"), 1);
    let slow = (0..9).map(|n| server.times(&format!("RCPT TO:<p{n}@slow.example")));
    assert_eq!((slow.sum::<usize>(), server.times("RCPT")), (1, 4));
}

/// One that is slow takes no places from the others.
#[tokio::test]
async fn a_domain_that_is_stuck_keeps_nobody_else_waiting() {
    let stuck = |it: &Heard<'_>| it.line.contains("@slow.example").then_some("SILENCE");
    let server = Retort::new(stuck).await;
    let office = Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "connections = 2\n[account.ops.domain.\"slow.example\"]\nconnections = 1",
        ..Plan::default()
    })
    .await;
    let people = [people("slow.example", 40), people("example.org", 40)].concat();
    office.send(&people).await;
    until("the others", || server.taken().len() == 40).await;
}

/// Nobody is busy with rows that only wait for the end of another one.
#[tokio::test]
async fn a_domain_that_is_stuck_keeps_nobody_busy() {
    let stuck = |it: &Heard<'_>| it.line.contains("@slow.example").then_some("SILENCE");
    let server = Retort::new(stuck).await;
    let office = Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "connections = 4\n[account.ops.domain.\"slow.example\"]\nconnections = 1",
        ..Plan::default()
    })
    .await;
    let people = [people("slow.example", 2), people("example.org", 40)].concat();
    office.send(&people).await;
    until("the others", || server.taken().len() == 40).await;
    lull().await;
    let worked = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let before = worked();
    lull().await;
    let after = worked();
    let nanos = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
    assert!(nanos < 50_000_000, "{} ms of 200", nanos / 1_000_000);
}

/// Two accounts share the slots of the process, one after the other.
#[tokio::test]
async fn accounts_take_turns_at_the_rate_of_the_whole_process() {
    let ours = Retort::new(|_| None).await;
    let theirs = Retort::new(|_| None).await;
    let lines = theirs.lines();
    let account = format!("[account.two]\n{lines}\nfrom = \"ops@example.org\"");
    let schedule = "[schedule.other]\nsend = \"hello\"\nto = \"people\"\nvia = \"two\"";
    let office = Office::with_daemon(
        "rate = \"2/minute\"",
        Plan {
            elsewhere: Some(ours.lines()),
            account: &account,
            schedule,
            ..Plan::default()
        },
    )
    .await;
    office.send(&people("one.example", 20)).await;
    office.send_by("other", &people("two.example", 20)).await;
    let both = || (ours.taken().len(), theirs.taken().len());
    for minute in 1..=8 {
        until("two more", || both().0 + both().1 == 2 * minute).await;
        lull().await;
        assert_eq!(both().0 + both().1, 2 * minute, "never more");
        jump(Duration::from_secs(61)).await;
    }
    let (ours, theirs) = both();
    assert!(
        ours >= 6 && theirs >= 6,
        "{ours} and {theirs}: they take turns"
    );
}

/// A server that says "too fast" is sent half of what it had, and the view says so.
#[tokio::test]
async fn a_server_teaches_its_rate() {
    let server = Retort::new(|_| None).await;
    let office = Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    office.send(&people("example.org", 60)).await;
    office.until_states(&["accepted"; 60]).await;
    assert_eq!(view(&office).learned, None);
    server.answer(|it| it.is("MAIL").then_some("421 4.7.0 slow down\nCLOSE"));
    office.send(&["late@example.org"]).await;
    until("a lesson", || view(&office).learned.is_some()).await;
    let learned = view(&office).learned_per_second.unwrap();
    assert!(
        (0.5..=30.0).contains(&learned),
        "{learned}: half of what it was"
    );
    server.mend();
    office
        .skip_until_states(Duration::from_secs(61), &["accepted"; 61])
        .await;
    assert!(
        view(&office).learned_per_second.unwrap() > learned,
        "a little more again"
    );
}

/// All lanes wait for answers and rows wait behind them: who comes now is next all the same.
#[tokio::test]
async fn a_newcomer_does_not_wait_behind_the_rows_of_a_large_run() {
    let server = postroom::sandbox::Options {
        latency: Duration::from_secs(5),
        ..Default::default()
    };
    let office = Office::new(Plan {
        account: "connections = 1",
        server,
        ..Plan::default()
    })
    .await;
    office.send(&people("example.org", 40)).await;
    until("one in hand", || {
        office
            .states()
            .iter()
            .any(|it| it == "armed" || it == "leased")
    })
    .await;
    lull().await;
    office.send(&["alert@example.org"]).await;
    lull().await;
    let took = || {
        let all = office.accepted();
        let to = all
            .iter()
            .map(|it| it["to"][0].as_str().unwrap().to_owned());
        to.collect::<Vec<_>>()
    };
    for _ in 0..40 {
        jump(Duration::from_secs(5)).await;
        lull().await;
        if took().iter().any(|to| to == "alert@example.org") {
            break;
        }
    }
    let took = took();
    assert!(
        took.len() <= 3,
        "{took:?}: at most the one in hand and the one told ahead before it"
    );
    assert_eq!(took.last().map(String::as_str), Some("alert@example.org"));
}
