//! One configuration file while it is walked, and what was found wrong on the way.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::problem::{Place, Problem, Severity};
use super::text::SourceText;

/// The file and the problems found so far. Everybody who walks the file holds it shared, since
/// sections overlap; hence the cell.
pub(super) struct Document {
    /// What problems point into; secrets are masked.
    pub(super) file: Arc<SourceText>,
    /// Whether everybody on this machine may read the file: its permission bits, if so.
    pub(super) readable_by_all: Option<u32>,
    /// As it stands there, passwords and all.
    raw: Zeroizing<String>,
    found: RefCell<Vec<Problem>>,
}

impl Document {
    pub(super) fn new(path: &Path, raw: Zeroizing<String>, mode: u32) -> Self {
        Self {
            file: Arc::new(SourceText::config(path, &raw)),
            readable_by_all: (mode & 0o004 != 0).then_some(mode & 0o7777),
            raw,
            found: RefCell::default(),
        }
    }

    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    pub(super) fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    pub(super) fn report(&self, problem: Problem) {
        self.found.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.found.into_inner()
    }

    pub(super) fn has_errors(&self) -> bool {
        self.found
            .borrow()
            .iter()
            .any(|problem| problem.severity == Severity::Error)
    }

    pub(super) fn place(&self, span: Range<usize>, label: impl Into<String>) -> Place {
        Place::new(&self.file, span, label)
    }

    /// A path as the file means it: relative to the folder the file is in.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.folder().join(path)
    }

    pub(super) fn folder(&self) -> &Path {
        self.file.path().parent().unwrap_or(Path::new("/"))
    }

    /// Where a piece of a string's value stands in the file. A string with escapes has no such
    /// places; then all of it is meant.
    pub(super) fn inside(
        &self,
        value: Range<usize>,
        text: &str,
        piece: Range<usize>,
    ) -> Range<usize> {
        for quote in [1, 3] {
            let start = value.start + quote;
            let written = self.raw.get(start..start + text.len());
            if written == Some(text) && start + text.len() + quote == value.end {
                return start + piece.start..start + piece.end;
            }
        }
        value
    }
}
