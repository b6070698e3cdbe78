//! Where the `{{…}}` of a template's text are.
//!
//! Handlebars says at which tag something is wrong; a person wants to see the word. And where
//! handlebars cannot parse a text at all, its own message lists grammar rules. So the tags are
//! found here once more, by a scan that never fails.

use std::ops::Range;

/// One `{{…}}`, with its braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) range: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{{#if x}}` and `{{#> card}}`, with the word that must close it.
    Open(String),
    Close(String),
    /// `{{else}}`, or `{{else if x}}` where `chained`.
    Else {
        chained: bool,
    },
    /// A comment, or a raw block with all it holds.
    Verbatim,
    /// A value, a partial, a helper.
    Value,
    /// The braces are never closed; the range ends with the text.
    Unclosed,
}

/// All tags of `text`, in order. Escaped ones (`\{{`) are not tags.
pub(super) fn scan(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find("{{") {
        let start = from + found;
        let backslashes = text[..start]
            .bytes()
            .rev()
            .take_while(|b| *b == b'\\')
            .count();
        if backslashes == 1 {
            from = start + 2;
            while text[from..].starts_with('{') {
                from += 1;
            }
            continue;
        }
        let tag = tag_at(text, start);
        from = tag.range.end;
        tags.push(tag);
    }
    tags
}

fn tag_at(text: &str, start: usize) -> Tag {
    let rest = &text[start..];
    let (length, kind) = if rest.starts_with("{{{{") {
        (raw_block(rest), Kind::Verbatim)
    } else if rest.starts_with("{{!--") && rest.contains("--}}") {
        (rest.find("--}}").map(|at| at + 4), Kind::Verbatim)
    } else if rest.starts_with("{{!") {
        (rest.find("}}").map(|at| at + 2), Kind::Verbatim)
    } else {
        let close = if rest.starts_with("{{{") { "}}}" } else { "}}" };
        let length = end_outside_quotes(rest, close);
        (length, kind_of(&rest[..length.unwrap_or(0)]))
    };
    match length {
        Some(length) => Tag {
            range: start..start + length,
            kind,
        },
        None => Tag {
            range: start..text.len(),
            kind: Kind::Unclosed,
        },
    }
}

fn raw_block(rest: &str) -> Option<usize> {
    let close = rest.find("{{{{/")?;
    rest[close..].find("}}}}").map(|at| close + at + 4)
}

/// The end of a tag; a quoted string may hold braces, unless its quote is never closed.
fn end_outside_quotes(rest: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in rest.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if rest[at..].starts_with(close) => return Some(at + close.len()),
            None => {}
        }
    }
    rest.find(close).map(|at| at + close.len())
}

fn kind_of(tag: &str) -> Kind {
    let inner = inside(tag);
    let word = |text: &str| {
        let text = text.trim_start_matches(['>', '*']).trim_start();
        text.split(char::is_whitespace)
            .next()
            .unwrap_or("")
            .to_owned()
    };
    if let Some(opened) = inner.strip_prefix('#') {
        Kind::Open(word(opened.trim_start()))
    } else if let Some(closed) = inner.strip_prefix('/') {
        Kind::Close(word(closed.trim_start()))
    } else if let Some(rest) = inner.strip_prefix('^') {
        Kind::Else {
            chained: !rest.trim().is_empty(),
        }
    } else if let Some(rest) = inner.strip_prefix("else")
        && !rest.starts_with(is_word_character)
    {
        Kind::Else {
            chained: !rest.trim().is_empty(),
        }
    } else {
        Kind::Value
    }
}

/// What stands between the braces of a tag.
pub(super) fn inside(tag: &str) -> &str {
    tag.trim_start_matches('{')
        .trim_end_matches('}')
        .trim_matches('~')
        .trim()
}

/// Line and column of a byte offset, both counted from 1, the column in characters.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// The byte offset of a line and column, or the nearest one there is.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let mut line_start = 0;
    for _ in 1..line {
        match text[line_start..].find('\n') {
            Some(at) => line_start += at + 1,
            None => return text.len(),
        }
    }
    let line = &text[line_start..];
    line.char_indices()
        .nth(column - 1)
        .map_or(text.len(), |(at, _)| line_start + at)
}

/// Where `word` stands in `range` as a whole, not as a part of a longer name or path.
pub(super) fn find_word(text: &str, range: Range<usize>, word: &str) -> Option<Range<usize>> {
    let continues = |c: char| is_word_character(c) || c == '.' || c == '/';
    text[range.clone()]
        .match_indices(word)
        .map(|(at, _)| range.start + at)
        .find_map(|start| {
            let end = start + word.len();
            let inner = text[..start].ends_with(continues) || text[end..].starts_with(continues);
            (!inner && !word.is_empty()).then_some(start..end)
        })
}

/// Where in `from` the tag stands that something in `made`, a text made of that, belongs to: tags
/// stay what they are, and mostly in their order.
pub(super) fn counterpart(
    (made, made_tags): (&str, &[Tag]),
    range: Range<usize>,
    (from, from_tags): (&str, &[Tag]),
) -> Option<Range<usize>> {
    let holds = |tag: &&Tag| tag.range.start <= range.start && range.start < tag.range.end;
    let tag = made_tags.iter().find(holds)?;
    let text = &made[tag.range.clone()];
    let alike = |it: &&Tag| made[it.range.clone()] == *text;
    let before = made_tags.iter().filter(alike);
    let nth = before
        .take_while(|it| it.range.start < tag.range.start)
        .count();
    let mut alike = from_tags
        .iter()
        .filter(|it| from[it.range.clone()] == *text);
    let same = alike.clone().nth(nth).or_else(|| alike.next_back())?;
    let start = same.range.start + (range.start - tag.range.start);
    let end = same.range.start + (range.end.min(tag.range.end) - tag.range.start);
    Some(start..end)
}

/// Characters of a handlebars identifier (`symbol_char` in its grammar).
fn is_word_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$' | ':' | '@') || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(&str, Kind)> {
        scan(text)
            .into_iter()
            .map(|tag| (&text[tag.range], tag.kind))
            .collect()
    }

    #[test]
    fn tags_are_found_and_escaped_or_commented_ones_are_not() {
        let open = |word: &str| Kind::Open(word.to_owned());
        assert_eq!(
            kinds(r#"a \{{no}} {{!-- {{no}} --}}{{#if x}}{{else if y}}{{~ else }}{{/if}}"#),
            [
                ("{{!-- {{no}} --}}", Kind::Verbatim),
                ("{{#if x}}", open("if")),
                ("{{else if y}}", Kind::Else { chained: true }),
                ("{{~ else }}", Kind::Else { chained: false }),
                ("{{/if}}", Kind::Close("if".to_owned())),
            ]
        );
        assert_eq!(
            kinds(r#"{{{{raw}}}}{{x}}{{{{/raw}}}}{{default x "}}"}}{{{y}}}{{#> card}}{{elsewhere"#),
            [
                ("{{{{raw}}}}{{x}}{{{{/raw}}}}", Kind::Verbatim),
                (r#"{{default x "}}"}}"#, Kind::Value),
                ("{{{y}}}", Kind::Value),
                ("{{#> card}}", open("card")),
                ("{{elsewhere", Kind::Unclosed),
            ]
        );
    }

    #[test]
    fn places_count_characters_and_invert() {
        let text = "eins\n{{姓名}} 张 {{x}}\n";
        let at = text.find("{{x").expect("it is there");
        assert_eq!(place(text, at), (2, 10));
        assert_eq!(offset(text, 2, 10), at);
        assert_eq!(offset(text, 9, 9), text.len());
    }

    #[test]
    fn a_tag_is_found_where_it_came_from() {
        let (from, made) = (
            "# {{a}}\n\n{{b}} {{a}}",
            "<h1>{{a}}</h1><p>{{b}} {{a}} {{c}}</p>",
        );
        let (from_tags, made_tags) = (scan(from), scan(made));
        let found = |at: usize, length: usize| {
            let range = counterpart((made, &made_tags), at..at + length, (from, &from_tags));
            range.map(|range| (range.start, &from[range]))
        };
        assert_eq!(found(6, 1), Some((4, "a")));
        assert_eq!(found(made.find("{{b").unwrap(), 5), Some((9, "{{b}}")));
        assert_eq!(found(made.rfind("{{a").unwrap() + 2, 1), Some((17, "a")));
        assert_eq!(found(made.find("{{c").unwrap(), 5), None);
        assert_eq!(found(0, 4), None);
    }

    #[test]
    fn a_word_is_found_whole() {
        let text = "{{#if first_name first}}";
        assert_eq!(find_word(text, 0..text.len(), "first"), Some(17..22));
        assert_eq!(find_word(text, 0..text.len(), "name"), None);
    }
}
