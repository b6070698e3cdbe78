//! What a server repeats of a login is not told on.
//!
//! Servers quote what they do not understand: `500 Unrecognized: "AUTH PLAIN AGFk…"`. An [`Echo`]
//! finds that in a server's words: in base64 or plain, whole or cut, over several lines, in another
//! case. It keeps nothing of the login but digests, under a key of its own, of the pieces that it
//! looks for; so it may live in a [`super::Transcript`]. It undoes no other way to write a secret
//! (hex, percent signs), and a piece from the middle that is shorter than [`PIECE`] stays.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::masked::HIDDEN;
use super::reply::readable;
use super::{Credentials, Reply, SmtpError, Trouble};

/// So many characters in a row are looked for; of what is shorter, all.
const PIECE: usize = 8;
/// What is shorter is looked for between quotation marks only: it is part of many a word.
const LEAST: usize = 4;
const QUOTATION_MARKS: [char; 7] = ['"', '\'', '`', '“', '”', '‘', '’'];

/// How the words of one login are recognised.
pub(super) struct Echo {
    key: RandomState,
    /// Digests of pieces of the secret itself.
    plain: HashSet<u64>,
    /// Digests of pieces of base64, in small letters: some servers change the case of a command.
    encoded: HashSet<u64>,
}

/// Characters without the blanks between them, which a server may have put there.
type Squeezed = Zeroizing<Vec<char>>;

impl Echo {
    /// Of these credentials, and of the base64 that says them.
    pub(super) fn new(credentials: &Credentials, lines: &VecDeque<Zeroizing<String>>) -> Self {
        let mut echo = Self {
            key: RandomState::new(),
            plain: HashSet::new(),
            encoded: HashSet::new(),
        };
        let secret = credentials.secret();
        let plain = squeezed(&Zeroizing::new(readable(secret.as_bytes())));
        echo.plain = echo.pieces(&plain);
        let alone = Zeroizing::new(BASE64.encode(secret));
        // Its ends are the ends of many a prompt's base64, too, and it is no secret.
        let user = BASE64.encode(credentials.user());
        for line in lines.iter().chain([&alone]) {
            let small = squeezed(&Zeroizing::new(line.to_ascii_lowercase()));
            if small.len() < LEAST {
                continue;
            }
            echo.encoded.extend(echo.pieces(&small));
            if **line != user {
                echo.encoded.extend(echo.ends(&small));
            }
        }
        echo
    }

    /// `text` with a mark in place of what repeats the login.
    pub(super) fn hide(&self, text: &str) -> String {
        let seen = text.char_indices().filter(|(_, c)| !c.is_whitespace());
        let (places, chars): (Vec<usize>, Vec<char>) = seen.unzip();
        let small: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
        let mut is_echo = vec![false; chars.len()];
        for from in 0..chars.len() {
            for to in from + 1..=chars.len().min(from + PIECE) {
                if self.is_said(&chars, &small, from..to) {
                    is_echo[from..to].fill(true);
                }
            }
        }
        let (mut shown, mut told) = (String::new(), 0);
        for (at, place) in places
            .into_iter()
            .enumerate()
            .filter(|(at, _)| is_echo[*at])
        {
            if at == 0 || !is_echo[at - 1] {
                shown += &text[told..place];
                shown += HIDDEN;
            }
            told = place + chars[at].len_utf8();
        }
        shown + &text[told..]
    }

    /// The reply that may be told. Its lines are read as one text, and before that is cut: a secret
    /// that lies over an end would not be known again.
    pub(super) fn hide_in(&self, reply: &Reply) -> Reply {
        let enhanced = reply.enhanced.map(|it| it.to_string());
        let lines = reply.lines.iter().map(|line| {
            let code = enhanced.as_deref().unwrap_or_default();
            line.strip_prefix(code).unwrap_or(line).trim_start()
        });
        let whole = lines.collect::<Vec<_>>().join(" ");
        let kept = reply.text.chars().count();
        let mut text = self.hide(&whole);
        if kept < whole.chars().count() {
            text = text.chars().take(kept).collect();
        }
        Reply {
            lines: vec![text.clone()],
            text,
            ..reply.clone()
        }
    }

    /// The line that may be told, with its code if it has one: `5LX` is no part of a word in `535
    /// LX`, unless the word begins where the line does.
    pub(super) fn hide_in_line(&self, line: &str) -> String {
        let hidden = self.hide(line);
        let is_code = |it: &[u8]| it[..3].iter().all(u8::is_ascii_digit) && b" -".contains(&it[3]);
        match line.split_at_checked(4) {
            Some((code, words)) if is_code(code.as_bytes()) && !hidden.starts_with(HIDDEN) => {
                code.to_owned() + &self.hide(words)
            }
            _ => hidden,
        }
    }

    /// The error that may be told, of a server whose words were no reply. They are quoted in it,
    /// and were cut before anybody could look at them, so they are left out.
    pub(super) fn hide_in_error(&self, mut error: SmtpError) -> SmtpError {
        match &mut error.trouble {
            Trouble::Protocol(text) => {
                if let Some((before, _)) = text.split_once('`') {
                    *text = format!("{before}`{HIDDEN}`");
                }
            }
            Trouble::Refused(reply) => *reply = self.hide_in(reply),
            _ => {}
        }
        error
    }

    fn is_said(&self, chars: &[char], small: &[char], piece: Range<usize>) -> bool {
        let is_mark = |c: Option<&char>| c.is_some_and(|c| QUOTATION_MARKS.contains(c));
        let before = piece.start.checked_sub(1).and_then(|at| chars.get(at));
        if piece.len() < LEAST && !(is_mark(before) && is_mark(chars.get(piece.end))) {
            return false;
        }
        let has = |known: &HashSet<u64>, said| known.contains(&self.key.hash_one(said));
        has(&self.plain, &chars[piece.clone()]) || has(&self.encoded, &small[piece])
    }

    fn pieces(&self, word: &Squeezed) -> HashSet<u64> {
        // A word of no characters has no pieces.
        let pieces = word.windows(word.len().clamp(1, PIECE));
        pieces.map(|piece| self.key.hash_one(piece)).collect()
    }

    /// What is left of a word where it is cut, if that is shorter than a piece.
    fn ends(&self, word: &Squeezed) -> Vec<u64> {
        let lengths = LEAST..PIECE.min(word.len());
        let ends = lengths.flat_map(|it| [&word[..it], &word[word.len() - it..]]);
        ends.map(|end| self.key.hash_one(end)).collect()
    }
}

fn squeezed(text: &str) -> Squeezed {
    Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(secret: &str) -> (Echo, String) {
        let credentials = Credentials::password("ada".to_owned(), secret.to_owned().into());
        let line = BASE64.encode(format!("\0ada\0{secret}"));
        let lines = VecDeque::from([line.clone().into()]);
        (Echo::new(&credentials, &lines), line)
    }

    #[test]
    fn every_cut_of_a_line_is_known_from_eight_characters_on_and_at_its_ends_from_four() {
        let (echo, line) = echo("correct horse, battery");
        for from in 0..line.len() {
            for to in from + 1..=line.len() {
                let (said, length) = (&line[from..to], to - from);
                let is_end = from == 0 || to == line.len();
                let wanted = if length >= 8 || length >= 4 && is_end {
                    "< ‹hidden› >".to_owned()
                } else {
                    format!("< {said} >")
                };
                assert_eq!(echo.hide(&format!("< {said} >")), wanted);
                let wanted = wanted.replace(said, &said.to_ascii_uppercase());
                assert_eq!(
                    echo.hide(&format!("< {} >", said.to_ascii_uppercase())),
                    wanted
                );
            }
        }
    }

    #[test]
    fn blanks_and_what_stands_around_do_not_matter() {
        let (echo, line) = echo("correct horse, battery");
        let (one, two) = line.split_at(line.len() - 3);
        for (said, told) in [
            (format!("é{one} \u{a0} {two}é"), "é‹hidden›é"),
            (format!("{line} {line}"), "‹hidden›"),
            (format!("{line}, {line}"), "‹hidden›, ‹hidden›"),
            ("ada correct  horse, batteryx".to_owned(), "ada ‹hidden›x"),
            (BASE64.encode("correct horse, battery"), "‹hidden›"),
            ("no horse, no battery".to_owned(), "no horse, no battery"),
            (String::new(), ""),
        ] {
            assert_eq!(echo.hide(&said), told);
        }
    }

    #[test]
    fn a_code_stays_but_where_a_secret_begins_like_one() {
        let (echo, _) = echo("123-5678901");
        for (line, told) in [
            ("535 678901", "535 678901"),
            ("535-678901 or 5678901", "535-678901 or 5678901"),
            ("331 23-5678901", "331 ‹hidden›"),
            ("331 123-5678901", "331 ‹hidden›"),
            ("123-5678901 what", "‹hidden› what"),
            ("123-", "123-"),
            ("12é", "12é"),
        ] {
            assert_eq!(echo.hide_in_line(line), told);
        }
    }

    #[test]
    fn a_secret_of_a_few_letters_is_hidden_where_it_is_quoted() {
        let said = "a bad pass: \"a\" as 'a' or a";
        let hidden = "a bad pass: \"‹hidden›\" as '‹hidden›' or a";
        assert_eq!(echo("a").0.hide(said), hidden);
        assert_eq!(echo("pass").0.hide(said), said.replace("pass", HIDDEN));
        for blank in ["", " "] {
            assert_eq!(
                echo(blank).0.hide("said \"\" and \" \""),
                "said \"\" and \" \""
            );
        }
        let (short, line) = echo("a");
        let said = format!("{line} {}", BASE64.encode("a"));
        assert_eq!(short.hide(&said), HIDDEN);
    }
}
