//! Mailboxes as the configuration writes them, and what people write instead.

use std::fmt::Display;

use super::document::Document;
use super::problem::Problem;
use super::section::Text;

/// A text in the file that is no mailbox, for the reason that the audience gives.
pub(super) fn problem(doc: &Document, written: &Text<'_>, fault: &impl Display) -> Problem {
    let Text { text, span } = written;
    let piece = doc.inside(span.clone(), text, 0..text.len());
    let span = if piece.is_empty() {
        span.clone()
    } else {
        piece
    };
    let wrong = |message, label| Problem::error("bad-address", message, doc.place(span, label));
    if text.trim().is_empty() {
        return wrong("this address is empty".to_owned(), String::new());
    }
    if text.contains('@') {
        return wrong(format!("`{text}` is not a mail address"), fault.to_string());
    }
    let first_word = text
        .split_whitespace()
        .next()
        .unwrap_or("name")
        .to_lowercase();
    let is_plain = first_word.bytes().all(|b| b.is_ascii_alphanumeric());
    let local_part = if is_plain {
        first_word.as_str()
    } else {
        "name"
    };
    wrong(
        format!("`{text}` is a name without an address"),
        "no @ in it".to_owned(),
    )
    .help(format!(
        "write \"{} <{local_part}@example.org>\"",
        text.trim()
    ))
}
