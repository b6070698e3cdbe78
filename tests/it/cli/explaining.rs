//! `explain`, `config schema` and `man`: the manual needs no configuration and no daemon.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    Command::new(env!("CARGO_BIN_EXE_postroom"))
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("POSTROOM_CONFIG")
        .output()
        .unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_manual_is_there_where_nothing_else_is() {
    assert!(said(&["explain", "port"]).contains("example   port = 587"));
    assert!(said(&["explain", "unknown-key"]).contains("form = "));
    assert!(said(&["explain"]).contains("CODES OF PROBLEMS"));
    let json: Value = serde_json::from_str(&said(&["explain", "port", "--json"])).unwrap();
    assert_eq!(json["keys"][0]["key"], "account.*.port");
    assert_eq!(json["keys"][0]["example"], "587");
    let all: Value = serde_json::from_str(&said(&["explain", "--json"])).unwrap();
    for kind in ["keys", "codes", "topics"] {
        assert!(
            all[kind].as_array().is_some_and(|it| it.len() > 3),
            "{kind}"
        );
    }
    let schema: Value = serde_json::from_str(&said(&["config", "schema"])).unwrap();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
}

#[test]
fn a_word_that_means_nothing_is_a_slip_of_the_command_line() {
    let output = run(&["explain", "prot"]);
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("did you mean `port`?"), "{told}");
    let output = run(&["explain", "banana"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`postroom explain` lists them all"), "{told}");
}

#[test]
fn manual_pages_are_written_into_a_folder() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("man5");
    let told = said(&["man", target.to_str().unwrap()]);
    let page = target.join("postroom.toml.5");
    assert_eq!(told.trim(), page.to_str().unwrap());
    assert!(
        fs::read_to_string(page)
            .unwrap()
            .starts_with(".TH POSTROOM.TOML 5")
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = run(&["man", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(73));
}
