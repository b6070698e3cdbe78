//! `postroom check --spam`, with Debian's SpamAssassin: it is asked about every template that comes
//! along, in each language that there is, with and without an attachment.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::world::skip::skip;
use crate::world::workspace::Workspace;

/// What says nothing against a message: SpamAssassin gives it a thousandth.
const NOTHING: f64 = 0.01;

fn is_missing() -> bool {
    let missing = !Path::new("/usr/bin/spamassassin").exists();
    if missing {
        skip("SpamAssassin is not installed", "check --spam");
    }
    missing
}

/// The example with all templates that come along.
fn letters() -> Workspace {
    let workspace = Workspace::new("");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/letters");
    copy(&example, &workspace.path(""));
    let config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    workspace.write("postroom.toml", config.replace("\nca ", "\n# ca "));
    workspace.write("secrets/unsubscribe", "0123456789abcdef0123456789abcdef\n");
    let secret = workspace.path("secrets/unsubscribe");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    workspace
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

fn check(workspace: &Workspace, more: &[&str]) -> (Output, String) {
    let output = workspace
        .postroom(&[&["check", "--spam"], more].concat())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    (output, said)
}

#[test]
fn nothing_is_said_against_the_templates_that_come_along() {
    if is_missing() {
        return;
    }
    let answer: Value = letters().json(&["check", "--spam"]);
    let judged = answer["spam"].as_array().unwrap();
    let mut seen = Vec::new();
    for verdict in judged {
        let rules = verdict["rules"]
            .as_array()
            .unwrap_or_else(|| panic!("{verdict}"));
        assert!(rules.len() >= 3, "it looked: {verdict}");
        for rule in rules {
            assert!(rule["points"].as_f64().unwrap() < NOTHING, "{verdict}");
        }
        let word = |key: &str| verdict[key].as_str().unwrap().to_owned();
        seen.push(format!("{} {}", word("schedule"), word("language")));
    }
    assert_eq!(
        seen,
        [
            "disk-full de",
            "disk-full en",
            "disk-full zh",
            "letter de",
            "letter en",
            "letter zh",
            "power-cut ar",
            "power-cut de",
            "power-cut en",
            "power-cut zh",
            "shop-report de",
            "shop-report en",
            "shop-report zh",
        ]
    );
}

#[test]
fn what_looks_like_spam_is_told_rule_by_rule() {
    if is_missing() {
        return;
    }
    let workspace = letters();
    workspace.write(
        "templates/alert/subject.txt",
        "BUY NOW!!! FREE MONEY {{what}}\n",
    );
    workspace.write(
        "templates/alert/body.html",
        "<p>viagra, click <a href=\"http://1.2.3.4/x\">here</a></p>",
    );
    let (output, said) = check(&workspace, &[]);
    assert!(said.contains("warning[spam-score]"), "{said}");
    assert!(said.contains("DRUGS_ERECTILE"), "{said}");
    assert_eq!(output.status.code(), Some(0));
    let (strict, _) = check(&workspace, &["--strict"]);
    assert_ne!(strict.status.code(), Some(0));
}

#[test]
fn without_a_spamassassin_it_says_how_to_get_one() {
    let workspace = letters();
    let mut command = workspace.postroom(&["check", "--spam"]);
    let output = command
        .env("PATH", workspace.path("nowhere"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("apt install spamassassin"), "{words}");
}
