//! What a message carries besides its texts.

use std::sync::Arc;

/// A file in a message: an attachment, or an image that its HTML shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enclosure {
    /// The name that the reader saves it under.
    pub name: String,
    /// `application/pdf`.
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
}

impl Content {
    /// Encodes some bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        use base64::Engine as _;
        let mut base64 = String::with_capacity(bytes.len().div_ceil(57) * 78);
        for line in bytes.chunks(57) {
            base64::engine::general_purpose::STANDARD.encode_string(line, &mut base64);
            base64.push_str("\r\n");
        }
        Self {
            base64: base64.into(),
            length: bytes.len(),
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
}
