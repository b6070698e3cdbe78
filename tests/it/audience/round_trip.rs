//! Whatever a spreadsheet writes comes back, in every dialect.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::prelude::{BASE64_STANDARD, Engine};
use encoding_rs::GB18030;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Serialize;

use super::{Csv, file};
use crate::world::skip::lacks_python;

const SEPARATORS: [&str; 4] = [",", ";", "\t", "|"];
const COLUMNS: [&str; 3] = ["one", "two", "three"];
/// So many tables are written by Python.
const CASES: usize = 400;

#[derive(Clone, Copy, Debug)]
enum Charset {
    Utf8,
    Utf8Marked,
    Utf16Le,
    Utf16Be,
    Gb18030,
}

impl Charset {
    fn write(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Marked => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            Self::Utf16Le => [0xfeff]
                .into_iter()
                .chain(text.encode_utf16())
                .flat_map(u16::to_le_bytes)
                .collect(),
            Self::Utf16Be => [0xfeff]
                .into_iter()
                .chain(text.encode_utf16())
                .flat_map(u16::to_be_bytes)
                .collect(),
            Self::Gb18030 => GB18030.encode(text).0.into_owned(),
        }
    }

    fn can_write(self, text: &str) -> bool {
        !matches!(self, Self::Gb18030) || {
            let (bytes, _, unmappable) = GB18030.encode(text);
            !unmappable && GB18030.decode(&bytes).0 == text
        }
    }
}

fn charset() -> impl Strategy<Value = Charset> {
    prop_oneof![
        Just(Charset::Utf8),
        Just(Charset::Utf8Marked),
        Just(Charset::Utf16Le),
        Just(Charset::Utf16Be),
        Just(Charset::Gb18030),
    ]
}

/// Any text without NUL, rich in what CSV must quote.
fn cell() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[\",;|\t\r\n \\\\a]{1,3}",
        2 => "\\PC{1,6}",
        1 => any::<char>().prop_map(String::from),
        1 => "[张三丰Ольга😀é\u{2028}\u{feff}\u{85}]{1,3}",
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

type Table = Vec<[String; 3]>;

fn table() -> impl Strategy<Value = Table> {
    prop::collection::vec([cell(), cell(), cell()], 0..8)
}

fn address(row: usize) -> String {
    format!("p{row}@example.org")
}

/// Each row of the table must come back; returns the lines they begin on.
fn assert_equal(csv: &Csv, table: &Table) -> Vec<u64> {
    let rows = csv.rows();
    let lines = rows
        .iter()
        .map(|row| row.place.line_if_known().unwrap())
        .collect();
    assert_eq!(rows.len(), table.len());
    for (place, row) in rows.into_iter().enumerate() {
        let person = row.recipient.unwrap();
        assert_eq!(person.mailbox.email.to_string(), address(place));
        for (column, cell) in COLUMNS.into_iter().zip(&table[place]) {
            let expected = if cell.trim().is_empty() { "" } else { cell };
            assert_eq!(
                person.fields[column], expected,
                "row {place}, column {column}"
            );
        }
    }
    lines
}

fn opened(bytes: &[u8], charset: Charset) -> Csv {
    let csv = Csv::new(bytes).with(|list| list.optional = COLUMNS.map(str::to_owned).to_vec());
    match charset {
        Charset::Gb18030 => csv.encoded("gb18030"),
        _ => csv,
    }
}

proptest! {
    #[test]
    fn any_table_comes_back_equal_in_any_dialect(
        table in table(),
        separator in prop::sample::select(&SEPARATORS[..]),
        crlf in any::<bool>(),
        all_quoted in any::<bool>(),
        last_line_end in any::<bool>(),
        stated in any::<bool>(),
        charset in charset(),
    ) {
        let style =
            if all_quoted { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(separator.as_bytes()[0])
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(style)
            .from_writer(Vec::new());
        let mut lines = Vec::new();
        writer.write_record(["email", "one", "two", "three"]).unwrap();
        for (place, [one, two, three]) in table.iter().enumerate() {
            writer.flush().unwrap();
            lines.push(1 + writer.get_ref().iter().filter(|byte| **byte == b'\n').count() as u64);
            writer.write_record([&address(place), one, two, three]).unwrap();
        }
        let mut text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        if !last_line_end {
            text.truncate(text.len() - 1 - usize::from(crlf));
        }
        prop_assume!(charset.can_write(&text));
        let mut csv = opened(&charset.write(&text), charset);
        if stated {
            file(&mut csv.list).separator = Some(separator.parse().unwrap());
        }
        prop_assert_eq!(assert_equal(&csv, &table), lines);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        header in prop::sample::select(&["", "email,name\n", "\u{feff}email;x\r\n"][..]),
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"\",;\r\n@a.\xff\xfe"[..])], 0..200),
        encoding in prop::sample::select(
            &["utf-8", "gb18030", "utf-16le", "iso-2022-jp", "big5", "hz-gb-2312"][..]),
    ) {
        let csv = Csv::new([header.as_bytes(), &bytes].concat()).encoded(encoding);
        if let Ok(rows) = csv.list.read() {
            let mut last = 0;
            for row in rows.flatten() {
                prop_assert!(row.place.line_if_known().unwrap() > last, "lines only go up");
                last = row.place.line_if_known().unwrap();
            }
        }
    }
}

/// A table and how Python is to write it.
#[derive(Clone, Debug, Serialize)]
struct Case {
    /// The header, then the rows.
    rows: Vec<Vec<Cell>>,
    separator: char,
    end: &'static str,
    /// QUOTE_MINIMAL, QUOTE_ALL or QUOTE_NONNUMERIC.
    quoting: u8,
    /// As Python calls it.
    codec: &'static str,
    /// As the configuration calls it, where it must be stated.
    #[serde(skip)]
    label: Option<&'static str>,
    #[serde(skip)]
    is_stated: bool,
    /// Where the addresses are.
    #[serde(skip)]
    place: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Cell {
    Text(String),
    Number(i32),
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

/// What Python calls an encoding, and what the configuration calls it where it must be stated.
const CODECS: [(&str, Option<&str>); 11] = [
    ("utf-8", None),
    ("utf-8", Some("utf-8")),
    ("utf-8-sig", None),
    ("utf-16", None),
    ("utf-16-le", Some("utf-16le")),
    ("utf-16-be", Some("utf-16be")),
    ("gb18030", Some("gb18030")),
    ("cp1252", Some("windows-1252")),
    ("latin-1", Some("latin1")),
    ("cp1251", Some("windows-1251")),
    ("koi8-r", Some("koi8-r")),
];

/// Names that must be quoted with one separator or another.
const NAMES: [&str; 8] = [
    "plain",
    "two words",
    "名字",
    "a,b",
    "c;d|e",
    "\"quoted\"",
    "tab'bed",
    "-",
];

/// Every separator that may be stated.
fn separators() -> Vec<char> {
    let marks = ('!'..='~').filter(|one| !one.is_ascii_alphanumeric() && *one != '"');
    marks.chain(['\t']).collect()
}

fn long_cell() -> impl Strategy<Value = String> {
    (cell(), 1..200_000_usize).prop_map(|(cell, length)| cell + &"长 \"x\",\n".repeat(length / 10))
}

fn case() -> impl Strategy<Value = Case> {
    let texts = prop_oneof![160 => cell(), 40 => " {0,2}[a-z,;\"]{0,5} {0,2}", 1 => long_cell()];
    let cells =
        prop_oneof![9 => texts.prop_map(Cell::Text), 1 => any::<i32>().prop_map(Cell::Number)];
    let columns = prop::sample::subsequence(&NAMES[..], 1..=NAMES.len()).prop_shuffle();
    columns.prop_flat_map(move |names| {
        let row = prop::collection::vec(cells.clone(), names.len());
        (
            Just(names.clone()),
            prop::collection::vec(row, 0..8),
            0..=names.len(),
            prop::sample::select(separators()),
            prop::sample::select(&["\n", "\r\n"][..]),
            0..3_u8,
            prop::sample::select(&CODECS[..]),
            any::<bool>(),
        )
            .prop_map(build)
    })
}

type Parts = (
    Vec<&'static str>,
    Vec<Vec<Cell>>,
    usize,
    char,
    &'static str,
    u8,
    (&'static str, Option<&'static str>),
    bool,
);

/// Leaves out what cannot be written so, or means something else: a letter that the encoding lacks;
/// a carriage return, which QUOTE_MINIMAL quotes only where one ends lines.
fn build(parts: Parts) -> Case {
    let (names, mut rows, place, separator, end, quoting, (codec, label), stated) = parts;
    let is_usual = SEPARATORS.contains(&&*separator.to_string());
    // Names with other separators in them leave the choice open.
    let is_stated = stated || !is_usual;
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    for (at, name) in names.iter_mut().enumerate() {
        if !is_stated && name.contains(|one| SEPARATORS.contains(&&*char::to_string(&one))) {
            *name = format!("column {at}");
        }
    }
    names.insert(place, "email".to_owned());
    rows.iter_mut().enumerate().for_each(|(number, row)| {
        row.insert(place, Cell::Text(address(number)));
    });
    let columns = names.len();
    rows.insert(0, names.into_iter().map(Cell::Text).collect());
    for (at, cell) in rows.iter_mut().flatten().enumerate() {
        if let Cell::Text(text) = cell {
            text.retain(|one| codec_has(codec, label, one));
            if quoting == 0 && end == "\n" {
                text.retain(|one| one != '\r');
            }
            if text.is_empty() && at < columns {
                *text = format!("nameless {at}");
            }
        }
    }
    Case {
        rows,
        separator,
        end,
        quoting,
        codec,
        label,
        is_stated,
        place,
    }
}

/// Whether an encoding has a letter, for Python and for the web alike.
fn codec_has(codec: &str, label: Option<&str>, one: char) -> bool {
    // Python's tables of Chinese are older than the web's, which is where these differ.
    let moved = matches!(
        one,
        '\u{1f9}' | '\u{1e3f}' | '\u{20ac}' | '\u{9fa6}'..='\u{9fff}'
            | '\u{e000}'..='\u{f8ff}' | '\u{fe10}'..='\u{fe19}'
    );
    let is_control = matches!(one, '\u{80}'..='\u{9f}');
    match codec {
        "latin-1" => one < '\u{100}' && !is_control,
        _ if codec.starts_with("utf") => true,
        _ => {
            let label = label.expect("what is no Unicode is stated");
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
            let mut text = [0; 4];
            let text = one.encode_utf8(&mut text);
            let (bytes, _, is_missing) = encoding.encode(text);
            !moved && !is_control && !is_missing && encoding.decode(&bytes).0 == *text
        }
    }
}

/// Writes the tables that come on its standard input as files.
const PYTHON: &str = r#"
import base64, csv, io, json, sys
files = []
for case in json.load(sys.stdin.buffer):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=case["separator"], lineterminator=case["end"],
                        quoting=case["quoting"])
    writer.writerows(case["rows"])
    files.append(base64.b64encode(out.getvalue().encode(case["codec"])).decode())
json.dump(files, sys.stdout)
"#;

#[test]
fn any_table_that_pythons_csv_module_writes_comes_back_equal() {
    if lacks_python("tables of its csv module were not read") {
        return;
    }
    let mut runner = TestRunner::default();
    let cases: Vec<Case> = (0..CASES)
        .map(|_| case().new_tree(&mut runner).unwrap().current())
        .collect();
    let files = python(&serde_json::to_vec(&cases).unwrap());
    assert_eq!(files.len(), CASES);
    for (case, written) in cases.iter().zip(files) {
        let (header, rows) = case.rows.split_first().unwrap();
        let columns: Vec<String> = header.iter().map(Cell::text).collect();
        let mut csv = Csv::new(BASE64_STANDARD.decode(written).unwrap())
            .with(|list| list.optional.clone_from(&columns));
        if let Some(label) = case.label {
            csv = csv.encoded(label);
        }
        if case.is_stated {
            file(&mut csv.list).separator = Some(case.separator.to_string().parse().unwrap());
        }
        assert_eq!(
            csv.list.columns().map_err(|it| it.to_string()),
            Ok(columns.clone()),
            "{case:?}"
        );
        let read = csv.rows();
        assert_eq!(read.len(), rows.len(), "{case:?}");
        for (row, cells) in read.into_iter().zip(rows) {
            let person = row
                .recipient
                .unwrap_or_else(|fault| panic!("{fault}: {case:?}"));
            assert_eq!(person.mailbox.email.to_string(), cells[case.place].text());
            for (column, cell) in columns.iter().zip(cells) {
                let text = cell.text();
                let expected = if text.trim().is_empty() { "" } else { &text };
                assert_eq!(person.fields[column], expected, "{column}: {case:?}");
            }
        }
    }
}

fn python(input: &[u8]) -> Vec<String> {
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
