//! `[account.<name>]`: which server, and who we are there.

use std::sync::Arc;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Reception};

use super::stage::{MINUTE, Scenery, Stage, refusal};
use super::toml::{Toml, account, base};
use super::wire::Call;

const ADA: &[&str] = &["ada@example.org"];

/// An account with nothing that says which server.
fn elsewhere(lines: &str) -> Toml {
    let bare = base().without("[account.ops]", "host");
    bare.without("[account.ops]", "tls")
        .with("[account.ops]", lines)
}

/// The first call of a mail to Ada.
async fn call(toml: Toml) -> Call {
    let stage = Stage::new(toml);
    stage.send(ADA, MINUTE).await;
    stage.wire.calls().remove(0)
}

#[tokio::test(start_paused = true)]
pub(super) async fn provider_says_where_the_server_is() {
    for (provider, host, port, tls) in [
        ("gmail", "smtp.gmail.com", 465, true),
        ("office365", "smtp.office365.com", 587, false),
    ] {
        let call = call(elsewhere(&format!("provider = \"{provider}\""))).await;
        assert_eq!((call.host.as_str(), call.port), (host, port));
        assert_eq!(call.begins_with_tls(), tls, "{provider}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn region_says_which_of_its_servers() {
    for (region, host) in [("us", "smtp.mailgun.org"), ("eu", "smtp.eu.mailgun.org")] {
        let lines = format!("provider = \"mailgun\"\nregion = \"{region}\"");
        assert_eq!(call(elsewhere(&lines)).await.host, host);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn host_is_whom_it_calls() {
    for host in ["mx1.example.org", "mx2.example.org"] {
        let call = call(account(&format!("host = \"{host}\""))).await;
        assert_eq!(call.host, host);
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn port_is_where_it_knocks() {
    for port in [25, 2525] {
        let call = call(account(&format!("port = {port}"))).await;
        assert_eq!(call.port, port);
    }
}

/// A server with TLS whose authority is in a file, and the scenery of both.
fn secure() -> (Arc<Reception>, Scenery) {
    let server = Reception::open(&Options::default(), Clock::system()).unwrap();
    let server = Arc::new(server);
    let scenery = Scenery {
        secure: Some(Arc::clone(&server)),
        ..Scenery::with_files(&[("ca.pem", server.ca_pem())])
    };
    (server, scenery)
}

#[tokio::test(start_paused = true)]
pub(super) async fn tls_says_how_the_session_is_encrypted() {
    for (tls, port, first, accepted) in [
        ("implicit", 465, None, 1),
        ("starttls", 587, Some("STARTTLS"), 1),
        ("none", 25, Some("MAIL FROM:<ops@example.org>"), 0),
    ] {
        let (server, scenery) = secure();
        let lines = format!("tls = \"{tls}\"\nca = \"ca.pem\"");
        let stage = Stage::among(scenery, account(&lines));
        stage.send(ADA, MINUTE).await;
        let call = stage.wire.calls().remove(0);
        assert_eq!(call.port, port, "{tls}");
        assert_eq!(call.begins_with_tls(), first.is_none(), "{tls}");
        if let Some(first) = first {
            let said = call.said();
            let second = said.lines().nth(1).unwrap();
            assert!(second.starts_with(first), "{tls}: {said}");
        }
        assert_eq!(server.counts().accepted, accepted, "{tls}: under TLS");
        assert_eq!(stage.states(), ["accepted"], "{tls}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn odd_port_lets_tls_begin_at_once_on_port_587() {
    let toml = |odd: bool| {
        let lines = format!("tls = \"implicit\"\nport = 587\nodd_port = {odd}");
        account(&lines)
    };
    let told = refusal(&toml(false));
    let wanted = "port 587 does not speak TLS from the first byte";
    assert!(told.contains(wanted), "{told}");
    let call = call(toml(true)).await;
    assert_eq!((call.port, call.begins_with_tls()), (587, true));
}

#[tokio::test(start_paused = true)]
pub(super) async fn ca_says_whose_certificates_are_good() {
    let (other, _) = secure();
    for (ca, accepted) in [("ca.pem", 1), ("other.pem", 0)] {
        let (server, scenery) = secure();
        scenery.house.write("other.pem", other.ca_pem());
        let lines = format!("tls = \"implicit\"\nca = \"{ca}\"");
        let stage = Stage::among(scenery, account(&lines));
        stage.send(ADA, MINUTE).await;
        assert_eq!(server.counts().accepted, accepted, "{ca}");
        let trouble = stage.trouble().map(|it| it.text).unwrap_or_default();
        assert_eq!(trouble.contains("certificate"), accepted == 0, "{trouble}");
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn from_is_the_sender_on_the_envelope_and_in_the_letter() {
    for (from, address) in [
        ("Ops <ops@example.org>", "ops@example.org"),
        ("News <news@example.com>", "news@example.com"),
    ] {
        let stage = Stage::new(account(&format!("from = \"{from}\"")));
        stage.send(ADA, MINUTE).await;
        let mail = stage.mails().remove(0);
        assert_eq!(mail.from, address);
        assert_eq!(mail.header("From"), Some(from));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn reply_to_is_where_answers_go() {
    for reply_to in ["desk@example.org", "Help <help@example.org>"] {
        let stage = Stage::new(account(&format!("reply_to = \"{reply_to}\"")));
        stage.send(ADA, MINUTE).await;
        let mail = stage.mails().remove(0);
        assert_eq!(mail.header("Reply-To"), Some(reply_to));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn hello_is_the_name_in_ehlo() {
    for name in ["one.example.org", "two.example.org"] {
        let call = call(account(&format!("hello = \"{name}\""))).await;
        assert!(call.said().starts_with(&format!("EHLO {name}\r\n")));
    }
}

#[tokio::test(start_paused = true)]
pub(super) async fn dsn_is_what_the_server_is_asked_to_report() {
    for (dsn, asked) in [
        ("\"never\"", "NOTIFY=NEVER"),
        ("[\"failure\", \"delay\"]", "NOTIFY=FAILURE,DELAY"),
        ("\"success\"", "NOTIFY=SUCCESS"),
    ] {
        let stage = Stage::new(account(&format!("dsn = {dsn}")));
        stage.send(ADA, MINUTE).await;
        let rcpt = stage.wire.lines("RCPT").remove(0);
        assert!(rcpt.contains(asked), "{rcpt}");
    }
}
