//! What comes after the header of a message: its texts and the files that it carries, as MIME
//! (RFC 2045, 2046, 2183, 2387).
//!
//! ```text
//! mixed( related( alternative(text, html), images… ), attachments… )
//! ```
//!
//! Each level is only there where it holds more than one part. A text comes before the HTML, since
//! readers show the last one that they can. Everything is encoded, so no server on the way needs to
//! know more than ASCII, and nothing in a text is ever taken for a boundary.

use std::fmt::Write as _;

use ring::digest;

use super::enclosure::Enclosure;
use super::filename;
use super::message::ComposeFault;
use super::render::Rendered;
use super::transfer::Encoding;

/// Bytes for the headers of a part, its boundary and what else is around it.
const AROUND: usize = 512;

/// The parts of a message.
struct Parts<'a> {
    texts: Vec<(&'static str, &'a str)>,
    /// What the HTML shows.
    images: Vec<&'a Enclosure>,
    attached: Vec<&'a Enclosure>,
    /// Of the alternatives, of what is related, of all.
    boundaries: [String; 3],
}

/// Writes the MIME part of a message, its own headers first.
///
/// # Errors
///
/// There is no text, or a file has a type or an identity that cannot stand in a header.
pub(super) fn write(
    out: &mut String,
    rendered: &Rendered,
    enclosures: &[Enclosure],
    message_id: &str,
) -> Result<(), ComposeFault> {
    let text = rendered.text.as_deref().map(|text| ("text/plain", text));
    let html = rendered.html.as_deref().map(|html| ("text/html", html));
    let texts: Vec<_> = text.into_iter().chain(html).collect();
    if texts.is_empty() {
        return Err(ComposeFault::NoBody);
    }
    // What no HTML shows is an attachment.
    let is_image = |it: &&Enclosure| html.is_some() && it.content_id.is_some();
    let carried = rendered.images.iter().chain(enclosures);
    let (images, attached) = carried.partition(is_image);
    let parts = Parts {
        texts,
        images,
        attached,
        boundaries: boundaries(message_id),
    };
    out.reserve(parts.expected_length());
    parts.write(out)
}

impl Parts<'_> {
    /// A little more than what will be written, as a rule.
    fn expected_length(&self) -> usize {
        let texts = self.texts.iter();
        let texts: usize = texts.map(|(_, text)| text.len() * 5 / 4 + AROUND).sum();
        let files = self.images.iter().chain(&self.attached);
        let files: usize = files
            .map(|it| it.content.encoded().len() + it.name.len() * 8 + AROUND)
            .sum();
        texts + files
    }

    fn write(&self, out: &mut String) -> Result<(), ComposeFault> {
        let boundary = &self.boundaries[2];
        if self.attached.is_empty() {
            return self.related(out, false);
        }
        open(out, "mixed", boundary);
        self.related(out, true)?;
        for file in &self.attached {
            next(out, boundary);
            enclosure(out, file, "attachment")?;
        }
        close(out, boundary);
        Ok(())
    }

    fn related(&self, out: &mut String, nested: bool) -> Result<(), ComposeFault> {
        let boundary = &self.boundaries[1];
        if self.images.is_empty() {
            self.alternative(out, nested);
            return Ok(());
        }
        // RFC 2387 section 3.1: what the first part is.
        open(
            out,
            match self.texts.len() {
                1 => "related; type=\"text/html\"",
                _ => "related; type=\"multipart/alternative\"",
            },
            boundary,
        );
        self.alternative(out, true);
        for file in &self.images {
            next(out, boundary);
            enclosure(out, file, "inline")?;
        }
        close(out, boundary);
        Ok(())
    }

    fn alternative(&self, out: &mut String, nested: bool) {
        let boundary = &self.boundaries[0];
        if let [(kind, text)] = self.texts[..] {
            body(out, kind, text, nested);
            return;
        }
        for (at, (kind, text)) in self.texts.iter().enumerate() {
            match at {
                0 => open(out, "alternative", boundary),
                _ => next(out, boundary),
            }
            body(out, kind, text, true);
        }
        close(out, boundary);
    }
}

fn open(out: &mut String, subtype: &str, boundary: &str) {
    out.push_str("Content-Type: multipart/");
    out.push_str(subtype);
    out.push_str(";\r\n boundary=\"");
    out.push_str(boundary);
    out.push_str("\"\r\n\r\n");
    next(out, boundary);
}

fn next(out: &mut String, boundary: &str) {
    out.push_str("--");
    out.push_str(boundary);
    out.push_str("\r\n");
}

fn close(out: &mut String, boundary: &str) {
    out.push_str("--");
    out.push_str(boundary);
    out.push_str("--\r\n");
}

fn body(out: &mut String, kind: &str, text: &str, nested: bool) {
    let encoding = Encoding::of(text);
    out.push_str("Content-Type: ");
    out.push_str(kind);
    out.push_str("; charset=utf-8\r\nContent-Transfer-Encoding: ");
    out.push_str(encoding.name());
    out.push_str("\r\n\r\n");
    encoding.write(out, text);
    // The line end before a boundary belongs to it. That of base64 is nobody's.
    if nested && encoding == Encoding::QuotedPrintable {
        out.push_str("\r\n");
    }
}

fn enclosure(out: &mut String, file: &Enclosure, disposition: &str) -> Result<(), ComposeFault> {
    let name = filename::sanitized(&file.name);
    let unfit = |why: String| ComposeFault::Enclosure(name.clone(), why);
    out.push_str("Content-Type: ");
    content_type(out, file).map_err(unfit)?;
    let _ = write!(out, ";\r\n name=\"{}\"\r\n", filename::ascii(&name));
    out.push_str("Content-Transfer-Encoding: base64\r\nContent-Disposition: ");
    out.push_str(disposition);
    filename::parameter(out, &name);
    out.push_str("\r\n");
    if let Some(id) = &file.content_id {
        if !is_content_id(id) {
            return Err(unfit(format!(
                "`{}` cannot be its Content-ID",
                id.escape_debug()
            )));
        }
        let _ = write!(out, "Content-ID: <{id}>\r\n");
    }
    out.push_str("\r\n");
    out.push_str(file.content.encoded());
    if file.content.is_empty() {
        out.push_str("\r\n");
    }
    Ok(())
}

/// The type of a file, with what is known of a text.
fn content_type(out: &mut String, file: &Enclosure) -> Result<(), String> {
    let kind = file.media_type.to_ascii_lowercase();
    let is_token = |part: &str| {
        let fit = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
        !part.is_empty() && part.len() <= 127 && part.bytes().all(fit)
    };
    let halves = kind
        .split_once('/')
        .filter(|(a, b)| is_token(a) && is_token(b));
    let Some((major, _)) = halves else {
        let given = file.media_type.escape_debug();
        return Err(format!(
            "`{given}` is no media type such as application/pdf"
        ));
    };
    if matches!(major, "message" | "multipart") {
        // These may not be encoded (RFC 2046 section 5.2.1), so it is a file like any other.
        out.push_str("application/octet-stream");
        return Ok(());
    }
    out.push_str(&kind);
    if major == "text" && file.content.is_utf_8() {
        out.push_str("; charset=utf-8");
    }
    if kind == "text/calendar"
        && let Some(method) = file.content.calendar_method()
    {
        out.push_str("; method=");
        out.push_str(method);
    }
    Ok(())
}

/// Printable ASCII that needs no quoting between angle brackets (RFC 2045 section 7).
fn is_content_id(id: &str) -> bool {
    let fit = |b: u8| b.is_ascii_graphic() && !b"<>()[]\\\",;:".contains(&b);
    !id.is_empty() && id.len() <= 200 && id.bytes().all(fit)
}

/// Boundaries that are the same on every attempt. `=_` appears in no encoded body, and none begins
/// with another.
fn boundaries(message_id: &str) -> [String; 3] {
    let hash = digest::digest(&digest::SHA256, message_id.as_bytes());
    let (first, second) = hash.as_ref().split_at(16);
    [("=_", first), ("=_r", second), ("=_m", second)].map(|(start, bytes)| {
        let mut boundary = String::with_capacity(start.len() + 2 * bytes.len());
        boundary.push_str(start);
        for byte in bytes {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            boundary.push(char::from(HEX[usize::from(byte >> 4)]));
            boundary.push(char::from(HEX[usize::from(byte & 15)]));
        }
        boundary
    })
}
