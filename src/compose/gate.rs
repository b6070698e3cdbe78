//! The wire gate: the last look at a message before it may be sent.
//!
//! Whatever a value, a template or a library did, bytes that are not a well-formed message do not
//! pass: a bare line feed or carriage return is how one message becomes two on a server that
//! reads it otherwise (SMTP smuggling), a header that is there twice is read by one program as the
//! first and by another as the last.
//!
//! Every message passes here, so the bytes are looked at in one pass of a few instructions each;
//! only what is wrong is looked for line by line.

use memchr::memmem;

/// Headers that every message has exactly once (RFC 5322 section 3.6, RFC 2045 section 4).
const REQUIRED: [&str; 6] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "MIME-Version",
];
/// Headers that a message or a part has at most once (the same, RFC 2183, RFC 2369, RFC 2919, RFC
/// 8058).
const AT_MOST_ONCE: [&str; 16] = [
    "Reply-To",
    "Sender",
    "Cc",
    "In-Reply-To",
    "References",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
];
/// It tells everybody whom nobody was to know.
const NEVER: [&str; 2] = ["Bcc", "Resent-Bcc"];
const KNOWN: usize = REQUIRED.len() + AT_MOST_ONCE.len() + NEVER.len();
/// Headers whose addresses may be in UTF-8 (RFC 6532 section 3.2). Names in them are encoded.
const OF_ADDRESSES: [&str; 4] = ["From", "Reply-To", "To", "Cc"];
/// RFC 5322 section 2.1.1, without the line end.
const LONGEST_LINE: usize = 998;

/// Why bytes may not go on the wire. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// A CR without LF, or a LF without CR.
    #[error("line {0} of the message has half a line break in it")]
    BareLineBreak(usize),
    /// A NUL.
    #[error("line {0} of the message has a NUL character in it")]
    Nul(usize),
    /// A byte that is not ASCII where no address is.
    #[error("line {0} of the message has a byte in it that needs encoding")]
    Unencoded(usize),
    /// A line of more than 998 bytes.
    #[error("line {0} of the message is longer than 998 bytes")]
    LongLine(usize),
    /// A line of a header that neither names one nor goes on with one.
    #[error("line {0} of the message is no header: it has no name before a colon")]
    NoHeader(usize),
    /// White space alone, which one program takes for the end of the header and another does not.
    #[error("line {0} of the message goes on with a header but is blank")]
    BlankLine(usize),
    /// A required header is missing or there twice.
    #[error("the message has {1} {0} headers instead of one")]
    Header(&'static str, usize),
    /// A header that no message may have.
    #[error("the message has a {0} header, which no message may carry")]
    Forbidden(&'static str),
    /// A multipart without its end, or without any part.
    #[error("a part of the message never ends: its boundary is `{0}`")]
    EndlessPart(String),
    /// The message does not end with a line break, or its header never ends.
    #[error("the message is cut short")]
    CutShort,
}

impl WireFault {
    /// The same of lines that have so many above them.
    fn below(self, lines: usize) -> Self {
        match self {
            Self::NoHeader(line) => Self::NoHeader(lines + line),
            Self::BlankLine(line) => Self::BlankLine(lines + line),
            other => other,
        }
    }
}

/// Lets a message pass, or says why not.
pub(super) fn check(message: &[u8]) -> Result<(), WireFault> {
    if !message.ends_with(b"\n") {
        return Err(WireFault::CutShort);
    }
    let mut head = Head::default();
    let mut rest = message;
    let mut number = 0;
    loop {
        let end = memchr::memchr(b'\n', rest).ok_or(WireFault::CutShort)?;
        number += 1;
        let line = line(&rest[..=end], number)?;
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        head.take(line, number)?;
    }
    head.is_whole()?;
    if !is_clean(rest) || has_long_line(rest) {
        bytes(rest, number + 1)?;
    }
    match &head.boundary {
        Some(boundary) => parts(rest, number, boundary.clone()),
        None => Ok(()),
    }
}

/// The header of a message or of a part, line by line.
#[derive(Default)]
struct Head {
    seen: [usize; KNOWN],
    of_addresses: bool,
    /// Whether the header before is Content-Type.
    of_type: bool,
    begun: bool,
    /// Of a multipart.
    boundary: Option<Vec<u8>>,
}

impl Head {
    fn take(&mut self, line: &[u8], number: usize) -> Result<(), WireFault> {
        if line.trim_ascii().is_empty() {
            return Err(WireFault::BlankLine(number));
        }
        if matches!(line[0], b' ' | b'\t') {
            // It belongs to the header before it.
            if !self.begun {
                return Err(WireFault::NoHeader(number));
            }
        } else {
            let name = name(line).ok_or(WireFault::NoHeader(number))?;
            let is = |known: &&str| name.eq_ignore_ascii_case(known.as_bytes());
            self.begun = true;
            self.of_addresses = OF_ADDRESSES.iter().any(is);
            self.of_type = name.eq_ignore_ascii_case(b"Content-Type");
            let known = REQUIRED.iter().chain(&AT_MOST_ONCE).chain(&NEVER);
            if let Some(at) = known.into_iter().position(is) {
                self.seen[at] += 1;
            }
        }
        let fit = line.is_ascii() || (self.of_addresses && str::from_utf8(line).is_ok());
        if !fit {
            return Err(WireFault::Unencoded(number));
        }
        if self.of_type && self.boundary.is_none() {
            self.boundary = boundary(line);
        }
        Ok(())
    }

    /// Whether it can be the header of a message.
    fn is_whole(&self) -> Result<(), WireFault> {
        let required = REQUIRED.iter().zip(&self.seen);
        if let Some((name, count)) = required.into_iter().find(|(_, count)| **count != 1) {
            return Err(WireFault::Header(name, *count));
        }
        self.is_unambiguous()
    }

    fn is_unambiguous(&self) -> Result<(), WireFault> {
        let optional = &self.seen[REQUIRED.len()..];
        let doubled = AT_MOST_ONCE
            .iter()
            .zip(optional)
            .find(|(_, count)| **count > 1);
        if let Some((name, count)) = doubled {
            return Err(WireFault::Header(name, *count));
        }
        let never = NEVER.iter().zip(&optional[AT_MOST_ONCE.len()..]);
        match never.into_iter().find(|(_, count)| **count > 0) {
            Some((name, _)) => Err(WireFault::Forbidden(name)),
            None => Ok(()),
        }
    }
}

/// What stands before the colon (RFC 5322 section 2.2). Some put a space between.
fn name(line: &[u8]) -> Option<&[u8]> {
    let name = line[..memchr::memchr(b':', line)?].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then_some(name)
}

/// The boundary that a line of a Content-Type names.
fn boundary(line: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"boundary=\"";
    let at = memmem::find(line, NAME)? + NAME.len();
    let end = memchr::memchr(b'"', &line[at..])?;
    Some(line[at..at + end].to_vec())
}

/// Follows the parts of a multipart, and those within, to their ends.
fn parts(body: &[u8], before: usize, outermost: Vec<u8>) -> Result<(), WireFault> {
    let mut open = vec![(outermost, 0)];
    // A delimiter begins a line, and the first one may begin the body.
    let first = body.starts_with(b"--").then_some(0);
    let others = memmem::find_iter(body, b"\n--").map(|at| at + 1);
    for at in first.into_iter().chain(others) {
        let Some((boundary, count)) = open.last_mut() else {
            break; // what follows the last one is nobody's
        };
        let Some(rest) = body[at + 2..].strip_prefix(boundary.as_slice()) else {
            continue;
        };
        if rest.starts_with(b"--\r\n") && *count > 0 {
            open.pop();
        } else if let Some(part) = rest.strip_prefix(b"\r\n") {
            *count += 1;
            let head = part_head(part).map_err(|fault| {
                let above = &body[..body.len() - part.len()];
                fault.below(before + memchr::memchr_iter(b'\n', above).count())
            })?;
            if let Some(inner) = head.boundary {
                open.push((inner, 0));
            }
        }
    }
    match open.pop() {
        Some((boundary, _)) => Err(WireFault::EndlessPart(
            String::from_utf8_lossy(&boundary).into_owned(),
        )),
        None => Ok(()),
    }
}

/// The header of a part. Its lines are counted from its beginning.
fn part_head(part: &[u8]) -> Result<Head, WireFault> {
    let mut head = Head::default();
    let lines = part.split_inclusive(|b| *b == b'\n');
    for (at, line) in lines.enumerate() {
        let line = line.strip_suffix(b"\r\n").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        head.take(line, at + 1)?;
    }
    head.is_unambiguous()?;
    Ok(head)
}

/// Whether every byte is ASCII but NUL and every CR stands before a LF and every LF after a CR.
fn is_clean(bytes: &[u8]) -> bool {
    let Some((last, _)) = bytes.split_last() else {
        return true;
    };
    // Without a branch, so that many bytes are looked at together.
    let pairs = bytes.iter().zip(&bytes[1..]);
    let odd = pairs.fold(0u8, |odd, (a, b)| {
        odd | (b & 0x80) | u8::from(*b == 0) | u8::from((*a == b'\r') != (*b == b'\n'))
    });
    let first = bytes[0];
    odd == 0 && first.is_ascii() && first != 0 && first != b'\n' && *last != b'\r'
}

/// Whether some line is too long. Lines that are not make for one look at each thousand bytes.
fn has_long_line(mut bytes: &[u8]) -> bool {
    while bytes.len() > LONGEST_LINE + 2 {
        match memchr::memrchr(b'\n', &bytes[..LONGEST_LINE + 2]) {
            Some(end) => bytes = &bytes[end + 1..],
            None => return true,
        }
    }
    false
}

/// Looks for what is wrong with some lines, the first of which has this number.
fn bytes(lines: &[u8], first: usize) -> Result<(), WireFault> {
    for (at, one) in lines.split_inclusive(|b| *b == b'\n').enumerate() {
        let number = first + at;
        if !one.ends_with(b"\n") {
            return Err(WireFault::CutShort);
        }
        if !line(one, number)?.is_ascii() {
            return Err(WireFault::Unencoded(number));
        }
    }
    Ok(())
}

/// A line without its end, if it has a whole one and no half one before.
fn line(line: &[u8], number: usize) -> Result<&[u8], WireFault> {
    let line = line
        .strip_suffix(b"\r\n")
        .filter(|line| memchr::memchr(b'\r', line).is_none())
        .ok_or(WireFault::BareLineBreak(number))?;
    if memchr::memchr(0, line).is_some() {
        return Err(WireFault::Nul(number));
    }
    if line.len() > LONGEST_LINE {
        return Err(WireFault::LongLine(number));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Date: x\r\nFrom: x\r\nTo: x\r\nSubject: x\r\n y\r\nMessage-ID: x\r\n\
                        MIME-Version: 1.0\r\n\r\nTo: in the body\r\n";

    #[test]
    fn a_good_message_passes() {
        assert_eq!(check(GOOD.as_bytes()), Ok(()));
    }

    #[test]
    fn utf_8_passes_in_the_headers_of_addresses_and_nowhere_else() {
        let with = |from: &str, to: &[u8]| {
            let at = GOOD.find(from).expect("it is there");
            let (start, end) = (&GOOD.as_bytes()[..at], &GOOD.as_bytes()[at + from.len()..]);
            check(&[start, to, end].concat())
        };
        for (from, to) in [
            ("From: x", "From: ü@x"),
            ("To: x", "to: x\r\n <ü@x>"),
            ("To: x", "To: ü@x\r\nReply-To: 张@x"),
            ("To: x", "To: x\r\nCc: ü@x"),
        ] {
            assert_eq!(with(from, to.as_bytes()), Ok(()), "{to}");
        }
        for (from, to, line) in [
            ("Date: x", "Date: ü", 1),
            ("Subject: x", "Subject: ü", 4),
            (" y", " ü", 5),
            ("To: x", "To: x\r\nSender: ü@x", 4),
            ("To: x", "To: x\r\nTomorrow: ü@x", 4),
            ("To: in", "To: ü in", 9),
        ] {
            assert_eq!(
                with(from, to.as_bytes()),
                Err(WireFault::Unencoded(line)),
                "{to}"
            );
        }
        assert_eq!(with("To: x", b"To: \xfc@x"), Err(WireFault::Unencoded(3)));
        assert_eq!(
            with("To: x", "To: ü\0@x".as_bytes()),
            Err(WireFault::Nul(3))
        );
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let long = format!("in {} the", "x".repeat(996));
        let refused = |from: &str, to: &str| check(GOOD.replacen(from, to, 1).as_bytes());
        assert_eq!(
            refused("in the", "in\nthe"),
            Err(WireFault::BareLineBreak(9))
        );
        assert_eq!(
            refused("in the", "in\rthe"),
            Err(WireFault::BareLineBreak(9))
        );
        assert_eq!(
            refused("in the", "in\r\r\nthe"),
            Err(WireFault::BareLineBreak(9))
        );
        assert_eq!(refused("in the", "in\0the"), Err(WireFault::Nul(9)));
        assert_eq!(refused("in the", "in thé"), Err(WireFault::Unencoded(9)));
        assert_eq!(refused("in the", &long), Err(WireFault::LongLine(9)));
        assert_eq!(
            refused("From: x\r\n", ""),
            Err(WireFault::Header("From", 0))
        );
        assert_eq!(
            refused("To: x", "To: x\r\nto : y"),
            Err(WireFault::Header("To", 2))
        );
        assert_eq!(
            check(&GOOD.as_bytes()[..GOOD.len() - 2]),
            Err(WireFault::CutShort)
        );
        assert_eq!(
            refused("\r\n\r\nTo: in the body", ""),
            Err(WireFault::CutShort)
        );
        assert_eq!(check(b""), Err(WireFault::CutShort));
    }

    fn in_header(line: &str) -> Result<(), WireFault> {
        let message = GOOD.replacen("Subject: x", &format!("{line}\r\nSubject: x"), 1);
        check(message.as_bytes())
    }

    #[test]
    fn a_header_is_named_and_there_once() {
        for name in AT_MOST_ONCE {
            assert_eq!(in_header(&format!("{name}: x")), Ok(()));
            assert_eq!(
                in_header(&format!("{name}: x\r\n{}: y", name.to_uppercase())),
                Err(WireFault::Header(name, 2))
            );
        }
        for name in REQUIRED {
            assert_eq!(
                in_header(&format!("{name}: x")),
                Err(WireFault::Header(name, 2))
            );
        }
        assert_eq!(in_header("bcc: x@y"), Err(WireFault::Forbidden("Bcc")));
        assert_eq!(in_header("X-A: x\r\nX-A: y"), Ok(()));
        for line in ["no header", ": x", "Two words: x", "Ünicode: x", "\u{1}: x"] {
            assert_eq!(in_header(line), Err(WireFault::NoHeader(4)), "{line}");
        }
        for line in [" ", "\t", " \t "] {
            assert_eq!(in_header(line), Err(WireFault::BlankLine(4)), "{line:?}");
        }
        assert_eq!(in_header("X-A: x\r\n\ty"), Ok(()));
        let continued = format!(" x\r\n{GOOD}");
        assert_eq!(check(continued.as_bytes()), Err(WireFault::NoHeader(1)));
    }

    #[test]
    fn parts_end_and_have_headers_of_their_own() {
        let with = |body: &str| {
            let kind = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"b\"";
            let message = GOOD.replacen("MIME-Version: 1.0", kind, 1);
            check(message.replacen("To: in the body", body, 1).as_bytes())
        };
        let endless = |boundary: &str| Err(WireFault::EndlessPart(boundary.to_owned()));
        let inner = "Content-Type: multipart/x; boundary=\"c\"\r\n\r\n--c\r\n\r\nx";
        assert_eq!(with("--b\r\n\r\nx\r\n--b--"), Ok(()));
        assert_eq!(
            with("about\r\n--b\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b--\r\nover"),
            Ok(())
        );
        assert_eq!(with(&format!("--b\r\n{inner}\r\n--c--\r\n--b--")), Ok(()));
        assert_eq!(with("x"), endless("b"));
        assert_eq!(with("--b--"), endless("b"));
        assert_eq!(with("--b\r\n\r\nx"), endless("b"));
        assert_eq!(with("--b\r\n\r\nx\r\n--b-"), endless("b"));
        assert_eq!(with("--b\r\n\r\nx --b--"), endless("b"));
        assert_eq!(with(&format!("--b\r\n{inner}\r\n--b--")), endless("c"));
        let part = |head: &str| with(&format!("--b\r\n{head}\r\n\r\nx\r\n--b--"));
        assert_eq!(part("Content-ID: <x>"), Ok(()));
        assert_eq!(
            part("Content-ID: <x>\r\ncontent-id: <y>"),
            Err(WireFault::Header("Content-ID", 2))
        );
        assert_eq!(part("Content-ID: <x>\r\n "), Err(WireFault::BlankLine(13)));
        assert_eq!(part("nothing"), Err(WireFault::NoHeader(12)));
    }

    #[test]
    fn one_bad_byte_is_found_wherever_it_is() {
        let body: String = (0..15).map(|n| "x".repeat(n * 9) + "\r\n").collect();
        let good = GOOD.replacen("To: in the body\r\n", &body, 1).into_bytes();
        assert_eq!(check(&good), Ok(()));
        let start = good.len() - body.len();
        for at in start..good.len() {
            for byte in [0, b'\r', b'\n', 0x80, 0xff] {
                let mut bad = good.clone();
                if bad[at] != byte {
                    bad[at] = byte;
                    assert!(check(&bad).is_err(), "{byte} at {at}");
                }
            }
        }
        for (length, passes) in [(998, true), (999, false), (3000, false)] {
            for lines_before in [0, 1, 20] {
                let body = "y".repeat(60) + "\r\n";
                let body = body.repeat(lines_before) + &"x".repeat(length) + "\r\nz\r\n";
                let message = GOOD.replacen("To: in the body\r\n", &body, 1);
                assert_eq!(
                    check(message.as_bytes()).is_ok(),
                    passes,
                    "{length} {lines_before}"
                );
            }
        }
    }
}
