//! STARTTLS: nothing goes out, and nothing is believed, that was said before the encryption.

use std::sync::Arc;

use postroom::clock::Clock;
use postroom::config::Tls;
use postroom::sandbox::{Options, Port, Reception};
use postroom::smtp::{Session, SmtpError, Stage, Target, TlsClient, Trouble};

use super::protocol;
use crate::world::bench::start;
use crate::world::script::{GREETING, Server, credentials, serve, target};

fn with(tls: Tls) -> Target {
    Target { tls, ..target() }
}

async fn starttls(script: &str) -> (Result<Session, SmtpError>, Server) {
    let (stream, server) = serve(format!("{GREETING}{script}"));
    let session = Session::begin(stream, &with(Tls::Starttls), Some(&credentials())).await;
    (session, server.await.unwrap())
}

/// B36: stripped on the way, or refused.
#[tokio::test(start_paused = true)]
async fn without_starttls_nothing_is_said() {
    let (session, mut server) = starttls("S: 250-AUTH PLAIN\nS: 250 HELP").await;
    let error = session.err().unwrap();
    assert!(matches!(error.trouble, Trouble::Missing(_)), "{error}");
    assert!(
        error.to_string().contains("nothing is sent unencrypted"),
        "{error}"
    );
    assert!(server.rest().await.is_empty());

    for code in [454, 502] {
        let script = format!("S: 250 STARTTLS\nC: STARTTLS\nS: {code} not now");
        let (session, mut server) = starttls(&script).await;
        let error = session.err().unwrap();
        assert_eq!(
            (error.stage, error.reply().unwrap().code),
            (Stage::Starttls, code)
        );
        assert!(server.rest().await.is_empty());
    }
}

/// B37: plaintext behind the 220 would be taken for words spoken under TLS (CVE-2011-0411).
#[tokio::test(start_paused = true)]
async fn plaintext_behind_the_220_is_refused() {
    for more in ["250 evil", "250-evil\nS: 250 AUTH PLAIN", "2"] {
        let (session, mut server) = {
            let (stream, server) = serve(format!("{GREETING}S: 250 STARTTLS\nC: STARTTLS"));
            let said = format!("220 go\r\n{}\r\n", more.replace("\nS: ", "\r\n"));
            let server = tokio::spawn(async move {
                let mut server = server.await.unwrap();
                server.say(said.as_bytes()).await;
                server
            });
            let session = Session::begin(stream, &with(Tls::Starttls), Some(&credentials())).await;
            (session, server.await.unwrap())
        };
        let text = protocol(&session.err().unwrap(), Stage::Starttls);
        assert!(text.contains("before TLS began"), "{text}");
        assert!(server.rest().await.is_empty(), "not even a handshake");
    }
}

/// B34, B38: the real thing, with an authority that is trusted and one that is not.
#[tokio::test(start_paused = true)]
async fn tls_begins_with_a_server_that_can_be_verified_and_no_other() {
    let clock = Clock::simulated(start(), 1);
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        login: Some(("ada".to_owned(), "pässword".to_owned())),
        ..Options::default()
    };
    let reception = Arc::new(Reception::open(&options, clock).unwrap());
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, reception.ca_pem()).unwrap();
    let trusting = TlsClient::new(Some(&ca)).unwrap();
    for (port, tls) in [(Port::Starttls, Tls::Starttls)] {
        let dial = |client: TlsClient, host: &str| {
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let reception = Arc::clone(&reception);
            tokio::spawn(async move { reception.serve_stream(theirs, port, None).await });
            let target = Target {
                host: host.to_owned(),
                client,
                ..with(tls)
            };
            async move { Session::begin(Box::new(ours), &target, Some(&credentials())).await }
        };
        let session = dial(trusting.clone(), "localhost").await.unwrap();
        let offers = session.capabilities();
        assert!(
            !offers.starttls,
            "what counts was said under TLS: {offers:?}"
        );
        assert!(offers.has_mechanism("PLAIN"));
        let error = dial(trusting.clone(), "mx.example.org")
            .await
            .err()
            .unwrap();
        assert_eq!(error.stage, Stage::Tls);
        assert!(error.to_string().contains("another name"), "{error}");
        let error = dial(target().client, "localhost").await.err().unwrap();
        assert!(
            error.to_string().contains("is not signed by an authority"),
            "{error}"
        );
    }
}
