//! The rules of a template's `<style>` as `style` attributes: many mail programs know no others.
//!
//! It is done once, of the joined texts: the layout with the body and the partials in their places.
//! A document of their elements alone is styled, and each element's style is then written into
//! the text that it stands in; nothing else of a text changes. What cannot be an attribute (dark
//! mode, narrow screens, `:hover`) stays in the `<style>`. Where a rule may or may not fit, by what
//! is filled in, each message is styled by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use css_inline::{CSSInliner, InlineOptions};

use super::markup::{Attribute, Markup, Open, Token};
use super::nesting::Nesting;
use super::selectors::Selectors;
use crate::compose::source::Part;
use crate::compose::tags::{self, Kind};

/// The HTML texts of one edition.
#[derive(Debug, Clone)]
pub(in crate::compose) struct Page {
    pub(in crate::compose) body: Part,
    pub(in crate::compose) layout: Option<Part>,
    /// By name.
    pub(in crate::compose) partials: BTreeMap<String, Part>,
}

/// How a page gets its styles.
#[derive(Debug)]
pub(in crate::compose) enum Styled {
    /// It has no rules: it stays as it is.
    AsWritten,
    /// These are its texts, with their styles.
    Once(Box<Page>),
    /// Its styles depend on what is filled in.
    EachMessage,
}

/// Writes the rules of a page's `<style>` into its elements.
pub(in crate::compose) fn style(page: &Page) -> Styled {
    let texts = std::iter::once(&page.body)
        .chain(&page.layout)
        .chain(page.partials.values());
    let has_rules = |part: &Part| part.content.to_ascii_lowercase().contains("<style");
    if !texts.clone().any(has_rules) {
        return Styled::AsWritten;
    }
    let markups: Vec<Markup<'_>> = texts.map(|part| Markup::of(&part.content)).collect();
    let numbers = page.partials.keys().map(String::as_str);
    let first = 1 + usize::from(page.layout.is_some());
    let partials: BTreeMap<&str, usize> = numbers.zip(first..).collect();
    let mut document = Document::new(&markups, partials);
    document.text(usize::from(page.layout.is_some()), None);
    match document.styled() {
        Outcome::Nothing => Styled::AsWritten,
        Outcome::Depends => Styled::EachMessage,
        Outcome::Texts(texts) => Styled::Once(Box::new(rewritten(page, first, texts))),
    }
}

/// Writes the rules of a message's `<style>` into its elements.
pub(in crate::compose) fn style_message(html: &str) -> String {
    let markups = [Markup::of_value(html)];
    let mut document = Document::new(&markups, BTreeMap::new());
    document.text(0, None);
    match document.styled() {
        Outcome::Texts(mut texts) => texts.swap_remove(0).content,
        _ => html.to_owned(),
    }
}

/// A text at one of its places.
struct Written {
    text: usize,
    content: String,
    name: String,
}

fn rewritten(page: &Page, first: usize, texts: Vec<Written>) -> Page {
    let mut styled = page.clone();
    let names: Vec<&String> = page.partials.keys().collect();
    for Written {
        text,
        content,
        name,
    } in texts
    {
        if text == 0 {
            styled.body.content = content;
        } else if text < first {
            if let Some(layout) = &mut styled.layout {
                layout.content = content;
            }
        } else {
            let of = &page.partials[names[text - first]];
            let part = Part {
                content,
                ..of.clone()
            };
            styled.partials.insert(name, part);
        }
    }
    styled
}

enum Outcome {
    Nothing,
    Depends,
    Texts(Vec<Written>),
}

/// No page of more elements is styled, once or at all: partials may include others again and again.
const LARGEST: usize = 50_000;

/// A place at which a text is shown: partials have as many as they are included.
struct Instance {
    text: usize,
    /// The tag that includes it, with the instance that this stands in.
    call: Option<(usize, usize)>,
}

/// The elements of all texts, joined, each with a number.
struct Document<'a> {
    markups: &'a [Markup<'a>],
    partials: BTreeMap<&'a str, usize>,
    html: String,
    css: String,
    instances: Vec<Instance>,
    /// The instance and the token of each element.
    elements: Vec<(usize, usize)>,
    /// Attributes that a value is part of, and classes that may be.
    variable: BTreeSet<String>,
    patterns: Vec<Vec<String>>,
    depends: bool,
    has_blocks: bool,
    /// Whether a value may bring elements, which the rules are for as well.
    has_raw: bool,
    /// Open elements around each open block.
    balance: Vec<i64>,
    depth: i64,
    nesting: Nesting<'a>,
}

const MARK: &str = "data-postroom-element";

impl<'a> Document<'a> {
    fn new(markups: &'a [Markup<'a>], partials: BTreeMap<&'a str, usize>) -> Self {
        Self {
            markups,
            partials,
            html: String::new(),
            css: String::new(),
            instances: Vec::new(),
            elements: Vec::new(),
            variable: BTreeSet::new(),
            patterns: Vec::new(),
            depends: false,
            has_blocks: false,
            has_raw: false,
            balance: Vec::new(),
            depth: 0,
            nesting: Nesting::default(),
        }
    }

    fn text(&mut self, text: usize, call: Option<(usize, usize)>) {
        let instance = self.instances.len();
        self.instances.push(Instance { text, call });
        let markup = &self.markups[text];
        let mut in_style = false;
        for (at, token) in markup.tokens.iter().enumerate() {
            if self.elements.len() > LARGEST || self.nesting.is_too_deep() {
                self.depends = true;
                return;
            }
            match token {
                Token::Text(range) => self.html.push_str(&markup.text[range.clone()]),
                Token::Tag(tag) => self.tag(instance, *tag),
                Token::Open(open) => {
                    in_style = open.name == "style";
                    self.nesting.open(&open.name);
                    self.open(instance, at, open);
                }
                Token::Close(name, range) => {
                    self.depth -= i64::from(counts(name));
                    self.nesting.close(name);
                    self.html.push_str(&markup.text[range.clone()]);
                }
                Token::Raw(range) if in_style => {
                    self.depends |= !markup.tags_in(range).is_empty();
                    self.html.push_str(&markup.text[range.clone()]);
                    self.css.push_str(&markup.text[range.clone()]);
                    self.css.push('\n');
                }
                Token::Raw(_) => {}
                Token::Comment(range) if markup.text[range.clone()].starts_with("<!--") => {}
                Token::Comment(range) => self.html.push_str(&markup.text[range.clone()]),
            }
        }
    }

    fn tag(&mut self, instance: usize, number: usize) {
        let markup = &self.markups[self.instances[instance].text];
        let tag = &markup.tags[number];
        let text = &markup.text[tag.range.clone()];
        let inside = tags::inside(text);
        match &tag.kind {
            Kind::Open(_) => {
                self.has_blocks = true;
                // What a partial puts around a block is not known here.
                self.depends |= inside.starts_with("#>") || inside.starts_with("# >");
                self.balance.push(self.depth);
            }
            Kind::Else { .. } => {
                let before = self.balance.last().copied().unwrap_or(self.depth);
                self.depends |= before != self.depth;
            }
            Kind::Close(_) => {
                let before = self.balance.pop().unwrap_or(self.depth);
                self.depends |= before != self.depth;
            }
            Kind::Value if inside.starts_with('>') => {
                let name = partial_name(inside);
                if let Some(text) = self.partials.get(name).copied()
                    && !self.is_within(instance, text)
                {
                    self.text(text, Some((instance, number)));
                }
            }
            Kind::Value if inside == "body" && self.is_layout(instance) => self.text(0, None),
            Kind::Value if text.starts_with("{{{") || inside.starts_with('&') => {
                self.has_raw = true;
            }
            _ => {}
        }
    }

    fn is_layout(&self, instance: usize) -> bool {
        let Instance { text, call } = &self.instances[instance];
        *text == 1 && call.is_none() && instance == 0
    }

    /// Whether a text stands in itself, or too deep.
    fn is_within(&self, mut instance: usize, text: usize) -> bool {
        for _ in 0..80 {
            let here = &self.instances[instance];
            match here.call {
                _ if here.text == text => return true,
                Some((outer, _)) => instance = outer,
                None => return false,
            }
        }
        true
    }

    fn open(&mut self, instance: usize, token: usize, open: &Open) {
        let markup = &self.markups[self.instances[instance].text];
        self.depth += i64::from(counts(&open.name));
        let number = self.elements.len();
        self.elements.push((instance, token));
        self.html
            .push_str(&format!("<{} {MARK}=\"{number}\"", open.name));
        for attribute in &open.attributes {
            self.attribute(markup, attribute);
        }
        self.html.push('>');
    }

    fn attribute(&mut self, markup: &Markup<'_>, attribute: &Attribute) {
        let Attribute {
            name, range, value, ..
        } = attribute;
        let is_variable = attribute.conditional || !markup.tags_in(range).is_empty();
        if !is_variable {
            self.html.push(' ');
            self.html.push_str(&markup.text[range.clone()]);
            return;
        }
        self.variable.insert(name.clone());
        match (name.as_str(), value) {
            ("style" | "id", _) if attribute.conditional => self.depends = true,
            ("class", Some(value)) => {
                let (fixed, patterns) = classes(markup, value, attribute.conditional);
                self.patterns.extend(patterns);
                self.html.push_str(&format!(" class=\"{fixed}\""));
            }
            _ => {}
        }
    }

    fn styled(&self) -> Outcome {
        if self.css.trim().is_empty() {
            return Outcome::Nothing;
        }
        let selectors = Selectors::of(&self.css);
        if self.depends
            || (self.has_blocks && selectors.structural)
            || selectors
                .attributes
                .intersection(&self.variable)
                .next()
                .is_some()
            || (self.variable.contains("id") && selectors.ids)
            || self
                .patterns
                .iter()
                .any(|it| selectors.classes.iter().any(|class| fits(it, class)))
        {
            return Outcome::Depends;
        }
        let options = InlineOptions {
            keep_style_tags: true,
            keep_at_rules: true,
            remove_inlined_selectors: true,
            load_remote_stylesheets: false,
            ..InlineOptions::default()
        };
        match CSSInliner::new(options).inline(&self.html) {
            Ok(html) => Outcome::Texts(self.write(&html)),
            // Rules that cannot be read are left to who shows the message.
            Err(_) => Outcome::Nothing,
        }
    }

    /// The texts with the styles that the elements got.
    fn write(&self, styled: &str) -> Vec<Written> {
        let mut edits: Vec<Vec<(Range<usize>, String)>> =
            self.instances.iter().map(|_| Vec::new()).collect();
        let result = Markup::of_value(styled);
        let mut rules: BTreeMap<usize, &str> = BTreeMap::new();
        for (at, token) in result.tokens.iter().enumerate() {
            let Token::Open(open) = token else { continue };
            let mark = result.value(open, MARK).and_then(|it| it.parse().ok());
            let Some(number) = mark.filter(|it: &usize| *it < self.elements.len()) else {
                continue;
            };
            if open.name == "style" {
                let kept = match result.tokens.get(at + 1) {
                    Some(Token::Raw(range)) => &result.text[range.clone()],
                    _ => "",
                };
                rules.insert(number, kept);
            } else if let Some(style) = result.value(open, "style").filter(|it| !it.is_empty()) {
                let (instance, edit) = self.edit(number, style);
                edits[instance].extend(edit);
            }
        }
        if !self.has_raw {
            self.write_rules(&rules, &mut edits);
        }
        self.join(edits)
    }

    /// What must change of an element so that it has a style.
    fn edit(&self, number: usize, style: &str) -> (usize, Option<(Range<usize>, String)>) {
        let (instance, token) = self.elements[number];
        let markup = &self.markups[self.instances[instance].text];
        let Token::Open(open) = &markup.tokens[token] else {
            return (instance, None);
        };
        let Some(own) = open.attribute("style") else {
            let at = open.range.start + 1 + open.name.len();
            return (instance, Some((at..at, format!(" style=\"{style}\""))));
        };
        let written = own.value.clone().map_or("", |it| &markup.text[it]);
        let is_variable = !markup.tags_in(&own.range).is_empty();
        let joined = match is_variable {
            true => format!(
                "style=\"{}; {written}\"",
                style.trim_end_matches([';', ' '])
            ),
            false => format!("style=\"{style}\""),
        };
        (instance, Some((own.range.clone(), joined)))
    }

    /// Leaves of each `<style>` what could not be written into elements.
    fn write_rules(
        &self,
        rules: &BTreeMap<usize, &str>,
        edits: &mut [Vec<(Range<usize>, String)>],
    ) {
        for (number, (instance, token)) in self.elements.iter().enumerate() {
            let markup = &self.markups[self.instances[*instance].text];
            let Token::Open(open) = &markup.tokens[*token] else {
                continue;
            };
            if open.name != "style" {
                continue;
            }
            let kept = rules.get(&number).map_or("", |it| it.trim());
            let Some(Token::Raw(raw)) = markup.tokens.get(token + 1) else {
                continue;
            };
            let close = markup.tokens.get(token + 2);
            let edit = match close {
                Some(Token::Close(_, close)) if kept.is_empty() => {
                    (open.range.start..close.end, String::new())
                }
                _ => (raw.clone(), format!("\n{kept}\n")),
            };
            edits[*instance].push(edit);
        }
    }

    /// The texts of all instances. One that came out differently at one place than at another gets
    /// another name there.
    fn join(&self, mut edits: Vec<Vec<(Range<usize>, String)>>) -> Vec<Written> {
        let mut written: Vec<Written> = Vec::new();
        for instance in (0..self.instances.len()).rev() {
            let Instance { text, call } = self.instances[instance];
            let markup = &self.markups[text];
            let content = edited(markup.text, std::mem::take(&mut edits[instance]));
            let partial = self.partials.iter().find(|(_, it)| **it == text);
            let Some((name, _)) = partial else {
                written.push(Written {
                    text,
                    content,
                    name: String::new(),
                });
                continue;
            };
            let same = written.iter().filter(|it| it.text == text);
            let others = same.clone().count();
            let known = same.clone().find(|it| it.content == content);
            let name = match known {
                Some(known) => known.name.clone(),
                None if others == 0 => (*name).to_owned(),
                None => format!("{name}--{others}"),
            };
            if let Some((outer, tag)) = call {
                let outer_markup = &self.markups[self.instances[outer].text];
                let range = outer_markup.tags[tag].range.clone();
                let renamed = renamed(&outer_markup.text[range.clone()], &name);
                edits[outer].push((range, renamed));
            }
            if known.is_none() {
                written.push(Written {
                    text,
                    content,
                    name,
                });
            }
        }
        written
    }
}

/// `{{> card}}` with another name.
fn renamed(tag: &str, name: &str) -> String {
    let old = partial_name(tags::inside(tag));
    let start = tag.find('>').map_or(0, |at| at + 1);
    match tag[start..].find(old) {
        Some(at) => format!(
            "{}{name}{}",
            &tag[..start + at],
            &tag[start + at + old.len()..]
        ),
        None => tag.to_owned(),
    }
}

fn partial_name(inside: &str) -> &str {
    inside[1..].split_whitespace().next().unwrap_or_default()
}

pub(super) fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len() * 2);
    let mut from = 0;
    for (range, written) in edits {
        if range.start < from {
            continue;
        }
        out.push_str(&text[from..range.start]);
        out.push_str(&written);
        from = range.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Whether an element must be closed, so that its ends can be counted.
fn counts(name: &str) -> bool {
    matches!(
        name,
        "div"
            | "span"
            | "table"
            | "a"
            | "b"
            | "strong"
            | "em"
            | "i"
            | "section"
            | "article"
            | "ul"
            | "ol"
            | "center"
            | "blockquote"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "font"
            | "u"
    )
}

/// The classes that an attribute always has, and the patterns of those that it may have: pieces
/// between which anything may stand.
fn classes(
    markup: &Markup<'_>,
    value: &Range<usize>,
    conditional: bool,
) -> (String, Vec<Vec<String>>) {
    const ANY: char = '\u{1}';
    let numbers = markup.tags_in(value);
    let has_block = markup.tags[numbers.clone()]
        .iter()
        .any(|it| it.kind != Kind::Value);
    let mut text = String::new();
    let mut from = value.start;
    for tag in &markup.tags[numbers] {
        text.push_str(&markup.text[from..tag.range.start]);
        text.push(ANY);
        from = tag.range.end;
    }
    text.push_str(&markup.text[from.min(value.end)..value.end]);
    let (mut fixed, mut patterns) = (Vec::new(), Vec::new());
    for word in text.split_ascii_whitespace() {
        if conditional || has_block || word.contains(ANY) {
            patterns.push(word.split(ANY).map(str::to_owned).collect());
        } else {
            fixed.push(word);
        }
    }
    (fixed.join(" "), patterns)
}

/// Whether a class can come of a pattern.
fn fits(pattern: &[String], class: &str) -> bool {
    let [first, middle @ ..] = pattern else {
        return false;
    };
    let Some(mut rest) = class.strip_prefix(first.as_str()) else {
        return false;
    };
    for (at, piece) in middle.iter().enumerate() {
        if at + 1 == middle.len() {
            return rest.ends_with(piece.as_str());
        }
        match rest.find(piece.as_str()) {
            Some(found) => rest = &rest[found + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
