//! Whether a template shows a name that is given to it: a link to unsubscribe, a postal address.

use super::source::Part;
use super::tags::{self, Kind};
use super::template::Template;

/// A body without something that it must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking<'a> {
    /// The body's file, relative to the templates directory.
    pub file: &'a str,
}

impl Template {
    /// The bodies that show a name neither themselves nor by their layout nor by a partial.
    #[must_use]
    pub fn bodies_without(&self, name: &str) -> Vec<Lacking<'_>> {
        let bodies = self.bodies().into_iter();
        let without = bodies.filter(|(body, layout, ext)| {
            let around = layout.iter().copied().chain([*body]);
            !around
                .chain(self.partials(ext))
                .any(|part| names(part, name))
        });
        without
            .map(|(body, ..)| Lacking { file: &body.file })
            .collect()
    }

    /// Whether any text of it shows a name.
    #[must_use]
    pub fn shows_anywhere(&self, name: &str) -> bool {
        let bodies = self.bodies().into_iter();
        let texts = bodies.flat_map(|(body, layout, _)| layout.into_iter().chain([body]));
        let subject = std::iter::once(&self.source.subject);
        let mut all = subject.chain(texts).chain(self.source.partials.values());
        all.any(|part| names(part, name))
    }

    /// Each body with its layout, and the ending of its partials.
    fn bodies(&self) -> Vec<(&Part, Option<&Part>, &'static str)> {
        let source = &self.source;
        let text = source.text.as_ref();
        let html = source.html.as_ref();
        let text = text.map(|body| (body, source.layout_text.as_ref(), ".txt"));
        let html = html.map(|body| (body, source.layout_html.as_ref(), ".html"));
        text.into_iter().chain(html).collect()
    }

    /// The partials that its texts of a kind use.
    fn partials(&self, ext: &str) -> impl Iterator<Item = &Part> {
        let all = self.source.partials.iter();
        all.filter(move |(name, _)| name.ends_with(ext))
            .map(|(_, part)| part)
    }
}

fn names(part: &Part, name: &str) -> bool {
    let text = &part.content;
    let mut tags = tags::scan(text).into_iter();
    tags.any(|tag| tag.kind == Kind::Value && tags::find_word(text, tag.range, name).is_some())
}
