//! Text encodings by name.

use encoding_rs::Encoding;

/// The encoding that people call so (the labels of the WHATWG Encoding Standard).
pub(super) fn named(name: &str) -> Option<&'static Encoding> {
    Encoding::for_label(name.trim().as_bytes())
}
