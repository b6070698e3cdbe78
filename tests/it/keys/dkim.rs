//! `account.*.dkim`: what stands in the signatures.

use super::stage::{MINUTE, Scenery, Stage};
use super::toml::account;
use crate::dkim::SEED;

/// The signature of a message, without its line ends and spaces.
async fn signature(lines: &str) -> String {
    let scenery = Scenery::with_files(&[("one", SEED), ("two", &SEED.replace("nWGx", "nWGy"))]);
    let stage = Stage::among(scenery, account(lines));
    stage.send(&["ada@example.org"], MINUTE).await;
    assert_eq!(stage.states(), ["accepted"]);
    let text = stage
        .mails()
        .remove(0)
        .text
        .replace("\r\n ", "")
        .replace(' ', "");
    let line = text.lines().find(|it| it.starts_with("DKIM-Signature:"));
    line.unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
pub(super) async fn selector_is_the_name_of_the_key_in_dns() {
    for selector in ["pr1", "pr2.news"] {
        let lines = format!("dkim = {{ selector = \"{selector}\", key = {{ file = \"one\" }} }}");
        let signature = signature(&lines).await;
        assert!(
            signature.contains(&format!(";s={selector};")),
            "{signature}"
        );
    }
    assert_eq!(signature("").await, "", "nobody signs");
}

#[tokio::test(start_paused = true)]
pub(super) async fn key_is_what_signs() {
    let of = |file| format!("dkim = [{{ selector = \"pr1\", key = {{ file = \"{file}\" }} }}]");
    let signature_of = |text: String| text.split_once("b=").unwrap().1.to_owned();
    let (one, two) = (signature(&of("one")).await, signature(&of("two")).await);
    assert!(one.contains("a=ed25519-sha256") && two.contains("a=ed25519-sha256"));
    assert_ne!(signature_of(one), signature_of(two));
}

#[tokio::test(start_paused = true)]
pub(super) async fn domain_is_who_signs() {
    for (domain, wanted) in [
        ("", "example.org"),
        ("domain = \"Example.com\"", "example.com"),
        ("domain = \"Bücher.example\"", "xn--bcher-kva.example"),
    ] {
        let lines =
            format!("[account.ops.dkim]\nselector = \"a\"\nkey = {{ file = \"one\" }}\n{domain}");
        let signature = signature(&lines).await;
        assert!(signature.contains(&format!(";d={wanted};")), "{signature}");
    }
}
