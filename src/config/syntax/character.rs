//! Characters that look like others, or like nothing: they come along with text that is pasted.

use std::ops::Range;

/// Quotes that word processors and chat windows make of `"` and `'`.
const CURLY_QUOTES: [char; 9] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '＂'];

/// What a person sees as a space, or not at all.
const UNSEEN: [(char, &str); 12] = [
    ('\u{a0}', "a no-break space"),
    ('\u{ad}', "a soft hyphen"),
    ('\u{2003}', "a wide space"),
    ('\u{2009}', "a thin space"),
    ('\u{200b}', "a zero-width space"),
    ('\u{200c}', "a zero-width character"),
    ('\u{200d}', "a zero-width character"),
    ('\u{200e}', "a mark of writing direction"),
    ('\u{202f}', "a narrow no-break space"),
    ('\u{2060}', "a zero-width character"),
    ('\u{3000}', "a full-width space"),
    ('\u{feff}', "a byte order mark"),
];

/// What input methods for Chinese and Japanese write, and what is meant.
const FULL_WIDTH: [(char, char); 11] = [
    ('＝', '='),
    ('：', '='),
    ('，', ','),
    ('、', ','),
    ('．', '.'),
    ('［', '['),
    ('］', ']'),
    ('【', '['),
    ('】', ']'),
    ('｛', '{'),
    ('｝', '}'),
];

/// A character that is not what it looks like: where it is in its line, what is wrong, and what to
/// do about it.
pub(super) struct Odd {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) label: String,
}

/// The first one of a line as it stands in the file, outside of its texts and its comment.
pub(super) fn first_odd(line: &str) -> Option<Odd> {
    let (at, sign) = outside_texts(line).find(|(_, sign)| is_odd(*sign))?;
    let at = at..at + sign.len_utf8();
    if CURLY_QUOTES.contains(&sign) {
        return Some(Odd {
            at,
            message: "these are not the quotes of a keyboard".to_owned(),
            label: "write \"".to_owned(),
        });
    }
    let unseen = UNSEEN.iter().find(|(it, _)| *it == sign);
    if let Some((_, name)) = unseen {
        return Some(Odd {
            at,
            message: format!("{name} stands here (U+{:04X})", u32::from(sign)),
            label: "delete it, or type a space in its place".to_owned(),
        });
    }
    let (_, meant) = FULL_WIDTH.iter().find(|(it, _)| *it == sign)?;
    Some(Odd {
        at,
        message: format!("`{sign}` is not the {meant} of a keyboard"),
        label: format!("write {meant}"),
    })
}

fn is_odd(sign: char) -> bool {
    CURLY_QUOTES.contains(&sign)
        || UNSEEN.iter().any(|(it, _)| *it == sign)
        || FULL_WIDTH.iter().any(|(it, _)| *it == sign)
}

/// The characters of a line that stand neither in quotes nor in its comment.
fn outside_texts(line: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut is_escaped, mut is_comment) = (None, false, false);
    line.char_indices().filter(move |(_, sign)| {
        let is_outside = quote.is_none();
        match quote {
            Some(it) if *sign == it && !is_escaped => quote = None,
            None if matches!(sign, '"' | '\'') => quote = Some(*sign),
            _ => {}
        }
        is_escaped = *sign == '\\' && !is_escaped;
        is_comment |= is_outside && *sign == '#';
        is_outside && !is_comment
    })
}
