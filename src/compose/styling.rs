//! The HTML of an edition with the rules of its `<style>` written into its elements.
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
use super::format::{self, Page, Styled};
use super::source::Part;
use super::syntax::Sheet;

/// How the HTML of an edition gets its styles, where it has rules for them.
pub(super) enum Styling {
    /// It has them: this is rendered.
    Once {
        html: Body,
        registry: Box<Handlebars<'static>>,
    },
    /// They depend on what is filled in: each message gets them after it is rendered.
    EachMessage,
}

/// None where there is nothing to do.
pub(super) fn styling(html: &Body, partials: &BTreeMap<String, Rc<Sheet>>) -> Option<Styling> {
    let layout = html.layout.as_ref();
    let partials = partials.iter();
    let page = Page {
        body: Part::clone(&html.page.part),
        layout: layout.map(|layout| Part::clone(&layout.part)),
        partials: partials
            .map(|(name, sheet)| (name.clone(), Part::clone(&sheet.part)))
            .collect(),
    };
    match format::style(&page) {
        Styled::AsWritten => None,
        Styled::EachMessage => Some(Styling::EachMessage),
        Styled::Once(styled) => match once(&styled, html) {
            Some(once) => Some(once),
            None => Some(Styling::EachMessage),
        },
    }
}

fn once(styled: &Page, html: &Body) -> Option<Styling> {
    let sheet = |part: &Part| Sheet::parse(part).ok();
    let mut registry = builtin::registry(true);
    for (name, part) in &styled.partials {
        registry.register_template(name, Arc::unwrap_or_clone(sheet(part)?.ast));
    }
    let page = Text {
        part: Arc::clone(&html.page.part),
        ast: sheet(&styled.body)?.ast,
    };
    let layout = match (&styled.layout, &html.layout) {
        (Some(styled), Some(written)) => {
            let (before, after) = split(&sheet(styled)?, true).ok()?;
            Some(Arc::new(Layout {
                part: Arc::clone(&written.part),
                before: Arc::new(before),
                after: Arc::new(after),
            }))
        }
        _ => None,
    };
    Some(Styling::Once {
        html: Body { page, layout },
        registry: Box::new(registry),
    })
}
