//! What differs between two configurations, key by key.
//!
//! What a configuration means decides whether something differs; its files only say how. A rate
//! that is spelled in another way is no difference.

use std::collections::{BTreeMap, BTreeSet};

use super::reloaded::{Difference, How, KeyChange};
use crate::compose::{Template, subject_key};
use crate::config::key::KEYS;
use crate::config::{Account, Config, Daemon, Rewritten, Schedule, Written};

/// Keys that a provider's name fills in.
const OF_A_PROVIDER: [&str; 6] = [
    "host",
    "port",
    "tls",
    "rate",
    "connections",
    "messages_per_connection",
];

/// All that differs.
pub(super) fn differences(before: &Config, after: &Config) -> Vec<Difference> {
    let both = Both { before, after };
    let mut found = Vec::new();
    if before.daemon != after.daemon {
        found.push(both.changed("daemon", "", Vec::new()));
    }
    found.extend(both.named("account", |it| &it.accounts, certificates));
    found.extend(both.named("list", |it| &it.lists, |_, _| Vec::new()));
    found.extend(both.named("template", |it| &it.templates, |a, b| texts(a, b)));
    found.extend(both.named("schedule", |it| &it.schedules, |_, _| Vec::new()));
    for difference in found.iter_mut().filter(|it| it.kind == "schedule") {
        both.inherited(difference);
    }
    found.extend(both.unused("list", lists_of, |it| it.lists.keys().collect()));
    found.extend(both.unused("account", accounts_of, |it| it.accounts.keys().collect()));
    found
}

fn lists_of(schedule: &Schedule) -> Vec<&String> {
    schedule.to.iter().chain(&schedule.except).collect()
}

fn accounts_of(schedule: &Schedule) -> Vec<&String> {
    schedule.via.iter().collect()
}

/// Keys that differ and are read at the start only.
pub(super) fn at_the_start(before: &Config, after: &Config) -> Vec<&'static str> {
    let keys = KEYS.iter().filter(|key| key.restart).map(|key| key.path);
    keys.filter(|key| differs(key, &before.daemon, &after.daemon) == Some(true))
        .collect()
}

/// Whether a key that is read at the start only differs; nothing for any other key.
fn differs(key: &str, before: &Daemon, after: &Daemon) -> Option<bool> {
    Some(match key {
        "daemon.state" => before.state != after.state,
        "daemon.socket" => before.socket != after.socket,
        "daemon.log" => before.log != after.log,
        _ => return None,
    })
}

#[derive(Clone, Copy)]
struct Both<'c> {
    before: &'c Config,
    after: &'c Config,
}

impl<'c> Both<'c> {
    fn named<T: PartialEq + 'c>(
        self,
        kind: &'static str,
        tables: impl Fn(&'c Config) -> &'c BTreeMap<String, T>,
        files: impl Fn(&T, &T) -> Vec<String>,
    ) -> Vec<Difference> {
        let (old, new) = (tables(self.before), tables(self.after));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let differs = names
            .into_iter()
            .filter_map(|name| match (old.get(name), new.get(name)) {
                (None, _) => Some(bare(How::Added, kind, name)),
                (_, None) => Some(bare(How::Removed, kind, name)),
                (Some(a), Some(b)) if a != b => Some(self.changed(kind, name, files(a, b))),
                _ => None,
            });
        differs.collect()
    }

    fn changed(self, kind: &str, name: &str, files: Vec<String>) -> Difference {
        let (old, new) = (&self.before.written, &self.after.written);
        let keys = Written::differences(old, new, kind, name).into_iter();
        let has_provider = [old, new]
            .iter()
            .any(|it| it.has(kind, name, "provider") && kind == "account");
        Difference {
            keys: keys.map(|key| key_change(key, has_provider)).collect(),
            files,
            ..bare(How::Changed, kind, name)
        }
    }

    /// What a schedule has from elsewhere: the zone of all, and holidays from files.
    fn inherited(self, difference: &mut Difference) {
        let of = |config: &'c Config| config.schedules.get(&difference.name);
        let (Some(before), Some(after)) = (of(self.before), of(self.after)) else {
            return;
        };
        let zone = |it: &Schedule| it.zone.iana_name().map(str::to_owned);
        if before.zone != after.zone && difference.keys.iter().all(|it| it.key != "timezone") {
            difference.keys.push(KeyChange {
                key: "timezone".to_owned(),
                before: zone(before),
                after: zone(after),
                default: None,
                restart: false,
                effect: None,
            });
        } else if difference.keys.is_empty() {
            let files = after.holiday_files.iter();
            difference.files = files.map(|it| it.path.display().to_string()).collect();
        }
    }

    /// What schedules used before and use no more, though it is still there.
    fn unused(
        self,
        kind: &'static str,
        names: impl Fn(&'c Schedule) -> Vec<&'c String>,
        there: impl Fn(&'c Config) -> Vec<&'c String>,
    ) -> Vec<Difference> {
        let used = |config: &'c Config| -> BTreeSet<&'c String> {
            config.schedules.values().flat_map(&names).collect()
        };
        let (old, mut new) = (used(self.before), used(self.after));
        let alert = self.after.daemon.alert.as_ref();
        new.extend(
            alert
                .and_then(|it| it.via.as_ref())
                .filter(|_| kind == "account"),
        );
        let there: BTreeSet<&String> = there(self.after).into_iter().collect();
        let gone = old.into_iter();
        let gone = gone.filter(|name| there.contains(name) && !new.contains(name));
        gone.map(|name| Difference {
            effect: Some("no longer used by any schedule".to_owned()),
            ..bare(How::Unused, kind, name)
        })
        .collect()
    }
}

fn bare(how: How, kind: &str, name: &str) -> Difference {
    Difference {
        how,
        kind: kind.to_owned(),
        name: name.to_owned(),
        keys: Vec::new(),
        files: Vec::new(),
        effect: None,
    }
}

fn key_change(key: Rewritten, has_provider: bool) -> KeyChange {
    let default = match has_provider && OF_A_PROVIDER.contains(&key.name.as_str()) {
        true => "the provider's",
        false => key.default.trim_matches('"'),
    };
    KeyChange {
        restart: KEYS.iter().any(|it| it.path == key.path && it.restart),
        default: (!default.is_empty()).then(|| default.to_owned()),
        key: key.name,
        before: key.before,
        after: key.after,
        effect: None,
    }
}

/// The files of a template that hold something else.
fn texts(before: &Template, after: &Template) -> Vec<String> {
    let (before, after) = (parts(before), parts(after));
    let files: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let differ = files
        .into_iter()
        .filter(|file| before.get(file) != after.get(file));
    differ.map(|file| format!("templates/{file}")).collect()
}

fn parts(template: &Template) -> BTreeMap<&str, &[u8]> {
    let source = template.source();
    // What stands in the configuration is told as a key.
    let subject = subject_key(&source.name);
    let is_key = |file: &str| {
        let mut headers = source.headers.values();
        file == subject || headers.any(|it| it.file == file)
    };
    source
        .contents()
        .filter(|(file, _)| !is_key(file))
        .collect()
}

/// The file of certificates, if it is another one by now under the same name.
fn certificates(before: &Account, after: &Account) -> Vec<String> {
    let renewed = before.ca == after.ca && before.ca_digest != after.ca_digest;
    let ca = after.ca.iter().filter(|_| renewed);
    ca.map(|path| path.display().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn each_key_that_needs_a_restart_is_looked_at() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("postroom.toml");
        std::fs::write(&path, "").expect("an empty file");
        let daemon = config::load(&path).expect("it holds").config.daemon;
        for key in KEYS.iter().filter(|key| key.restart) {
            assert_eq!(differs(key.path, &daemon, &daemon), Some(false), "{key:?}");
        }
    }
}
