//! What a template's author leaves to us: the plain text of an HTML body, both bodies of one in
//! Markdown.
//!
//! All of it is done to the texts of a template, before anything is filled in: a message costs
//! nothing more, and what was made can be read, frozen and rendered like a text that a person
//! wrote. Handlebars tags are not looked into; they stay what they are.

mod css;
mod entity;
mod flow;
mod lines;
mod markdown;
pub(super) mod markup;
mod nesting;
mod plain;
mod references;
mod selectors;
mod table;
mod words;

use std::collections::BTreeMap;

use super::fault::TemplateFault;
use super::source::Part;
use super::syntax::Sheet;
pub(super) use css::{Page, Styled, style, style_message};
pub(super) use plain::of_value as plain_text;
pub(super) use references::{Reference, images, style_links, with_images, with_styles};

/// The bodies of one edition of a template, with the layouts around them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bodies {
    /// `body.md`.
    pub(super) markdown: Option<Part>,
    /// `body.txt`.
    pub(super) text: Option<Part>,
    /// `body.html`.
    pub(super) html: Option<Part>,
    pub(super) layout_text: Option<Part>,
    pub(super) layout_html: Option<Part>,
}

/// Makes the bodies that are lacking of those that are there: HTML and text of Markdown, text of
/// HTML. A text body that was made gets a layout made of the HTML's, if it has none.
///
/// # Errors
///
/// The faults of texts that cannot be parsed, at their own places: nothing is made of them.
pub(super) fn settle(bodies: &mut Bodies, partials: &BTreeMap<String, Part>) -> Vec<TemplateFault> {
    let mut faults = Vec::new();
    let mut parses = |part: &&Part| match Sheet::parse(part) {
        Ok(_) => true,
        Err(fault) => {
            faults.push(*fault);
            false
        }
    };
    let shapes = plain::shapes(partials);
    let markdown = bodies.markdown.as_ref().filter(&mut parses);
    if let (Some(markdown), None) = (markdown, &bodies.html) {
        bodies.html = Some(made_of(
            markdown,
            markdown::html(&markdown.content, &shapes),
        ));
    }
    let Some(html) = &bodies.html else {
        return faults;
    };
    if bodies.text.is_none() && (html.derived || parses(&html)) {
        let text = made_of(html, plain::derive(&html.content, &shapes, false));
        if Sheet::parse(&text).is_err() {
            faults.push(not_derivable(&text));
        }
        bodies.text = Some(text);
    }
    let is_made = bodies.text.as_ref().is_some_and(|text| text.derived);
    if is_made
        && bodies.layout_text.is_none()
        && let Some(layout) = bodies.layout_html.as_ref()
        && Sheet::parse(layout).is_ok()
    {
        let text = made_of(layout, plain::derive(&layout.content, &shapes, false));
        if Sheet::parse(&text).is_err() {
            faults.push(not_derivable(&text));
        }
        bodies.layout_text = Some(text);
    }
    faults
}

/// Blocks that begin in an attribute and end elsewhere: nobody writes that, but it can be parsed.
fn not_derivable(text: &Part) -> TemplateFault {
    let message = format!("no plain text can be made of {}", text.file);
    let help = "write it yourself, into a file of the same name that ends in .txt";
    TemplateFault::of_file("missing-text", &text.file, message).help(help)
}

/// Makes `footer.txt` of `footer.html` where there is none, for all partials. What cannot be
/// parsed is left to those who include it.
pub(super) fn settle_partials(partials: &mut BTreeMap<String, Part>) {
    let shapes = plain::shapes(partials);
    let made: Vec<(String, Part)> = partials
        .iter()
        .filter_map(|(file, part)| {
            let name = format!("{}.txt", file.strip_suffix(".html")?);
            let lacking = !partials.contains_key(&name) && Sheet::parse(part).is_ok();
            lacking.then(|| {
                let text = plain::derive(&part.content, &shapes, true);
                (name, made_of(part, text))
            })
        })
        .collect();
    partials.extend(made);
}

fn made_of(part: &Part, content: String) -> Part {
    Part {
        file: part.file.clone(),
        content,
        derived: true,
    }
}
