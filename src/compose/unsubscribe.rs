//! How a reader leaves: what the header and the texts of a message offer them.

use serde::{Deserialize, Serialize};

use super::token::TokenKey;

/// What an address for unsubscribing holds in the place of the reader's token.
pub const TOKEN: &str = "{{token}}";
/// What a test mail has for a token: whoever tries its link unsubscribes nobody.
const OF_TEST: &str = "test";

/// How mail is unsubscribed from (RFC 2369, RFC 8058).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribe {
    /// An https URL with `{{token}}` in it.
    pub url: Option<String>,
    /// An address that takes the token as a subject.
    pub mailto: Option<String>,
    /// What the reader is then spared: mail of this schedule; all mail if it is empty.
    pub scope: String,
    /// It is a test, which goes to somebody else than the person it was made for: it has no token.
    #[serde(default, skip_serializing_if = "is_false")]
    pub of_test: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Unsubscribe {
    /// Whether its token needs a key.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !self.of_test
    }

    /// The link of one reader; none if it needs a key, and there is none.
    #[must_use]
    pub fn link(&self, key: Option<&TokenKey>, address: &str) -> Option<Link> {
        match self.of_test {
            true => Some(self.with(OF_TEST.to_owned())),
            false => Some(self.with(key?.sign(address, &self.scope))),
        }
    }

    /// A link of the usual length that is nobody's: to see whether a message can be made.
    #[must_use]
    pub fn specimen(&self) -> Link {
        self.with(OF_TEST.to_owned())
    }

    fn with(&self, token: String) -> Link {
        Link {
            url: self.url.as_ref().map(|url| url.replace(TOKEN, &token)),
            mailto: self.mailto.clone(),
            token,
        }
    }
}

/// How one reader leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    url: Option<String>,
    mailto: Option<String>,
    token: String,
}

impl Link {
    /// What `{{unsubscribe_url}}` shows: the URL, or else one that begins a mail.
    #[must_use]
    pub fn shown(&self) -> String {
        match (&self.url, &self.mailto) {
            (Some(url), _) => url.clone(),
            (None, Some(to)) => format!("mailto:{to}?subject={}", self.token),
            (None, None) => String::new(),
        }
    }

    /// The URL that one click posts to (RFC 8058).
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The address and the subject of a mail that does the same.
    #[must_use]
    pub fn mail(&self) -> Option<(&str, &str)> {
        self.mailto.as_deref().map(|to| (to, self.token.as_str()))
    }
}
