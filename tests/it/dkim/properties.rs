//! Random messages: whatever their fields and bodies are, both signatures are good.

use fastrand::Rng;

use super::{both, python_with_dkimpy, records, signed, verify};

const MESSAGES: usize = 400;
const BITS: [&str; 14] = [
    " ", "  ", "\t", " \t", "\r\n", " \r\n", "\r\n\r\n", "a", "Word", "=20", "é", "中", ".", "-",
];

fn text(rng: &mut Rng, most: usize) -> String {
    (0..rng.usize(0..most))
        .map(|_| BITS[rng.usize(0..BITS.len())])
        .collect()
}

/// A value of a field, folded anywhere; no line of it is blank.
fn value(rng: &mut Rng) -> String {
    let words = (0..rng.usize(1..8)).map(|_| {
        let gap = [" ", "  ", "\t", "\r\n ", "\r\n\t", " \r\n  "][rng.usize(0..6)];
        format!(
            "{gap}{}",
            ["a", "Ünde", "<x@example.org>", "\"q\"", ","][rng.usize(0..5)]
        )
    });
    words.collect()
}

fn message(rng: &mut Rng) -> Vec<u8> {
    let names = [
        "From",
        "To",
        "CC",
        "Subject",
        "Date",
        "message-id",
        "Reply-To",
        "List-Id",
        "X-Other",
        "Content-Type",
        "List-Unsubscribe",
        "Mime-Version",
        "X-Postroom-Id",
        "Feedback-ID",
    ];
    let mut fields: Vec<String> = vec!["From: a@example.org".to_owned()];
    for _ in 0..rng.usize(0..12) {
        let (name, value) = (names[rng.usize(0..names.len())], value(rng));
        fields.insert(rng.usize(0..=fields.len()), format!("{name}:{value}"));
    }
    let mut body = text(rng, 40);
    if !body.is_empty() {
        body.push_str("\r\n"); // verifiers differ about spaces behind the last line end
    }
    format!("{}\r\n\r\n{body}", fields.join("\r\n")).into_bytes()
}

#[test]
fn both_signatures_of_any_message_are_good() {
    const UNTRIED: &str = "no random message was verified";
    let (Some(signers), Some(python)) = (both(UNTRIED), python_with_dkimpy(UNTRIED)) else {
        return;
    };
    let mut rng = Rng::with_seed(9);
    let all: Vec<_> = (0..MESSAGES)
        .map(|_| signed(&signers, &message(&mut rng)))
        .collect();
    for (at, judged) in verify(python, &records(&signers), &all).iter().enumerate() {
        assert_eq!(
            judged,
            &[true, true],
            "{at}: {:?}",
            String::from_utf8_lossy(&all[at])
        );
    }
}
