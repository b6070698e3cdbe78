//! What is wrong with a crontab expression, in the words and the place of the person who wrote it.

use std::ops::Range;

/// A piece of an expression and where it begins, in bytes of the whole text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

/// Why a text is no usable crontab expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CronError {
    /// One sentence that quotes the expression.
    pub message: String,
    /// The bytes of the text that are to blame.
    pub span: Range<usize>,
    /// A few words to stand under the span; empty if there is nothing to add.
    pub label: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Why, where it is not obvious.
    pub note: Option<String>,
    /// The expression is well formed, but no date ever matches it.
    pub never: bool,
}

impl<'a> Token<'a> {
    pub(super) fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    /// The pieces between separators, empty ones too.
    pub(super) fn split(self, separator: char) -> impl Iterator<Item = Token<'a>> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let token = Token { text, at };
            at += text.len() + separator.len_utf8();
            token
        })
    }

    pub(super) fn split_once(self, separator: char) -> Option<(Token<'a>, Token<'a>)> {
        let (left, right) = self.text.split_once(separator)?;
        let at = self.at + left.len() + separator.len_utf8();
        Some((
            Token {
                text: left,
                at: self.at,
            },
            Token { text: right, at },
        ))
    }

    /// This piece without its last letter, if that is `letter` in either case.
    pub(super) fn strip_last(self, letter: char) -> Option<Token<'a>> {
        let last = self.text.chars().next_back()?;
        let text = &self.text[..self.text.len() - last.len_utf8()];
        last.eq_ignore_ascii_case(&letter)
            .then_some(Token { text, at: self.at })
    }

    /// This piece is to blame.
    pub(super) fn fault(self, message: impl Into<String>, label: impl Into<String>) -> CronError {
        CronError::new(self.span(), message, label)
    }
}

impl CronError {
    pub(super) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            span,
            label: label.into(),
            help: None,
            note: None,
            never: false,
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    pub(super) fn note(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }
}
