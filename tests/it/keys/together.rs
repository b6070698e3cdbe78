//! What a server says to the recipients of one message, each for themselves.

use super::group::{THREE, stage};
use super::stage::{HOUR, MINUTE};
use postroom::deliver::recompose;
use postroom::outbox::forget;

/// Bob is greylisted once; the others get it at once, and he gets the same bytes later.
#[tokio::test(start_paused = true)]
async fn those_who_wait_get_the_same_message_later_together() {
    let stage = stage("group = true\nretry = [\"10m\"]", |line| match line {
        _ if line.starts_with("RCPT TO:<cy") || line.starts_with("RCPT TO:<bob") => {
            Some("450 4.2.0 greylisted")
        }
        _ => None,
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["accepted", "deferred", "deferred"]);
    let due: Vec<_> = stage.rows().iter().map(|row| row.next_at).collect();
    assert!(due[1].is_some() && due[1] == due[2], "{due:?}");
    stage.wire.answer(|_| None);
    stage.pass(HOUR).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
    let mails = stage.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].all, THREE[1..]);
    assert_eq!(mails[0].text, mails[1].text);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_is_its_recipients_own() {
    let stage = stage("group = true", |line| match line {
        _ if line.starts_with("RCPT TO:<ada") => Some("550 5.1.1 who?"),
        _ if line.starts_with("RCPT TO:<cy") => Some("550 5.2.1 closed"),
        _ => None,
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["rejected", "accepted", "rejected"]);
    assert_eq!(stage.mails()[0].all, THREE[1..2]);
    // The header stays complete.
    let to = stage.mails()[0].unfolded("To").unwrap();
    assert_eq!(to, THREE.join(", "));
    let reader = stage.outbox.reader().unwrap();
    assert!(!reader.suppressions_of(THREE[0]).unwrap().is_empty());
    assert!(reader.suppressions_of(THREE[2]).unwrap().is_empty());
    let tries = reader.history(THREE[0]).unwrap().remove(0).1;
    assert_eq!((tries.len(), tries[0].code), (1, Some(550)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_may_have_is_not_sent() {
    let stage = stage("group = true", |line| match line {
        _ if line.starts_with("RCPT TO:<ada") => Some("450 4.2.0 later"),
        _ if line.starts_with("RCPT") => Some("550 5.1.1 who?"),
        "DATA" => Some("554 5.5.1 nobody"),
        _ => None,
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["deferred", "rejected", "rejected"]);
    assert!(stage.mails().is_empty());
}

/// RFC 5321 section 4.5.3.1.10: the rest goes into a transaction of its own, and no try is burnt.
#[tokio::test(start_paused = true)]
async fn those_who_are_too_many_come_next() {
    let stage = stage("group = true", |line| {
        let second = line.starts_with("RCPT TO:<bob") || line.starts_with("RCPT TO:<cy");
        second.then_some("452 4.5.3 too many recipients")
    });
    stage.wire.answer_once(|_| None, "RCPT TO:<cy");
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
    let readers: Vec<_> = stage.mails().into_iter().map(|mail| mail.all).collect();
    assert_eq!(readers, [&THREE[..1], &THREE[1..]]);
    assert!(stage.rows().iter().all(|row| row.tries == 1));
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_the_dot_is_everyones() {
    for (answer, state) in [
        ("250 2.0.0 ok", "accepted"),
        ("451 4.3.0 later", "deferred"),
        ("554 5.6.0 no", "rejected"),
    ] {
        let stage = stage("group = true", |_| None);
        stage.wire.answer(match answer {
            "250 2.0.0 ok" => |_| None,
            "451 4.3.0 later" => |line| line.starts_with(". ").then_some("451 4.3.0 later"),
            _ => |line| line.starts_with(". ").then_some("554 5.6.0 no"),
        });
        stage.send(THREE, MINUTE).await;
        assert_eq!(stage.states(), [state; 3]);
    }
}

/// All are in doubt, and get the same bytes once more, together.
#[tokio::test(start_paused = true)]
async fn without_an_answer_all_are_in_doubt_and_get_it_once_more() {
    let stage = stage("group = true\nresend_after = \"15m\"", |line| {
        line.starts_with(". ").then_some("CLOSE")
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["uncertain"; 3]);
    stage.wire.answer(|_| None);
    stage.pass(HOUR).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
    let mails = stage.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].all, THREE);
    let sent = stage.wire.calls();
    let body = |said: String| said.split("DATA\r\n").nth(1).unwrap().to_owned();
    let bodies: Vec<_> = sent.iter().map(|call| body(call.said())).collect();
    let end = |body: &str| body.find("\r\n.\r\n").unwrap();
    assert_eq!(bodies[0][..end(&bodies[0])], bodies[1][..end(&bodies[1])]);
}

/// One message is one to the rates.
#[tokio::test(start_paused = true)]
async fn it_takes_one_slot_of_a_rate() {
    let stage = stage("group = true\nrate = \"1/hour\"", |_| None);
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.mails().len(), 1);
    stage.pass(HOUR).await;
    assert_eq!(stage.mails().len(), 2);
    // And to the rates of the next process.
    let uses = stage.outbox.reader().unwrap();
    let uses = uses.uses(3 * HOUR, &stage.clock).unwrap();
    assert_eq!(uses.iter().map(|it| it.count).sum::<u64>(), 2);
}

/// An answer to RCPT that is neither a yes nor a no may be meant as a yes: whoever got the message
/// then would be down as one to whom it is still to go.
#[tokio::test(start_paused = true)]
async fn no_body_goes_where_an_answer_may_be_a_yes() {
    let stage = stage("group = true", |line| match line {
        _ if line.starts_with("RCPT TO:<ada") => Some("252 2.1.5 perhaps"),
        _ => None,
    });
    stage.send(THREE, MINUTE).await;
    assert!(stage.mails().is_empty());
    let is_over = |state: &String| state != "queued" && state != "deferred";
    assert!(!stage.states().iter().any(is_over));
    stage.wire.answer(|_| None);
    stage.pass(HOUR).await;
    assert_eq!(stage.states(), ["accepted"; 3]);
    let mails = stage.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].all, THREE);
}

/// Who was forgotten is named by no try that follows, with or without a restart.
#[tokio::test(start_paused = true)]
async fn a_retry_names_nobody_who_was_forgotten_since() {
    let stage = stage("group = true\nretry = [\"10m\"]", |line| {
        line.starts_with("RCPT TO:<cy").then_some("450 4.2.0 later")
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["accepted", "accepted", "deferred"]);
    forget(&stage.outbox, THREE[0], "grace").unwrap();
    stage.wire.answer(|_| None);
    stage.pass(HOUR).await;
    let mails = stage.mails();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].text.contains(THREE[0]), "{}", mails[0].text);
    assert!(!mails[1].text.contains(THREE[0]), "{}", mails[1].text);
    assert_eq!(mails[1].unfolded("To").unwrap(), THREE[1..].join(", "));
    // What left for one of them can be composed again, what left for the other cannot.
    let reader = stage.outbox.reader().unwrap();
    let again = |to| recompose(&reader, &stage.runs()[0].id, to, &[]).unwrap();
    let (before, after) = (again(THREE[1]), again(THREE[2]));
    assert_eq!((before.same, before.forgotten), (Some(false), 1));
    assert_eq!((after.same, after.forgotten), (Some(true), 1));
}

/// Whose last try is in doubt gets no other bytes: that waits for a person. Others go on.
#[tokio::test(start_paused = true)]
async fn who_is_in_doubt_gets_no_message_without_a_forgotten_person() {
    let stage = stage("group = true\nretry = [\"10m\"]", |line| match line {
        _ if line.starts_with("RCPT TO:<ada") => Some("450 4.2.0 later"),
        _ if line.starts_with(". ") => Some("CLOSE"),
        _ => None,
    });
    stage.send(THREE, MINUTE).await;
    assert_eq!(stage.states(), ["deferred", "uncertain", "uncertain"]);
    forget(&stage.outbox, THREE[1], "grace").unwrap();
    stage.wire.answer(|_| None);
    stage.pass(2 * HOUR).await;
    let mails = stage.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].all, THREE[..1]);
    let to = [THREE[0], THREE[2]].join(", ");
    assert_eq!(mails[0].unfolded("To").unwrap(), to);
    let rows = stage.rows();
    let row = |to: &str| rows.iter().find(|row| row.address == to).unwrap();
    assert_eq!(row(THREE[0]).state, "accepted");
    let held = row(THREE[2]);
    assert_eq!(held.state, "uncertain");
    let reason = held.reason.as_deref().unwrap();
    assert!(reason.contains("a different one now"), "{reason}");
}
