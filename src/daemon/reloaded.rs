//! What another configuration changes, as it is told: by the socket, on a terminal, in the log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The query of `POST /v1/reload`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct ReloadRequest {
    /// Only say what would change.
    pub dry_run: bool,
    /// A refusal is told to a terminal that shows colours.
    pub colour: bool,
}

/// What a reload changed, or would change.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Reloaded {
    /// The file.
    pub config: String,
    /// Nothing was changed.
    pub dry_run: bool,
    /// All that differs.
    pub changes: Vec<Difference>,
    /// Keys that are read at the start only and differ: with any, a reload is refused.
    pub restart: Vec<String>,
    /// Accounts that came, went or changed.
    pub accounts: Vec<String>,
    /// Schedules that did.
    pub schedules: Vec<String>,
    /// Lists that did.
    pub lists: Vec<String>,
    /// What else is wrong: a list's file that is not there, for example.
    pub problems: Option<String>,
}

/// A table that differs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Difference {
    /// How.
    pub how: How,
    /// account, list, template, schedule or daemon.
    pub kind: String,
    /// Its name; empty for the daemon.
    pub name: String,
    /// The keys whose values differ.
    #[serde(default)]
    pub keys: Vec<KeyChange>,
    /// Files that it is made of and whose contents differ.
    #[serde(default)]
    pub files: Vec<String>,
    /// What follows, for people.
    #[serde(default)]
    pub effect: Option<String>,
}

/// How a table differs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
    /// It is there still, and nothing uses it any more.
    Unused,
}

/// A key whose value differs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeyChange {
    /// Its name inside the table.
    pub key: String,
    /// What stood there, as one would write it; nothing if it was left out.
    pub before: Option<String>,
    /// What stands there now, likewise.
    pub after: Option<String>,
    /// What holds where it is left out, if something does.
    #[serde(default)]
    pub default: Option<String>,
    /// It is read at the start only.
    #[serde(default)]
    pub restart: bool,
    /// What follows, for people.
    #[serde(default)]
    pub effect: Option<String>,
}

/// The configuration that holds, and the last one that does not.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Configuration {
    /// Since when it holds, in milliseconds.
    pub loaded_at: i64,
    /// The one of the start is 1; each that says something else is one more.
    pub generation: u64,
    /// What was refused since, if the last reload was.
    #[serde(default)]
    pub refused: Option<Refused>,
}

/// A reload that was refused.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Refused {
    /// When, in milliseconds.
    pub at: i64,
    /// How many errors the files have; 0 if something else is in the way.
    pub errors: usize,
    /// Why, in a few words: "1 error in postroom.toml".
    pub text: String,
}

impl How {
    fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Removed => '-',
            Self::Changed => '~',
            Self::Unused => '!',
        }
    }
}

impl KeyChange {
    fn words(&self) -> String {
        let left_out = || match &self.default {
            Some(default) => format!("{default} (default)"),
            None => "left out".to_owned(),
        };
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(left_out);
        let (before, after) = (shown(&self.before), shown(&self.after));
        match before == after {
            true => format!("{} changed ({after})", self.key), // too long to show the difference
            false => format!("{} {before} -> {after}", self.key),
        }
    }
}

impl Difference {
    /// Its heading in the file: `account.main`.
    #[must_use]
    pub fn heading(&self) -> String {
        match self.name.is_empty() {
            true => self.kind.clone(),
            false => format!("{}.{}", self.kind, self.name),
        }
    }

    /// For a table of three columns: what, how, what follows.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 3]> {
        let heading = format!("{} {}", self.how.sign(), self.heading());
        let told = |effect: &Option<String>| effect.clone().unwrap_or_default();
        let mut rows: Vec<[String; 3]> = Vec::new();
        if !self.files.is_empty() {
            rows.push([heading.clone(), self.files.join(", "), told(&self.effect)]);
        }
        let keys = self.keys.iter();
        rows.extend(keys.map(|key| [heading.clone(), key.words(), told(&key.effect)]));
        if rows.is_empty() {
            rows.push([heading, told(&self.effect), String::new()]);
        }
        rows
    }
}

impl Reloaded {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.changes.is_empty()
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.differs() {
            return f.write_str("nothing changed");
        }
        let rows = self.changes.iter().flat_map(Difference::rows);
        let rows = rows.map(|row| row.join(" ").trim_end().to_owned());
        write!(f, "changed: {}", rows.collect::<Vec<_>>().join("; "))
    }
}
