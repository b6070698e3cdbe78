//! Templates against the columns of the lists they will be sent to, before anything is sent.

use std::path::Path;

use super::attachment::Attached;
use super::problem::Problem;
use super::schedule::{EMAIL, Schedule};
use super::section::{Section, Text};
use super::suggest;
use super::template::Templates;
use crate::audience::{List, Source, enumerated};
use crate::compose::{Line, Template, Variable};

/// What a template calls the values of the run.
const DATA: &str = "data";

/// Reports every variable of the template that the list has no column for, at its first place.
pub(super) fn check(
    section: &Section<'_>,
    templates: &Templates<'_>,
    template: &Template,
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
    has_data: bool,
) {
    let mut reported: Vec<&str> = Vec::new();
    let data = template.given().iter().filter(|it| it.name == DATA);
    for variable in template.variables().iter().chain(data) {
        let name = variable.name.as_str();
        let is_given = has_data && name == DATA;
        if is_given || columns.contains(&variable.name) || reported.contains(&name) {
            continue;
        }
        reported.push(&variable.name);
        let problem = missing(section, templates, template, variable, (list, columns), to);
        section.report(of_source(list, problem));
    }
}

/// Reports what the attachments of a schedule use and the list does not have, and a column that its
/// data hides.
pub(super) fn check_carried(
    section: &Section<'_>,
    templates: &Templates<'_>,
    (schedule, has_data): (&Schedule, bool),
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) {
    if has_data && columns.iter().any(|column| column == DATA) {
        let message = format!(
            "list `{}` has a column `{DATA}`, and {} has `data`: nobody can tell which of them a \
             template means",
            list.name,
            section.title()
        );
        let place = section.doc.place(to.span.clone(), enumerated(columns));
        let problem = Problem::error("only-one-of", message, place);
        let problem = problem.help("rename the column").key(section.path("data"));
        section.report(of_source(list, problem));
    }
    for attachment in &schedule.attachments {
        let mut lines: Vec<&Line> = attachment.name.iter().map(|it| &**it).collect();
        match &attachment.content {
            Attached::File(_) => {}
            Attached::Each { path, .. } => lines.push(path),
            Attached::Generated(made) => {
                let made = made.template();
                check(section, templates, made, (list, columns), to, has_data);
            }
        }
        for line in lines {
            let known = |name: &String| columns.contains(name) || has_data && name == DATA;
            if let Some(variable) = line.variables().iter().find(|it| !known(&it.name)) {
                let message = format!(
                    "attachment `{}` uses `{}`, which list `{}` does not have",
                    line.written(),
                    variable.name,
                    list.name
                );
                let known = columns.iter().map(String::as_str);
                let place = section.doc.place(to.span.clone(), enumerated(columns));
                let problem = Problem::error("missing-field", message, place)
                    .suggest(suggest::nearest(&variable.name, known))
                    .key(section.path("attachments"));
                section.report(of_source(list, problem));
            }
        }
    }
}

/// Reports the field that names each reader's language if the list does not have it.
pub(super) fn check_language(
    section: &Section<'_>,
    templates: &Templates<'_>,
    template: &Template,
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) {
    let Some((doc, field)) = templates.language_field(template.name()) else {
        return;
    };
    if columns.iter().any(|column| column == field.text) {
        return;
    }
    let message = format!(
        "template `{}` takes the language from `{}`, which list `{}` does not have",
        template.name(),
        field.text,
        list.name
    );
    let known = columns.iter().map(String::as_str);
    let place = doc.place(field.span.clone(), "");
    let problem = Problem::error("missing-field", message, place)
        .suggest(suggest::nearest(field.text, known))
        .and(section.doc.place(to.span.clone(), enumerated(columns)))
        .key(format!("template.{}.language", template.name()));
    section.report(of_source(list, problem));
}

/// Reports every field of `once_per` that the list has no column for. Its column of addresses goes
/// by one name in all lists, as other spellings of an address are the same one.
pub(super) fn check_once_per(
    section: &Section<'_>,
    names: &[Text<'_>],
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) {
    for name in names.iter().filter(|name| name.text != EMAIL) {
        if name.text == list.address_column {
            let place = section.doc.place(name.span.clone(), "");
            let message = format!("`{}` is the address of list `{}`", name.text, list.name);
            let problem = Problem::error("unknown-name", message, place).help(format!(
                "write \"{EMAIL}\", which is the address whatever its column is called"
            ));
            let problem = problem.key(section.path("once_per"));
            section.report(of_source(list, problem));
        } else if !columns.iter().any(|column| column == name.text) {
            section.report(no_column(section, ("once_per", name), (list, columns), to));
        }
    }
}

/// Reports the column of time zones if the list does not have it.
pub(super) fn check_zone_column(
    section: &Section<'_>,
    column: Option<&Text<'_>>,
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) {
    let absent = |column: &&Text<'_>| !columns.iter().any(|it| it == column.text);
    if let Some(column) = column.filter(absent) {
        section.report(no_column(
            section,
            ("timezone", column),
            (list, columns),
            to,
        ));
    }
}

/// A key names a column that the list does not have.
fn no_column(
    section: &Section<'_>,
    (key, column): (&str, &Text<'_>),
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) -> Problem {
    let message = format!(
        "`{key}` names `{}`, which list `{}` does not have",
        column.text, list.name
    );
    let known = columns.iter().map(String::as_str);
    let problem = Problem::error(
        "missing-field",
        message,
        section.doc.place(column.span.clone(), ""),
    )
    .suggest(suggest::nearest(column.text, known))
    .and(section.doc.place(to.span.clone(), enumerated(columns)))
    .key(section.path(key));
    of_source(list, problem)
}

/// A file may have the column again tomorrow; people in the configuration itself will not.
fn of_source(list: &List, problem: Problem) -> Problem {
    match list.source {
        Source::Inline(_) => problem,
        _ => problem.of_data(),
    }
}

fn missing(
    section: &Section<'_>,
    templates: &Templates<'_>,
    template: &Template,
    variable: &Variable,
    (list, columns): (&List, &[String]),
    to: &Text<'_>,
) -> Problem {
    let name = &variable.name;
    let message = format!(
        "template `{}` uses `{name}`, which list `{}` does not have",
        template.source().name,
        list.name
    );
    let list_place = section.doc.place(to.span.clone(), enumerated(columns));
    let mut is_argument = false;
    let (place, second) = match templates.text(Path::new(&variable.file)) {
        Some(shown) => {
            let text = &shown.text;
            let at = text.span_at(variable.line, variable.column, 0).start;
            is_argument = is_compared(&text.text()[..at]);
            let span = text.span_at(variable.line, variable.column, variable.span_len);
            (shown.place(span, ""), Some(list_place))
        }
        None => (list_place, None),
    };
    let problem = Problem::error("missing-field", message, place)
        .suggest(suggest::nearest(name, columns.iter().map(String::as_str)))
        .note("nothing is sent to anyone while a template can render a blank")
        .maybe_help(is_argument.then(|| format!("if the word itself is meant, write \"{name}\"")))
        .help(format!(
            "for an optional field write {{{{#if {name}}}}}…{{{{/if}}}} and list it \
             under `optional`"
        ));
    second.into_iter().fold(problem, Problem::and)
}

/// Whether what follows is compared with something before it: `{{#if (eq plan `.
fn is_compared(before: &str) -> bool {
    let call = before.rsplit(['(', '{', '}', ')']).next();
    let mut words = call.unwrap_or_default().split_whitespace();
    let helper = words.next().map(|word| word.trim_start_matches('#'));
    matches!(helper, Some("eq" | "ne" | "gt" | "lt")) && words.next().is_some()
}
