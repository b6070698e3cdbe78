//! Every fault that is known by a number has a test that says so.
//!
//! The numbers are those of the list that all this was built against. A1 to A43 are of the process,
//! the disk and the clock: from a kill in the midst of an opening to a log that nobody reads. B1 to
//! B42 are of the wire: from a name that is not found to a host with several addresses. A test that
//! covers one begins its doc comment with it, `/// B6, B22: …`, so that a fault can be looked for,
//! and none is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The last number of each letter.
const LAST: [(char, usize); 2] = [('A', 43), ('B', 42)];

/// Several nodes on one `PostgreSQL`, which there is not yet.
const NOT_BUILT: RangeInclusive<usize> = 24..=28;

type Fault = (char, usize);

/// Faults, and the tests that cover each.
type Covered = BTreeMap<Fault, Vec<String>>;

#[test]
fn every_fault_has_a_test() {
    let mut covered = Covered::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for path in sources(&folder) {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        read(&name, &fs::read_to_string(&path).unwrap(), &mut covered);
    }
    assert_eq!(uncovered(&covered), [], "have no test: {covered:#?}");
    let known: BTreeSet<Fault> = known().collect();
    let unknown = covered.keys().find(|fault| !known.contains(fault));
    assert_eq!(unknown, None, "there is no such fault: {covered:#?}");
}

/// Every fault that can happen to what there is.
fn known() -> impl Iterator<Item = Fault> {
    let all = LAST.into_iter();
    let all = all.flat_map(|(letter, last)| (1..=last).map(move |number| (letter, number)));
    all.filter(|(letter, number)| *letter != 'A' || !NOT_BUILT.contains(number))
}

/// The faults that no test covers.
fn uncovered(covered: &Covered) -> Vec<Fault> {
    known()
        .filter(|fault| !covered.contains_key(fault))
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// Adds what the tests of a file cover.
fn read(name: &str, text: &str, covered: &mut Covered) {
    let mut faults = Vec::new();
    let (mut in_doc, mut is_test) = (false, false);
    for line in text.lines() {
        if let Some(doc) = line.strip_prefix("/// ") {
            if !in_doc {
                faults = numbers(doc);
            }
            in_doc = true;
            continue;
        }
        in_doc = false;
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            continue;
        }
        if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
            let test = rest.split('(').next().unwrap_or_default();
            for fault in faults.drain(..) {
                let tests = covered.entry(fault).or_default();
                tests.push(format!("{name}: {test}"));
            }
        }
        (is_test, faults) = (false, Vec::new());
    }
}

/// `B6, B22: what it is about`.
fn numbers(doc: &str) -> Vec<Fault> {
    let Some((list, _)) = doc.split_once(':') else {
        return Vec::new();
    };
    let numbers = list.split(", ").map(|it| {
        let (letter, _) = LAST
            .into_iter()
            .find(|(letter, _)| it.starts_with(*letter))?;
        Some((letter, it[1..].parse().ok()?))
    });
    numbers.collect::<Option<_>>().unwrap_or_default()
}

#[test]
fn only_a_test_that_begins_with_a_number_covers_it() {
    let covered = |text: &str| {
        let mut covered = Covered::new();
        read("it", text, &mut covered);
        covered.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(
        covered("/// A6, B22: bye.\n#[test]\nfn it() {\n"),
        [('A', 6), ('B', 22)]
    );
    let two_lines =
        "/// B7: one\n/// and two.\n#[tokio::test(start_paused = true)]\nasync fn it() {";
    assert_eq!(covered(two_lines), [('B', 7)]);
    for text in [
        "/// B6: bye.\nfn it() {\n",
        "/// As B6: bye.\n#[test]\nfn it() {\n",
        "/// As before.\n/// B6: bye.\n#[test]\nfn it() {\n",
        "// B6: bye.\n#[test]\nfn it() {\n",
        "/// B6: bye.\nstruct It;\n\n#[test]\nfn it() {\n",
        "/// B6 bye.\n#[test]\nfn it() {\n",
        "/// C6: bye.\n#[test]\nfn it() {\n",
    ] {
        assert_eq!(covered(text), [], "{text}");
    }
    let all_but = |missing| {
        let rest = known().filter(|fault| *fault != missing);
        rest.map(|fault| (fault, Vec::new())).collect()
    };
    for missing in [('A', 17), ('B', 17)] {
        assert_eq!(uncovered(&all_but(missing)), [missing]);
    }
    assert_eq!(uncovered(&all_but(('A', 25))), []);
}
