//! What is in effect: every value of a configuration, written or not, and where it comes from.
//!
//! What stands in the files is walked along the table of keys; what does not comes from the
//! provider, from the configuration as it was understood, or from the table's defaults. Nothing
//! here lists the keys once more. A secret is never shown, only where it comes from. Fed back as a
//! file, with the secrets put back in, the lines mean the same configuration.

mod effective;
mod redact;
mod value;

use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::Config;
use super::key::{Key, Kind, keys_of};
use super::section::Value;
use redact::Redaction;

/// The effective configuration, in the order of the table of keys.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its lines.
    pub lines: Vec<ShownLine>,
}

/// A line of it.
#[derive(Clone, Debug, PartialEq)]
pub enum ShownLine {
    /// A table begins: `[account.main]`.
    Header(String),
    /// A key has a value.
    Value(Setting),
}

/// A key and what holds for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// With its tables: `account.main.port`.
    pub key: String,
    /// Alone: `port`.
    pub name: &'static str,
    /// As one would write it in TOML; a secret's place between `‹` and `›`.
    pub text: String,
    /// Who says so.
    pub origin: Origin,
    /// It follows from what is written, and cannot be written beside that.
    pub follows: bool,
}

/// Who says what holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody wrote it.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The provider that the account names.
    Provider(&'static str),
    /// Nobody: it holds where nothing else is written.
    Default,
}

/// Everything that is in effect. `redacted` puts stable signs in the place of names, addresses and
/// hosts, the same for the same text on this machine, so that the whole can be shown to others.
#[must_use]
pub fn show(config: &Config, redacted: bool) -> Shown {
    let files = config.written.files.iter();
    let files: Vec<File<'_>> = files
        .map(|file| File {
            path: &file.path,
            raw: file.text.as_str(),
            root: DeTable::parse_recoverable(file.text.as_str())
                .0
                .into_inner(),
        })
        .collect();
    let mut sheet = Sheet {
        config,
        redaction: redacted.then(Redaction::of_this_machine),
        zone_of_all: files.first().and_then(zone_of_all),
        lines: Vec::new(),
    };
    let nothing = DeTable::default();
    if let Some(main) = files.first() {
        sheet.keys(main, &Table::top(&main.root));
    }
    for kind in keys_of("").filter(|key| matches!(key.kind, Kind::Table | Kind::Tables)) {
        for (index, file) in files.iter().enumerate() {
            let table = file.root.get(kind.name());
            let table = table.and_then(|it| it.get_ref().as_table());
            match (kind.kind, table) {
                (Kind::Tables, Some(tables)) => sheet.named(file, kind, kind.name(), tables, &[]),
                // A table that needs a key says nothing where it is not written.
                (Kind::Table, None) if keys_of(kind.path).any(|key| key.required) => {}
                // What holds for the whole holds where nothing of it is written, too.
                (Kind::Table, table) if index == 0 => {
                    let table = Table::new(kind.path, kind.name().to_owned(), &[], table);
                    sheet.table(file, &table.or(&nothing), ("[", "]"));
                }
                _ => {}
            }
        }
    }
    Shown { lines: sheet.lines }
}

/// Where the time zone stands that holds for schedules without one.
fn zone_of_all(main: &File<'_>) -> Option<Origin> {
    let daemon = main.root.get("daemon")?.get_ref().as_table()?;
    let (key, _) = daemon.get_key_value("timezone")?;
    Some(main.origin(key.span().start))
}

/// A file while it is walked.
struct File<'f> {
    path: &'f Path,
    raw: &'f str,
    root: DeTable<'f>,
}

impl File<'_> {
    fn origin(&self, at: usize) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line: 1 + self.raw[..at].matches('\n').count(),
        }
    }
}

/// A table of a file.
struct Table<'t> {
    /// In the table of keys: `account.*`.
    path: &'static str,
    /// As one would write it: `account.main`.
    title: String,
    /// The names that people chose, outermost first.
    names: Vec<&'t str>,
    entries: Option<&'t DeTable<'t>>,
}

impl<'t> Table<'t> {
    fn new(
        path: &'static str,
        title: String,
        names: &[&'t str],
        entries: Option<&'t DeTable<'t>>,
    ) -> Self {
        let names = names.to_vec();
        Self {
            path,
            title,
            names,
            entries,
        }
    }

    fn top(root: &'t DeTable<'t>) -> Self {
        Self::new("", String::new(), &[], Some(root))
    }

    fn or(mut self, nothing: &'t DeTable<'t>) -> Self {
        self.entries = self.entries.or(Some(nothing));
        self
    }

    /// What is written for a key, under whatever name it had.
    fn written(&self, key: &Key) -> Option<(usize, &'t Value<'t>)> {
        let entries = self.entries?;
        let (name, value) = key.names().find_map(|name| entries.get_key_value(name))?;
        Some((name.span().start, value))
    }
}

struct Sheet<'c> {
    config: &'c Config,
    redaction: Option<Redaction>,
    zone_of_all: Option<Origin>,
    lines: Vec<ShownLine>,
}

impl Sheet<'_> {
    /// A table under its heading, and the tables in it after its own keys.
    fn table(&mut self, file: &File<'_>, table: &Table<'_>, (open, close): (&str, &str)) {
        let heading = format!("{open}{}{close}", table.title);
        self.lines.push(ShownLine::Header(heading));
        self.keys(file, table);
        for key in keys_of(table.path).filter(|key| key.is_built()) {
            let Some((_, value)) = table.written(key) else {
                continue;
            };
            let title = format!("{}.{}", table.title, key.name());
            match (key.kind, value.get_ref()) {
                (Kind::Tables, DeValue::Table(tables)) => {
                    self.named(file, key, &title, tables, &table.names);
                }
                (
                    Kind::Table | Kind::CountOrTable(_) | Kind::OneOrMoreTables,
                    DeValue::Table(inner),
                ) => {
                    let inner = Table::new(key.path, title, &table.names, Some(inner));
                    self.table(file, &inner, ("[", "]"));
                }
                (Kind::TableList | Kind::OneOrMoreTables, DeValue::Array(all)) => {
                    for inner in all.iter().filter_map(|it| it.get_ref().as_table()) {
                        let names = &table.names;
                        let inner = Table::new(key.path, title.clone(), names, Some(inner));
                        self.table(file, &inner, ("[[", "]]"));
                    }
                }
                _ => {}
            }
        }
    }

    /// The tables of a kind, in the order of the file.
    fn named<'t>(
        &mut self,
        file: &File<'_>,
        kind: &'static Key,
        title: &str,
        tables: &'t DeTable<'t>,
        outer: &[&'t str],
    ) {
        let mut tables: Vec<_> = tables.iter().collect();
        tables.sort_by_key(|(name, _)| name.span().start);
        let inner = keys_of_tables(kind);
        for (name, entries) in tables {
            let Some(entries) = entries.get_ref().as_table() else {
                continue;
            };
            let names = [outer, &[name.get_ref().as_ref()]].concat();
            let shown = match &self.redaction {
                Some(redaction) => redaction.text(name.get_ref()),
                None => name.get_ref().to_string(),
            };
            let title = format!("{title}.{}", value::key(&shown));
            let table = Table::new(inner, title, &names, Some(entries));
            self.table(file, &table, ("[", "]"));
        }
    }

    /// The values of a table's own keys.
    fn keys(&mut self, file: &File<'_>, table: &Table<'_>) {
        for key in keys_of(table.path).filter(|key| key.is_built()) {
            let setting = match table.written(key) {
                Some((at, value)) => self.written(file, table, key, (at, value)),
                None => self.effective(table, key),
            };
            self.lines.extend(setting.map(ShownLine::Value));
        }
    }

    fn written(
        &self,
        file: &File<'_>,
        table: &Table<'_>,
        key: &'static Key,
        (at, value): (usize, &Value<'_>),
    ) -> Option<Setting> {
        let has_lines_of_its_own = match (key.kind, value.get_ref()) {
            (Kind::Table | Kind::Tables | Kind::TableList | Kind::OneOrMoreTables, _) => true,
            (Kind::CountOrTable(_), value) => value.is_table(),
            _ => false,
        };
        let text = value::text(file, key.kind, value, self.redaction.as_ref());
        (!has_lines_of_its_own).then(|| setting(table, key, text, file.origin(at)))
    }

    /// What holds though it is not written.
    fn effective(&self, table: &Table<'_>, key: &'static Key) -> Option<Setting> {
        let of = effective::Place {
            config: self.config,
            key,
            name: table.names.first().copied().unwrap_or_default(),
            has: &|name| {
                let key = keys_of(table.path).find(|key| key.name() == name);
                key.is_some_and(|key| table.written(key).is_some())
            },
        };
        let found = effective::of(&of)?;
        let text = match &self.redaction {
            Some(redaction) => value::redacted(&found.text, key.kind, redaction),
            None => found.text,
        };
        let origin = match (key.path, &self.zone_of_all) {
            ("schedule.*.timezone", Some(written)) => written.clone(),
            _ => found.origin,
        };
        let mut setting = setting(table, key, text, origin);
        setting.follows = found.follows;
        Some(setting)
    }
}

fn setting(table: &Table<'_>, key: &'static Key, text: String, origin: Origin) -> Setting {
    let name = key.name();
    let full = match table.title.as_str() {
        "" => name.to_owned(),
        title => format!("{title}.{name}"),
    };
    Setting {
        key: full,
        name,
        text,
        origin,
        follows: false,
    }
}

/// Where the keys of tables with names stand in the table of keys: `account.*` for `account`.
fn keys_of_tables(kind: &'static Key) -> &'static str {
    let inner = super::key::KEYS.iter().map(Key::table);
    let inner = inner.filter(|table| table.strip_suffix(".*") == Some(kind.path));
    inner.into_iter().next().unwrap_or(kind.path)
}
