//! Faults that only show beside what is known from elsewhere (the time, the rows of the lists, the
//! servers): they are found by others, and shown in the files like all the rest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::problem::{Place, Problem, Problems, Severity};
use super::section::Section;
use super::tables::named;
use super::text::SourceText;
use super::{files, include};

/// A larger list is not drawn: its faults are told with their lines.
const DRAWN: u64 = 8 << 20;
/// Nor is a longer line, in bytes: a whole document may stand on one.
const DRAWN_LINE: usize = 400;

/// A fault of one schedule, account or list.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// What it is about.
    pub about: About,
    /// The keys that are to blame: the first that is written is marked, or else the header.
    pub keys: Vec<&'static str>,
    /// A stable word for the kind of fault.
    pub code: &'static str,
    /// Whether it is an error or a warning. It keeps nothing from working but what it is about.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// What is said under the mark.
    pub label: String,
    /// Why.
    pub notes: Vec<String>,
    /// What to write.
    pub helps: Vec<String>,
    /// The rows of a list that are at fault; the place is then the first of them.
    pub rows: Vec<RowMark>,
}

/// What a remark is about, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// An account.
    Account(String),
    /// A list.
    List(String),
    /// A schedule.
    Schedule(String),
}

/// A line of a list's file and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowMark {
    /// The list's file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is said under it.
    pub label: String,
}

impl About {
    /// The tables that it can be about: the kind, and its path in the table of keys.
    const KINDS: [(&str, &str); 3] = [
        ("account", "account.*"),
        ("list", "list.*"),
        ("schedule", "schedule.*"),
    ];

    fn table(&self) -> (&str, &str) {
        match self {
            Self::Account(name) => ("account", name),
            Self::List(name) => ("list", name),
            Self::Schedule(name) => ("schedule", name),
        }
    }
}

impl Problems {
    /// These problems, and the remarks at their places in the files. What cannot be found in the
    /// files, which were there a moment ago, has no place and is left out.
    #[must_use]
    pub fn with(self, path: &Path, remarks: Vec<Remark>) -> Self {
        let (Ok(docs), false) = (include::documents(path), remarks.is_empty()) else {
            return self;
        };
        let mut found: Vec<Problem> = self.iter().cloned().collect();
        for doc in &docs {
            let (root, _) = DeTable::parse_recoverable(doc.raw());
            let top = Section::open(doc, "", "", 0..0, root.get_ref());
            for (kind, table) in About::KINDS {
                for it in named(&top, kind, table) {
                    let about = |remark: &&Remark| remark.about.table() == (kind, it.name.text);
                    let here = remarks.iter().filter(about);
                    found.extend(here.map(|remark| remark.at(&it.section)));
                }
            }
        }
        Self::new(found, path)
    }
}

impl Remark {
    fn at(&self, section: &Section<'_>) -> Problem {
        let key = self.keys.iter().find(|key| section.has(key));
        let (rows, undrawn) = places(&self.rows);
        let mut rows = rows.into_iter();
        let place = rows.next().unwrap_or_else(|| match key {
            Some(key) => section.value_place(key, &self.label),
            None => section.header_place(&self.label),
        });
        let mut problem = Problem::error(self.code, &self.message, place).of_data();
        problem.severity = self.severity;
        let problem = rows.fold(problem, Problem::and);
        let path = key.map_or_else(|| section.title(), |key| section.path(key));
        let problem = problem.key(path);
        let notes = undrawn.iter().chain(&self.notes);
        let problem = notes.fold(problem, |it, text| it.note(text));
        self.helps.iter().fold(problem, |it, text| it.help(text))
    }
}

/// The rows that can be drawn, and the others in words. A file is read once.
fn places(rows: &[RowMark]) -> (Vec<Place>, Vec<String>) {
    let mut files: Vec<(&Path, Option<Arc<SourceText>>)> = Vec::new();
    let (mut places, mut undrawn) = (Vec::new(), Vec::new());
    for row in rows {
        let at = files.iter().position(|(path, _)| *path == row.file);
        let at = at.unwrap_or_else(|| {
            files.push((&row.file, drawn(&row.file)));
            files.len() - 1
        });
        let text = files[at].1.as_ref();
        let is_alone = |it: &&RowMark| it.file == row.file && it.line == row.line;
        let is_alone = rows.iter().filter(is_alone).count() == 1;
        match text.filter(|_| is_alone).and_then(|text| row.place(text)) {
            Some(place) => places.push(place),
            None => undrawn.push(format!(
                "{}:{}: {}",
                row.file.display(),
                row.line,
                row.label
            )),
        }
    }
    (places, undrawn)
}

impl RowMark {
    fn place(&self, file: &Arc<SourceText>) -> Option<Place> {
        let span = file.span_at(self.line, 1, usize::MAX);
        (1..=DRAWN_LINE)
            .contains(&span.len())
            .then(|| Place::new(file, span, &self.label))
    }
}

/// The text of a list, if it is one that can be drawn.
fn drawn(path: &Path) -> Option<Arc<SourceText>> {
    let text = String::from_utf8(files::read_regular(path, DRAWN).ok()?).ok()?;
    Some(Arc::new(SourceText::plain(path, text)))
}
