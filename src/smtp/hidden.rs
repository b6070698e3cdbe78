//! Words that must not be shown, wherever a server repeats them: what an account logs in with.
//!
//! Only digests of their beginnings are kept, so that this can lie beside a record of what was said.

use ring::digest::{Digest, SHA256, digest};

/// So many bytes of a word tell it: a server may cut what it repeats.
const BEGINNING: usize = 8;
/// A shorter word stands in too many others.
const SHORTEST: usize = 4;
/// What stands in its place.
const SHOWN: &str = "‹hidden›";

/// Some words. Upper and lower case are the same.
#[derive(Clone, Default)]
pub(super) struct Hidden(Vec<Word>);

#[derive(Clone)]
struct Word {
    length: usize,
    beginning: Digest,
}

impl Hidden {
    pub(super) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let long = words.into_iter().filter(|word| word.len() >= SHORTEST);
        let words = long.map(|word| Word {
            length: word.len(),
            beginning: fingerprint(&word.as_bytes()[..word.len().min(BEGINNING)]),
        });
        Self(words.collect())
    }

    /// The text without the words, and without what is joined to them.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match self.length_at(rest) {
                Some(length) => {
                    shown.push_str(SHOWN);
                    rest = &rest[length..];
                }
                None => {
                    shown.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        shown
    }

    /// How many bytes of a word, and of what is joined to it, stand at the front of `text`.
    fn length_at(&self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        let begins = |word: &&Word| {
            let beginning = bytes.get(..word.length.min(BEGINNING));
            beginning.is_some_and(|it| fingerprint(it).as_ref() == word.beginning.as_ref())
        };
        let word = self
            .0
            .iter()
            .filter(begins)
            .max_by_key(|word| word.length)?;
        let joined = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
        let mut end = word.length.min(bytes.len());
        end += bytes[end..].iter().take_while(|byte| joined(byte)).count();
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Some(end)
    }
}

fn fingerprint(bytes: &[u8]) -> Digest {
    digest(&SHA256, &bytes.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_left_out_wherever_it_stands_and_however_it_is_cut() {
        let hidden = Hidden::new(["AGFkYQBwYXNzd29yZA==", "pass wörd", "abc"]);
        for (text, shown) in [
            ("no: AGFkYQBwYXNzd29yZA==", "no: ‹hidden›"),
            (
                "\"AUTH PLAIN agfkyqbwyxnzd29yza==\"?",
                "\"AUTH PLAIN ‹hidden›\"?",
            ),
            ("cut: AGFkYQBwYX", "cut: ‹hidden›"),
            (
                "pass wörd is wrong, pass wörd!",
                "‹hidden› is wrong, ‹hidden›!",
            ),
            (
                "abc is too short a word to miss",
                "abc is too short a word to miss",
            ),
            ("AGFkYQ", "AGFkYQ"),
            ("", ""),
        ] {
            assert_eq!(hidden.clean(text), shown);
        }
    }
}
