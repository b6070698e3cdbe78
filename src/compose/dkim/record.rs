//! The TXT record that a key needs in DNS (RFC 6376 section 3.6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::key::SigningKey;

/// No string of a TXT record is longer (RFC 1035 section 3.3).
const STRING: usize = 255;

/// A name in DNS, and the text that has to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The whole name, without a dot at its end.
    pub name: String,
    /// The text, in one piece.
    pub value: String,
}

impl Record {
    pub(super) fn new(domain: &str, selector: &str, key: &SigningKey) -> Self {
        let (kind, public) = (key.algorithm().key_type(), STANDARD.encode(key.public()));
        Self {
            name: format!("{selector}._domainkey.{domain}"),
            value: format!("v=DKIM1; k={kind}; p={public}"),
        }
    }

    /// The record as a zone file has it: its text in strings of at most 255 bytes.
    #[must_use]
    pub fn zone_line(&self) -> String {
        let strings = self.value.as_bytes().chunks(STRING);
        let strings = strings.map(|it| format!("\"{}\"", String::from_utf8_lossy(it)));
        let strings: Vec<String> = strings.collect();
        match &strings[..] {
            [only] => format!("{}. IN TXT {only}", self.name),
            several => format!("{}. IN TXT ( {} )", self.name, several.join("\n    ")),
        }
    }
}
