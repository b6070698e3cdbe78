//! `postroom account dkim`, and what comes of the keys that it makes: through the real binary.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{python_with_dkimpy, rsa, verify};
use crate::world::letter;
use crate::world::postfix::Postfix;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const LIST: &str = "email,name,city,number,note\n\
                    ada@example.org,Ada,Köln,1,\"Two  spaces, \nand a line.\"\n";

fn mails(maildir: &Path) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(maildir.join("new")).into_iter().flatten();
    files
        .map(|it| std::fs::read(it.unwrap().path()).unwrap())
        .collect()
}

/// Makes keys, writes them into the configuration as it was told to, and answers DNS.
fn with_keys(workspace: &Workspace) -> BTreeMap<String, String> {
    let made: Value = workspace.json(&["account", "dkim", "main"]);
    let config = std::fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let heading = "[account.main]\n";
    let lines = made["configuration"].as_str().unwrap();
    let config = config.replacen(heading, &format!("{heading}{lines}\n"), 1);
    workspace.write("postroom.toml", config);
    let keys = made["keys"].as_array().unwrap().iter();
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    keys.map(|key| (text(&key["name"]), text(&key["value"])))
        .collect()
}

fn workspace(account: &str) -> Workspace {
    let workspace = letter::workspace(account, "", LIST);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

/// What arrives is signed by both keys that were made, and nothing that was written or printed on
/// the way holds one of them.
#[test]
fn keys_that_were_made_sign_all_that_leaves() {
    const UNTRIED: &str = "no key was made and used";
    let (Some(_), Some(python)) = (rsa(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let catcher = Catcher::keeping(Duration::ZERO);
    let workspace = workspace(&catcher.account());
    let records = with_keys(&workspace);
    let daemon = workspace.daemon();
    let sent = workspace.said(&["send", "letters", "--yes"]);
    letter::ended(&workspace);
    let tested = workspace.said(&["account", "test", "main", "--send-to", "bo@example.org"]);
    let mails = mails(&catcher.maildir());
    assert_eq!(mails.len(), 2);
    assert_eq!(verify(python, &records, &mails), vec![vec![true; 2]; 2]);
    let why = workspace.postroom(&["why", "ada@example.org", "--eml", &run(&workspace)]);
    let why = { why }.output().unwrap();
    assert!(
        why.status.success(),
        "{}",
        String::from_utf8_lossy(&why.stderr)
    );
    let letters: Vec<_> = mails
        .iter()
        .filter(|it| contains(it, b"Dear Ada"))
        .collect();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].ends_with(&why.stdout), "shown as it left");
    let preview = workspace.said(&["preview", "letters", "--eml"]);
    assert_eq!(
        verify(python, &records, &[preview.into_bytes()]),
        [[true; 2]]
    );
    let shown = workspace.said(&["config", "show"]);
    let log = daemon.log();
    assert!(daemon.stop().success());
    let said = [sent, tested, shown, log].concat();
    is_nowhere(&workspace, &said);
}

fn run(workspace: &Workspace) -> String {
    let reader = workspace.reader().unwrap();
    crate::world::history::newest(&reader, "letters")
        .unwrap()
        .id
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(text, wanted).is_some()
}

/// No line of a private key is in what was said, or in any file but its own.
fn is_nowhere(workspace: &Workspace, said: &str) {
    let secrets = workspace.path("secrets");
    let keys = std::fs::read_dir(&secrets)
        .unwrap()
        .map(|it| it.unwrap().path());
    let texts: Vec<String> = keys
        .map(|it| std::fs::read_to_string(it).unwrap())
        .collect();
    assert_eq!(texts.len(), 2);
    let lines: Vec<&str> = texts
        .iter()
        .flat_map(|it| it.lines())
        .filter(|it| !it.starts_with('-'))
        .collect();
    assert!(lines.len() > 20);
    let state = std::fs::read_dir(workspace.path("state")).unwrap();
    let files = state.map(|it| it.unwrap().path()).filter(|it| it.is_file());
    let kept: Vec<Vec<u8>> = files.map(|it| std::fs::read(it).unwrap()).collect();
    for line in lines {
        assert!(!said.contains(line), "said");
        assert!(!kept.iter().any(|it| contains(it, line.as_bytes())), "kept");
    }
}

#[test]
fn keys_that_are_there_stay_and_are_told_again() {
    if rsa("no key was made twice").is_none() {
        return;
    }
    let workspace = workspace("tls = \"none\"");
    let first: Value = workspace.json(&["account", "dkim", "main"]);
    let made = |told: &Value| -> Vec<bool> {
        let keys = told["keys"].as_array().unwrap().iter();
        keys.map(|it| it["made"].as_bool().unwrap()).collect()
    };
    assert_eq!(made(&first), [true, true]);
    for key in first["keys"].as_array().unwrap() {
        let mode = std::fs::metadata(key["file"].as_str().unwrap())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
    }
    let again: Value = workspace.json(&["account", "dkim", "main"]);
    assert_eq!(made(&again), [false, false]);
    let public = |told: &Value| {
        told["keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["value"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(public(&again), public(&first));
    with_keys(&workspace);
    let configured: Value = workspace.json(&["account", "dkim", "main"]);
    assert_eq!(public(&configured), public(&first));
    let other: Value = workspace.json(&[
        "account",
        "dkim",
        "main",
        "--selector",
        "next",
        "--ed25519-only",
    ]);
    assert_eq!(other["keys"][0]["name"], "next-ed._domainkey.example.org");
    assert_eq!(other["keys"].as_array().unwrap().len(), 1);
    let said = workspace.said(&["account", "dkim", "main"]);
    let strings: Vec<&str> = said.split('"').collect();
    assert!(
        strings
            .iter()
            .all(|it| it.len() <= 255 || it.contains("v=DKIM1")),
        "{said}"
    );
}

#[test]
fn without_openssl_there_is_an_ed25519_key_and_a_word_about_it() {
    let workspace = workspace("tls = \"none\"");
    let run = |more: &[&str]| {
        let mut command = workspace.postroom(&[&["account", "dkim", "main"], more].concat());
        command.env("PATH", "/nonexistent").output().unwrap()
    };
    let only = run(&["--rsa-only"]);
    let told = String::from_utf8_lossy(&only.stderr).into_owned();
    assert!(!only.status.success() && told.contains("openssl"), "{told}");
    let both = run(&[]);
    let told = String::from_utf8_lossy(&both.stderr).into_owned();
    assert!(both.status.success() && told.contains("openssl"), "{told}");
    let said = String::from_utf8_lossy(&both.stdout).into_owned();
    assert!(
        said.contains("k=ed25519") && !said.contains("k=rsa"),
        "{said}"
    );
}

#[test]
fn a_real_server_on_the_way_breaks_no_signature() {
    const UNTRIED: &str = "no signature went through Postfix";
    let (Some(_), Some(python)) = (rsa(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let Some(postfix) = Postfix::start(UNTRIED) else {
        return;
    };
    let account = format!("port = {}\nca = {:?}", postfix.smtps, postfix.ca());
    let workspace = workspace(&account);
    let records = with_keys(&workspace);
    let daemon = workspace.daemon();
    workspace.said(&["send", "letters", "--yes"]);
    letter::ended(&workspace);
    postfix.settle();
    let mails = mails(&postfix.maildir());
    assert_eq!(mails.len(), 1);
    let wire: Vec<Vec<u8>> = mails
        .iter()
        .map(|it| {
            String::from_utf8_lossy(it)
                .replace('\n', "\r\n")
                .into_bytes()
        })
        .collect();
    assert_eq!(verify(python, &records, &wire), [[true; 2]]);
    assert!(daemon.stop().success());
}
