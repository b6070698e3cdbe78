//! Texts and files in the two encodings that every server carries (RFC 2045 section 6).
//!
//! Both are written straight into the message. What comes out is ASCII in lines of at most 76
//! characters, each ended by CRLF, and the same for the same input in every process and version:
//! mail whose fate is unknown is only sent again with equal bytes. It therefore is, byte for byte,
//! what lettre's builder wrote here before, which the tests hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters in an encoded line (RFC 2045 sections 6.7 and 6.8).
const LINE: usize = 76;
/// Bytes whose base64 fills a line.
const BYTES: usize = LINE / 4 * 3;
/// Lines that are encoded at a time.
const LINES: usize = 64;

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// The shorter one: quoted-printable takes three bytes for one, base64 four for three.
    pub(super) fn of(text: &str) -> Self {
        let beyond_ascii = text.bytes().filter(|b| !b.is_ascii()).count();
        // Line ends only make it longer, so most texts need not be looked at again.
        if beyond_ascii * 6 > text.len() && beyond_ascii * 6 > canonical_length(text) {
            Self::Base64
        } else {
            Self::QuotedPrintable
        }
    }

    /// As Content-Transfer-Encoding has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// Writes a text whose lines end with CRLF, the last one too. Every CR, LF and CRLF in it ends
    /// a line.
    pub(super) fn write(self, out: &mut String, text: &str) {
        match self {
            Self::QuotedPrintable => {
                for line in Lines(text) {
                    quoted_printable(out, line);
                }
            }
            Self::Base64 => {
                let mut canonical = String::with_capacity(canonical_length(text));
                for line in Lines(text) {
                    canonical.push_str(line);
                    canonical.push_str("\r\n");
                }
                base64(out, canonical.as_bytes());
            }
        }
    }
}

/// The lines of a text, by whatever ends them. An empty rest is none.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let Some(at) = memchr::memchr2(b'\r', b'\n', text.as_bytes()) else {
            self.0 = "";
            return Some(text);
        };
        let end = if text[at..].starts_with("\r\n") { 2 } else { 1 };
        self.0 = &text[at + end..];
        Some(&text[..at])
    }
}

fn canonical_length(text: &str) -> usize {
    Lines(text).map(|line| line.len() + 2).sum()
}

/// Writes one line. A line that goes on has room for the `=` that says so.
fn quoted_printable(out: &mut String, line: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let bytes = line.as_bytes();
    // White space at the end of a line may get lost on the way (section 6.7, rule 3).
    let end = bytes.len() - usize::from(bytes.last().is_some_and(|b| matches!(b, b' ' | b'\t')));
    let (mut at, mut column) = (0, 0);
    while at < bytes.len() {
        let plain = bytes[at..end].iter().take_while(|b| is_plain(**b)).count();
        if at + plain == bytes.len() && column + plain <= LINE {
            out.push_str(&line[at..]);
            break;
        }
        if plain > 0 {
            let taken = plain.min(LINE - 1 - column);
            out.push_str(&line[at..at + taken]);
            at += taken;
            column += taken;
            if taken < plain {
                out.push_str("=\r\n");
                column = 0;
            }
            continue;
        }
        let last = at + 1 == bytes.len();
        if column + 3 > LINE - usize::from(!last) {
            out.push_str("=\r\n");
            column = 0;
        }
        let byte = usize::from(bytes[at]);
        out.push('=');
        out.push(char::from(HEX[byte >> 4]));
        out.push(char::from(HEX[byte & 15]));
        at += 1;
        column += 3;
    }
    out.push_str("\r\n");
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~') && byte != b'='
}

/// Writes lines of base64.
pub(super) fn base64(out: &mut String, bytes: &[u8]) {
    out.reserve(base64_length(bytes.len()));
    let mut block = [0; LINE * LINES];
    for bytes in bytes.chunks(BYTES * LINES) {
        let length = STANDARD
            .encode_slice(bytes, &mut block)
            .expect("a block holds the base64 of its bytes");
        let text = str::from_utf8(&block[..length]).expect("base64 is ASCII");
        for at in (0..length).step_by(LINE) {
            out.push_str(&text[at..length.min(at + LINE)]);
            out.push_str("\r\n");
        }
    }
}

/// How long the base64 of some bytes is, with its line ends.
pub(super) fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4 + bytes.div_ceil(BYTES) * 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use lettre::message::Body;
    use lettre::message::header::ContentTransferEncoding;
    use proptest::prelude::*;

    fn written(encoding: Encoding, text: &str) -> String {
        let mut out = String::new();
        encoding.write(&mut out, text);
        out
    }

    /// What was written before this file was.
    fn by_lettre(encoding: Encoding, text: &str) -> String {
        let canonical: String = Lines(text).map(|line| format!("{line}\r\n")).collect();
        let encoding = match encoding {
            Encoding::QuotedPrintable => ContentTransferEncoding::QuotedPrintable,
            Encoding::Base64 => ContentTransferEncoding::Base64,
        };
        let body = Body::new_with_encoding(canonical.into_bytes(), encoding).expect("any bytes");
        let mut text = String::from_utf8(body.into_vec()).expect("ASCII");
        if encoding == ContentTransferEncoding::Base64 && !text.is_empty() {
            text.push_str("\r\n"); // which it leaves to the boundary
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn a_text_is_written_as_it_always_was(
            pieces in proptest::collection::vec(
                prop_oneof![
                    "[a-z ]{0,90}", "[a-z]{70,80}[ \t=é]{0,3}", "\\PC{0,30}", "[é=]{20,40}",
                    "(\r\n|\r|\n| \n|\t\r|=){1,3}",
                ],
                0..8,
            ),
        ) {
            let text = pieces.concat();
            for encoding in [Encoding::QuotedPrintable, Encoding::Base64] {
                let now = written(encoding, &text);
                prop_assert!(now.split("\r\n").all(|line| line.len() <= LINE));
                prop_assert_eq!(now, by_lettre(encoding, &text));
            }
        }

        #[test]
        fn base64_is_in_full_lines(bytes in proptest::collection::vec(any::<u8>(), 0..9000)) {
            let mut out = String::new();
            base64(&mut out, &bytes);
            prop_assert_eq!(out.len(), base64_length(bytes.len()));
            let lines: Vec<&str> = out.split_terminator("\r\n").collect();
            let (last, full) = lines.split_last().unwrap_or((&"", &[]));
            prop_assert!(full.iter().all(|line| line.len() == LINE) && last.len() <= LINE);
            prop_assert_eq!(STANDARD.decode(lines.concat()).expect("base64"), bytes);
        }
    }

    #[test]
    fn the_end_of_a_line_may_use_its_last_column() {
        let quoted = |text: &str| written(Encoding::QuotedPrintable, text);
        let x = |n: usize| "x".repeat(n);
        assert_eq!(quoted(&x(76)), format!("{}\r\n", x(76)));
        assert_eq!(quoted(&x(77)), format!("{}=\r\nxx\r\n", x(75)));
        assert_eq!(quoted(&(x(73) + "=")), format!("{}=3D\r\n", x(73)));
        assert_eq!(quoted(&(x(73) + "=x")), format!("{}=\r\n=3Dx\r\n", x(73)));
        assert_eq!(quoted("x \n\t"), "x=20\r\n=09\r\n");
        assert_eq!(quoted(""), "");
    }

    #[test]
    fn the_shorter_encoding_is_taken() {
        assert_eq!(Encoding::of(""), Encoding::QuotedPrintable);
        assert_eq!(
            Encoding::of("Grüße an alle, die das lesen"),
            Encoding::QuotedPrintable
        );
        assert_eq!(Encoding::of("你好"), Encoding::Base64);
        // Two of 12 bytes with the line end: not more than a sixth.
        assert_eq!(Encoding::of("é12345678"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("é12345678\r\n"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("é12345"), Encoding::Base64);
    }
}
