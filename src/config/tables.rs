//! The named tables of a file: `[account.main]`, `[list.staff]`, and so on.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::document::Document;
use super::key::keys_of;
use super::problem::Problem;
use super::section::{Section, Text};
use super::shape;

/// A table with a name: `[account.main]`.
pub(super) struct Named<'d> {
    pub(super) section: Section<'d>,
    /// The name as it stands in the header.
    pub(super) name: Text<'d>,
}

impl Named<'_> {
    pub(super) fn name(&self) -> String {
        self.name.text.to_owned()
    }
}

/// All tables of a kind in all files.
pub(super) struct Known<'d> {
    /// `account`, `list`, …
    pub(super) kind: &'static str,
    pub(super) tables: Vec<Named<'d>>,
    /// Whether something stands where they would; if there are none, that has been reported.
    pub(super) are_meant: bool,
}

impl<'d> Known<'d> {
    /// Opens them. A name that stands in two files is reported, and the first holds.
    pub(super) fn open(tops: &[Section<'d>], kind: &'static str, path: &'static str) -> Self {
        let mut tables: Vec<Named<'d>> = Vec::new();
        for it in tops.iter().flat_map(|top| named(top, kind, path)) {
            match tables.iter().find(|first| first.name.text == it.name.text) {
                Some(first) => it.section.report(twice(kind, first, &it)),
                None => tables.push(it),
            }
        }
        let are_meant = tops.iter().any(|top| !top.lacks(kind));
        Self {
            kind,
            tables,
            are_meant,
        }
    }

    pub(super) fn named(&self, name: &str) -> Option<&Named<'d>> {
        self.tables.iter().find(|it| it.name.text == name)
    }
}

/// One name in two files; one name twice in a file is no TOML.
fn twice(kind: &str, first: &Named<'_>, again: &Named<'_>) -> Problem {
    let name = &again.name;
    let message = format!("two {kind}s are called `{}`", name.text);
    let place = |it: &Named<'_>, label| it.section.doc.place(it.name.span.clone(), label);
    Problem::error("duplicate-name", message, place(again, "defined again"))
        .and(place(first, "first defined here"))
        .note("files add to each other; one never overrides another")
        .key(format!("{kind}.{}", name.text))
}

/// The tables of a kind, in the order of the file.
pub(super) fn named<'d>(
    top: &Section<'d>,
    kind: &'static str,
    path: &'static str,
) -> Vec<Named<'d>> {
    let doc = top.doc;
    let Some(tables) = top.value(kind).and_then(|it| it.get_ref().as_table()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let is_key = |name: &str| keys_of(path).any(|key| key.names().any(|it| it == name));
    let is_nameless = tables.iter().any(|(key, value)| {
        is_key(key.get_ref()) && !value.get_ref().is_table() && !value.get_ref().is_array()
    });
    if is_nameless {
        let span = top.value(kind).map_or(0..0, toml::Spanned::span);
        doc.report(nameless(doc, kind, tables, header(doc, span)));
    }
    for (key, value) in tables {
        if is_nameless && (is_key(key.get_ref()) || !value.get_ref().is_table()) {
            continue;
        }
        let name = Text {
            text: key.get_ref(),
            span: key.span(),
        };
        let DeValue::Table(entries) = value.get_ref() else {
            if let Some(problem) = shape::needless_brackets(doc, value) {
                doc.report(problem);
                continue;
            }
            let message = format!("`{}` stands in [{kind}], where only names stand", name.text);
            let place = doc.place(name.span, format!("write [{kind}.<name>] above it"));
            doc.report(Problem::error("wrong-type", message, place));
            continue;
        };
        check_name(doc, kind, &name);
        let header = header(doc, value.span());
        let section = Section::open(doc, path, name.text, header, entries);
        found.push(Named { section, name });
    }
    found.sort_by_key(|it| it.name.span.start);
    found
}

/// `[schedule]`, and the keys of one below it.
fn nameless(doc: &Document, kind: &str, keys: &DeTable<'_>, header: Range<usize>) -> Problem {
    let message = format!("every {kind} has a name");
    let label = format!("write [{kind}.<name>]");
    if doc.file.text()[header.clone()].starts_with('[') {
        return Problem::error("wrong-type", message, doc.place(header, label)).key(kind);
    }
    let first = keys
        .keys()
        .map(toml::Spanned::span)
        .min_by_key(|it| it.start);
    let place = doc.place(first.unwrap_or(header), format!("{label} above its keys"));
    Problem::error("wrong-type", message, place).key(kind)
}

/// Names go into file names, logs, commands and addresses of runs.
fn check_name(doc: &Document, kind: &str, name: &Text<'_>) {
    let is_good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good_start = name.text.chars().next().is_some_and(char::is_alphanumeric);
    if !good_start || !name.text.chars().all(is_good) {
        let message = format!(
            "`{}` cannot be the name of a {kind}",
            name.text.escape_debug()
        );
        let place = doc.place(name.span.clone(), "letters, digits, - and _ make a name");
        doc.report(Problem::error("bad-name", message, place));
    }
}

/// The first line of a table: an inline one may have several.
pub(super) fn header(doc: &Document, span: Range<usize>) -> Range<usize> {
    let span = doc.file.clamp(span);
    let first_line = doc.file.text()[span.clone()]
        .lines()
        .next()
        .map_or(0, str::len);
    span.start..span.start + first_line
}
