//! What is kept, and what the accept log says of it.

use std::fs;
use std::path::Path;

use postroom::sandbox::Options;
use proptest::prelude::*;
use serde_json::Value;

use super::script::{Client, clock, message_to, reception};

/// The one message in a Maildir.
fn only_message(maildir: &Path) -> Vec<u8> {
    let files: Vec<_> = fs::read_dir(maildir.join("new"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read_dir(maildir.join("tmp")).unwrap().count(), 0);
    assert_eq!(files[0].path().extension().unwrap(), "eml");
    fs::read(files[0].path()).unwrap()
}

fn log_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_kept_under_its_envelope() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: Some(dir.path().into()),
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::greeted(&reception).await;
    client
        .play(
            "C: MAIL FROM:<ada@example.org>
             C: RCPT TO:<bob@example.org>
             C: RCPT TO:<eve@example.org>
             C: DATA
             S: 250 …
             S: 250 …
             S: 250 …
             S: 354 …
             C: Subject: hello
             C:
             C: ..dotted
             C: .
             S: 250 …",
        )
        .await;
    let kept = String::from_utf8(only_message(reception.maildir().unwrap())).unwrap();
    let (id, rest) = kept
        .split_once(" id ")
        .and_then(|(_, tail)| tail.split_once(';'))
        .unwrap();
    assert_eq!(id.len(), 26);
    assert_eq!(
        rest,
        "\r\n\tSun, 1 Nov 2026 12:00:00 -0000\r\nSubject: hello\r\n\r\n.dotted\r\n"
    );
    assert!(kept.starts_with(
        "Return-Path: <ada@example.org>\r\n\
         Delivered-To: bob@example.org\r\n\
         Delivered-To: eve@example.org\r\n\
         Received: from client.example (in process)\r\n\
         \tby localhost (postroom sandbox) with ESMTP id "
    ));
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_of_every_accepted_message_and_of_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("accepted.jsonl");
    let options = Options {
        dir: Some(dir.path().into()),
        discard: true,
        accept_log: Some(log.clone()),
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::greeted(&reception).await;
    client.play(&message_to("dot5xx@example.org")).await;
    client.play("S: 554 …").await;
    client.play(&message_to("bob@example.org")).await;
    client.play("S: 250 …").await;
    let mut second = Client::greeted(&reception).await;
    second.play(&message_to("doubt@example.org")).await;
    second.play("S: <end>").await;

    let elapsed = clock().ticks(); // it stands still
    let message = b"Message-ID: <1.17@example.org>\r\n\r\nHello\r\n";
    let expected = |connection, recipient| {
        serde_json::json!({
            "time_ms": 1_793_534_400_000_i64,
            "time_us": 1_793_534_400_000_000_i64,
            "elapsed_us": elapsed.as_micros(),
            "connection": connection,
            "from": "ada@example.org",
            "to": [recipient],
            "message_id": "1.17@example.org",
            "size": message.len(),
            "sha256": sha256(message),
        })
    };
    let lines = [
        expected(1, "bob@example.org"),
        expected(2, "doubt@example.org"),
    ];
    assert_eq!(log_lines(&log), lines);
    assert!(!dir.path().join("mail").exists());
    assert_eq!(reception.maildir(), None);
}

#[tokio::test(start_paused = true)]
async fn many_connections_share_the_log_and_lose_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("accepted.jsonl");
    let options = Options {
        accept_log: Some(log.clone()),
        ..Options::default()
    };
    let reception = reception(&options);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mut client = Client::greeted(&reception).await;
        clients.spawn(async move {
            for round in 0..10 {
                client
                    .play(&message_to(&format!("{number}.{round}@example.org")))
                    .await;
                client.play("S: 250 …").await;
            }
        });
    }
    clients.join_all().await;
    let mut recipients: Vec<String> = log_lines(&log)
        .iter()
        .map(|line| line["to"][0].as_str().unwrap().to_owned())
        .collect();
    recipients.sort();
    recipients.dedup();
    assert_eq!(recipients.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_or_logged_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: Some(dir.path().into()),
        accept_log: Some("/dev/full".into()),
        ..Options::default()
    };
    let reception = reception(&options);
    let mut client = Client::greeted(&reception).await;
    for _ in 0..2 {
        client.play(&message_to("bob@example.org")).await;
        client.play("S: 451 4.3.0 …").await;
    }
    let new = reception.maildir().unwrap().join("new");
    assert_eq!(fs::read_dir(&new).unwrap().count(), 0);

    fs::remove_dir(&new).unwrap();
    client.play(&message_to("bob@example.org")).await;
    client.play("S: 451 4.3.0 …").await;
    assert_eq!(
        fs::read_dir(dir.path().join("mail/tmp")).unwrap().count(),
        0
    );
    assert_eq!(reception.counts().accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn a_bare_lf_or_cr_in_a_message_is_refused_with_its_line() {
    let reception = reception(&Options::default());
    let mut client = Client::greeted(&reception).await;
    for (message, reply) in [
        ("a\r\nb\nc\r\n", "554 5.6.0 Line 2 has a LF …"),
        ("a\r\nb\r\nc\rd\r\n", "554 5.6.0 Line 3 has a CR …"),
        // A server that took LF for CRLF would end here and mail what follows.
        (
            "a\n.\r\nMAIL FROM:<smuggled@x.org>\r\n",
            "554 5.6.0 Line 1 has a LF …",
        ),
    ] {
        client
            .play("C: MAIL FROM:<a@x.org>\nC: RCPT TO:<b@x.org>\nC: DATA\nS: 250 …")
            .await;
        client.play("S: 250 …\nS: 354 …").await;
        client.send(message.as_bytes()).await;
        client.play(&format!("C: .\nS: {reply}")).await;
    }
    assert_eq!(reception.counts().accepted, 0);
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = ("[.]{0,3}", proptest::collection::vec(any::<u8>(), 0..60));
    let line = line.prop_map(|(dots, rest)| {
        let rest = rest
            .into_iter()
            .filter(|byte| !matches!(byte, b'\r' | b'\n'));
        dots.bytes()
            .chain(rest)
            .chain(*b"\r\n")
            .collect::<Vec<u8>>()
    });
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.concat())
}

fn stuffed(message: &[u8]) -> Vec<u8> {
    let lines = message.split_inclusive(|&byte| byte == b'\n');
    let lines = lines.map(|line| {
        if line.starts_with(b".") {
            [b".", line].concat()
        } else {
            line.into()
        }
    });
    lines
        .chain([b".\r\n".to_vec()])
        .collect::<Vec<_>>()
        .concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_message_in_any_pieces_is_kept_byte_for_byte(
        message in message(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all().start_paused(true).build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = Options { dir: Some(dir.path().into()), ..Options::default() };
        runtime.block_on(async {
            let reception = reception(&options);
            let mut client = Client::greeted(&reception).await;
            let envelope = "C: MAIL FROM:<a@x.org> SMTPUTF8\nC: RCPT TO:<b@x.org>\nC: DATA\n";
            client.play(&format!("{envelope}S: 250 …\nS: 250 …\nS: 354 …")).await;
            let wire = stuffed(&message);
            let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
            ends.extend([0, wire.len()]);
            ends.sort_unstable();
            for piece in ends.windows(2) {
                client.send(&wire[piece[0]..piece[1]]).await;
                tokio::task::yield_now().await;
            }
            client.play("S: 250 …").await;
            let kept = only_message(reception.maildir().unwrap());
            assert_eq!(&kept[kept.len() - message.len()..], message);
        });
    }
}
