//! Lists of comma-separated values: `cargo +nightly fuzz run csv -- -rss_limit_mb=256`.
//!
//! A file of any bytes is read in any encoding and with any separator. Reading never panics; rows
//! come in order; each row that comes before a fault is the one that a plain reader of RFC 4180
//! finds in the decoded text, on the same line and with the same cells.
#![no_main]

use std::fs;
use std::iter::Peekable;
use std::path::PathBuf;
use std::str::Chars;
use std::sync::OnceLock;

use encoding_rs::{Encoding, UTF_8};
use libfuzzer_sys::fuzz_target;
use postroom::audience::{CsvFile, List, Row, Separator, Source};
use serde_json::Map;

const SEPARATORS: [&str; 6] = [",", ";", "\t", "|", ":", "!"];
const ENCODINGS: [&str; 8] = [
    "utf-8",
    "utf-16le",
    "utf-16be",
    "gb18030",
    "windows-1252",
    "shift_jis",
    "iso-2022-jp",
    "big5",
];

/// Which separator and encoding are stated, whether a sound header stands first, and the rest.
type Input<'a> = (Option<u8>, Option<u8>, bool, &'a [u8]);

/// A record of a plain reader: the line that it begins on, from 1, and its cells.
type Record = (u64, Vec<String>);

fuzz_target!(|input: Input<'_>| {
    let (separator, encoding, has_header, bytes) = input;
    let stated = separator.map(|it| SEPARATORS[usize::from(it) % SEPARATORS.len()]);
    let label = encoding.map(|it| ENCODINGS[usize::from(it) % ENCODINGS.len()]);
    let encoding = label.map(|it| Encoding::for_label(it.as_bytes()).expect("it is known"));
    let content = match has_header {
        true => [header(stated.unwrap_or(","), label).as_slice(), bytes].concat(),
        false => bytes.to_vec(),
    };
    fs::write(path(), &content).expect("the folder for temporary files can be written to");
    let list = List {
        name: "people".to_owned(),
        source: Source::Csv(CsvFile {
            path: path().clone(),
            encoding,
            separator: stated.map(|it| it.parse().expect("it separates")),
        }),
        address_column: "email".to_owned(),
        name_column: None,
        optional: vec!["b".to_owned()],
        max_age: None,
        fields: Map::new(),
        defaults: Map::new(),
        max_change: None,
    };
    let Ok(rows) = list.read() else { return };
    let found = rows
        .particulars()
        .and_then(|it| it.separator)
        .expect("a file of cells has one");
    let columns = rows.columns().to_vec();
    let read: Vec<Row> = rows.map_while(Result::ok).collect();
    assert!(read.windows(2).all(|two| two[0].place.line_if_known() < two[1].place.line_if_known()));
    if let Some(text) = decoded(&content, encoding) {
        compare(&read, &plain(&text, found), &columns);
    }
});

fn compare(read: &[Row], expected: &[Record], columns: &[String]) {
    let Some((header, expected)) = expected.split_first() else {
        panic!("{} rows of a text without a header", read.len());
    };
    assert!(read.len() <= expected.len(), "{read:?} of {expected:?}");
    let address = columns
        .iter()
        .position(|it| it == "email")
        .expect("it was found");
    for (row, (line, cells)) in read.iter().zip(expected) {
        assert_eq!(row.place.line_if_known(), Some(*line));
        let raw = cells.get(address).map_or("", String::as_str);
        assert_eq!(row.raw_address, raw);
        let Ok(recipient) = &row.recipient else {
            continue;
        };
        assert_eq!(cells.len(), header.1.len());
        for (column, cell) in columns.iter().zip(cells) {
            if column == "email" || column == "name" {
                continue;
            }
            let field = recipient.fields.get(column).and_then(|it| it.as_str());
            assert_eq!(
                field.unwrap_or(""),
                if cell.trim().is_empty() { "" } else { cell }
            );
        }
    }
}

/// The text of a file, if it is text, without NUL.
fn decoded(content: &[u8], stated: Option<&'static Encoding>) -> Option<String> {
    let (encoding, mark) = Encoding::for_bom(content).unwrap_or((stated.unwrap_or(UTF_8), 0));
    let text = encoding
        .decode_without_bom_handling_and_without_replacement(&content[mark..])?
        .into_owned();
    (!text.contains('\0')).then_some(text)
}

/// All records up to the first place where the text is no table.
fn plain(text: &str, separator: Separator) -> Vec<Record> {
    let separator = separator
        .key()
        .replace("\\t", "\t")
        .chars()
        .next_back()
        .expect("it is one");
    let (mut rest, mut line) = (text.chars().peekable(), 1);
    let mut records = Vec::new();
    loop {
        // Blank lines are no records.
        let is_return = rest.next_if_eq(&'\r').is_some();
        if rest.next_if_eq(&'\n').is_some() {
            line += 1;
            continue;
        }
        if is_return || rest.peek().is_none() {
            return records;
        }
        let begun = line;
        let Some((cells, goes_on)) = record(&mut rest, separator, &mut line) else {
            return records;
        };
        records.push((begun, cells));
        if !goes_on {
            return records;
        }
    }
}

/// The next record, if there is one, and whether the table goes on after it: a row that ends with a
/// carriage return alone may be read before that is seen to be a fault.
fn record(
    rest: &mut Peekable<Chars<'_>>,
    separator: char,
    line: &mut u64,
) -> Option<(Vec<String>, bool)> {
    let mut cells = Vec::new();
    loop {
        let cell = match rest.next_if_eq(&'"') {
            Some(_) => quoted(rest, line)?,
            None => {
                let ends = |one: &char| [separator, '\r', '\n'].contains(one);
                std::iter::from_fn(|| rest.next_if(|one| !ends(one))).collect()
            }
        };
        cells.push(cell);
        match rest.next() {
            None => return Some((cells, true)),
            Some(one) if one == separator => {}
            Some('\n') => break,
            Some('\r') if rest.next_if_eq(&'\n').is_some() => break,
            Some('\r') => return Some((cells, false)),
            Some(_) => return None,
        }
    }
    *line += 1;
    Some((cells, true))
}

fn quoted(rest: &mut Peekable<Chars<'_>>, line: &mut u64) -> Option<String> {
    let mut cell = String::new();
    loop {
        match rest.next()? {
            '"' if rest.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' => return Some(cell),
            one => {
                *line += u64::from(one == '\n');
                cell.push(one);
            }
        }
    }
}

fn header(separator: &str, label: Option<&str>) -> Vec<u8> {
    let text = ["email", "name", "b"].join(separator) + "\n";
    match label {
        Some("utf-16le") => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Some("utf-16be") => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => text.into_bytes(),
    }
}

fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let name = format!("postroom-fuzz-{}.csv", std::process::id());
        std::env::temp_dir().join(name)
    })
}
