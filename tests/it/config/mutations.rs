//! Files that a slip of the hand has been through.

use postroom::config::{Problems, load};
use proptest::prelude::*;

use super::world::{FULL, World};

#[derive(Clone, Debug)]
enum Slip {
    Delete(usize, usize),
    Insert(usize, String),
    DoubleLine(usize),
    SwapLines(usize, usize),
}

fn slip() -> impl Strategy<Value = Slip> {
    let anywhere = 0..FULL.len();
    prop_oneof![
        (anywhere.clone(), 1..20usize).prop_map(|(at, length)| Slip::Delete(at, length)),
        (
            anywhere.clone(),
            "[\\[\\]{}\"'=,.#\\\\\n\t 0-9a-z“”é\u{0}🦀]{1,4}"
        )
            .prop_map(|(at, text)| Slip::Insert(at, text)),
        anywhere.clone().prop_map(Slip::DoubleLine),
        (anywhere.clone(), anywhere).prop_map(|(one, other)| Slip::SwapLines(one, other)),
    ]
}

fn apply(text: &str, slip: &Slip) -> String {
    let boundary = |at: usize| text.floor_char_boundary(at);
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    match *slip {
        Slip::Delete(at, length) => {
            let mut text = text.to_owned();
            text.replace_range(boundary(at)..boundary(at + length), "");
            text
        }
        Slip::Insert(at, ref inserted) => {
            let mut text = text.to_owned();
            text.insert_str(boundary(at), inserted);
            text
        }
        Slip::DoubleLine(at) => {
            let at = at % lines.len();
            lines.insert(at, lines[at]);
            lines.concat()
        }
        Slip::SwapLines(one, other) => {
            let count = lines.len();
            lines.swap(one % count, other % count);
            lines.concat()
        }
    }
}

fn check(problems: &Problems) {
    for problem in problems.iter() {
        assert!(!problem.message.is_empty());
        for place in &problem.places {
            let text = place.file.text();
            assert!(
                text.get(place.span.clone()).is_some(),
                "{problem:?} is off a boundary"
            );
        }
    }
    let _ = problems.render(true);
    let _ = problems.render(false);
    let _ = problems.to_json();
}

#[test]
fn no_caret_splits_a_character() {
    let world = World::new();
    for line in [
        "a = \"\\🦀\"",
        "a = 名🦀",
        "a 名",
        "名 = “名”",
        "a: 名",
        "a = [\"名\" 名",
    ] {
        check(&world.load(line).expect_err(line));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_edit_upsets_the_check(slips in prop::collection::vec(slip(), 1..4)) {
        let world = World::new();
        let text = slips.iter().fold(FULL.to_owned(), |text, slip| apply(&text, slip));
        let file = world.write("postroom.toml", text);
        match load(&file) {
            Ok(loaded) => check(&loaded.problems),
            Err(problems) => {
                assert!(problems.has_errors());
                check(&problems);
            }
        }
    }

    #[test]
    fn no_bytes_upset_the_check(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let world = World::new();
        if let Err(problems) = world.load(bytes) {
            check(&problems);
        }
    }
}
