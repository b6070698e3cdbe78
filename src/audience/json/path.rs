//! Where in a JSON document the people are.

use std::fmt;
use std::str::FromStr;

/// Keys with dots between them: `data.people`. Each leads into an object, the last to the array of
/// people. A key with a dot in its own name cannot be led through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowsPath(Vec<String>);

/// A text that leads nowhere in any document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "write the keys that lead to the array of people, with dots between them, such as \
     \"data.people\"; it is neither a JSONPath nor a JSON Pointer"
)]
pub struct RowsPathError;

impl RowsPath {
    pub(super) fn keys(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for RowsPath {
    type Err = RowsPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys: Vec<String> = text.split('.').map(str::to_owned).collect();
        let is_key = |key: &String| {
            let is_foreign = |sign| matches!(sign, '/' | '$' | '[' | ']' | '*' | '@');
            !key.trim().is_empty() && !key.contains(|sign| is_foreign(sign) || sign.is_control())
        };
        match keys.iter().all(is_key) {
            true => Ok(Self(keys)),
            false => Err(RowsPathError),
        }
    }
}

impl fmt::Display for RowsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
