//! The laws of the house, held over the text of the sources, because prose rots.
//!
//! The drawing in the head of `src/lib.rs` is the law of floors: it is read from there, so that
//! drawing and law cannot differ. There is no parser here: rustfmt ends an item at the indent that
//! began it, and a `use` says `crate::`. Each law is shown at the end to catch what it is against.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
const MEDIAN_LINES: usize = 200;
const COLUMNS: usize = 100;

/// What tells the time or rolls dice; only the clock may. (`concat!` keeps this file lawful.)
const CLOCKS: [&str; 6] = [
    concat!("SystemTime", "::now"),
    concat!("Instant", "::now"),
    concat!("Timestamp", "::now"),
    concat!("Zoned", "::now"),
    concat!("fast", "rand::"),
    concat!("Ulid", "::new"),
];

/// Rooms that would say nothing about what is in them.
const NOTHING_NAMES: [&str; 8] = [
    "util", "utils", "helper", "helpers", "common", "types", "misc", "shared",
];

/// A source file; paths are relative to the package.
#[derive(Clone)]
struct File {
    path: String,
    text: String,
}

type Rooms = BTreeMap<String, usize>;

#[test]
fn every_room_is_drawn_named_in_the_sentence_and_there() {
    let lib = read("src/lib.rs");
    let entries: BTreeSet<String> = sources("src").iter().filter_map(room).collect();
    assert_lawful(&drawing(&lib, &entries));
}

#[test]
fn rooms_use_lower_floors_only() {
    let rooms = floors(&read("src/lib.rs").text);
    assert_lawful(&against_all(&sources("src"), |file| stairs(file, &rooms)));
}

#[test]
fn files_and_functions_are_of_a_readable_size() {
    let src = sources("src");
    assert_lawful(&against_all(&src, sizes));
    assert_lawful(&against_all(&sources("tests"), sizes));
    let mut lengths: Vec<usize> = src.iter().map(|it| lasting(&it.text).count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median < MEDIAN_LINES, "the median file has {median} lines");
}

#[test]
fn lines_fit() {
    assert_lawful(&against_all(&everything(), columns));
}

#[test]
fn the_clock_alone_knows_the_time() {
    assert_lawful(&against_all(&sources("src"), clocks));
}

#[test]
fn tests_never_wait_for_time_to_pass() {
    assert_lawful(&against_all(&everything(), sleeps));
}

#[test]
fn no_room_has_a_name_that_says_nothing() {
    assert_lawful(&against_all(&everything(), names));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    assert_lawful(&against_all(&everything(), heads));
}

#[test]
fn whatever_is_left_to_do_has_an_issue() {
    assert_lawful(&against_all(&everything(), leftovers));
}

// The laws. Each takes a file and returns a line for every breach.

/// The drawing, the sentence, the modules and the entries of `src/` name the same rooms.
fn drawing(lib: &File, entries: &BTreeSet<String>) -> Vec<String> {
    let drawn: BTreeSet<String> = floors(&lib.text).into_keys().collect();
    let sentence = head(&lib.text);
    let bold: BTreeSet<String> = sentence
        .split("**")
        .skip(1)
        .step_by(2)
        .map(String::from)
        .collect();
    let modules: BTreeSet<String> = lib
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(String::from)
        .collect();
    let mut found = Vec::new();
    let claims = [
        ("sentence", &bold),
        ("modules", &modules),
        ("folder", entries),
    ];
    for (what, said) in claims {
        for room in said.symmetric_difference(&drawn) {
            found.push(format!(
                "{room}: the {what} and the drawing differ about it"
            ));
        }
    }
    found
}

/// A room names only rooms of lower floors, always as `crate::room`, and implements only its own
/// types. Strictly lower, so no cycle is possible.
fn stairs(file: &File, rooms: &Rooms) -> Vec<String> {
    let Some(own) = room(file) else {
        return Vec::new(); // lib.rs and main.rs stand outside
    };
    let mut found = Vec::new();
    let mut foreign = BTreeSet::new();
    for (number, line) in code(&file.text) {
        for (at, path) in line.match_indices("crate::") {
            if line[..at].ends_with(['_', ':']) {
                continue;
            }
            let rest = &line[at + path.len()..];
            let used = word(rest);
            let lower = rooms.get(used) < rooms.get(&own) && rooms.contains_key(used);
            if !lower && used != own {
                found.push(format!("{}:{number}: {own} uses {used}", file.path));
            } else if used != own && line.trim_start().starts_with("use ") {
                foreign.extend(imported(rest).map(String::from));
            }
        }
    }
    for (number, line) in code(&file.text) {
        if let Some(name) = inherent(line).filter(|name| foreign.contains(*name)) {
            let path = &file.path;
            found.push(format!("{path}:{number}: {name} lives in another room"));
        }
        if line.matches("super::").count() > depth(file) && number <= lasting_lines(file) {
            found.push(format!("{}:{number}: leaves the room by super", file.path));
        }
    }
    found
}

/// Functions fit on a screen, files can be read in one go.
fn sizes(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let length = lasting(&file.text).count();
    if length > FILE_LINES {
        found.push(format!("{}: {length} lines", file.path));
    }
    let lines: Vec<&str> = file.text.lines().collect();
    for at in (0..lines.len()).filter(|at| opens(lines[*at])) {
        let length = function_lines(&lines[at..]);
        if length > FUNCTION_LINES && !table_of_cases(file) {
            let name = word(lines[at].split_once("fn ").map_or("", |(_, rest)| rest));
            found.push(format!("{}: `{name}` has {length} lines", file.path));
        }
    }
    found
}

/// rustfmt leaves long texts alone, this does not; a table that asks rustfmt to be left as it is
/// may be as wide as it needs.
fn columns(file: &File) -> Vec<String> {
    let mut table = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        table = line == "#[rustfmt::skip]" || table && line != "];";
        let width = line.chars().count();
        if width > COLUMNS && !table {
            found.push(format!("{}:{number}: {width} columns", file.path));
        }
    }
    found
}

fn clocks(file: &File) -> Vec<String> {
    against_words(file, &CLOCKS, |_| file.path != "src/clock.rs")
}

/// A test polls for what it waits for, with bounded patience, and only in `world/`. Where all tests
/// of a file run in virtual time, waiting costs none and is exact.
fn sleeps(file: &File) -> Vec<String> {
    let first = if file.path.starts_with("src/") {
        lasting_lines(file)
    } else {
        0
    };
    let paused = file.text.contains("(start_paused = true)");
    let virtual_time = paused && !file.text.contains("#[tokio::test]");
    if file.path.starts_with("tests/it/world/") || virtual_time {
        return Vec::new();
    }
    let waits = |line: &str| {
        let call = concat!("sle", "ep(");
        let mut calls = line.match_indices(call);
        calls.any(|(at, _)| {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            !before.is_alphanumeric() && !matches!(before, '.' | '_')
        })
    };
    let lines = code(&file.text).filter(|(number, line)| *number > first && waits(line));
    lines
        .map(|(number, _)| format!("{}:{number}: waits", file.path))
        .collect()
}

fn names(file: &File) -> Vec<String> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    let empty = parts.filter(|part| NOTHING_NAMES.contains(part));
    empty
        .map(|part| format!("{}: `{part}` says nothing", file.path))
        .collect()
}

fn heads(file: &File) -> Vec<String> {
    let says = file.text.starts_with("//! ") || file.path == "src/main.rs";
    let complaint = format!("{}: does not begin with what it is for", file.path);
    if says { Vec::new() } else { vec![complaint] }
}

fn leftovers(file: &File) -> Vec<String> {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let lines = (1..).zip(file.text.lines()).filter(|(_, line)| {
        words
            .iter()
            .flat_map(|word| line.match_indices(word))
            .any(|(at, word)| {
                let rest = line[at + word.len()..].strip_prefix("(#").unwrap_or("");
                !rest.starts_with(|c: char| c.is_ascii_digit())
            })
    });
    lines
        .map(|(number, _)| format!("{}:{number}: left over, without an issue", file.path))
        .collect()
}

// Reading sources.

fn against_all(files: &[File], law: impl Fn(&File) -> Vec<String>) -> Vec<String> {
    files.iter().flat_map(law).collect()
}

fn against_words(file: &File, words: &[&str], forbidden: impl Fn(&str) -> bool) -> Vec<String> {
    let lasting = lasting_lines(file);
    let mut found = Vec::new();
    for (number, line) in code(&file.text).take_while(|(number, _)| *number <= lasting) {
        for word in words.iter().filter(|word| line.contains(**word)) {
            if forbidden(word) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    found
}

#[track_caller]
fn assert_lawful(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn package(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> File {
    let text = fs::read_to_string(package(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let path = path.to_owned();
    File { path, text }
}

fn everything() -> Vec<File> {
    [sources("src"), sources("tests")].concat()
}

/// Every Rust file below a folder; there is at least one.
fn sources(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(package(&folder)).expect("the folder is there") {
            let entry = entry.expect("the folder can be listed");
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.ends_with(".rs") {
                files.push(read(&path));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has no sources");
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The room that a file is in or is.
fn room(file: &File) -> Option<String> {
    let inside = file.path.strip_prefix("src/")?;
    let (entry, _) = inside.split_once('/').unwrap_or((inside, ""));
    let name = entry.trim_end_matches(".rs");
    (!["lib", "main"].contains(&name)).then(|| name.to_owned())
}

/// How many `super::` lead from the file's module to its room.
fn depth(file: &File) -> usize {
    let folders = file.path.matches('/').count() - 1;
    folders - usize::from(file.path.ends_with("/mod.rs"))
}

/// The rooms with their floors, from the drawing: a line for each floor, the number first.
fn floors(lib: &str) -> Rooms {
    let lines = lib.lines().map(|line| line.trim_start_matches("//! "));
    let drawing = lines
        .skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```");
    let mut rooms = Rooms::new();
    for line in drawing {
        let (floor, names) = line.split_once(' ').expect("a floor has rooms");
        let floor = floor.parse().expect("a floor begins with its number");
        rooms.extend(
            names
                .split_whitespace()
                .map(|name| (name.to_owned(), floor)),
        );
    }
    assert!(rooms.len() > 1, "src/lib.rs has no drawing of the floors");
    rooms
}

/// The text before the drawing.
fn head(lib: &str) -> &str {
    lib.split_once("```text").map_or(lib, |(head, _)| head)
}

/// Numbered lines that are not comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The lines before the tests at the end of a file.
fn lasting(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn lasting_lines(file: &File) -> usize {
    lasting(&file.text).count()
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The type names that a `use` brings in.
fn imported(path: &str) -> impl Iterator<Item = &str> {
    path.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|name| name.starts_with(|c: char| c.is_uppercase()))
}

/// The type of an inherent `impl`.
fn inherent(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("impl")?;
    let rest = match rest.strip_prefix('<') {
        Some(generics) => generics.split_once("> ")?.1,
        None => rest.strip_prefix(' ')?,
    };
    (!rest.contains(" for ")).then(|| word(rest))
}

/// How many lines the function at the top has; one without a body has its signature only.
fn function_lines(lines: &[&str]) -> usize {
    let signature = lines
        .iter()
        .position(|line| line.ends_with(['{', ';', '}']));
    let signature = signature.expect("a function's signature ends");
    if !lines[signature].ends_with('{') {
        return signature + 1;
    }
    let indent = lines[0].len() - lines[0].trim_start().len();
    let closing = format!("{}}}", &lines[0][..indent]);
    let body = lines[signature..].iter().position(|line| *line == closing);
    signature + body.expect("rustfmt closes a function at its indent") + 1
}

/// A test may be one long table; what the tests stand on is held like the rest.
fn table_of_cases(file: &File) -> bool {
    file.path.starts_with("tests/") && !file.path.starts_with("tests/it/world/")
}

/// Whether a function begins on this line.
fn opens(line: &str) -> bool {
    let line = line.trim_start();
    let before = line.split_once("fn ").map(|(before, _)| before);
    before.is_some_and(|before| {
        before.split_whitespace().all(|word| {
            ["pub", "const", "async", "unsafe", "extern"].contains(&word)
                || word.starts_with("pub(")
        })
    })
}

/// For each law: what it must catch, and what it must let pass.
mod canaries {
    use super::*;

    const LIB: &str = "//! The **top** uses the **base**.\n//!\n//! ```text\n//! 1  top\n//! \
                       0  base  side\n//! ```\n\npub mod base;\npub mod top;\npub mod side;\n";

    fn file(path: &str, text: &str) -> File {
        let (path, text) = (path.to_owned(), text.to_owned());
        File { path, text }
    }

    fn caught(law: impl Fn(&File) -> Vec<String>, path: &str, text: &str) -> usize {
        law(&file(path, text)).len()
    }

    #[test]
    fn a_room_that_the_sentence_or_the_drawing_forgets_is_caught() {
        let entries = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let lib = file("src/lib.rs", LIB);
        let found = drawing(&lib, &entries(&["base", "side", "top"]));
        assert_eq!(
            found,
            ["side: the sentence and the drawing differ about it"]
        );
        let lib = file(
            "src/lib.rs",
            &LIB.replace("**base**", "**base** and **side**"),
        );
        assert!(drawing(&lib, &entries(&["base", "side", "top"])).is_empty());
        let found = drawing(&lib, &entries(&["attic", "base", "top"]));
        assert_eq!(found.len(), 2, "{found:?}");
        let closed = file("src/lib.rs", &lib.text.replace("pub mod side;\n", ""));
        assert_eq!(
            drawing(&closed, &entries(&["base", "side", "top"])).len(),
            1
        );
    }

    #[test]
    fn a_way_up_sideways_or_out_is_caught() {
        let rooms = floors(LIB);
        let stairs = |path: &str, text: &str| caught(|file| stairs(file, &rooms), path, text);
        assert_eq!(stairs("src/top.rs", "use crate::base::Stone;\n"), 0);
        assert_eq!(stairs("src/top/mod.rs", "use crate::top::Own;\n"), 0);
        assert_eq!(stairs("src/top.rs", "/// See [`crate::nowhere`].\n"), 0);
        assert_eq!(stairs("src/lib.rs", "use crate::top::X;\n"), 0);
        assert_eq!(stairs("src/base/mod.rs", "use crate::top::Roof;\n"), 1);
        assert_eq!(stairs("src/base/a.rs", "    crate::side::go();\n"), 1);
        assert_eq!(stairs("src/top.rs", "use crate::{base, side};\n"), 1);
        assert_eq!(stairs("src/top/a.rs", "use super::b;\n"), 0);
        assert_eq!(stairs("src/top/a.rs", "use super::super::base;\n"), 1);
        assert_eq!(stairs("src/top/mod.rs", "use super::base;\n"), 1);
        let knot = "use crate::base::{Other, Stone};\n\nimpl<'a> Stone<'a> {\n";
        assert_eq!(stairs("src/top.rs", knot), 1);
        let trait_for = "use crate::base::Stone;\n\nimpl Own for Stone {\n";
        assert_eq!(stairs("src/top.rs", trait_for), 0);
    }

    #[test]
    fn what_is_too_long_is_caught() {
        let long = |lines: usize| "    x();\n".repeat(lines);
        let function = |lines| format!("pub(crate) async fn f(\n) {{\n{}}}\n", long(lines));
        assert_eq!(caught(sizes, "src/a.rs", &function(67)), 0);
        assert_eq!(caught(sizes, "src/a.rs", &function(68)), 1);
        let nested = format!("    fn g() {{\n    {}    }}\n", long(80));
        assert_eq!(caught(sizes, "src/a.rs", &nested), 1);
        assert_eq!(caught(sizes, "tests/it/world/a.rs", &nested), 1);
        assert_eq!(caught(sizes, "tests/it/a.rs", &nested), 0);
        let short = format!("fn a() {{}}\nfn b();\nfn c(\n);\n{}", long(90));
        assert_eq!(caught(sizes, "src/a.rs", &short), 0);
        assert_eq!(caught(sizes, "src/a.rs", &long(601)), 1);
        let tested = format!("{}#[cfg(test)]\n{}", long(300), long(400));
        assert_eq!(caught(sizes, "src/a.rs", &tested), 0);
    }

    #[test]
    fn what_is_too_wide_is_caught() {
        let wide = format!("{}\n", "宽".repeat(101));
        assert_eq!(caught(columns, "a.rs", &wide), 1);
        assert_eq!(caught(columns, "a.rs", &"宽".repeat(100)), 0);
        let table = format!("#[rustfmt::skip]\nstatic T: &[X] = &[\n{wide}];\n");
        assert_eq!(caught(columns, "a.rs", &table), 0);
        assert_eq!(caught(columns, "a.rs", &format!("{table}{wide}")), 1);
    }

    #[test]
    fn a_second_clock_is_caught() {
        for word in CLOCKS {
            let text = format!("let x = {word}();\n");
            assert_eq!(caught(clocks, "src/plan/a.rs", &text), 1, "{word}");
            assert_eq!(caught(clocks, "src/clock.rs", &text), 0, "{word}");
            let tested = format!("#[cfg(test)]\nmod tests {{\n    {text}}}\n");
            assert_eq!(caught(clocks, "src/plan/a.rs", &tested), 0, "{word}");
        }
    }

    #[test]
    fn a_test_that_waits_is_caught() {
        for path in ["std::thread::", "tokio::time::", "time::", ""] {
            let text = format!("    {path}{}ONE);\n", concat!("sle", "ep("));
            assert_eq!(caught(sleeps, "tests/it/a.rs", &text), 1, "{text}");
            assert_eq!(caught(sleeps, "tests/it/world/a.rs", &text), 0);
            assert_eq!(caught(sleeps, "src/a.rs", &text), 0);
            let tested = format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
            assert_eq!(caught(sleeps, "src/a.rs", &tested), 1);
        }
        let clock = concat!("clock.sle", "ep(ONE).await;");
        assert_eq!(caught(sleeps, "tests/it/a.rs", clock), 0);
        let wait = concat!("time::sle", "ep(ONE).await;\n");
        let paused = format!("#[tokio::test(start_paused = true)]\n{wait}");
        assert_eq!(caught(sleeps, "tests/it/a.rs", &paused), 0);
        let mixed = format!("{paused}#[tokio::test]\n");
        assert_eq!(caught(sleeps, "tests/it/a.rs", &mixed), 1);
    }

    #[test]
    fn other_breaches_are_caught() {
        assert_eq!(caught(names, "src/deliver/helpers.rs", ""), 1);
        assert_eq!(caught(names, "tests/it/utils/a.rs", ""), 1);
        assert_eq!(caught(names, "src/deliver/letter.rs", ""), 0);
        assert_eq!(caught(heads, "src/a.rs", "use std::fs;\n"), 1);
        assert_eq!(caught(heads, "src/a.rs", "//! The a.\n"), 0);
        let left = |rest: &str| format!("// {}{rest}\n", concat!("TO", "DO"));
        assert_eq!(caught(leftovers, "src/a.rs", &left(": later")), 1);
        assert_eq!(caught(leftovers, "src/a.rs", &left("(#): later")), 1);
        assert_eq!(caught(leftovers, "src/a.rs", &left("(#12): later")), 0);
    }
}
