//! The HTML of a template, as tokens over its own text.
//!
//! A parser that builds a tree would move the handlebars tags out of tables and mend what is
//! meant as it is. So this only says what stands where: nothing is changed, nothing refused, and
//! a handlebars tag is one thing wherever it stands.

use std::ops::Range;

use crate::compose::tags::{self, Kind, Tag};

/// A text with its tokens, in order. They cover all of it.
#[derive(Debug)]
pub(in crate::compose) struct Markup<'a> {
    pub(in crate::compose) text: &'a str,
    pub(in crate::compose) tags: Vec<Tag>,
    pub(in crate::compose) tokens: Vec<Token>,
    /// Whether it is a value, in which braces are only braces.
    pub(in crate::compose) is_value: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::compose) enum Token {
    /// Text, with its entities.
    Text(Range<usize>),
    /// A handlebars tag among text, by its number.
    Tag(usize),
    Open(Open),
    /// `</p>`, with its name in small letters.
    Close(String, Range<usize>),
    /// What `<style>`, `<script>`, `<title>` and `<textarea>` hold.
    Raw(Range<usize>),
    /// A comment, a doctype.
    Comment(Range<usize>),
}

/// `<p class="x">`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::compose) struct Open {
    /// In small letters.
    pub(in crate::compose) name: String,
    pub(in crate::compose) range: Range<usize>,
    pub(in crate::compose) attributes: Vec<Attribute>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::compose) struct Attribute {
    /// In small letters.
    pub(in crate::compose) name: String,
    pub(in crate::compose) range: Range<usize>,
    /// Without its quotes.
    pub(in crate::compose) value: Option<Range<usize>>,
    /// Whether it stands in a `{{#if}}` within the element.
    pub(in crate::compose) conditional: bool,
}

impl Open {
    pub(in crate::compose) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|it| it.name == name)
    }
}

/// Elements whose content is no markup.
const RAW: [&str; 6] = ["style", "script", "title", "textarea", "xmp", "noframes"];

/// Elements without content.
pub(in crate::compose) fn is_void(name: &str) -> bool {
    const VOID: [&str; 15] = [
        "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param",
        "source", "track", "wbr", "basefont",
    ];
    VOID.contains(&name)
}

impl<'a> Markup<'a> {
    pub(in crate::compose) fn of(text: &'a str) -> Self {
        Self::scan(text, tags::scan(text), false)
    }

    pub(in crate::compose) fn of_value(text: &'a str) -> Self {
        Self::scan(text, Vec::new(), true)
    }

    fn scan(text: &'a str, tags: Vec<Tag>, is_value: bool) -> Self {
        let mut scanner = Scanner {
            text,
            tags: &tags,
            next: 0,
            at: 0,
        };
        let mut tokens = Vec::new();
        while scanner.at < text.len() {
            let token = scanner.token();
            let raw = match &token {
                Token::Open(open) if RAW.contains(&open.name.as_str()) => scanner.raw(&open.name),
                _ => None,
            };
            tokens.push(token);
            tokens.extend(raw.map(Token::Raw));
        }
        Self {
            text,
            tags,
            tokens,
            is_value,
        }
    }

    /// An attribute's value as it is written, without its quotes.
    pub(in crate::compose) fn value(&self, open: &Open, name: &str) -> Option<&'a str> {
        let value = open.attribute(name)?.value.clone()?;
        Some(&self.text[value])
    }

    /// The tags that stand within a range.
    pub(in crate::compose) fn tags_in(&self, range: &Range<usize>) -> Range<usize> {
        let first = self
            .tags
            .partition_point(|tag| tag.range.start < range.start);
        let after = self.tags.partition_point(|tag| tag.range.start < range.end);
        first..after
    }
}

struct Scanner<'a> {
    text: &'a str,
    tags: &'a [Tag],
    /// The first tag that does not end before `at`.
    next: usize,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The tag that begins here.
    fn tag(&mut self) -> Option<usize> {
        while self
            .tags
            .get(self.next)
            .is_some_and(|tag| tag.range.end <= self.at)
        {
            self.next += 1;
        }
        let tag = self.tags.get(self.next)?;
        (tag.range.start == self.at).then_some(self.next)
    }

    /// Goes on by one character, or over a tag as a whole.
    fn step(&mut self) {
        self.at = match self.tag() {
            Some(tag) => self.tags[tag].range.end,
            None => self.at + self.rest().chars().next().map_or(0, char::len_utf8),
        };
    }

    fn step_until(&mut self, stop: impl Fn(&str) -> bool) {
        while self.at < self.text.len() && (self.tag().is_some() || !stop(self.rest())) {
            self.step();
        }
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn token(&mut self) -> Token {
        let start = self.at;
        if let Some(tag) = self.tag() {
            self.at = self.tags[tag].range.end;
            return Token::Tag(tag);
        }
        if is_markup(self.rest()) {
            return self.markup();
        }
        self.step();
        while self.at < self.text.len() && self.tag().is_none() && !is_markup(self.rest()) {
            self.step();
        }
        Token::Text(start..self.at)
    }

    fn markup(&mut self) -> Token {
        let start = self.at;
        let end = if self.rest().starts_with("<!--") {
            self.at += 4;
            "-->"
        } else if self.rest().starts_with("</") {
            self.at += 2;
            let name = self.name();
            self.close(">");
            return Token::Close(name, start..self.at);
        } else if self.rest().starts_with("<!") || self.rest().starts_with("<?") {
            ">"
        } else {
            return Token::Open(self.open());
        };
        self.close(end);
        Token::Comment(start..self.at)
    }

    fn close(&mut self, end: &str) {
        self.step_until(|rest| rest.starts_with(end));
        self.at = (self.at + end.len()).min(self.text.len());
    }

    fn name(&mut self) -> String {
        let start = self.at;
        self.step_until(|rest| {
            rest.starts_with(|c: char| c.is_whitespace() || c == '/' || c == '>')
        });
        self.text[start..self.at].to_ascii_lowercase()
    }

    fn open(&mut self) -> Open {
        let start = self.at;
        self.at += 1;
        let name = self.name();
        let mut attributes = Vec::new();
        let mut depth: usize = 0;
        while self.at < self.text.len() {
            if let Some(tag) = self.tag() {
                match self.tags[tag].kind {
                    Kind::Open(_) => depth += 1,
                    Kind::Close(_) => depth = depth.saturating_sub(1),
                    _ => {}
                }
                self.step();
            } else if self.rest().starts_with('>') {
                self.at += 1;
                break;
            } else if self
                .rest()
                .starts_with(|c: char| c.is_whitespace() || c == '/')
            {
                self.step();
            } else {
                attributes.push(self.attribute(depth > 0));
            }
        }
        Open {
            name,
            range: start..self.at,
            attributes,
        }
    }

    fn attribute(&mut self, conditional: bool) -> Attribute {
        let start = self.at;
        self.step();
        self.step_until(|rest| {
            rest.starts_with(|c: char| c.is_whitespace() || matches!(c, '/' | '>' | '='))
        });
        let end = self.at;
        let name = self.text[start..end].to_ascii_lowercase();
        self.skip_space();
        let value = if self.tag().is_none() && self.rest().starts_with('=') {
            self.at += 1;
            self.skip_space();
            Some(self.attribute_value())
        } else {
            self.at = end;
            None
        };
        Attribute {
            name,
            range: start..self.at,
            value,
            conditional,
        }
    }

    fn attribute_value(&mut self) -> Range<usize> {
        let quote = self
            .rest()
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote.filter(|_| self.tag().is_none()) else {
            return self.bare_value();
        };
        self.at += 1;
        let start = self.at;
        self.step_until(|rest| rest.starts_with(quote));
        let end = self.at;
        self.at = (end + 1).min(self.text.len());
        start..end
    }

    /// A value without quotes. A block that it stands in closes after it.
    fn bare_value(&mut self) -> Range<usize> {
        let start = self.at;
        let mut depth: usize = 0;
        while self.at < self.text.len() {
            match self.tag().map(|tag| &self.tags[tag].kind) {
                Some(Kind::Open(_)) => depth += 1,
                Some(Kind::Close(_) | Kind::Else { .. }) if depth == 0 => break,
                Some(Kind::Close(_)) => depth -= 1,
                None if self
                    .rest()
                    .starts_with(|c: char| c.is_whitespace() || c == '>') =>
                {
                    break;
                }
                _ => {}
            }
            self.step();
        }
        start..self.at
    }

    /// What stands until the element closes.
    fn raw(&mut self, name: &str) -> Option<Range<usize>> {
        let start = self.at;
        self.step_until(|rest| {
            let close = rest
                .strip_prefix("</")
                .and_then(|rest| rest.get(..name.len()));
            close.is_some_and(|it| it.eq_ignore_ascii_case(name))
        });
        (self.at > start).then_some(start..self.at)
    }
}

/// Whether a `<` begins markup here, or is one of the text.
fn is_markup(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('<') else {
        return false;
    };
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_keep_tags_whole_and_cover_the_text() {
        let text =
            r#"a < b<!-- {{x}} --><A href='{{link "y"}}' {{#if z}}id=q{{/if}}>{{"<p>"}}</A >"#;
        let markup = Markup::of(text);
        let [
            Token::Text(_),
            Token::Comment(_),
            Token::Open(open),
            Token::Tag(4),
            Token::Close(name, _),
        ] = &markup.tokens[..]
        else {
            panic!("{:?}", markup.tokens);
        };
        assert_eq!((open.name.as_str(), name.as_str()), ("a", "a"));
        assert_eq!(markup.value(open, "href"), Some(r#"{{link "y"}}"#));
        assert_eq!(markup.value(open, "id"), Some("q"));
        let conditional: Vec<bool> = open.attributes.iter().map(|it| it.conditional).collect();
        assert_eq!(conditional, [false, true]);
    }

    #[test]
    fn a_style_is_one_token_until_it_closes() {
        let markup = Markup::of("<style>a > b {}</i></STYLE><p>");
        assert!(matches!(&markup.tokens[1], Token::Raw(range) if *range == (7..19)));
    }
}
