//! Whether a template shows a name that is given to it: a link to unsubscribe, a postal address.

use std::collections::BTreeSet;

use super::source::{Part, Source};
use super::tags::{self, Kind};
use super::template::Template;

/// A body without something that it must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking<'a> {
    /// The body's file, relative to the templates directory.
    pub file: &'a str,
}

impl Template {
    /// The bodies, in any language, that show a name neither themselves nor by their layout nor by
    /// a partial that these include.
    #[must_use]
    pub fn bodies_without(&self, name: &str) -> Vec<Lacking<'_>> {
        let pages = pages(&self.source).into_iter();
        let without = pages.filter(|page| !page.shows(&self.source, name));
        // A text that was made of the HTML is of the same file.
        let mut files: Vec<_> = without.map(|page| page.body.file.as_str()).collect();
        files.dedup();
        files.into_iter().map(|file| Lacking { file }).collect()
    }

    /// Whether any text of it shows a name.
    #[must_use]
    pub fn shows_anywhere(&self, name: &str) -> bool {
        let source = &self.source;
        let languages = source.languages.values();
        let mut subjects = languages.filter_map(|it| it.subject.as_ref());
        let pages = pages(source);
        let mut headers = source.headers.values();
        names(&source.subject, name)
            || headers.any(|part| names(part, name))
            || subjects.any(|part| names(part, name))
            || pages.iter().any(|page| page.shows(source, name))
    }
}

/// A body as one language has it.
struct Page<'a> {
    body: &'a Part,
    layout: Option<&'a Part>,
    /// The tag of its language; nothing for the texts without one.
    tag: &'a str,
    ext: &'static str,
}

/// All bodies, each with the layout around it: its language's, or else that of a shorter tag.
fn pages(source: &Source) -> Vec<Page<'_>> {
    let mut pages = Vec::new();
    let mut add = |body: Option<_>, layout, tag, ext| {
        pages.extend(body.map(|body| Page {
            body,
            layout,
            tag,
            ext,
        }));
    };
    let Source { text, html, .. } = source;
    add(text.as_ref(), source.layout_text.as_ref(), "", "txt");
    add(html.as_ref(), source.layout_html.as_ref(), "", "html");
    for (tag, wording) in &source.languages {
        let shorter = || shorter(tag).filter_map(|tag| source.languages.get(tag));
        let text = shorter().find_map(|it| it.layout_text.as_ref());
        let html = shorter().find_map(|it| it.layout_html.as_ref());
        let text = text.or(source.layout_text.as_ref());
        let html = html.or(source.layout_html.as_ref());
        add(wording.text.as_ref(), text, tag, "txt");
        add(wording.html.as_ref(), html, tag, "html");
    }
    pages
}

/// A tag, and what is left of it without its last parts: `de-AT`, `de`.
fn shorter(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| {
        tag.rsplit_once('-').map(|(shorter, _)| shorter)
    })
}

impl Page<'_> {
    fn shows(&self, source: &Source, name: &str) -> bool {
        let mut parts: Vec<&Part> = self.layout.into_iter().chain([self.body]).collect();
        let mut seen = BTreeSet::new();
        while let Some(part) = parts.pop() {
            if names(part, name) {
                return true;
            }
            let included = included(part).filter(|name| seen.insert(*name));
            let included: Vec<_> = included.collect();
            parts.extend(
                included
                    .iter()
                    .filter_map(|name| self.partial(source, name)),
            );
        }
        false
    }

    /// The partial that its language has under a name.
    fn partial<'s>(&self, source: &'s Source, name: &str) -> Option<&'s Part> {
        let tagged = shorter(self.tag).map(|tag| format!("{name}.{tag}.{}", self.ext));
        let mut files = tagged.chain([format!("{name}.{}", self.ext)]);
        files.find_map(|wanted| {
            let same = |file: &&String| file.eq_ignore_ascii_case(&wanted);
            source.partials.get(source.partials.keys().find(same)?)
        })
    }
}

fn names(part: &Part, name: &str) -> bool {
    let text = &part.content;
    let mut tags = tags::scan(text).into_iter();
    tags.any(|tag| tag.kind == Kind::Value && tags::find_word(text, tag.range, name).is_some())
}

/// The names of the partials that a text includes: `{{> footer}}`, `{{#> card}}`.
fn included(part: &Part) -> impl Iterator<Item = &str> {
    let tags = tags::scan(&part.content).into_iter();
    tags.filter_map(|tag| {
        let inner = tags::inside(&part.content[tag.range]).trim_start_matches('#');
        inner
            .trim_start()
            .strip_prefix('>')?
            .split_whitespace()
            .next()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compose::Wording;

    fn part(file: &str, content: &str) -> Part {
        Part {
            file: file.to_owned(),
            content: content.to_owned(),
            derived: false,
        }
    }

    fn lacking(source: Source) -> Vec<String> {
        let all = pages(&source).into_iter();
        let all = all.filter(|page| !page.shows(&source, "unsubscribe_url"));
        all.map(|page| page.body.file.clone()).collect()
    }

    #[test]
    fn each_body_shows_it_itself_or_by_what_is_around_it_in_its_language() {
        let footer = |file: &str| (file.to_owned(), part(file, "{{unsubscribe_url}}"));
        let german = |body: &str, layout: Option<&str>| Wording {
            html: Some(part("body.de.html", body)),
            layout_html: layout.map(|text| part("layout.de.html", text)),
            ..Wording::default()
        };
        let source = |text: &str, html: &str, german: Wording| Source {
            name: "news".to_owned(),
            subject: part("subject.txt", "News"),
            markdown: None,
            text: Some(part("body.txt", text)),
            html: Some(part("body.html", html)),
            layout_text: None,
            layout_html: Some(part("layout.html", "{{{body}}}{{> foot}}")),
            partials: BTreeMap::from([
                footer("foot.html"),
                (
                    "foot.de.html".to_owned(),
                    part("foot.de.html", "{{> deep}}"),
                ),
                footer("deep.html"),
            ]),
            language: crate::compose::Language::default(),
            language_field: None,
            headers: BTreeMap::new(),
            languages: BTreeMap::from([("de-AT".to_owned(), german)]),
            images: BTreeMap::new(),
            styles: BTreeMap::new(),
        };
        let own = "x {{unsubscribe_url}}";
        assert_eq!(lacking(source(own, "x", german("x", None))), [""; 0]);
        let bare = Some("{{{body}}}");
        assert_eq!(
            lacking(source("x", "x", german("x", bare))),
            ["body.txt", "body.de.html"]
        );
        assert_eq!(lacking(source(own, "x", german(own, bare))), [""; 0]);
        let near = "{{!-- {{unsubscribe_url}} --}} {{unsubscribe_urls}} unsubscribe_url";
        assert_eq!(lacking(source(near, "x", german("x", None))), ["body.txt"]);
    }
}
