//! Why a list as a whole cannot be used, in the words of the person who owns the file.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::audience::columns::{self, enumerated};
use crate::audience::discreet::masked;
use crate::audience::json::fault::JsonFault;
use crate::audience::separator::Separator;
use crate::clock::in_words;
use crate::program::ProgramError;

/// A list that must not be mailed. It displays as one line.
#[derive(Clone, Debug)]
pub struct ListError {
    /// What the configuration calls the list.
    pub list: String,
    pub path: Option<PathBuf>,
    /// The line of the file, or of what the program printed, at which the fault was found; the
    /// header is line 1.
    pub line: Option<u64>,
    /// What is wrong, without the name of the list or the file.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    details: Box<Details>,
}

#[derive(Clone, Debug)]
struct Details {
    code: &'static str,
    /// The program that prints it, if one does.
    command: Option<String>,
    is_empty: bool,
    missing_column: Option<MissingColumn>,
}

/// A column that the configuration names and the file does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct MissingColumn {
    pub wanted: String,
    /// The key of the list that names it, or that would name another.
    pub key: &'static str,
    /// The column that was probably meant.
    pub suggestion: Option<String>,
    /// What else may be the reason.
    pub hint: Option<String>,
    pub header: Header,
}

/// What the columns of a list file are.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    pub columns: Vec<String>,
    /// What stands between them in the first line; nothing in a JSON file.
    pub separator: Option<Separator>,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&enumerated(&self.columns))?;
        match self.separator {
            Some(separator) => write!(f, " (separator {separator})"),
            None => Ok(()),
        }
    }
}

impl ListError {
    /// A stable word for the kind of fault, such as `missing-column`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.details.code
    }

    /// Whether all that is wrong is that there is nothing, not even a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.details.is_empty
    }

    /// The column in question, where the fault is that there is none such.
    #[must_use]
    pub fn missing_column(&self) -> Option<&MissingColumn> {
        self.details.missing_column.as_ref()
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list `{}`: ", self.list)?;
        match (&self.path, &self.details.command, self.line) {
            (Some(path), _, Some(line)) => write!(f, "{}:{line}: ", path.display())?,
            (Some(path), _, None) => write!(f, "{}: ", path.display())?,
            (None, Some(command), Some(line)) => {
                write!(f, "line {line} of what `{command}` printed: ")?;
            }
            (None, ..) => {}
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ListError {}

/// Where the text of a list comes from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    File(PathBuf),
    /// By its name.
    Command(String),
}

impl Origin {
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Command(_) => None,
        }
    }
}

impl From<PathBuf> for Origin {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// A fault and the line it is on. It travels through `io::Error` where a reader found it, because
/// that is the only error a reader may return.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub(super) struct Located {
    pub(super) line: Option<u64>,
    #[source]
    pub(super) fault: FileFault,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FileFault {
    #[error("there is no such file")]
    Missing { help: Option<&'static str> },
    #[error("it is a link to `{}`, and that is not there", .0.display())]
    Dangling(PathBuf),
    #[error("its links lead in a circle")]
    Circle,
    #[error("the user that runs postroom may not read it")]
    Forbidden { help: Option<&'static str> },
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("the file was changed while it was read")]
    Changed,
    #[error(
        "it was last changed {} ago, and `max_age` allows {}",
        in_words(*age), exactly(*allowed)
    )]
    Stale { age: Duration, allowed: Duration },
    #[error("it is dated {} in the future, so `max_age` cannot tell how old it is", in_words(*.0))]
    Future(Duration),
    #[error(transparent)]
    Program(Box<ProgramError>),
    #[error("this line is not {encoding} text")]
    NotText {
        encoding: &'static str,
        /// Whether lines above it have letters that only this encoding makes sense of.
        is_mixed: bool,
    },
    #[error("this line has a NUL byte, so it is not {encoding} text")]
    Nul {
        encoding: &'static str,
        /// Whether it would be the upper half of a letter in UTF-16BE.
        is_first_half: bool,
    },
    #[error("it is a spreadsheet, or another packed file, and no text")]
    Packed,
    #[error("the list ends inside the quoted cell that begins here")]
    OpenQuote,
    #[error("the list ends inside this row, which has fewer fields than the header")]
    Cut,
    #[error("text follows the closing quote of the cell that begins on line {begun}")]
    TextAfterQuote { begun: u64 },
    #[error("a carriage return without a line feed")]
    LoneReturn,
    #[error("the row that begins here is larger than 1 MiB")]
    RecordTooLong,
    #[error("the row that begins here has more than 1,000 columns")]
    TooManyColumns,
    #[error("the file is empty: it has not even a header line")]
    Empty,
    #[error("the header line could be separated by {0} or by {1}")]
    AmbiguousSeparator(Separator, Separator),
    #[error("column {0} has no name in the header line")]
    Nameless(usize),
    #[error("columns {first} and {second} are both called `{name}`")]
    Duplicate {
        name: String,
        first: usize,
        second: usize,
    },
    #[error("the name of column {0} has a control character in it")]
    Control(usize),
    #[error("the header line names no columns: it has an @ in it, so it looks like a row")]
    NoHeader,
    #[error("no column is called `{}`", .0.wanted)]
    MissingColumn(Box<MissingColumn>),
    #[error("the column `{}` is one of the list's `fields` too", columns::named(.0))]
    FixedColumn(String),
    #[error(
        "an object has `{}` twice, and nobody can tell which of them holds",
        columns::named(.0)
    )]
    Twice(String),
    #[error("this row has {found} fields, and the header {expected}")]
    Fields { found: usize, expected: usize },
    #[error("it is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    #[error(transparent)]
    Json(Box<JsonFault>),
}

impl FileFault {
    /// The system's reason, without the number that it has for it.
    pub(super) fn unreadable(error: &io::Error) -> Self {
        let text = error.to_string();
        let words = text.split(" (os error ").next().unwrap_or(&text);
        Self::Unreadable(words.to_owned())
    }

    pub(super) fn at(self, line: u64) -> Located {
        Located {
            line: Some(line),
            fault: self,
        }
    }

    pub(super) fn of_list(
        self,
        list: &str,
        origin: impl Into<Origin>,
        line: Option<u64>,
    ) -> ListError {
        let (path, command) = match origin.into() {
            Origin::File(path) => (Some(path), None),
            Origin::Command(command) => (None, Some(command)),
        };
        let code = self.code();
        let (message, help) = match &command {
            Some(name) => (self.of_program(name), self.help_printing()),
            None => (self.to_string(), self.help()),
        };
        let is_empty = match &self {
            Self::Json(fault) => matches!(**fault, JsonFault::Empty),
            fault => matches!(fault, Self::Empty),
        };
        let missing_column = match self {
            Self::MissingColumn(missing) => Some(*missing),
            _ => None,
        };
        let details = Box::new(Details {
            code,
            command,
            is_empty,
            missing_column,
        });
        ListError {
            list: list.to_owned(),
            path,
            line,
            message,
            help,
            details,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } | Self::Dangling(_) => "missing-file",
            Self::Forbidden { .. } | Self::NotAFile(_) | Self::Circle | Self::Unreadable(_) => {
                "unreadable-file"
            }
            Self::Changed => "changed-file",
            Self::Stale { .. } | Self::Future(_) => "stale-file",
            Self::Program(_) => "failed-command",
            Self::NotText { .. } | Self::Nul { .. } | Self::Packed => "bad-encoding",
            Self::OpenQuote | Self::TextAfterQuote { .. } => "bad-quotes",
            Self::Cut => "cut-off",
            Self::LoneReturn => "bad-line-end",
            Self::RecordTooLong | Self::TooManyColumns => "row-too-large",
            Self::AmbiguousSeparator(..) => "ambiguous-separator",
            Self::Empty | Self::NoHeader => "missing-header",
            Self::Nameless(_) | Self::Duplicate { .. } | Self::Control(_) => "bad-header",
            Self::MissingColumn(_) => "missing-column",
            Self::FixedColumn(_) => "fixed-column",
            Self::Twice(_) | Self::Fields { .. } | Self::TooLarge(_) => "bad-data",
            Self::Json(fault) => fault.code(),
        }
    }

    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Missing { help } | Self::Forbidden { help } => return help.map(str::to_owned),
            Self::MissingColumn(missing) => return Some(missing_column_help(missing)),
            Self::Json(fault) => return Some(fault.help()),
            Self::FixedColumn(_) => {
                "take it out of `fields`, or out of the file: nobody can tell which of them holds"
            }
            Self::NotAFile(_) => "give the path of a regular file, or of a link to one",
            Self::Changed => {
                "write the new list beside it and rename it into place, so that no half of it is \
                 ever read"
            }
            Self::Stale { .. } => "did its export fail?",
            Self::Future(_) => "is a clock wrong?",
            Self::Circle => "give the path of the file itself, or make its link anew",
            Self::NotText { encoding, is_mixed } => saved_otherwise(encoding, *is_mixed),
            Self::Nul { is_first_half, .. } => {
                return Some(format!(
                    "{}; a spreadsheet must be exported as CSV first",
                    unmarked(*is_first_half)
                ));
            }
            Self::Packed => "export it as CSV",
            Self::Cut => "was it cut off? else give the row all its fields, and its line an end",
            Self::OpenQuote => "was it cut off? else close the quote; inside a cell, write \"\"",
            Self::TextAfterQuote { .. } => {
                "a quote inside a quoted cell is written twice (\"\"); an opening quote too many \
                 swallows the rows up to the next one"
            }
            Self::LoneReturn => {
                "end lines with LF or CR LF, and put cells with line breaks in quotes"
            }
            Self::RecordTooLong => "is a closing quote missing?",
            Self::TooManyColumns => "is it the right file, and the right separator?",
            Self::Empty => "was its export interrupted? a list without people still has a header",
            Self::AmbiguousSeparator(first, _) => {
                return Some(format!("say which: separator = \"{}\"", first.key()));
            }
            Self::Nameless(_) => "name it, or delete the column",
            Self::Duplicate { .. } => "rename one of them",
            Self::Control(_) => "type the name anew",
            Self::NoHeader => {
                "put a line above it that names the columns, such as email,first_name"
            }
            Self::Unreadable(_)
            | Self::Dangling(_)
            | Self::Twice(_)
            | Self::Fields { .. }
            | Self::TooLarge(_) => return None,
            Self::Program(error) => match **error {
                ProgramError::Slow { .. } => "`timeout` says how long it may take",
                _ => return None,
            },
        };
        Some(help.to_owned())
    }

    /// Without a line it names the program.
    fn of_program(&self, name: &str) -> String {
        match self {
            Self::Empty => format!("the command `{name}` printed nothing, not even a header line"),
            Self::Unreadable(why) => format!("the command `{name}` cannot be read: {why}"),
            _ => self.to_string().replacen("the file ", "the output ", 1),
        }
    }

    /// The help for whoever writes a program instead of saving a file.
    fn help_printing(&self) -> Option<String> {
        let help = match self {
            Self::NotText {
                encoding: "UTF-8",
                is_mixed: true,
            } => "what it printed is UTF-8 up to here: this line is not",
            Self::NotText {
                encoding: "UTF-8", ..
            } => "let it print UTF-8, or say what it prints: encoding = \"gb18030\"",
            Self::NotText { .. } => {
                "let it print UTF-8 and remove `encoding`, or say what it really prints"
            }
            Self::Nul { is_first_half, .. } => return Some(unmarked(*is_first_half).to_owned()),
            Self::Packed => "let it print CSV or JSON",
            Self::NoHeader => {
                "let it print a line before that names the columns, such as email,first_name"
            }
            Self::Empty => "a list without people still has a header",
            _ => return self.help(),
        };
        Some(help.to_owned())
    }
}

fn saved_otherwise(encoding: &str, is_mixed: bool) -> &'static str {
    match (encoding, is_mixed) {
        ("UTF-8", true) => {
            "the file is UTF-8 up to here: this line was saved otherwise; mend it, and look at \
             those after it"
        }
        ("UTF-8", false) => {
            "save it as UTF-8, or say how it was saved: encoding = \"gb18030\" for Chinese, \
             \"windows-1252\" for Western European"
        }
        _ => "save it as UTF-8 and remove `encoding`, or say how it was really saved",
    }
}

fn unmarked(is_first_half: bool) -> &'static str {
    match is_first_half {
        true => "it may be UTF-16 without its mark: encoding = \"utf-16be\"",
        false => "it may be UTF-16 without its mark: encoding = \"utf-16le\"",
    }
}

impl From<FileFault> for Located {
    fn from(fault: FileFault) -> Self {
        Self { line: None, fault }
    }
}

impl From<Located> for io::Error {
    fn from(located: Located) -> Self {
        Self::other(located)
    }
}

impl From<io::Error> for Located {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(located) => located,
            Err(error) => match error.downcast::<ProgramError>() {
                Ok(error) => FileFault::Program(Box::new(discreet(error))).into(),
                Err(error) => FileFault::unreadable(&error).into(),
            },
        }
    }
}

/// Programs like to quote the row or the URL that they failed at: neither addresses nor passwords
/// get into messages, which are logged and mailed.
fn discreet(mut error: ProgramError) -> ProgramError {
    if let ProgramError::Failed { said, .. } | ProgramError::Slow { said, .. } = &mut error {
        *said = masked(said);
    }
    error
}

fn missing_column_help(missing: &MissingColumn) -> String {
    let MissingColumn {
        key,
        suggestion,
        hint,
        header,
        ..
    } = missing;
    let found = format!("the columns are: {header}");
    match (hint, suggestion) {
        (Some(hint), _) => format!("{hint}; {found}"),
        (None, Some(near)) => format!("did you mean {key} = \"{near}\"? {found}"),
        (None, None) => format!("say which one it is with {key} = \"...\"; {found}"),
    }
}

/// A span in the largest unit that it is a whole number of, as people write it: `26 h`.
fn exactly(span: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3600, "h"), (60, "min")];
    let seconds = span.as_secs();
    let fits = |(unit, word): &(u64, &str)| {
        let least = if *word == "d" { 2 } else { 1 };
        seconds.is_multiple_of(*unit) && seconds / unit >= least
    };
    match UNITS.into_iter().find(fits) {
        Some((unit, word)) => format!("{} {word}", seconds / unit),
        None => in_words(span),
    }
}
