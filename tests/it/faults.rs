//! Every fault of the wire that is known by a number has a test that says so.
//!
//! The numbers B1 to B42 are those of the list that the wire was built against: from a name that is
//! not found to a host with several addresses. A test that covers one begins its doc comment with
//! it, `/// B6, B22: …`, so that a fault can be looked for, and none is forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const LAST: usize = 42;

/// Faults, and the tests that cover each.
type Covered = BTreeMap<usize, Vec<String>>;

#[test]
fn every_fault_of_the_wire_has_a_test() {
    let mut covered = Covered::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for path in sources(&folder) {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        read(&name, &fs::read_to_string(&path).unwrap(), &mut covered);
    }
    assert_eq!(uncovered(&covered), [0; 0], "have no test: {covered:#?}");
    let unknown = covered.keys().find(|fault| !(1..=LAST).contains(*fault));
    assert_eq!(unknown, None, "there is no such fault: {covered:#?}");
}

/// The numbers of the faults that no test covers.
fn uncovered(covered: &Covered) -> Vec<usize> {
    (1..=LAST)
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
fn numbers(doc: &str) -> Vec<usize> {
    let Some((list, _)) = doc.split_once(':') else {
        return Vec::new();
    };
    let numbers = list
        .split(", ")
        .map(|it| it.strip_prefix('B')?.parse().ok());
    numbers.collect::<Option<_>>().unwrap_or_default()
}

#[test]
fn only_a_test_that_begins_with_a_number_covers_it() {
    let covered = |text: &str| {
        let mut covered = Covered::new();
        read("it", text, &mut covered);
        covered.into_keys().collect::<Vec<_>>()
    };
    assert_eq!(covered("/// B6, B22: bye.\n#[test]\nfn it() {\n"), [6, 22]);
    let two_lines =
        "/// B7: one\n/// and two.\n#[tokio::test(start_paused = true)]\nasync fn it() {";
    assert_eq!(covered(two_lines), [7]);
    for text in [
        "/// B6: bye.\nfn it() {\n",
        "/// As B6: bye.\n#[test]\nfn it() {\n",
        "/// As before.\n/// B6: bye.\n#[test]\nfn it() {\n",
        "// B6: bye.\n#[test]\nfn it() {\n",
        "/// B6: bye.\nstruct It;\n\n#[test]\nfn it() {\n",
        "/// B6 bye.\n#[test]\nfn it() {\n",
    ] {
        assert_eq!(covered(text), [0; 0], "{text}");
    }
    let all_but = |missing| {
        let rest = (1..=LAST).filter(|fault| *fault != missing);
        rest.map(|fault| (fault, Vec::new())).collect()
    };
    assert_eq!(uncovered(&all_but(17)), [17]);
}
