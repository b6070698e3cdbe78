//! The reader of JSON lists against any bytes: `cargo +nightly fuzz run json`.
//!
//! It never panics and always ends; lines only go up and never beyond those that there are; nothing
//! comes after an error; a list that was cut off short of its last bracket is never accepted; and
//! an array, however large, is accepted if and only if `serde_json` accepts it, but for numbers
//! beyond doubles, which are texts here, and for what is nested too deep.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use postroom::audience::{JsonFile, List, Source};
use serde_json::{Map, Value};

static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    folder.join(format!("postroom-fuzz-json-{}", std::process::id()))
});

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let rows = ["a", "a.b", "data.people"].get(usize::from(kind % 4));
    let accepted = is_accepted(bytes, rows.copied());
    let bare = bytes.trim_ascii();
    if let (None, Some(b'['), Some(accepted)) = (rows, bare.first(), accepted) {
        judge(bytes, accepted);
        if accepted {
            for end in [bare.len() - 1, bare.len() / 2] {
                assert_ne!(
                    is_accepted(&bare[..end], None),
                    Some(true),
                    "it was cut off"
                );
            }
        }
    }
});

fn judge(bytes: &[u8], accepted: bool) {
    // Form feeds are white space to `trim_ascii` only; a mark, and NUL, are matters of the text.
    match serde_json::from_slice::<Value>(bytes) {
        Ok(_) if depth(bytes) < 100 => assert!(accepted, "serde_json accepts it"),
        Ok(_) => {}
        Err(error) if error.to_string().starts_with("number out of range") => {}
        Err(error) => assert!(!accepted, "serde_json refuses it: {error}"),
    }
}

/// No document is nested deeper than it has opening brackets.
fn depth(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| matches!(byte, b'[' | b'{'))
        .count()
}

/// Whether a list of these bytes is read to its end; nobody knows that if its first hundred rows
/// have no address, and there are more.
fn is_accepted(bytes: &[u8], rows: Option<&str>) -> Option<bool> {
    std::fs::write(&*FILE, bytes).expect("there is room for so little");
    let list = List {
        name: "people".to_owned(),
        source: Source::Json(JsonFile {
            path: FILE.clone(),
            rows: rows.map(|rows| rows.parse().expect("it is a path")),
            encoding: None,
        }),
        address_column: "email".to_owned(),
        name_column: None,
        optional: Vec::new(),
        max_age: None,
        max_change: None,
        fields: Map::new(),
        defaults: Map::new(),
    };
    let mut rows = match list.read() {
        Ok(rows) => rows,
        Err(error) if error.code() == "missing-column" => {
            let brackets = bytes.iter().filter(|byte| **byte == b'{').count();
            return (brackets < 100).then_some(true);
        }
        Err(_) => return Some(false),
    };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let mut last = 1;
    while let Some(row) = rows.next() {
        let Ok(row) = row else {
            assert!(rows.next().is_none(), "a row follows an error");
            return Some(false);
        };
        let line = row.place.line_if_known().expect("a file's row has a line");
        assert!(
            (last..=lines).contains(&line)
                || bytes.starts_with(b"\xff\xfe")
                || bytes.starts_with(b"\xfe\xff")
        );
        last = line;
    }
    Some(true)
}
