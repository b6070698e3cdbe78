//! Every code has a page, and every page is of a code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use postroom::config::{Problems, load, manual};

use crate::config::world::{World, faults};

/// What a code is given to, in the sources: problems, and faults that become problems.
const GIVEN_TO: &[&str] = &[
    "Problem::error(",
    "Problem::warning(",
    "Problem::aside(",
    "TemplateFault::of_file(",
    ".fault(",
];

#[test]
fn every_code_in_the_sources_has_a_page_and_every_page_a_code() {
    let words = words_of_sources();
    let pages: BTreeSet<&str> = manual::codes().map(|it| it.code).collect();
    let given: BTreeSet<&str> = words
        .iter()
        .filter(|it| it.1)
        .map(|it| it.0.as_str())
        .collect();
    let without: Vec<_> = given.difference(&pages).collect();
    assert!(without.is_empty(), "no page explains {without:?}");
    let all: BTreeSet<&str> = words.iter().map(|it| it.0.as_str()).collect();
    let idle: Vec<_> = pages.difference(&all).collect();
    assert!(idle.is_empty(), "nothing gives the codes {idle:?}");
    assert!(given.len() > 60, "only {} codes were found", given.len());
}

/// The quoted words of the sources, and whether each is given to a problem as its code.
fn words_of_sources() -> BTreeSet<(String, bool)> {
    let mut words = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&root) {
        if file.starts_with(root.join("config/manual")) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source");
        let parts: Vec<&str> = text.split('"').collect();
        for pair in parts.windows(2) {
            let (before, word) = (pair[0].trim_end_matches([' ', '\n']), pair[1]);
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !word.is_empty() && word.chars().all(is_word) {
                let given = GIVEN_TO.iter().any(|call| before.ends_with(call));
                words.insert((word.to_owned(), given));
            }
        }
    }
    words
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    let found = paths.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    found.collect()
}

#[test]
fn every_fault_has_a_page() {
    let world = World::new();
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(faults()).expect("the folder of faults") {
        let path = entry.expect("an entry of it").path();
        if path.extension().is_some_and(|it| it == "toml") {
            let bytes = fs::read(&path).expect("a fault");
            let problems: Problems = match load(&world.write("postroom.toml", bytes)) {
                Ok(loaded) => loaded.problems,
                Err(problems) => problems,
            };
            seen.extend(problems.iter().map(|it| it.code));
        }
    }
    for code in &seen {
        let page = manual::codes().find(|it| it.code == *code);
        assert!(page.is_some(), "no page explains {code}");
    }
    assert!(seen.len() > 30);
}

#[test]
fn a_page_has_a_meaning_an_example_and_a_way_out() {
    let mut seen = BTreeSet::new();
    for page in manual::codes() {
        assert!(seen.insert(page.code), "{} has two pages", page.code);
        for text in [page.means, page.mend] {
            assert!(
                text.ends_with('.') || text.ends_with('…'),
                "{}: {text}",
                page.code
            );
        }
        assert!(
            !page.example.is_empty() && page.means.len() < 100,
            "{}",
            page.code
        );
    }
}
