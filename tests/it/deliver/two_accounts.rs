//! Two accounts, one of them in trouble: the other one notices nothing.

use std::time::Duration;

use postroom::sandbox::Options;

use crate::world::office::{Office, Plan, lull, until};
use crate::world::retort::{Heard, Retort};

const OURS: [&str; 3] = ["a@example.org", "b@example.org", "c@example.org"];
const THEIRS: [&str; 2] = ["y@example.org", "z@example.org"];

/// An office whose `ops` sends through `elsewhere`, or a sandbox; `well` has a server of its own.
async fn office(elsewhere: Option<String>, deserted: bool, well: &Retort) -> Office {
    let lines = well.lines();
    let account = format!(
        "connections = 1\nuser = \"ada\"\npassword = {{ file = \"secret\" }}
         [account.well]\n{lines}\nfrom = \"ops@example.org\""
    );
    let office = Office::new(Plan {
        elsewhere,
        deserted,
        account: &account,
        schedule: "[schedule.other]\nsend = \"hello\"\nto = \"people\"\nvia = \"well\"",
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "sesame\n");
    office
}

fn states(office: &Office, people: &[&str]) -> Vec<String> {
    people.iter().map(|it| office.row(it).state).collect()
}

/// The other account's people have their message, while `ops` is in trouble.
async fn the_other_goes_on(office: &Office, well: &Retort) {
    office.send(&OURS).await;
    until("trouble", || office.trouble().is_some()).await;
    office.send_by("other", &THEIRS).await;
    until("the others", || states(office, &THEIRS) == ["accepted"; 2]).await;
    lull().await;
    assert_eq!(well.taken(), THEIRS, "and nobody else's");
    assert!(office.trouble().is_some(), "the one goes on resting");
    let views = office.deliver.as_ref().unwrap().watch().accounts();
    assert!(views[1].trouble.is_none(), "{views:?}");
}

/// B41: no message of an account that is down goes another way, before or after it is back.
#[tokio::test]
async fn an_account_that_is_down_sends_nothing_by_another() {
    let well = Retort::new(|_| None).await;
    let mut office = office(None, true, &well).await;
    the_other_goes_on(&office, &well).await;
    assert_eq!(states(&office, &OURS), ["queued"; 3]);
    office.server_returns(Options::default()).await;
    office
        .skip_until_states(Duration::from_secs(120), &["accepted"; 5])
        .await;
    let accepted = office.accepted();
    let mut to: Vec<_> = accepted
        .iter()
        .map(|it| it["to"][0].as_str().unwrap())
        .collect();
    to.sort_unstable();
    assert_eq!(to, OURS, "each once, by their own");
    assert_eq!(well.taken(), THEIRS);
}

/// B30: a refused login is one account's, and one try of it.
#[tokio::test]
async fn a_refused_login_stops_its_own_account_only() {
    let ops = Retort::new(|it: &Heard<'_>| it.is("AUTH").then_some("535 5.7.8 no")).await;
    let well = Retort::new(|_| None).await;
    let office = office(Some(ops.lines()), false, &well).await;
    the_other_goes_on(&office, &well).await;
    assert_eq!(states(&office, &OURS), ["queued"; 3]);
    assert_eq!((ops.times("AUTH"), ops.times("MAIL")), (1, 0));
}

/// B29: too fast for one server is not too fast for another. Nobody is given up.
#[tokio::test]
async fn a_server_that_is_sent_to_too_fast_slows_its_own_account_only() {
    for (start, said) in [
        ("MAIL", "450 4.7.28 an unusual rate of mail"),
        (
            "RCPT",
            "421 4.7.0 Try again later, closing connection.\nCLOSE",
        ),
        ("RCPT", "550 5.7.28 an unusual rate of mail"),
    ] {
        let ops = Retort::new(move |it: &Heard<'_>| it.is(start).then_some(said)).await;
        let well = Retort::new(|_| None).await;
        let office = office(Some(ops.lines()), false, &well).await;
        the_other_goes_on(&office, &well).await;
        assert_eq!(states(&office, &OURS), ["queued"; 3], "{said}");
        assert_eq!(ops.times("MAIL"), 1, "{said}: no second one at once");
        ops.mend();
        office
            .skip_until_states(Duration::from_secs(120), &["accepted"; 5])
            .await;
        assert_eq!(ops.taken(), OURS);
    }
}

/// B29: a recipient whose server is sent to too fast waits alone.
#[tokio::test]
async fn a_mailbox_that_gets_too_much_mail_slows_nobody_else() {
    let ops = Retort::new(|it: &Heard<'_>| {
        let said = "450 4.2.1 receiving mail at a rate that prevents more";
        it.is("RCPT TO:<b@").then_some(said)
    })
    .await;
    let well = Retort::new(|_| None).await;
    let office = office(Some(ops.lines()), false, &well).await;
    office.send(&OURS).await;
    office
        .until_states(&["accepted", "deferred", "accepted"])
        .await;
    assert!(office.trouble().is_none());
}

/// B40: every answer takes three seconds: all connections that there may be are used, and nobody
/// is given up.
#[tokio::test]
async fn a_server_that_answers_slowly_is_served_by_all_connections() {
    let server = Options {
        latency: Duration::from_secs(3),
        ..Options::default()
    };
    let office = Office::new(Plan {
        account: "connections = 4",
        server,
        ..Plan::default()
    })
    .await;
    let people: Vec<_> = (0..24).map(|n| format!("p{n}@example.org")).collect();
    office.send(&people).await;
    let connections = || office.deliver.as_ref().unwrap().watch().accounts()[0].connections;
    for _ in 0..40 {
        crate::world::office::jump(Duration::from_secs(3)).await;
        lull().await;
        if office.states().iter().all(|state| state == "accepted") {
            break;
        }
        assert!(office.trouble().is_none(), "{:?}", office.trouble());
        let waits = office.states().iter().filter(|it| *it == "armed").count();
        assert!(waits <= 4 && connections() <= 4);
    }
    assert_eq!(office.accepted().len(), 24);
    for address in &people {
        assert_eq!(office.tries(address).len(), 1, "{address}");
    }
    assert_eq!(office.sandbox.as_ref().unwrap().counts().connections, 4);
}
