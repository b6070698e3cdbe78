//! The plain text of an HTML template: the same words, tags and links, for those who read no HTML.
//!
//! It is made once, of the template's text, and rendered like a text that a person wrote. Every
//! tag among the text comes out, and every one in a link's address; those of styles, classes and
//! hidden elements do not.

mod links;

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;

use links::Link;

use super::entity;
use super::flow::{self, Gap, Item};
use super::markup::{Markup, Open, Token, is_void};
use super::table::{self, Cells};
use crate::compose::source::Part;
use crate::compose::tags::{self, Kind};

/// What a partial shows in plain text: lines of its own or words, by its name.
pub(super) type Shapes = BTreeMap<String, Shape>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Whether it shows lines of its own.
    pub(super) lines: bool,
    /// Whether its text ends with a line break.
    pub(super) ends: bool,
}

/// How the partials show: those that are written as text, and those that will be made of HTML.
pub(super) fn shapes(partials: &BTreeMap<String, Part>) -> Shapes {
    let html = partials
        .iter()
        .filter_map(|(name, part)| Some((name.strip_suffix(".html")?, part)));
    let mut shapes: Shapes = html
        .map(|(name, part)| {
            let lines = has_lines(&Markup::of(&part.content));
            (name.to_owned(), Shape { lines, ends: lines })
        })
        .collect();
    for (name, part) in partials {
        if let Some(name) = name.strip_suffix(".txt").filter(|_| !part.derived) {
            let ends = part.content.ends_with('\n');
            let shape = shapes
                .entry(name.to_owned())
                .or_insert(Shape { lines: ends, ends });
            shape.ends = ends;
        }
    }
    shapes
}

/// Whether an HTML text holds more than words of a line.
fn has_lines(markup: &Markup<'_>) -> bool {
    markup.tokens.iter().any(|token| match token {
        Token::Open(open) => gap_of(&open.name) >= Gap::Line || open.name == "br",
        _ => false,
    })
}

/// The plain text of an HTML text. That of a partial without lines of its own has none either.
pub(super) fn derive(html: &str, shapes: &Shapes, is_partial: bool) -> String {
    let markup = Markup::of(html);
    let lines = !is_partial || has_lines(&markup);
    flow::write(items(&markup, shapes), lines)
}

/// The plain text of HTML that a value brings. There are no tags in a value.
pub(in crate::compose) fn of_value(html: &str) -> String {
    let markup = Markup::of_value(html);
    let text = flow::write(items(&markup, &Shapes::new()), false);
    text.trim_end().to_owned()
}

fn items(markup: &Markup<'_>, shapes: &Shapes) -> Vec<Item> {
    let mut walk = Walk {
        cells: table::survey(markup),
        kept: vec![false; markup.tags.len()],
        markup,
        shapes,
        items: Vec::new(),
        hidden: None,
        lists: Vec::new(),
        links: Vec::new(),
        pre: 0,
    };
    for (at, token) in markup.tokens.iter().enumerate() {
        walk.token(at, token);
    }
    without_hidden(walk.items, markup, walk.kept)
}

/// Leaves out the block tags of hidden elements and attributes, where all of a block is there.
fn without_hidden(items: Vec<Shown>, markup: &Markup<'_>, mut kept: Vec<bool>) -> Vec<Item> {
    let mut open: Vec<Vec<usize>> = Vec::new();
    for (number, tag) in markup.tags.iter().enumerate() {
        match tag.kind {
            Kind::Open(_) => open.push(vec![number]),
            Kind::Else { .. } => open
                .iter_mut()
                .last()
                .into_iter()
                .for_each(|it| it.push(number)),
            Kind::Close(_) => {
                let mut block = open.pop().unwrap_or_default();
                block.push(number);
                if block.iter().any(|number| kept[*number]) {
                    block.iter().for_each(|number| kept[*number] = true);
                }
            }
            _ => {}
        }
    }
    let shown = items
        .into_iter()
        .filter(|(_, tag)| tag.is_none_or(|tag| kept[tag]));
    shown.map(|(item, _)| item).collect()
}

/// An item, and the block tag that it is, by its number.
type Shown = (Item, Option<usize>);

struct Walk<'a> {
    markup: &'a Markup<'a>,
    shapes: &'a Shapes,
    cells: Cells,
    items: Vec<Shown>,
    /// Which tags are shown.
    kept: Vec<bool>,
    /// The element that hides what is in it, and how many of its name are open.
    hidden: Option<(String, usize)>,
    lists: Vec<List>,
    links: Vec<Link>,
    pre: usize,
}

/// An open list.
struct List {
    /// The number of its next item, if they are numbered.
    number: Option<usize>,
    in_item: bool,
}

impl Walk<'_> {
    fn push(&mut self, item: Item) {
        self.items.push((item, None));
    }

    fn gap(&mut self, gap: Gap) {
        self.push(Item::Gap(gap));
    }

    fn token(&mut self, at: usize, token: &Token) {
        match token {
            Token::Text(range) if self.hidden.is_none() => {
                self.text(&self.markup.text[range.clone()]);
            }
            Token::Tag(tag) => self.tag(*tag, self.hidden.is_none()),
            Token::Open(open) => self.open(at, open),
            Token::Close(name, _) => self.close(at, name),
            Token::Raw(range) | Token::Comment(range) => {
                for tag in self.markup.tags_in(range) {
                    self.tag(tag, false);
                }
            }
            Token::Text(_) => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut decoded = entity::decode(text);
        if !self.markup.is_value {
            decoded = escape_braces(&decoded);
        }
        if self.pre > 0 {
            let first = matches!(self.items.last(), Some((Item::Gap(_), _)));
            let text = decoded
                .strip_prefix('\n')
                .filter(|_| first)
                .unwrap_or(&decoded);
            return self.push(Item::Kept(text.to_owned()));
        }
        let mut rest = decoded.as_str();
        while !rest.is_empty() {
            let blank = rest.len() - rest.trim_start_matches(is_space).len();
            if blank > 0 {
                let line = rest[..blank].contains('\n');
                self.push(Item::Space { line });
            }
            rest = &rest[blank..];
            let word = &rest[..rest.find(is_space).unwrap_or(rest.len())];
            rest = &rest[word.len()..];
            let word: String = word.chars().filter(|c| !is_invisible(*c)).collect();
            if !word.is_empty() {
                self.push(Item::Word(word));
            }
        }
    }

    /// A tag. One that is not shown is noted all the same: its block may reach out.
    fn tag(&mut self, number: usize, shown: bool) {
        let tag = &self.markup.tags[number];
        let text = &self.markup.text[tag.range.clone()];
        if tag.kind == Kind::Verbatim && text.starts_with("{{!") {
            return;
        }
        let is_block = !matches!(tag.kind, Kind::Value | Kind::Verbatim | Kind::Unclosed);
        self.kept[number] |= shown;
        let item = match &tag.kind {
            _ if is_block && self.pre > 0 => Item::Kept(text.to_owned()),
            Kind::Open(word) => Item::Open {
                tag: text.to_owned(),
                is_loop: word == "each",
            },
            Kind::Else { chained } => Item::Else {
                tag: text.to_owned(),
                chained: *chained,
            },
            Kind::Close(_) => Item::Close(text.to_owned()),
            _ if !shown => return,
            _ if self.pre > 0 => Item::Kept(value(text)),
            _ => return self.value(text),
        };
        self.items.push((item, is_block.then_some(number)));
    }

    fn value(&mut self, text: &str) {
        let inside = tags::inside(text);
        if let Some(name) = inside.strip_prefix('>') {
            let name = name.split_whitespace().next().unwrap_or_default();
            let shape = self.shapes.get(name).copied();
            let shape = shape.unwrap_or(Shape {
                lines: true,
                ends: true,
            });
            let around = if shape.lines { Gap::Blank } else { Gap::None };
            self.gap(around);
            self.push(Item::Partial {
                tag: text.to_owned(),
                lines: shape.lines,
                ends: shape.ends,
            });
            self.gap(around);
        } else if inside == "body" && text.starts_with("{{{") {
            self.gap(Gap::Blank);
            self.push(Item::Word("{{body}}".to_owned()));
            self.gap(Gap::Blank);
        } else {
            self.push(Item::Word(value(text)));
        }
    }

    fn open(&mut self, at: usize, open: &Open) {
        let name = open.name.as_str();
        self.end_hidden_by(name);
        if let Some((hidden, depth)) = &mut self.hidden {
            *depth += usize::from(hidden == name);
            return self.attributes(open, &[]);
        }
        if self.hides(open) {
            self.attributes(open, &[]);
            if !is_void(name) {
                self.hidden = Some((name.to_owned(), 1));
            }
            return;
        }
        let shown: &[&str] = match name {
            "a" => &["href"],
            "img" => &["alt"],
            _ => &[],
        };
        if name != "a" && name != "img" {
            self.attributes(open, shown);
        }
        match name {
            "br" if self.cells.in_row(at) => self.push(Item::Space { line: false }),
            "br" => self.push(Item::Break),
            "hr" => {
                self.gap(Gap::Blank);
                self.push(Item::Word("---".to_owned()));
                self.gap(Gap::Blank);
            }
            "img" => self.image(open),
            "a" => self.begin_link(open),
            "ul" | "ol" => self.begin_list(at, open),
            "li" => self.begin_item(),
            "pre" => {
                self.gap(Gap::Blank);
                self.pre += 1;
            }
            "blockquote" => {
                self.gap(Gap::Blank);
                self.push(Item::Enter("> "));
            }
            "td" | "th" | "tr" => self.gap(self.cells.gap(at)),
            _ => self.gap(gap_of(name)),
        }
    }

    fn close(&mut self, at: usize, name: &str) {
        if let Some((hidden, depth)) = &mut self.hidden {
            if hidden == name {
                *depth -= 1;
                if *depth == 0 {
                    self.hidden = None;
                }
            }
            return;
        }
        match name {
            "a" => self.end_link(),
            "ul" | "ol" => self.end_list(),
            "li" => self.end_item(),
            "pre" if self.pre > 0 => {
                self.pre -= 1;
                if let Some((Item::Kept(text), None)) = self.items.last_mut() {
                    text.truncate(text.trim_end().len());
                }
                self.gap(Gap::Blank);
            }
            "blockquote" => {
                self.gap(Gap::Blank);
                self.push(Item::Leave);
            }
            "td" | "th" | "tr" => self.gap(self.cells.gap(at)),
            "br" | "hr" => {}
            _ => self.gap(gap_of(name)),
        }
    }

    /// Elements that end where another begins, without an end tag.
    fn end_hidden_by(&mut self, name: &str) {
        let ends = match self.hidden.as_ref().map(|(hidden, _)| hidden.as_str()) {
            Some("head") => name == "body",
            Some("p") => gap_of(name) >= Gap::Line,
            _ => false,
        };
        if ends {
            self.hidden = None;
        }
    }

    fn hides(&self, open: &Open) -> bool {
        const NEVER_SHOWN: [&str; 10] = [
            "head", "style", "script", "title", "template", "textarea", "svg", "noframes",
            "object", "select",
        ];
        let aria = self.markup.value(open, "aria-hidden");
        let conditional = |name: &str| open.attribute(name).is_some_and(|it| it.conditional);
        NEVER_SHOWN.contains(&open.name.as_str())
            || (open.attribute("hidden").is_some() && !conditional("hidden"))
            || (aria.is_some_and(|it| it.eq_ignore_ascii_case("true"))
                && !conditional("aria-hidden"))
            || (self.markup.value(open, "style").is_some_and(hides_by_style)
                && !conditional("style"))
    }

    /// The tags among an element's attributes, of which those in the values of `shown` show.
    fn attributes(&mut self, open: &Open, shown: &[&str]) {
        let values = open
            .attributes
            .iter()
            .filter(|it| shown.contains(&it.name.as_str()));
        let values: Vec<_> = values.filter_map(|it| it.value.clone()).collect();
        for number in self.markup.tags_in(&open.range) {
            let at = self.markup.tags[number].range.start;
            self.tag(number, values.iter().any(|value| value.contains(&at)));
        }
    }

    fn image(&mut self, open: &Open) {
        match open.attribute("alt").and_then(|it| it.value.clone()) {
            Some(alt) => self.attribute_text(open, alt),
            None => self.attributes(open, &[]),
        }
    }

    /// The text of an attribute; the other tags of the element are not shown.
    fn attribute_text(&mut self, open: &Open, value: Range<usize>) {
        let tags = self.markup.tags_in(&open.range);
        let within = self.markup.tags_in(&value);
        (tags.start..within.start).for_each(|tag| self.tag(tag, false));
        self.piece(value);
        (within.end..tags.end).for_each(|tag| self.tag(tag, false));
    }

    /// The text of a range, with its tags.
    fn piece(&mut self, range: Range<usize>) {
        let markup = self.markup;
        let mut from = range.start;
        for number in markup.tags_in(&range) {
            let tag = markup.tags[number].range.clone();
            self.text(&markup.text[from..tag.start]);
            self.tag(number, true);
            from = tag.end;
        }
        self.text(&markup.text[from.min(range.end)..range.end]);
    }

    fn begin_list(&mut self, at: usize, open: &Open) {
        self.gap(if self.lists.is_empty() {
            Gap::Blank
        } else {
            Gap::Line
        });
        let first = self
            .markup
            .value(open, "start")
            .and_then(|it| it.trim().parse().ok());
        let numbered =
            open.name == "ol" && table::can_be_numbered(&self.markup.tokens[at + 1..], self.markup);
        self.lists.push(List {
            number: numbered.then(|| first.unwrap_or(1)),
            in_item: false,
        });
    }

    fn begin_item(&mut self) {
        self.end_item();
        self.gap(Gap::Line);
        let Some(list) = self.lists.last_mut() else {
            return;
        };
        list.in_item = true;
        let (marker, width) = match &mut list.number {
            Some(number) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                (marker, "   ")
            }
            None => ("- ".to_owned(), "  "),
        };
        self.push(Item::Marker(marker));
        self.push(Item::Enter(width));
    }

    fn end_item(&mut self) {
        if let Some(list) = self.lists.last_mut()
            && mem::take(&mut list.in_item)
        {
            self.push(Item::Leave);
        }
        self.gap(Gap::Line);
    }

    fn end_list(&mut self) {
        self.end_item();
        self.lists.pop();
        self.gap(if self.lists.is_empty() {
            Gap::Blank
        } else {
            Gap::Line
        });
    }
}

/// What stands around an element.
fn gap_of(name: &str) -> Gap {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" | "pre"
        | "blockquote" | "hr" | "figure" | "fieldset" => Gap::Blank,
        "div" | "section" | "article" | "header" | "footer" | "main" | "nav" | "aside"
        | "center" | "address" | "form" | "li" | "dt" | "dd" | "tr" | "caption" | "figcaption"
        | "legend" | "body" | "html" | "thead" | "tbody" | "tfoot" | "details" | "summary"
        | "option" => Gap::Line,
        _ => Gap::None,
    }
}

/// A value as it is in plain text: what is HTML in it is taken out.
fn value(tag: &str) -> String {
    let unescaped = tag.starts_with("{{{") && !tag.starts_with("{{{{");
    let inside = tags::inside(tag);
    let amper = inside.strip_prefix('&').filter(|_| !unescaped);
    let Some(what) = amper.or(unescaped.then_some(inside)).map(str::trim) else {
        return tag.to_owned();
    };
    let whole = what.starts_with('[') && what.find(']') == Some(what.len() - 1);
    if what.contains(char::is_whitespace) && !whole {
        format!("{{{{plain_text ({what})}}}}")
    } else {
        format!("{{{{plain_text {what}}}}}")
    }
}

fn hides_by_style(style: &str) -> bool {
    let style: String = style.split_whitespace().collect();
    style
        .to_ascii_lowercase()
        .split(';')
        .any(|it| it.starts_with("display:none"))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{a0}')
}

/// Characters that only keep a line from breaking, or pad what a mail program shows of a mail.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{34f}' | '\u{feff}' | '\u{2060}'
    )
}

/// Decoding must not make a tag of what was none.
fn escape_braces(decoded: &str) -> String {
    let mut escaped = String::with_capacity(decoded.len());
    let mut rest = decoded;
    while let Some(at) = rest.find("{{") {
        escaped.push_str(&rest[..at]);
        escaped.push_str(if escaped.ends_with('\\') {
            "{{"
        } else {
            "\\{{"
        });
        rest = &rest[at + 2..];
    }
    escaped + rest
}

#[cfg(test)]
mod tests;
