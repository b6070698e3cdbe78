//! Names that refer to tables: each must name one, and each table should be named.

use std::collections::HashSet;

use super::problem::Problem;
use super::section::{Section, Text};
use super::suggest;
use super::tables::Known;

/// Reports names that name nothing.
pub(super) fn look_up(section: &Section<'_>, key: &str, names: &[Text<'_>], known: &Known<'_>) {
    let Known { kind, tables, .. } = known;
    if tables.is_empty() && known.are_meant {
        return;
    }
    for name in names.iter().filter(|name| known.named(name.text).is_none()) {
        let message = format!("no {kind} is called `{}`", name.text);
        let place = section.doc.place(name.span.clone(), "");
        let near = suggest::nearest(name.text, tables.iter().map(|it| it.name.text));
        let mut problem = Problem::error("unknown-name", message, place).suggest(near);
        if let Some(near) = near.and_then(|near| known.named(near)) {
            let article = if kind.starts_with('a') { "an" } else { "a" };
            let label = format!("{article} {kind} with a similar name");
            problem = problem.and(near.section.doc.place(near.name.span.clone(), label));
        } else if tables.is_empty() {
            problem = problem.help(format!("write a table [{kind}.{}]", name.text));
        } else {
            let names: Vec<_> = tables.iter().map(|it| it.name.text).collect();
            problem = problem.help(format!("the {kind}s are {}", names.join(", ")));
        }
        section.report(problem.key(section.path(key)));
    }
}

/// Warns of tables that no schedule names.
pub(super) fn report_unused<'a>(
    Known { kind, tables, .. }: &Known<'_>,
    used: impl Iterator<Item = &'a Text<'a>>,
) {
    let used: HashSet<&str> = used.map(|name| name.text).collect();
    for it in tables.iter().filter(|it| !used.contains(it.name.text)) {
        let message = format!("no schedule uses {kind} `{}`", it.name.text);
        let place = it.section.doc.place(it.name.span.clone(), "");
        it.section
            .report(Problem::warning("unused", message, place));
    }
}
