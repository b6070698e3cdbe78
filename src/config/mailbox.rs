//! Mailboxes as the configuration writes them, and what people write instead.

use std::fmt::Display;

use lettre::message::Mailbox;

use super::document::Document;
use super::problem::Problem;
use super::section::Text;
use crate::audience;

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

/// A mailbox whose name has the address of another in it: many readers show the name alone.
pub(super) fn misleading(doc: &Document, written: &Text<'_>, mailbox: &Mailbox) -> Option<Problem> {
    let name = mailbox.name.as_deref()?;
    let is_end = |c: char| c.is_whitespace() || "<>()[]\"',;:|".contains(c);
    let addresses = name.split(is_end).filter_map(|word| {
        let inner = audience::mailbox(word).ok()?;
        Some((word, inner.email))
    });
    let is_own = |it: &str| it.eq_ignore_ascii_case(mailbox.email.as_ref());
    let mut others = addresses.filter(|(_, it)| !is_own(it.as_ref()));
    let (other, _) = others.next()?;
    let address = &mailbox.email;
    let message = format!("`{other}` is shown as the name of `{address}`");
    let at = written.text.find(other)?;
    let span = doc.inside(written.span.clone(), written.text, at..at + other.len());
    let note = "filters take it for a forgery, and many readers show the name alone";
    let problem = Problem::warning("misleading-name", message, doc.place(span, ""));
    Some(problem.note(note).help("write a name without an address"))
}
