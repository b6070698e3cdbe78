//! Greeting, EHLO, and replies as they come.

use postroom::config::Tls;
use postroom::smtp::{Enhanced, Session, Stage, Target, Trouble};

use super::{PIPELINING, offer, protocol, ready, refused};
use crate::world::script::{GREETING, begin, credentials, serve, session, target};

/// B4: refused, busy, another protocol, noise.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_greet_well_is_left() {
    for (said, code) in [("554 no", 554), ("421 busy", 421), ("521 go away", 521)] {
        let (session, _) = begin(format!("S: {said}")).await;
        let error = session.err().unwrap();
        assert_eq!(error.stage, Stage::Greeting);
        assert_eq!(error.reply().map(|reply| reply.code), Some(code));
        assert!(!error.in_doubt);
    }
    for said in [
        "HTTP/1.1 400 Bad Request",
        "SSH-2.0-OpenSSH_9.2",
        "250 ok",
        "354 go",
        "199 no such class",
        "600 no such class",
        "22",
        "2200 too long",
        "220_odd",
        "",
    ] {
        let (session, _) = begin(format!("S: {said}")).await;
        let error = session.err().unwrap();
        protocol(&error, Stage::Greeting);
        let text = error.to_string();
        let a_reply = text.contains("unexpected answer");
        assert!(a_reply || text.contains("implicit"), "{said}: {text}");
    }
}

/// B4: an alert of TLS where a greeting was expected.
#[tokio::test(start_paused = true)]
async fn tls_bytes_instead_of_a_greeting_are_named_as_such() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let mut server = crate::world::script::Server::new(theirs);
    server
        .say(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46, b'\n'])
        .await;
    let began = Session::begin(Box::new(ours), &target(), None).await;
    let error = began.err().unwrap();
    protocol(&error, Stage::Greeting);
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(
        text.contains("does this port expect TLS at once?"),
        "{text}"
    );
}

/// B4, B12: as long as it says 220.
#[tokio::test(start_paused = true)]
async fn a_greeting_of_many_lines_and_odd_forms_is_a_greeting() {
    for greeting in [
        "S: 220-mx.example.org\nS: 220-no spam, please\nS: 220 ready",
        "S: 220",
        "S: 220 ",
        "S: 220-\nS: 220",
    ] {
        let script = format!("{greeting}\nC: EHLO client.example.org\nS: 250 mx");
        let (session, _) = begin(script).await;
        assert!(session.is_ok(), "{greeting}: {:?}", session.err());
    }
}

/// B5: no control, no second line, no end.
#[tokio::test(start_paused = true)]
async fn what_a_server_says_cannot_harm_a_log() {
    let (session, _) = begin("S: 554 \u{1b}[31mred\u{9b}2J\u{0} \u{202e}evil\u{200b} end").await;
    let text = session.err().unwrap().to_string();
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{200b}']), "{text:?}");
    assert!(text.contains("evil") && text.contains("end"), "{text:?}");

    let (ours, theirs) = tokio::io::duplex(1024);
    let mut server = crate::world::script::Server::new(theirs);
    let forged =
        b"554-no\r2026-11-23 ERROR\x9b2J\x1b]0;x\x07\n554-\xff\xfe\x85 forged\r\n554 end\r\n";
    server.say(forged).await;
    let began = Session::begin(Box::new(ours), &target(), None).await;
    let text = began.err().unwrap().to_string();
    assert!(text.starts_with("554 no 2026-11-23 ERROR"), "{text:?}");
    assert!(text.ends_with(" end"), "{text:?}");
    assert!(!text.contains(|c: char| c.is_control()), "{text:?}");

    let long = format!("S: 554 {}", "x".repeat(1500));
    let (session, _) = begin(long).await;
    assert!(session.err().unwrap().to_string().len() < 600);
}

/// B6: 421 to EHLO, and what else it may be.
#[tokio::test(start_paused = true)]
async fn the_reply_to_ehlo_must_be_250() {
    for (said, refused) in [("550 what?", true), ("421 bye", true), ("220 hm", false)] {
        let (session, _) = begin(format!("S: 220 hi\nC: EHLO client.example.org\nS: {said}")).await;
        let error = session.err().unwrap();
        assert_eq!(error.stage, Stage::Ehlo, "{said}");
        assert_eq!(
            matches!(error.trouble, Trouble::Refused(_)),
            refused,
            "{said}"
        );
    }
}

/// RFC 5321 section 3.2: a server from before EHLO is spoken to with HELO, and offers nothing.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_ehlo_is_helped_with_helo() {
    for code in [500, 502, 504] {
        let opening = format!(
            "S: 220 hi\nC: EHLO client.example.org\nS: {code} what?\n\
             C: HELO client.example.org\n"
        );
        let script = format!(
            "{opening}S: 250 mx\nC: MAIL FROM:<ada@example.org>\nS: 250 ok\n\
             C: RCPT TO:<bob@example.org>\nS: 250 ok\nC: DATA\nS: 354 go"
        );
        let (session, _) = begin(script).await;
        let mut session = session.unwrap();
        assert!(session.capabilities().lines.is_empty());
        ready(offer(&mut session).await);

        let (session, _) = begin(format!("{opening}S: 502 nor that")).await;
        let error = session.err().unwrap();
        assert_eq!(
            (error.stage, error.reply().unwrap().code),
            (Stage::Ehlo, 502)
        );

        let needs = [(Tls::None, "no login"), (Tls::Starttls, "STARTTLS")];
        for (tls, word) in needs {
            let (stream, server) = serve(format!("{opening}S: 250 mx\nEND"));
            let target = Target { tls, ..target() };
            let began = Session::begin(stream, &target, Some(&credentials())).await;
            let error = began.err().unwrap();
            assert!(matches!(error.trouble, Trouble::Missing(_)), "{error}");
            assert!(error.to_string().contains(word), "{error}");
            assert!(error.to_string().contains("does not know EHLO"), "{error}");
            server.await.unwrap();
        }
    }
}

/// B12: lower case, old forms.
#[tokio::test(start_paused = true)]
async fn offers_are_read_in_any_case_and_in_old_forms() {
    let offers = [
        "pipelining",
        "Size 35882577",
        "AUTH=LOGIN",
        "auth plain XOAUTH2",
    ];
    let (session, _) = session(&offers, "").await;
    let offers = session.capabilities();
    assert!(
        offers.pipelining
            && offers.has_mechanism("LOGIN")
            && offers.has_mechanism("PLAIN")
            && !offers.starttls
    );
    assert_eq!(offers.size_limit(), Some(35_882_577));

    let (session, _) = begin(format!("{GREETING}S: 250 SIZE 0")).await;
    let session = session.unwrap();
    assert_eq!(session.capabilities().size, Some(0));
    assert_eq!(session.capabilities().size_limit(), None, "0 is no limit");

    // The first line is the server's name, whatever it says.
    let (session, _) = begin("S: 220 hi\nC: EHLO client.example.org\nS: 250 PIPELINING").await;
    assert!(!session.unwrap().capabilities().pipelining);
}

/// B12: what a server may answer to MAIL, and what is made of it.
#[tokio::test(start_paused = true)]
async fn replies_are_taken_by_their_first_digit() {
    for (said, code, enhanced, text) in [
        ("571 5.7.1 no", 571, Some(Enhanced(5, 7, 1)), "no"),
        ("471 later", 471, None, "later"),
        ("599", 599, None, ""),
        ("499 ", 499, None, ""),
        ("550 5.1.1", 550, Some(Enhanced(5, 1, 1)), ""),
        ("550 4.1.1 class differs", 550, None, "4.1.1 class differs"),
        ("550 5.1 short", 550, None, "5.1 short"),
        ("550 5.1.1.1 long", 550, None, "5.1.1.1 long"),
        (
            "550 5.7.606 access denied",
            550,
            Some(Enhanced(5, 7, 606)),
            "access denied",
        ),
        (
            "550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three",
            550,
            Some(Enhanced(5, 7, 1)),
            "one two three",
        ),
        ("450-\r\n450", 450, None, " "),
    ] {
        let script = format!(
            "C: MAIL FROM:<ada@example.org>\nS: {}",
            said.replace("\r\n", "\nS: ")
        );
        let (mut session, _) = session(&[], &script).await;
        match offer(&mut session).await {
            Ok(postroom::smtp::Offer::Refused {
                stage,
                reply,
                recipients,
            }) => {
                assert_eq!(
                    (stage, reply.code, reply.enhanced),
                    (Stage::Mail, code, enhanced),
                    "{said}"
                );
                assert_eq!(reply.text, text, "{said}");
                assert!(recipients.is_empty());
            }
            other => panic!("{said}: {other:?}"),
        }
    }
}

/// B12: bare LF.
#[tokio::test(start_paused = true)]
async fn bare_line_feeds_end_lines_too() {
    let (stream, server) = serve("");
    let mut server = server.await.unwrap();
    server
        .say(b"220 hi\n250-mx\n250-PIPELINING\n250 HELP\n")
        .await;
    // All of it is there before EHLO is said: an unasked reply.
    let began = Session::begin(stream, &target(), None).await;
    protocol(&began.err().unwrap(), Stage::Ehlo);

    let (stream, server) = serve("");
    let mut server = server.await.unwrap();
    let server = tokio::spawn(async move {
        server.say(b"220 hi\n").await;
        server.line().await;
        server.say(b"250-mx\n250-PIPELINING\n250 HELP\n").await;
        server
    });
    let session = Session::begin(stream, &target(), None).await.unwrap();
    assert!(session.capabilities().pipelining);
    drop(server);
}

/// B13, B15: two codes in one reply, garbage.
#[tokio::test(start_paused = true)]
async fn what_is_not_a_reply_ends_the_session() {
    for said in [
        "250-ok\r\n550 no",
        "250-ok\r\n251 ok",
        "hello",
        "25",
        "2x0 ok",
        "250=ok",
        "１５０ ok",
    ] {
        let script = format!("C: MAIL…\nS: {}\nEND", said.replace("\r\n", "\nS: "));
        let (mut session, server) = session(&[], &script).await;
        let error = offer(&mut session).await.unwrap_err();
        protocol(&error, Stage::Mail);
        assert!(!error.in_doubt);
        drop(session);
        server.await.unwrap();
    }
}

/// B12: text that is not UTF-8.
#[tokio::test(start_paused = true)]
async fn a_reply_in_gbk_can_be_read() {
    let (mut session, server) = session(&[], "").await;
    let mut server = server.await.unwrap();
    let (text, _, _) = encoding_rs::GBK.encode("535 登录失败");
    let said = [&text[..], b"\r\n"].concat();
    let answering = async {
        server.play("C: MAIL…").await;
        server.say(&said).await;
    };
    let (offered, ()) = tokio::join!(offer(&mut session), answering);
    let Ok(postroom::smtp::Offer::Refused { reply, .. }) = offered else {
        panic!("{offered:?}");
    };
    assert_eq!((reply.code, reply.text.as_str()), (535, "登录失败"));
}

/// B14: 2 kB and 128 lines, and not one more.
#[tokio::test(start_paused = true)]
async fn endless_lines_and_endless_replies_are_cut_off() {
    let lines = |count: usize| {
        let more = "S: 250-more\n".repeat(count - 1);
        format!("{GREETING}{more}S: 250 end")
    };
    let (session, _) = begin(lines(127)).await; // one line was in the greeting
    assert!(session.is_ok(), "128 lines are a reply");
    let (session, _) = begin(lines(128)).await;
    let text = protocol(&session.err().unwrap(), Stage::Ehlo);
    assert!(text.contains("128 lines"), "{text}");

    let (session, _) = begin(format!("S: 220 {}", "x".repeat(2048 - 5))).await;
    let error = session.err().unwrap();
    assert!(
        !matches!(error.trouble, Trouble::Protocol(_)),
        "2 kB are a line: {error}"
    );
    let (session, _) = begin(format!("S: 220 {}", "x".repeat(2049))).await;
    let text = protocol(&session.err().unwrap(), Stage::Greeting);
    assert!(text.contains("2048 bytes"), "{text}");
}

/// B14: given up long before it fills the memory, newline or not.
#[tokio::test(start_paused = true)]
async fn a_line_without_an_end_is_given_up() {
    let (ours, theirs) = tokio::io::duplex(4096);
    let server = tokio::spawn(async move {
        let mut server = crate::world::script::Server::new(theirs);
        for _ in 0..1000 {
            server.say(&[b'2'; 1024]).await;
        }
    });
    let began = Session::begin(Box::new(ours), &target(), None).await;
    let text = protocol(&began.err().unwrap(), Stage::Greeting);
    assert!(text.contains("2048 bytes"), "{text}");
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_sender_in_a_group_is_found_among_the_replies() {
    let script = "C: MAIL…\nC: RCPT…\nC: DATA\nS: 550 5.7.60 not you\nS: 503 no\nS: 503 no";
    let (mut session, _) = session(PIPELINING, script).await;
    assert_eq!(refused(offer(&mut session).await), (Stage::Mail, 550));
}
