//! What can be wrong with a template, in the words of the person who wrote it.

use std::cmp::Ordering;
use std::fmt;
use std::path::PathBuf;

/// Something in a template that keeps it from being used, found before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFault {
    /// A stable word for the kind of fault, such as `template-syntax`.
    pub code: &'static str,
    /// The file, relative to the templates directory.
    pub file: PathBuf,
    /// Line of the first character concerned, counted from 1.
    pub line: usize,
    /// Column of that character, in characters counted from 1.
    pub column: usize,
    /// How many characters are concerned; 0 where the fault is the file's as a whole.
    pub span_len: usize,
    /// One sentence without a full stop.
    pub message: String,
    /// What to write under the place; may be empty.
    pub label: String,
    /// What to do, where the label does not say it.
    pub help: Option<String>,
    /// Another place of the same file that explains this one: line, column, length, label.
    pub second: Option<(usize, usize, usize, String)>,
}

impl TemplateFault {
    /// A fault of a file, or of the lack of one.
    pub(super) fn of_file(code: &'static str, file: impl Into<PathBuf>, message: String) -> Self {
        Self {
            code,
            file: file.into(),
            line: 1,
            column: 1,
            span_len: 0,
            message,
            label: String::new(),
            help: None,
            second: None,
        }
    }

    /// The order in which faults are told.
    pub(super) fn by_place(&self, other: &Self) -> Ordering {
        (&self.file, self.line, self.column).cmp(&(&other.file, other.line, other.column))
    }

    /// The fault without its place.
    pub(super) fn of_whole_file(self) -> Self {
        Self {
            line: 1,
            column: 1,
            span_len: 0,
            second: None,
            ..self
        }
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for TemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file.display(),
            self.line,
            self.column,
            self.message
        )
    }
}

/// Why a template cannot be rendered for one person. The other people's messages are not
/// concerned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RenderFault {
    /// Name of the template.
    pub template: String,
    /// The file, relative to the templates directory.
    pub file: String,
    /// Line and column, both counted from 1, where the place is known.
    pub at: Option<(usize, usize)>,
    /// The field that is to blame, where one is.
    pub variable: Option<String>,
    /// What is wrong: a clause in a person's words.
    pub problem: String,
}

impl fmt::Display for RenderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = format!("{}/", self.template);
        let file = self.file.strip_prefix(&folder).unwrap_or(&self.file);
        write!(f, "template `{}` ({file}", self.template)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, "): {}", self.problem)
    }
}

/// The candidate a person most likely meant by `word`, if any is near enough.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let reach = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| {
            let known = candidate.to_lowercase();
            let begins_alike = known.len() > 2
                && word.len() > 2
                && (word.starts_with(&known) || known.starts_with(&word));
            let distance = strsim::damerau_levenshtein(&word, &known);
            (
                if begins_alike {
                    distance.min(1)
                } else {
                    distance
                },
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= reach)
        .min()
        .map(|(_, candidate)| candidate)
}
