//! Values: swapped, emptied, of another type.

use super::{Line, assert_each_is_told, lines};

fn valued() -> impl Iterator<Item = Line> {
    lines().into_iter().filter(|it| it.value().is_some())
}

fn with_value(line: &Line, value: &str) -> super::Edit {
    let old = line.value().unwrap();
    let at = line.text.len() - old.len();
    line.becomes(format!("{}{value}", &line.text[..at]))
}

/// Values of every type, and what is left when one is deleted.
const OTHERS: &[&str] = &[
    "7",
    "-7",
    "1.5",
    "true",
    "\"\"",
    "\" \"",
    "\"x\"",
    "[]",
    "[\"\"]",
    "[7]",
    "{}",
    "{ x = 1 }",
    "2026-12-01",
    "nan",
    "[[\"a\"]]",
];

/// Those of them that a key takes all the same.
const FITTING: &[(&str, &str)] = &[
    ("[daemon] state", "\"x\""),
    ("[daemon] socket", "\"x\""),
    ("[daemon] include", "[]"),
    ("[account.main] user", "\"x\""),
    ("[account.main.dkim] selector", "\"x\""),
    ("[account.relay] host", "\"x\""),
    ("[account.relay] port", "7"),
    ("[account.relay] odd_port", "true"),
    ("[account.relay] user", "\"x\""),
    ("[account.relay] password", "\"x\""),
    ("[account.relay] connections", "7"),
    ("[account.relay] hello", "\"x\""),
    ("[account.relay] messages_per_connection", "7"),
    ("[account.relay] chaining", "true"),
    ("[[account.relay.rule]] 1 text", "\"x\""),
    ("[[account.relay.rule]] 2 text", "\"x\""),
    ("[list.team] optional", "[]"),
    ("[list.customers] optional", "[]"),
    ("[list.partners] optional", "[]"),
    ("[list.partners] fields", "{}"),
    ("[list.partners] fields", "{ x = 1 }"),
    ("[list.partners] defaults", "{}"),
    ("[list.partners] defaults", "{ x = 1 }"),
    ("[template.digest] headers", "{}"),
    ("[template.digest] attachments", "[]"),
    ("[schedule.weekly-digest] attachments", "[]"),
    ("[template.monday] subject", "\"x\""),
    ("[schedule.weekly-digest] canary", "7"),
    ("[schedule.weekly-digest] holidays", "[]"),
    ("[schedule.weekly-digest] holidays", "2026-12-01"),
    ("[schedule.fortnight] starts", "2026-12-01"),
    ("[schedule.good-morning.canary] people", "7"),
    ("[account.main] postal_address", "\"x\""),
    ("[unsubscribe] key", "\"x\""),
    ("[unsubscribe] former_keys", "[]"),
];

#[test]
fn a_value_of_another_type_is_told_on_its_line() {
    let mut edits = Vec::new();
    for line in valued() {
        let path = line.path();
        let others = OTHERS.iter().filter(|it| !FITTING.contains(&(&*path, it)));
        for other in others.filter(|it| line.value() != Some(it)) {
            let edit = with_value(&line, other);
            let problems = match *other {
                // One for a key that is missing, one for a key that is not known.
                "{ x = 1 }" => 2,
                // It cannot sign, and it should not stand there at all.
                "\"x\"" if path == "[account.main.dkim] key" => 2,
                _ => 1,
            };
            edits.push(edit.up_to(problems));
        }
    }
    assert_each_is_told(edits, 1400);
}

#[test]
fn a_text_without_its_quotes_is_told_on_its_line() {
    let edits = valued().filter(|it| it.value().unwrap().starts_with('"'));
    // A date may do without.
    let edits = edits.filter(|it| it.key() != "ends");
    let edits = edits.map(|line| with_value(&line, line.value().unwrap().trim_matches('"')));
    assert_each_is_told(edits.collect::<Vec<_>>(), 50);
}

/// Neighbours with values of one kind: nobody can see that they were swapped.
const ALIKE: &[(&str, &str)] = &[
    ("state", "socket"),
    ("from", "reply_to"),
    ("user", "password"),
    ("address_column", "name_column"),
    ("cc", "bcc"),
    ("fields", "defaults"),
];

#[test]
fn two_values_that_are_swapped_are_told_at_one_of_them() {
    let all = lines();
    let pairs = all
        .windows(2)
        .filter(|it| it.iter().all(|it| it.value().is_some()));
    let pairs = pairs.filter(|it| !ALIKE.contains(&(it[0].key(), it[1].key())));
    let edits = pairs.map(|it| {
        let (one, two) = (&it[0], &it[1]);
        let first = with_value(one, two.value().unwrap());
        let second = with_value(two, one.value().unwrap());
        let mut all: Vec<_> = first.file.lines().map(str::to_owned).collect();
        all[two.number - 1] = second.file.lines().nth(two.number - 1).unwrap().to_owned();
        let mut edit = first.or_on(two.number).up_to(4);
        edit.file = all.join("\n") + "\n";
        edit
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 60);
}
