//! Words, and those joined by dots, as keys and headers have them.

use std::ops::Range;

/// A key with its tables before it: `account.main.password`.
pub(super) struct Path<'t> {
    pub(super) start: usize,
    /// Behind the last part and its quote.
    pub(super) end: usize,
    pub(super) parts: Vec<&'t str>,
    /// Behind each of them.
    pub(super) ends: Vec<usize>,
}

/// The first path that begins in this part of the text.
pub(super) fn next(text: &str, part: Range<usize>) -> Option<Path<'_>> {
    let start = part.start + text[part.clone()].find(is_word)?;
    let quote = text[part.start..start].chars().next_back();
    let mut parts = Vec::new();
    let mut ends = Vec::new();
    let mut from = Some((start, quote.filter(is_quote)));
    while let Some((start, quote)) = from {
        let (name, behind) = one(text, start, quote);
        parts.push(name);
        ends.push(behind);
        from = behind_dot(text, behind);
    }
    Some(Path {
        start,
        end: *ends.last()?,
        parts,
        ends,
    })
}

/// The name of a header that begins a line, and where it ends.
pub(super) fn header(text: &str, line: Range<usize>) -> Option<Path<'_>> {
    let rest = text[line.clone()].trim_start_matches(' ');
    let inner = rest.trim_start_matches(['[', ' ', '\t']);
    let path = next(text, line.end - inner.len()..line.end)?;
    let begins = text[line.end - inner.len()..path.start].trim_matches(['"', '\'']);
    let behind = text[path.end..line.end].trim_start();
    let is_one = rest.starts_with('[') && begins.is_empty();
    (is_one && (behind.is_empty() || behind.starts_with(']'))).then_some(path)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn is_quote(c: &char) -> bool {
    matches!(c, '"' | '\'')
}

/// A part of a path, and where it ends. In quotes it may have dots.
fn one(text: &str, start: usize, quote: Option<char>) -> (&str, usize) {
    let rest = &text[start..];
    let until = |is_part: &dyn Fn(char) -> bool| {
        let end = rest.find(|c| !is_part(c));
        end.unwrap_or(rest.len())
    };
    let is_closed = |end: usize| quote.is_some_and(|quote| rest[end..].starts_with(quote));
    if quote.is_some() {
        let end = until(&|c| is_word(c) || c == '.');
        if is_closed(end) {
            return (&rest[..end], start + end + 1);
        }
    }
    let end = until(&is_word);
    let closed = rest[end..].starts_with(['"', '\'']);
    (&rest[..end], start + end + usize::from(closed))
}

/// Where the part behind a dot begins, and the quote before it.
fn behind_dot(text: &str, at: usize) -> Option<(usize, Option<char>)> {
    let blank = [' ', '\t'];
    let rest = text[at..].trim_start_matches(blank).strip_prefix('.')?;
    let rest = rest.trim_start_matches(blank);
    let quote = rest.chars().next().filter(is_quote);
    let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
    let begins = rest.starts_with(is_word);
    begins.then_some((text.len() - rest.len(), quote))
}
