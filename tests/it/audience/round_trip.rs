//! Whatever a spreadsheet writes comes back, in every dialect.

use std::io::Write;
use std::process::{Command, Stdio};

use encoding_rs::GB18030;
use proptest::prelude::*;

use super::{Csv, file};
use crate::world::skip::lacks_python;

const SEPARATORS: [&str; 4] = [",", ";", "\t", "|"];
const COLUMNS: [&str; 3] = ["one", "two", "three"];

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
    let lines = rows.iter().map(|row| row.line).collect();
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
                prop_assert!(row.line > last, "lines only go up");
                last = row.line;
            }
        }
    }
}

/// Writes the table that comes on its standard input in the dialect of its arguments.
const PYTHON: &str = r#"
import csv, io, json, sys
separator, end, quoting = sys.argv[1:]
table = json.load(sys.stdin.buffer)
out = io.StringIO(newline="")
csv.writer(out, delimiter=separator, lineterminator=end, quoting=int(quoting)).writerows(table)
sys.stdout.buffer.write(out.getvalue().encode())
"#;

#[test]
fn tables_written_by_pythons_csv_module_come_back_equal() {
    if lacks_python("tables of its csv module were not read") {
        return;
    }
    let cells = [
        "",
        " ",
        "plain",
        "a,b",
        "a;b|c\td",
        "say \"hi\"",
        "\"",
        "\"\"",
        "two\nlines",
        "\r\n",
        "trailing\n",
        "张三丰",
        "Ольга",
        "😀",
        "é",
        "\u{feff}x",
        "\u{2028}",
        "'",
        "\\",
    ];
    let table: Table = (0..cells.len())
        .map(|at| [0, 1, 2].map(|step| cells[(at * (step + 1) + step) % cells.len()].to_owned()))
        .collect();
    let header = ["email", "one", "two", "three"].map(str::to_owned);
    let rows = table.iter().enumerate().map(|(place, [one, two, three])| {
        [address(place), one.clone(), two.clone(), three.clone()]
    });
    let json = serde_json::to_vec(&[header].into_iter().chain(rows).collect::<Vec<_>>()).unwrap();
    for separator in SEPARATORS {
        for end in ["\n", "\r\n"] {
            // QUOTE_MINIMAL quotes a lone line feed only where it ends lines.
            for quoting in if end == "\r\n" {
                &["0", "1"][..]
            } else {
                &["1"][..]
            } {
                let text = python(&[separator, end, quoting], &json);
                for charset in [
                    Charset::Utf8,
                    Charset::Utf8Marked,
                    Charset::Utf16Le,
                    Charset::Utf16Be,
                    Charset::Gb18030,
                ] {
                    assert_equal(&opened(&charset.write(&text), charset), &table);
                }
            }
        }
    }
}

fn python(arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new("python3")
        .args(["-c", PYTHON])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}
