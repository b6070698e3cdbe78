//! What stands in the files, key by key, to be compared with what stood there before.
//!
//! A value is kept as a person would write it, cut where it is long. A secret is kept as its
//! reference only. The whole text of a file is kept too, for the copy of the last good
//! configuration; it may hold a password, so nothing shows it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ring::digest::{SHA256, digest};
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::document::Document;
use super::key::{KEYS, Key, Kind, keys_of};
use super::mask;
use super::section::Value;

/// Longer values are cut when they are shown, in characters.
const SHOWN_MAX: usize = 60;
const KINDS: [(&str, &str); 4] = [
    ("account", "account.*"),
    ("list", "list.*"),
    ("template", "template.*"),
    ("schedule", "schedule.*"),
];

/// What stands in the files of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// The files, the main one first.
    pub files: Vec<WrittenFile>,
    tables: BTreeMap<(String, String), Vec<Entry>>,
    /// The tables that have names, in the order of the files: their kinds and their names.
    named: Vec<(&'static str, String)>,
}

/// Always: two configurations are the same if they mean the same, however they are written.
impl PartialEq for Written {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A file as it was read.
#[derive(Clone, PartialEq)]
pub struct WrittenFile {
    /// Where it is.
    pub path: PathBuf,
    /// All of it.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for WrittenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

/// A key that somebody wrote, and its value.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    /// Its name inside the table: `domain.gmail.com.rate`.
    name: String,
    /// In the table of keys.
    path: &'static str,
    shown: String,
    mark: [u8; 32],
}

/// A key that does not stand in two configurations with the same value.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewritten {
    /// Its name inside its table: `rate`, `domain.gmail.com.rate`.
    pub name: String,
    /// In the table of keys: `account.*.domain.*.rate`.
    pub path: &'static str,
    /// What holds where it is left out, as one would write it; empty if nothing does.
    pub default: &'static str,
    /// What stood there, as one would write it; nothing if it was left out.
    pub before: Option<String>,
    /// What stands there now, likewise.
    pub after: Option<String>,
}

impl Written {
    /// What stands in these files.
    pub(super) fn of<'d>(files: impl Iterator<Item = (&'d Document, &'d DeTable<'d>)>) -> Self {
        let mut written = Self::default();
        for (doc, root) in files {
            written.files.push(WrittenFile {
                path: doc.file.path().to_owned(),
                text: Zeroizing::new(doc.raw().to_owned()),
            });
            if let Some(DeValue::Table(table)) = root.get("daemon").map(|it| it.get_ref()) {
                written.add(doc, ("daemon", ""), "daemon", table);
            }
            for (kind, path) in KINDS {
                let Some(DeValue::Table(tables)) = root.get(kind).map(|it| it.get_ref()) else {
                    continue;
                };
                let mut tables: Vec<_> = tables.iter().collect();
                tables.sort_by_key(|(name, _)| name.span().start);
                for (name, table) in tables {
                    if let DeValue::Table(table) = table.get_ref() {
                        written.add(doc, (kind, name.get_ref()), path, table);
                        written.named.push((kind, name.get_ref().to_string()));
                    }
                }
            }
        }
        written
    }

    /// The names of the tables of a kind, `list` or another, in the order of the files.
    pub fn names(&self, kind: &str) -> impl Iterator<Item = &str> {
        let named = self.named.iter().filter(move |(it, _)| *it == kind);
        named.map(|(_, name)| name.as_str())
    }

    fn add(&mut self, doc: &Document, (kind, name): (&str, &str), path: &str, table: &DeTable<'_>) {
        let of = (kind.to_owned(), name.to_owned());
        let mut found = Vec::new();
        collect(doc, ("", path), table, &mut found);
        self.tables.entry(of).or_default().extend(found);
    }

    /// The keys of a table that do not have the same value in both, in the order in which one
    /// would write them; `daemon` has no name.
    #[must_use]
    pub fn differences(before: &Self, after: &Self, kind: &str, name: &str) -> Vec<Rewritten> {
        let of = (kind.to_owned(), name.to_owned());
        let entries = |it: &Self| -> BTreeMap<String, Entry> {
            let entries = it.tables.get(&of).into_iter().flatten();
            entries.map(|it| (it.name.clone(), it.clone())).collect()
        };
        let (mut old, new) = (entries(before), entries(after));
        let mut found = Vec::new();
        for (name, entry) in new {
            let before = old.remove(&name);
            if before.as_ref().is_some_and(|it| it.mark == entry.mark) {
                continue;
            }
            let before = before.map(|it| it.shown);
            // Not all of a value is shown.
            let after = match before.as_ref() == Some(&entry.shown) {
                true => format!("{} (changed)", entry.shown),
                false => entry.shown,
            };
            found.push(rewritten(name, entry.path, before, Some(after)));
        }
        let gone = old.into_values();
        found.extend(gone.map(|it| rewritten(it.name, it.path, Some(it.shown), None)));
        found.sort_by_key(|it| KEYS.iter().position(|key| key.path == it.path));
        found
    }

    /// Whether a table has a key.
    #[must_use]
    pub fn has(&self, kind: &str, name: &str, key: &str) -> bool {
        let table = self.tables.get(&(kind.to_owned(), name.to_owned()));
        table.is_some_and(|entries| entries.iter().any(|it| it.name == key))
    }
}

fn rewritten(
    name: String,
    path: &'static str,
    before: Option<String>,
    after: Option<String>,
) -> Rewritten {
    let key = KEYS.iter().find(|key| key.path == path);
    Rewritten {
        name,
        path,
        default: key.map_or("", |key| key.default),
        before,
        after,
    }
}

/// The keys of `table`, those of tables in it with the names of these before theirs.
fn collect(
    doc: &Document,
    (prefix, path): (&str, &str),
    table: &DeTable<'_>,
    found: &mut Vec<Entry>,
) {
    for (name, value) in table {
        let name: &str = name.get_ref();
        let Some(key) = keys_of(path).find(|key| key.name() == name) else {
            continue;
        };
        let full = format!("{prefix}{name}");
        match (key.kind, value.get_ref()) {
            (Kind::Tables, DeValue::Table(tables)) => {
                let path = format!("{}.*", key.path);
                for (inner, table) in tables {
                    if let DeValue::Table(table) = table.get_ref() {
                        let prefix = format!("{full}.{}.", inner.get_ref());
                        collect(doc, (&prefix, &path), table, found);
                    }
                }
            }
            (
                Kind::Table | Kind::CountOrTable(_) | Kind::OneOrMoreTables,
                DeValue::Table(table),
            ) => {
                collect(doc, (&format!("{full}."), key.path), table, found);
            }
            _ => {
                let text = Zeroizing::new(text(doc, value));
                let mark = digest(&SHA256, text.as_bytes());
                found.push(Entry {
                    name: full,
                    path: key.path,
                    shown: shown(doc, key, value),
                    mark: mark.as_ref().try_into().expect("a SHA-256 has 32 bytes"),
                });
            }
        }
    }
}

/// A value as it is shown to people.
fn shown(doc: &Document, key: &Key, value: &Value<'_>) -> String {
    let count = |noun: &str| {
        let n = value.get_ref().as_array().map_or(0, |all| all.len());
        format!("{n} {noun}")
    };
    let text = match (key.kind, value.get_ref()) {
        (Kind::Secrets, _) => return format!("‹{}›", count("sources")),
        (Kind::Secret, DeValue::Table(table)) => table
            .iter()
            .map(|(form, from)| format!("{} {}", form.get_ref(), place(doc, from)))
            .collect::<Vec<_>>()
            .join(", "),
        (Kind::Secret, _) => return "‹text in the file›".to_owned(),
        (Kind::People, _) => count("rows"),
        (Kind::TableList | Kind::OneOrMoreTables, _) => count("tables"),
        (Kind::Attachments, _) => count("files"),
        (_, DeValue::String(text)) => text.as_ref().to_owned(),
        _ => text(doc, value),
    };
    let mut text = match key.kind {
        Kind::Secret => format!("‹{}›", text.replace('"', "")),
        _ => text,
    };
    mask::passwords_in_urls(&mut text);
    cut(&text)
}

/// Where a secret is. Of a program only the name: it may be told a secret.
fn place(doc: &Document, from: &Value<'_>) -> String {
    match from.get_ref() {
        DeValue::Array(argv) => {
            let program = argv.first().and_then(|it| it.get_ref().as_str());
            let name = program.and_then(|it| it.split_whitespace().next());
            name.unwrap_or_default().to_owned()
        }
        _ => text(doc, from),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value in the one way of writing it that leaves nothing open.
fn text(doc: &Document, value: &Value<'_>) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value.get_ref() {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Array(all) => {
            format!("[{}]", list(all.iter().map(|it| text(doc, it)).collect()))
        }
        DeValue::Table(table) => {
            let mut pairs: Vec<String> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", key.get_ref(), text(doc, value)))
                .collect();
            pairs.sort();
            format!("{{ {} }}", list(pairs))
        }
        _ => doc.raw().get(value.span()).unwrap_or_default().to_owned(),
    }
}
