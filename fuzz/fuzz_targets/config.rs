//! `check` on files that slips went through: `cargo +nightly fuzz run config`.
//!
//! The full example of the tests, with its templates and lists, is edited at random, or a file is
//! nothing but noise. Reading never panics; every mark is within its file's text and splits no
//! character; what is told can be drawn with and without colour, and written as JSON.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use postroom::config::{Problems, glimpse, load};

const FILES: &[&str] = &[
    "postroom.toml",
    "postroom.toml",
    "postroom.toml",
    "templates/digest/body.txt",
    "templates/tidy/body.txt",
    "lists/customers.csv",
    "lists/german.csv",
    "lists/easter.ics",
];
/// Longer noise finds nothing that shorter noise does not.
const LONGEST: usize = 4096;

/// What is put into a file: where, in place of how many bytes, and what.
type Edit<'a> = (u8, u16, u8, &'a [u8]);

fuzz_target!(|input: (bool, Vec<Edit<'_>>)| {
    let (is_noise, edits) = input;
    let originals = originals();
    let mut files: Vec<Vec<u8>> = originals.iter().map(|(_, bytes)| bytes.clone()).collect();
    if is_noise {
        files[0].clear();
    }
    for (file, at, length, with) in edits {
        let name = FILES[usize::from(file) % FILES.len()];
        let index = originals.iter().position(|(path, _)| path.ends_with(name));
        let bytes = &mut files[index.expect("every file has been read")];
        let at = usize::from(at).min(bytes.len());
        let end = (at + usize::from(length)).min(bytes.len());
        bytes.splice(at..end, with.iter().copied().take(LONGEST));
    }
    for ((path, _), bytes) in originals.iter().zip(&files) {
        fs::write(path, bytes).expect("the folder can be written to");
    }
    let _ = glimpse(&originals[0].0);
    match load(&originals[0].0) {
        Ok(loaded) => check(&loaded.problems),
        Err(problems) => {
            assert!(problems.has_errors());
            check(&problems);
        }
    }
});

fn check(problems: &Problems) {
    for problem in problems.iter() {
        assert!(!problem.message.is_empty());
        for place in &problem.places {
            assert!(place.file.text().get(place.span.clone()).is_some(), "{problem:?}");
        }
    }
    let _ = (problems.render(true), problems.render(false));
    let _ = (problems.to_json(), problems.to_string());
}

/// The files that are edited, and what is in them; the configuration is the first.
fn originals() -> &'static [(PathBuf, Vec<u8>)] {
    static FOLDER: OnceLock<Vec<(PathBuf, Vec<u8>)>> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/it/config");
        let name = format!("postroom-fuzz-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        for part in ["templates", "lists", "secrets", "sales"] {
            copy(&tests.join("faults").join(part), &folder.join(part));
        }
        fs::write(folder.join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").expect("it is ours");
        fs::copy(tests.join("full.toml"), folder.join("postroom.toml")).expect("it is there");
        let mut names = FILES.to_vec();
        names.dedup();
        let read = |name: &str| (folder.join(name), fs::read(folder.join(name)).expect("copied"));
        names.into_iter().map(read).collect()
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder for temporary files can be written to");
    for entry in fs::read_dir(from).expect("a folder of the tests") {
        let entry = entry.expect("an entry of it");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("the folder can be written to");
        }
    }
}
