//! A message as its reader has it: what the bytes say, and not what they were made from.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{
    Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

/// HTML with its images in it is not longer, in bytes: a mail may show one image a million times.
const LONGEST_ALONE: usize = 64 << 20;

/// A message, parsed.
pub(super) struct Opened {
    /// In their order, decoded and on one line each.
    pub(super) headers: Vec<(String, String)>,
    /// With LF.
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    /// What it carries besides.
    pub(super) files: Vec<File>,
    /// On the wire, in bytes.
    pub(super) size: usize,
}

/// An attachment, or an image that the HTML shows.
pub(super) struct File {
    pub(super) name: String,
    pub(super) media_type: String,
    /// Without `cid:`.
    pub(super) content_id: Option<String>,
    pub(super) content: Vec<u8>,
}

impl File {
    /// Whether the HTML shows it where it stands.
    pub(super) fn is_inline(&self) -> bool {
        self.content_id.is_some() && self.media_type.starts_with("image/")
    }
}

impl Opened {
    /// Parses a message. Bytes that are none have no headers and no parts.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let message = MessageParser::default().parse(bytes).unwrap_or_default();
        let body = |ids: &[u32], wanted: fn(&PartType<'_>) -> bool| {
            let mut ids = ids.iter().copied();
            ids.find(|id| message.part(*id).is_some_and(|it| wanted(&it.body)))
        };
        let text = body(&message.text_body, |it| matches!(it, PartType::Text(_)));
        let html = body(&message.html_body, |it| matches!(it, PartType::Html(_)));
        let content = |id: Option<u32>| {
            let part = message.part(id?)?;
            Some(part.text_contents()?.replace("\r\n", "\n"))
        };
        let parts = (0_u32..).zip(&message.parts);
        let files = parts
            .filter(|(id, part)| {
                !matches!(part.body, PartType::Multipart(_))
                    && Some(*id) != text
                    && Some(*id) != html
            })
            .map(|(_, part)| file(part));
        Self {
            headers: headers(&message, bytes),
            text: content(text),
            html: content(html),
            files: files.collect(),
            size: bytes.len(),
        }
    }

    /// The value of a header, if it is there.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|it| it.0.eq_ignore_ascii_case(name))
            .map(|it| it.1.as_str())
    }

    /// Its HTML with the images that it carries in it, so that it can be shown alone; without those
    /// that would make it too long.
    pub(super) fn html_alone(&self) -> Option<String> {
        let mut html = Cow::Borrowed(self.html.as_deref()?);
        let mut images: Vec<&File> = self.files.iter().filter(|it| it.is_inline()).collect();
        // An id may be the beginning of another one.
        images.sort_by_key(|it| std::cmp::Reverse(it.content_id.as_ref().map(String::len)));
        for image in images {
            let id = image.content_id.as_deref().unwrap_or_default();
            let written = format!("cid:{id}");
            let times = html.matches(&written).count();
            let length = (image.content.len() / 3 * 4).saturating_mul(times);
            if times > 0 && html.len().saturating_add(length) <= LONGEST_ALONE {
                let data = STANDARD.encode(&image.content);
                let data = format!("data:{};base64,{data}", image.media_type);
                html = Cow::Owned(html.replace(&written, &data));
            }
        }
        Some(html.into_owned())
    }
}

fn headers(message: &Message<'_>, bytes: &[u8]) -> Vec<(String, String)> {
    let raw = |from: u32, to: u32| {
        let raw = bytes.get(from as usize..to as usize).unwrap_or_default();
        let text = String::from_utf8_lossy(raw);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    // Bytes that are no message have no part, not even one without headers.
    let all = message.parts.first().map(|it| it.headers.iter());
    let shown = all.into_iter().flatten().map(|header| {
        let decoded = match (&header.name, &header.value) {
            // Links are parsed as addresses too, and shown as they are written.
            (
                HeaderName::From
                | HeaderName::Sender
                | HeaderName::ReplyTo
                | HeaderName::To
                | HeaderName::Cc
                | HeaderName::Bcc,
                HeaderValue::Address(address),
            ) => named(address),
            (HeaderName::Subject, HeaderValue::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let value = decoded.unwrap_or_else(|| raw(header.offset_start, header.offset_end));
        (header.name().to_owned(), value)
    });
    shown.collect()
}

/// Nothing for a group, which is shown as it is written.
fn named(address: &Address<'_>) -> Option<String> {
    let Address::List(list) = address else {
        return None;
    };
    let one = |it: &mail_parser::Addr<'_>| {
        let address = it.address.as_deref()?;
        Some(match it.name.as_deref() {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        })
    };
    let all: Option<Vec<String>> = list.iter().map(one).collect();
    all.map(|it| it.join(", "))
}

fn file(part: &MessagePart<'_>) -> File {
    let media_type = part.content_type().map_or_else(
        || "application/octet-stream".to_owned(),
        |kind| match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_lowercase(),
            None => kind.ctype().to_lowercase(),
        },
    );
    let content_id = part.content_id().map(str::to_owned);
    let name = part.attachment_name().map(str::to_owned);
    let name = name.or_else(|| content_id.clone());
    let content = match &part.body {
        PartType::Message(inner) => inner.raw_message().to_vec(),
        _ => part.contents().to_vec(),
    };
    File {
        name: name.unwrap_or_else(|| "without a name".to_owned()),
        media_type,
        content_id,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: =?utf-8?q?J=C3=B6?= <jo@example.org>\r\n\
        To: a@example.org, \"B\" <b@example.org>\r\n\
        Subject: =?utf-8?b?5L2g5aW9?=\r\n\
        List-Unsubscribe: <https://example.org/\r\n u>\r\n\
        Content-Type: multipart/related; boundary=x\r\n\r\n\
        --x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n\
        --y\r\nContent-Type: text/plain\r\n\r\nHi\r\nthere\r\n\
        --y\r\nContent-Type: text/html\r\n\r\n\
        <img src=\"cid:a@b\"><img src='cid:a@bc'>\r\n--y--\r\n\
        --x\r\nContent-Type: image/png; name=a.png\r\nContent-ID: <a@b>\r\n\
        Content-Transfer-Encoding: base64\r\nContent-Disposition: inline; filename=a.png\r\n\r\n\
        AAEC\r\n\
        --x\r\nContent-Type: image/gif\r\nContent-ID: <a@bc>\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n/w==\r\n--x--\r\n";

    #[test]
    fn a_message_is_opened_as_its_reader_has_it() {
        let opened = Opened::of(MAIL.as_bytes());
        assert_eq!(opened.header("from"), Some("Jö <jo@example.org>"));
        assert_eq!(
            opened.header("to"),
            Some("a@example.org, B <b@example.org>")
        );
        assert_eq!(opened.header("subject"), Some("你好"));
        assert_eq!(
            opened.header("list-unsubscribe"),
            Some("<https://example.org/ u>")
        );
        assert_eq!(opened.text.as_deref().map(str::trim_end), Some("Hi\nthere"));
        assert_eq!(opened.files.len(), 2);
        assert_eq!(opened.files[0].name, "a.png");
        assert_eq!(opened.files[0].content, [0, 1, 2]);
        assert!(opened.files.iter().all(File::is_inline));
    }

    #[test]
    fn its_html_stands_alone_with_the_images_in_it() {
        let html = Opened::of(MAIL.as_bytes())
            .html_alone()
            .expect("it has HTML");
        let images =
            "<img src=\"data:image/png;base64,AAEC\"><img src='data:image/gif;base64,/w=='>";
        assert_eq!(html.trim_end(), images);
    }

    #[test]
    fn an_image_that_is_shown_too_often_is_left_out() {
        let file = File {
            name: "a.png".to_owned(),
            media_type: "image/png".to_owned(),
            content_id: Some("a".to_owned()),
            content: vec![0; 1 << 20],
        };
        let html = "<img src=\"cid:a\">".repeat(1000);
        let opened = Opened {
            headers: Vec::new(),
            text: None,
            html: Some(html.clone()),
            files: vec![file],
            size: 0,
        };
        assert_eq!(opened.html_alone(), Some(html));
    }

    #[test]
    fn what_is_no_message_is_empty() {
        let opened = Opened::of(b"");
        assert!(opened.headers.is_empty() && opened.html.is_none() && opened.files.is_empty());
    }
}
