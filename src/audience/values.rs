//! The values of a run: a JSON document, or the rows of a CSV file as a list of objects, from a
//! file or a program. They are read whole, by the same strict readers as lists.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::error::{FileFault, Located, Origin};
use super::file::ListFile;
use super::json::{self, JsonFault};
use super::stream::Stream;
use super::table::Table;
use super::text::Text;
use super::{Care, ListError};
use crate::program::Program;

/// No run has more, in bytes.
const LARGEST: usize = 8 << 20;
/// Without white space, but with quotes around numbers that no computer holds.
const LARGEST_KEPT: usize = 2 * LARGEST;

/// Values for all mails of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Where they come from.
    pub source: ValuesSource,
    /// A file that was last changed longer ago is refused, see [`Care::Fresh`].
    pub max_age: Option<Duration>,
}

/// Where values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum ValuesSource {
    /// A file: CSV if its name ends so, JSON else.
    File(PathBuf),
    /// What a program prints: JSON.
    Command(Program),
}

/// Why there are no values. It displays as one line.
#[derive(Clone, Debug)]
pub struct ValuesError(ListError);

impl ValuesError {
    /// A stable word for the kind of fault, such as `missing-file`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.code()
    }
}

impl fmt::Display for ValuesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListError {
            path,
            line,
            message,
            help,
            ..
        } = &self.0;
        if let Some(path) = path {
            write!(f, "{}:", path.display())?;
            line.map_or(Ok(()), |line| write!(f, "{line}:"))?;
            f.write_str(" ")?;
        } else if let Some(line) = line {
            write!(f, "line {line} of what was printed: ")?;
        }
        f.write_str(message)?;
        match help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ValuesError {}

impl Values {
    /// Reads them all. Starts the program if they come from one, and waits for its end.
    ///
    /// # Errors
    /// They cannot be had, or are not what they should be.
    pub fn read(&self, care: &Care) -> Result<Value, ValuesError> {
        let (origin, read) = match &self.source {
            ValuesSource::File(path) => {
                let is_csv = path
                    .extension()
                    .is_some_and(|it| it.eq_ignore_ascii_case("csv"));
                let text = ListFile::open(path, self.max_age, care).and_then(open_file);
                let read = text.and_then(|text| match is_csv {
                    true => rows(text),
                    false => json::document(text, LARGEST_KEPT),
                });
                (Origin::File(path.clone()), read)
            }
            ValuesSource::Command(program) => {
                let text = (program.stream(LARGEST).map_err(Located::from))
                    .and_then(|printed| Ok(Text::new(Stream::Program(printed), None)?));
                let read = text.and_then(|text| json::document(text, LARGEST_KEPT));
                (Origin::Command(program.name().to_owned()), read)
            }
        };
        read.map_err(|Located { line, fault }| {
            let help = help(&fault, line, &self.source);
            let mut error = fault.of_list("", origin, line);
            error.help = help.map(str::to_owned).or(error.help);
            ValuesError(error)
        })
    }

    /// Whether reading them runs a program.
    #[must_use]
    pub fn runs_a_program(&self) -> bool {
        matches!(self.source, ValuesSource::Command(_))
    }
}

/// What a file holds that is the same at its end as it was when it was opened.
///
/// # Errors
/// It cannot be read, or is larger than `longest` bytes.
pub fn read_whole(path: &Path, care: &Care, longest: u64) -> Result<Vec<u8>, ValuesError> {
    let read = || {
        let mut file = ListFile::open(path, None, care)?;
        let too_large = || FileFault::TooLarge(usize::try_from(longest).unwrap_or(usize::MAX));
        if file.as_opened().0 > longest {
            return Err(too_large().into());
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read()
        .map_err(|Located { line, fault }| ValuesError(fault.of_list("", path.to_path_buf(), line)))
}

/// What is said of values where it is not what is said of a list.
fn help(fault: &FileFault, line: Option<u64>, source: &ValuesSource) -> Option<&'static str> {
    match fault {
        FileFault::Empty => {
            Some("was its export interrupted? without rows there is still a header")
        }
        FileFault::Json(fault) => match **fault {
            JsonFault::Empty => {
                Some("was its export interrupted? where there is nothing, it is {}")
            }
            JsonFault::Unexpected { found, wanted } if is_no_json(found, wanted, line) => {
                Some(match source {
                    ValuesSource::File(_) => {
                        "it is read as JSON; a file with rows of CSV is called .csv"
                    }
                    ValuesSource::Command(_) => "let it print JSON",
                })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a word stands where a document would begin: no slip of one that is JSON otherwise, such
/// as `NaN` or `True`.
fn is_no_json(found: u8, wanted: &str, line: Option<u64>) -> bool {
    let is_word = found.is_ascii_alphabetic() && !matches!(found, b'N' | b'I' | b'T' | b'F');
    is_word && wanted == "a value" && line == Some(1)
}

fn open_file(file: ListFile) -> Result<Text<Stream>, Located> {
    if file.as_opened().0 > LARGEST as u64 {
        return Err(FileFault::TooLarge(LARGEST).into());
    }
    Ok(Text::new(Stream::File(file), None)?)
}

fn rows(text: Text<Stream>) -> Result<Value, Located> {
    let mut table = Table::open(text, None)?;
    let columns = table.header.columns.clone();
    if columns[0].starts_with(['[', '{']) {
        return Err(FileFault::Json(Box::new(JsonFault::NotCsv)).at(1));
    }
    let mut rows = Vec::new();
    while let Some((line, cells)) = table.next()? {
        let (found, expected) = (cells.len(), columns.len());
        if found != expected {
            return Err(FileFault::Fields { found, expected }.at(line));
        }
        let cells = cells.iter().map(Value::from);
        let row: Map<String, Value> = columns.iter().cloned().zip(cells).collect();
        rows.push(Value::Object(row));
    }
    Ok(Value::Array(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Value, String> {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let values = Values {
            source: ValuesSource::File(path),
            max_age: None,
        };
        let read = values.read(&Care::Readable);
        let told = |error: ValuesError| {
            let folder = format!("{}/", dir.path().display());
            error.to_string().replace(&folder, "")
        };
        read.map_err(told)
    }

    #[test]
    fn a_document_comes_out_with_its_types_and_all_digits() {
        let text = "{\"n\": 12345678901234567890123, \"list\": [1, null, {\"a\": true}]}\n";
        let read = read("report.json", text).expect("it reads");
        let expected = serde_json::json!({
            "n": "12345678901234567890123", "list": [1, null, { "a": true }],
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn rows_of_csv_are_a_list_of_objects() {
        let read = read("report.csv", "host;free\na;\n\"b;\";12\n").expect("it reads");
        let expected = serde_json::json!([
            { "host": "a", "free": "" }, { "host": "b;", "free": "12" },
        ]);
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let fault = |name, text: &str| read(name, text).expect_err("it is refused");
        let cut = fault("a.json", "{\"a\":\n 1");
        assert!(cut.starts_with("a.json:2: the file ends here"), "{cut}");
        let twice = fault("a.json", "{\"a\": 1, \"a\": 2}");
        assert!(
            twice.starts_with("a.json:1: an object has `a` twice"),
            "{twice}"
        );
        assert!(fault("a.json", "[1] x").starts_with("a.json:1: something follows"));
        assert!(fault("a.csv", "a,b\n1\n2,3\n").contains("a.csv:2: "));
        for (name, text, expected) in [
            (
                "a.csv",
                "[{\"host\":\"a\"}]\n",
                "a.csv:1: this is JSON, and no CSV; call the file .json",
            ),
            (
                "a.csv",
                "[\n  {\"host\": 1}\n]\n",
                "a.csv:1: this is JSON, and no CSV; call the file .json",
            ),
            (
                "a.csv",
                "",
                "a.csv: the file is empty: it has not even a header line; was its export \
                 interrupted? without rows there is still a header",
            ),
            (
                "a.json",
                "",
                "a.json: the file is empty: it has not even a pair of brackets; was its export \
                 interrupted? where there is nothing, it is {}",
            ),
            (
                "a.txt",
                "region,sales\n",
                "a.txt:1: a value must stand here, and not `r`; it is read as JSON; a file with \
                 rows of CSV is called .csv",
            ),
        ] {
            assert_eq!(fault(name, text), expected);
        }
        let large = format!("\"{}\"", "x".repeat(LARGEST));
        assert_eq!(fault("a.json", &large), "a.json: it is larger than 8 MiB");
    }
}
