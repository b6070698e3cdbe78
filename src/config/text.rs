//! The text of a file that problems point into, with every secret in it masked.
//!
//! What is drawn is never the file itself but this copy, so a password cannot leave the machine in
//! the message about a missing quote. Masking keeps every byte's position.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::mask;

/// A file, or its first lines.
#[derive(Debug, PartialEq)]
pub struct SourceText {
    path: PathBuf,
    text: String,
}

/// Where a byte stands: both count from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line of the file.
    pub line: usize,
    /// The character in that line.
    pub column: usize,
}

impl SourceText {
    /// The configuration: secrets in it are masked.
    pub(super) fn config(path: &Path, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: mask::secrets(text),
        }
    }

    /// A file whose text is no secret.
    pub(super) fn plain(path: &Path, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
        }
    }

    /// The file's path, as it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text with secrets masked.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line and column of a byte of the text.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.floor(offset)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: 1 + before.matches('\n').count(),
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Where `length` characters from `column` of `line` lie (both from 1).
    pub(super) fn span_at(&self, line: usize, column: usize, length: usize) -> Range<usize> {
        let mut start = 0;
        for _ in 1..line {
            match self.text[start..].find('\n') {
                Some(end) => start += end + 1,
                None => break,
            }
        }
        let end_of_line = self.text[start..]
            .find('\n')
            .map_or(self.text.len(), |at| start + at);
        let rest = &self.text[start..end_of_line];
        let after = |text: &str, count| {
            text.char_indices()
                .nth(count)
                .map_or(text.len(), |(at, _)| at)
        };
        let from = start + after(rest, column.saturating_sub(1));
        from..from + after(&self.text[from..end_of_line], length)
    }

    /// The nearest range that lies in the text and on character boundaries.
    pub(super) fn clamp(&self, span: Range<usize>) -> Range<usize> {
        let start = self.floor(span.start);
        start..self.floor(span.end.max(start))
    }

    fn floor(&self, offset: usize) -> usize {
        self.text.floor_char_boundary(offset)
    }
}
