//! Reading replies (RFC 5321 section 4.2) from servers that were written by people.
//!
//! Taken as they come: bare LF, no text, lower case, unknown second digits, text in other
//! encodings. Refused: endless lines, endless replies, codes that differ within one reply, anything
//! that is not a reply. What is refused ends the session; it is never guessed at.

use std::fmt;

/// The longest reply line that is read, in bytes. RFC 5321 section 4.5.3.1.5 allows 512.
const LINE_MAX: usize = 2048;
/// The most lines that one reply may have.
const LINES_MAX: usize = 128;
/// The longest text that is kept, in characters.
const TEXT_MAX: usize = 500;

/// A server's answer to one command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// Enhanced status code (RFC 3463), if the text begins with one of the right class.
    pub enhanced: Option<Enhanced>,
    /// The text of all lines, without the code and the enhanced code, safe to show.
    pub text: String,
    /// The lines as received, for the capabilities that EHLO lists.
    pub(super) lines: Vec<String>,
}

/// Class, subject and detail of RFC 3463.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enhanced(pub u16, pub u16, pub u16);

impl Reply {
    /// 2xx.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// As an answer to RCPT: the recipient is taken.
    #[must_use]
    pub fn takes_recipient(&self) -> bool {
        matches!(self.code, 250 | 251)
    }

    /// As an answer to RCPT: neither a yes nor a no.
    #[must_use]
    pub(super) fn is_unclear(&self) -> bool {
        !self.takes_recipient() && !self.is_refusal()
    }

    /// As an answer to RCPT after one that was taken: this one is too many for the transaction
    /// (RFC 5321 section 4.5.3.1.10, RFC 3463 section 3.6).
    #[must_use]
    pub fn wants_fewer_recipients(&self) -> bool {
        match self.enhanced {
            Some(Enhanced(_, subject, detail)) => (subject, detail) == (5, 3),
            None => matches!(self.code, 452 | 552),
        }
    }

    /// A no, for now or for good: 4xx or 5xx.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.is_transient() || self.is_permanent()
    }

    /// Takes one whole reply from the front of `buffer`.
    ///
    /// `Ok(None)` asks for more bytes.
    ///
    /// # Errors
    /// What was received is not a reply; the text says why.
    pub fn take(buffer: &mut Vec<u8>) -> Result<Option<Self>, String> {
        let mut lines = Vec::new();
        let mut from = 0;
        loop {
            let rest = &buffer[from..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                return if rest.len() > LINE_MAX {
                    Err(too_long())
                } else {
                    Ok(None)
                };
            };
            if end > LINE_MAX {
                return Err(too_long());
            }
            let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
            let (code, last, text) = parse_line(line)?;
            lines.push((code, text));
            from += end + 1;
            if last {
                break;
            }
            if lines.len() >= LINES_MAX {
                return Err(format!("a reply of more than {LINES_MAX} lines"));
            }
        }
        buffer.drain(..from);
        Self::from_lines(lines).map(Some)
    }

    fn from_lines(lines: Vec<(u16, String)>) -> Result<Self, String> {
        let code = lines[0].0;
        if let Some((other, _)) = lines.iter().find(|(other, _)| *other != code) {
            return Err(format!("one reply with two codes, {code} and {other}"));
        }
        let lines: Vec<String> = lines.into_iter().map(|(_, text)| text).collect();
        let enhanced = lines.iter().find_map(|line| Enhanced::leading(line, code));
        let text = lines
            .iter()
            .map(|line| enhanced.map_or(line.as_str(), |enhanced| enhanced.strip_from(line)))
            .collect::<Vec<_>>()
            .join(" ");
        Ok(Self {
            code,
            enhanced,
            text: text.chars().take(TEXT_MAX).collect(),
            lines,
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

fn too_long() -> String {
    format!("a reply line longer than {LINE_MAX} bytes")
}

/// Code, whether it is the last line, and the text.
fn parse_line(line: &[u8]) -> Result<(u16, bool, String), String> {
    let not_a_reply = || {
        let shown: String = readable(line).chars().take(60).collect();
        format!("expected a reply, got `{shown}`")
    };
    let (digits, rest) = line.split_at_checked(3).ok_or_else(not_a_reply)?;
    if !(b'2'..=b'5').contains(&digits[0]) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(not_a_reply());
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Ok((code, true, String::new())),
        Some((b' ', text)) => Ok((code, true, readable(text))),
        Some((b'-', text)) => Ok((code, false, readable(text))),
        Some(_) => Err(not_a_reply()),
    }
}

/// Text that a person can read and a terminal or a log cannot be harmed by. Replies are UTF-8, or
/// what Chinese providers send (GB18030), or else Latin-1.
pub(super) fn readable(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => match encoding_rs::GB18030.decode_without_bom_handling(bytes) {
            (text, false) => text.into_owned(),
            (_, true) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        },
    };
    let safe = |c: char| {
        if c.is_control() || is_invisible(c) {
            ' '
        } else {
            c
        }
    };
    text.trim().chars().map(safe).collect()
}

/// Characters that reorder or hide text around them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}

impl Enhanced {
    /// The enhanced code at the front of a reply's text, if its class fits the reply's.
    fn leading(text: &str, code: u16) -> Option<Self> {
        let word = text.split(' ').next()?;
        let mut parts = word.split('.').map(|part| {
            let sane = !part.is_empty() && part.len() <= 3;
            sane.then(|| part.parse::<u16>().ok()).flatten()
        });
        let found = Self(parts.next()??, parts.next()??, parts.next()??);
        (parts.next().is_none() && found.0 == code / 100).then_some(found)
    }

    fn strip_from(self, text: &str) -> &str {
        text.strip_prefix(&self.to_string())
            .map_or(text, str::trim_start)
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}
