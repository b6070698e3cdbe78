//! MAIL, RCPT, DATA: grouped where the server offers it, and every answer weighed.

use postroom::smtp::{Offer, Stage, Trouble};

use super::{PIPELINING, TO_354, offer, offer_to, protocol, ready, refused};
use crate::world::script::session;

#[tokio::test(start_paused = true)]
async fn with_pipelining_the_group_is_one_write() {
    let (mut session, server) = session(PIPELINING, "").await;
    let mut server = server.await.unwrap();
    let answering = async {
        let group = server.one_read().await;
        assert_eq!(
            group,
            "MAIL FROM:<ada@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
        );
        server.play("S: 250 ok\nS: 250 ok\nS: 354 go").await;
    };
    let (offered, ()) = tokio::join!(offer(&mut session), answering);
    ready(offered);
}

#[tokio::test(start_paused = true)]
async fn without_pipelining_each_command_waits_for_its_answer() {
    let (mut session, server) = session(&["8BITMIME"], "").await;
    let mut server = server.await.unwrap();
    let answering = async {
        for (command, answer) in [
            ("MAIL FROM:<ada@example.org>\r\n", "S: 250 ok"),
            ("RCPT TO:<bob@example.org>\r\n", "S: 250 ok"),
            ("DATA\r\n", "S: 354 go"),
        ] {
            assert_eq!(server.one_read().await, command);
            server.play(answer).await;
        }
    };
    let (offered, ()) = tokio::join!(offer(&mut session), answering);
    ready(offered);
}

#[tokio::test(start_paused = true)]
async fn the_size_is_stated_where_it_may_be() {
    for offer_of_size in ["SIZE 1000", "SIZE"] {
        let script = "C: MAIL FROM:<ada@example.org> SIZE=12\nS: 250 ok\nC: RCPT…\nS: 550 no";
        let (mut session, _server) = session(&[offer_of_size], script).await;
        assert_eq!(refused(offer(&mut session).await), (Stage::Rcpt, 550));
    }
    let (mut session, _server) = session(&[], "C: MAIL FROM:<ada@example.org>\nS: 450 no").await;
    assert_eq!(refused(offer(&mut session).await), (Stage::Mail, 450));
}

/// B11: DATA is answered with 354, or it is not an answer.
#[tokio::test(start_paused = true)]
async fn only_354_opens_the_body() {
    for offers in [PIPELINING, &[]] {
        for said in ["250 ok", "220 hm", "235 ok", "355 almost"] {
            let script = if offers.is_empty() {
                format!("C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 250 ok\nC: DATA\nS: {said}\nEND")
            } else {
                format!("C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: {said}\nEND")
            };
            let (mut session, server) = session(offers, &script).await;
            let error = offer(&mut session).await.unwrap_err();
            protocol(&error, Stage::Data);
            assert!(!error.in_doubt);
            drop(session);
            server.await.unwrap();
        }
    }
    let (mut session, _server) = session(
        PIPELINING,
        "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 451 4.3.0 not now",
    )
    .await;
    assert_eq!(refused(offer(&mut session).await), (Stage::Data, 451));
}

/// B11: A positive answer of the wrong kind is no answer.
#[tokio::test(start_paused = true)]
async fn positive_answers_of_the_wrong_kind_end_the_session() {
    for (mail, rcpt) in [
        ("354 go", "250 ok"),
        ("235 ok", "250 ok"),
        ("250 ok", "354 go"),
        ("250 ok", "252 maybe"),
    ] {
        let script = format!("C: MAIL…\nS: {mail}\nC: RCPT…\nS: {rcpt}");
        let (mut session, _server) = session(&[], &script).await;
        let error = offer(&mut session).await.unwrap_err();
        assert!(
            matches!(error.trouble, Trouble::Protocol(_)),
            "{mail}, {rcpt}: {error}"
        );
    }
    let script = "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 251 forwarded\nC: DATA\nS: 354 go";
    let (mut session, _server) = session(&[], script).await;
    ready(offer(&mut session).await);
}

/// B9: each recipient has an answer of their own.
#[tokio::test(start_paused = true)]
async fn some_recipients_may_be_refused() {
    let script = "C: MAIL…\nC: RCPT…\nC: RCPT…\nC: RCPT…\nC: DATA
        S: 250 ok\nS: 550 5.1.1 who?\nS: 250 ok\nS: 452 4.5.3 too many\nS: 354 go";
    let (mut session, _server) = session(PIPELINING, script).await;
    let to = ["eve@example.org", "bob@example.org", "cyd@example.org"];
    let Ok(Offer::Ready { recipients }) = offer_to(&mut session, &to).await else {
        panic!("one was taken");
    };
    let codes: Vec<_> = recipients.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [550, 250, 452]);
}

/// B10: nobody was taken.
#[tokio::test(start_paused = true)]
async fn in_steps_data_is_not_said_to_nobody() {
    let script = "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 550 5.1.1 who?\nC: RCPT…\nS: 450 later";
    let (mut session, server) = session(&[], script).await;
    let offered = offer_to(&mut session, &["eve@example.org", "bob@example.org"]).await;
    let Ok(Offer::Refused {
        stage,
        reply,
        recipients,
    }) = offered
    else {
        panic!("{offered:?}");
    };
    assert_eq!((stage, reply.code, recipients.len()), (Stage::Rcpt, 550, 2));
    drop(session);
    assert!(server.await.unwrap().rest().await.is_empty());
}

/// B10: it waits for a body although it has nobody to give it to.
#[tokio::test(start_paused = true)]
async fn a_354_for_nobody_gets_a_lone_dot() {
    for answer in ["250 ok", "554 no valid recipients"] {
        let script = format!(
            "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 550 who?\nS: 354 go\nC: .\nS: {answer}
             C: RSET\nC: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go"
        );
        let (mut session, _server) = session(PIPELINING, &script).await;
        assert_eq!(refused(offer(&mut session).await), (Stage::Rcpt, 550));
        ready(offer(&mut session).await);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_rset_travels_with_the_next_group() {
    let (mut session, server) = session(PIPELINING, "").await;
    let mut server = server.await.unwrap();
    let answering = async {
        server.one_read().await;
        server.play("S: 250 ok\nS: 550 who?\nS: 503 no").await;
        let group = server.one_read().await;
        assert!(
            group.starts_with("RSET\r\nMAIL FROM:") && group.ends_with("DATA\r\n"),
            "{group}"
        );
        server
            .play("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 451 full")
            .await;
        let group = server.one_read().await;
        assert!(
            group.starts_with("RSET\r\n"),
            "also after a refused message: {group}"
        );
        server
            .play("S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 taken")
            .await;
        let group = server.one_read().await;
        assert!(
            group.starts_with("MAIL FROM:"),
            "not after a good one: {group}"
        );
        server.play("S: 250 ok\nS: 250 ok\nS: 354 go").await;
    };
    let sending = async {
        assert_eq!(refused(offer(&mut session).await), (Stage::Rcpt, 550));
        ready(offer(&mut session).await);
        assert_eq!(session.send(b"Hi\r\n", None).await.unwrap().code, 451);
        ready(offer(&mut session).await);
        assert_eq!(session.send(b"Hi\r\n", None).await.unwrap().code, 250);
        ready(offer(&mut session).await);
    };
    tokio::join!(sending, answering);
}

/// It may have meant yes, and then a lone dot would be an empty mail.
#[tokio::test(start_paused = true)]
async fn a_354_after_an_odd_answer_to_rcpt_gets_no_dot() {
    for odd in ["252 will try", "354 go", "235 ok"] {
        let script = format!("C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: {odd}\nS: 354 go\nEND");
        let (mut session, server) = session(PIPELINING, &script).await;
        let error = offer(&mut session).await.unwrap_err();
        protocol(&error, Stage::Rcpt);
        drop(session);
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rset_that_is_refused_ends_the_session() {
    let script = "C: MAIL…\nS: 550 no\nC: RSET\nS: 500 what?\nEND";
    let (mut session, server) = session(&[], script).await;
    assert_eq!(refused(offer(&mut session).await), (Stage::Mail, 550));
    let error = offer(&mut session).await.unwrap_err();
    assert_eq!(
        (error.stage, error.reply().unwrap().code),
        (Stage::Reset, 500)
    );
    drop(session);
    server.await.unwrap();
}

/// B6: 421 at any stage is a goodbye.
#[tokio::test(start_paused = true)]
async fn a_421_ends_the_session_at_every_stage() {
    for (script, stage) in [
        ("C: MAIL…\nS: 421 4.3.2 bye", Stage::Mail),
        ("C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 421 bye", Stage::Rcpt),
        (
            "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 250 ok\nC: DATA\nS: 421 bye",
            Stage::Data,
        ),
    ] {
        let (mut session, _server) = session(&[], script).await;
        let error = offer(&mut session).await.unwrap_err();
        assert_eq!((error.stage, error.reply().unwrap().code), (stage, 421));
        assert!(!error.in_doubt);
    }
    let (mut session, _server) = session(PIPELINING, &format!("{TO_354}BODY\nS: 421 bye")).await;
    ready(offer(&mut session).await);
    let error = session.send(b"Hi\r\n", None).await.unwrap_err();
    assert_eq!(
        (error.stage, error.reply().unwrap().code),
        (Stage::Dot, 421)
    );
    assert!(!error.in_doubt, "it said clearly that it did not take it");
}

#[tokio::test(start_paused = true)]
async fn an_end_in_the_middle_leaves_no_doubt() {
    for script in [
        "C: MAIL…\nCLOSE",
        "C: MAIL…\nS: 250 ok\nC: RCPT…\nCLOSE",
        "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 250 ok\nC: DATA\nCLOSE",
    ] {
        let (mut session, _server) = session(&[], script).await;
        let error = offer(&mut session).await.unwrap_err();
        assert!(matches!(error.trouble, Trouble::Closed), "{error}");
        assert!(!error.in_doubt);
    }
}

/// A lone dot would hand an empty mail to the recipient that was taken.
#[tokio::test(start_paused = true)]
async fn a_354_after_a_refused_sender_gets_no_dot_if_a_recipient_was_taken() {
    let script = "C: MAIL…\nC: RCPT…\nC: DATA\nS: 451 not now\nS: 250 ok\nS: 354 go\nEND";
    let (mut session, server) = session(PIPELINING, script).await;
    let error = offer(&mut session).await.unwrap_err();
    assert!(!error.in_doubt);
    drop(session);
    server.await.unwrap();
}
