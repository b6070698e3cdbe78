//! The sandbox's misbehaving recipients, each to its own end.

use std::time::Duration;

use crate::world::office::{Office, Plan, jump, lull, until};

const MINUTE: Duration = Duration::from_secs(60);

async fn office() -> Office {
    Office::new(Plan::default()).await
}

/// B6, B7, B8, B18, B19: to RCPT and to the dot.
#[tokio::test]
async fn each_answer_leads_to_its_state_and_is_kept() {
    let office = office().await;
    let people = [
        "bob@example.org",
        "4xx@example.org",
        "5xx@example.org",
        "full@example.org",
        "571@example.org",
        "471@example.org",
        "dot4xx@example.org",
        "dot5xx@example.org",
        "greylist@example.org",
        "drop@example.org",
        "zoe@example.org",
        "421@example.org",
        "dot421@example.org",
    ];
    office.send(&people).await;
    // After a 421 the account rests for two seconds. One that hears it to its dot is certainly not
    // sent, and waits in the queue.
    until("the goodbye", || {
        office.row("421@example.org").state == "deferred"
    })
    .await;
    jump(Duration::from_secs(3)).await;
    until("the other", || {
        !office.tries("dot421@example.org").is_empty()
    })
    .await;
    office
        .until_states(&[
            "accepted",
            "deferred",
            "rejected",
            "deferred",
            "rejected",
            "deferred",
            "deferred",
            "rejected",
            "deferred",
            "uncertain",
            "accepted",
            "deferred",
            "queued",
        ])
        .await;
    for (address, outcome, code, enhanced, stage) in [
        (
            "bob@example.org",
            "accepted",
            Some(250),
            Some("2.0.0"),
            "end of data",
        ),
        (
            "4xx@example.org",
            "deferred",
            Some(451),
            Some("4.3.0"),
            "RCPT TO",
        ),
        (
            "5xx@example.org",
            "rejected",
            Some(550),
            Some("5.1.1"),
            "RCPT TO",
        ),
        (
            "full@example.org",
            "deferred",
            Some(452),
            Some("4.2.2"),
            "RCPT TO",
        ),
        (
            "571@example.org",
            "rejected",
            Some(571),
            Some("5.0.0"),
            "RCPT TO",
        ),
        (
            "471@example.org",
            "deferred",
            Some(471),
            Some("4.0.0"),
            "RCPT TO",
        ),
        (
            "dot4xx@example.org",
            "deferred",
            Some(451),
            Some("4.3.0"),
            "end of data",
        ),
        (
            "dot5xx@example.org",
            "rejected",
            Some(554),
            Some("5.7.1"),
            "end of data",
        ),
        (
            "greylist@example.org",
            "deferred",
            Some(450),
            Some("4.7.1"),
            "RCPT TO",
        ),
        (
            "421@example.org",
            "deferred",
            Some(421),
            Some("4.3.2"),
            "RCPT TO",
        ),
        (
            "dot421@example.org",
            "not-sent",
            Some(421),
            Some("4.0.0"),
            "end of data",
        ),
        ("drop@example.org", "uncertain", None, None, "end of data"),
    ] {
        let tries = office.tries(address);
        assert_eq!(tries.len(), 1, "{address}: {tries:?}");
        let it = &tries[0];
        let told = (
            it.outcome.as_deref(),
            it.code,
            it.enhanced.as_deref(),
            it.stage.as_deref(),
        );
        assert_eq!(
            told,
            (Some(outcome), code, enhanced, Some(stage)),
            "{address}"
        );
        assert!(it.ended_at >= Some(it.started_at), "{address}");
    }
    let listed = office.outbox.reader().unwrap().suppressions().unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|row| row.address.as_deref().unwrap())
        .collect();
    assert_eq!(
        listed,
        ["5xx@example.org"],
        "the only one that does not exist"
    );
    let accepted: Vec<_> = office
        .accepted()
        .iter()
        .map(|line| line["to"][0].clone())
        .collect();
    assert_eq!(accepted.len(), 2, "{accepted:?}");
}

/// B7, B28: not before its time, and one copy.
#[tokio::test]
async fn what_is_deferred_is_tried_again_after_its_wait() {
    let office = office().await;
    office
        .send(&["greylist@example.org", "4xx@example.org"])
        .await;
    office.until_states(&["deferred", "deferred"]).await;
    let wait = office.row("greylist@example.org").next_at.unwrap()
        - office.tries("greylist@example.org")[0].ended_at.unwrap();
    assert!(
        (48_000..=72_000).contains(&wait),
        "a minute and a fifth at most: {wait}"
    );
    jump(Duration::from_secs(40)).await;
    office.wake();
    lull().await;
    assert_eq!(
        office.tries("greylist@example.org").len(),
        1,
        "not before its time"
    );
    jump(Duration::from_secs(40)).await;
    office.wake();
    office.until_states(&["accepted", "deferred"]).await;
    let tries = office.tries("greylist@example.org");
    assert_eq!(tries.len(), 2);
    assert_eq!(office.accepted().len(), 1, "one copy");
}

/// B19: the one window that cannot be closed, and what makes it bearable: the same bytes under
/// the same Message-ID, once more.
#[tokio::test]
async fn a_message_in_doubt_is_sent_once_more_with_the_same_bytes() {
    let office = office().await;
    office.send(&["doubt@example.org"]).await;
    office.until_states(&["uncertain"]).await;
    jump(14 * MINUTE).await;
    office.sweep().await;
    assert_eq!(office.states(), ["uncertain"], "not before `resend_after`");
    jump(2 * MINUTE).await;
    office.sweep().await;
    office.until_states(&["accepted"]).await;
    let accepted = office.accepted();
    assert_eq!(accepted.len(), 2, "the server took it twice");
    for field in ["sha256", "message_id", "size", "from", "to"] {
        assert_eq!(accepted[0][field], accepted[1][field], "{field}");
    }
    let id = accepted[0]["message_id"].as_str().unwrap();
    let row = office.row("doubt@example.org");
    assert!(
        id.starts_with(&row.id) && id.ends_with("@example.org"),
        "{id} of {}",
        row.id
    );
    let outcomes: Vec<_> = office
        .tries("doubt@example.org")
        .into_iter()
        .map(|it| it.outcome)
        .collect();
    assert_eq!(
        outcomes,
        [Some("uncertain".to_owned()), Some("accepted".to_owned())]
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_and_the_others_go_on() {
    let office = office().await;
    office
        .send(&["hang@example.org", "bob@example.org", "zoe@example.org"])
        .await;
    office
        .until_states(&["leased", "accepted", "accepted"])
        .await;
    office
        .skip_until_states(
            Duration::from_secs(121),
            &["deferred", "accepted", "accepted"],
        )
        .await;
    let tries = office.tries("hang@example.org");
    assert_eq!(tries[0].stage.as_deref(), Some("RCPT TO"));
    assert!(
        tries[0].reply.as_ref().unwrap().contains("120 s"),
        "{tries:?}"
    );
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let office = office().await;
    office.send(&["slow250@example.org"]).await;
    office.until_states(&["armed"]).await;
    office
        .skip_until_states(Duration::from_secs(251), &["accepted"])
        .await;
    assert_eq!(office.accepted().len(), 1);
}

#[tokio::test]
async fn many_messages_go_over_few_connections_and_none_twice() {
    let office = Office::new(Plan {
        account: "connections = 2",
        ..Plan::default()
    })
    .await;
    let people: Vec<_> = (0..250).map(|n| format!("p{n}@example.org")).collect();
    office.send(&people).await;
    office.quiet().await;
    let mut to: Vec<_> = office
        .accepted()
        .iter()
        .map(|line| line["to"][0].to_string())
        .collect();
    to.sort();
    to.dedup();
    assert_eq!((to.len(), office.accepted().len()), (250, 250));
    let connections = office.sandbox.as_ref().unwrap().counts().connections;
    assert!(
        (3..=6).contains(&connections),
        "a hundred messages each: {connections}"
    );
}

/// More refusals in a row than a lane keeps in memory.
#[tokio::test]
async fn a_hundred_refusals_in_a_row_are_all_recorded() {
    let office = Office::new(Plan {
        account: "connections = 1",
        ..Plan::default()
    })
    .await;
    let refused = (0..99).map(|n| format!("5xx+{n}@example.org"));
    let people: Vec<_> = ["ada@example.org".to_owned()]
        .into_iter()
        .chain(refused)
        .collect();
    office.send(&people).await;
    office.quiet().await;
    assert!(office.states()[1..].iter().all(|state| state == "rejected"));
    assert_eq!(
        office.sandbox.as_ref().unwrap().counts().connections,
        1,
        "the session goes on"
    );
}

/// B26: for good, and unasked.
#[tokio::test]
async fn a_message_larger_than_the_server_takes_is_rejected_before_mail() {
    let server = postroom::sandbox::Options {
        max_message_size: 100,
        ..Default::default()
    };
    let office = Office::new(Plan {
        server,
        ..Plan::default()
    })
    .await;
    office.send(&["bob@example.org"]).await;
    office.until_states(&["rejected"]).await;
    let tries = office.tries("bob@example.org");
    assert!(
        tries[0].reply.as_ref().unwrap().contains("at most 100"),
        "{tries:?}"
    );
    assert_eq!(
        office.sandbox.as_ref().unwrap().counts().refused,
        0,
        "it was not even asked"
    );
}
