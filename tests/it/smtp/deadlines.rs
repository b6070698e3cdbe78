//! Every stage has its time in all; bytes that trickle in, or out, do not extend it.

use std::time::Duration;

use postroom::smtp::{Deadlines, Session, SmtpError, Stage, Trouble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::{PIPELINING, TO_354, at_354, offer, ready};
use crate::world::script::{GREETING, begin, session, target};

fn timed_out(error: &SmtpError, stage: Stage, began: Instant, within: Duration) {
    assert_eq!(error.stage, stage, "{error}");
    assert!(matches!(error.trouble, Trouble::Timeout(_)), "{error}");
    let took = began.elapsed();
    assert!(
        took >= within && took < within + Duration::from_secs(1),
        "{stage}: {took:?}"
    );
}

/// B3: a minute for the greeting, two for what follows.
#[tokio::test(start_paused = true)]
async fn silence_ends_each_stage_of_the_opening() {
    let deadlines = Deadlines::default();
    for (script, stage, within) in [
        (String::new(), Stage::Greeting, deadlines.greeting),
        (
            "S: 220 hi\nC: EHLO…".to_owned(),
            Stage::Ehlo,
            deadlines.command,
        ),
        (format!("{GREETING}WAIT 1"), Stage::Ehlo, deadlines.command),
    ] {
        let began = Instant::now();
        let (session, server) = begin(script).await;
        timed_out(&session.err().unwrap(), stage, began, within);
        drop(server);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_ends_each_stage_of_a_transaction() {
    let deadlines = Deadlines::default();
    for (script, stage) in [
        ("C: MAIL…", Stage::Mail),
        ("C: MAIL…\nS: 250 ok\nC: RCPT…", Stage::Rcpt),
        (
            "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 250 ok\nC: DATA",
            Stage::Data,
        ),
    ] {
        let (mut session, server) = session(&[], script).await;
        let began = Instant::now();
        let error = offer(&mut session).await.unwrap_err();
        timed_out(&error, stage, began, deadlines.command);
        assert!(!error.in_doubt, "{stage}: nothing was sent");
        drop(server);
    }
}

/// B19, B20: ten minutes for the answer to the dot, and silence leaves it in doubt.
#[tokio::test(start_paused = true)]
async fn the_answer_to_the_dot_has_ten_minutes() {
    let script = format!("{TO_354}BODY\nWAIT 540\nS: 250 at last");
    let (mut session, _server) = session(PIPELINING, &script).await;
    ready(offer(&mut session).await);
    assert_eq!(
        session
            .send(b"Hi: 1\r\n\r\nHi\r\n", None)
            .await
            .unwrap()
            .code,
        250
    );

    let (mut session, _server) = self::session(PIPELINING, &format!("{TO_354}BODY")).await;
    ready(offer(&mut session).await);
    let began = Instant::now();
    let error = session
        .send(b"Hi: 1\r\n\r\nHi\r\n", None)
        .await
        .unwrap_err();
    timed_out(&error, Stage::Dot, began, Duration::from_secs(600));
    assert!(error.in_doubt);
}

/// B3, B14: a byte a second keeps nobody waiting longer.
#[tokio::test(start_paused = true)]
async fn bytes_that_trickle_in_extend_nothing() {
    let (ours, mut theirs) = tokio::io::duplex(1024);
    let server = tokio::spawn(async move {
        while theirs.write_all(b"220-more\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let began = Instant::now();
    let error = Session::begin(Box::new(ours), &target(), None)
        .await
        .err()
        .unwrap();
    timed_out(&error, Stage::Greeting, began, Duration::from_secs(60));
    server.await.unwrap();
}

/// B14: split wherever it may be.
#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_byte_by_byte_is_whole() {
    let (mut session, server) = session(&[], "").await;
    let mut server = server.await.unwrap();
    let replying = async {
        server.play("C: MAIL…").await;
        for byte in b"550-5.7.1 no\r\n550 5.7.1 really\r\n" {
            server.say(&[*byte]).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (offered, ()) = tokio::join!(offer(&mut session), replying);
    assert_eq!(super::refused(offered), (Stage::Mail, 550));
}

/// B17: the server stops reading in the middle; the dot never left.
#[tokio::test(start_paused = true)]
async fn a_server_that_stops_reading_is_given_up_without_doubt() {
    for size in [1000, 1_000_000] {
        let (mut session, theirs) = at_354(64).await;
        let began = Instant::now();
        let body = "x".repeat(size).into_bytes();
        let error = session.send(&body, None).await.unwrap_err();
        timed_out(&error, Stage::Body, began, Duration::from_secs(180));
        assert!(!error.in_doubt, "{size}");
        drop(theirs);
    }
}

/// B17: slow is not stopped.
#[tokio::test(start_paused = true)]
async fn a_large_body_has_its_time_for_each_piece() {
    let (mut session, mut theirs) = at_354(64 * 1024).await;
    let server = tokio::spawn(async move {
        let mut left = 1_000_000 + 5;
        let mut bytes = vec![0; 64 * 1024];
        while left > 0 {
            tokio::time::sleep(Duration::from_secs(60)).await; // 17 minutes in all
            left -= theirs.read(&mut bytes).await.unwrap();
        }
        theirs.write_all(b"250 ok\r\n").await.unwrap();
        theirs
    });
    let body = "x".repeat(1_000_000).into_bytes();
    let reply = session.send(&body, None).await.unwrap();
    assert_eq!(reply.code, 250);
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn goodbye_takes_two_seconds_at_most() {
    let (session, server) = session(&[], "C: QUIT").await;
    let began = Instant::now();
    session.quit().await;
    assert!(
        began.elapsed() <= Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    drop(server);
}

/// B17: less than 500 bytes a second is no reading.
#[tokio::test(start_paused = true)]
async fn a_server_that_reads_byte_by_byte_is_given_up_without_doubt() {
    for size in [1000, 1_000_000] {
        let (mut session, mut theirs) = at_354(64).await;
        let reader = tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
        let began = Instant::now();
        let body = "x".repeat(size).into_bytes();
        let error = session.send(&body, None).await.unwrap_err();
        timed_out(&error, Stage::Body, began, Duration::from_secs(180));
        assert!(!error.in_doubt, "{size}");
        drop(session);
        reader.await.unwrap();
    }
}
