//! Comma-separated values as a table: its columns, then its records one by one.

use std::io::BufRead;

use csv::StringRecord;

use crate::audience::error::{FileFault, Header, Located};
use crate::audience::records::Records;
use crate::audience::separator::Separator;
use crate::audience::stream::Stream;
use crate::audience::text::Text;

/// A table behind its header line.
pub(super) struct Table {
    pub(super) header: Header,
    /// Where the header begins: 1, unless blank lines stand above it.
    pub(super) header_line: u64,
    reader: csv::Reader<Records<Text<Stream>>>,
    record: StringRecord,
}

impl Table {
    pub(super) fn open(mut text: Text<Stream>, stated: Option<Separator>) -> Result<Self, Located> {
        let (said, above) = said_separator(text.fill_buf()?);
        text.consume(above);
        let lines_above = u64::from(above > 0);
        let separator = match stated.or(said) {
            Some(stated) => stated,
            None => find_separator(text.fill_buf()?)?,
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator.byte())
            .has_headers(false)
            .flexible(true)
            .from_reader(Records::new(text, separator, lines_above));
        let mut record = StringRecord::new();
        if !read(&mut reader, &mut record)? {
            return Err(FileFault::Empty.into());
        }
        let header_line = reader.get_ref().record_line();
        let columns = columns(&record).map_err(|fault| fault.at(header_line))?;
        Ok(Self {
            header: Header {
                columns,
                separator: Some(separator),
            },
            header_line,
            reader,
            record,
        })
    }

    /// The next record and the line it begins on.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &StringRecord)>, Located> {
        let found = read(&mut self.reader, &mut self.record)?;
        Ok(found.then(|| (self.reader.get_ref().record_line(), &self.record)))
    }
}

fn read(
    reader: &mut csv::Reader<Records<Text<Stream>>>,
    record: &mut StringRecord,
) -> Result<bool, Located> {
    reader
        .read_record(record)
        .map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => error.into(),
            other => FileFault::Unreadable(format!("{other:?}")).into(),
        })
}

/// The names of the columns. White space around a name is dropped, and any run of it inside, a line
/// break too, counts as one space: spreadsheets break long headings.
fn columns(header: &StringRecord) -> Result<Vec<String>, FileFault> {
    let mut columns: Vec<String> = Vec::with_capacity(header.len());
    for cell in header {
        let name = cell.split_whitespace().collect::<Vec<_>>().join(" ");
        let place = columns.len() + 1;
        if name.is_empty() {
            return Err(FileFault::Nameless(place));
        }
        if name.contains(char::is_control) {
            return Err(FileFault::Control(place));
        }
        if let Some(first) = columns.iter().position(|earlier| *earlier == name) {
            return Err(FileFault::Duplicate {
                name,
                first: first + 1,
                second: place,
            });
        }
        columns.push(name);
    }
    Ok(columns)
}

/// What the first line says the separator is, as Excel writes and reads it (`sep=;` and no more),
/// and the bytes of that line.
fn said_separator(text: &[u8]) -> (Option<Separator>, usize) {
    let end = memchr::memchr(b'\n', &text[..text.len().min(16)]);
    let Some(end) = end else {
        return (None, 0);
    };
    let line = text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]);
    let said = line
        .split_at_checked(4)
        .filter(|(key, _)| key.eq_ignore_ascii_case(b"sep="));
    let said = said.and_then(|(_, said)| std::str::from_utf8(said).ok()?.parse().ok());
    (said, if said.is_some() { end + 1 } else { 0 })
}

/// The one of the four usual separators that the header line uses most, outside quotes; the comma
/// where there is none, because one column needs no separator.
fn find_separator(text: &[u8]) -> Result<Separator, Located> {
    let (counts, line) = count_in_header(text, Separator::USUAL.map(Separator::byte));
    let most = *counts.iter().max().expect("there are four");
    if most == 0 {
        return Ok(Separator::COMMA);
    }
    let used = Separator::USUAL.into_iter().zip(counts);
    let best: Vec<Separator> = used
        .filter(|(_, count)| *count == most)
        .map(|(separator, _)| separator)
        .collect();
    match best[..] {
        [first, second, ..] => Err(FileFault::AmbiguousSeparator(first, second).at(line)),
        _ => Ok(best[0]),
    }
}

/// How often each byte stands in the first line that is not blank, and which line that is.
fn count_in_header(text: &[u8], wanted: [u8; 4]) -> ([usize; 4], u64) {
    let blank = text
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let line = 1 + memchr::memchr_iter(b'\n', &text[..blank]).count() as u64;
    let mut counts = [0; 4];
    let mut quoted = false;
    for byte in &text[blank..] {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            byte if !quoted => {
                if let Some(place) = wanted.iter().position(|one| one == byte) {
                    counts[place] += 1;
                }
            }
            _ => {}
        }
    }
    (counts, line)
}
