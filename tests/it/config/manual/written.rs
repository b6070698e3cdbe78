//! Small configurations around single keys.

use std::collections::BTreeMap;

use postroom::config::key::{KEYS, Key};

use crate::config::world::World;

/// What a file says: tables of the table of keys, and in each its keys and their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Written(BTreeMap<&'static str, Vec<(String, String)>>);

/// What has to be said besides, for a key to make sense; a key without a value is left out.
const BESIDES: &[(&str, &[(&str, &str)])] = &[
    ("daemon.alert.to", &[("daemon.alert.via", "\"main\"")]),
    (
        "daemon.alert.via",
        &[("daemon.alert.to", "\"ops@example.org\"")],
    ),
    (
        "daemon.alert.timeout",
        &[("daemon.alert.command", "[\"true\"]")],
    ),
    ("account.*.provider", &[("account.*.host", "")]),
    (
        "account.*.region",
        &[
            ("account.*.provider", "\"mailgun\""),
            ("account.*.host", ""),
        ],
    ),
    ("account.*.port", &[("account.*.tls", "\"starttls\"")]),
    (
        "account.*.user",
        &[("account.*.password", "{ file = \"secrets/main\" }")],
    ),
    ("account.*.password", &[("account.*.user", "\"news\"")]),
    ("account.*.token", &[("account.*.user", "\"news\"")]),
    (
        "account.*.dkim.selector",
        &[("account.*.dkim.key", "{ file = \"secrets/main.pr1.pem\" }")],
    ),
    (
        "account.*.dkim.key",
        &[("account.*.dkim.selector", "\"pr1\"")],
    ),
    (
        "account.*.dkim.domain",
        &[
            ("account.*.dkim.selector", "\"pr1\""),
            ("account.*.dkim.key", "{ file = \"secrets/main.pr1.pem\" }"),
        ],
    ),
    (
        "account.*.rule.reply",
        &[("account.*.rule.then", "\"later\"")],
    ),
    (
        "account.*.rule.text",
        &[("account.*.rule.then", "\"later\"")],
    ),
    (
        "account.*.rule.at",
        &[
            ("account.*.rule.reply", "\"550\""),
            ("account.*.rule.then", "\"later\""),
        ],
    ),
    (
        "account.*.rule.then",
        &[("account.*.rule.reply", "\"551\"")],
    ),
    ("list.*.inline", &[("list.*.csv", "")]),
    ("list.*.command", &[("list.*.csv", "")]),
    (
        "list.*.timeout",
        &[("list.*.csv", ""), ("list.*.command", "[\"true\"]")],
    ),
    ("list.*.json", &[("list.*.csv", "")]),
    (
        "list.*.rows",
        &[
            ("list.*.csv", ""),
            ("list.*.json", "\"lists/document.json\""),
        ],
    ),
    (
        "unsubscribe.url",
        &[("unsubscribe.key", "{ file = \"secrets/links\" }")],
    ),
    (
        "unsubscribe.mailto",
        &[("unsubscribe.key", "{ file = \"secrets/links\" }")],
    ),
    (
        "unsubscribe.key",
        &[("unsubscribe.mailto", "\"leave@example.org\"")],
    ),
    (
        "unsubscribe.former_keys",
        &[
            ("unsubscribe.mailto", "\"leave@example.org\""),
            ("unsubscribe.key", "{ file = \"secrets/links\" }"),
        ],
    ),
    (
        "unsubscribe.scope",
        &[
            ("unsubscribe.mailto", "\"leave@example.org\""),
            ("unsubscribe.key", "{ file = \"secrets/links\" }"),
        ],
    ),
    (
        "template.*.data.timeout",
        &[("template.*.data.command", "[\"true\"]")],
    ),
    (
        "template.*.data.max_age",
        &[("template.*.data.file", "\"data/report.json\"")],
    ),
    (
        "schedule.*.data.timeout",
        &[("schedule.*.data.command", "[\"true\"]")],
    ),
    (
        "schedule.*.data.max_age",
        &[("schedule.*.data.file", "\"data/report.json\"")],
    ),
    ("schedule.*.on", &[("schedule.*.cron", "")]),
    ("template.*.markdown", &[("template.*.subject", "\"News\"")]),
    (
        "schedule.*.every",
        &[
            ("schedule.*.cron", ""),
            ("schedule.*.starts", "2026-12-01T09:00:00"),
        ],
    ),
    (
        "schedule.*.on_holiday",
        &[("schedule.*.holidays", "[\"12-25\"]")],
    ),
    (
        "schedule.*.when.timeout",
        &[("schedule.*.when.command", "[\"true\"]")],
    ),
    (
        "schedule.*.canary.wait",
        &[("schedule.*.canary.people", "20")],
    ),
    (
        "schedule.*.class",
        &[
            ("schedule.*.send", "\"leave\""),
            ("account.*.postal_address", "\"1 High Street\""),
            ("unsubscribe.mailto", "\"leave@example.org\""),
            ("unsubscribe.key", "{ file = \"secrets/links\" }"),
        ],
    ),
    ("schedule.*.cc", &[("schedule.*.group", "true")]),
    ("schedule.*.bcc", &[("schedule.*.group", "true")]),
    (
        "schedule.*.once_for",
        &[("schedule.*.once_per", "[\"email\"]")],
    ),
];

impl Written {
    /// A file that holds, with nothing in it that could be left out.
    pub(super) fn smallest() -> Self {
        let mut written = Self::default();
        for (path, value) in [
            ("account.*.host", "\"smtp.example.org\""),
            ("account.*.from", "\"news@example.org\""),
            ("list.*.csv", "\"lists/people.csv\""),
            ("schedule.*.send", "\"plain\""),
            ("schedule.*.to", "\"customers\""),
            ("schedule.*.via", "\"main\""),
            ("schedule.*.cron", "\"0 9 * * Mon\""),
        ] {
            written.set(key(path), value);
        }
        written
    }

    /// The same with all that the key needs beside it.
    pub(super) fn around(key: &Key) -> Self {
        let mut written = Self::smallest();
        if ["schedule.*.to", "schedule.*.except"].contains(&key.path) {
            written.0.insert(
                "list.team",
                vec![("inline".into(), "[\"ada@example.org\"]".into())],
            );
        }
        let besides = BESIDES.iter().find(|(path, _)| *path == key.path);
        for (path, value) in besides.map_or(&[][..], |(_, besides)| besides) {
            written.set(self::key(path), value);
        }
        written
    }

    /// Writes a value, in place of one that may be there; an empty one takes the key out.
    pub(super) fn set(&mut self, key: &Key, value: &str) {
        self.write(key.table(), key.name(), value);
    }

    /// Writes a value under any name. What stands where a table is takes the table's place, and a
    /// table takes its.
    pub(super) fn write(&mut self, table: &'static str, name: &str, value: &str) {
        let path = format!("{table}.{name}");
        let path = path.trim_start_matches('.');
        let below = format!("{path}.");
        self.0
            .retain(|table, _| *table != path && !table.starts_with(&below));
        for (at, _) in table.match_indices('.').chain([(table.len(), "")]) {
            let (above, name) = table[..at].rsplit_once('.').unwrap_or(("", &table[..at]));
            if let Some(entries) = self.0.get_mut(above) {
                entries.retain(|(there, _)| there != name);
            }
        }
        let entries = self.0.entry(table).or_default();
        entries.retain(|(there, _)| there != name);
        if !value.is_empty() {
            entries.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        let entries = self.0.get(key.table());
        entries.is_some_and(|entries| entries.iter().any(|(name, _)| name == key.name()))
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (table, entries) in &self.0 {
            if !table.is_empty() {
                text.push_str(&heading(table));
            }
            for (name, value) in entries {
                text.push_str(&format!("{name} = {value}\n"));
            }
        }
        // A subject in the file wants a folder that has none.
        match self.has(key("template.*.subject")) {
            true => text.replace("plain", "bare"),
            false => text,
        }
    }
}

/// The row of the table of keys.
pub(super) fn key(path: &str) -> &'static Key {
    let found = KEYS.iter().find(|key| key.path == path);
    found.unwrap_or_else(|| panic!("{path} is no key"))
}

/// The row that a path in the file belongs to: `account.main.port`.
pub(super) fn row(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| named(key.path) == path)
}

fn heading(table: &str) -> String {
    match table {
        "account.*.rule" => format!("\n[[{}]]\n", named(table)),
        _ => format!("\n[{}]\n", named(table)),
    }
}

fn named(path: &str) -> String {
    path.replace("account.*", "account.main")
        .replace("list.*", "list.customers")
        .replace("template.*", "template.plain")
        .replace("schedule.*", "schedule.weekly")
        .replace("domain.*", "domain.\"example.net\"")
}

/// The files that the examples name.
pub(super) fn world() -> World {
    let world = World::new();
    std::fs::create_dir(world.path().join("conf.d")).expect("the folder is new");
    world.write("lists/people.csv", PEOPLE);
    world.write("lists/customers.csv", PEOPLE);
    world.write("lists/partners.json", PARTNERS);
    let document = format!("{{\"data\": {{\"people\": {PARTNERS}}}}}");
    world.write("lists/document.json", document);
    world.write("secrets/main", "hunter2\n");
    let long = "a secret of thirty-two bytes or more\n";
    for name in ["links", "unsubscribe", "unsubscribe-2025"] {
        world.write(&format!("secrets/{name}"), long);
    }
    world.write("secrets/main.pr1.pem", crate::dkim::SEED);
    world.write("holidays.ics", HOLIDAYS);
    std::fs::create_dir(world.path().join("data")).expect("the folder is new");
    world.write("data/report.json", "{}\n");
    world.write("data/today.json", "{}\n");
    for name in ["terms", "price-list"] {
        world.write(&format!("files/{name}.pdf"), "%PDF-1.7\n");
    }
    world.write(
        "conf.d/sales.toml",
        "# What it adds is not for these files.\n",
    );
    for folder in ["bare", "notes"] {
        std::fs::create_dir_all(world.path().join("templates").join(folder)).expect("a folder");
    }
    world.write("templates/bare/body.txt", "Hello.\n");
    world.write("templates/notes/week.md", "Hello.\n");
    for template in ["plain", "digest"] {
        std::fs::create_dir_all(world.path().join("templates").join(template)).expect("a folder");
        world.write(&format!("templates/{template}/subject.txt"), "News\n");
        world.write(&format!("templates/{template}/body.txt"), "Hello.\n");
    }
    world
}

const PEOPLE: &str = "email;e-mail;first_name;company;plan;ends_on;locale\n\
    ada@example.org;ada@example.org;Ada;Acme;pro;2027-01-31;de\n";

const PARTNERS: &str = r#"[{"email": "ada@example.org", "first_name": "Ada"}]"#;

const HOLIDAYS: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20300101\r\n\
    SUMMARY:New Year\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
