//! The audience of a schedule: list sources in, recipients out.
//!
//! A [`List`] names a source of rows; [`List::read`] opens it once and streams it, whatever its
//! length. What comes out is checked: a [`Recipient`] holds one address that can be mailed, a
//! display name without control characters, and the fields its templates may use. A row that cannot
//! be mailed comes out too, as a [`Row`] with its [`RowFault`] and its place, so that the sums add
//! up. What makes the whole list untrustworthy (it is not text, it ends inside a quote, it changed
//! while it was read) is a [`ListError`] and ends the rows: nothing of such a list may be sent.
//!
//! This room never writes, never sends, never guesses at bytes it cannot read, and knows nothing of
//! suppression or of what was sent before; duplicates are found by whoever collects the rows, with
//! [`Recipient::key`].
//!
//! ```text
//! ListFile      one open descriptor, a regular file, unchanged to its end
//! Output        what a program prints, which has ended well at its end
//!   Text        its encoding, strictly, as UTF-8
//!     Records   where rows begin and end, quotes, limits
//!       Table   the csv crate: header and cells
//!     Elements  of a JSON document: the people in it, one by one
//!         Rows  addresses, names, fields
//! ```

mod address;
mod columns;
mod command;
mod discreet;
mod error;
mod extras;
mod file;
mod inline;
mod json;
mod local_part;
mod mentioned;
mod object;
mod particulars;
mod place;
mod records;
mod row;
mod rows;
mod separator;
mod share;
mod stream;
mod table;
mod text;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use encoding_rs::Encoding;
use serde_json::{Map, Value};

pub use self::address::{AddressFault, CodePoint, Part, domain, key, mailbox, mask};
pub use self::columns::enumerated;
pub use self::error::{Header, ListError, MissingColumn};
pub use self::json::{RowsPath, RowsPathError};
pub use self::mentioned::mentioned;
pub use self::particulars::{FileSeen, Particulars};
pub use self::place::Place;
pub use self::row::{NAME, Recipient, Row, RowFault};
pub use self::rows::Rows;
pub use self::separator::{Separator, SeparatorError};
pub use self::share::Share;
pub use self::values::{Values, ValuesError, ValuesSource, read_whole};
use crate::clock::{Clock, Timestamp};
use crate::program::Program;

/// Where recipients come from, and which of their columns mean what.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// What the configuration calls it.
    pub name: String,
    pub source: Source,
    /// The column that holds the address; `email` unless the configuration says otherwise. The
    /// match is exact; a near miss is suggested, never taken.
    pub address_column: String,
    /// The column that holds the display name. `None` takes the column `name`, if there is one.
    pub name_column: Option<String>,
    /// Columns that may be blank or missing: their field is then "". The blank field of any other
    /// column is absent, so that a template which uses it makes the row invalid.
    pub optional: Vec<String>,
    /// A file that was last changed longer ago is refused, see [`Care::Fresh`].
    pub max_age: Option<Duration>,
    /// Fields that everybody on the list has alike. None of them is a column of the source: it and
    /// the configuration may not disagree.
    pub fields: Map<String, Value>,
    /// What a field is where its cell is blank or null, or its column missing. The display name of
    /// a message is never one of these.
    pub defaults: Map<String, Value>,
    /// A run is refused where the rows differ from those of the reading before by a larger share of
    /// them.
    pub max_change: Option<Share>,
}

/// The kinds of list there are.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Inline(Vec<InlineRow>),
    Csv(CsvFile),
    Json(JsonFile),
    Command(CommandOutput),
}

/// A person written into the configuration itself.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineRow {
    /// As written: `ada@example.org` or `Ada Lovelace <ada@example.org>`.
    pub address: String,
    pub fields: Map<String, Value>,
}

/// A file of comma-separated values (RFC 4180), its first line naming the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvFile {
    pub path: PathBuf,
    /// `None`: UTF-8. A byte order mark at the start of the file always wins.
    pub encoding: Option<&'static Encoding>,
    /// `None`: whichever of `,` `;` tab `|` the header line uses.
    pub separator: Option<Separator>,
}

/// A file of people in JSON (RFC 8259), an object each.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFile {
    pub path: PathBuf,
    /// Where in the one document the array of people is. `None`: the document is that array, or
    /// there is an object on each line (JSON Lines).
    pub rows: Option<RowsPath>,
    /// `None`: UTF-8. A byte order mark at the start of the file always wins.
    pub encoding: Option<&'static Encoding>,
}

/// What a program prints: comma-separated values, the first line naming the columns, or JSON, which
/// begins with `[` or `{`.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandOutput {
    /// It runs for each reading once, for as long as its limit at most, and must end well.
    pub program: Program,
    /// As for a file.
    pub encoding: Option<&'static Encoding>,
    /// As for a file; then it is no JSON.
    pub separator: Option<Separator>,
    /// As for a file; then it is JSON.
    pub rows: Option<RowsPath>,
}

impl Source {
    /// The file that it is, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Inline(_) | Self::Command(_) => None,
            Self::Csv(file) => Some(&file.path),
            Self::Json(file) => Some(&file.path),
        }
    }

    /// Its file, or its program, for people; nothing if the configuration itself has its people.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        match self {
            Self::Command(output) => Some(format!("the command `{}`", output.program.name())),
            _ => self.path().map(|path| path.display().to_string()),
        }
    }
}

/// How closely a list is looked at, besides whether it can be read.
#[derive(Clone, Debug, Default)]
pub enum Care {
    /// Not at all: for its columns, or to look for somebody.
    #[default]
    Readable,
    /// Whether it is young enough, see [`List::max_age`].
    Fresh(Clock),
    /// Whether, besides, its file has come to rest: for a run that nobody watches. A file that was
    /// changed within the last seconds is looked at again after a moment, which blocks.
    AtRest(Clock),
}

impl List {
    /// The fields a template may use: the columns of the header (the keys of the inline rows, or of
    /// the first hundred rows of JSON), then those of the configuration that are missing there.
    /// Reads no further than that, but starts the program of a list that has one.
    pub fn columns(&self) -> Result<Vec<String>, ListError> {
        Ok(self.read()?.columns().to_vec())
    }

    /// Opens the list. A file is opened once, here; what happens to its name later does not matter.
    pub fn read(&self) -> Result<Rows, ListError> {
        self.read_with(&Care::Readable)
    }

    /// The same, looking as closely as that.
    pub fn read_with(&self, care: &Care) -> Result<Rows, ListError> {
        Rows::open(self, care)
    }

    /// What will be wrong with its age if it is read now as a run reads it.
    #[must_use]
    pub fn stale(&self, now: Timestamp) -> Option<ListError> {
        let (path, allowed) = (self.source.path()?, self.max_age?);
        let fault = file::stale(path, allowed, now)?;
        Some(fault.of_list(&self.name, path.to_owned(), None))
    }

    /// Whether reading it runs a program.
    #[must_use]
    pub fn runs_a_program(&self) -> bool {
        matches!(self.source, Source::Command(_))
    }
}
