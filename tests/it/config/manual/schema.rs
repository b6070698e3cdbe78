//! The schema and the validator agree about shapes, whatever is written.

use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, SchemaIndex, Schemas};
use postroom::config::key::{KEYS, Key, Kind};
use postroom::config::{Problem, load, manual};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use super::written::{self, Written};
use crate::config::world::{FULL, World, faults};

/// What a schema can say: the codes of problems about shapes.
const SHAPE: &[&str] = &[
    "unknown-key",
    "wrong-type",
    "bad-choice",
    "out-of-range",
    "not-yet",
];

/// Values of every type; as a text, one that no file is called.
const VALUES: &[&str] = &[
    "\"x*\"",
    "5",
    "0",
    "-3",
    "70000",
    "1.5",
    "true",
    "false",
    "[]",
    "[\"x*\"]",
    "[\"x*\", 5]",
    "[5]",
    "[[\"x*\"]]",
    "[true]",
    "{}",
    "{ email = \"ada@example.org\" }",
    "{ column = \"plan\" }",
    "{ column = 5 }",
    "{ otherwise = \"UTC\" }",
    "{ column = \"plan\", otherwise = \"UTC\", third = 3 }",
    "{ people = 5 }",
    "{ people = 0 }",
    "{ wait = \"5m\" }",
    "[{ email = \"ada@example.org\" }]",
    "[{}]",
    "[{ reply = \"550\", then = \"later\" }]",
    "[{ reply = \"550\" }]",
];
/// Secrets from everywhere; elsewhere they are tables like others.
const SECRETS: &[&str] = &[
    "{ file = \"secrets/main\" }",
    "{ file = \"\" }",
    "{ file = 5 }",
    "{ file = \"secrets/main\", env = \"HOME\" }",
    "{ file = \"secrets/main\", keep = \"5m\" }",
    "{ credential = \"a/b\" }",
    "{ credential = \"..\" }",
    "{ credential = \"relay\" }",
    "{ command = [] }",
    "{ command = [\"\"] }",
    "{ command = \"true\" }",
    "{ command = [\"true\", 5] }",
    "{ command = [\"true\", \"\"], keep = \"5m\" }",
    "{ command = [\"true\"], keep = 5 }",
    "{ env = \"HOME\" }",
    "{ keep = \"5m\" }",
    "{ vault = \"x\" }",
];
/// To JSON a date is a text: it is tried where dates may stand.
const DATES: &[&str] = &["2030-01-01", "2030-01-01T09:00:00", "[2030-01-01]"];

struct Schema(Schemas, SchemaIndex);

impl Schema {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let added = compiler.add_resource("postroom.json", manual::schema());
        added.expect("it is JSON");
        let index = compiler.compile("postroom.json", &mut schemas);
        Self(schemas, index.expect("it is a schema"))
    }

    fn accepts(&self, text: &str) -> bool {
        let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{text}\n{e}"));
        self.0
            .validate(&json(toml::Value::Table(table)), self.1)
            .is_ok()
    }
}

/// TOML as taplo shows it to a schema.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => Value::from(date.to_string()),
        toml::Value::Array(list) => list.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            let members = table.into_iter().map(|(key, value)| (key, json(value)));
            Value::Object(members.collect())
        }
        other => serde_json::to_value(other).expect("a scalar is JSON"),
    }
}

/// Whether a problem is one that a schema can see.
fn is_of_shape(problem: &Problem, written: &Written) -> bool {
    let row = problem.key.as_deref().and_then(written::row);
    let in_braces = row.is_some_and(|key| {
        matches!(
            key.kind,
            Kind::Secret | Kind::Secrets | Kind::Zone | Kind::Attachments
        ) && written.has(key)
    });
    match problem.code {
        // The regions of a provider are its own.
        "bad-choice" => row.is_none_or(|key| key.name() != "region"),
        "missing-key" => in_braces || row.is_some_and(|key| lacks(written, key.table())),
        "only-one-of" | "no-effect" => in_braces,
        code => SHAPE.contains(&code),
    }
}

/// Whether a table is without a key that it must have.
fn lacks(written: &Written, table: &str) -> bool {
    let mut required = KEYS
        .iter()
        .filter(|key| key.table() == table && key.required);
    required.any(|key| !written.has(key))
}

/// Asks both, and answers what they agree on.
fn agreed(world: &World, schema: &Schema, written: &Written) -> bool {
    let text = written.text();
    let path = world.write("postroom.toml", &text);
    let problems = match load(&path) {
        Ok(loaded) => loaded.problems,
        Err(problems) => problems,
    };
    let mut here = problems.iter().filter(|it| it.place().file.path() == path);
    let good = !here.any(|it| is_of_shape(it, written));
    let accepted = schema.accepts(&text);
    assert_eq!(accepted, good, "{text}\n{}", problems.render(false));
    good
}

fn takes_dates(key: &Key) -> bool {
    matches!(
        key.kind,
        Kind::Instants | Kind::Bound | Kind::Days | Kind::Flag | Kind::Count(..)
    )
}

/// `password` and `token` exclude each other, which is no matter of shape.
fn set(written: &mut Written, key: &'static Key, value: &str) {
    if key.kind == Kind::Secret {
        written.set(written::key("account.*.password"), "");
        written.set(written::key("account.*.token"), "");
    }
    written.set(key, value);
}

#[test]
fn every_key_takes_the_same_values_from_both() {
    let (world, schema) = (written::world(), Schema::new());
    let mut verdicts = [0, 0];
    for key in KEYS {
        let words: Vec<String> = match key.kind {
            Kind::Choice(words) | Kind::Choices(words) => {
                words.iter().map(|word| format!("\"{word}\"")).collect()
            }
            _ => Vec::new(),
        };
        let dates = DATES.iter().filter(|_| takes_dates(key));
        let secrets = SECRETS.iter().filter(|_| key.kind == Kind::Secret);
        let values = VALUES.iter().chain(dates).chain(secrets).copied();
        let values = values
            .chain(words.iter().map(String::as_str))
            .chain([key.example]);
        // Whatever is said of a key that does not exist yet is refused.
        let count = if key.is_built() { usize::MAX } else { 1 };
        for value in values.filter(|value| !value.is_empty()).take(count) {
            let mut written = Written::around(key);
            set(&mut written, key, value);
            verdicts[usize::from(agreed(&world, &schema, &written))] += 1;
        }
        let mut without = Written::around(key);
        set(&mut without, key, "");
        agreed(&world, &schema, &without);
        for former in key.formerly {
            let mut written = Written::around(key);
            written.write(key.table(), former, key.example);
            assert!(agreed(&world, &schema, &written));
        }
    }
    let [refused, accepted] = verdicts;
    assert!(
        refused > 1000 && accepted > 200,
        "{refused} refused, {accepted} accepted"
    );
}

#[test]
fn a_key_that_must_be_there_is_missed_by_both_and_no_other_is() {
    let (world, schema) = (written::world(), Schema::new());
    for key in KEYS
        .iter()
        .filter(|key| key.is_built() && !key.table().is_empty())
    {
        // Beside a key of its own that is optional, so that its table is there.
        let mut written = Written::around(key);
        for other in KEYS
            .iter()
            .filter(|it| it.table() == key.table() && it.required)
        {
            written.set(other, other.example);
        }
        let sibling = KEYS.iter().find(|it| {
            it.table() == key.table()
                && !it.required
                && it.path != key.path
                && !it.example.is_empty()
        });
        if let Some(sibling) = sibling.filter(|_| key.required) {
            written.set(sibling, sibling.example);
        }
        written.set(key, "");
        assert_eq!(
            !schema.accepts(&written.text()),
            key.required,
            "{}",
            written.text()
        );
        agreed(&world, &schema, &written);
    }
}

/// A slip: in which row, of what sort, with what.
type Slip = (Index, u8, Index);

fn slip(written: &mut Written, (row, sort, with): &Slip) {
    let key = row.get(KEYS);
    let value = match sort {
        0..6 => key.example,
        6..9 => match key.kind {
            Kind::Secret => with.get::<&str>(SECRETS),
            _ => with.get::<&str>(VALUES),
        },
        9 => "",
        10 => {
            let strange = ["form", "exmaple", "x", "main", "email"];
            return written.write(key.table(), with.get::<&str>(&strange), "\"x*\"");
        }
        // A level of tables is missing: [account] host = "…".
        _ if key.table() == "account.*.domain.*" => return,
        _ => {
            let above = key.table().strip_suffix(".*").unwrap_or("");
            // A table would be one more of the named ones.
            let values = ["\"x*\"", "5", "true", "[]", "2030-01-01"];
            return written.write(above, key.name(), with.get::<&str>(&values));
        }
    };
    set(written, key, value);
}

#[test]
fn whatever_is_written_has_the_right_shape_for_both_or_for_none() {
    let (world, schema) = (written::world(), Schema::new());
    let slips = prop::collection::vec((any::<Index>(), 0..12u8, any::<Index>()), 1..12);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 400,
        ..ProptestConfig::default()
    });
    let run = runner.run(&slips, |slips| {
        let mut written = Written::smallest();
        slips.iter().for_each(|it| slip(&mut written, it));
        agreed(&world, &schema, &written);
        Ok(())
    });
    run.unwrap_or_else(|fault| panic!("{fault}"));
}

#[test]
fn a_fault_of_shape_is_refused_by_the_schema_and_a_good_file_is_not() {
    let (world, schema) = (World::new(), Schema::new());
    assert!(schema.accepts(FULL));
    let mut refused = 0;
    for entry in fs::read_dir(faults()).expect("the folder of faults") {
        let path = entry.expect("an entry of it").path();
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        if path.extension().is_none_or(|it| it != "toml") || text.parse::<toml::Table>().is_err() {
            continue;
        }
        let problems = match world.load(&text) {
            Ok(loaded) => loaded.problems,
            Err(problems) => problems,
        };
        // JSON has no times: to the schema, one of them is a text.
        let is_of_shape = |it: &Problem| {
            let seen_otherwise = ["has no region", "this is a time of day"];
            let is_one = |text: &&str| it.message.contains(text);
            SHAPE.contains(&it.code) && !seen_otherwise.iter().any(is_one)
        };
        if problems.iter().all(is_of_shape) {
            refused += 1;
            assert!(!schema.accepts(&text), "{}", path.display());
        }
    }
    assert!(refused > 10, "only {refused} faults of shape");
    for example in examples() {
        let text = fs::read_to_string(&example).expect("an example");
        assert!(schema.accepts(&text), "{}", example.display());
    }
}

#[test]
fn the_schema_is_the_one_that_was_looked_at() {
    let text = serde_json::to_string_pretty(&manual::schema()).expect("a schema is JSON") + "\n";
    super::assert_kept("postroom.schema.json", &text);
}

pub(super) fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let folders = fs::read_dir(folder).expect("the folder of examples");
    let files = folders.map(|entry| entry.expect("an example").path().join("postroom.toml"));
    files.collect()
}
