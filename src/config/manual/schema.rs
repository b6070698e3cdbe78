//! The JSON Schema of the file, for editors: draft-07, which taplo and what is built on it know.
//!
//! It accepts what the validator accepts as to tables, keys, types, choices and ranges, and leaves
//! the inside of texts to it: rates, durations, crontab expressions, zones, addresses. Two things
//! are beyond JSON: a date is a text, and 5.0 is a whole number.

use serde_json::{Map, Value, json};
use toml::Value as Toml;

use super::{kind, place};
use crate::config::key::{Key, Kind, keys_of};
use crate::config::provider;

/// The schema.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "postroom.toml",
        "description": "What postroom is to do. `postroom check` sees more than an editor can.",
    });
    merge(&mut schema, table(""));
    schema["definitions"] = definitions();
    schema
}

/// What stands in several places, or would make its surroundings hard to read.
fn definitions() -> Value {
    json!({
        "account": table("account.*"),
        "domain": table("account.*.domain.*"),
        "rule": table("account.*.rule"),
        "dkim": table("account.*.dkim"),
        "list": table("list.*"),
        "template": table("template.*"),
        "schedule": table("schedule.*"),
        "duration": {
            "description": "Whole numbers with ms, s, m, h, d or w, as in \"1h30m\".",
            "type": "string",
        },
        "rate": {
            "description": "A count, a slash and a time, as in \"100/minute\", \"5/10s\" or with \
                            \"burst 10\" behind it.",
            "type": "string",
        },
        "zones": {
            "description": "A time zone, or the column that names each reader's.",
            "anyOf": [
                { "type": "string" },
                {
                    "type": "object",
                    "properties": {
                        "column": { "type": "string" },
                        "otherwise": { "type": "string" },
                    },
                    "required": ["column"],
                    "additionalProperties": false,
                },
            ],
        },
        "secret": secret(),
    })
}

/// One of the four forms; or the text itself, which is accepted with a warning.
fn secret() -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    let form = |name: &str, value: Value| {
        json!({
            "type": "object",
            "properties": { name: value },
            "required": [name],
            "additionalProperties": false,
        })
    };
    let mut credential = text();
    credential["pattern"] = json!("^[^/]+$");
    credential["not"] = json!({ "const": ".." });
    let program = json!({
        "type": "array",
        "minItems": 1,
        "items": [text()],
        "additionalItems": { "type": "string" },
    });
    let mut command = form("command", program);
    command["properties"]["keep"] = reference("duration");
    json!({
        "description": "Where a secret comes from.",
        "anyOf": [
            { "type": "string" },
            form("credential", credential),
            form("file", text()),
            command,
            form("env", text()),
        ],
    })
}

/// A table: its keys and no others.
fn table(path: &str) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for key in keys_of(path).filter(|key| key.is_built()) {
        properties.insert(key.name().to_owned(), property(key));
        for former in key.formerly {
            properties.insert((*former).to_owned(), renamed(key, former));
        }
        if key.required {
            required.push(key.name());
        }
    }
    let mut table = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table["additionalProperties"] = json!(false);
    table
}

fn property(key: &Key) -> Value {
    let mut property = json!({ "title": place(key), "description": description(key) });
    merge(&mut property, shape(key));
    if let Some(default) = key.default_value() {
        property["default"] = json_of(&default);
    }
    if let Ok(example) = key.example.parse::<Toml>() {
        property["examples"] = json!([json_of(&example)]);
    }
    property
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn renamed(key: &Key, former: &str) -> Value {
    let mut property = property(key);
    property["description"] = json!(format!("`{former}` is now called `{}`.", key.name()));
    property["deprecated"] = json!(true);
    property
}

/// What it means, what it wants, and what holds without it if no `default` says so.
fn description(key: &Key) -> String {
    let mut text = key.doc.to_owned();
    if !key.is_table() {
        text.push_str(&format!(" Wants {}.", kind(key)));
    }
    if !key.default.is_empty() && key.default_value().is_none() {
        text.push_str(&format!(" If left out: {}.", key.default));
    }
    if key.restart {
        text.push_str(" Read when the daemon starts: a change needs a restart.");
    }
    text
}

fn shape(key: &Key) -> Value {
    let text = || json!({ "type": "string" });
    let one_or_several = |one: Value| json!({ "anyOf": [one, several(&one)] });
    match key.kind {
        Kind::Text
        | Kind::Path
        | Kind::Cron
        | Kind::Bound
        | Kind::Mailbox
        | Kind::Separator
        | Kind::Encoding
        | Kind::Share => text(),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(least, most) => whole_number(least, most),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Choices(words) => one_or_several(json!({ "enum": words })),
        Kind::Provider => json!({ "enum": provider::names() }),
        Kind::Zone if key.table() == "daemon" => text(),
        Kind::Zone => reference("zones"),
        Kind::Instants | Kind::Days | Kind::Hours | Kind::Names => one_or_several(text()),
        Kind::Duration | Kind::Span => reference("duration"),
        Kind::SpanOrNever => json!({ "anyOf": [duration(), { "const": "never" }] }),
        Kind::Spans => several(&duration()),
        Kind::Rates => one_or_several(json!({ "$ref": "#/definitions/rate" })),
        Kind::Texts => several(&text()),
        Kind::People => json!({ "type": "array", "items": { "type": ["string", "object"] } }),
        Kind::Attachments => attachments(),
        Kind::Values => json!({ "type": "object" }),
        Kind::Headers => json!({ "type": "object", "additionalProperties": text() }),
        Kind::Secret => reference("secret"),
        // Each says where it is; none stands there itself.
        Kind::Secrets => several(&json!({ "type": "object", "allOf": [reference("secret")] })),
        Kind::NameOrFalse => json!({ "anyOf": [text(), { "const": false }] }),
        Kind::CountOrTable(least) => {
            json!({ "anyOf": [whole_number(least, u64::MAX), table(key.path)] })
        }
        Kind::Table => table(key.path),
        Kind::Tables => json!({ "type": "object", "additionalProperties": to_definition(key) }),
        Kind::TableList => several(&to_definition(key)),
        Kind::OneOrMoreTables => one_or_several(to_definition(key)),
        Kind::Planned => json!({ "not": {} }),
    }
}

/// Paths, and tables that say more of a file.
fn attachments() -> Value {
    let text = || json!({ "type": "string", "minLength": 1 });
    let item = json!({
        "type": "object",
        "properties": {
            "file": text(),
            "template": text(),
            "name": text(),
            "type": text(),
            "optional": { "type": "boolean" },
        },
        "oneOf": [{ "required": ["file"] }, { "required": ["template"] }],
        "additionalProperties": false,
    });
    several(&json!({ "anyOf": [text(), item] }))
}

fn several(one: &Value) -> Value {
    json!({ "type": "array", "items": one })
}

fn whole_number(least: u64, most: u64) -> Value {
    let mut number = json!({ "type": "integer", "minimum": least });
    if most < u64::MAX {
        number["maximum"] = json!(most);
    }
    number
}

fn duration() -> Value {
    json!({ "$ref": "#/definitions/duration" })
}

/// In draft-07 nothing that stands beside a `$ref` counts; within `allOf` it does.
fn reference(definition: &str) -> Value {
    json!({ "allOf": [{ "$ref": format!("#/definitions/{definition}") }] })
}

/// The definition of the tables that a key holds.
fn to_definition(key: &Key) -> Value {
    json!({ "$ref": format!("#/definitions/{}", key.name()) })
}

/// As taplo makes JSON of TOML: a date is a text.
fn json_of(value: &Toml) -> Value {
    match value {
        Toml::String(text) => json!(text),
        Toml::Integer(number) => json!(number),
        Toml::Float(number) => json!(number),
        Toml::Boolean(yes) => json!(yes),
        Toml::Datetime(date) => json!(date.to_string()),
        Toml::Array(list) => list.iter().map(json_of).collect(),
        Toml::Table(table) => {
            let members = table.iter();
            let members = members.map(|(key, value)| (key.clone(), json_of(value)));
            Value::Object(members.collect())
        }
    }
}
