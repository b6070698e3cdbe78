//! A configuration that works, and the same with a line changed.

#[derive(Clone)]
pub(super) struct Toml(Vec<Table>);

#[derive(Clone)]
struct Table {
    heading: String,
    lines: Vec<String>,
}

const BASE: [(&str, &str); 5] = [
    ("", ""),
    ("[daemon]", "state = \"state\""),
    (
        "[account.ops]",
        "host = \"localhost\"\ntls = \"none\"\nfrom = \"Ops <ops@example.org>\"",
    ),
    ("[list.people]", "csv = \"people.csv\""),
    (
        "[schedule.hello]",
        "send = \"hello\"\nto = \"people\"\nvia = \"ops\"",
    ),
];

/// The account `ops` sends the template `hello` to the list `people`, whenever somebody says so.
pub(super) fn base() -> Toml {
    BASE.iter()
        .fold(Toml(Vec::new()), |toml, (heading, lines)| {
            toml.with(heading, lines)
        })
}

/// The base with lines in the account.
pub(super) fn account(lines: &str) -> Toml {
    base().with("[account.ops]", lines)
}

/// The base with lines in the list.
pub(super) fn list(lines: &str) -> Toml {
    base().with("[list.people]", lines)
}

/// The base with lines in the schedule.
pub(super) fn schedule(lines: &str) -> Toml {
    base().with("[schedule.hello]", lines)
}

impl Toml {
    /// The same with these lines under a heading, in place of those that it has for the same keys.
    pub(super) fn with(mut self, heading: &str, lines: &str) -> Self {
        let known = self.0.iter().position(|table| table.heading == heading);
        let at = known.unwrap_or_else(|| {
            self.0.push(Table {
                heading: heading.to_owned(),
                lines: Vec::new(),
            });
            self.0.len() - 1
        });
        let table = &mut self.0[at];
        for line in lines.lines() {
            let key = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
            table.lines.retain(|old| key(old) != key(line));
            table.lines.push(line.to_owned());
        }
        self
    }

    /// The same without a key.
    pub(super) fn without(mut self, heading: &str, key: &str) -> Self {
        let table = self.0.iter_mut().find(|table| table.heading == heading);
        let lines = &mut table.unwrap().lines;
        lines.retain(|line| line.split('=').next().map(str::trim) != Some(key));
        self
    }

    pub(super) fn text(&self) -> String {
        let tables = self.0.iter();
        let tables =
            tables.map(|table| format!("{}\n{}\n\n", table.heading, table.lines.join("\n")));
        tables.collect()
    }
}
