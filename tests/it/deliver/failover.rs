//! Several accounts for one schedule: the second carries the mail while the first is out.

use std::time::Duration;

use postroom::deliver::Settings;
use postroom::outbox::{Hold, Scope};
use postroom::sandbox::Options;

use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::{Heard, Retort};

const PEOPLE: [&str; 3] = ["a@example.org", "b@example.org", "c@example.org"];

/// An office whose `ops` sends through `elsewhere`, or a sandbox; schedule `both` may go through
/// `spare` after it.
async fn office(elsewhere: Option<String>, account: &str, spare: &Retort) -> Office {
    let lines = spare.lines();
    let account = format!(
        "connections = 1\n{account}\n\
         [account.spare]\n{lines}\nfrom = \"ops@example.org\""
    );
    Office::new(Plan {
        deserted: elsewhere.is_none(),
        elsewhere,
        account: &account,
        schedule: "[schedule.both]\nsend = \"hello\"\nto = \"people\"\nvia = [\"ops\", \"spare\"]",
        ..Plan::default()
    })
    .await
}

fn carried_by(office: &Office) -> Option<String> {
    let views = office.deliver.as_ref().unwrap().watch().accounts();
    views[0].carried_by.clone()
}

/// B41: a server that is down for more than a moment is stood in for, and used again when it is
/// back. Nobody gets it twice, and the sender stays the same.
#[tokio::test]
async fn the_second_account_sends_while_the_first_is_down() {
    let spare = Retort::new(|_| None).await;
    let mut office = office(None, "", &spare).await;
    office.send_by("both", &PEOPLE).await;
    until("trouble", || office.trouble().is_some()).await;
    lull().await;
    assert!(spare.taken().is_empty(), "one failure is none yet");
    office
        .skip_until_states(Duration::from_secs(3), &["accepted"; 3])
        .await;
    assert_eq!(spare.taken(), PEOPLE);
    assert_eq!(carried_by(&office).as_deref(), Some("spare"));
    for person in PEOPLE {
        let tries = office.tries(person);
        assert_eq!(
            (tries.len(), tries[0].account.as_str()),
            (1, "spare"),
            "{person}"
        );
    }
    office.server_returns(Options::default()).await;
    jump(Duration::from_secs(60)).await;
    office.send_by("both", &["d@example.org"]).await;
    until("its own server", || office.accepted().len() == 1).await;
    assert_eq!(spare.taken().len(), 3);
    assert_eq!(carried_by(&office), None);
}

/// A schedule with one account waits for it, whoever else is there.
#[tokio::test]
async fn nobody_stands_in_who_is_not_named() {
    let spare = Retort::new(|_| None).await;
    let office = office(None, "", &spare).await;
    office.send(&PEOPLE).await;
    for _ in 0..5 {
        jump(Duration::from_secs(20)).await;
        lull().await;
    }
    assert_eq!(office.states(), ["queued"; 3]);
    assert!(spare.taken().is_empty());
}

#[tokio::test]
async fn a_refused_login_and_a_spent_quota_are_stood_in_for_at_once() {
    for (start, said) in [
        ("AUTH", "535 5.7.8 no"),
        ("MAIL", "550 5.4.5 Daily sending quota"),
    ] {
        let ops = Retort::new(move |it: &Heard<'_>| it.is(start).then_some(said)).await;
        let spare = Retort::new(|_| None).await;
        let login = "user = \"ada\"\npassword = { file = \"secret\" }";
        let office = office(Some(ops.lines()), login, &spare).await;
        office.house.write("secret", "sesame\n");
        office.send_by("both", &PEOPLE).await;
        until("most", || spare.taken().len() >= 2).await;
        let wait = Duration::from_secs(75); // whose refusal it was
        office.skip_until_states(wait, &["accepted"; 3]).await;
        assert_eq!((spare.taken().len(), ops.taken().len()), (3, 0), "{said}");
    }
}

/// The own rates leave nothing for a while: the rest goes through the other one, and nobody twice.
#[tokio::test]
async fn a_spent_rate_is_stood_in_for() {
    let ops = Retort::new(|_| None).await;
    let spare = Retort::new(|_| None).await;
    let office = office(Some(ops.lines()), "rate = \"1/hour\"", &spare).await;
    office.send_by("both", &PEOPLE).await;
    office.until_states(&["accepted"; 3]).await;
    assert_eq!((ops.taken().len(), spare.taken().len()), (1, 2));
}

/// An account that is in the configuration no more does not keep the others from its mail.
#[tokio::test]
async fn an_account_that_is_gone_is_stood_in_for() {
    let spare = Retort::new(|_| None).await;
    let mut office = office(None, "", &spare).await;
    office.send_by("both", &PEOPLE).await;
    until("trouble", || office.trouble().is_some()).await;
    let mut without = Settings::of(&office.config);
    without.accounts.retain(|account| account.name != "ops");
    office.renew(without).await;
    office.wake();
    office.until_states(&["accepted"; 3]).await;
    assert_eq!(spare.taken(), PEOPLE);
}

/// A rate that binds for seconds only is no reason to go another way.
#[tokio::test]
async fn a_short_wait_is_waited_for() {
    let ops = Retort::new(|_| None).await;
    let spare = Retort::new(|_| None).await;
    let office = office(Some(ops.lines()), "rate = \"1/20s\"", &spare).await;
    office.send_by("both", &PEOPLE).await;
    until("the first", || ops.taken().len() == 1).await;
    lull().await;
    assert!(spare.taken().is_empty());
}

/// A person's hold is no fault of the account: its mail waits.
#[tokio::test]
async fn an_account_on_hold_is_not_stood_in_for() {
    let spare = Retort::new(|_| None).await;
    let office = office(None, "", &spare).await;
    let hold = Hold {
        scope: Scope::Account("ops".to_owned()),
        reason: "moving house".to_owned(),
        author: "ada".to_owned(),
        ends_at: None,
    };
    office.outbox.submit(hold).await.unwrap();
    office.send_by("both", &PEOPLE).await;
    for _ in 0..4 {
        jump(Duration::from_secs(20)).await;
        lull().await;
    }
    assert_eq!(office.states(), ["queued"; 3]);
    assert!(spare.taken().is_empty());
}

/// What may have arrived through one account is not sent through another.
#[tokio::test]
async fn doubt_stays_with_its_account() {
    let ops = Retort::new(|it: &Heard<'_>| it.is(".").then_some("CLOSE")).await;
    let spare = Retort::new(|_| None).await;
    let office = office(Some(ops.lines()), "", &spare).await;
    office.send_by("both", &["a@example.org"]).await;
    office.until_states(&["uncertain"]).await;
    ops.answer(|it: &Heard<'_>| it.is("EHLO").then_some("421 4.3.2 no service\nCLOSE"));
    for _ in 0..12 {
        jump(Duration::from_secs(120)).await;
        office.sweep().await;
        lull().await;
    }
    assert!(spare.taken().is_empty(), "{:?}", office.rows());
    office.send_by("both", &["b@example.org"]).await;
    until("the other one", || spare.taken() == ["b@example.org"]).await;
}
