//! The value of a key that holds a secret: where it ends, however broken it is.

use super::words::{is_known, is_reference};
use super::{Held, Scanner, path};

const CLOSERS: &[char] = &[']', '}', ')', ',', ' ', '\t', '\r'];

/// How far the secret went.
pub(super) enum End {
    /// Something else follows here.
    Value(usize),
    /// All of its line, and maybe of further ones: the next begins here.
    Line(usize),
}

/// How a key stands on its line: whether it begins it, and whether that is commented out.
type Stand = (bool, bool);

/// What may follow below a value.
#[derive(Clone, Copy, PartialEq)]
enum Below {
    /// It has an end.
    Closed,
    /// It has none, or there is more behind it.
    Open,
    /// It has none, and began with a bracket.
    OpenBrackets,
    /// It is commented out, as what goes on of it is.
    Comment,
}

impl Scanner<'_> {
    /// Masks the value that begins at `from`, or below.
    pub(super) fn value(&mut self, from: usize, held: Held<'_>, stand: Stand) -> End {
        let Ok(at) = self.beginning(from, stand) else {
            return End::Line(self.line_end(from) + 1);
        };
        let rest = &self.text[at..];
        let end = match held {
            Held::Secret if rest.starts_with('{') => match self.reference(at) {
                Ok(end) => Some(end),
                Err(trouble) if self.is_left_at(trouble) => {
                    let lines = self.text[..trouble].trim_end_matches([' ', '\t', '\r', '#']);
                    return End::Line(lines.len());
                }
                Err(trouble) => return End::Line(self.spill(trouble, stand, true)),
            },
            Held::Secret => self.quoted(at),
            Held::Place(form) => self.place(form, at),
        };
        match end {
            Some(end) => self.behind(end, stand),
            None => {
                let in_brackets = !stand.0 || self.text[at..].starts_with(['[', '(', '{']);
                End::Line(self.spill(at, stand, in_brackets))
            }
        }
    }

    /// Where the value really begins: it may be on a later line. An error if there is none.
    fn beginning(&mut self, from: usize, stand: Stand) -> Result<usize, ()> {
        let mut at = from;
        loop {
            let rest = self.text[at..].trim_start_matches([' ', '\t', '\r']);
            at = self.text.len() - rest.len();
            if rest.starts_with(|c| c != '#' && c != '\n') {
                return Ok(at);
            }
            let end = self.line_end(at);
            self.cover_comment(at);
            if end >= self.text.len() {
                return Err(());
            }
            let below = self.body(end + 1);
            if stand.1 && !below.1 || self.is_header_or_key(below.0) {
                return Err(());
            }
            at = if stand.1 {
                self.body(end + 1).0
            } else {
                end + 1
            };
        }
    }

    /// Covers a text in quotes; answers where it ends, if it does on its line or has three.
    fn quoted(&mut self, at: usize) -> Option<usize> {
        for fence in ["\"\"\"", "'''"] {
            if self.text[at..].starts_with(fence) {
                let inside = at + fence.len();
                let end = inside + self.text[inside..].find(fence)?;
                self.cover(inside..end);
                return Some(end + fence.len());
            }
        }
        let end = closing_quote(&self.text[at..])?;
        self.cover(at + 1..at + end);
        Some(at + end + 1)
    }

    /// The end of `{ file = "…" }`, or where it is something else.
    fn reference(&mut self, from: usize) -> Result<usize, usize> {
        let mut at = from + 1;
        loop {
            at = self.skip(at, |c| c.is_whitespace() || c == ',');
            let rest = &self.text[at..];
            if rest.starts_with('}') {
                return Ok(at + 1);
            }
            let key = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
            let length = key.find(|c: char| !c.is_ascii_lowercase());
            let form = &key[..length.unwrap_or(key.len())];
            let after = &key[form.len()..];
            let after = after.strip_prefix(['"', '\'']).unwrap_or(after);
            let value = after
                .trim_start_matches([' ', '\t'])
                .strip_prefix(['=', ':']);
            let value = value.filter(|_| is_reference(form)).ok_or(at)?;
            let value = self.skip(self.text.len() - value.len(), char::is_whitespace);
            at = self.place(form, value).ok_or(value)?;
        }
    }

    /// The end of the value of such a form. A program may be seen, what it is told may not.
    fn place(&mut self, form: &str, at: usize) -> Option<usize> {
        if form == "keep" && self.text[at..].starts_with(|c: char| c.is_ascii_digit()) {
            return Some(self.skip(at, |c| c.is_ascii_digit()));
        }
        if form != "command" {
            return Some(at + closing_quote(&self.text[at..])? + 1);
        }
        self.text[at..].strip_prefix('[')?;
        let mut is_first = true;
        let mut at = at + 1;
        loop {
            at = self.skip(at, |c| c.is_whitespace() || c == ',');
            if self.text[at..].starts_with(']') {
                return Some(at + 1);
            }
            let end = at + closing_quote(&self.text[at..])?;
            let hidden = match self.text[at..end].find(char::is_whitespace) {
                Some(blank) if is_first => at + blank,
                None if is_first => end,
                _ => at + 1,
            };
            self.cover(hidden..end);
            is_first = false;
            at = end + 1;
        }
    }

    /// Masks what stands behind a value and does not belong there.
    fn behind(&mut self, end: usize, stand: Stand) -> End {
        let at = self.skip(end, |c| matches!(c, ' ' | '\t' | '\r'));
        match self.text[at..].chars().next() {
            Some(',' | ']' | '}') => {
                if at >= self.covered {
                    self.covered = self.line_end(at);
                    self.cover_comment(at);
                }
                End::Value(at)
            }
            None | Some('\n' | '#') => {
                self.cover_comment(at);
                let next = self.line_end(at) + 1;
                let below = if stand.1 {
                    Below::Comment
                } else {
                    Below::Closed
                };
                End::Line(self.go_on(next, below))
            }
            // Perhaps the rest of the secret.
            Some(_) => End::Line(self.spill(at, stand, !stand.0)),
        }
    }

    /// Masks the rest of this line, and what goes on from it below.
    pub(super) fn spill(&mut self, at: usize, (_, is_comment): Stand, in_brackets: bool) -> usize {
        let end = self.line_end(at);
        let rest = &self.text[at..end];
        let inner = match in_brackets {
            true => rest.trim_end_matches(CLOSERS),
            false => rest,
        };
        let opener = usize::from(rest.starts_with(['[', '(', '{', '"', '\'']));
        self.cover(at + opener.min(inner.len())..at + inner.len());
        let is_closed = || {
            let rest = rest.trim_end_matches([',', ' ', '\t', '\r']);
            rest.ends_with([']', '}', ')'])
        };
        let below = match (is_comment, in_brackets) {
            (true, _) => Below::Comment,
            (_, true) if !is_closed() => Below::OpenBrackets,
            _ => Below::Open,
        };
        self.go_on(end + 1, below)
    }

    /// Masks lines until one begins that is something else; answers where.
    fn go_on(&mut self, mut start: usize, below: Below) -> usize {
        while start < self.text.len() && !self.is_left(start, below) {
            let end = self.line_end(start);
            let body = self.body(start).0.min(end);
            let inner = match below {
                Below::OpenBrackets => self.text[body..end].trim_end_matches(CLOSERS),
                _ => &self.text[body..end],
            };
            self.cover(body..body + inner.len());
            start = end + 1;
        }
        start
    }

    /// Whether the line that begins here is something else than what goes on of a secret.
    fn is_left(&self, start: usize, below: Below) -> bool {
        let (body, is_comment) = self.body(start);
        let end = self.line_end(start);
        let rest = self.text[body.min(end)..end].trim_end();
        if below == Below::Comment && !is_comment {
            return true;
        }
        let is_closed = below == Below::Closed && !is_comment;
        if rest.is_empty() {
            return is_closed;
        }
        rest.chars().all(|c| CLOSERS.contains(&c))
            || rest.starts_with('{') && below != Below::OpenBrackets
            || self.is_header_or_key(body)
            || is_closed && self.key_with_value(body).is_some()
    }

    /// Whether what begins here stands on a line of its own, and is something else.
    fn is_left_at(&self, at: usize) -> bool {
        let above = self.text[..at].trim_end_matches([' ', '\t', '\r']);
        above.ends_with('\n') && self.is_header_or_key(at)
    }

    fn is_header_or_key(&self, at: usize) -> bool {
        let end = self.line_end(at);
        let header = path::header(self.text, at.min(end)..end);
        let is_header = header.is_some_and(|it| it.parts.len() > 1 || is_known(it.parts[0]));
        is_header || self.key_with_value(at).is_some_and(is_known)
    }

    /// The key that begins here, if there is a sign and a value behind it.
    fn key_with_value(&self, at: usize) -> Option<&str> {
        let end = self.line_end(at);
        let path = path::next(self.text, at.min(end)..end)?;
        let begins = self.text[at..path.start].trim_matches(['"', '\'']);
        let after = self.text[path.end..end].trim_start();
        let value = after.strip_prefix(['=', ':'])?.trim();
        let is_one = begins.is_empty() && !value.is_empty() && !value.starts_with('=');
        is_one.then_some(path.parts[0])
    }

    /// Covers what a comment says, if one stands on the rest of the line.
    fn cover_comment(&mut self, at: usize) {
        let end = self.line_end(at);
        if let Some(sign) = self.text[at..end].find('#') {
            self.cover(at + sign + 1..end);
        }
    }

    fn skip(&self, at: usize, is_skipped: impl Fn(char) -> bool) -> usize {
        self.text.len() - self.text[at..].trim_start_matches(is_skipped).len()
    }
}

/// The byte of the quote that ends the string which begins `text`, if both are on its first line.
fn closing_quote(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '\n' {
            return None;
        }
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = quote == '"' && c == '\\' && !escaped;
    }
    None
}
