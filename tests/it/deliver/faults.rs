//! What a server's faults lead to: who waits, who has paid, who got a message, and how often
//! somebody knocked.

use std::time::Duration;

use super::{office_at, people};
use crate::world::office::{Office, Plan, jump, lull, until};
use crate::world::retort::{Heard, Retort};

const BOB: &str = "bob@example.org";
const LOGIN: &str = "user = \"ada\"\npassword = { file = \"secret\" }\n";

type Answer = Option<&'static str>;

async fn office(server: &Retort, account: &str) -> Office {
    at(server.lines(), account).await
}

async fn at(elsewhere: String, account: &str) -> Office {
    office_at(elsewhere, &format!("connections = 1\n{account}")).await
}

/// One whose message is larger than all the buffers of a connection.
async fn large(server: &Retort) -> Office {
    Office::new(Plan {
        elsewhere: Some(server.lines()),
        account: "connections = 1",
        large: true,
        ..Plan::default()
    })
    .await
}

/// A server that says `answer` to what begins with `start`.
async fn answering(start: &'static str, answer: &'static str) -> Retort {
    Retort::new(move |heard: &Heard<'_>| heard.is(start).then_some(answer)).await
}

/// All who have paid with an attempt.
fn charged(office: &Office) -> usize {
    let rows = office.rows();
    let tries = rows.iter().map(|row| office.tries(&row.address).len());
    tries.sum()
}

async fn until_trouble(office: &Office) -> String {
    until("trouble", || office.trouble().is_some()).await;
    office.trouble().unwrap().text
}

/// The server is mended: everybody gets their message, once, and the account is well.
async fn mended(office: &Office, server: &Retort, people: &[String]) {
    server.mend();
    let all = vec!["accepted"; people.len()];
    office
        .skip_until_states(Duration::from_secs(400), &all)
        .await;
    let mut people = people.to_vec();
    people.sort();
    assert_eq!(server.taken(), people, "each of them once");
    assert!(office.trouble().is_none(), "{:?}", office.trouble());
}

/// B1: the account rests, and nobody has paid.
#[tokio::test]
async fn a_host_that_is_not_found_is_the_accounts_trouble() {
    let host = format!("{}.example.org", "x".repeat(64));
    let lines = format!("host = \"{host}\"\nport = 2525\ntls = \"none\"");
    let office = at(lines, "").await;
    office.send(&people(8)).await;
    let told = until_trouble(&office).await;
    assert!(told.starts_with(&format!("cannot find {host}: ")), "{told}");
    office.until_states(&["queued"; 8]).await;
    let trouble = office.trouble().unwrap();
    assert!(trouble.retry_at > Some(trouble.since), "{trouble:?}");
    assert_eq!(charged(&office), 0);
}

/// B3, B4: whatever there is in place of a greeting, it is told, and the account rests longer each
/// time.
#[tokio::test]
async fn a_server_that_does_not_greet_is_the_accounts_trouble() {
    for (greeting, told) in [
        ("SILENCE", "no answer within 60 s at greeting"),
        ("554 5.7.1 not you", "554 5.7.1 not you"),
        ("421 4.3.2 busy", "421 4.3.2 busy"),
        ("HTTP/1.1 400 Bad Request", "does this port expect TLS"),
        ("CLOSE", "the server closed the connection at greeting"),
    ] {
        let server = answering("", greeting).await;
        let office = office(&server, "").await;
        let people = people(8);
        office.send(&people).await;
        until("a connection", || server.connections() == 1).await;
        if greeting == "SILENCE" {
            jump(Duration::from_secs(61)).await;
        }
        let text = until_trouble(&office).await;
        assert!(text.contains(told), "{greeting}: {text}");
        office.until_states(&["queued"; 8]).await;
        lull().await;
        assert_eq!(server.connections(), 1, "{greeting}");
        assert_eq!(charged(&office), 0, "{greeting}");
        mended(&office, &server, &people).await;
    }
}

/// B5: neither in the row nor in the attempt nor in the account's trouble.
#[tokio::test]
async fn what_a_server_says_is_kept_as_one_clean_line() {
    let forged =
        "550-5.7.1 no\u{1b}[2J\u{9b}31m\r2026-11-23 ERROR all is lost\n550 5.7.1 \u{202e}!";
    let server = answering("RCPT", forged).await;
    let office = office(&server, "").await;
    office.send(&[BOB]).await;
    office.until_states(&["rejected"]).await;
    let tried = office.tries(BOB).remove(0).reply.unwrap();
    let row = office.row(BOB).reason.unwrap();
    let server = answering(
        "MAIL",
        "550-5.7.1 no\u{1b}[2J\r2026 ERROR\n550 5.7.1 \u{9b}!",
    )
    .await;
    let office = self::office(&server, "").await;
    office.send(&[BOB]).await;
    let trouble = until_trouble(&office).await;
    for text in [tried, row, trouble] {
        assert!(text.contains("ERROR") && text.contains('!'), "{text:?}");
        assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
    }
}

/// B6: at every stage. One connection, then a rest; at most one of eight has paid.
#[tokio::test]
async fn a_goodbye_at_any_stage_is_not_answered_with_another_try_at_once() {
    for (stage, paid) in [
        ("", 0),
        ("EHLO", 0),
        ("AUTH", 0),
        ("MAIL", 0),
        ("RCPT", 1),
        ("DATA", 1),
        (".", 1),
    ] {
        let server = answering(stage, "421 4.3.2 bye\nCLOSE").await;
        let office = office(&server, LOGIN).await;
        let people = people(8);
        office.send(&people).await;
        let told = until_trouble(&office).await;
        assert!(told.contains("421 4.3.2 bye"), "{stage}: {told}");
        lull().await;
        assert_eq!(server.connections(), 1, "{stage}");
        assert_eq!(charged(&office), paid, "{stage}");
        let rows = office.rows();
        let waiting = |state: &str| matches!(state, "queued" | "deferred");
        assert!(
            rows.iter().all(|row| waiting(&row.state)),
            "{stage}: {rows:#?}"
        );
        assert!(
            !rows.iter().any(|row| row.doubted),
            "{stage}: it said no clearly"
        );
        mended(&office, &server, &people).await;
    }
}

/// B6: 421 to the RSET after a refusal, and 421 to a connection that is idle.
#[tokio::test]
async fn a_goodbye_between_two_messages_costs_nobody_anything() {
    let server = Retort::new(|heard| match heard.line {
        "RSET" => Some("421 4.3.2 bye\nCLOSE"),
        line if line.starts_with("RCPT TO:<eve") => Some("550 5.1.1 who?"),
        _ => None,
    })
    .await;
    let office = office(&server, "").await;
    office.send(&["eve@example.org", BOB]).await;
    office
        .skip_until_states(Duration::from_secs(3), &["rejected", "accepted"])
        .await;
    assert!(server.connections() <= 3, "{}", server.connections());
    assert_eq!(server.taken(), [BOB]);
    assert_eq!(office.tries(BOB).len(), 1);
}

/// B22: closed while it was idle, with and without a word; the next message goes at once, on a new
/// connection, and has paid for one try.
#[tokio::test]
async fn an_idle_connection_that_was_closed_is_replaced_at_once() {
    for end in [
        "250 ok\nCLOSE",
        "250 ok\nRESET",
        "250 ok\nHALF",
        "250 ok\n421 4.4.2 idle\nCLOSE",
    ] {
        let server = answering(".", end).await;
        let office = office(&server, "").await;
        for n in 1..=3 {
            office.send(&[format!("p{n}@example.org")]).await;
            office.until_states(&vec!["accepted"; n]).await;
        }
        assert_eq!(
            (server.connections(), server.taken().len()),
            (3, 3),
            "{end}"
        );
        assert_eq!(charged(&office), 3, "{end}");
        assert!(office.trouble().is_none(), "{end}");
    }
}

/// B21: it has taken the one; the others, which waited behind it, have paid nothing for its end.
#[tokio::test]
async fn a_server_that_dies_after_each_250_has_taken_it() {
    for end in ["250 ok\nCLOSE", "250 ok\nRESET"] {
        let server = answering(".", end).await;
        let office = office(&server, "").await;
        let people = people(5);
        office.send(&people).await;
        office.until_states(&["accepted"; 5]).await;
        assert_eq!(server.taken(), people);
        assert_eq!(charged(&office), 5, "{end}");
        assert!(office.trouble().is_none(), "{end}");
    }
}

/// B7: at every stage the row waits, with what was said and when it is tried again.
#[tokio::test]
async fn a_refusal_for_now_defers_its_row_at_every_stage() {
    for (command, stage) in [
        ("MAIL", "MAIL FROM"),
        ("RCPT", "RCPT TO"),
        ("DATA", "DATA"),
        (".", "end of data"),
    ] {
        let server = answering(command, "451 4.3.0 not now").await;
        let office = office(&server, "").await;
        office.send(&[BOB]).await;
        office.until_states(&["deferred"]).await;
        let it = office.tries(BOB).remove(0);
        assert_eq!(it.stage.as_deref(), Some(stage));
        assert_eq!(
            (it.code, it.enhanced.as_deref()),
            (Some(451), Some("4.3.0"))
        );
        assert_eq!(it.reply.as_deref(), Some("not now"));
        let wait = office.row(BOB).next_at.unwrap() - it.ended_at.unwrap();
        assert!((48_000..=72_000).contains(&wait), "{stage}: {wait}");
        assert!(office.trouble().is_none() && server.taken().is_empty());
        mended(&office, &server, &[BOB.to_owned()]).await;
        assert_eq!(office.tries(BOB).len(), 2);
    }
}

/// B8: after MAIL the row is given up, and the connection goes on.
#[tokio::test]
async fn a_refusal_for_good_rejects_its_row_and_no_other() {
    for (command, stage) in [("RCPT", "RCPT TO"), ("DATA", "DATA"), (".", "end of data")] {
        let server = Retort::new(move |heard| {
            let first = heard.brought == 0 && heard.is(command);
            first.then_some("554 5.7.1 not this")
        })
        .await;
        let office = office(&server, "").await;
        office.send(&people(1)).await;
        office.until_states(&["rejected"]).await;
        let it = office.tries("p0000@example.org").remove(0);
        assert_eq!((it.stage.as_deref(), it.code), (Some(stage), Some(554)));
        assert!(office.trouble().is_none());
        let listed = office.outbox.reader().unwrap().suppressions().unwrap();
        assert!(listed.is_empty(), "it is about this message: {listed:?}");
        server.mend();
        office.send(&[BOB]).await;
        office.until_states(&["rejected", "accepted"]).await;
        assert_eq!(
            (server.connections(), server.taken().len()),
            (1, 1),
            "{stage}"
        );
    }
}

/// B8: a sender that is refused for good would burn ten thousand rows, one after the other.
#[tokio::test]
async fn a_refused_sender_is_the_accounts_trouble_and_burns_nobody() {
    for said in [
        "550 5.7.60 not you",
        "550 no",
        "553 sender rejected",
        "501 5.1.7 bad",
    ] {
        let server = answering("MAIL", said).await;
        let office = office(&server, "").await;
        let people = people(12);
        office.send(&people).await;
        let told = until_trouble(&office).await;
        assert!(told.contains(said) && told.contains("`from`"), "{told}");
        lull().await;
        assert_eq!((server.times("MAIL"), charged(&office)), (1, 0), "{said}");
        office.until_states(&["queued"; 12]).await;
        mended(&office, &server, &people).await;
    }
}

/// B10, B11: no body for a server that has lost its way, and nobody is accepted by it.
#[tokio::test]
async fn a_server_that_breaks_the_protocol_accepts_nobody() {
    let always = |heard: &Heard<'_>| -> Answer {
        match heard.line {
            "" => None,
            _ => Some("250 yes"),
        }
    };
    let server = Retort::new(always).await;
    let office = office(&server, "").await;
    let people = people(5);
    office.send(&people).await;
    until_trouble(&office).await;
    lull().await;
    assert_eq!(server.times("…"), 0, "no body");
    assert!(server.connections() <= 4, "{}", server.connections());
    let states = office.states();
    assert!(states.iter().all(|state| state != "accepted"), "{states:?}");
    mended(&office, &server, &people).await;
}

/// B11, B13, B15, B19: what is no answer to the dot leaves the row in doubt, once, and it is not
/// sent again before its time.
#[tokio::test]
async fn no_clear_answer_to_the_dot_leaves_the_row_in_doubt() {
    for said in [
        "354 go on",
        "250-ok\n550 no",
        "what?\n250 ok",
        "250-ok\nCLOSE",
        "RESET",
        "HALF",
    ] {
        let server = answering(".", said).await;
        let office = office(&server, "").await;
        office.send(&[BOB]).await;
        office.until_states(&["uncertain"]).await;
        server.mend();
        jump(Duration::from_secs(14 * 60)).await;
        office.sweep().await;
        lull().await;
        assert_eq!(office.states(), ["uncertain"], "{said}");
        assert_eq!(server.times("…"), 1, "{said}");
        assert_eq!(server.connections(), 1, "{said}: not even asked");
    }
}

/// B19, B20: nine minutes are waited for, ten are enough.
#[tokio::test]
async fn the_answer_to_the_dot_is_waited_for_ten_minutes() {
    let office = Office::new(Plan {
        account: "connections = 2",
        ..Plan::default()
    })
    .await;
    office
        .send(&["slow540@example.org", "slow999@example.org"])
        .await;
    office.until_states(&["armed", "armed"]).await;
    jump(Duration::from_secs(541)).await;
    office.until_states(&["accepted", "armed"]).await;
    jump(Duration::from_secs(60)).await;
    office.until_states(&["accepted", "uncertain"]).await;
    let tries = office.tries("slow540@example.org");
    assert_eq!((tries.len(), office.accepted().len()), (1, 1));
    let told = office.tries("slow999@example.org").remove(0).reply.unwrap();
    assert!(told.contains("600 s"), "{told}");
}

/// B17, B18: the dot never left, so the row is in no doubt, and waits as before.
#[tokio::test]
async fn a_body_that_stops_in_the_middle_goes_back_into_the_queue() {
    for end in ["RESET", "HALF", "SILENCE"] {
        let server = answering("…", end).await;
        let office = large(&server).await;
        office.send(&[BOB]).await;
        until("a body", || server.times("…") == 1).await;
        if end == "SILENCE" {
            lull().await;
            jump(Duration::from_secs(181)).await;
        }
        until("its end", || {
            let tries = office.tries(BOB);
            tries
                .iter()
                .any(|it| it.outcome.as_deref() == Some("not-sent"))
        })
        .await;
        let row = office.row(BOB);
        assert!(!row.doubted && row.state == "queued", "{end}: {row:?}");
        assert_eq!(office.tries(BOB)[0].stage.as_deref(), Some("body"), "{end}");
    }
}

/// B18: the refusal that waits in the socket decides.
#[tokio::test]
async fn an_early_refusal_rejects_its_row() {
    let server = answering("…", "552 5.3.4 too large\nCLOSE").await;
    let office = large(&server).await;
    office.send(&[BOB]).await;
    office.until_states(&["rejected"]).await;
    assert_eq!(office.tries(BOB)[0].code, Some(552));
}

/// B23: OpenSMTPD's 452 to the MAIL after the last one, and a connection that ends there.
#[tokio::test]
async fn a_452_after_some_messages_is_a_limit_of_the_connection() {
    let server = Retort::new(|heard: &Heard<'_>| {
        let many = heard.brought >= 3 && heard.is("MAIL");
        many.then_some("452 4.5.3 Too many messages sent")
    })
    .await;
    let office = office(&server, "").await;
    let people = people(12);
    office.send(&people).await;
    office.until_states(&["accepted"; 12]).await;
    assert_eq!((server.connections(), server.times("MAIL")), (4, 13));
    assert_eq!(charged(&office), 12);
    assert!(office.trouble().is_none());
}

/// B25: it offers to take groups and loses track of them; all get their message, at the first try.
#[tokio::test]
async fn a_server_that_does_not_mean_pipelining_loses_nothing() {
    let server = Retort::new(|heard: &Heard<'_>| match heard.line {
        line if line.starts_with("EHLO") => Some("250-retort\n250-CHUNKING\n250 PIPELINING"),
        _ if heard.hurried => Some("503 5.5.1 one after the other"),
        _ => None,
    })
    .await;
    let office = office(&server, "").await;
    let people = people(8);
    office.send(&people).await;
    office.until_states(&["accepted"; 8]).await;
    assert_eq!(server.taken().len(), 8);
    assert_eq!((charged(&office), server.times("BDAT")), (8, 0));
    assert_eq!((server.connections(), server.times("MAIL")), (1, 9));
}

/// B31, B32, B36: what a login needs and does not have is the account's trouble, and nothing was
/// said that should not be.
#[tokio::test]
async fn an_opening_that_lacks_something_is_the_accounts_trouble() {
    for (tls, start, said, told) in [
        ("none", "EHLO", "250 retort", "offers no login (AUTH)"),
        (
            "none",
            "EHLO",
            "250-retort\n250 AUTH CRAM-MD5",
            "only CRAM-MD5",
        ),
        ("none", "AUTH", "334 \n334 ", "broke the protocol at AUTH"),
        ("none", "AUTH", "CLOSE", "closed the connection at AUTH"),
        ("none", "AUTH", "535 5.7.8 no", "refused the login of ada"),
        (
            "starttls",
            "EHLO",
            "250-retort\n250 AUTH PLAIN",
            "does not offer STARTTLS",
        ),
        (
            "starttls",
            "EHLO",
            "250-retort\n250 STARTTLS",
            "454 4.7.0 not available",
        ),
    ] {
        let server = Retort::new(move |heard: &Heard<'_>| match heard.line {
            "STARTTLS" => Some("454 4.7.0 not available"),
            _ => heard.is(start).then_some(said),
        })
        .await;
        let lines = server.lines().replace("none", tls);
        let office = at(lines, LOGIN).await;
        office.send(&people(8)).await;
        let text = until_trouble(&office).await;
        assert!(text.contains(told), "{told}: {text}");
        office.until_states(&["queued"; 8]).await;
        lull().await;
        assert_eq!((server.connections(), charged(&office)), (1, 0), "{told}");
        let logins = usize::from(start == "AUTH");
        assert_eq!(server.times("AUTH"), logins, "{told}");
    }
}

/// B34: with whom it did not speak, and why.
#[tokio::test]
async fn a_server_that_cannot_be_verified_is_the_accounts_trouble() {
    let office = Office::new(Plan::default()).await;
    let port = office.sandbox.as_ref().unwrap().address().port();
    let lines = format!("host = \"localhost\"\nport = {port}\ntls = \"implicit\"");
    let stranger = at(lines, LOGIN).await;
    stranger.send(&people(8)).await;
    let told = until_trouble(&stranger).await;
    let server = format!("the certificate of localhost:{port} is not signed by an authority");
    assert!(told.starts_with(&server), "{told}");
    stranger.until_states(&["queued"; 8]).await;
    assert_eq!(charged(&stranger), 0);
}
