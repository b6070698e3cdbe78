//! Accounts that cannot be used for a while: they rest, and nobody pays for it.

use std::time::Duration;

use postroom::sandbox::Options;

use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::Retort;

const LOGIN: &str = "user = \"ada\"\npassword = { file = \"secret\" }";

fn guarded() -> Options {
    Options {
        login: Some(("ada".to_owned(), "right".to_owned())),
        ..Options::default()
    }
}

fn untouched(office: &Office, address: &str) {
    let row = office.row(address);
    assert_eq!((row.state.as_str(), row.tries), ("queued", 0), "{address}");
    assert!(office.tries(address).is_empty());
}

/// B30, B33: the account rests, one lane probes, and a password that was mended is read.
#[tokio::test]
async fn a_wrong_password_burns_nothing_and_works_once_it_is_mended() {
    let office = Office::new(Plan {
        account: LOGIN,
        server: guarded(),
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "wrong\n");
    office.send(&["ada@example.org", "bob@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let trouble = office.trouble().unwrap();
    assert!(trouble.text.contains("535"), "{trouble:?}");
    assert!(
        trouble.retry_at.unwrap() - trouble.since >= 54_000,
        "{trouble:?}"
    );
    office.until_states(&["queued", "queued"]).await;
    let first = office.sandbox.as_ref().unwrap().counts().connections;
    for address in ["ada@example.org", "bob@example.org"] {
        untouched(&office, address);
    }
    // It rests, whoever knocks.
    for _ in 0..5 {
        office.wake();
        jump(Duration::from_secs(5)).await;
        lull().await;
    }
    assert_eq!(office.sandbox.as_ref().unwrap().counts().connections, first);

    // Then one lane tries, not all of them.
    jump(Duration::from_secs(60)).await;
    until("a probe", || {
        office.sandbox.as_ref().unwrap().counts().connections > first
    })
    .await;
    lull().await;
    assert_eq!(
        office.sandbox.as_ref().unwrap().counts().connections,
        first + 1
    );
    untouched(&office, "ada@example.org");

    office.house.write("secret", "right\n");
    office
        .skip_until_states(Duration::from_secs(400), &["accepted", "accepted"])
        .await;
    until("no trouble", || office.trouble().is_none()).await;
}

#[tokio::test]
async fn a_password_that_cannot_be_read_is_the_accounts_trouble() {
    let office = Office::new(Plan {
        account: LOGIN,
        server: guarded(),
        ..Plan::default()
    })
    .await;
    office.send(&["ada@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let text = office.trouble().unwrap().text;
    assert!(text.contains("secret"), "{text}");
    office.until_states(&["queued"]).await;
    untouched(&office, "ada@example.org");
}

/// A server that repeats the login in its refusal, in base64 and plain.
#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_in_the_accounts_trouble() {
    let server = Retort::new(|heard| {
        heard.is("AUTH").then_some(
            "535-5.7.8 \"AUTH PLAIN AGFkYQBjYW5hcnktc2VjcmV0\"\n535 5.7.8 canary-secret is wrong",
        )
    })
    .await;
    let office = Office::new(Plan {
        account: LOGIN,
        elsewhere: Some(server.lines()),
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "canary-secret\n");
    office.send(&["ada@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let told = office.trouble().unwrap().text;
    let wanted = "535 5.7.8 \"AUTH PLAIN ‹hidden›\" ‹hidden› is wrong";
    assert!(told.contains(wanted), "{told}");
    for part in ["AGFkYQBj", "c2VjcmV0", "canary"] {
        assert!(!told.contains(part), "{told}");
    }
    office.until_states(&["queued"]).await;
    untouched(&office, "ada@example.org");
}

/// B2: refused.
#[tokio::test]
async fn a_server_that_is_down_burns_nothing_and_is_tried_again() {
    let mut office = Office::new(Plan {
        deserted: true,
        ..Plan::default()
    })
    .await;
    office.send(&["ada@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let text = office.trouble().unwrap().text;
    assert!(text.contains("connection refused"), "{text}");
    office.until_states(&["queued"]).await;
    untouched(&office, "ada@example.org");
    for _ in 0..3 {
        jump(Duration::from_secs(20)).await;
        lull().await;
    }
    untouched(&office, "ada@example.org");
    office.server_returns(Options::default()).await;
    office
        .skip_until_states(Duration::from_secs(120), &["accepted"])
        .await;
    assert_eq!(office.tries("ada@example.org").len(), 1);
    assert!(office.trouble().is_none());
}

/// Exact at the server: no second holds more than three.
#[tokio::test]
async fn a_rate_is_exact_at_the_server_and_survives_a_restart() {
    let mut office = Office::new(Plan {
        account: "rate = \"3/1s\"",
        ..Plan::default()
    })
    .await;
    let people: Vec<_> = (0..10).map(|n| format!("p{n}@example.org")).collect();
    office.send(&people).await;
    until("half of them", || office.accepted().len() >= 5).await;
    office.drain_during(Duration::ZERO).await;
    office.start();
    until("all", || office.accepted().len() == 10).await;
    office.quiet().await;
    let times: Vec<i64> = office
        .accepted()
        .iter()
        .map(|line| line["time_ms"].as_i64().unwrap())
        .collect();
    for (first, fourth) in times.iter().zip(&times[3..]) {
        assert!(fourth - first >= 999, "milliseconds are cut off: {times:?}");
    }
}

#[tokio::test]
async fn a_schedule_has_a_rate_of_its_own() {
    let office = Office::new(Plan {
        schedule: "rate = \"2/1m\"",
        ..Plan::default()
    })
    .await;
    office
        .send(&[
            "a@example.org",
            "b@example.org",
            "c@example.org",
            "d@example.org",
        ])
        .await;
    until("two", || office.accepted().len() == 2).await;
    lull().await;
    assert_eq!(office.accepted().len(), 2);
    jump(Duration::from_secs(61)).await;
    until("four", || office.accepted().len() == 4).await;
}

/// B30, B33: Another lane's old session still works: that says nothing about the password.
#[tokio::test]
async fn a_refused_login_rests_although_an_open_session_goes_on() {
    let office = Office::new(Plan {
        account: &format!("connections = 2\n{LOGIN}"),
        server: guarded(),
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "right\n");
    office.send(&["slow@example.org"]).await;
    office.until_states(&["armed"]).await;
    office.house.write("secret", "wrong\n");
    office.send(&["bob@example.org"]).await;
    until("trouble", || office.trouble().is_some()).await;
    let connections = office.sandbox.as_ref().unwrap().counts().connections;
    jump(Duration::from_secs(6)).await;
    until("the slow one", || {
        office.row("slow@example.org").state == "accepted"
    })
    .await;
    lull().await;
    assert!(office.trouble().is_some(), "it goes on resting");
    let now = office.sandbox.as_ref().unwrap().counts().connections;
    assert_eq!(now, connections, "the wrong password is not tried again");
    untouched(&office, "bob@example.org");
}

/// B6: a server that always says goodbye is not asked again at once, row after row.
#[tokio::test]
async fn a_server_that_says_421_to_everybody_is_left_alone_for_a_while() {
    let office = Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    let people: Vec<_> = (0..20).map(|n| format!("421+{n}@example.org")).collect();
    office.send(&people).await;
    until("trouble", || office.trouble().is_some()).await;
    lull().await;
    let connections = office.sandbox.as_ref().unwrap().counts().connections;
    assert!(
        connections <= 2,
        "{connections} connections in a fifth of a second"
    );
    let tried = office
        .states()
        .iter()
        .filter(|state| *state == "deferred")
        .count();
    assert!(tried <= 2, "{tried} of 20 have paid for it");
}

/// B6: 421 to one recipient.
#[tokio::test]
async fn one_that_says_421_spoils_nothing_for_the_others() {
    let office = Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    office
        .send(&[
            "a@example.org",
            "421@example.org",
            "b@example.org",
            "c@example.org",
        ])
        .await;
    until("the first", || {
        office.row("421@example.org").state == "deferred"
    })
    .await;
    jump(Duration::from_secs(3)).await;
    office
        .until_states(&["accepted", "deferred", "accepted", "accepted"])
        .await;
    assert!(office.trouble().is_none());
}

/// A read that fails here is no fault of the message: it must not be given up for good.
#[tokio::test]
async fn a_run_that_cannot_be_read_for_a_moment_waits() {
    let mut office = Office::new(Plan {
        deserted: true,
        ..Plan::default()
    })
    .await;
    let sql = rusqlite::Connection::open(office.config.daemon.state.join("postroom.db")).unwrap();
    let mut deliver = office.deliver.take().unwrap();
    deliver.drain().await;
    office.send(&["ada@example.org"]).await;
    sql.execute_batch("ALTER TABLE blob RENAME TO hidden")
        .unwrap();
    office.server_returns(Options::default()).await;
    office.start();
    until("trouble", || {
        office.trouble().is_some() || office.states() == ["invalid"]
    })
    .await;
    assert_eq!(office.states(), ["queued"]);
    sql.execute_batch("ALTER TABLE hidden RENAME TO blob")
        .unwrap();
    jump(Duration::from_secs(120)).await;
    office.until_states(&["accepted"]).await;
}

/// A slow answer counts from when it came, also for the next process.
#[tokio::test]
async fn a_rate_remembers_a_message_that_was_begun_before_its_window() {
    let mut office = Office::new(Plan {
        account: "rate = \"1/1m\"",
        ..Plan::default()
    })
    .await;
    office
        .send(&["slow100@example.org", "bob@example.org"])
        .await;
    office.until_states(&["armed", "queued"]).await;
    office
        .skip_until_states(Duration::from_secs(101), &["accepted", "queued"])
        .await;
    office.drain_during(Duration::ZERO).await;
    jump(Duration::from_secs(30)).await;
    office.start();
    lull().await;
    assert_eq!(
        office.states(),
        ["accepted", "queued"],
        "half a minute is not one"
    );
    jump(Duration::from_secs(31)).await;
    office.until_states(&["accepted", "accepted"]).await;
}

/// B30: 8 lanes, 40 messages, one login.
#[tokio::test]
async fn a_wrong_password_is_tried_by_one_lane_and_not_by_all() {
    let office = Office::new(Plan {
        account: "user = \"ada\"\npassword = { file = \"secret\" }\nconnections = 8",
        server: guarded(),
        ..Plan::default()
    })
    .await;
    office.house.write("secret", "wrong\n");
    let many: Vec<String> = (0..40).map(|n| format!("p{n}@example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    office.send(&many).await;
    until("trouble", || office.trouble().is_some()).await;
    lull().await;
    assert_eq!(office.sandbox.as_ref().unwrap().counts().connections, 1);
}

/// B19: a few doubts, not one for each of sixty.
#[tokio::test]
async fn sessions_that_break_in_a_row_give_the_account_a_rest() {
    let office = Office::new(Plan::default()).await;
    let many: Vec<String> = (0..60).map(|n| format!("drop+{n}@example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    office.send(&many).await;
    until("trouble", || office.trouble().is_some()).await;
    lull().await;
    let broken = office.sandbox.as_ref().unwrap().counts().connections;
    assert!(broken < 10, "{broken} of 60 came into doubt");
}

#[tokio::test]
async fn one_message_that_the_account_is_blamed_for_does_not_stop_the_others() {
    let office = Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    office
        .send(&["530@example.org", "bob@example.org", "cy@example.org"])
        .await;
    until("trouble", || office.trouble().is_some()).await;
    for _ in 0..3 {
        jump(Duration::from_secs(400)).await;
        lull().await;
    }
    assert_eq!(office.states()[1..], ["accepted", "accepted"]);
}
