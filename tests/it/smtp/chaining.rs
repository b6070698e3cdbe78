//! The next envelope in the same write as a body, and every way in which that can end.

use postroom::smtp::{Envelope, Offer, Session, Stage, Target, Trouble};

use tokio::io::AsyncWriteExt;

use super::{PIPELINING, TO_354, at_354, offer, ready, refused, until};
use crate::world::script::{Server, begin_at, envelope, session, target};

const BODY: &[u8] = b"Subject: Hi\r\n\r\nHi\r\n";

fn to_cyd() -> Option<Envelope> {
    Some(envelope(&["cyd@example.org"], 12))
}

/// What `Cyd`'s group is answered.
const CYD: &str = "C: MAIL FROM:<ada@example.org>
     C: RCPT TO:<cyd@example.org>
     C: DATA
    ";

/// The first message's offer and body; the script goes on with the answer to its dot.
async fn chained(
    session: &mut Session,
) -> Result<postroom::smtp::Reply, postroom::smtp::SmtpError> {
    ready(offer(session).await);
    assert!(session.chains());
    session.send(BODY, to_cyd()).await
}

/// A session with a server that offers PIPELINING, for what is known of `target`'s server.
async fn known(target: &Target, script: &str) -> (Session, tokio::task::JoinHandle<Server>) {
    let (session, server) = begin_at(target, PIPELINING, script).await;
    (session.unwrap(), server)
}

#[tokio::test(start_paused = true)]
async fn a_body_and_the_next_envelope_are_one_write() {
    let (mut session, server) = session(PIPELINING, TO_354).await;
    ready(offer(&mut session).await);
    let mut server = server.await.unwrap();
    assert!(session.chains());
    let answering = async {
        assert_eq!(
            server.one_read().await,
            "Subject: Hi\r\n\r\nHi\r\n.\r\n\
             MAIL FROM:<ada@example.org>\r\nRCPT TO:<cyd@example.org>\r\nDATA\r\n"
        );
        server
            .play("S: 250 first\nS: 250 ok\nS: 250 ok\nS: 354 go")
            .await;
        assert_eq!(server.one_read().await, "Subject: Hi\r\n\r\nHi\r\n.\r\n");
        server.play("S: 250 second").await;
    };
    let sending = async {
        assert_eq!(session.send(BODY, to_cyd()).await.unwrap().text, "first");
        ready(session.offered().await);
        assert_eq!(session.send(BODY, None).await.unwrap().text, "second");
        assert!(session.is_alive());
    };
    tokio::join!(answering, sending);
}

/// The answer to a message is known when it is there, not when the next one is answered too.
#[tokio::test(start_paused = true)]
async fn the_answer_to_the_dot_does_not_wait_for_the_next_envelope() {
    let script =
        format!("{TO_354}BODY\nS: 250 first\n{CYD}WAIT 60\nS: 250 ok\nS: 250 ok\nS: 354 go");
    let (mut session, _server) = session(PIPELINING, &script).await;
    let began = tokio::time::Instant::now();
    assert_eq!(chained(&mut session).await.unwrap().code, 250);
    assert_eq!(began.elapsed().as_secs(), 0);
    ready(session.offered().await);
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_refused_and_the_next_one_go_on() {
    for answer in ["451 4.3.0 later", "554 5.7.1 no", "250 yes"] {
        let script = format!(
            "{TO_354}BODY\n{CYD}S: {answer}\nS: 250 ok\nS: 250 ok\nS: 354 go\n\
             BODY\nS: 250 ok\nC: QUIT"
        );
        let (mut session, server) = session(PIPELINING, &script).await;
        let reply = chained(&mut session).await.unwrap();
        assert!(answer.starts_with(&reply.code.to_string()));
        ready(session.offered().await);
        assert_eq!(session.send(BODY, None).await.unwrap().code, 250);
        session.quit().await;
        assert_eq!(server.await.unwrap().bodies.len(), 2);
    }
}

/// B25: Haraka: "503 pipelined after end of DATA" to MAIL, and to what follows. Nothing was begun.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_503_is_asked_once_more_and_never_chained_to_again() {
    let target = target();
    let script = format!(
        "{TO_354}BODY\n{CYD}S: 250 ok\nS: 503 pipelined\nS: 503 no MAIL\nS: 503 no RCPT
         C: RSET\n{CYD}S: 250 reset\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nEND"
    );
    let (mut first, server) = known(&target, &script).await;
    assert_eq!(chained(&mut first).await.unwrap().code, 250);
    ready(first.offered().await);
    assert_eq!(first.send(BODY, None).await.unwrap().code, 250);
    assert!(!first.chains(), "in this session");
    drop(first);
    assert_eq!(server.await.unwrap().bodies.len(), 2, "each once");
    let (mut second, _server) = known(&target, "").await;
    assert!(!second.chains(), "in any other");
}

/// Some other no to the first MAIL that was chained: is it the sender, or the hurry?
#[tokio::test(start_paused = true)]
async fn any_refusal_of_the_first_chained_sender_is_tried_without() {
    let target = target();
    let anew = "S: 250 ok\nS: 550 no\nS: 503 no\nS: 503 no\nC: RSET\n";
    let script =
        format!("{TO_354}BODY\n{CYD}{anew}{CYD}S: 250 reset\nS: 550 no\nS: 503 no\nS: 503 no");
    let (mut session, _server) = known(&target, &script).await;
    chained(&mut session).await.unwrap();
    assert_eq!(refused(session.offered().await), (Stage::Mail, 550));
    assert!(session.chains(), "it was the sender");

    let script =
        format!("{TO_354}BODY\n{CYD}{anew}{CYD}S: 250 reset\nS: 250 ok\nS: 250 ok\nS: 354 go");
    drop(session);
    let (mut session, _server) = known(&target, &script).await;
    chained(&mut session).await.unwrap();
    ready(session.offered().await);
    assert!(!session.chains(), "it was the hurry");
}

/// While nobody knows how a server takes it, one doubt at most is risked.
#[tokio::test(start_paused = true)]
async fn one_session_at_a_time_tries_it_first() {
    let target = target();
    let works = format!("{TO_354}BODY\n{CYD}S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go");
    let (mut one, _one) = known(&target, &works).await;
    let (mut two, _two) = known(&target, "").await;
    assert!(one.chains() && one.chains() && !two.chains());
    chained(&mut one).await.unwrap();
    ready(one.offered().await);
    assert!(one.chains() && two.chains(), "proven");
}

#[tokio::test(start_paused = true)]
async fn a_try_that_had_nothing_to_chain_is_left_to_others() {
    let target = target();
    let script = format!("{TO_354}BODY\nS: 250 ok");
    let (mut one, _one) = known(&target, &script).await;
    let (mut two, _two) = known(&target, "").await;
    ready(offer(&mut one).await);
    assert!(one.chains());
    one.send(BODY, None).await.unwrap();
    assert!(two.chains());
}

/// B19, B25: It closes on whoever hurries: the message is in doubt, the next one was never begun.
#[tokio::test(start_paused = true)]
async fn a_doubt_in_the_first_try_is_the_last_one() {
    let target = target();
    let script = format!("{TO_354}BODY\nCLOSE");
    let (mut session, _server) = known(&target, &script).await;
    let error = chained(&mut session).await.unwrap_err();
    assert!(
        error.in_doubt && matches!(error.trouble, Trouble::Closed),
        "{error}"
    );
    let (mut next, _server) = known(&target, "").await;
    assert!(!next.chains());
}

/// B21, B22: it has taken the one, and heard nothing of the other.
#[tokio::test(start_paused = true)]
async fn an_end_after_the_answer_leaves_the_next_one_untouched() {
    for (end, goodbye) in [("CLOSE", None), ("S: 421 4.7.0 enough", Some(421))] {
        let script = format!("{TO_354}BODY\n{CYD}S: 250 ok\n{end}");
        let (mut session, _server) = session(PIPELINING, &script).await;
        assert_eq!(chained(&mut session).await.unwrap().code, 250);
        let error = session.offered().await.unwrap_err();
        assert_eq!(error.stage, Stage::Mail);
        assert!(!error.in_doubt);
        assert_eq!(error.reply().map(|reply| reply.code), goodbye);
        assert_eq!(error.hung_up_before_mail(), goodbye.is_none());
    }
}

/// B6: 421 to the dot says clearly that this message was not taken; the next was not begun.
#[tokio::test(start_paused = true)]
async fn a_goodbye_to_the_dot_ends_both() {
    let script = format!("{TO_354}BODY\n{CYD}S: 421 4.3.2 shutting down");
    let (mut session, _server) = session(PIPELINING, &script).await;
    let error = chained(&mut session).await.unwrap_err();
    assert_eq!((error.stage, error.in_doubt), (Stage::Dot, false));
    assert!(session.offered().await.is_err());
}

/// B10: The chain trap: it waits for a body, and whoever drops it now sends nothing at all.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_left_at_354_says_nothing_more() {
    let script = format!("{TO_354}BODY\n{CYD}S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nEND");
    for heard in [true, false] {
        let (mut session, server) = session(PIPELINING, &script).await;
        chained(&mut session).await.unwrap();
        if heard {
            ready(session.offered().await);
        }
        assert!(!session.is_alive());
        session.quit().await; // a QUIT here would be a line of a message
        server.await.unwrap();
    }
}

/// B10 in a chain.
#[tokio::test(start_paused = true)]
async fn a_chained_354_for_nobody_gets_a_lone_dot_and_for_somebody_none() {
    let script = format!(
        "{TO_354}BODY\n{CYD}S: 250 ok\nS: 250 ok\nS: 550 5.1.1 who?\nS: 354 go\nC: .\nS: 554 nobody
         C: QUIT"
    );
    let (mut session, server) = session(PIPELINING, &script).await;
    chained(&mut session).await.unwrap();
    assert_eq!(refused(session.offered().await), (Stage::Rcpt, 550));
    session.quit().await;
    server.await.unwrap();

    let script = format!("{TO_354}BODY\n{CYD}S: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\nEND");
    let (mut session, server) = self::session(PIPELINING, &script).await;
    chained(&mut session).await.unwrap();
    let error = session.offered().await.unwrap_err();
    assert!(!error.in_doubt);
    drop(session);
    server.await.unwrap();
}

/// One that does not fit was not told to the server, and the session goes on.
#[tokio::test(start_paused = true)]
async fn one_that_is_too_large_breaks_the_chain_and_nothing_else() {
    let script =
        "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: QUIT";
    let (mut session, server) = session(&["PIPELINING", "SIZE 1000"], script).await;
    ready(offer(&mut session).await);
    assert!(session.chains());
    let large = Some(envelope(&["cyd@example.org"], 1001));
    assert_eq!(session.send(BODY, large).await.unwrap().code, 250);
    let offered = session.offered().await.unwrap();
    assert!(matches!(offered, Offer::Unfit(_)), "{offered:?}");
    assert!(session.is_alive());
    session.quit().await;
    server.await.unwrap();
}

/// Without permission it goes out in a write of its own, after the answer.
#[tokio::test(start_paused = true)]
async fn an_envelope_that_may_not_be_chained_waits() {
    let script = format!("{TO_354}BODY\nS: 250 ok\n{CYD}S: 250 ok\nS: 250 ok\nS: 354 go");
    let (mut session, _server) = session(PIPELINING, &script).await;
    ready(offer(&mut session).await);
    session.send(BODY, to_cyd()).await.unwrap();
    ready(session.offered().await);
    let (mut session, _server) = self::session(&[], "").await;
    assert!(!session.chains(), "PIPELINING is not offered");
}

/// B16: nobody may take an answer for another one's, even after a future was dropped.
#[tokio::test(start_paused = true)]
async fn a_session_whose_future_was_dropped_is_dead() {
    let script = format!("{TO_354}BODY\nWAIT 5\nS: 250 late");
    let (mut session, _server) = session(PIPELINING, &script).await;
    ready(offer(&mut session).await);
    let second = std::time::Duration::from_secs(1);
    let cut = tokio::time::timeout(second, session.send(BODY, None)).await;
    assert!(cut.is_err());
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert!(!session.is_alive());
    assert!(offer(&mut session).await.is_err());
    assert!(session.send(BODY, None).await.is_err());
    assert!(session.offered().await.is_err());
}

/// It takes the message, says so, and has enough: the answer holds, though the next envelope did
/// not get through.
#[tokio::test(start_paused = true)]
async fn an_answer_that_came_is_no_doubt_whatever_became_of_the_next_envelope() {
    let (mut session, mut theirs) = at_354(64).await;
    let server = tokio::spawn(async move {
        until(&mut theirs, b"\r\n.\r\n").await;
        theirs
            .write_all(b"250 2.0.0 queued as 1\r\n")
            .await
            .unwrap();
    });
    assert!(session.chains());
    let long = format!("{}@example.org", "x".repeat(60));
    let next = Some(envelope(&[&long], 12));
    let reply = session.send(&b"x".repeat(200), next).await.unwrap();
    assert_eq!(reply.code, 250);
    server.await.unwrap();
    assert!(!session.offered().await.unwrap_err().in_doubt);
}
