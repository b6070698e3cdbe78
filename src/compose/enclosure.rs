//! What a message carries besides its texts.

use std::sync::Arc;

use super::transfer;

/// A file in a message: an attachment, or an image that its HTML shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// The name that the reader saves it under, before what no file's name may have is taken out
    /// of it.
    pub name: String,
    /// `application/pdf`, without parameters.
    pub media_type: String,
    /// What it holds.
    pub content: Content,
    /// The name that the HTML knows it by, without `cid:`; it is no attachment then (RFC 2392).
    pub content_id: Option<String>,
}

/// The content of an [`Enclosure`], encoded once for all the messages that carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Lines of base64 (RFC 2045 section 6.8), each with its CRLF.
    base64: Arc<str>,
    /// How many bytes it is of.
    length: usize,
    is_utf_8: bool,
    calendar_method: Option<Box<str>>,
}

impl Content {
    /// Encodes some bytes. They arrive as they are: the line ends of a text, too.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut base64 = String::new();
        transfer::base64(&mut base64, bytes);
        let text = str::from_utf8(bytes).ok();
        Self {
            base64: base64.into(),
            length: bytes.len(),
            is_utf_8: text.is_some(),
            calendar_method: text.and_then(calendar_method),
        }
    }

    /// How many bytes it is of, before encoding.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// As it stands in a message: lines with CRLF, the last one too.
    pub(super) fn encoded(&self) -> &str {
        &self.base64
    }

    /// Whether it can be read as text in UTF-8.
    pub(super) fn is_utf_8(&self) -> bool {
        self.is_utf_8
    }

    /// What an iCalendar file says that its reader should do with it.
    pub(super) fn calendar_method(&self) -> Option<&str> {
        self.calendar_method.as_deref()
    }
}

/// The METHOD of an iCalendar object (RFC 5545 section 3.7.2). The parameter of the same name must
/// say the same (RFC 6047 section 2.4), and there is none without.
fn calendar_method(text: &str) -> Option<Box<str>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    if !lines
        .next()?
        .trim_end()
        .eq_ignore_ascii_case("BEGIN:VCALENDAR")
    {
        return None;
    }
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.eq_ignore_ascii_case("BEGIN") {
            break; // the events, which have no method
        }
        let value = value.trim_end();
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if name.eq_ignore_ascii_case("METHOD") && !value.is_empty() && value.len() <= 40 {
            return value.bytes().all(is_token).then(|| value.into());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_has_a_method_where_it_says_so() {
        let method = |text: &str| {
            let content = Content::new(text.as_bytes());
            content.calendar_method().map(str::to_owned)
        };
        let of = |lines: &str| method(&format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{lines}"));
        assert_eq!(of("METHOD:PUBLISH\r\n"), Some("PUBLISH".to_owned()));
        assert_eq!(of("method:request\n"), Some("request".to_owned()));
        assert_eq!(of("BEGIN:VEVENT\r\nMETHOD:PUBLISH\r\n"), None);
        assert_eq!(of("METHOD:a;b\r\n"), None);
        assert_eq!(of("METHOD:\r\n"), None);
        assert_eq!(method("METHOD:PUBLISH\r\n"), None);
        assert_eq!(
            method("\u{feff}begin:vcalendar\nMETHOD:CANCEL"),
            Some("CANCEL".to_owned())
        );
    }
}
