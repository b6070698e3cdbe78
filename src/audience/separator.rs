//! What stands between two cells of a CSV file.

use std::fmt;
use std::str::FromStr;

/// The character between two cells of a CSV file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Separator(u8);

/// A text that cannot separate cells.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a separator is one character such as \",\", \";\", \"|\" or a tab (\"\\t\"), \
     and not a letter, a digit, a space or a quote"
)]
pub struct SeparatorError;

impl Separator {
    pub const COMMA: Self = Self(b',');
    pub const SEMICOLON: Self = Self(b';');
    pub const TAB: Self = Self(b'\t');
    pub const PIPE: Self = Self(b'|');
    /// Those that are found without being stated.
    pub(super) const USUAL: [Self; 4] = [Self::COMMA, Self::SEMICOLON, Self::TAB, Self::PIPE];

    pub(super) fn byte(self) -> u8 {
        self.0
    }

    /// How the configuration writes it.
    #[must_use]
    pub fn key(self) -> String {
        char::from(self.0).escape_default().to_string()
    }
}

impl FromStr for Separator {
    type Err = SeparatorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [byte @ (b'\t' | b'!'..=b'~')] if !byte.is_ascii_alphanumeric() && *byte != b'"' => {
                Ok(Self(*byte))
            }
            _ => Err(SeparatorError),
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => f.write_str("tab"),
            byte => write!(f, "{}", char::from(byte)),
        }
    }
}
