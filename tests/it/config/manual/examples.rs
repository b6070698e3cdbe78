//! What the table of keys says about each is true.

use postroom::config::key::{KEYS, Key, Kind};
use postroom::config::{Config, load};

use super::written::{self, Written};
use crate::config::world::World;

fn keys_with_values() -> impl Iterator<Item = &'static Key> {
    let is_table = |kind| {
        matches!(
            kind,
            Kind::Table | Kind::Tables | Kind::TableList | Kind::OneOrMoreTables
        )
    };
    KEYS.iter()
        .filter(move |key| key.is_built() && !is_table(key.kind))
}

/// The configuration, in which a program may not be there yet, and nothing else is wrong.
fn accepted(world: &World, written: &Written) -> Config {
    let text = written.text();
    let loaded = load(&world.write("postroom.toml", &text));
    let loaded = loaded.unwrap_or_else(|problems| panic!("{text}\n{}", problems.render(false)));
    let problems = loaded.problems;
    let is_good = problems
        .iter()
        .all(|it| it.code == "unused" || it.message.starts_with("the command"));
    assert!(is_good, "{text}\n{}", problems.render(false));
    loaded.config
}

#[test]
fn every_example_is_accepted_where_it_stands() {
    let world = written::world();
    for key in keys_with_values() {
        assert!(!key.example.is_empty(), "{} has no example", key.path);
        let mut written = Written::around(key);
        written.set(key, key.example);
        accepted(&world, &written);
    }
}

#[test]
fn a_default_that_is_written_down_changes_nothing() {
    let world = written::world();
    let mut values = 0;
    for key in keys_with_values() {
        if key.default_value().is_none() {
            continue;
        }
        values += 1;
        let left_out = Written::around(key);
        let mut written = left_out.clone();
        written.set(key, key.default);
        let (one, other) = (accepted(&world, &left_out), accepted(&world, &written));
        assert_eq!(one, other, "{}", written.text());
    }
    assert!(values > 20, "only {values} defaults are values");
}

#[test]
fn a_former_name_means_what_the_name_of_today_means() {
    let world = written::world();
    let mut renamed = 0;
    for key in keys_with_values() {
        for former in key.formerly {
            renamed += 1;
            let mut today = Written::around(key);
            let mut written = today.clone();
            today.set(key, key.example);
            written.write(key.table(), former, key.example);
            let loaded = world
                .load(written.text())
                .expect("a warning refuses nothing");
            let codes: Vec<_> = loaded.problems.iter().map(|it| it.code).collect();
            assert_eq!(codes, ["renamed-key"]);
            assert_eq!(loaded.config, accepted(&world, &today));
            written.set(key, key.example);
            let problems = world.load(written.text()).expect_err("both names at once");
            let codes: Vec<_> = problems.iter().map(|it| it.code).collect();
            assert_eq!(codes, ["only-one-of"]);
        }
    }
    assert!(renamed > 0);
}
