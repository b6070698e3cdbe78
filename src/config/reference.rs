//! Names that refer to tables: each must name one, and each table should be named.

use std::collections::HashSet;

use super::document::Document;
use super::problem::Problem;
use super::section::{Section, Text};
use super::suggest;
use super::tables::Named;

/// Reports names that name nothing.
pub(super) fn look_up(
    top: &Section<'_>,
    section: &Section<'_>,
    (key, kind): (&str, &str),
    names: &[Text<'_>],
    known: &[Named<'_>],
) {
    if known.is_empty() && !top.lacks(kind) {
        return; // they are there, under a misspelt heading, which has been reported
    }
    for name in names
        .iter()
        .filter(|name| !known.iter().any(|it| it.name.text == name.text))
    {
        let message = format!("no {kind} is called `{}`", name.text);
        let place = section.doc.place(name.span.clone(), "");
        let near = suggest::nearest(name.text, known.iter().map(|it| it.name.text));
        let mut problem = Problem::error("unknown-name", message, place).suggest(near);
        if let Some(near) = known.iter().find(|it| Some(it.name.text) == near) {
            let article = if kind.starts_with('a') { "an" } else { "a" };
            let label = format!("{article} {kind} with a similar name");
            problem = problem.and(section.doc.place(near.name.span.clone(), label));
        } else if known.is_empty() {
            problem = problem.help(format!("write a table [{kind}.{}]", name.text));
        } else {
            let names: Vec<_> = known.iter().map(|it| it.name.text).collect();
            problem = problem.help(format!("the {kind}s are {}", names.join(", ")));
        }
        section.report(problem.key(section.path(key)));
    }
}

/// Warns of tables that no schedule names.
pub(super) fn report_unused<'a>(
    doc: &Document,
    kind: &str,
    known: &[Named<'_>],
    used: impl Iterator<Item = &'a Text<'a>>,
) {
    let used: HashSet<&str> = used.map(|name| name.text).collect();
    for it in known.iter().filter(|it| !used.contains(it.name.text)) {
        let message = format!("no schedule uses {kind} `{}`", it.name.text);
        doc.report(Problem::warning(
            "unused",
            message,
            doc.place(it.name.span.clone(), ""),
        ));
    }
}
