//! AUTH: the exact bytes, and servers that lose their way in it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use postroom::smtp::{Session, SmtpError, Stage, Trouble};

use super::protocol;
use crate::world::script::{GREETING, Server, credentials, serve, target};

async fn log_in(offers: &str, script: &str) -> (Result<Session, SmtpError>, Server) {
    let (stream, server) = serve(format!("{GREETING}{offers}\n{script}"));
    let session = Session::begin(stream, &target(), Some(&credentials())).await;
    (session, server.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn plain_goes_out_in_one_line() {
    let secret = BASE64.encode("\0ada\0pässword");
    let script = format!("C: AUTH PLAIN {secret}\nS: 235 2.7.0 welcome");
    for offers in ["S: 250 AUTH LOGIN PLAIN", "S: 250 AUTH PLAIN"] {
        let (session, _) = log_in(offers, &script).await;
        assert!(session.is_ok(), "{:?}", session.err());
    }
}

#[tokio::test(start_paused = true)]
async fn login_goes_out_in_three_whatever_the_prompts_say() {
    let (user, password) = (BASE64.encode("ada"), BASE64.encode("pässword"));
    for prompts in [["VXNlcm5hbWU6", "UGFzc3dvcmQ6"], ["", ""], ["who?", "und?"]] {
        let script = format!(
            "C: AUTH LOGIN\nS: 334 {}\nC: {user}\nS: 334 {}\nC: {password}\nS: 235 welcome",
            prompts[0], prompts[1]
        );
        let (session, _) = log_in("S: 250 AUTH LOGIN CRAM-MD5", &script).await;
        assert!(session.is_ok(), "{prompts:?}: {:?}", session.err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_password_is_told_with_the_servers_words_and_without_the_password() {
    for code in [535, 534, 454, 421] {
        let (session, _) = log_in(
            "S: 250 AUTH PLAIN",
            &format!("C: AUTH PLAIN…\nS: {code} no, ada"),
        )
        .await;
        let error = session.err().unwrap();
        assert_eq!(error.stage, Stage::Auth);
        assert_eq!(error.reply().map(|reply| reply.code), Some(code));
        let shown = format!("{error} {error:?}");
        for secret in ["pässword", &BASE64.encode("\0ada\0pässword")] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_offers_no_login_we_know_is_told_apart() {
    let (session, server) = log_in("S: 250 HELP", "").await;
    let error = session.err().unwrap();
    assert!(matches!(&error.trouble, Trouble::Missing(text) if text.contains("offers no login")));
    let mut server = server;
    assert!(server.rest().await.is_empty(), "not a byte of the password");

    let (session, mut server) = log_in("S: 250 AUTH CRAM-MD5 XOAUTH2", "").await;
    let error = session.err().unwrap().to_string();
    assert!(
        error.contains("CRAM-MD5") && error.contains("XOAUTH2"),
        "{error}"
    );
    assert!(server.rest().await.is_empty());
}

/// B31: loops of prompts, a success that comes too early, an end in the middle.
#[tokio::test(start_paused = true)]
async fn a_login_that_loses_its_way_ends() {
    for (offers, script) in [
        ("S: 250 AUTH PLAIN", "C: AUTH PLAIN…\nS: 334 and?"),
        ("S: 250 AUTH PLAIN", "C: AUTH PLAIN…\nS: 250 ok"),
        ("S: 250 AUTH LOGIN", "C: AUTH LOGIN\nS: 235 welcome already"),
        (
            "S: 250 AUTH LOGIN",
            "C: AUTH LOGIN\nS: 334 a\nC: …\nS: 334 b\nC: …\nS: 334 c",
        ),
        ("S: 250 AUTH LOGIN", "C: AUTH LOGIN\nS: 334 a\nS: 334 b"),
    ] {
        let (session, mut server) = log_in(offers, script).await;
        protocol(&session.err().unwrap(), Stage::Auth);
        let rest = String::from_utf8(server.rest().await).unwrap();
        assert!(rest.is_empty(), "{script}: {rest}");
    }
    let (session, _) = log_in("S: 250 AUTH LOGIN", "C: AUTH LOGIN\nS: 334 a\nC: …\nCLOSE").await;
    let error = session.err().unwrap();
    assert!(matches!(error.trouble, Trouble::Closed), "{error}");
    assert_eq!(error.stage, Stage::Auth);
}
