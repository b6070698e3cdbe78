//! One message to several people, over a real connection to the sandbox.

use postroom::sandbox::Options;

use crate::world::office::{Office, Plan, until};

const PEOPLE: [&str; 3] = ["ada@example.org", "bob@example.net", "cy@example.org"];

async fn office(schedule: &str, server: Options) -> Office {
    Office::new(Plan {
        schedule,
        server,
        body: Some("Hello all\n"),
        ..Plan::default()
    })
    .await
}

#[tokio::test]
async fn a_server_gets_one_message_with_all_in_its_envelope_and_no_hidden_one_in_its_bytes() {
    let kept = tempfile::tempdir().unwrap();
    let server = Options {
        dir: Some(kept.path().to_owned()),
        ..Options::default()
    };
    let schedule =
        "group = true\ncc = \"Boss <boss@example.org>\"\nbcc = \"Spy <spy@example.com>\"";
    let office = office(schedule, server).await;
    let opening = office.send(&PEOPLE).await;
    office.until_states(&["accepted"; 5]).await;
    let accepted = office.accepted();
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    let all = [&PEOPLE[..], &["boss@example.org", "spy@example.com"]].concat();
    assert_eq!(accepted[0]["to"], serde_json::json!(all));
    let id = format!("{}.0@example.org", opening.run);
    assert_eq!(accepted[0]["message_id"], serde_json::json!(id));
    let new = kept.path().join("mail/new");
    let files: Vec<_> = std::fs::read_dir(new).unwrap().collect();
    assert_eq!(files.len(), 1);
    let file = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    // The server's own lines show the envelope; what was sent begins behind them.
    assert_eq!(file.matches("Delivered-To: ").count(), 5);
    let sent = &file[file.find("Date: ").unwrap()..];
    assert!(!sent.to_lowercase().contains("spy"), "{sent}");
    assert!(sent.contains("To: ada@example.org,\r\n bob@example.net,\r\n cy@example.org\r\n"));
    assert!(sent.contains("Cc: Boss <boss@example.org>\r\n"));
    let reader = office.outbox.reader().unwrap();
    for person in all {
        let again = postroom::deliver::recompose(&reader, &opening.run, person, &[]).unwrap();
        assert_eq!(again.same, Some(true), "{person}");
    }
}

/// The sandbox's own ways to misbehave: to one of several it is that one's affair.
#[tokio::test]
async fn each_recipient_has_the_end_that_the_server_gave() {
    let office = office("group = true", Options::default()).await;
    office
        .send(&[
            "ada@example.org",
            "5xx@example.org",
            "4xx@example.org",
            "bob@example.org",
        ])
        .await;
    office
        .until_states(&["accepted", "rejected", "deferred", "accepted"])
        .await;
    let accepted = office.accepted();
    assert_eq!(accepted.len(), 1);
    let taken = serde_json::json!(["ada@example.org", "bob@example.org"]);
    assert_eq!(accepted[0]["to"], taken);
}

/// A connection that ends without an answer leaves all in doubt, and everybody gets one more at
/// most.
#[tokio::test]
async fn a_broken_end_of_data_leaves_all_in_doubt() {
    let office = office("group = true\non_uncertain = \"hold\"", Options::default()).await;
    office.send(&["ada@example.org", "drop@example.org"]).await;
    office.until_states(&["uncertain"; 2]).await;
    until("one try of each", || {
        let tries = |to| office.tries(to).len();
        tries("ada@example.org") == 1 && tries("drop@example.org") == 1
    })
    .await;
}
