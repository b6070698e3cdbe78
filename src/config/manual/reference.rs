//! The reference of keys in the README: a Markdown table for each table of the file.

use super::{heading, path_within, tables};
use crate::config::key::{Key, keys_of};

/// The reference.
#[must_use]
pub fn reference() -> String {
    let mut text = rows("");
    for table in tables() {
        let keys = rows(&path_within(table));
        if !keys.is_empty() {
            text.push_str(&format!("\n`{}`: {}\n\n{keys}", heading(table), table.doc));
        }
    }
    text
}

fn rows(table: &str) -> String {
    let keys = keys_of(table).filter(|key| key.is_built() && !key.is_table());
    let rows: String = keys.map(row).collect();
    match rows.is_empty() {
        true => rows,
        false => format!("| key | if left out | |\n|---|---|---|\n{rows}"),
    }
}

fn row(key: &Key) -> String {
    let left_out = match (key.required, key.default_value()) {
        (true, _) => "an error".to_owned(),
        (false, Some(_)) => format!("`{}`", key.default),
        (false, None) => key.default.to_owned(),
    };
    let doc = key.doc.replace('|', "\\|").replace('<', "&lt;");
    format!("| `{}` | {left_out} | {doc} |\n", key.name())
}
