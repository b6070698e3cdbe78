//! People, and senders, whose addresses need SMTPUTF8 (RFC 6531), with servers that offer it and
//! servers that do not. The sandbox refuses what is beyond ASCII and was not announced with MAIL.

use std::time::Duration;

use postroom::sandbox::Options;

use super::{counts, office_with, taken};
use crate::world::office::until;

const PEOPLE: [&str; 5] = [
    "ada@example.org",
    "jürgen@bücher.example",
    "bob@example.org",
    "हिन्दी@example.org",
    "zoe@example.org",
];

fn server(smtputf8: bool) -> Options {
    Options {
        smtputf8,
        ..Options::default()
    }
}

#[tokio::test]
async fn people_of_any_script_get_their_mail_where_the_server_offers_smtputf8() {
    let office = office_with("connections = 1\n", server(true)).await;
    office.send(&PEOPLE).await;
    office.until_states(&["accepted"; 5]).await;
    let mut got = taken(&office);
    got.sort();
    let mut wanted = PEOPLE.map(|it| it.replace("bücher", "xn--bcher-kva"));
    wanted.sort();
    assert_eq!(got, wanted);
    assert_eq!(counts(&office).refused, 0);
}

/// B27: with the reason, and the session goes on.
#[tokio::test]
async fn people_whom_the_server_cannot_mail_end_invalid_before_mail_and_the_others_get_theirs() {
    for account in ["connections = 1\n", "connections = 1\nchaining = false\n"] {
        let office = office_with(account, server(false)).await;
        office.send(&PEOPLE).await;
        let wanted = ["accepted", "invalid", "accepted", "invalid", "accepted"];
        office.until_states(&wanted).await;
        let reason = office.row("हिन्दी@example.org").reason.unwrap();
        assert!(reason.contains("does not offer SMTPUTF8"), "{reason}");
        assert!(!reason.contains("हिन्दी"), "logs mask addresses: {reason}");
        let seen = counts(&office);
        assert_eq!((seen.refused, seen.connections), (0, 1), "{seen:?}");
        assert_eq!(office.trouble(), None);
    }
}

/// It is nobody's fault among them.
#[tokio::test]
async fn a_senders_own_address_that_the_server_cannot_mail_rests_the_account() {
    let mut office = office_with("reply_to = \"收发室@example.org\"\n", server(false)).await;
    office.send(&["ada@example.org", "bob@example.org"]).await;
    until("the trouble", || office.trouble().is_some()).await;
    let trouble = office.trouble().unwrap();
    assert!(trouble.text.contains("收发室@example.org"), "{trouble:?}");
    assert_eq!(office.states(), ["queued"; 2]);
    assert!(office.tries("ada@example.org").is_empty());

    office.sandbox.take().unwrap().stop().await;
    office.server_returns(server(true)).await;
    let rest = Duration::from_secs(900);
    office.skip_until_states(rest, &["accepted"; 2]).await;
    assert_eq!(taken(&office).len(), 2);
}
