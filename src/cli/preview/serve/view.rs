//! One message with all that the page shows of it, whether it was composed here or caught.

use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::super::opened::Opened;
use super::super::show::CLIPPED;
use super::frame;

/// So much of a message is shown as it goes over the wire, in bytes; the whole can be saved.
const SHOWN: usize = 256 * 1024;

#[derive(Serialize)]
pub(super) struct View {
    /// By which its HTML is asked for: the same as long as that is.
    pub(super) id: String,
    /// By which its bytes are asked for.
    pub(super) wire_id: String,
    headers: Vec<(String, String)>,
    text: Option<String>,
    html: Option<String>,
    /// The beginning of its bytes.
    wire: String,
    is_cut: bool,
    /// In bytes.
    size: usize,
    html_size: usize,
    /// Gmail clips what is longer.
    clipped_at: usize,
    /// The language that it was written in, where that is known.
    pub(super) language: Option<String>,
    files: Vec<File>,
    /// How many things its HTML would fetch from elsewhere.
    remote: usize,
    knows_dark: bool,
    /// The domains that sign it (DKIM).
    signed_by: Vec<String>,
    /// Its HTML with its images in it.
    #[serde(skip)]
    pub(super) alone: Option<String>,
    #[serde(skip)]
    pub(super) bytes: Vec<u8>,
}

#[derive(Serialize)]
struct File {
    name: String,
    media_type: String,
    size: usize,
    is_inline: bool,
}

impl View {
    /// All of it, from the bytes alone.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let opened = Opened::of(&bytes);
        let alone = opened.html_alone();
        let shown = &bytes[..bytes.len().min(SHOWN)];
        let files = opened.files.iter().map(|file| File {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.content.len(),
            is_inline: file.is_inline(),
        });
        Self {
            id: id(alone.as_deref().unwrap_or_default().as_bytes()),
            wire_id: id(&bytes),
            wire: String::from_utf8_lossy(shown).into_owned(),
            is_cut: shown.len() < bytes.len(),
            size: bytes.len(),
            html_size: opened.html.as_ref().map_or(0, String::len),
            clipped_at: CLIPPED,
            language: opened.header("Content-Language").map(str::to_owned),
            files: files.collect(),
            remote: alone.as_deref().map_or(0, frame::remote_parts),
            knows_dark: alone.as_deref().is_some_and(frame::knows_dark),
            signed_by: signed_by(&opened),
            headers: opened.headers,
            text: opened.text,
            html: opened.html,
            alone,
            bytes,
        }
    }
}

fn id(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let hash = hash.as_ref()[..12].iter();
    hash.map(|byte| format!("{byte:02x}")).collect()
}

/// The `d=` of each signature (RFC 6376, section 3.5).
fn signed_by(opened: &Opened) -> Vec<String> {
    let signatures = opened.headers.iter();
    let signatures = signatures.filter(|it| it.0.eq_ignore_ascii_case("DKIM-Signature"));
    let domains = signatures.filter_map(|(_, value)| {
        let mut tags = value.split(';').map(str::trim);
        tags.find_map(|it| it.strip_prefix("d=")).map(str::to_owned)
    });
    domains.collect()
}
