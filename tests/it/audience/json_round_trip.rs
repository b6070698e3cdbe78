//! Whatever a program writes as JSON comes back, and nothing that is not JSON is taken for it.

use std::io::Write;
use std::process::{Command, Stdio};

use postroom::audience::Row;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::Csv;
use super::json::people;
use crate::world::skip::lacks_python;

/// Any text without NUL.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => "[\"\\\\/\t\r\n a{}\\[\\]:,]{1,3}",
        2 => "\\PC{1,6}",
        1 => any::<char>().prop_map(String::from),
        1 => "[张三丰Ольга😀é\u{2028}\u{feff}\u{85}\u{7f}]{1,3}",
    ];
    prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from), // null, where it is none
        (-1_000_000..1_000_000_i64).prop_map(|cents| json!(cents as f64 / 100.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Map<String, Value>>> {
    let row = prop::collection::btree_map(text(), value(), 0..5);
    prop::collection::vec(row, 0..6).prop_map(|rows| {
        let named = rows.into_iter().enumerate().map(|(at, row)| {
            let mut row: Map<_, _> = row.into_iter().collect();
            row.remove("name");
            row.insert("email".to_owned(), json!(format!("p{at}@example.org")));
            row
        });
        named.collect()
    })
}

/// The rows without what is blank, which they are the same as.
fn assert_equal(read: Vec<Row>, written: &[Map<String, Value>]) {
    assert_eq!(read.len(), written.len());
    for (row, written) in read.into_iter().zip(written) {
        let is_blank = |value: &Value| {
            value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
        };
        let mut written = written.clone();
        written.retain(|_, value| !is_blank(value));
        assert_eq!(row.recipient.unwrap().fields, written);
    }
}

/// Writes what comes as JSON on its standard input anew, in several styles, each before a NUL; the
/// first line of each is the path to its rows.
const PYTHON: &str = r#"
import json, sys
rows = json.load(sys.stdin.buffer)
styles = []
for ascii in (True, False):
    for indent in (None, 0, 2, "\t"):
        for separators in (None, (",", ":"), (" ,\r\n", "\t: ")):
            options = dict(ensure_ascii=ascii, indent=indent, separators=separators)
            styles.append("\n" + json.dumps(rows, **options))
            document = {"a": rows[::-1], "data": {"x": {"people": 1}, "people": rows, "y": rows}}
            document["b"] = document["a"]
            styles.append("data.people\n" + json.dumps(document, **options))
    lines = [json.dumps(row, ensure_ascii=ascii) for row in rows]
    styles.append("\n" + "\n".join(lines))
    styles.append("\n" + "\r\n\r\n".join(lines) + "\r\n")
sys.stdout.buffer.write("\0".join(styles).encode())
"#;

fn python(rows: &[Map<String, Value>]) -> Vec<String> {
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&serde_json::to_vec(rows).unwrap()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let styles = String::from_utf8(output.stdout).unwrap();
    styles.split('\0').map(str::to_owned).collect()
}

/// The list that a style of Python's is.
fn styled(style: &str) -> Csv {
    match style.split_once('\n').unwrap() {
        ("", content) => people(content),
        (rows, content) => people(content).at(rows),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn rows_written_by_pythons_json_module_come_back_equal(rows in rows()) {
        if lacks_python("rows of its json module were not read") {
            return Ok(());
        }
        for style in python(&rows) {
            let is_empty = style.trim().is_empty(); // no object on no line
            if !is_empty {
                assert_equal(styled(&style).rows(), &rows);
            }
        }
    }
}

/// Pieces of JSON and of what is nearly JSON.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(
        &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\"a\"",
            "\"b\":",
            "1",
            "-",
            "0",
            "00",
            ".5",
            "1.5",
            "e",
            "E+1",
            "1e400",
            "-0",
            "true",
            "null",
            "nul",
            "false",
            " ",
            "\n",
            "\r",
            "\t",
            "\\",
            "\\u",
            "\\u00e9",
            "\\ud83d",
            "\\ude00",
            "\\ud83d\\ude00",
            "\\n",
            "\\x",
            "é",
            "😀",
            "NaN",
            "//",
            "'",
            "\u{c}",
            "\u{feff}",
            "\u{7f}",
            "\u{1f}",
        ][..],
    );
    prop::collection::vec(scrap, 0..12).prop_map(|scraps| scraps.concat())
}

/// A sound document, and the same with a piece of it exchanged.
fn documents() -> impl Strategy<Value = String> {
    let place = any::<prop::sample::Index>();
    (value(), any::<bool>(), place, 0..4_usize, scraps()).prop_map(
        |(value, pretty, place, length, scrap)| {
            let array = json!([value]);
            let text = match pretty {
                true => serde_json::to_string_pretty(&array).unwrap(),
                false => array.to_string(),
            };
            let characters: Vec<char> = text.chars().collect();
            let at = place.index(characters.len());
            let (before, after) = characters.split_at(at);
            let after = &after[length.min(after.len())..];
            let (before, after): (String, String) =
                (before.iter().collect(), after.iter().collect());
            format!("{before}{scrap}{after}")
        },
    )
}

/// Whether the list is read to its end; that these few rows have no addresses is found behind it.
fn is_accepted(list: &Csv) -> bool {
    match list.list.read() {
        Ok(mut rows) => rows.all(|row| row.is_ok()),
        Err(error) => error.code() == "missing-column",
    }
}

/// What `serde_json` says, if it is no matter of numbers beyond doubles, which here are texts.
fn says_serde_json(text: &str) -> Option<bool> {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => Some(true),
        Err(error) => (!error.to_string().starts_with("number out of range")).then_some(false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn an_array_is_accepted_if_serde_json_accepts_it(text in prop_oneof![
        scraps().prop_map(|scraps| format!("[{scraps}]")),
        documents(),
    ]) {
        prop_assume!(text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('['));
        if let Some(accepted) = says_serde_json(&text) {
            prop_assert_eq!(is_accepted(&people(&text)), accepted);
        }
        for before in ["\"x\": [], \"p\"", "\"p\": [], \"x\""] {
            let within = format!("{{{before}: {text}}}");
            if let Some(accepted) = says_serde_json(&within) {
                prop_assert_eq!(is_accepted(&people(&within).at("p")), accepted);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_as_json_or_refused(
        head in prop::sample::select(&["", "[", "{\"p\":[", "{\"email\":\"a@example.org\"}\n"][..]),
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:\\ \n0e"[..])], 0..120),
        rows in any::<bool>(),
    ) {
        let list = people([head.as_bytes(), &bytes].concat());
        let list = if rows { list.at("p") } else { list };
        if let Ok(rows) = list.list.read() {
            let line = |row: Row| row.place.line_if_known().unwrap();
            let lines: Vec<_> = rows.flatten().map(line).collect();
            prop_assert!(lines.is_sorted(), "lines only go up");
        }
    }
}
