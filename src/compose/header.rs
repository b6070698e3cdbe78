//! Header values that say at the reader exactly what was meant.
//!
//! Done here rather than by lettre, which lets a subject that happens to look like an encoded word
//! be decoded at the reader, loses a leading space, and panics on a line break in a name. Callers
//! refuse control characters before; text goes in here whole and comes out folded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::Mailbox;

/// Lines are folded here where they can be (RFC 5322 section 2.1.1).
const LINE: usize = 78;
/// Lines with encoded words in them, and an encoded word (RFC 2047 section 2).
const ENCODED_LINE: usize = 76;
const ENCODED_WORD: usize = 75;
/// Short of the 998 that a line may have (RFC 5322 section 2.1.1).
const LONGEST_WORD: usize = 900;
/// Beside a name of this length there is room for an encoded character, which takes up to 12.
pub(super) const LONGEST_NAME: usize = ENCODED_LINE - ": =?utf-8?q??=".len() - 12;

/// Writes `NAME: VALUE` where the value is known to be short plain ASCII.
pub(super) fn plain(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(": ");
    out.push_str(value);
    out.push_str("\r\n");
}

/// Writes a header of free text, such as the subject.
pub(super) fn text(out: &mut String, name: &str, value: &str) {
    free_text(out, name, value, LINE - 21);
}

/// Writes a header that a template adds, which is as often for programs as for people: a long word
/// of ASCII stays as it is, on a line of its own.
pub(super) fn added(out: &mut String, name: &str, value: &str) {
    free_text(out, name, value, LONGEST_WORD);
}

fn free_text(out: &mut String, name: &str, value: &str, longest_word: usize) {
    out.push_str(name);
    out.push_str(": ");
    let start = name.len() + 2;
    if is_plain(value) && start + value.len() <= LINE {
        out.push_str(value);
    } else if is_plain(value)
        && value
            .split(' ')
            .all(|word| (1..=longest_word).contains(&word.len()))
    {
        fold(out, start, value);
    } else {
        encode(out, start, value);
    }
    out.push_str("\r\n");
}

/// Writes a header of mailboxes, each on a line of its own. An address that is not ASCII stays as
/// it is: no encoding may be used in one (RFC 2047, section 5, rule 3; RFC 6532, section 3.2).
pub(super) fn mailboxes(out: &mut String, name: &str, mailboxes: &[Mailbox]) {
    out.push_str(name);
    out.push_str(": ");
    let mut start = name.len() + 2;
    for (at, mailbox) in mailboxes.iter().enumerate() {
        if at > 0 {
            out.push_str(",\r\n ");
            start = 1;
        }
        let comma = usize::from(at + 1 < mailboxes.len());
        one_mailbox(out, start, mailbox, comma);
    }
    out.push_str("\r\n");
}

/// `after` is what follows it on its line.
fn one_mailbox(out: &mut String, start: usize, mailbox: &Mailbox, after: usize) {
    let address = mailbox.email.as_ref();
    let display = mailbox.name.as_deref().map_or("", str::trim);
    if display.is_empty() {
        out.push_str(address);
    } else {
        phrase(out, start, display);
        let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
        out.push_str(if column + address.len() + 3 + after > LINE {
            "\r\n <"
        } else {
            " <"
        });
        out.push_str(address);
        out.push('>');
    }
}

/// A display name: as it is, in quotation marks, or encoded (RFC 5322 section 3.2.5).
fn phrase(out: &mut String, start: usize, name: &str) {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let short = start + name.len() + 2 <= LINE;
    if !is_plain(name) || !short || name.contains("  ") {
        encode(out, start, name);
    } else if name.split(' ').all(|word| word.chars().all(is_atom)) {
        out.push_str(name);
    } else {
        out.push('"');
        for c in name.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
}

/// Printable ASCII that no reader decodes or trims.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|b| matches!(b, b' '..=b'~'))
        && !value.contains("=?")
        && !value.starts_with(' ')
        && !value.ends_with(' ')
}

fn fold(out: &mut String, start: usize, value: &str) {
    let mut column = start;
    for (at, word) in value.split(' ').enumerate() {
        if at > 0 {
            let full = column + 1 + word.len() > LINE;
            out.push_str(if full { "\r\n " } else { " " });
            column = if full { 1 } else { column + 1 };
        }
        out.push_str(word);
        column += word.len();
    }
}

/// Encoded words (RFC 2047): in base64 where most characters are not ASCII, else in the encoding
/// that leaves the others legible. A character is never split between two words (section 5).
fn encode(out: &mut String, start: usize, value: &str) {
    let by_base64 = value.chars().filter(|c| !c.is_ascii()).count() * 2 > value.chars().count();
    let frame = "=?utf-8?q??=".len();
    let mut room = (ENCODED_LINE - start).min(ENCODED_WORD) - frame;
    let mut word = String::new();
    let mut length = 0;
    for c in value.chars() {
        let mut bytes = [0; 4];
        let more: usize = c.encode_utf8(&mut bytes).bytes().map(quoted_length).sum();
        let longer = if by_base64 {
            (word.len() + c.len_utf8()).div_ceil(3) * 4
        } else {
            length + more
        };
        if longer > room {
            encoded_word(out, &word, by_base64);
            out.push_str("\r\n ");
            word.clear();
            length = 0;
            room = ENCODED_WORD - frame;
        }
        word.push(c);
        length += more;
    }
    encoded_word(out, &word, by_base64);
}

fn encoded_word(out: &mut String, word: &str, by_base64: bool) {
    if by_base64 {
        out.push_str("=?utf-8?b?");
        STANDARD.encode_string(word, out);
    } else {
        out.push_str("=?utf-8?q?");
        for byte in word.bytes() {
            match byte {
                b' ' => out.push('_'),
                _ if quoted_length(byte) == 1 => out.push(char::from(byte)),
                _ => {
                    const HEX: &[u8; 16] = b"0123456789ABCDEF";
                    out.push('=');
                    out.push(char::from(HEX[usize::from(byte >> 4)]));
                    out.push(char::from(HEX[usize::from(byte & 15)]));
                }
            }
        }
    }
    out.push_str("?=");
}

/// What a byte takes in the Q encoding, of which only what is safe within a display name is used
/// (section 5, rule 3).
fn quoted_length(byte: u8) -> usize {
    let plain =
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'!' | b'*' | b'+' | b'-' | b'/');
    if plain { 1 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(value: &str) -> String {
        let mut out = String::new();
        text(&mut out, "Subject", value);
        out
    }

    fn to(name: &str) -> String {
        let mut out = String::new();
        let address = "ada@example.org".parse().expect("an address");
        mailboxes(
            &mut out,
            "To",
            &[Mailbox::new(Some(name.to_owned()), address)],
        );
        out
    }

    #[test]
    fn plain_text_stays_plain_and_other_text_is_encoded() {
        assert_eq!(
            subject("Your invoice, 3.50"),
            "Subject: Your invoice, 3.50\r\n"
        );
        assert_eq!(subject("Grüße"), "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n");
        assert_eq!(
            subject("每周摘要"),
            "Subject: =?utf-8?b?5q+P5ZGo5pGY6KaB?=\r\n"
        );
        assert_eq!(
            subject("=?utf-8?b?SGk=?="),
            "Subject: =?utf-8?q?=3D=3Futf-8=3Fb=3FSGk=3D=3F=3D?=\r\n"
        );
        assert_eq!(subject(" x"), "Subject: =?utf-8?q?_x?=\r\n");
    }

    #[test]
    fn names_are_atoms_quoted_or_encoded() {
        assert_eq!(to("Ada Lovelace"), "To: Ada Lovelace <ada@example.org>\r\n");
        assert_eq!(
            to("Lovelace, Ada"),
            "To: \"Lovelace, Ada\" <ada@example.org>\r\n"
        );
        assert_eq!(
            to(r#"A "B" \C"#),
            "To: \"A \\\"B\\\" \\\\C\" <ada@example.org>\r\n"
        );
        assert_eq!(to("张伟"), "To: =?utf-8?b?5byg5Lyf?= <ada@example.org>\r\n");
        assert_eq!(to(" "), "To: ada@example.org\r\n");
    }

    #[test]
    fn each_of_several_mailboxes_has_its_line() {
        let mut out = String::new();
        let long = "x".repeat(50);
        let mailbox = |text: &str| text.parse::<Mailbox>().expect("a mailbox");
        let people = [
            mailbox("Ada <ada@example.org>"),
            mailbox("bob@example.org"),
            mailbox(&format!("{long} <{}@example.org>", "y".repeat(20))),
            mailbox("\"Hopper, Grace\" <grace@example.org>"),
        ];
        mailboxes(&mut out, "To", &people);
        let y = "y".repeat(20);
        assert_eq!(
            out,
            format!(
                "To: Ada <ada@example.org>,\r\n bob@example.org,\r\n {long}\r\n \
                 <{y}@example.org>,\r\n \"Hopper, Grace\" <grace@example.org>\r\n"
            )
        );
    }

    #[test]
    fn lines_and_words_keep_their_limits() {
        for value in [
            "word ".repeat(60),
            "x".repeat(1200),
            "摘".repeat(200),
            "é 👩‍👩‍👧 ".repeat(40),
        ] {
            for line in [subject(value.trim_end()), to(&value)].concat().lines() {
                assert!(line.len() <= LINE, "{line}");
                let mut words = line.split(' ').filter(|word| word.starts_with("=?"));
                assert!(words.all(|word| word.len() <= ENCODED_WORD), "{line}");
            }
        }
    }
}
