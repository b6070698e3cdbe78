//! Quotes, brackets, commas and the like: one dropped, doubled, or pasted from elsewhere.

use super::{Line, What, assert_each_is_fine, assert_each_is_told, lines, written};

/// Where a character stands in the line.
fn places(line: &Line, sign: char) -> Vec<usize> {
    let found = line.text.match_indices(sign);
    found.map(|(at, _)| at).collect()
}

/// Where a character stands in the line, texts in quotes left out.
fn bare_places(line: &Line, sign: char) -> Vec<usize> {
    let in_quotes = |at: usize| line.text[..at].matches('"').count() % 2 == 1;
    let mut found = places(line, sign);
    found.retain(|at| !in_quotes(*at));
    found
}

fn each_place(signs: &[char], edit: impl Fn(&Line, usize) -> Vec<super::Edit>) -> Vec<super::Edit> {
    let mut edits = Vec::new();
    for line in written() {
        for sign in signs {
            for at in places(&line, *sign) {
                edits.extend(edit(&line, at));
            }
        }
    }
    edits
}

#[test]
fn a_quote_that_is_dropped_is_missed_on_its_line() {
    let edits = each_place(&['"'], |line, at| vec![line.without(at, 1)]);
    assert_each_is_told(edits, 200);
}

#[test]
fn a_quote_too_many_is_told_on_its_line() {
    let edits = each_place(&['"'], |line, at| {
        let (before, after) = line.text.split_at(at);
        vec![line.becomes(format!("{before}\"{after}"))]
    });
    assert_each_is_told(edits, 200);
}

#[test]
fn quotes_of_a_word_processor_are_named() {
    let edits = written()
        .filter(|it| it.text.contains('"'))
        .flat_map(|line| {
            let first = line.text.find('"').unwrap();
            let last = line.text.rfind('"').unwrap();
            let pair = |left: &str, right: &str| {
                let (head, inner) = (&line.text[..first], &line.text[first + 1..last]);
                line.becomes(format!(
                    "{head}{left}{inner}{right}{}",
                    &line.text[last + 1..]
                ))
            };
            [
                pair("“", "”"),
                pair("«", "»"),
                pair("“", "\""),
                pair("\"", "”"),
                pair("`", "`"),
                line.becomes(line.text.replace('"', "”")),
            ]
        });
    assert_each_is_told(edits.collect::<Vec<_>>(), 450);
}

#[test]
fn a_bracket_that_is_dropped_is_missed_where_it_stood() {
    let mut edits = Vec::new();
    for line in written() {
        for sign in ['[', ']', '{', '}'] {
            for at in bare_places(&line, sign) {
                let edit = line.without(at, 1);
                // The end of a list of several lines is missed where the list begins, too.
                let opened = written().take_while(|it| it.number < line.number);
                let opened = opened.filter(|it| it.text.ends_with('[')).last();
                edits.push(match opened.filter(|_| line.what == What::Within) {
                    Some(opened) => edit.or_on(opened.number),
                    None => edit,
                });
            }
        }
    }
    assert_each_is_told(edits, 80);
}

#[test]
fn a_comma_that_is_dropped_is_missed_on_its_line() {
    let edits = written().flat_map(|line| {
        let commas = bare_places(&line, ',').into_iter();
        let needed = commas.filter(|at| *at + 1 < line.text.len() || line.number == 0);
        needed.map(|at| line.without(at, 1)).collect::<Vec<_>>()
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 20);
}

#[test]
fn what_joins_a_key_and_its_value_is_an_equals_sign() {
    let edits = written()
        .filter(|it| it.text.contains('='))
        .flat_map(|line| {
            let with = |sign: &str| line.becomes(line.text.replacen('=', sign, 1));
            [
                with(":"),
                with(""),
                with("=="),
                with("=>"),
                with(":="),
                with("＝"),
                with("-"),
                with("= ="),
                line.becomes(line.text.replace(" = ", "\t").replace('=', "\t")),
            ]
        });
    assert_each_is_told(edits.collect::<Vec<_>>(), 700);
}

#[test]
fn nothing_may_follow_a_value() {
    let edits = lines().into_iter().filter(|it| it.value().is_some());
    let edits = edits.flat_map(|line| {
        [
            ",", ";", " x", " x = 1", "]", "}", "\"", "'", " // why", ".", "，",
        ]
        .map(|tail| line.becomes(format!("{}{tail}", line.text)))
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 700);
}

#[test]
fn blanks_that_are_not_blanks_are_named() {
    let edits = written()
        .filter(|it| it.text.contains('='))
        .flat_map(|line| {
            let at = line.text.find(" =").unwrap();
            let (before, after) = line.text.split_at(at);
            let after = &after[1..];
            ["\u{a0}", "\u{3000}", "\u{200b}", "\u{feff}", "\u{2003}"]
                .map(|blank| line.becomes(format!("{before}{blank}{after}")))
        });
    assert_each_is_told(edits.collect::<Vec<_>>(), 300);
}

#[test]
fn a_tab_for_a_space_and_spaces_around_do_no_harm() {
    let edits = written().flat_map(|line| {
        // A date and its time are one word, which has a space or a T in it.
        let in_a_date = line.text.find("26 10:30").map(|at| at + 2);
        let outside = bare_places(&line, ' ').into_iter();
        let outside = outside.filter(|at| Some(*at) != in_a_date);
        let tabs = outside.map(|at| {
            let (before, after) = line.text.split_at(at);
            line.becomes(format!("{before}\t{}", &after[1..]))
        });
        let around = [format!("  {}", line.text), format!("{}  \t", line.text)];
        let around = around.map(|text| line.becomes(text));
        let all: Vec<_> = tabs.chain(around).collect();
        all
    });
    assert_each_is_fine(edits.collect::<Vec<_>>(), 500);
}

#[test]
fn a_header_in_other_brackets_is_told_on_its_line() {
    let edits = lines().into_iter().filter(|it| it.what == What::Header);
    let edits = edits.flat_map(|line| {
        let inner = line.text.trim_matches(['[', ']']);
        let mut edits = vec![
            line.becomes(format!("({inner})")),
            line.becomes(format!("<{inner}>")),
            line.becomes(format!("{{{inner}}}")),
            line.becomes(format!("{inner}:")),
            line.becomes(format!("[{inner}]:")),
            line.becomes(format!("[{inner}")),
            line.becomes(format!("{inner}]")),
            line.becomes(format!("[.{inner}]")),
            line.becomes(format!("[{inner}.]")),
        ];
        if inner.contains('.') {
            edits.push(line.becomes(format!("[{}]", inner.replace('.', " "))));
            edits.push(line.becomes(format!("[{}]", inner.replace('.', "/"))));
        }
        edits
    });
    assert_each_is_told(edits.collect::<Vec<_>>(), 150);
}
