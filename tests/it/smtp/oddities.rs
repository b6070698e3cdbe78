//! Servers that are odd in more than one place: what they offer and do not mean, what they say and
//! do not mean, and what they say all the same.

use std::time::Duration;

use postroom::smtp::{Session, SmtpError, Stage, Target, Trouble};
use tokio::time::Instant;

use super::{PIPELINING, TO_354, offer, protocol, ready};
use crate::world::script::{begin, begin_at, serve, session, target};

const BODY: &[u8] = b"Subject: Hi\r\n\r\nHi\r\n";

/// The commands of one message, each answered before the next.
const IN_STEPS: &str = "C: MAIL…\nS: 250 ok\nC: RCPT…\nS: 250 ok\nC: DATA\nS: 354 go\nBODY
    S: 250 ok\n";
const GROUP: &str = "C: MAIL…\nC: RCPT…\nC: DATA\n";

/// A session at the body with a server that then follows `script`, and what comes of the body.
async fn sent(script: &str) -> (Session, Result<u16, SmtpError>) {
    let (mut session, server) = session(PIPELINING, &format!("{TO_354}{script}")).await;
    ready(offer(&mut session).await);
    let sent = session.send(BODY, None).await.map(|reply| reply.code);
    drop(server);
    (session, sent)
}

/// B11: it agrees to everything, and has understood nothing.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_250_to_everything_takes_no_message() {
    for offers in [PIPELINING, &[]] {
        let (stream, server) = serve("S: 220 hi\nC: EHLO…");
        let agreeing = tokio::spawn(async move {
            let mut server = server.await.unwrap();
            let ehlo = offers.iter().map(|it| format!("250-{it}\r\n"));
            let ehlo = ehlo.collect::<String>() + "250 yes\r\n";
            server.say(ehlo.as_bytes()).await;
            for _ in 0..3 {
                server.line().await;
                server.say(b"250 yes\r\n").await;
            }
            server.rest().await
        });
        let mut session = Session::begin(stream, &target(), None).await.unwrap();
        protocol(&offer(&mut session).await.unwrap_err(), Stage::Data);
        drop(session);
        let rest = agreeing.await.unwrap();
        assert!(
            rest.is_empty(),
            "no body: {}",
            String::from_utf8_lossy(&rest)
        );
    }
}

/// B12: no text, dashes, bare LF, Latin-1, unknown digits, from the greeting to the dot.
#[tokio::test(start_paused = true)]
async fn a_conversation_in_odd_forms_ends_in_acceptance() {
    let odd: [&[u8]; 5] = [
        b"250\r\n",
        b"250 \n",
        b"250-\r\n250\r\n",
        b"250-\xe9t\xe9\n250 \xff\xfe\n",
        b"250 accept\xe9 \x80\x81\r\n",
    ];
    for reply in odd {
        let (stream, server) = serve("");
        let mut server = server.await.unwrap();
        let answering = tokio::spawn(async move {
            server.say(b"220-\n220\n").await;
            for answer in [reply, reply, reply, b"354\n"] {
                server.line().await;
                server.say(answer).await;
            }
            server.play("BODY").await;
            server.say(reply).await;
            server
        });
        let mut session = Session::begin(stream, &target(), None).await.unwrap();
        ready(offer(&mut session).await);
        let taken = session.send(BODY, None).await.unwrap();
        assert_eq!(taken.code, 250);
        assert!(!taken.text.contains(char::is_control), "{taken:?}");
        assert_eq!(answering.await.unwrap().bodies.len(), 1);
    }
    let (_, accepted) = sent("BODY\nS: 299 taken, in a way").await;
    assert_eq!(accepted.unwrap(), 299);
}

/// B13, B14, B15: after the dot none of these is a yes, and nobody listens to what follows.
#[tokio::test(start_paused = true)]
async fn no_reply_to_the_dot_is_picked_from_noise() {
    let long = format!("BODY\nS: 250 {}\nS: 250 ok", "x".repeat(3000));
    let many = format!("BODY\n{}S: 250 ok", "S: 250-more\n".repeat(200));
    for script in [
        "BODY\nS: 250-ok\nS: 251 ok\nS: 250 ok",
        "BODY\nS: <html>\nS: 250 ok\nS: 250 ok",
        "BODY\nS: \nS: 250 ok",
        &long,
        &many,
    ] {
        let (mut session, sent) = sent(script).await;
        let error = sent.unwrap_err();
        protocol(&error, Stage::Dot);
        assert!(error.in_doubt, "{script}: {error}");
        assert!(!session.is_alive());
        assert!(offer(&mut session).await.is_err());
    }
}

/// B14: a million lines are not read, and a byte a second does not extend the ten minutes.
#[tokio::test(start_paused = true)]
async fn an_answer_to_the_dot_that_never_ends_is_given_up() {
    let (stream, server) = serve(
        "S: 220 hi\nC: EHLO…\nS: 250 mx\nC: MAIL…\nS: 250 ok
        C: RCPT…\nS: 250 ok\nC: DATA\nS: 354 go\nBODY",
    );
    let trickling = tokio::spawn(async move {
        let mut server = server.await.unwrap();
        for _ in 0..1200 {
            server.say(b"2").await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut session = Session::begin(stream, &target(), None).await.unwrap();
    ready(offer(&mut session).await);
    let began = Instant::now();
    let error = session.send(BODY, None).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Timeout(_)), "{error}");
    assert!(error.in_doubt && error.stage == Stage::Dot);
    assert_eq!(began.elapsed().as_secs(), 600);
    drop(session);
    trickling.await.unwrap();
}

/// B16: the answer to MAIL comes after its deadline, when somebody else might ask.
#[tokio::test(start_paused = true)]
async fn a_late_answer_to_mail_is_nobodys() {
    let late = "C: MAIL…\nWAIT 121\nS: 250 ok\nS: 250 ok\nS: 354 go\nEND";
    let (mut session, server) = session(&[], late).await;
    let error = offer(&mut session).await.unwrap_err();
    assert!(matches!(error.trouble, Trouble::Timeout(_)) && error.stage == Stage::Mail);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!session.is_alive());
    assert!(offer(&mut session).await.is_err());
    assert!(session.send(BODY, None).await.is_err());
    drop(session);
    server.await.unwrap();
}

/// B6: 421 to RSET, in a group and alone; 421 on an idle connection.
#[tokio::test(start_paused = true)]
async fn a_goodbye_to_rset_or_to_nothing_is_heard() {
    let refused = format!("{GROUP}S: 250 ok\nS: 550 who?\nS: 503 no\n");
    let script = format!("{refused}C: RSET\n{GROUP}S: 421 4.3.2 bye");
    let (mut session, _server) = session(PIPELINING, &script).await;
    offer(&mut session).await.unwrap();
    let error = offer(&mut session).await.unwrap_err();
    assert_eq!(
        (error.stage, error.reply().unwrap().code),
        (Stage::Reset, 421)
    );

    let (mut session, _server) = self::session(&[], "C: RSET\nS: 421 bye").await;
    let error = session.reset().await.unwrap_err();
    assert_eq!(
        (error.stage, error.reply().unwrap().code),
        (Stage::Reset, 421)
    );
    assert!(offer(&mut session).await.is_err());

    let (mut session, server) = self::session(&[], "S: 421 4.4.2 idle\nEND").await;
    tokio::task::yield_now().await;
    assert!(!session.is_alive());
    protocol(&offer(&mut session).await.unwrap_err(), Stage::Mail);
    drop(session);
    server.await.unwrap();
}

/// B25: CHUNKING, BINARYMIME and what else there may be: nobody needs it.
#[tokio::test(start_paused = true)]
async fn what_is_offered_and_not_needed_is_not_used() {
    let offers = [
        "CHUNKING",
        "BINARYMIME",
        "8BITMIME",
        "PIPECONNECT",
        "XCLIENT NAME",
        "ETRN",
    ];
    let script =
        "C: MAIL FROM:<ada@example.org>\nS: 250 ok\nC: RCPT TO:<bob@example.org>\nS: 250 ok
        C: DATA\nS: 354 go\nBODY\nS: 250 ok\nC: QUIT";
    let (mut session, server) = session(&offers, script).await;
    ready(offer(&mut session).await);
    session.send(BODY, None).await.unwrap();
    session.quit().await;
    assert_eq!(server.await.unwrap().bodies.len(), 1);
}

async fn takes_one(target: &Target, script: &str) {
    let (session, server) = begin_at(target, PIPELINING, &format!("{script}C: QUIT")).await;
    let mut session = session.unwrap();
    ready(offer(&mut session).await);
    assert_eq!(session.send(BODY, None).await.unwrap().code, 250);
    assert!(!session.chains());
    session.quit().await;
    assert_eq!(server.await.unwrap().bodies.len(), 1);
}

/// B25: it offers PIPELINING and loses track of a group: asked again step by step, for good.
#[tokio::test(start_paused = true)]
async fn a_server_that_loses_track_of_a_group_is_spoken_to_in_steps() {
    for answers in [
        "S: 250 ok\nS: 503 no MAIL\nS: 503 no RCPT",
        "S: 250 ok\nS: 250 ok\nS: 503 no",
    ] {
        let target = target();
        let anew = format!("{GROUP}{answers}\nC: RSET\nS: 250 ok\n{IN_STEPS}");
        takes_one(&target, &anew).await;
        takes_one(&target, IN_STEPS).await;
    }
}

/// B25: it throws away what comes with a command, and waits: twice is enough to know.
#[tokio::test(start_paused = true)]
async fn a_server_that_drops_what_is_pipelined_is_spoken_to_in_steps() {
    let target = target();
    for deaf in ["S: 250 ok", "S: 250 ok\nCLOSE"] {
        let script = format!("{GROUP}{deaf}");
        let (session, _server) = begin_at(&target, PIPELINING, &script).await;
        let error = offer(&mut session.unwrap()).await.unwrap_err();
        assert!(!error.in_doubt && error.stage == Stage::Rcpt, "{error}");
    }
    takes_one(&target, IN_STEPS).await;
}

/// B25: one that was seen to take groups is not doubted for an end.
#[tokio::test(start_paused = true)]
async fn a_server_that_takes_groups_is_not_doubted_later() {
    let target = target();
    let script = format!("{GROUP}S: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\n");
    for end in ["CLOSE", "S: 250 ok\nCLOSE"] {
        let (session, _server) =
            begin_at(&target, PIPELINING, &format!("{script}{GROUP}{end}")).await;
        let mut session = session.unwrap();
        ready(offer(&mut session).await);
        session.send(BODY, None).await.unwrap();
        assert!(offer(&mut session).await.is_err(), "{end}");
    }
    let (session, server) = begin_at(&target, PIPELINING, &script).await;
    ready(offer(&mut session.unwrap()).await);
    server.abort();
}

/// B25: another server may have taken its place, which does not: the message goes all the same.
#[tokio::test(start_paused = true)]
async fn a_server_that_took_groups_once_may_lose_track_later() {
    let target = target();
    let script = format!(
        "{GROUP}S: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\n\
         {GROUP}S: 250 ok\nS: 503 no\nS: 503 no\nC: RSET\nS: 250 ok\n{IN_STEPS}C: QUIT"
    );
    let (session, server) = begin_at(&target, PIPELINING, &script).await;
    let mut session = session.unwrap();
    for _ in 0..2 {
        ready(offer(&mut session).await);
        assert_eq!(session.send(BODY, None).await.unwrap().code, 250);
    }
    session.quit().await;
    assert_eq!(server.await.unwrap().bodies.len(), 2);
    takes_one(&target, IN_STEPS).await;
}

/// B4: the wrong greeting, whatever it is, and nothing is said to it.
#[tokio::test(start_paused = true)]
async fn nobody_speaks_to_a_server_that_does_not_greet() {
    for greeting in [
        "554 5.7.1 no",
        "421 busy",
        "220-hi\nS: 554 no",
        "HTTP/1.1 400",
    ] {
        let (session, server) = begin(format!("S: {greeting}\nEND")).await;
        assert_eq!(session.err().unwrap().stage, Stage::Greeting, "{greeting}");
        server.await.unwrap();
    }
}
