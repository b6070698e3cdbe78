//! The HTML of an edition as it goes out: with the rules of its `<style>` written into its
//! elements, and its images named as parts of the message.
//!
//! It stands beside the HTML as the author wrote it: where rendering fails, the author's own file
//! and line are found by that.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use handlebars::Handlebars;

use super::builtin;
use super::compile::split;
use super::edition::{Body, Layout, Text};
use super::enclosure::Enclosure;
use super::format::{self, Page, Styled};
use super::gallery::Stock;
use super::source::Part;
use super::syntax::Sheet;

type Texts = (Body, Box<Handlebars<'static>>);

/// What the HTML of an edition becomes.
#[derive(Default)]
pub(super) struct Finish {
    /// This is rendered, in place of what the author wrote.
    pub(super) texts: Option<Texts>,
    /// Its styles depend on what is filled in: each message gets them after it is rendered.
    pub(super) styles_each: bool,
    /// What it shows, each once.
    pub(super) images: Vec<Enclosure>,
}

pub(super) fn finish(
    html: &Body,
    partials: &BTreeMap<String, Rc<Sheet>>,
    stock: &Stock<'_>,
) -> Finish {
    let layout = html.layout.as_ref();
    let partials = partials.iter();
    let page = Page {
        body: Part::clone(&html.page.part),
        layout: layout.map(|layout| Part::clone(&layout.part)),
        partials: partials
            .map(|(name, sheet)| (name.clone(), Part::clone(&sheet.part)))
            .collect(),
    };
    let (page, images, is_placed) = match stock.place(&page) {
        Some((placed, images)) => (placed, images, true),
        None => (page, Vec::new(), false),
    };
    let placed = || is_placed.then(|| parsed(&page, html)).flatten();
    let (texts, styles_each) = match format::style(&page) {
        Styled::AsWritten => (placed(), false),
        Styled::EachMessage => (placed(), true),
        Styled::Once(styled) => match parsed(&styled, html) {
            Some(texts) => (Some(texts), false),
            None => (placed(), true),
        },
    };
    Finish {
        texts,
        styles_each,
        images,
    }
}

/// The texts of a page that was made of an edition's.
fn parsed(made: &Page, html: &Body) -> Option<Texts> {
    let sheet = |part: &Part| Sheet::parse(part).ok();
    let mut registry = builtin::registry(true);
    for (name, part) in &made.partials {
        registry.register_template(name, Arc::unwrap_or_clone(sheet(part)?.ast));
    }
    let page = Text {
        part: Arc::clone(&html.page.part),
        ast: sheet(&made.body)?.ast,
    };
    let layout = match (&made.layout, &html.layout) {
        (Some(made), Some(written)) => {
            let (before, after) = split(&sheet(made)?, true).ok()?;
            Some(Arc::new(Layout {
                part: Arc::clone(&written.part),
                before: Arc::new(before),
                after: Arc::new(after),
            }))
        }
        _ => None,
    };
    Some((Body { page, layout }, Box::new(registry)))
}
