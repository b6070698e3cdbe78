//! What a transcript writes down, and what it never does.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postroom::clock::Clock;
use postroom::config::Tls;
use postroom::sandbox::{Options, Port, Reception};
use postroom::smtp::{Credentials, Session, Speaker, Target, TlsClient, Transcript, Utterance};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{offer, ready};
use crate::world::bench::start;
use crate::world::script::{serve, target};

fn listened() -> (Target, Transcript) {
    let transcript = Transcript::new(&Clock::simulated(start(), 1));
    let target = Target {
        transcript: Some(transcript.clone()),
        ..target()
    };
    (target, transcript)
}

fn lines(transcript: &Transcript) -> Vec<String> {
    let line = |it: &Utterance| {
        let who = match it.speaker {
            Speaker::Client => "C",
            Speaker::Server => "S",
            Speaker::Event => "-",
        };
        format!("{who}: {}", it.text)
    };
    transcript.said().iter().map(line).collect()
}

const USER: &str = "canary-user";
const SECRET: &str = "canary-secret";

fn password() -> Credentials {
    Credentials::password(USER.to_owned(), SECRET.to_owned().into())
}

/// No form of the secret is anywhere in it.
#[track_caller]
fn assert_kept(transcript: &Transcript) {
    let all = lines(transcript).join("\n") + &format!("{:?}", transcript.seen());
    let bearer = format!("auth=Bearer {SECRET}\x01\x01");
    let said = [
        SECRET.to_owned(),
        USER.to_owned(),
        format!("\0{USER}\0{SECRET}"),
        format!("user={USER}\x01{bearer}"),
        format!("n,a={USER},\x01host=localhost\x01port=25\x01{bearer}"),
    ];
    let encoded = said.map(|it| STANDARD.encode(it));
    for secret in encoded.iter().map(String::as_str).chain([SECRET]) {
        assert!(!all.contains(secret), "{secret:?} is in\n{all}");
    }
}

const OPENING: &str = "S: 220 mx
    C: EHLO client.example.org
    S: 250-mx
";

#[tokio::test(start_paused = true)]
async fn credentials_leave_no_trace_whatever_the_mechanism() {
    let token = || Credentials::token(USER.to_owned(), SECRET.to_owned().into());
    let no = STANDARD.encode(r#"{"status":"401"}"#);
    let refused = |dismissal: &str| format!("S: 334 {no}\nC: {dismissal}\nS: 535 no");
    let logins = [
        (password(), "PLAIN", "C: AUTH PLAIN …\nS: 235 ok".to_owned()),
        (
            password(),
            "LOGIN",
            "C: AUTH LOGIN\nS: 334 VXNl\nC: …\nS: 334 UGFz\nC: …\nS: 235 ok".to_owned(),
        ),
        (password(), "PLAIN", "C: AUTH PLAIN …\nS: 535 no".to_owned()),
        (
            token(),
            "XOAUTH2",
            format!("C: AUTH XOAUTH2 …\n{}", refused("")),
        ),
        (
            token(),
            "OAUTHBEARER",
            format!("C: AUTH OAUTHBEARER …\n{}", refused("AQ==")),
        ),
    ];
    for (login, mechanism, script) in logins {
        let (target, transcript) = listened();
        let (stream, server) = serve(format!("{OPENING}S: 250 AUTH {mechanism}\n{script}\n"));
        let began = Session::begin(stream, &target, Some(&login)).await;
        drop((began, server.await.unwrap()));
        let said = lines(&transcript);
        let command = format!("C: AUTH {mechanism}");
        assert!(said.iter().any(|it| it.starts_with(&command)), "{said:?}");
        let hidden = said.iter().filter(|it| it.ends_with("‹hidden›")).count();
        assert_eq!(
            hidden,
            script.matches("C: ").count() - usize::from(mechanism == "LOGIN")
        );
        assert!(said.last().unwrap().ends_with(&script[script.len() - 6..]));
        assert_eq!(transcript.seen().mechanism.as_deref(), Some(mechanism));
        assert_kept(&transcript);
    }
}

/// A server that quotes what it did not understand, at once and later, whole and cut.
#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_of_a_login_leaves_no_trace() {
    let fields = format!("\x01auth=Bearer {SECRET}\x01\x01");
    let token = Credentials::token(USER.to_owned(), SECRET.to_owned().into());
    let to_user = "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: …\n";
    let to_password = format!("{to_user}S: 334 UGFzc3dvcmQ6\nC: …\n");
    for (login, mechanism, heard, said) in [
        (
            password(),
            "PLAIN",
            "C: AUTH…\n",
            format!("\0{USER}\0{SECRET}"),
        ),
        (password(), "LOGIN", to_user, USER.to_owned()),
        (password(), "LOGIN", &to_password, SECRET.to_owned()),
        (
            token.clone(),
            "XOAUTH2",
            "C: AUTH…\n",
            format!("user={USER}{fields}"),
        ),
        (
            token,
            "OAUTHBEARER",
            "C: AUTH…\n",
            format!("n,a={USER},\x01host=localhost\x01port=25{fields}"),
        ),
    ] {
        // A name is no secret: little of it may stay.
        let end = if said == USER { 8 } else { 5 };
        let line = STANDARD.encode(said);
        let (half, rest) = line.split_at(line.len() - end);
        for (echo, told) in [
            (
                format!("500-5.5.1 What is \"{line}\"?\nS: 500 5.5.1 Try {SECRET}"),
                "500-5.5.1 What is \"‹hidden›\"?\nS: 500 5.5.1 Try ‹hidden›",
            ),
            (
                format!("535-{half}\nS: 535 {rest}."),
                "535-‹hidden›\nS: 535 ‹hidden›.",
            ),
            (
                format!("535 What is {}?", &line[..8]),
                "535 What is ‹hidden›?",
            ),
            (format!("334 {line}\nS: 500 no"), "334 ‹hidden›\nS: 500 no"),
            (format!("AUTH {line}"), "AUTH ‹hidden›"),
            (
                format!("535 no\nS: 500 What is {line}?"),
                "535 no\nS: 500 What is ‹hidden›?",
            ),
        ] {
            let (target, transcript) = listened();
            let script = format!("{OPENING}S: 250 AUTH {mechanism}\n{heard}S: {echo}\n");
            let (stream, server) = serve(script);
            let began = Session::begin(stream, &target, Some(&login)).await;
            drop((began, server.await.unwrap()));
            let said = lines(&transcript).join("\n");
            assert!(said.contains(told), "{mechanism}, {echo}: {said}");
            assert!(!said.contains(&line[..8]), "{said}");
            assert_kept(&transcript);
        }
    }
}

/// Two challenges at once, a refusal behind a challenge, 354 out of turn: each with what the client
/// writes byte by byte.
#[tokio::test(start_paused = true)]
async fn a_server_that_misleads_gets_nothing_into_the_transcript() {
    let secret = STANDARD.encode("pässword");
    let heard = [
        format!("AUTH LOGIN\r\n<334 a\r\n334 b\r\n>YWRh\r\n{secret}\r\n"),
        format!("AUTH LOGIN\r\n<334 a\r\n535 no\r\n>{secret}\r\n"),
        format!("auth \tplain  {secret}\r\n<235 ok\r\n>"),
        format!("<354 hm\r\n>AUTH LOGIN\r\n<334 a\r\n>{secret}\r\n"),
        format!("AUTH LOGIN\r\n<334-a\n334 b\n>{secret}\r\n"),
        format!("AUTH PLAIN {secret}"),
        format!("DATA\r\n<354 a\r\n>a word<354 b\r\n>.\r\n{secret}\r\n"),
    ];
    for conversation in heard {
        let (_, transcript) = listened();
        let (ours, mut theirs) = duplex(4096);
        let mut stream = transcript.over(Box::new(ours));
        let mut from_server = false;
        for byte in conversation.bytes() {
            match byte {
                b'<' => from_server = true,
                b'>' => from_server = false,
                byte if from_server => {
                    theirs.write_u8(byte).await.unwrap();
                    assert_eq!(stream.read_u8().await.unwrap(), byte);
                }
                byte => stream.write_u8(byte).await.unwrap(),
            }
        }
        let said = lines(&transcript).join("\n");
        assert!(!said.contains(&secret), "{conversation:?}: {said}");
        assert!(said.contains('‹'), "{conversation:?}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_told_by_its_size_also_where_it_breaks_off() {
    let (target, transcript) = listened();
    let script = "S: 250-PIPELINING\nS: 250 ok\nC: MAIL FROM:<ada@example.org>\nC: RCPT \
                  TO:<bob@example.org>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 \
                  taken\nC: QUIT\nS: 221 bye\n";
    let (stream, server) = serve(format!("{OPENING}{script}"));
    let mut session = Session::begin(stream, &target, None).await.unwrap();
    ready(offer(&mut session).await);
    let body = b"canary\r\n.\r\n..canary\r\n";
    session.send(body, None).await.unwrap();
    session.quit().await;
    server.await.unwrap();
    let said = lines(&transcript);
    let after: Vec<&str> = said.iter().skip(5).map(String::as_str).collect();
    let expected = [
        "C: MAIL FROM:<ada@example.org>",
        "C: RCPT TO:<bob@example.org>",
        "C: DATA",
        "S: 250 ok",
        "S: 250 ok",
        "S: 354 go",
        "C: ‹23 bytes of a message, and the dot›",
        "S: 250 taken",
        "C: QUIT",
        "S: 221 bye",
    ];
    assert_eq!(after, expected);

    let (_, transcript) = listened();
    let (ours, mut theirs) = duplex(4096);
    let mut stream = transcript.over(Box::new(ours));
    theirs.write_all(b"354 go\r\n354-").await.unwrap();
    stream.read_exact(&mut [0; 12]).await.unwrap();
    stream.write_all(b"\r\n.canary").await.unwrap();
    assert_eq!(
        lines(&transcript),
        ["S: 354 go", "S: 354-", "C: ‹9 bytes of a message so far›"]
    );
}

/// What follows the dot in one write is the next command.
#[tokio::test(start_paused = true)]
async fn commands_behind_the_end_of_a_message_are_told() {
    let (_, transcript) = listened();
    let (ours, mut theirs) = duplex(4096);
    let mut stream = transcript.over(Box::new(ours));
    for (body, bytes) in [("", 0), ("canary\r\n", 8), (".canary\r\n\r.\r\n\r\n", 15)] {
        theirs.write_all(b"354 go\r\n").await.unwrap();
        stream.read_exact(&mut [0; 8]).await.unwrap();
        let group = format!("{body}.\r\nMAIL FROM:<a@b>\r\n");
        stream.write_all(group.as_bytes()).await.unwrap();
        let said = lines(&transcript);
        let told = format!("C: ‹{bytes} bytes of a message, and the dot›");
        assert_eq!(
            said[said.len() - 2..],
            [told, "C: MAIL FROM:<a@b>".to_owned()]
        );
    }
}

/// Over STARTTLS: what is read is above TLS, and the certificate is told also where it is refused.
#[tokio::test(start_paused = true)]
async fn under_tls_the_words_are_told_and_the_certificate_even_if_refused() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(start(), 1);
    let reception = Arc::new(Reception::open(&Options::default(), clock.clone()).unwrap());
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, reception.ca_pem()).unwrap();
    for (client, trusted) in [
        (TlsClient::new(Some(&ca)).unwrap(), true),
        (target().client, false),
    ] {
        let (ours, theirs) = duplex(64 * 1024);
        let serving = Arc::clone(&reception);
        tokio::spawn(async move { serving.serve_stream(theirs, Port::Starttls, None).await });
        let (listened, transcript) = listened();
        let tls = Tls::Starttls;
        let target = Target {
            tls,
            client,
            ..listened
        };
        let began = Session::begin(Box::new(ours), &target, Some(&password())).await;
        assert_eq!(began.is_ok(), trusted);
        let (said, seen) = (lines(&transcript), transcript.seen());
        assert!(said.contains(&"C: STARTTLS".to_owned()), "{said:?}");
        let tls = said
            .iter()
            .any(|it| it == "-: TLS 1.3, TLS13_AES_256_GCM_SHA384");
        assert_eq!((tls, seen.tls.is_some()), (trusted, trusted), "{said:?}");
        assert_eq!(said.contains(&"C: AUTH PLAIN ‹hidden›".to_owned()), trusted);
        assert!(
            said.iter()
                .all(|it| it.is_ascii() || it.contains("‹hidden›"))
        );
        assert_kept(&transcript);
        let certificate = seen.certificate.unwrap();
        assert_eq!(certificate.names, ["localhost", "127.0.0.1", "::1"]);
        assert!(certificate.issuer.contains("sandbox"), "{certificate:?}");
        assert!(certificate.not_before < clock.now() && clock.now() < certificate.not_after);
    }
}

/// A login that is tried again is a second conversation.
#[tokio::test(start_paused = true)]
async fn what_one_stream_left_open_does_not_touch_the_next() {
    let (_, transcript) = listened();
    let (ours, mut theirs) = duplex(4096);
    let mut first = transcript.over(Box::new(ours));
    theirs.write_all(b"334 a\r\n250-half").await.unwrap();
    first.read_exact(&mut [0; 15]).await.unwrap();
    first.write_all(b"an answer").await.unwrap();
    let (ours, _theirs) = duplex(4096);
    let mut second = transcript.over(Box::new(ours));
    second.write_all(b"EHLO me\r\n").await.unwrap();
    first.write_all(b"more\r\n").await.unwrap();
    assert_eq!(
        lines(&transcript),
        ["S: 334 a", "S: 250-half", "C: EHLO me"]
    );
}
