//! One file per fault, named after it; beside it the message, as a person reads it (`.txt`) and as
//! a program does (`.json`).
//!
//! `UPDATE_EXPECTED=1 cargo test` writes the messages anew; read the difference before you keep it.

use std::fs;
use std::path::PathBuf;

use postroom::config::{Problems, Scope, load};

use super::world::{World, faults, set_mode};

fn fault_files() -> Vec<String> {
    let files = fs::read_dir(faults()).expect("the folder of faults");
    let mut names: Vec<_> = files
        .map(|entry| entry.expect("an entry of it").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert!(
        names.len() > 60,
        "the faults are where this test looks for them"
    );
    names
}

/// Puts a fault into the world, under its own name.
fn put(world: &World, name: &str) -> PathBuf {
    let bytes = fs::read(faults().join(name)).expect("there is such a fault");
    let file = world.write(name, bytes);
    if name.ends_with("-readable-by-all.toml") {
        set_mode(&file, 0o644);
    }
    file
}

fn problems(world: &World, name: &str) -> Problems {
    match load(&put(world, name)) {
        Ok(loaded) => loaded.problems,
        Err(problems) => problems,
    }
}

#[test]
fn every_fault_is_told_in_the_words_beside_it() {
    let world = World::new();
    let mut differing = Vec::new();
    for file in fault_files() {
        let problems = problems(&world, &file);
        let text = problems.render(false);
        let json = serde_json::to_string_pretty(&problems.to_json()).unwrap();
        for (told, extension) in [(text, "txt"), (json, "json")] {
            let told = world.redact(&told) + "\n";
            let expected = faults().join(&file).with_extension(extension);
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                fs::write(&expected, &told).unwrap();
            }
            let wanted = fs::read_to_string(&expected).unwrap_or_default();
            if told != wanted {
                differing.push(format!("{file}\n--- told\n{told}\n--- wanted\n{wanted}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_fault_is_found_as_an_error_or_a_warning() {
    let world = World::new();
    for file in fault_files() {
        assert!(
            !problems(&world, &file).is_empty(),
            "{file} is taken for good"
        );
    }
}

#[test]
fn what_may_be_there_the_next_time_stops_nothing_else() {
    let world = World::new();
    for name in [
        "list-file-missing",
        "secret-missing",
        "secret-exposed",
        "missing-column",
        "missing-field",
    ] {
        let file = put(&world, &format!("{name}.toml"));
        let loaded = load(&file).unwrap_or_else(|it| panic!("{name}: {it}"));
        assert!(loaded.problems.has_errors(), "{name}: check does not fail");
        assert!(
            loaded.problems.iter().all(|it| it.scope == Scope::Data),
            "{name}"
        );
        assert!(loaded.config.schedules.contains_key("weekly"), "{name}");
        assert!(loaded.config.accounts.contains_key("main"), "{name}");
    }
    for name in [
        "unknown-key",
        "unknown-list",
        "wrong-type-number-in-quotes",
        "bad-address",
    ] {
        let file = put(&world, &format!("{name}.toml"));
        assert!(load(&file).is_err(), "{name} is let through");
    }
}

#[test]
fn a_template_that_does_not_compile_is_shown_where_it_is_wrong() {
    let world = World::new();
    world.write(
        "templates/digest/body.txt",
        "Hello {{#if plan}}\n  x\n{{/each}}\n",
    );
    let told = problems(&world, "unused.toml").render(false);
    assert!(told.contains("templates/digest/body.txt:3:"), "{told}");
    assert!(told.contains("opened here"), "{told}");
}

#[test]
fn programs_read_the_same_as_people() {
    let world = World::new();
    let json = problems(&world, "unknown-account.toml").to_json();
    let problem = &json[0];
    assert_eq!(problem["code"], "unknown-name");
    assert_eq!(problem["severity"], "error");
    assert_eq!(problem["message"], "no account is called `mian`");
    assert_eq!(
        (&problem["line"], &problem["column"]),
        (&11.into(), &8.into())
    );
    assert_eq!(
        (&problem["end_line"], &problem["end_column"]),
        (&11.into(), &14.into())
    );
    assert_eq!(problem["key"], "schedule.weekly.via");
    assert_eq!(problem["suggestion"], "main");
    assert_eq!(problem["related"][0]["line"], 1);
    let short = problems(&world, "unknown-account.toml").to_string();
    let wanted = "unknown-account.toml:11:8: error[unknown-name]: no account is called `mian`\n";
    assert!(short.ends_with(wanted), "{short}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let world = World::new();
    let problems = load(&world.path().join("nowhere.toml")).expect_err("there is no such file");
    let told = world.redact(&problems.render(false));
    let wanted = "error[file-missing]: the configuration cannot be read: no such file\n\
                  --> /etc/postroom/nowhere.toml\n\nnowhere.toml: 1 error";
    assert_eq!(told, wanted);
}
