//! What MAIL and RCPT say beside the addresses, and what cannot be said to a server.

use postroom::config;
use postroom::smtp::{Dsn, Envelope, Offer, Unfit};

use crate::world::script::{envelope, session};

const NO: &str = "\nS: 550 no";

async fn said(offers: &[&str], envelope: &Envelope, mail: &str) {
    let (mut session, server) = session(offers, &format!("C: {mail}{NO}")).await;
    session.offer(envelope).await.unwrap();
    server.await.unwrap();
}

async fn said_to_rcpt(offers: &[&str], envelope: &Envelope, rcpt: &str) {
    let script = format!("C: MAIL…\nS: 250 ok\nC: {rcpt}{NO}");
    let (mut session, server) = session(offers, &script).await;
    session.offer(envelope).await.unwrap();
    server.await.unwrap();
}

fn notices(failure: bool, delay: bool, success: bool) -> Envelope {
    let notify = config::Dsn {
        failure,
        delay,
        success,
    };
    Envelope {
        dsn: Some(Dsn {
            envelope_id: "01J=A+B.7".to_owned(),
            notify,
        }),
        ..envelope(&["bob@example.org"], 12)
    }
}

/// RFC 3461: asked for where it is offered, in xtext, and not asked for elsewhere.
#[tokio::test(start_paused = true)]
async fn notices_are_asked_for_where_the_server_has_them() {
    let wanted = notices(true, true, false);
    said(
        &["DSN"],
        &wanted,
        "MAIL FROM:<ada@example.org> RET=HDRS ENVID=01J+3DA+2BB.7",
    )
    .await;
    said_to_rcpt(
        &["DSN"],
        &wanted,
        "RCPT TO:<bob@example.org> NOTIFY=FAILURE,DELAY",
    )
    .await;
    said(&[], &wanted, "MAIL FROM:<ada@example.org>").await;
    said_to_rcpt(&[], &wanted, "RCPT TO:<bob@example.org>").await;
    let all = notices(true, true, true);
    let rcpt = "RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE,DELAY";
    said_to_rcpt(&["DSN"], &all, rcpt).await;
    let none = notices(false, false, false);
    said_to_rcpt(&["DSN"], &none, "RCPT TO:<bob@example.org> NOTIFY=NEVER").await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_ask_for_notices_says_nothing_of_them() {
    let plain = envelope(&["bob@example.org"], 12);
    said(&["DSN"], &plain, "MAIL FROM:<ada@example.org>").await;
    said_to_rcpt(&["DSN"], &plain, "RCPT TO:<bob@example.org>").await;
}

/// B27: only where an address needs it, and only where it is offered.
#[tokio::test(start_paused = true)]
async fn smtputf8_is_said_when_needed_and_offered() {
    let international = envelope(&["jürgen@example.org"], 12);
    said(
        &["SMTPUTF8"],
        &international,
        "MAIL FROM:<ada@example.org> SMTPUTF8",
    )
    .await;
    let plain = envelope(&["bob@example.org"], 12);
    said(&["SMTPUTF8"], &plain, "MAIL FROM:<ada@example.org>").await;
    // The header has it, though no command says it.
    let answers = Envelope {
        reply_to: Some("jürgen@example.org".parse().unwrap()),
        ..plain
    };
    let mail = "MAIL FROM:<ada@example.org> SMTPUTF8";
    said(&["SMTPUTF8"], &answers, mail).await;
    let (mut session, server) = session(&[], "END").await;
    match session.offer(&international).await.unwrap() {
        Offer::Unfit(why @ Unfit::NeedsSmtpUtf8(_)) => {
            assert!(why.to_string().contains("jürgen@example.org"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert!(session.is_alive());
    drop(session);
    server.await.unwrap();
}

/// B26: it is not even offered.
#[tokio::test(start_paused = true)]
async fn a_message_larger_than_size_is_not_offered() {
    let (mut session, server) = session(&["SIZE 1000"], "END").await;
    let offered = session.offer(&envelope(&["bob@example.org"], 1001)).await;
    let Offer::Unfit(why) = offered.unwrap() else {
        panic!("it does not fit");
    };
    assert_eq!(
        why,
        Unfit::TooLarge {
            size: 1001,
            limit: 1000
        }
    );
    assert!(why.to_string().contains("1001") && why.to_string().contains("1000"));
    drop(session);
    server.await.unwrap();
    for offer_of_any_size in ["SIZE", "SIZE 0"] {
        let mail = "MAIL FROM:<ada@example.org> SIZE=100000000";
        let huge = envelope(&["bob@example.org"], 100_000_000);
        said(&[offer_of_any_size], &huge, mail).await;
    }
}

/// RFC 9422.
#[tokio::test(start_paused = true)]
async fn stated_limits_are_known() {
    let offers = &[
        "LIMITS MAILMAX=20 RCPTMAX=5 RCPTDOMAINMAX=1",
        "limits mailmax=x",
    ];
    let (session, _server) = session(offers, "").await;
    let offers = session.capabilities();
    assert_eq!((offers.mail_max, offers.rcpt_max), (None, Some(5)));
    let (session, _server) = self::session(&["LIMITS MAILMAX=20 RCPTMAX=0"], "").await;
    let offers = session.capabilities();
    assert_eq!((offers.mail_max, offers.rcpt_max), (Some(20), None));
}
