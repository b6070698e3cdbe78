//! Where links lead, beside what they say.

use std::mem;
use std::ops::Range;

use super::{Shown, Walk};
use crate::compose::format::flow::Item;
use crate::compose::format::markup::Open;

/// An open link.
pub(super) struct Link {
    /// Its address, as it is written.
    href: Vec<Shown>,
    /// Whether it has one only where a `{{#if}}` says so.
    conditional: bool,
    /// The tags of the element.
    tags: Range<usize>,
    /// Where its text begins.
    from: usize,
}

impl Walk<'_> {
    pub(super) fn begin_link(&mut self, open: &Open) {
        self.end_link();
        let outer = mem::take(&mut self.items);
        let href = open.attribute("href");
        let conditional = href.is_some_and(|it| it.conditional);
        match href.and_then(|it| it.value.clone()) {
            Some(value) if conditional => self.conditional_address(open, value),
            Some(value) => self.attribute_text(open, value),
            None => self.attributes(open, &[]),
        }
        self.links.push(Link {
            href: mem::replace(&mut self.items, outer),
            conditional,
            tags: self.markup.tags_in(&open.range),
            from: self.items.len(),
        });
    }

    /// ` <address>` within the `{{#if}}` that the attribute stands in.
    fn conditional_address(&mut self, open: &Open, value: Range<usize>) {
        let markup = self.markup;
        let mut written = false;
        for number in markup.tags_in(&open.range) {
            let tag = &markup.tags[number];
            if tag.range.start >= value.start && !mem::replace(&mut written, true) {
                self.push(Item::Space { line: false });
                self.push(Item::Word("<".to_owned()));
                self.piece(value.clone());
                self.push(Item::Word(">".to_owned()));
            }
            let mut attributes = open.attributes.iter();
            if !attributes.any(|it| it.range.contains(&tag.range.start)) {
                self.tag(number, true);
            }
        }
    }

    /// `text <address>`, or only the address where the text says the same or nothing.
    pub(super) fn end_link(&mut self) {
        let Some(mut link) = self.links.pop() else {
            return;
        };
        let end = self.end_of_words(link.from);
        if link.conditional {
            self.items.splice(end..end, link.href);
            return;
        }
        let (href, text) = (self.said(&link.href), self.said(&self.items[link.from..]));
        let (kind, address) = address(&href);
        if kind == Address::None || same(address, &text) {
            self.kept[link.tags].fill(false);
            return;
        }
        drop_scheme(&mut link.href, &href, address);
        let added: Vec<Shown> = if text.is_empty() {
            link.href
        } else {
            let word = |text: &str| (Item::Word(text.to_owned()), None);
            let before = [(Item::Space { line: false }, None), word("<")];
            let address = before.into_iter().chain(link.href);
            address.chain([word(">")]).collect()
        };
        self.items.splice(end..end, added);
    }

    /// The text of some items, with the tags that show.
    fn said(&self, items: &[Shown]) -> String {
        let shown = items
            .iter()
            .filter(|(_, tag)| tag.is_none_or(|tag| self.kept[tag]));
        let words = shown.filter_map(|(item, _)| match item {
            Item::Word(word) | Item::Kept(word) => Some(word.as_str()),
            Item::Open { tag, .. } | Item::Else { tag, .. } | Item::Close(tag) => Some(tag),
            Item::Space { .. } => Some(" "),
            _ => None,
        });
        words.collect::<String>().trim().to_owned()
    }

    /// Where the words of a link end: before the gaps after them.
    fn end_of_words(&self, from: usize) -> usize {
        let gaps = self.items[from..].iter().rev();
        let gaps = gaps.take_while(|(item, _)| {
            matches!(item, Item::Gap(_) | Item::Space { .. } | Item::Break)
        });
        self.items.len() - gaps.count()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Address {
    None,
    /// Of a page.
    Page,
    /// Of a mailbox or a telephone.
    Direct,
}

/// What a link's address is to a person who reads text.
fn address(href: &str) -> (Address, &str) {
    let scheme = href
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("mailto" | "tel" | "sms") => {
            let rest = &href[href.find(':').map_or(0, |at| at + 1)..];
            (Address::Direct, rest.split('?').next().unwrap_or(rest))
        }
        Some("javascript" | "cid" | "data" | "vbscript") => (Address::None, href),
        _ if href.is_empty() || href.starts_with('#') => (Address::None, href),
        _ => (Address::Page, href),
    }
}

/// Whether the text of a link says its address.
fn same(address: &str, text: &str) -> bool {
    fn bare(text: &str) -> &str {
        let text = text
            .strip_prefix("https://")
            .or(text.strip_prefix("http://"))
            .unwrap_or(text);
        text.strip_prefix("www.")
            .unwrap_or(text)
            .trim_end_matches('/')
    }
    bare(address) == bare(text)
}

/// Leaves of `mailto:ada@example.org?subject=Hi` the address.
fn drop_scheme(items: &mut Vec<Shown>, href: &str, address: &str) {
    if address.len() == href.len() {
        return;
    }
    let is_plain = items.iter().all(|(item, _)| matches!(item, Item::Word(_)));
    if is_plain {
        *items = vec![(Item::Word(address.to_owned()), None)];
    }
}
