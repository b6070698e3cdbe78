//! What the header of a message says of the kind of mail it is.

use serde::{Deserialize, Serialize};

use super::unsubscribe::Unsubscribe;

/// Frozen with the run, as part of its sender.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manner {
    /// To how many, and whether they asked for it.
    pub class: Class,
    /// The value of List-Id (RFC 2919) between its angle brackets.
    pub list_id: Option<String>,
    /// The value of Feedback-ID.
    pub feedback_id: Option<String>,
    /// Where somebody says that they want no more of it.
    pub unsubscribe: Option<Unsubscribe>,
    /// What `{{postal_address}}` shows.
    pub postal_address: Option<String>,
}

impl Manner {
    /// Whether nothing is said of it.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What laws and mailbox providers ask of a mail depends on this.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// About something that concerns the reader: a report, an alert, an invoice.
    #[default]
    Notice,
    /// The same to many who may not want it: news, an offer.
    Bulk,
}

impl Class {
    /// The words that a person writes.
    pub const WORDS: &'static [&'static str] = &["notice", "bulk"];

    /// The word that a person writes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Bulk => "bulk",
        }
    }
}
