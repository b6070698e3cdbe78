//! The text of a DKIM-Signature header, in lines of at most 78 where its words allow it.

use super::Signer;
use super::canonical::Head;
use crate::clock::Timestamp;

/// RFC 5322 section 2.1.1.
const LINE: usize = 78;

/// A header being written, as it is sent and in its relaxed form.
pub(super) struct Header {
    sent: String,
    relaxed: String,
    column: usize,
}

/// The header up to its `b=`, and what is signed of it (RFC 6376 section 3.7).
pub(super) fn without_signature(
    signer: &Signer,
    signed: &Head,
    body_hash: &str,
    at: Timestamp,
) -> (Header, String) {
    let mut header = Header {
        sent: String::with_capacity(1024),
        relaxed: String::with_capacity(768),
        column: 0,
    };
    header.begin();
    header.word(&["a=", signer.key.algorithm().tag(), ";"]);
    header.word(&["c=relaxed/relaxed;"]);
    header.word(&["d=", &signer.domain, ";"]);
    header.word(&["s=", &signer.selector, ";"]);
    header.word(&["t=", &at.as_second().to_string(), ";"]);
    for (at, name) in signed.names.iter().enumerate() {
        let end = if at + 1 < signed.names.len() {
            ":"
        } else {
            ";"
        };
        if at == 0 {
            header.word(&["h=", name, end]);
        } else {
            header.glued(&[name, end]);
        }
    }
    header.word(&["bh=", body_hash, ";"]);
    header.word(&["b="]);
    let relaxed = std::mem::take(&mut header.relaxed);
    (header, relaxed)
}

impl Header {
    fn begin(&mut self) {
        self.sent.push_str("DKIM-Signature: v=1;");
        self.relaxed.push_str("dkim-signature:v=1;");
        self.column = self.sent.len();
    }

    /// Writes a word with a space before it, on this line or the next.
    fn word(&mut self, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let fits = self.column + 1 + length <= LINE;
        self.sent.push_str(if fits { " " } else { "\r\n " });
        self.relaxed.push(' ');
        self.column = if fits { self.column + 1 } else { 1 };
        self.push(parts, length);
    }

    /// Writes a word right behind the last one, or on the next line.
    fn glued(&mut self, parts: &[&str]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.column + length > LINE {
            self.sent.push_str("\r\n ");
            self.relaxed.push(' ');
            self.column = 1;
        }
        self.push(parts, length);
    }

    fn push(&mut self, parts: &[&str], length: usize) {
        for part in parts {
            self.sent.push_str(part);
            self.relaxed.push_str(part);
        }
        self.column += length;
    }

    /// Writes the signature, which may be cut anywhere, and the end of the header.
    pub(super) fn finish(&mut self, signature: &str) {
        let mut rest = signature;
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(LINE - self.column));
            self.sent.push_str(line);
            rest = more;
            if !rest.is_empty() {
                self.sent.push_str("\r\n ");
                self.column = 1;
            }
        }
        self.sent.push_str("\r\n");
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.sent.as_bytes()
    }
}
