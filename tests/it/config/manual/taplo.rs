//! The schema in the hands of taplo, which is what editors ask about TOML.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use postroom::config::manual;

use super::schema::examples;
use crate::config::world::{FULL, World};
use crate::world::skip::skip;

/// The package; the program in it calls itself 0.9.0.
const PACKAGE: &str = "@taplo/cli@0.7.0";

#[test]
fn taplo_accepts_the_examples_and_every_key_and_marks_a_misspelt_one() {
    let Some(taplo) = taplo() else { return };
    let world = World::new();
    world.write("schema.json", manual::schema().to_string());
    let full = world.write("full.toml", FULL);
    for file in examples().into_iter().chain([full]) {
        let checked = check(&taplo, &world, &file);
        assert!(
            checked.status.success(),
            "{}\n{}",
            file.display(),
            said(&checked)
        );
    }
    for (good, bad, marked) in [
        ("keep      = ", "kept      = ", "'kept' was unexpected"),
        ("port        = 2525", "port        = 70000", "65535"),
        (
            "overlap        = \"skip\"",
            "overlap        = \"skipp\"",
            "skipp",
        ),
        ("starts = 2026-12-01T09:00:00", "starts = true", "true"),
    ] {
        assert!(FULL.contains(good), "{good}");
        let file = world.write("bad.toml", FULL.replacen(good, bad, 1));
        let checked = check(&taplo, &world, &file);
        assert!(!checked.status.success(), "{bad} is let through");
        assert!(said(&checked).contains(marked), "{}", said(&checked));
    }
}

fn check(taplo: &Path, world: &World, file: &Path) -> Output {
    let schema = format!("file://{}", world.path().join("schema.json").display());
    let mut command = Command::new(taplo);
    command
        .args(["check", "--no-auto-config", "--schema", &schema])
        .arg(file);
    command.output().expect("taplo can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The program, installed for the tests if it is not there.
fn taplo() -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE.replace(['@', '/'], "-"));
    let program = home.join("node_modules/.bin/taplo");
    if !program.exists() {
        fs::create_dir_all(&home).expect("a folder to install to");
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&home)
            .arg(PACKAGE)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !npm.status().is_ok_and(|status| status.success()) || !program.exists() {
            skip(
                "taplo cannot be installed by npm",
                "the schema was not tried in an editor's hands",
            );
            return None;
        }
    }
    Some(program)
}
