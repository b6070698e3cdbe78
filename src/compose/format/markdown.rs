//! The HTML of a template in Markdown (CommonMark with tables, strikethrough and task lists).
//!
//! Markdown is read once, of the template's text: what is filled in later is never read as
//! Markdown. While it is read, words stand for the handlebars tags. A tag alone on its line is no
//! paragraph: it goes around the items of a list or the rows of a table that it stands between,
//! and else between the paragraphs.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset};

use super::lines::{Around, Draft};
use super::plain::Shapes;
use super::words::Words;
use crate::compose::tags::{self, Kind};

/// The HTML of a Markdown text.
pub(super) fn html(markdown: &str, shapes: &Shapes) -> String {
    let markdown = markdown.replace("\r\n", "\n");
    let words = Words::of(&markdown);
    let draft = Draft::of(&words);
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let parser = Parser::new_ext(&draft.text, options);
    let mut writer = Writer {
        words: &words,
        shapes,
        text: &draft.text,
        around: draft.around,
        open: Vec::new(),
        events: Vec::new(),
    };
    for (event, range) in TextMergeWithOffset::new(parser.into_offset_iter()) {
        writer.event(event, range.start);
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    pulldown_cmark::html::push_html(&mut html, writer.events.into_iter());
    words.restore(&html)
}

struct Writer<'a> {
    words: &'a Words<'a>,
    shapes: &'a Shapes,
    text: &'a str,
    around: BTreeMap<usize, Around>,
    /// The tags after the items and rows that are open.
    open: Vec<Vec<usize>>,
    events: Vec<Event<'a>>,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: Event<'a>, start: usize) {
        match &event {
            Event::Start(Tag::Item | Tag::TableRow) => {
                let line = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
                let around = self.around.remove(&line).unwrap_or_default();
                self.tags(&around.before);
                self.open.push(around.after);
                self.events.push(event);
            }
            Event::End(TagEnd::Item | TagEnd::TableRow) => {
                self.events.push(event);
                let after = self.open.pop().unwrap_or_default();
                self.tags(&after);
            }
            Event::End(TagEnd::Paragraph) if self.unwraps() => {}
            // Mail programs show no check boxes, and filters take forms for fraud.
            Event::TaskListMarker(done) => {
                let mark = if *done { "\u{2611} " } else { "\u{2610} " };
                self.events.push(Event::Text(mark.into()));
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                let link = self.link(html.trim());
                let whole = matches!(event, Event::Html(_));
                self.events.push(match link {
                    Some(link) if whole => Event::Html(format!("<p>{link}</p>\n").into()),
                    Some(link) => Event::InlineHtml(link.into()),
                    None => event,
                });
            }
            _ => self.events.push(event),
        }
    }

    /// `<{{url}}>`, which Markdown takes for an element, as the link that it is meant to be.
    fn link(&self, html: &str) -> Option<String> {
        let inside = html.strip_prefix('<')?.strip_suffix('>')?;
        let tags = self.words.only_tags(inside)?;
        let is_value = *self.words.kind(tags[0]) == Kind::Value;
        (is_value && tags.len() == 1).then(|| format!("<a href=\"{inside}\">{inside}</a>"))
    }

    fn tags(&mut self, tags: &[usize]) {
        for tag in tags {
            let html = format!("{}\n", self.words.word(*tag));
            self.events.push(Event::Html(html.into()));
        }
    }

    /// Takes the paragraph that ends here away from around tags that show paragraphs of their own,
    /// or nothing.
    fn unwraps(&mut self) -> bool {
        let [.., Event::Start(Tag::Paragraph), Event::Text(text)] = self.events.as_slice() else {
            return false;
        };
        let Some(tags) = self.words.only_tags(text) else {
            return false;
        };
        if !tags.iter().all(|tag| self.stands_alone(*tag)) {
            return false;
        }
        let html = format!("{text}\n");
        self.events.truncate(self.events.len() - 2);
        self.events.push(Event::Html(html.into()));
        true
    }

    fn stands_alone(&self, tag: usize) -> bool {
        let text = self.words.tag_text(tag);
        let partial = tags::inside(text).strip_prefix('>');
        match (self.words.kind(tag), partial) {
            (Kind::Value, Some(name)) => {
                let name = name.split_whitespace().next().unwrap_or_default();
                self.shapes.get(name).is_none_or(|shape| shape.lines)
            }
            (Kind::Value, None) => text.starts_with("{{{"),
            (kind, _) => *kind != Kind::Unclosed,
        }
    }
}
