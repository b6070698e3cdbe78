//! Passwords in addresses: `smtps://user:password@host`.

use std::ops::Range;

/// Where such passwords stand. What follows on the line up to an `@` is taken for one of them
/// rather too often: a password may have slashes and blanks.
pub(super) fn passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for piece in text.split_inclusive(['\n', '"']) {
        found.extend(password(piece).map(|it| start + it.start..start + it.end));
        start += piece.len();
    }
    found
}

fn password(piece: &str) -> Option<Range<usize>> {
    let end = piece.rfind('@')?;
    let mut schemes = piece.match_indices("://").map(|(at, sign)| at + sign.len());
    schemes.find_map(|user| {
        let colon = user + piece[user..].find([':', '/', ' ', '\t'])?;
        let is_one = piece[colon..].starts_with(':') && colon < end;
        is_one.then_some(colon + 1..end)
    })
}
