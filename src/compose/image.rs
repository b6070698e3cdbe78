//! An image that the HTML of a template shows, from a file of the templates directory.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::enclosure::{Content, Enclosure};
use super::supplements::{hash_of, hex};

/// The bytes of an image of a kind that mail readers show. In JSON it is base64.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    bytes: Arc<[u8]>,
    media_type: &'static str,
}

impl Image {
    /// An image, by what it holds: its file may have any name.
    ///
    /// # Errors
    ///
    /// In a person's words, what it is instead.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, &'static str> {
        let media_type = match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "image/gif",
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => "image/webp",
            [] => return Err("is empty"),
            _ if is_svg(bytes) => return Err("is SVG, which mail readers do not show"),
            _ => return Err("is not a PNG, JPEG, GIF or WebP image"),
        };
        Ok(Self {
            bytes: bytes.into(),
            media_type,
        })
    }

    /// What its file holds.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// As a part of a message. Its Content-ID (RFC 2392) is by its bytes alone.
    pub(super) fn enclosure(&self, name: &str) -> Enclosure {
        let hash = hex(&hash_of(&self.bytes));
        Enclosure {
            name: name.to_owned(),
            media_type: self.media_type.to_owned(),
            content: Content::new(&self.bytes),
            content_id: Some(format!("{}@image.postroom", &hash[..32])),
        }
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(1024)];
    String::from_utf8_lossy(start).contains("<svg")
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.bytes.len();
        write!(f, "Image({}, {length} bytes)", self.media_type)
    }
}

impl Serialize for Image {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.bytes))
    }
}

impl<'de> Deserialize<'de> for Image {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(encoded).map_err(D::Error::custom)?;
        Self::of(&bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_its_first_bytes() {
        let kind = |bytes: &[u8]| Image::of(bytes).map(|it| it.media_type);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n..."), Ok("image/png"));
        assert_eq!(kind(b"\xff\xd8\xff\xe0..."), Ok("image/jpeg"));
        assert_eq!(kind(b"GIF87a..."), Ok("image/gif"));
        assert_eq!(kind(b"GIF89a..."), Ok("image/gif"));
        assert_eq!(kind(b"RIFF\x04\0\0\0WEBPVP8 "), Ok("image/webp"));
        let svg = kind(b"<?xml version=\"1.0\"?><svg/>");
        assert_eq!(svg, Err("is SVG, which mail readers do not show"));
        assert_eq!(kind(b"RIFF\x04\0\0\0WAVE"), kind(b"BM....."));
        assert_eq!(kind(b""), Err("is empty"));
    }
}
