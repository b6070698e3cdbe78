//! `[list.<name>]`: who gets it.

use std::path::Path;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use serde_json::Map;
use toml::de::{DeTable, DeValue};

use super::key::keys_of;
use super::problem::{Place, Problem};
use super::section::{Section, Text, Value, text_of};
use super::text::SourceText;
use super::{encoding, extras, mailbox, program, shape, suggest};
use crate::audience::{
    CommandOutput, CsvFile, InlineRow, JsonFile, List, ListError, MissingColumn, Rows, RowsPath,
    RowsPathError, Source,
};

/// Header lines longer than this are not drawn.
const DRAWN: u64 = 64 * 1024;
const ADDRESS_COLUMN: &str = "email";
/// The keys that say where people come from; there is one of them.
const SOURCES: [&str; 4] = ["csv", "json", "inline", "command"];

/// Reads a list. Nothing comes back if it says nobody, or anybody wrongly, which has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<List> {
    check_shapes(section);
    let written = SOURCES.into_iter().filter(|key| section.has(key));
    let sources: Vec<_> = written.zip(["one", "two", "three", "four"]).collect();
    let several = if sources.len() > 2 { "several" } else { "two" };
    let message = format!("{} has {several} sources", section.title());
    if let Some(problem) = section.only_one_of(&sources, message) {
        let help = "make two lists and name both in the schedule: `to = [\"a\", \"b\"]`";
        section.report(problem.help(help));
        return None;
    }
    let address_column = section
        .text("address_column")
        .map_or(ADDRESS_COLUMN, |it| it.text);
    let Some((source, _)) = sources.first() else {
        missing_source(section);
        return None;
    };
    needless(section, source);
    let (source, addresses) = match *source {
        "inline" => inline(section, address_column)?,
        "json" => (json(section)?, Vec::new()),
        "command" => (command(section)?, Vec::new()),
        _ => (csv(section)?, Vec::new()),
    };
    let texts = |key| section.texts(key).unwrap_or_default().into_iter();
    let list = List {
        name: section.name.to_owned(),
        source,
        address_column: address_column.to_owned(),
        name_column: section.text("name_column").map(|it| it.text.to_owned()),
        optional: texts("optional").map(|it| it.text.to_owned()).collect(),
        max_age: section.span("max_age"),
        fields: extras::values(section, "fields"),
        defaults: extras::values(section, "defaults"),
        max_change: section.share("max_change"),
    };
    extras::check(section, &list);
    check_people(section, &list, &addresses);
    Some(list)
}

/// The columns that templates may use. A file that cannot be read now may be there when its run is
/// due: that is reported as a fault of the data, unless it has nobody in it and may have nobody.
pub(super) fn columns(
    section: &Section<'_>,
    list: &List,
    may_be_empty: bool,
) -> Option<Vec<String>> {
    if [
        "address_column",
        "separator",
        "encoding",
        "rows",
        "fields",
        "defaults",
    ]
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
    match list.read() {
        Ok(rows) => {
            check_lenient(section, list);
            rows.tells_columns().then(|| rows.columns().to_vec())
        }
        Err(fault) if may_be_empty && fault.is_empty() => None,
        Err(fault) => {
            section.report(unreadable(section, list, &fault).of_data());
            None
        }
    }
}

/// A column may be missing; one that is called nearly so is a sign that it is not meant to be.
fn check_lenient(section: &Section<'_>, list: &List) {
    let lenient = extras::lenient(section);
    let without = List {
        optional: Vec::new(),
        defaults: Map::new(),
        ..list.clone()
    };
    let there = (!lenient.is_empty()).then(|| without.read().ok()).flatten();
    let Some(there) = there.filter(Rows::tells_columns) else {
        return;
    };
    let there = there.columns();
    for (key, (span, name)) in lenient
        .into_iter()
        .filter(|(_, (_, name))| !there.iter().any(|column| column == name))
    {
        let near = suggest::nearest(name, there.iter().map(String::as_str));
        let Some(near) = near else {
            continue;
        };
        let message = format!(
            "`{key}` names `{name}`, which {} does not have",
            section.title()
        );
        let problem = Problem::warning("missing-column", message, section.doc.place(span, ""));
        let problem = problem.suggest(Some(near)).key(section.path(key));
        section.report(problem.of_data());
    }
}

fn missing_source(section: &Section<'_>) {
    // What is planned has been told of; it says who is in it.
    let is_planned = ["sql", "url"].map(|key| section.has(key));
    if is_planned.contains(&true) {
        return;
    }
    if SOURCES.iter().all(|key| section.lacks(key)) {
        let message = format!("{} does not say who is in it", section.title());
        let place = section.header_place("needs `csv`, `json`, `inline` or `command`");
        section.report(
            Problem::error("missing-key", message, place)
                .help(format!(
                    "write `csv = \"lists/{0}.csv\"`, or `json = \"lists/{0}.json\"`",
                    section.name
                ))
                .key(section.path("csv")),
        );
    }
}

/// Keys that have a meaning only beside some sources, and why not beside the others.
const FITTING: [(&str, &[&str], &str); 5] = [
    ("encoding", &["csv", "json", "command"], "is no file"),
    ("separator", &["csv", "command"], "is no CSV"),
    ("rows", &["json", "command"], "is no JSON"),
    ("timeout", &["command"], "runs no program"),
    ("max_age", &["csv", "json"], "is no file"),
];

fn needless(section: &Section<'_>, source: &str) {
    for (key, sources, why) in FITTING {
        if section.has(key) && !sources.contains(&source) {
            let message = format!("{} {why}: `{key}` has no meaning here", section.title());
            let place = section.key_place(key, "take it out");
            section.report(Problem::error("needless-key", message, place).key(section.path(key)));
        }
    }
}

fn command(section: &Section<'_>) -> Option<Source> {
    let forms = [("rows", "is for JSON"), ("separator", "is for CSV")];
    let message = format!("{} is said to be JSON and CSV", section.title());
    if let Some(problem) = section.only_one_of(&forms, message) {
        section.report(problem.help("leave out the one that the program does not print"));
    }
    Some(Source::Command(CommandOutput {
        program: program::read(section)?,
        encoding: section
            .text("encoding")
            .and_then(|name| encoding::named(name.text)),
        separator: section.choice("separator"),
        rows: match section.text("rows") {
            Some(path) => Some(rows(section, &path)?),
            None => None,
        },
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

fn json(section: &Section<'_>) -> Option<Source> {
    Some(Source::Json(JsonFile {
        path: section.path_of("json")?,
        rows: match section.text("rows") {
            Some(path) => Some(rows(section, &path)?),
            None => None,
        },
        encoding: section
            .text("encoding")
            .and_then(|name| encoding::named(name.text)),
    }))
}

fn rows(section: &Section<'_>, path: &Text<'_>) -> Option<RowsPath> {
    match path.text.parse() {
        Ok(path) => Some(path),
        Err(fault) => {
            let fault: RowsPathError = fault;
            let message = format!("`rows` cannot be `{}`", path.text);
            let place = section.doc.place(path.span.clone(), "");
            let problem = Problem::error("bad-value", message, place).help(fault.to_string());
            section.report(problem.key(section.path("rows")));
            None
        }
    }
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
            let mut fields = extras::members(table);
            fields.shift_remove(address_column);
            Some((address, fields))
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
    let source = source_key(section);
    let shown = section
        .text(source)
        .map_or_else(|| path.display().to_string(), |it| it.text.into());
    if let Some(missing) = fault.missing_column() {
        return missing_column(section, list, path, &shown, missing);
    }
    let message = format!("list `{}` cannot be used: {}", list.name, fault.message);
    let label = match fault.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    let key = match fault.code() {
        "missing-rows" if section.has("rows") => "rows",
        "fixed-column" => "fields",
        _ => source,
    };
    let problem = Problem::error(fault.code(), message, section.value_place(key, label));
    let is_relative = section
        .text(source)
        .is_some_and(|it| !it.text.starts_with('/'));
    let from_where = (fault.code() == "missing-file" && is_relative)
        .then(|| "relative paths start at the folder of the file that names them".to_owned());
    let problem = problem
        .maybe_note(from_where)
        .maybe_help(fault.help.clone())
        .key(section.path(key));
    // Other lines may hold people, and problems are logged.
    match header_place(list, path).filter(|_| {
        ["bad-header", "ambiguous-separator"].contains(&fault.code()) && fault.line == Some(1)
    }) {
        Some(header) => problem.and(header),
        None => problem,
    }
}

/// The key of the file that the list is.
fn source_key(section: &Section<'_>) -> &'static str {
    let written = SOURCES.into_iter().find(|key| section.has(key));
    written.unwrap_or("csv")
}

fn missing_column(
    section: &Section<'_>,
    list: &List,
    path: &Path,
    shown: &str,
    missing: &MissingColumn,
) -> Problem {
    let message = format!("`{shown}` has no column `{}`", missing.wanted);
    let is_named = section.has(missing.key);
    let key = if is_named {
        missing.key
    } else {
        source_key(section)
    };
    let place = section.value_place(key, "");
    let mut problem =
        Problem::error("missing-column", message, place).key(section.path(missing.key));
    if let Some(hint) = &missing.hint {
        problem = problem.help(hint);
    } else if is_named {
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
            header.label = format!("columns: {}", missing.header);
            problem.and(header)
        }
        None => problem.note(format!("its columns are {}", missing.header)),
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
    let is_header = |line: &&str| !line.to_ascii_lowercase().starts_with("sep=");
    let line = text.lines().next().filter(is_header)?.to_owned();
    let end = line.len();
    Some(Place::new(
        &Arc::new(SourceText::plain(path, line)),
        0..end,
        "",
    ))
}
