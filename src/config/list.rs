//! `[list.<name>]`: who gets it.

use std::path::Path;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use serde_json::{Map, Value as Json};
use toml::de::{DeTable, DeValue};

use super::key::keys_of;
use super::problem::{Place, Problem};
use super::section::{Section, Text, Value, text_of};
use super::text::SourceText;
use super::{encoding, mailbox, program, shape, suggest};
use crate::audience::{CommandOutput, CsvFile, InlineRow, List, ListError, MissingColumn, Source};

/// Header lines longer than this are not drawn.
const DRAWN: u64 = 64 * 1024;
const ADDRESS_COLUMN: &str = "email";
/// The keys that say where people come from; there is one of them.
const SOURCES: [&str; 3] = ["csv", "inline", "command"];

/// Reads a list. Nothing comes back if it says nobody, or anybody wrongly, which has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<List> {
    check_shapes(section);
    let written = SOURCES.into_iter().filter(|key| section.has(key));
    let sources: Vec<_> = written.zip(["one", "two", "three"]).collect();
    let count = if sources.len() > 2 { "three" } else { "two" };
    let message = format!("{} has {count} sources", section.title());
    if let Some(problem) = section.only_one_of(&sources, message) {
        let help = "make two lists and name both in the schedule: `to = [\"a\", \"b\"]`";
        section.report(problem.help(help));
        return None;
    }
    let address_column = section
        .text("address_column")
        .map_or(ADDRESS_COLUMN, |it| it.text);
    check_needless(section);
    let (source, addresses) = if section.has("inline") {
        inline(section, address_column)?
    } else if section.has("csv") {
        (csv(section)?, Vec::new())
    } else if section.has("command") {
        (command(section)?, Vec::new())
    } else {
        missing_source(section);
        return None;
    };
    let texts = |key| section.texts(key).unwrap_or_default().into_iter();
    let list = List {
        name: section.name.to_owned(),
        source,
        address_column: address_column.to_owned(),
        name_column: section.text("name_column").map(|it| it.text.to_owned()),
        optional: texts("optional").map(|it| it.text.to_owned()).collect(),
        max_age: section.span("max_age"),
    };
    check_people(section, &list, &addresses);
    Some(list)
}

/// The columns that templates may use. A file that cannot be read now may be there when its run is
/// due: that is reported as a fault of the data.
pub(super) fn columns(section: &Section<'_>, list: &List) -> Option<Vec<String>> {
    if ["address_column", "separator", "encoding"]
        .into_iter()
        .any(|it| section.is_unclear(it))
    {
        return None; // it would be read another way than it is meant
    }
    if let Source::Inline(understood) = &list.source {
        let written = section.value("inline")?.get_ref().as_array()?;
        if understood.is_empty() || understood.len() < written.len() {
            return None; // the others' fields are not known
        }
    }
    if list.runs_a_program() {
        return None; // nobody knows them before it runs, which is not now
    }
    match list.columns() {
        Ok(columns) => {
            check_optional(section, list);
            Some(columns)
        }
        Err(fault) => {
            section.report(unreadable(section, list, &fault).of_data());
            None
        }
    }
}

/// A column may be missing; one that is called nearly so is a sign that it is not meant to be.
fn check_optional(section: &Section<'_>, list: &List) {
    let optional = section.texts("optional").unwrap_or_default();
    let without = List {
        optional: Vec::new(),
        ..list.clone()
    };
    let Some(there) = (!optional.is_empty())
        .then(|| without.columns().ok())
        .flatten()
    else {
        return;
    };
    for name in optional
        .into_iter()
        .filter(|it| !there.iter().any(|column| column == it.text))
    {
        let near = suggest::nearest(name.text, there.iter().map(String::as_str));
        let Some(near) = near else {
            continue;
        };
        let message = format!(
            "`optional` names `{}`, which {} does not have",
            name.text,
            section.title()
        );
        let problem = Problem::warning("missing-column", message, section.doc.place(name.span, ""));
        section.report(
            problem
                .suggest(Some(near))
                .key(section.path("optional"))
                .of_data(),
        );
    }
}

fn missing_source(section: &Section<'_>) {
    // What is planned has been told of; it says who is in it.
    let is_planned = ["json", "sql", "url"].map(|key| section.has(key));
    if is_planned.contains(&true) {
        return;
    }
    if SOURCES.iter().all(|key| section.lacks(key)) {
        let message = format!("{} does not say who is in it", section.title());
        let place = section.header_place("needs `csv`, `inline` or `command`");
        section.report(
            Problem::error("missing-key", message, place)
                .help(format!("write `csv = \"lists/{}.csv\"`", section.name))
                .key(section.path("csv")),
        );
    }
}

/// Keys that have a meaning only beside some sources, and why not beside the others.
const FITTING: [(&str, &[&str], &str); 4] = [
    ("encoding", &["csv", "command"], "is no file"),
    ("separator", &["csv", "command"], "is no file"),
    ("timeout", &["command"], "runs no program"),
    ("max_age", &["csv"], "is no file"),
];

fn check_needless(section: &Section<'_>) {
    let is_known = SOURCES.iter().any(|it| section.has(it));
    for (key, sources, why) in FITTING {
        if section.has(key) && is_known && !sources.iter().any(|it| section.has(it)) {
            let message = format!("{} {why}: `{key}` has no meaning here", section.title());
            let place = section.key_place(key, "take it out");
            section.report(Problem::error("needless-key", message, place).key(section.path(key)));
        }
    }
}

fn command(section: &Section<'_>) -> Option<Source> {
    Some(Source::Command(CommandOutput {
        program: program::read(section)?,
        encoding: section
            .text("encoding")
            .and_then(|name| encoding::named(name.text)),
        separator: section.choice("separator"),
    }))
}

fn csv(section: &Section<'_>) -> Option<Source> {
    Some(Source::Csv(CsvFile {
        path: section.path_of("csv")?,
        encoding: section
            .text("encoding")
            .and_then(|name| encoding::named(name.text)),
        separator: section.choice("separator"),
    }))
}

/// Reports everything among the people that is nobody: a number, a date.
fn check_shapes(section: &Section<'_>) {
    let people = section
        .value("inline")
        .and_then(|it| it.get_ref().as_array());
    let key = keys_of(section.table()).find(|key| key.name() == "inline");
    for person in people.into_iter().flatten() {
        if let Some(key) =
            key.filter(|_| !person.get_ref().is_str() && !person.get_ref().is_table())
        {
            let problem = shape::wrong_type(section.doc, key, person);
            section.report(problem.key(section.path("inline")));
        }
    }
}

/// The people, and where each one's address stands.
fn inline<'d>(section: &Section<'d>, address_column: &str) -> Option<(Source, Vec<Text<'d>>)> {
    let people = section.value("inline")?.get_ref().as_array()?;
    if people.is_empty() {
        let message = format!("`inline` of {} is an empty list", section.title());
        let place = section.value_place("inline", "nobody is on it");
        let problem = Problem::warning("empty-list", message, place);
        section.report(problem.key(section.path("inline")));
    }
    // Whoever is nobody or has no address has been reported; the others are judged all the same.
    let people = people.iter().filter_map(|person| match person.get_ref() {
        DeValue::Table(table) => {
            let address = address_in(section, person, table, address_column)?;
            Some((address, fields(table, address_column)))
        }
        _ => Some((text_of(person)?, Map::new())),
    });
    let (addresses, rows) = people
        .map(|(address, fields)| {
            let row = InlineRow {
                address: address.text.to_owned(),
                fields,
            };
            (address, row)
        })
        .unzip();
    Some((Source::Inline(rows), addresses))
}

fn address_in<'d>(
    section: &Section<'d>,
    person: &'d Value<'d>,
    table: &'d DeTable<'d>,
    column: &str,
) -> Option<Text<'d>> {
    let found = table.get(column).and_then(text_of);
    if found.is_none() {
        let message = format!("somebody in {} has no `{column}`", section.title());
        let names = table.keys().map(|key| key.get_ref().as_ref());
        let label = match suggest::nearest(column, names) {
            Some(near) => format!("is it `{near}`? write `{column} = \"…\"`"),
            None => format!("write `{column} = \"…\"`, the address"),
        };
        let place = section.doc.place(person.span(), label);
        section.report(Problem::error("missing-key", message, place).key(section.path("inline")));
    }
    found
}

fn fields(table: &DeTable<'_>, address_column: &str) -> Map<String, Json> {
    table
        .iter()
        .filter(|(key, _)| key.get_ref() != address_column)
        .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
        .collect()
}

fn json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => Json::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Json::from(number.to_string()), Json::from),
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or_else(|_| Json::from(number.as_str()), Json::from),
        DeValue::Boolean(yes) => Json::from(*yes),
        DeValue::Datetime(date) => Json::from(date.to_string()),
        DeValue::Array(list) => list.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => Json::Object(fields(table, "")),
    }
}

/// The people written into the file are judged as they will be when a run is opened.
fn check_people(section: &Section<'_>, list: &List, addresses: &[Text<'_>]) {
    if !matches!(list.source, Source::Inline(_)) || section.is_unclear("address_column") {
        return;
    }
    let Ok(rows) = list.read() else { return };
    for (row, written) in rows.flatten().zip(addresses) {
        if let Err(fault) = &row.recipient {
            let problem = mailbox::problem(section.doc, written, fault);
            section.report(problem.key(section.path("inline")));
        }
    }
}

fn unreadable(section: &Section<'_>, list: &List, fault: &ListError) -> Problem {
    let path = fault.path.as_deref().unwrap_or(Path::new(""));
    let shown = section
        .text("csv")
        .map_or_else(|| path.display().to_string(), |it| it.text.into());
    if let Some(missing) = fault.missing_column() {
        return missing_column(section, list, path, &shown, missing);
    }
    let message = format!("list `{}` cannot be used: {}", list.name, fault.message);
    let label = match fault.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    let problem = Problem::error(fault.code(), message, section.value_place("csv", label));
    let is_relative = section
        .text("csv")
        .is_some_and(|it| !it.text.starts_with('/'));
    let from_where = (fault.code() == "missing-file" && is_relative)
        .then(|| "relative paths start at the folder of the file that names them".to_owned());
    let problem = problem
        .maybe_note(from_where)
        .maybe_help(fault.help.clone())
        .key(section.path("csv"));
    // Other lines may hold people, and problems are logged.
    match header_place(list, path).filter(|_| {
        ["bad-header", "ambiguous-separator"].contains(&fault.code()) && fault.line == Some(1)
    }) {
        Some(header) => problem.and(header),
        None => problem,
    }
}

fn missing_column(
    section: &Section<'_>,
    list: &List,
    path: &Path,
    shown: &str,
    missing: &MissingColumn,
) -> Problem {
    let message = format!("`{shown}` has no column `{}`", missing.wanted);
    let columns = missing.header.columns.join(", ");
    let separator = missing.header.separator;
    let is_named = section.has(missing.key);
    let place = section.value_place(if is_named { missing.key } else { "csv" }, "");
    let mut problem =
        Problem::error("missing-column", message, place).key(section.path(missing.key));
    if is_named {
        problem = problem.suggest(missing.suggestion.as_deref());
    } else {
        let column = missing.suggestion.as_deref().unwrap_or("…");
        problem = problem.help(format!(
            "say which column it is: `{} = \"{column}\"`",
            missing.key
        ));
    }
    match header_place(list, path) {
        Some(mut header) => {
            header.label = format!("columns: {columns} (separator {separator})");
            problem.and(header)
        }
        None => problem.note(format!("its columns are {columns} (separator {separator})")),
    }
}

/// The first line of a list's file, if it can be read once more.
fn header_place(list: &List, path: &Path) -> Option<Place> {
    use std::io::Read as _;
    let Source::Csv(file) = &list.source else {
        return None;
    };
    if !std::fs::metadata(path).ok()?.is_file() {
        return None; // opening a pipe would wait for its other end
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(DRAWN)
        .read_to_end(&mut bytes)
        .ok()?;
    let encoding: &Encoding = file.encoding.unwrap_or(UTF_8);
    let (text, _, _) = encoding.decode(&bytes);
    let line = text.lines().next()?.to_owned();
    let end = line.len();
    Some(Place::new(
        &Arc::new(SourceText::plain(path, line)),
        0..end,
        "",
    ))
}
