//! Values as one would write them, one after the other on a line.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::File;
use super::redact::Redaction;
use crate::config::key::Kind;
use crate::config::section::Value;

/// A value of a file, with what nobody may see left out.
pub(super) fn text(
    file: &File<'_>,
    kind: Kind,
    value: &Value<'_>,
    redaction: Option<&Redaction>,
) -> String {
    match kind {
        Kind::Secret => secret(file, value, redaction),
        Kind::Secrets => {
            let all = value.get_ref().as_array().into_iter().flatten();
            let all = all.map(|it| secret(file, it, redaction));
            format!("[{}]", all.collect::<Vec<_>>().join(", "))
        }
        _ => plain(file, value, redaction.filter(|_| is_named(kind)), kind),
    }
}

/// What holds without being written, as it is shown to others. What we chose is no secret.
pub(super) fn redacted(text: &str, kind: Kind, redaction: &Redaction) -> String {
    match text.parse() {
        Ok(toml::Value::String(text)) if matches!(kind, Kind::Path | Kind::Mailbox) => {
            quoted(&redaction.text(&text))
        }
        _ => text.to_owned(),
    }
}

/// Whether a person chose the words that stand there.
fn is_named(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Text
            | Kind::Path
            | Kind::Mailbox
            | Kind::Names
            | Kind::Texts
            | Kind::People
            | Kind::Values
            | Kind::Headers
            | Kind::Attachments
            | Kind::NameOrFalse
            | Kind::Days
            | Kind::Zone
    )
}

fn plain(file: &File<'_>, value: &Value<'_>, redaction: Option<&Redaction>, kind: Kind) -> String {
    match (value.get_ref(), redaction) {
        // Zones and days are no names; the column that a zone comes from, and files of days, are.
        (DeValue::String(text), Some(_)) if kind == Kind::Zone => quoted(text),
        (DeValue::String(text), Some(_)) if kind == Kind::Days && !text.ends_with(".ics") => {
            quoted(text)
        }
        (DeValue::String(text), Some(redaction)) => quoted(&redaction.text(text)),
        (DeValue::String(text), None) => quoted(text),
        (DeValue::Array(all), _) => {
            let all = all.iter().map(|it| plain(file, it, redaction, kind));
            format!("[{}]", all.collect::<Vec<_>>().join(", "))
        }
        (DeValue::Table(table), _) => inline(file, table, redaction, kind),
        _ => file.raw.get(value.span()).unwrap_or_default().to_owned(),
    }
}

fn inline(
    file: &File<'_>,
    table: &DeTable<'_>,
    redaction: Option<&Redaction>,
    kind: Kind,
) -> String {
    let is_people = matches!(kind, Kind::People | Kind::Values);
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(name, _)| name.span().start);
    let pairs = pairs.into_iter().map(|(name, value)| {
        let kind = match name.get_ref().as_ref() {
            "column" => Kind::Text,
            _ => kind,
        };
        let value = plain(file, value, redaction, kind);
        // Columns are named by people.
        let name = match redaction.filter(|_| is_people) {
            Some(redaction) => redaction.text(name.get_ref()),
            None => name.get_ref().to_string(),
        };
        format!("{} = {value}", key(&name))
    });
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// Where a secret comes from; never what it is.
fn secret(file: &File<'_>, value: &Value<'_>, redaction: Option<&Redaction>) -> String {
    let Some(table) = value.get_ref().as_table() else {
        return "‹text in the file›".to_owned();
    };
    let name = |text: &str| redaction.map_or_else(|| text.to_owned(), |it| it.text(text));
    let mut parts: Vec<String> = Vec::new();
    for (form, from) in table {
        let form: &str = form.get_ref();
        match (form, from.get_ref()) {
            ("file", DeValue::String(path)) => {
                let folder = file.path.parent().unwrap_or(Path::new("/"));
                let mode = match folder.join(path.as_ref()).metadata() {
                    Ok(it) => format!("{:04o}", it.permissions().mode() & 0o7777),
                    Err(_) => "not there".to_owned(),
                };
                parts.insert(0, format!("file {}, {mode}", name(path)));
            }
            ("command", DeValue::Array(argv)) => {
                let program = argv.first().and_then(|it| it.get_ref().as_str());
                parts.insert(0, format!("command {}", name(program.unwrap_or_default())));
            }
            ("keep", DeValue::String(span)) => parts.push(format!("kept for {span}")),
            (_, DeValue::String(from)) => parts.insert(0, format!("{form} {}", name(from))),
            _ => {}
        }
    }
    format!("‹{}›", parts.join(", "))
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A name as part of a key.
pub(super) fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(bare) {
        return name.to_owned();
    }
    serde_json::to_string(name).expect("a text is JSON, which is how TOML quotes it, too")
}
