//! Against the sandbox over a pipe: what it keeps is what was sent.

use std::sync::Arc;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Port, Reception};
use postroom::smtp::{Session, Stage};

use super::{offer_to, ready, refused};
use crate::world::bench::start;
use crate::world::script::{credentials, target};

async fn kept(pipelining: bool, bodies: &[&str]) -> (Vec<String>, String) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        dir: Some(dir.path().into()),
        login: Some(("ada".to_owned(), "pässword".to_owned())),
        accept_log: Some(dir.path().join("log")),
        pipelining,
        ..Options::default()
    };
    let reception = Arc::new(Reception::open(&options, Clock::simulated(start(), 1)).unwrap());
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let serving = Arc::clone(&reception);
    let server = tokio::spawn(async move { serving.serve_stream(theirs, Port::Plain, None).await });
    let began = Session::begin(Box::new(ours), &target(), Some(&credentials())).await;
    let mut session = began.unwrap();
    for body in bodies {
        let refusal = offer_to(&mut session, &["5xx@example.org"]).await;
        assert_eq!(refused(refusal), (Stage::Rcpt, 550));
        ready(offer_to(&mut session, &["bob@example.org"]).await);
        assert_eq!(session.send(body.as_bytes(), None).await.unwrap().code, 250);
        assert!(session.is_alive());
    }
    session.quit().await;
    server.await.unwrap().unwrap();
    let mut mail: Vec<_> = std::fs::read_dir(dir.path().join("mail/new"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    mail.sort_by_key(String::len);
    (
        mail,
        std::fs::read_to_string(dir.path().join("log")).unwrap(),
    )
}

#[tokio::test]
async fn what_the_sandbox_keeps_is_what_was_sent() {
    let dots = "Subject: dots\r\n\r\n.\r\n..\r\n.a\r\nb.\r\n";
    let large = format!(
        "Subject: large\r\n\r\n{}",
        ".line of text\r\n".repeat(20_000)
    );
    for pipelining in [true, false] {
        let (mail, log) = kept(pipelining, &[dots, &large]).await;
        assert!(
            mail[0].ends_with("\r\n.\r\n..\r\n.a\r\nb.\r\n"),
            "{}",
            mail[0]
        );
        assert!(mail[1].ends_with(&".line of text\r\n".repeat(20_000)));
        let lines: Vec<serde_json::Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for (line, sent) in lines.iter().zip([dots, &large]) {
            let hash = ring::digest::digest(&ring::digest::SHA256, sent.as_bytes());
            let hash: String = hash
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(
                (line["size"].as_u64(), line["sha256"].as_str()),
                (Some(sent.len() as u64), Some(hash.as_str()))
            );
        }
    }
}
