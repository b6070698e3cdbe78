//! Whose address a text was probably meant to be that is not one.

use super::address;

/// What stands between two addresses in one cell, or around one.
const AROUND: [char; 12] = ['<', '>', '(', ')', '[', ']', '"', '\'', ',', ';', ':', '|'];
/// Longer texts are not looked at: an address has 254 bytes, and this is for slips of the hand.
const LONGEST: usize = 1024;

/// The normalised addresses that a text speaks of, for people who look for somebody whose row
/// cannot be mailed: those of `ada@example.org, bob@example.org`, the one of `ada @example.org`. A
/// guess: nothing is ever sent by it.
pub fn mentioned(text: &str) -> impl Iterator<Item = String> {
    let plain: String = text
        .chars()
        .take(LONGEST)
        .map(|one| if one == '＠' { '@' } else { one })
        .filter(|one| one.is_whitespace() || !(one.is_control() || is_invisible(*one)))
        .collect();
    let around = |one: char| one.is_whitespace() || AROUND.contains(&one);
    let mut found: Vec<String> = plain.split(around).filter_map(key_of).collect();
    if found.is_empty() {
        let joined: String = plain.split_whitespace().collect();
        found.extend(joined.split(AROUND).filter_map(key_of));
    }
    found.into_iter()
}

fn key_of(word: &str) -> Option<String> {
    let mailbox = address::mailbox(word.trim_matches('.')).ok()?;
    Some(address::key(&mailbox.email))
}

/// Characters that come along with what is copied from elsewhere.
fn is_invisible(one: char) -> bool {
    matches!(one, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
