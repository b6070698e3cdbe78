//! The one table of keys.
//!
//! What may stand in the file, of which kind it is, what holds if it is left out and what it means:
//! the validator reads it here, and so will everything else that speaks about keys. Keys that the
//! design has and this version has not are listed too, so that whoever writes one is told so
//! instead of being asked about a typing mistake.

mod foreign;
mod table;
mod wants;

pub(super) use foreign::foreign;
pub use table::KEYS;
pub(super) use wants::wants;

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its tables and its name: `account.*.port`; the star is a name that a person chose.
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What holds if the key is left out: a value as one would write it in TOML, or some words;
    /// empty if nothing does.
    pub default: &'static str,
    /// A value as one would write it in TOML; empty for tables.
    pub example: &'static str,
    /// Names that it had before: they still work, with a warning.
    pub formerly: &'static [&'static str],
    /// Whether it is read when the daemon starts and never again: a reload that changes it is
    /// refused.
    pub restart: bool,
    /// Whether its table says nothing without it.
    pub required: bool,
    /// What it means: one sentence.
    pub doc: &'static str,
}

/// What may stand as a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// One of some words.
    Choice(&'static [&'static str]),
    /// One or several of some words.
    Choices(&'static [&'static str]),
    /// One of the known providers.
    Provider,
    /// A file or folder, relative to the file that names it.
    Path,
    /// A time zone of the IANA database.
    Zone,
    /// A crontab expression.
    Cron,
    /// One local date and time, or several.
    Instants,
    /// A local date, or a date and time.
    Bound,
    /// Dates, and calendar files of dates.
    Days,
    /// Hours of the day on days of the week, or several.
    Hours,
    /// A duration that may be nothing.
    Duration,
    /// A duration longer than nothing.
    Span,
    /// Several durations, each longer than nothing.
    Spans,
    /// One rate, or several that all hold.
    Rates,
    /// A duration, or the word `never`.
    SpanOrNever,
    /// A mailbox: `Name <address>` or an address.
    Mailbox,
    /// A name, or several.
    Names,
    /// Several texts.
    Texts,
    /// The people of a list.
    People,
    /// Values, each under a name that a person chose.
    Values,
    /// Texts, each under the name of a header.
    Headers,
    /// Files that go along, and what makes them.
    Attachments,
    /// Where a credential comes from.
    Secret,
    /// Where several credentials come from.
    Secrets,
    /// A name, or `false`.
    NameOrFalse,
    /// A character.
    Separator,
    /// The name of a text encoding.
    Encoding,
    /// A share in percent.
    Share,
    /// A whole number from the first on, or a table.
    CountOrTable(u64),
    /// A table.
    Table,
    /// Tables, each under a name that a person chose.
    Tables,
    /// Tables in an order, without names.
    TableList,
    /// A table without a name, or several.
    OneOrMoreTables,
    /// In the design, not in this version.
    Planned,
}

impl Key {
    /// The name alone, without its tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// Whether this version has it.
    #[must_use]
    pub fn is_built(&self) -> bool {
        self.kind != Kind::Planned
    }

    /// Whether it is a table, or several, and nothing else.
    #[must_use]
    pub fn is_table(&self) -> bool {
        matches!(
            self.kind,
            Kind::Table | Kind::Tables | Kind::TableList | Kind::OneOrMoreTables
        )
    }

    /// The key's name and those that it had before.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name()).chain(self.formerly.iter().copied())
    }

    /// What holds if the key is left out, if that is a value and no matter of other keys.
    #[must_use]
    pub fn default_value(&self) -> Option<toml::Value> {
        self.default.parse().ok()
    }

    /// The tables it stands in: `account.*`, or nothing for the top of the file.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(table, _)| table)
    }
}

/// The key that a path in somebody's file means: `account.*.port` for `account.main.port`.
#[must_use]
pub fn of_written(path: &str) -> Option<&'static Key> {
    let fitting = KEYS.iter().filter(|key| fits(key.path, path));
    fitting.max_by_key(|key| key.path.len())
}

/// Whether a path is one of these, with names in the place of stars. Names may have dots in them.
fn fits(pattern: &str, path: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(rest) = path.strip_prefix(before) else {
        return false;
    };
    let mut ends = rest.char_indices().skip(1);
    ends.any(|(end, _)| fits(after, &rest[end..]))
}

/// The keys of a table, `account.*` for example.
pub(super) fn keys_of(table: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.table() == table)
}

const fn key(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key {
        path,
        kind,
        default,
        example,
        formerly: &[],
        restart: false,
        required: false,
        doc,
    }
}

const fn planned(path: &'static str, doc: &'static str) -> Key {
    key(path, Kind::Planned, "", "", doc)
}

impl Key {
    const fn formerly(self, formerly: &'static [&'static str]) -> Self {
        Self { formerly, ..self }
    }

    const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    const fn restart(self) -> Self {
        Self {
            restart: true,
            ..self
        }
    }
}
