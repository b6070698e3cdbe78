//! A table of the file, read by its rows of the table of keys.
//!
//! Opening a section judges the names of its keys and the shapes of their values once; after that
//! the typed getters only see what has the right shape. A getter that answers nothing has either
//! found nothing, or reported why.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use lettre::message::Mailbox;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::amount;
use super::document::Document;
use super::key::{Key, Kind, keys_of};
use super::problem::{Place, Problem};
use super::rate::Rate;
use super::{mailbox, renamed, shape, slack, unknown};
use crate::audience::{self, Share};

pub(super) type Value<'d> = Spanned<DeValue<'d>>;

/// A text and where its value stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Text<'d> {
    pub(super) text: &'d str,
    pub(super) span: Range<usize>,
}

pub(super) struct Section<'d> {
    pub(super) doc: &'d Document,
    /// The name a person gave it; empty where tables of this kind have none.
    pub(super) name: &'d str,
    /// Where to point if something is missing in it.
    pub(super) header: Range<usize>,
    /// The name of the table that it stands in, if both have one.
    owner: &'d str,
    table: &'static str,
    entries: &'d DeTable<'d>,
    unusable: HashSet<&'static str>,
    /// Keys that an unknown key was taken for: they are not missing as well.
    meant: Vec<&'static str>,
}

impl<'d> Section<'d> {
    /// Opens a table: `table` is its path in the table of keys, `account.*` for example.
    pub(super) fn open(
        doc: &'d Document,
        table: &'static str,
        name: &'d str,
        header: Range<usize>,
        entries: &'d DeTable<'d>,
    ) -> Self {
        Self::open_within(doc, table, ("", name), header, entries)
    }

    /// Opens a table with a name in a table with a name, `account.*.domain.*` for example.
    pub(super) fn open_within(
        doc: &'d Document,
        table: &'static str,
        (owner, name): (&'d str, &'d str),
        header: Range<usize>,
        entries: &'d DeTable<'d>,
    ) -> Self {
        let (unusable, meant) = (HashSet::new(), Vec::new());
        let mut section = Self {
            doc,
            name,
            header,
            owner,
            table,
            entries,
            unusable,
            meant,
        };
        let mut keys: Vec<_> = entries
            .keys()
            .map(|it| (&**it.get_ref(), it.span()))
            .collect();
        keys.sort_by_key(|(_, span)| span.start);
        let lost = unknown::lost_header(doc, table, &keys);
        let strays = lost.as_ref().map_or(&[][..], |it| &it.keys);
        for (key, value) in entries {
            let name: &str = key.get_ref();
            if strays.contains(&name) {
                continue;
            }
            match keys_of(table).find(|known| known.names().any(|it| it == name)) {
                Some(Key {
                    kind: Kind::Planned,
                    doc: meaning,
                    ..
                }) => {
                    section.report(unknown::not_yet(&section, key, meaning));
                }
                Some(known) => {
                    renamed::report(&section, known, key);
                    if let Some(problem) = shape::complaint(doc, known, value) {
                        section.report(problem.key(section.path(known.name())));
                        section.unusable.insert(known.name());
                    }
                }
                None => {
                    let meant = unknown::report(&section, key);
                    section.meant.extend(meant);
                }
            }
        }
        if let Some(lost) = lost {
            section.report(lost.problem);
        }
        section
    }

    /// What a person calls it: "account `relay`".
    pub(super) fn title(&self) -> String {
        match self.kind() {
            "" => "this file".to_owned(),
            "alert" => "`alert`".to_owned(),
            kind if self.name.is_empty() => format!("[{kind}]"),
            "rule" => format!("a rule of account `{}`", self.name),
            part @ ("when" | "canary") => format!("`{part}` of schedule `{}`", self.name),
            "dkim" => format!("`dkim` of account `{}`", self.name),
            "data" => {
                let owner = self.table.split('.').next().unwrap_or_default();
                format!("`data` of {owner} `{}`", self.name)
            }
            "domain" => format!("domain `{}` of account `{}`", self.name, self.owner),
            kind => format!("{kind} `{}`", self.name),
        }
    }

    /// `account`, `list`, …; nothing for the top of the file.
    pub(super) fn kind(&self) -> &'static str {
        let path = self.table.trim_end_matches(".*");
        path.rsplit('.').next().unwrap_or(path)
    }

    /// Its path in the table of keys.
    pub(super) fn table(&self) -> &'static str {
        self.table
    }

    /// A key's path in this file: `account.relay.port`.
    pub(super) fn path(&self, key: &str) -> String {
        let table = if self.owner.is_empty() {
            self.table.replacen('*', self.name, 1)
        } else {
            let owned = self.table.replacen('*', self.owner, 1);
            owned.replacen('*', &format!("\"{}\"", self.name), 1)
        };
        match table.as_str() {
            "" => key.to_owned(),
            table => format!("{table}.{key}"),
        }
    }

    pub(super) fn report(&self, problem: Problem) {
        self.doc.report(problem);
    }

    /// Whether the key stands there, well-formed or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The name that the key is written under.
    pub(super) fn written_as(&self, key: &str) -> Option<&'d str> {
        self.entry(key).map(|(name, _)| name.get_ref().as_ref())
    }

    /// The keys that stand there and are known.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        keys_of(self.table)
            .map(Key::name)
            .filter(|name| self.has(name))
    }

    /// Whether a table stands there.
    pub(super) fn holds_table(&self, key: &str) -> bool {
        self.entry(key)
            .is_some_and(|(_, value)| value.get_ref().is_table())
    }

    /// The key as it is written, and its value: under its name, or under one that it had before.
    fn entry(&self, key: &str) -> Option<(&'d Spanned<DeString<'d>>, &'d Value<'d>)> {
        let known = keys_of(self.table).find(|known| known.name() == key);
        let formerly = known.map_or(&[][..], |known| known.formerly);
        let names = std::iter::once(key).chain(formerly.iter().copied());
        names
            .into_iter()
            .find_map(|name| self.entries.get_key_value(name))
    }

    /// Whether the key is missing, and not just misspelt.
    pub(super) fn lacks(&self, key: &str) -> bool {
        !self.has(key) && !self.meant.contains(&key)
    }

    /// Whether something stands there for it that cannot be used: what that is nobody knows, so
    /// nothing that follows from its absence holds.
    pub(super) fn is_unclear(&self, key: &str) -> bool {
        self.unusable.contains(key) || self.meant.contains(&key)
    }

    /// Whether nothing stands in it but further tables, so that nobody need have written it.
    pub(super) fn has_only_tables(&self) -> bool {
        let is_table = |value: &Value<'_>| match value.get_ref() {
            DeValue::Array(list) => list.iter().all(|it| it.get_ref().is_table()),
            value => value.is_table(),
        };
        !self.entries.is_empty() && self.entries.values().all(is_table)
    }

    /// The key's own place.
    pub(super) fn key_place(&self, key: &str, label: impl Into<String>) -> Place {
        let span = self.entry(key).map(|(key, _)| key.span());
        self.doc.place(span.unwrap_or(self.header.clone()), label)
    }

    /// The place of the key's value.
    pub(super) fn value_place(&self, key: &str, label: impl Into<String>) -> Place {
        let span = self.entry(key).map(|(_, value)| value.span());
        self.doc.place(span.unwrap_or(self.header.clone()), label)
    }

    /// The place of the table's header.
    pub(super) fn header_place(&self, label: impl Into<String>) -> Place {
        self.doc.place(self.header.clone(), label)
    }

    /// Reports that keys exclude each other: all but the first of those that are there.
    pub(super) fn only_one_of(&self, keys: &[(&str, &str)], message: String) -> Option<Problem> {
        let present: Vec<_> = keys.iter().filter(|(key, _)| self.has(key)).collect();
        let [(first, label), rest @ ..] = present.as_slice() else {
            return None;
        };
        let problem = Problem::error("only-one-of", message, self.key_place(first, *label))
            .key(self.path(first));
        let with_others = rest.iter().fold(problem, |it, (key, label)| {
            it.and(self.key_place(key, *label))
        });
        (!rest.is_empty()).then_some(with_others)
    }

    pub(super) fn value(&self, key: &str) -> Option<&'d Value<'d>> {
        debug_assert!(
            keys_of(self.table).any(|known| known.name() == key),
            "{key} is in the table of keys"
        );
        let (_, value) = self.entry(key)?;
        (!self.unusable.contains(key)).then_some(value)
    }

    pub(super) fn text(&self, key: &str) -> Option<Text<'d>> {
        text_of(self.value(key)?)
    }

    pub(super) fn path_of(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|path| self.doc.resolve(path.text))
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.value(key)?.get_ref().as_bool()
    }

    pub(super) fn count(&self, key: &str) -> Option<u64> {
        shape::whole_number(self.value(key)?.get_ref())
    }

    /// One of some words; the shape check has seen that it is one of them.
    pub(super) fn choice<T: FromStr>(&self, key: &str) -> Option<T> {
        self.text(key)?.text.parse().ok()
    }

    pub(super) fn duration(&self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        self.parsed(
            key,
            &text,
            "bad-duration",
            amount::parse_duration(text.text),
        )
    }

    /// A duration longer than nothing.
    pub(super) fn span(&self, key: &str) -> Option<Duration> {
        let text = self.text(key)?;
        self.span_in(key, &text)
    }

    pub(super) fn spans(&self, key: &str) -> Option<Vec<Duration>> {
        let texts = self.some_texts(key)?;
        every(texts.iter().map(|text| self.span_in(key, text)))
    }

    pub(super) fn rates(&self, key: &str) -> Option<Vec<Rate>> {
        let texts = self.some_texts(key)?;
        let rates = texts.iter();
        let rates = every(rates.map(|it| self.parsed(key, it, "bad-rate", it.text.parse())))?;
        slack::in_a_list(self, key, &rates, &texts);
        Some(rates)
    }

    /// A share in percent.
    pub(super) fn share(&self, key: &str) -> Option<Share> {
        let text = self.text(key)?;
        self.parsed(key, &text, "bad-share", text.text.parse())
    }

    pub(super) fn mailbox(&self, key: &str) -> Option<Mailbox> {
        let text = self.text(key)?;
        match audience::mailbox(text.text) {
            Ok(mailbox) => {
                let odd = mailbox::misleading(self.doc, &text, &mailbox);
                odd.into_iter()
                    .for_each(|problem| self.report(problem.key(self.path(key))));
                Some(mailbox)
            }
            Err(fault) => {
                self.report(mailbox::problem(self.doc, &text, &fault).key(self.path(key)));
                None
            }
        }
    }

    /// The texts of a list; a text that stands alone is a list of one.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<Text<'d>>> {
        let value = self.value(key)?;
        match value.get_ref().as_array() {
            Some(list) => list.iter().map(text_of).collect(),
            None => text_of(value).map(|text| vec![text]),
        }
    }

    /// The texts of a list in which at least one must stand.
    pub(super) fn some_texts(&self, key: &str) -> Option<Vec<Text<'d>>> {
        let texts = self.texts(key)?;
        if texts.is_empty() {
            let place = self.value_place(key, "write at least one");
            let message = format!("`{key}` of {} is an empty list", self.title());
            self.report(Problem::error("empty-list", message, place).key(self.path(key)));
        }
        Some(texts)
    }

    /// A duration longer than nothing, wherever it stands; `key` is what it is called.
    pub(super) fn span_in(&self, key: &str, text: &Text<'d>) -> Option<Duration> {
        let span = self.parsed(key, text, "bad-duration", amount::parse_duration(text.text))?;
        if span.is_zero() {
            let place = self.doc.place(text.span.clone(), "write a longer one");
            let message = format!("`{key}` cannot be nothing");
            self.report(Problem::error("bad-duration", message, place).key(self.path(key)));
            return None;
        }
        Some(span)
    }

    fn parsed<T>(
        &self,
        key: &str,
        text: &Text<'d>,
        code: &'static str,
        result: Result<T, amount::AmountError>,
    ) -> Option<T> {
        result
            .map_err(|fault| {
                // A fault in all of it is marked with its quotes, as the thing to replace.
                let span = if fault.span == (0..text.text.len()) {
                    text.span.clone()
                } else {
                    self.doc.inside(text.span.clone(), text.text, fault.span)
                };
                let place = self.doc.place(span, fault.label);
                let problem = Problem::error(code, fault.message, place).key(self.path(key));
                self.report(problem.maybe_note(fault.note.map(str::to_owned)));
            })
            .ok()
    }
}

/// All of them, if every one is good; each bad one has had its say by then.
pub(super) fn every<T>(results: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    results.collect::<Vec<_>>().into_iter().collect()
}

pub(super) fn text_of<'d>(value: &'d Value<'d>) -> Option<Text<'d>> {
    Some(Text {
        text: value.get_ref().as_str()?,
        span: value.span(),
    })
}
