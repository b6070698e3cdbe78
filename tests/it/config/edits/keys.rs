//! Keys, headers and whole lines: misspelt, deleted, doubled, joined.

use super::{Edit, Line, What, assert_each_is_fine, assert_each_is_told, lines};
use crate::config::world::FULL;

fn key_lines() -> impl Iterator<Item = Line> {
    lines().into_iter().filter(|it| it.what == What::Key)
}

fn headers() -> impl Iterator<Item = Line> {
    lines().into_iter().filter(|it| it.what == What::Header)
}

/// A word with a slip in it: a letter lost or exchanged with the next, and other ways to write it.
fn slips(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let of = |letters: &[char]| letters.iter().collect::<String>();
    let mut slips = Vec::new();
    for at in 0..letters.len() {
        let (before, after) = letters.split_at(at);
        if letters.len() > 3 {
            slips.push(of(&[before, &after[1..]].concat()));
        }
        if after.len() > 1 && after[0] != after[1] {
            slips.push(of(&[before, &[after[1], after[0]], &after[2..]].concat()));
        }
    }
    slips.push(word.to_uppercase());
    slips.push(format!("{word}s"));
    slips.push(word.replace('_', "-") + if word.contains('_') { "" } else { "_" });
    slips
}

#[test]
fn a_key_that_is_misspelt_is_told_on_its_line() {
    let edits = key_lines().flat_map(|line| {
        let key = line.key();
        let with = move |slip: String| line.becomes(line.text.replacen(key, &slip, 1));
        slips(key).into_iter().map(with)
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 1000);
}

#[test]
fn a_key_that_stands_there_twice_is_told_at_the_second() {
    let edits = key_lines().map(|line| {
        let edit = line.becomes(format!("{0}\n{0}", line.text));
        // A list that begins twice has no end once.
        match line.value() {
            Some(_) => edit.only_on(line.number + 1),
            None => edit,
        }
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 90);
}

#[test]
fn a_key_without_a_value_is_told_on_its_line() {
    let edits = key_lines().flat_map(|line| {
        let key = line.key();
        ["", " =", " = # none", " ="].map(|rest| line.becomes(format!("{key}{rest}")))
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 300);
}

#[test]
fn two_lines_in_one_are_told_on_it() {
    let all = lines();
    let pairs = all.windows(2).filter(|it| it[0].what != What::Nothing);
    let pairs = pairs.filter(|it| it[0].value().is_some() && it[1].what == What::Key);
    let edits = pairs.map(|it| {
        let edit = it[0].becomes(format!("{} {}", it[0].text, it[1].text));
        let mut rest: Vec<_> = edit.file.lines().collect();
        rest.remove(it[1].number - 1);
        Edit {
            file: rest.join("\n"),
            ..edit
        }
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 60);
}

/// What a table cannot do without, and where it says so.
const NEEDED: &[&str] = &[
    "[[account.relay.rule]] 1 then",
    "[[account.relay.rule]] 2 text",
    "[[account.relay.rule]] 2 at",
    "[[account.relay.rule]] 2 then",
    "[daemon.alert] to",
    "[daemon.alert] via",
    "[account.main] provider",
    "[account.main] user",
    "[account.main] password",
    "[account.main.domain.\"Bücher.Example\"] rate",
    "[account.main.dkim] selector",
    "[account.main.dkim] key",
    "[account.relay] host",
    "[account.relay] user",
    "[account.relay] password",
    "[account.relay] from",
    "[account.cloud] provider",
    "[account.cloud] user",
    "[account.cloud] token",
    "[list.builds] command",
    "[list.customers] csv",
    "[list.customers] address_column",
    "[list.partners] json",
    "[list.partners] rows",
    "[template.digest.data] command",
    "[template.note.data] file",
    "[schedule.by-hand.data] file",
    "[schedule.fortnight.data] command",
    "[template.monday] subject",
    "[template.monday] markdown",
    "[schedule.weekly-digest] send",
    "[schedule.weekly-digest] to",
    "[schedule.weekly-digest] via",
    "[schedule.weekly-digest] cron",
    "[schedule.weekly-digest] holidays",
    "[schedule.weekly-digest] once_per",
    "[schedule.party] send",
    "[schedule.party] to",
    "[schedule.party] via",
    "[schedule.party] group",
    "[schedule.fortnight] send",
    "[schedule.fortnight] to",
    "[schedule.fortnight] via",
    "[schedule.fortnight] every",
    "[schedule.fortnight] starts",
    "[schedule.by-hand] send",
    "[schedule.by-hand] to",
    "[schedule.by-hand] via",
    "[schedule.monday] send",
    "[schedule.monday] to",
    "[schedule.monday] via",
    "[schedule.good-morning] send",
    "[schedule.good-morning] to",
    "[schedule.good-morning] via",
    "[schedule.good-morning.when] command",
    "[schedule.good-morning.canary] people",
    "[unsubscribe] key",
];

#[test]
fn only_a_key_that_is_needed_is_missed() {
    let (needed, others): (Vec<_>, Vec<_>) = key_lines()
        .filter(|it| it.value().is_some())
        .partition(|it| NEEDED.contains(&&*it.path()));
    let deleted = |line: &Line| line.becomes("");
    assert_each_is_fine(others.iter().map(deleted), 50);
    let needed = needed.iter().map(|line| {
        let edit = deleted(line);
        let of_table: Vec<_> = lines()
            .into_iter()
            .filter(|it| it.table() == line.table())
            .collect();
        let on = of_table.iter().map(|it| it.number).collect();
        Edit { on, ..edit }
    });
    assert_each_is_told(needed, NEEDED.len());
}

#[test]
fn a_header_that_is_misspelt_is_told_on_its_line() {
    let edits = headers().flat_map(|line| {
        let kind = line
            .text
            .trim_matches(['[', ']'])
            .split('.')
            .next()
            .unwrap();
        let with = move |slip: String| line.becomes(line.text.replacen(kind, &slip, 1)).up_to(2);
        slips(kind).into_iter().map(with)
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 200);
}

#[test]
fn a_name_that_is_misspelt_is_told_there_or_where_it_is_used() {
    // Nothing refers to the name of a schedule, or to this account.
    let of_use = |it: &Line| {
        let inner = it.text.trim_matches('[');
        let kinds = ["account.", "list.", "template."];
        kinds.iter().any(|kind| inner.starts_with(kind)) && it.text != "[account.cloud]"
    };
    let edits = headers().filter(of_use).flat_map(|line| {
        let inner = line.text.trim_matches(['[', ']']);
        let name = inner.split('.').nth(1).unwrap();
        let with = move |slip: String| {
            let mut edit = line.becomes(line.text.replacen(name, &slip, 1)).up_to(2);
            edit.on.extend(
                lines()
                    .iter()
                    .filter(|it| {
                        it.text.contains(&format!("\"{name}\""))
                            || it.text.contains(&format!(".{name}."))
                    })
                    .map(|it| it.number),
            );
            edit
        };
        slips(name).into_iter().map(with)
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 100);
}

#[test]
fn a_header_that_is_deleted_is_missed_at_its_first_key() {
    let edits = headers().map(|line| {
        let rest = lines().into_iter().skip(line.number);
        let own = rest.take_while(|it| it.what != What::Header);
        let on = own.map(|it| it.number).collect();
        Edit {
            on,
            ..line.becomes("").up_to(2)
        }
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 15);
}

#[test]
fn a_header_that_stands_there_twice_is_told_at_the_second() {
    let edits = headers().map(|line| {
        let second = if line.text.starts_with("[[") {
            line.number
        } else {
            line.number + 1
        };
        line.becomes(format!("{0}\n{0}", line.text)).only_on(second)
    });
    let rest = headers().map(|line| {
        let mut edit = line.becomes(line.text);
        edit.file = format!("{FULL}\n{}\n", line.text);
        edit.only_on(FULL.lines().count() + 2)
    });
    assert_each_is_told(edits.chain(rest).collect::<Vec<_>>(), 30);
}
