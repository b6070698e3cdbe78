//! JSON files that are good: arrays, arrays within documents, and one object a line.

use postroom::audience::{AddressFault, JsonFile, Row, RowFault, Source};
use serde_json::{Value, json};

use super::{Csv, list};

/// A list of this content, as JSON.
pub(super) fn people(content: impl AsRef<[u8]>) -> Csv {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("people.json");
    std::fs::write(&path, content).unwrap();
    let mut list = list(&path);
    list.source = Source::Json(JsonFile {
        path,
        rows: None,
        encoding: None,
    });
    Csv { list, folder }
}

impl Csv {
    /// The same, with the people where `rows` says.
    pub(super) fn at(self, rows: &str) -> Self {
        self.with(|list| match &mut list.source {
            Source::Json(file) => file.rows = Some(rows.parse().unwrap()),
            other => panic!("{other:?}"),
        })
    }
}

/// The lines and the fields of these rows, all of them good.
fn read(rows: Vec<Row>) -> Vec<(u64, Value)> {
    let read = rows.into_iter().map(|row| {
        (
            row.place.line_if_known().unwrap(),
            Value::Object(row.recipient.unwrap().fields),
        )
    });
    read.collect()
}

#[test]
fn an_array_lines_and_a_document_are_the_same_people() {
    let expected = [
        json!({ "email": "ada@example.org", "name": "Ada", "seats": 3 }),
        json!({ "email": "bo@example.org", "tags": ["a", { "b": null }], "ok": true }),
    ];
    let ada = r#"{"email": "ada@EXAMPLE.org", "name": "Ada", "seats": 3, "note": null}"#;
    let bo = r#"{"tags":["a",{"b":null}],"ok":true,"note":" ","email":"bo@example.org"}"#;
    let cases = [
        (format!("[{ada},\n{bo}]"), None, [1, 2]),
        (
            format!("\n [\r\n{ada}\r\n,\r\n\r\n{bo}\r\n]\r\n\r\n"),
            None,
            [3, 6],
        ),
        (format!("{ada}\n{bo}"), None, [1, 2]),
        (format!("\n  {ada}\r\n \t\r\n{bo}\r\n\r\n"), None, [2, 4]),
        (
            format!("{{\"rows\": [{ada}\n,{bo}]}}"),
            Some("rows"),
            [1, 2],
        ),
        (
            format!(
                "{{\n\"x\": {{\"people\": [{{\"no\": 1}}]}}, \"data\": {{\n \"n\": [[1e999, 2]], \
                 \"people\":\n[{ada},{bo}], \"end\": \"\\ud83d\\ude00\"}},\n\"y\": -0.0e-7}}"
            ),
            Some("data.people"),
            [4, 4],
        ),
    ];
    for (content, rows, lines) in cases {
        let mut list = people(&content);
        if let Some(rows) = rows {
            list = list.at(rows);
        }
        let read = read(list.rows());
        let (found, fields): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        assert_eq!(fields, expected, "{content}");
        assert_eq!(found, lines, "{content}");
    }
}

#[test]
fn an_array_of_nobody_is_a_list_that_cannot_tell_its_columns() {
    for (content, rows) in [
        ("[]", None),
        (" [ \n ] ", None),
        ("{\"a\": [], \"b\": 1}", Some("a")),
    ] {
        let list = people(content);
        let list = match rows {
            Some(rows) => list.at(rows),
            None => list,
        };
        assert_eq!(list.rows(), []);
        assert!(!list.list.read().unwrap().tells_columns());
    }
    assert!(
        people(r#"[{"email":""}]"#)
            .list
            .read()
            .unwrap()
            .tells_columns()
    );
}

#[test]
fn marks_and_encodings_are_those_of_any_list() {
    let text = r#"[{"email": "li@example.org", "name": "李雷"}]"#;
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let gb = encoding_rs::GB18030.encode(text).0;
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let mut lists = vec![people(text), people(marked), people(utf16), people(gb)];
    match &mut lists[3].list.source {
        Source::Json(file) => file.encoding = Some(encoding_rs::GB18030),
        other => panic!("{other:?}"),
    }
    for list in lists {
        assert_eq!(list.people()[0].mailbox.name.as_deref(), Some("李雷"));
    }
}

#[test]
fn the_columns_are_the_keys_of_the_first_hundred_rows_and_what_the_configuration_adds() {
    let mut rows: Vec<_> = (0..101)
        .map(|at| format!("{{\"email\": \"p{at}@example.org\"}}"))
        .collect();
    rows[99] = r#"{"late": 1, "email": "a@example.org", "name": null}"#.to_owned();
    rows[100] = r#"{"too_late": 1, "email": "b@example.org"}"#.to_owned();
    let list = people(format!("[{}]", rows.join("\n,"))).with(|list| {
        list.optional = vec!["title".to_owned(), "late".to_owned()];
        list.fields.insert("team".to_owned(), json!("ops"));
        list.defaults.insert("plan".to_owned(), json!("free"));
    });
    let columns = ["email", "late", "name", "team", "plan", "title"];
    assert_eq!(list.list.columns().unwrap(), columns);
    assert_eq!(list.rows().len(), 101);
    assert_eq!(list.people()[100].fields["too_late"], 1);
    let named = people(r#"[{"email": "Ada <ada@example.org>"}]"#);
    assert_eq!(named.list.columns().unwrap(), ["email", "name"]);
}

#[test]
fn a_row_that_is_nobody_is_a_bad_row_with_its_line() {
    let list = people(
        r#"[{"email": "ada@example.org"},
        7, "bo@example.org", null,
        [{"email": "cy@example.org"}],
        {}, {"name": "Dee"}, {"email": null},
        {"email": 5},
        {"email": ["a@example.org"]},
        {"email": "ed@example.org", "name": 7},
        {"email": "fay@example.org", "x": ["\u0000"]},
        {"email": "gus@example.org", "\u0000": 1},
        {"email": "hal@example.org",
         "email": "ida@example.org"},
        {"email": "jo@example.org", "x": [{"y": 1, "z": 2, "y": 1}]},
        {"email": "Kim"},
        {"email": "lou@example.org", "name": "Lou\r\nBcc: x@example.org"},
        {"email": "max@example.org"}]"#,
    );
    let faults: Vec<_> = list
        .rows()
        .into_iter()
        .map(|row| (row.place.line_if_known().unwrap(), row.recipient.err()))
        .collect();
    let line_break = |fault: &Option<RowFault>| {
        matches!(fault, Some(RowFault::Address(AddressFault::LineBreak(_))))
    };
    assert!(line_break(&faults[16].1));
    let empty = || Some(RowFault::Address(AddressFault::Empty));
    let nul = |key: &str| Some(RowFault::Nul(key.to_owned()));
    let twice = |key: &str| Some(RowFault::Twice(key.to_owned()));
    let expected = [
        (1, None),
        (2, Some(RowFault::NotAnObject)),
        (2, Some(RowFault::NotAnObject)),
        (2, Some(RowFault::NotAnObject)),
        (3, Some(RowFault::NotAnObject)),
        (4, empty()),
        (4, empty()),
        (4, empty()),
        (5, Some(RowFault::AddressNotText)),
        (6, Some(RowFault::AddressNotText)),
        (7, Some(RowFault::NameNotText)),
        (8, nul("x")),
        (9, nul("\u{fffd}")),
        (10, twice("email")),
        (12, twice("y")),
        (13, Some(RowFault::Address(AddressFault::NoAt))),
    ];
    assert_eq!(faults[..16], expected);
    assert_eq!(faults[17], (15, None));
}

#[test]
fn a_number_keeps_its_digits_or_is_text_with_all_of_them() {
    let numbers = [
        ("0", json!(0)),
        ("-0", json!(-0.0)),
        ("3", json!(3)),
        ("0.1", json!(0.1)),
        ("12.50", json!(12.5)),
        ("1e2", json!(100.0)),
        ("-1.5E-3", json!(-0.0015)),
        ("9223372036854775807", json!(i64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        (
            "12345678901234567890",
            json!(12_345_678_901_234_567_890_u64),
        ),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!("18446744073709551616")),
        ("100000000000000000000", json!(1e20)),
        ("0.30000000000000004", json!(0.1 + 0.2)),
        (
            "0.1000000000000000055511151231257827",
            json!("0.1000000000000000055511151231257827"),
        ),
        ("1e400", json!("1e400")),
        ("-1E+400", json!("-1E+400")),
        ("1e-400", json!("1e-400")),
        ("0e-99999999999999999999", json!(0.0)),
        ("1e99999999999999999999", json!("1e99999999999999999999")),
        ("1.7976931348623157e308", json!(f64::MAX)),
        ("5e-324", json!(5e-324)),
    ];
    let rows = numbers
        .iter()
        .map(|(number, _)| format!("{{\"email\": \"a@example.org\", \"n\": {number}}}\n"));
    let read = people(rows.collect::<String>()).people();
    assert_eq!(read.len(), numbers.len());
    for (person, (written, expected)) in read.iter().zip(numbers) {
        assert_eq!(person.fields["n"], expected, "{written}");
    }
}

#[test]
fn address_and_name_stand_where_the_configuration_says() {
    let list = people(
        r#"{"work": "Ada L. <ada@example.org>", "nick": "Countess", "email": 5}
        {"work": "Bo B. <bo@example.org>", "nick": ""}"#,
    )
    .with(|list| {
        list.address_column = "work".to_owned();
        list.name_column = Some("nick".to_owned());
    });
    let people = list.people();
    let names: Vec<_> = people.iter().map(|it| it.mailbox.name.as_deref()).collect();
    assert_eq!(names, [Some("Countess"), Some("Bo B.")]);
    assert_eq!(people[0].fields["work"], "ada@example.org");
    assert_eq!(people[0].fields["email"], 5);
    assert_eq!(people[1].fields["nick"], "Bo B.");
}

/// What stands beside the rows, and rows around the ends of the reader's pieces of 64 KiB.
#[test]
fn rows_are_the_same_wherever_the_pieces_of_a_file_end() {
    for shift in 0..90 {
        let skipped = "é\\n😀\\ud83d\\ude00".repeat(64 * 1024 / 22);
        let content = format!(
            "{{\"x\": \"{skipped}{}\", \"p\": [\n{{\"email\": \"a@example.org\", \
             \"n\": [-12.5e-1, true, \"\\u00e9\\\\\"]}}], \"y\": \"{skipped}\"}}",
            "-".repeat(shift)
        );
        let people = people(content).at("p").people();
        assert_eq!(
            people[0].fields["n"],
            json!([-1.25, true, "é\\"]),
            "{shift}"
        );
    }
}

#[test]
fn a_row_of_nearly_a_mebibyte_is_read_and_a_larger_one_refused() {
    for (length, fits) in [(1024 * 1024 - 60, true), (1024 * 1024, false)] {
        let content = format!(
            "[\n{{\"email\": \"a@example.org\",     \"x\": \"{}\"}}]",
            "x".repeat(length)
        );
        let list = people(content);
        match fits {
            true => assert_eq!(list.people()[0].fields["x"].as_str().unwrap().len(), length),
            false => {
                let said = list.said();
                assert!(said.contains("people.json:2: the value that begins here is larger"));
            }
        }
    }
}
