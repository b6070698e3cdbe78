//! One message to several people: everybody's own answer, and nobody left out.

use postroom::smtp::{Answer, Session, Stage};

use super::PIPELINING;
use crate::world::script::{envelope, session, target};

const BODY: &[u8] = b"Subject: Hi\r\n\r\nHi\r\n";

/// Local part, deciding stage and code of each.
fn told(answers: &[Answer]) -> Vec<(String, Option<(Stage, u16)>)> {
    let told = answers.iter().map(|answer| {
        let decided = answer.result.as_ref().ok();
        let decided = decided.map(|(stage, reply)| (*stage, reply.code));
        (answer.to.user().to_owned(), decided)
    });
    told.collect()
}

fn decided(who: &str, stage: Stage, code: u16) -> (String, Option<(Stage, u16)>) {
    (who.to_owned(), Some((stage, code)))
}

/// B9: one is taken, one refused, one put off.
#[tokio::test(start_paused = true)]
async fn each_recipient_has_an_answer_of_their_own() {
    for offers in [PIPELINING, &[]] {
        let answers = [
            "250 ok",
            "250 ok",
            "550 5.1.1 who?",
            "450 4.2.1 busy",
            "354 go",
        ];
        let commands = ["MAIL…", "RCPT…", "RCPT…", "RCPT…", "DATA"];
        let pairs = commands.iter().zip(answers);
        let script: Vec<String> = if offers.is_empty() {
            pairs.map(|(c, s)| format!("C: {c}\nS: {s}")).collect()
        } else {
            let said = commands.iter().map(|c| format!("C: {c}"));
            said.chain(answers.iter().map(|s| format!("S: {s}")))
                .collect()
        };
        let script = format!("{}\nBODY\nS: 250 taken\nC: QUIT", script.join("\n"));
        let (mut session, server) = session(offers, &script).await;
        let to = ["bob@example.org", "eve@example.org", "cyd@example.org"];
        let answers = session.deliver(&envelope(&to, 12), BODY).await;
        assert_eq!(
            told(&answers),
            [
                decided("eve", Stage::Rcpt, 550),
                decided("cyd", Stage::Rcpt, 450),
                decided("bob", Stage::Dot, 250),
            ]
        );
        session.quit().await;
        assert_eq!(server.await.unwrap().bodies.len(), 1);
    }
}

/// 452 4.5.3 (RFC 5321 section 4.5.3.1.10): at once, in the next transaction, and no more of them.
#[tokio::test(start_paused = true)]
async fn recipients_that_are_too_many_go_into_the_next_transaction() {
    for too_many in [
        "452 4.5.3 Too many recipients",
        "452 too many",
        "552 too many",
        "550 5.5.3 no",
    ] {
        let two = "C: MAIL…\nC: RCPT TO:<a@example.org>\nC: RCPT TO:<b@example.org>\n";
        let script = format!(
            "{two}C: RCPT TO:<c@example.org>\nC: RCPT TO:<d@example.org>\nC: RCPT TO:<e@example.org>
             C: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: {too_many}\nS: {too_many}\nS: {too_many}
             S: 354 go\nBODY\nS: 250 one
             C: MAIL…\nC: RCPT TO:<c@example.org>\nC: RCPT TO:<d@example.org>\nC: DATA
             S: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 two
             C: MAIL…\nC: RCPT TO:<e@example.org>\nC: DATA
             S: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 three\nC: QUIT"
        );
        let (mut session, server) = session(PIPELINING, &script).await;
        let to = ["a", "b", "c", "d", "e"].map(|name| format!("{name}@example.org"));
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        let answers = session.deliver(&envelope(&to, 12), BODY).await;
        let expected: Vec<_> = ["a", "b", "c", "d", "e"]
            .map(|name| decided(name, Stage::Dot, 250))
            .into();
        assert_eq!(told(&answers), expected, "{too_many}");
        session.quit().await;
        server.await.unwrap();
    }
}

/// Nobody was taken, so the next transaction would end the same way.
#[tokio::test(start_paused = true)]
async fn one_alone_that_is_too_many_is_refused() {
    let script = "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 452 4.5.3 no\nS: 503 nobody\nC: QUIT";
    let (mut session, server) = session(PIPELINING, script).await;
    let answers = session
        .deliver(&envelope(&["a@example.org"], 12), BODY)
        .await;
    assert_eq!(told(&answers), [decided("a", Stage::Rcpt, 452)]);
    session.quit().await;
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stated_limit_is_kept_from_the_start() {
    let one = |name: &str| {
        format!(
            "C: MAIL…\nC: RCPT TO:<{name}@example.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go
             BODY\nS: 250 ok\n"
        )
    };
    let script = format!("{}{}C: QUIT", one("a"), one("b"));
    let (mut session, server) = session(&["PIPELINING", "LIMITS RCPTMAX=1"], &script).await;
    let answers = session
        .deliver(&envelope(&["a@example.org", "b@example.org"], 12), BODY)
        .await;
    assert_eq!(answers.len(), 2);
    session.quit().await;
    server.await.unwrap();
}

/// What ends the session is said for everybody who has no answer yet, in doubt or not.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_told_to_whom_it_concerns() {
    let script = "C: MAIL…\nC: RCPT…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go
        BODY\nCLOSE";
    let (mut session, _server) = session(PIPELINING, script).await;
    let answers = session
        .deliver(&envelope(&["a@example.org", "b@example.org"], 12), BODY)
        .await;
    assert_eq!(answers.len(), 2);
    assert_eq!(told(&answers)[0], decided("a", Stage::Rcpt, 550));
    let error = answers[1].result.as_ref().unwrap_err();
    assert!(error.in_doubt && answers[1].to.user() == "b");
}

/// Who was to come with the next transaction was told to nobody.
#[tokio::test(start_paused = true)]
async fn who_was_not_offered_is_not_in_doubt() {
    let script = "C: MAIL…\nC: RCPT…\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nCLOSE";
    let (mut session, _server) = session(&["PIPELINING", "LIMITS RCPTMAX=1"], script).await;
    let all = envelope(&["a@example.org", "b@example.org"], 12);
    let answers = session.deliver(&all, BODY).await;
    let doubts = answers
        .iter()
        .map(|answer| answer.result.as_ref().unwrap_err().in_doubt);
    assert_eq!(doubts.collect::<Vec<_>>(), [true, false]);
}

/// A hundred commands to a server that answers each before it reads on: neither waits for ever.
#[tokio::test(start_paused = true)]
async fn a_group_larger_than_every_buffer_goes_through() {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        theirs.write_all(b"220 hi\r\n").await.unwrap();
        let (read, mut write) = tokio::io::split(theirs);
        let mut lines = BufReader::with_capacity(16, read).lines();
        let mut recipients = 0;
        while let Some(line) = lines.next_line().await.unwrap() {
            let said: &[u8] = match line.get(..4).unwrap_or(&line) {
                "EHLO" => b"250-mx\r\n250 PIPELINING\r\n",
                "DATA" => b"354 go\r\n",
                "." => b"250 taken\r\n",
                "RCPT" => {
                    recipients += 1;
                    b"250 2.1.5 a rather long answer to each of them, so that buffers fill\r\n"
                }
                "MAIL" => b"250 ok\r\n",
                _ => b"",
            };
            write.write_all(said).await.unwrap();
        }
        recipients
    });
    let target = target();
    let began = Session::begin(Box::new(ours), &target, None);
    let mut session = began.await.unwrap();
    let to: Vec<String> = (0..100).map(|n| format!("p{n}@example.org")).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    let answers = session.deliver(&envelope(&to, 12), b"Hi: ho\r\n").await;
    assert_eq!(answers.len(), 100);
    assert!(answers.iter().all(|answer| answer.result.is_ok()));
    drop(session);
    assert_eq!(server.await.unwrap(), 100);
}
