//! The body, the dot, and what is certain after each.

use postroom::smtp::{SmtpError, Stage, Trouble};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{PIPELINING, TO_354, at_354, offer, protocol, ready};
use crate::world::script::session;

async fn send(script: &str) -> Result<postroom::smtp::Reply, SmtpError> {
    let (mut session, _server) = session(PIPELINING, &format!("{TO_354}{script}")).await;
    ready(offer(&mut session).await);
    session.send(b"Subject: Hi\r\n\r\nHi\r\n", None).await
}

/// B7, B8, B12: the first digit decides.
#[tokio::test(start_paused = true)]
async fn a_clear_answer_to_the_dot_is_the_answer() {
    for code in [250, 200, 251, 299, 450, 451, 471, 550, 554, 571] {
        let reply = send(&format!("BODY\nS: {code} so be it")).await.unwrap();
        assert_eq!(reply.code, code);
    }
}

/// B11, B13, B15, B19: none of these says whether it was taken.
#[tokio::test(start_paused = true)]
async fn no_clear_answer_to_the_dot_leaves_it_in_doubt() {
    for script in [
        "BODY\nCLOSE",
        "BODY\nS: 354 go on",
        "BODY\nS: 334 who?",
        "BODY\nS: 220 mx.example.org at your service",
        "BODY\nS: 221 bye",
        "BODY\nS: garbage\nS: 250 ok",
        "BODY\nS: 250-ok\nS: 550 no",
        "BODY\nS: 250-ok\nCLOSE",
        "BODY\nS: 2\nCLOSE",
    ] {
        let error = send(script).await.unwrap_err();
        assert!(error.in_doubt, "{script}: {error}");
        assert_eq!(error.stage, Stage::Dot, "{script}");
    }
}

/// B21: accepted is accepted, whatever the server does next.
#[tokio::test(start_paused = true)]
async fn a_server_that_dies_after_its_250_has_taken_it() {
    assert_eq!(send("BODY\nS: 250 ok\nCLOSE").await.unwrap().code, 250);
}

/// 421 between 354 and the body is a server that lost patience, and says so.
#[tokio::test(start_paused = true)]
async fn a_goodbye_or_an_end_before_the_body_leaves_no_doubt() {
    let (mut session, _server) =
        session(PIPELINING, &format!("{TO_354}S: 421 too slow\nCLOSE")).await;
    ready(offer(&mut session).await);
    let error = session.send(b"Hi\r\n", None).await.unwrap_err();
    assert!(!error.in_doubt);
    let (mut session, server) = self::session(PIPELINING, &format!("{TO_354}CLOSE")).await;
    ready(offer(&mut session).await);
    server.await.unwrap();
    let error = session.send(b"Hi\r\n", None).await.unwrap_err();
    assert!(!error.in_doubt, "{error}");
}

/// B18: how much the server took before it closed decides between "certainly not" and "perhaps".
#[tokio::test(start_paused = true)]
async fn it_is_in_doubt_from_the_dot_on_and_not_before() {
    let body = "x".repeat(2000); // on the wire: 2000, CRLF, dot, CRLF
    for (taken, in_doubt) in [
        (0, false),
        (1, false),
        (1000, false),
        (2000, false),
        (2002, false),
        (2003, false),
        (2004, true), // only the last LF is missing: who knows
        (2005, true),
    ] {
        let (mut session, mut theirs) = at_354(1).await;
        let server = tokio::spawn(async move {
            let mut bytes = vec![0; taken];
            theirs.read_exact(&mut bytes).await.unwrap();
        });
        let error = session.send(body.as_bytes(), None).await.unwrap_err();
        assert_eq!(error.in_doubt, in_doubt, "{taken}: {error}");
        server.await.unwrap();
    }
}

/// B18: an early refusal of a server that has seen enough and closes.
#[tokio::test(start_paused = true)]
async fn an_early_refusal_is_heard() {
    for code in [550, 452] {
        let (mut session, mut theirs) = at_354(1024).await;
        let server = tokio::spawn(async move {
            let mut bytes = vec![0; 5000];
            theirs.read_exact(&mut bytes).await.unwrap();
            let said = format!("{code} 5.7.1 enough of that\r\n");
            theirs.write_all(said.as_bytes()).await.unwrap();
        });
        let body = "x".repeat(1_000_000);
        let error = session.send(body.as_bytes(), None).await.unwrap_err();
        assert_eq!(error.reply().map(|reply| reply.code), Some(code), "{error}");
        assert_eq!(error.stage, Stage::Body);
        assert!(!error.in_doubt);
        server.await.unwrap();
    }
}

/// It said no early and reads on: the rest of the body is spared, and so is its dot.
#[tokio::test(start_paused = true)]
async fn an_early_refusal_of_a_server_that_reads_on_is_the_answer() {
    let (mut session, mut theirs) = at_354(1024).await;
    let server = tokio::spawn(async move {
        let mut bytes = vec![0; 5000];
        theirs.read_exact(&mut bytes).await.unwrap();
        theirs
            .write_all(b"554 5.7.1 enough of that\r\n")
            .await
            .unwrap();
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() < 15_000 && !rest.ends_with(b".\r\n"));
    });
    let body = "x".repeat(20_000);
    let error = session.send(body.as_bytes(), None).await.unwrap_err();
    assert_eq!(
        (error.reply().unwrap().code, error.stage),
        (554, Stage::Body)
    );
    assert!(!error.in_doubt && !session.is_alive());
    drop(session);
    server.await.unwrap();
}

/// B16: it cannot have taken what it has not heard the end of.
#[tokio::test(start_paused = true)]
async fn a_positive_answer_in_the_middle_of_a_body_is_none() {
    let (mut session, mut theirs) = at_354(1024).await;
    let server = tokio::spawn(async move {
        theirs.read_u8().await.unwrap();
        theirs.write_all(b"250 2.0.0 taken\r\n").await.unwrap();
        let mut rest = Vec::new();
        theirs.read_to_end(&mut rest).await.unwrap();
        assert!(!rest.ends_with(b".\r\n"));
    });
    let body = "x".repeat(20_000);
    let error = session.send(body.as_bytes(), None).await.unwrap_err();
    protocol(&error, Stage::Body);
    assert!(!error.in_doubt);
    drop(session);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_second_answer_to_the_dot_spoils_the_session_and_not_the_message() {
    let script = format!("{TO_354}BODY\nS: 250 ok\nS: 550 no");
    let (mut session, server) = session(PIPELINING, &script).await;
    ready(offer(&mut session).await);
    assert_eq!(session.send(b"Hi\r\n", None).await.unwrap().code, 250);
    server.await.unwrap();
    assert!(!session.is_alive());
    let error = offer(&mut session).await.unwrap_err();
    protocol(&error, Stage::Mail);
}

fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        3 => "[a-z.]{0,6}",
        1 => Just(".".to_owned()),
        1 => Just("..".to_owned()),
        1 => "[.]{0,3}[a-zäöü€]{0,80}",
    ];
    prop::collection::vec(line, 0..40).prop_map(|lines| lines.join("\r\n") + "\r\n")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn dots_are_stuffed_so_that_any_text_comes_out_as_it_went_in(text in text()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let wire = runtime.block_on(async {
            let script = format!("{TO_354}BODY\nS: 250 ok\nC: QUIT\nS: 221 bye");
            let (mut session, server) = session(PIPELINING, &script).await;
            ready(offer(&mut session).await);
            session.send(text.as_bytes(), None).await.unwrap();
            session.quit().await;
            server.await.unwrap().bodies.remove(0)
        });
        // What a server does, said in another way: line by line.
        let wire = String::from_utf8(wire).unwrap();
        let lines = wire.strip_suffix(".\r\n").unwrap().split_inclusive("\r\n");
        let received: String = lines.map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
        prop_assert_eq!(received, text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_pipe_is_told_as_such() {
    let error = send("BODY\nCLOSE").await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Closed), "{error}");
    assert!(error.to_string().contains("end of data"), "{error}");
}

/// B16: a reply that is there before the body went out answers nothing that was asked.
#[tokio::test(start_paused = true)]
async fn a_reply_before_the_body_is_not_its_answer() {
    for unasked in ["250 taken", "550 no", "451 later", "garbage"] {
        for at_once in [true, false] {
            let together = format!("{TO_354}S: {unasked}\nEND");
            let (mut session, server) = if at_once {
                session(PIPELINING, &together).await
            } else {
                session(PIPELINING, TO_354).await
            };
            ready(offer(&mut session).await);
            let server = if at_once {
                server
            } else {
                let mut server = server.await.unwrap();
                server.play(&format!("S: {unasked}")).await;
                tokio::spawn(async move {
                    server.play("END").await;
                    server
                })
            };
            let error = session.send(b"Hi\r\n", None).await.unwrap_err();
            assert!(!error.in_doubt, "{unasked}: the body never left: {error}");
            protocol(&error, Stage::Body); // nor is it a verdict on this message
            drop(session);
            server.await.unwrap();
        }
    }
}
