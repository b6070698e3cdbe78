//! What may come when, and what a client is told that gets it wrong.

use std::time::Duration;

use postroom::sandbox::{Options, Port};

use super::script::{Client, clock, message_to, reception};

fn with_login() -> Options {
    let login = Some(("ada".to_owned(), "secret".to_owned()));
    Options {
        login,
        ..Options::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_conversation_goes_as_rfc_5321_has_it() {
    let reception = reception(&Options::default());
    let mut client = Client::connect(&reception, Port::Plain);
    client
        .play(
            "S: 220 localhost ESMTP postroom sandbox
             C: EHLO client.example
             S: 250-localhost greets client.example
             S: 250-PIPELINING
             S: 250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER
             S: 250-8BITMIME
             S: 250-SMTPUTF8
             S: 250-SIZE 52428800
             S: 250 ENHANCEDSTATUSCODES
             C: NOOP
             S: 250 …
             C: VRFY ada
             S: 252 …
             C: MAIL FROM:<ada@example.org> SIZE=100 BODY=8BITMIME
             S: 250 2.1.0 Sender ok
             C: RSET
             S: 250 2.0.0 Reset",
        )
        .await;
    client.play(&message_to("bob@example.org")).await;
    client
        .play("S: 250 2.0.0 Accepted as …\nC: QUIT\nS: 221 2.0.0 …\nS: <end>")
        .await;
    let counts = reception.counts();
    assert_eq!(
        (counts.connections, counts.accepted, counts.refused),
        (1, 1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_of_commands_is_answered_in_one_write() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    let group = "MAIL FROM:<a@x.org>\r\nRCPT TO:<b@x.org>\r\nRCPT TO:<5xx@x.org>\r\nDATA\r\n";
    client.send(group.as_bytes()).await;
    let replies = client.one_write().await;
    let codes: Vec<&str> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "550", "354"]);

    // The next group travels with the message (RFC 2920, section 3.1).
    client
        .send(format!("Subject: 1\r\n\r\none\r\n.\r\n{group}").as_bytes())
        .await;
    client
        .play("S: 250 …\nS: 250 …\nS: 250 …\nS: 550 …\nS: 354 …")
        .await;
    client
        .play("C: .\nC: QUIT\nS: 250 …\nS: 221 …\nS: <end>")
        .await;
    assert_eq!(reception.counts().accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn commands_out_of_order_are_refused_and_do_no_harm() {
    let reception = reception(&Options::default());
    let mut client = Client::connect(&reception, Port::Plain);
    client
        .play(
            "S: 220 …
             C: MAIL FROM:<a@x.org>
             S: 503 5.5.1 Say EHLO first
             C: AUTH PLAIN AGEAYg==
             S: 503 5.5.1 Say EHLO first
             C: HELO client.example
             S: 250 localhost
             C: MAIL FROM:<a@x.org> SIZE=1
             S: 555 …
             C: RCPT TO:<b@x.org>
             S: 503 5.5.1 Say MAIL first
             C: DATA
             S: 503 5.5.1 No valid recipients
             C: MAIL FROM:<a@x.org>
             S: 250 …
             C: MAIL FROM:<a@x.org>
             S: 503 5.5.1 One sender at a time: RSET first
             C: DATA
             S: 503 5.5.1 No valid recipients
             C: RCPT TO:<5xx@x.org>
             S: 550 5.1.1 …
             C: DATA
             S: 503 5.5.1 No valid recipients
             C: STARTTLS
             S: 502 …
             C: FROBNICATE
             S: 500 …
             C: RSET
             S: 250 …",
        )
        .await;
    client.play(&message_to("bob@example.org")).await;
    client.play("S: 250 …").await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_too_long_or_end_wrongly_are_refused_once_each() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client
        .send(&[b"NOOP ".repeat(20_000), b"\r\n".to_vec()].concat())
        .await;
    client.send(b"NOOP\nNOOP \xff\r\n\r\nNOOP\r\n").await;
    client
        .play(
            "S: 500 5.5.2 Line too long
             S: 500 5.5.2 A line must end with CRLF, not with a bare LF
             S: 500 5.5.2 Commands are ASCII, but for an address in UTF-8
             S: 500 5.5.1 No such command
             S: 250 …",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn commands_may_arrive_in_any_pieces() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    let group = b"NOOP\r\nVRFY ada\r\nMAIL FROM:<a@x.org>\r\nRSET\r\n";
    for cut in 1..group.len() {
        for piece in [&group[..cut], &group[cut..]] {
            client.send(piece).await;
            tokio::task::yield_now().await;
        }
        client
            .play("S: 250 2.0.0 …\nS: 252 …\nS: 250 2.1.0 …\nS: 250 2.0.0 …")
            .await;
    }
    client.send(&b"NOOP\r\n".repeat(10_000)).await;
    for _ in 0..10_000 {
        assert!(client.reply().await.starts_with("250 "));
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_without_end_and_silence_end_the_session() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client.send(&b"GET / HTTP/1.1\r\n".repeat(60)).await;
    for _ in 0..50 {
        assert!(client.reply().await.starts_with("500 "));
    }
    client
        .play("S: 421 4.7.0 Too many errors, closing\nS: <end>")
        .await;

    let mut silent = Client::greeted(&reception).await;
    let clock = clock();
    let began = clock.ticks();
    silent.play("S: 421 4.4.2 …\nS: <end>").await;
    assert_eq!(clock.ticks() - began, Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_wait_for_354_ends_the_session() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: MAIL FROM:<a@x.org>
             C: RCPT TO:<b@x.org>
             C: DATA
             C: RCPT TO:<smuggled@x.org>
             C: .
             S: 250 …
             S: 250 …
             S: 503 5.5.0 …
             S: <end>",
        )
        .await;
    assert_eq!(reception.counts().accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn where_pipelining_is_not_offered_a_client_has_to_wait() {
    let options = Options {
        pipelining: false,
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::connect(&reception, Port::Plain);
    client
        .play("S: 220 …\nC: EHLO c.example\nS: 250-localhost …\nS: 250-AUTH …")
        .await;
    client
        .play("S: 250-8BITMIME\nS: 250-SMTPUTF8\nS: 250-SIZE …\nS: 250 …")
        .await;
    client.play(&message_to("bob@example.org")).await;
    client
        .play("S: 250 …\nC: NOOP\nC: NOOP\nS: 503 5.5.0 …\nS: <end>")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_login_is_required_where_one_is_set_and_any_mechanism_will_do() {
    let reception = reception(&with_login());
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: MAIL FROM:<a@x.org>
             S: 530 5.7.0 Log in first
             C: AUTH PLAIN AGFkYQB3cm9uZw==
             S: 535 5.7.8 …
             C: AUTH PLAIN
             S: 334 \r
             C: *
             S: 501 5.7.0 Cancelled
             C: AUTH PLAIN ?
             S: 501 5.5.2 …
             C: AUTH PLAIN
             S: 334 \r
             C: AGFkYQBzZWNyZXQ=
             S: 235 2.7.0 Logged in
             C: AUTH LOGIN
             S: 503 …
             C: MAIL FROM:<a@x.org>
             S: 250 …"
                .replace(" \r", " …")
                .as_str(),
        )
        .await;
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: AUTH LOGIN
             S: 334 VXNlcm5hbWU6
             C: YWRh
             S: 334 UGFzc3dvcmQ6
             C: c2VjcmV0
             S: 235 2.7.0 Logged in",
        )
        .await;
}

fn base64(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}

fn xoauth2(token: &str) -> String {
    base64(&format!("user=ada\x01auth=Bearer {token}\x01\x01"))
}

fn oauth_bearer(token: &str) -> String {
    base64(&format!(
        "n,a=ada,\x01host=localhost\x01port=25\x01auth=Bearer {token}\x01\x01"
    ))
}

#[tokio::test(start_paused = true)]
async fn a_token_logs_in_as_the_password_does() {
    let reception = reception(&with_login());
    for (name, said) in [
        ("XOAUTH2", xoauth2("secret")),
        ("OAUTHBEARER", oauth_bearer("secret")),
    ] {
        let mut client = Client::greeted(&reception).await;
        let script = format!("C: AUTH {name} {said}\nS: 235 2.7.0 Logged in");
        client.play(&script).await;
        let mut client = Client::greeted(&reception).await;
        let script = format!("C: AUTH {name}\nS: 334 …\nC: {said}\nS: 235 2.7.0 Logged in");
        client.play(&script).await;
    }
}

/// As the real ones do: first a challenge that says why, then the refusal.
#[tokio::test(start_paused = true)]
async fn a_wrong_token_is_challenged_before_it_is_refused() {
    let reception = reception(&with_login());
    let challenge = "S: 334 eyJzdGF0dXMiOiI0MDEi…";
    for (name, said, dismissal) in [
        ("XOAUTH2", xoauth2("wrong"), ""),
        ("OAUTHBEARER", oauth_bearer("wrong"), "AQ=="),
    ] {
        let mut client = Client::greeted(&reception).await;
        let script = format!(
            "C: AUTH {name} {said}\n{challenge}\nC: {dismissal}\nS: 535 5.7.8 …\n\
             C: AUTH {name} {said}\n{challenge}\nC: MAIL FROM:<a@x.org>\nS: 501 5.5.2 …\n"
        );
        client.play(&script).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_form_is_refused_in_words() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    for said in [
        "user=ada\x01auth=Bearer t",
        "user=ada\x01auth=Basic t\x01\x01",
        "user=\x01auth=Bearer t\x01\x01",
        "user=ada\x01auth=Bearer t\x01more=1\x01\x01",
    ] {
        let script = format!(
            "C: AUTH XOAUTH2 {}\nS: 501 5.5.2 XOAUTH2 is …",
            base64(said)
        );
        client.play(&script).await;
    }
    for said in ["n,,\x01auth=Bearer t\x01\x01", "n,a=ada,\x01host=x\x01\x01"] {
        let script = format!("C: AUTH OAUTHBEARER {}\nS: 501 5.5.2 …", base64(said));
        client.play(&script).await;
    }
}

/// RFC 4954 section 4: lines of an exchange may be long, commands may not.
#[tokio::test(start_paused = true)]
async fn a_long_token_is_taken_after_its_prompt() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    let long = xoauth2(&"t".repeat(9000));
    client
        .play(&format!(
            "C: AUTH XOAUTH2 {long}\nS: 500 5.5.2 Line too long"
        ))
        .await;
    client
        .play(&format!("C: AUTH XOAUTH2\nS: 334 …\nC: {long}\nS: 235 …"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn passwords_cannot_be_guessed_for_long() {
    let reception = reception(&with_login());
    let mut client = Client::greeted(&reception).await;
    let wrong = "C: AUTH LOGIN YWRh\nS: 334 UGFzc3dvcmQ6\nC: eA==\nS: 535 5.7.8 …\n";
    client.play(&wrong.repeat(3)).await;
    client.play("S: 421 4.7.0 …\nS: <end>").await;
}

#[tokio::test(start_paused = true)]
async fn no_password_and_no_mail_passes_before_starttls() {
    let reception = reception(&with_login());
    let mut client = Client::connect(&reception, Port::Starttls);
    client
        .play(
            "S: 220 …
             C: EHLO client.example
             S: 250-localhost …
             S: 250-PIPELINING
             S: 250-STARTTLS
             S: 250-8BITMIME
             S: 250-SMTPUTF8
             S: 250-SIZE …
             S: 250 …
             C: AUTH PLAIN AGFkYQBzZWNyZXQ=
             S: 538 5.7.11 …
             C: MAIL FROM:<a@x.org>
             S: 530 5.7.0 Say STARTTLS first",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn commands_injected_behind_starttls_end_the_session() {
    let reception = reception(&Options::default());
    let mut client = Client::connect(&reception, Port::Starttls);
    client.play("S: 220 …").await;
    client.send(b"STARTTLS\r\nEHLO injected.example\r\n").await;
    client.play("S: 554 5.5.0 …\nS: <end>").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_size_is_refused_announced_or_not() {
    let options = Options {
        max_message_size: 1000,
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::greeted(&reception).await;
    client
        .play("C: MAIL FROM:<a@x.org> SIZE=1001\nS: 552 5.3.4 …")
        .await;
    client
        .play("C: MAIL FROM:<a@x.org>\nC: RCPT TO:<b@x.org>\nC: DATA\nS: 250 …")
        .await;
    client.play("S: 250 …\nS: 354 …").await;
    client
        .send(&b"0123456789012345678901234567890123456789\r\n".repeat(1000))
        .await;
    client.play("C: .\nS: 552 5.3.4 …").await;
    client.play(&message_to("bob@example.org")).await;
    client.play("S: 250 …").await;
}

/// RFC 6531: offered, announced with MAIL, and only then may an address or a header be in UTF-8.
#[tokio::test(start_paused = true)]
async fn addresses_in_utf_8_are_taken_where_mail_announced_them() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: MAIL FROM:<张三@example.org>
             S: 553 5.6.7 …
             C: MAIL FROM:<a@x.org>
             S: 250 …
             C: RCPT TO:<jürgen@example.org>
             S: 553 5.6.7 …
             C: RCPT TO:<b@x.org>
             S: 250 …
             C: DATA
             S: 354 …
             C: To: jürgen@example.org
             C:
             C: .
             S: 554 5.6.0 A header beyond ASCII needs SMTPUTF8 in MAIL
             C: MAIL FROM:<张三@example.org> SMTPUTF8
             S: 250 …
             C: RCPT TO:<jürgen@example.org>
             S: 250 …
             C: DATA
             S: 354 …
             C: To: jürgen@example.org
             C:
             C: .
             S: 250 2.0.0 Accepted as …
             C: MAIL FROM:<a@x.org>
             S: 250 …
             C: RCPT TO:<jürgen@example.org>
             S: 553 5.6.7 …",
        )
        .await;
    assert_eq!(reception.counts().accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn where_smtputf8_is_not_offered_it_is_refused() {
    let options = Options {
        smtputf8: false,
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::connect(&reception, Port::Plain);
    client
        .play(
            "S: 220 …
             C: EHLO client.example
             S: 250-localhost …
             S: 250-PIPELINING
             S: 250-AUTH …
             S: 250-8BITMIME
             S: 250-SIZE …
             S: 250 ENHANCEDSTATUSCODES
             C: MAIL FROM:<a@x.org> SMTPUTF8
             S: 555 5.5.4 SMTPUTF8 is not offered
             C: MAIL FROM:<张三@example.org>
             S: 553 5.6.7 …",
        )
        .await;
}
