//! The wire gate: the last look at a message before it may be sent.
//!
//! Whatever a value, a template or a library did, bytes that are not a well-formed message do not
//! pass: a bare line feed or carriage return is how one message becomes two on a server that
//! reads it otherwise (SMTP smuggling).

/// Headers that every message has exactly once (RFC 5322 section 3.6, RFC 2045 section 4).
const REQUIRED: [&str; 6] = [
    "Date",
    "From",
    "To",
    "Subject",
    "Message-ID",
    "MIME-Version",
];
/// Headers whose addresses may be in UTF-8 (RFC 6532 section 3.2). Names in them are encoded.
const OF_ADDRESSES: [&str; 4] = ["From", "Reply-To", "To", "Cc"];
/// RFC 5322 section 2.1.1, without the line end.
const LONGEST_LINE: usize = 998;

/// Why bytes may not go on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// A CR without LF, or a LF without CR.
    #[error("line {0} of the message has half a line break in it")]
    BareLineBreak(usize),
    /// A NUL, or a byte that is not ASCII where no address is.
    #[error("line {0} of the message has a byte in it that needs encoding")]
    Unencoded(usize),
    /// A line of more than 998 bytes.
    #[error("line {0} of the message is longer than 998 bytes")]
    LongLine(usize),
    /// A required header is missing or there twice.
    #[error("the message has {1} {0} headers instead of one")]
    Header(&'static str, usize),
    /// The message does not end with a line break, or its header never ends.
    #[error("the message is cut short")]
    CutShort,
}

/// Lets a message pass, or says why not. Lines are counted from 1.
pub(super) fn check(message: &[u8]) -> Result<(), WireFault> {
    let mut seen = [0; REQUIRED.len()];
    let mut in_header = true;
    let mut of_addresses = false;
    let mut rest = message;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let end = memchr::memchr(b'\n', rest).ok_or(WireFault::CutShort)?;
        let line = rest[..end]
            .strip_suffix(b"\r")
            .ok_or(WireFault::BareLineBreak(number))?;
        rest = &rest[end + 1..];
        if !line.starts_with(b" ") {
            // A line that begins with a space belongs to the header before it.
            of_addresses = in_header && OF_ADDRESSES.iter().any(|name| is_header(line, name));
        }
        check_line(line, number, of_addresses)?;
        if line.is_empty() {
            in_header = false;
        } else if in_header {
            for (name, count) in REQUIRED.iter().zip(&mut seen) {
                *count += usize::from(is_header(line, name));
            }
        }
    }
    if in_header {
        return Err(WireFault::CutShort);
    }
    match REQUIRED.iter().zip(seen).find(|(_, count)| *count != 1) {
        Some((name, count)) => Err(WireFault::Header(name, count)),
        None => Ok(()),
    }
}

fn check_line(line: &[u8], number: usize, of_addresses: bool) -> Result<(), WireFault> {
    if line.len() > LONGEST_LINE {
        return Err(WireFault::LongLine(number));
    }
    if memchr::memchr(b'\r', line).is_some() {
        return Err(WireFault::BareLineBreak(number));
    }
    let encoded = line.is_ascii() || (of_addresses && std::str::from_utf8(line).is_ok());
    if !encoded || memchr::memchr(0, line).is_some() {
        return Err(WireFault::Unencoded(number));
    }
    Ok(())
}

fn is_header(line: &[u8], name: &str) -> bool {
    let Some((start, rest)) = line.split_at_checked(name.len()) else {
        return false;
    };
    start.eq_ignore_ascii_case(name.as_bytes()) && rest.trim_ascii_start().starts_with(b":")
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
            Err(WireFault::Unencoded(3))
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
        assert_eq!(refused("in the", "in\0the"), Err(WireFault::Unencoded(9)));
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
}
