//! `fields` and `defaults` of a list: what its people have besides what its source says of them.

use serde_json::{Map, Value as Json};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::problem::Problem;
use super::section::{Section, Value};
use crate::audience::List;

/// The values of one of the two keys. One that no mail can show has been reported.
pub(super) fn values(section: &Section<'_>, key: &str) -> Map<String, Json> {
    let mut values = Map::new();
    for (name, value) in written(section, key) {
        let given = json(value.get_ref());
        match fault(name.get_ref(), &given) {
            None => {
                values.insert(name.get_ref().to_string(), given);
            }
            Some((message, label)) => {
                let place = section.doc.place(value.span(), label);
                let message = format!("`{key}` of {} {message}", section.title());
                section.report(Problem::error("bad-value", message, place).key(section.path(key)));
            }
        }
    }
    values
}

/// Each name of a key with values, and where it stands.
pub(super) fn written<'d>(
    section: &Section<'d>,
    key: &str,
) -> impl Iterator<Item = (&'d Spanned<DeString<'d>>, &'d Value<'d>)> {
    let table = section.value(key).and_then(|it| it.get_ref().as_table());
    let mut all: Vec<_> = table.into_iter().flatten().collect();
    all.sort_by_key(|(name, _)| name.span().start);
    all.into_iter()
}

fn fault(name: &str, value: &Json) -> Option<(&'static str, &'static str)> {
    if name.trim().is_empty() || name.contains(char::is_control) {
        return Some((
            "has a field without a name",
            "give it one that a template can write",
        ));
    }
    match value {
        Json::Null => Some((
            "has a number that is none",
            "write a number, or a text in quotes",
        )),
        Json::String(text) if text.contains('\0') => {
            Some(("has a NUL character in it", "take the \\u0000 out"))
        }
        Json::Array(values) => values.iter().find_map(|it| fault(name, it)),
        Json::Object(values) => values.iter().find_map(|(name, it)| fault(name, it)),
        _ => None,
    }
}

/// Reports names that two keys of a list lay claim to, and the address among them.
pub(super) fn check(section: &Section<'_>, list: &List) {
    for key in ["fields", "defaults"] {
        for (name, _) in written(section, key) {
            let name: &Spanned<DeString<'_>> = name;
            if !section.is_unclear("address_column") && *name.get_ref() == list.address_column {
                let message = match key {
                    "fields" => "is the column of the addresses: they are not the same for all",
                    _ => "is the column of the addresses: nobody has one by default",
                };
                let message = format!(
                    "`{}` in `{key}` of {} {message}",
                    name.get_ref(),
                    section.title()
                );
                let place = section.doc.place(name.span(), "take it out");
                let problem = Problem::error("needless-key", message, place);
                section.report(problem.key(section.path(key)));
            }
        }
    }
    let claims = claims(section).into_iter();
    for (key, name) in claims.filter(|(_, name)| name.1 != list.address_column) {
        let fixed = written(section, "fields").find(|(fixed, _)| *fixed.get_ref() == name.1);
        let Some((fixed, _)) = fixed else { continue };
        let message = format!(
            "`{}` of {} is one for all by `fields`",
            name.1,
            section.title()
        );
        let first = section.doc.place(fixed.span(), "the same for everybody");
        let label = match key {
            "inline" => "their own",
            "defaults" => "where it is blank, which it never is",
            _ => "may be blank, which it never is",
        };
        let problem = Problem::error("only-one-of", message, section.doc.place(name.0, label));
        section.report(
            problem
                .and(first)
                .help("keep one of them")
                .key(section.path(key)),
        );
    }
    for text in section.texts("optional").unwrap_or_default() {
        let default = written(section, "defaults").find(|(name, _)| *name.get_ref() == text.text);
        let Some((default, _)) = default else {
            continue;
        };
        let message = format!("`{}` of {} has a default", text.text, section.title());
        let label = "need not be called optional";
        let problem = Problem::error("only-one-of", message, section.doc.place(text.span, label));
        let default = section.doc.place(default.span(), "is never blank");
        let problem = problem.and(default).help("keep one of them");
        section.report(problem.key(section.path("optional")));
    }
}

type Claim<'d> = (&'static str, (std::ops::Range<usize>, &'d str));

/// What else names a column: with its key, each column and where that stands.
fn claims<'d>(section: &Section<'d>) -> Vec<Claim<'d>> {
    let mut claims: Vec<Claim<'d>> = Vec::new();
    let people = section
        .value("inline")
        .and_then(|it| it.get_ref().as_array());
    let people = people.into_iter().flatten();
    for person in people.filter_map(|it| it.get_ref().as_table()) {
        let keys = person.keys();
        claims.extend(keys.map(|key| ("inline", (key.span(), key.get_ref().as_ref()))));
    }
    for (name, _) in written(section, "defaults") {
        claims.push(("defaults", (name.span(), name.get_ref().as_ref())));
    }
    for text in section.texts("optional").unwrap_or_default() {
        claims.push(("optional", (text.span, text.text)));
    }
    claims
}

/// Each name that need not be a column of the source, with the key that says so and its place.
pub(super) fn lenient<'d>(section: &Section<'d>) -> Vec<Claim<'d>> {
    let mut all = claims(section);
    all.retain(|(key, _)| *key != "inline");
    all
}

/// A value with the type that it has in TOML; a date is a text.
pub(super) fn json(value: &DeValue<'_>) -> Json {
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
        DeValue::Table(table) => Json::Object(members(table)),
    }
}

/// All of a table.
pub(super) fn members(table: &DeTable<'_>) -> Map<String, Json> {
    table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), json(value.get_ref())))
        .collect()
}
