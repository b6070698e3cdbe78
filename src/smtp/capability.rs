//! What a server offers in its answer to EHLO (RFC 5321 section 4.1.1.1).

use super::Reply;

/// The offers that postroom uses. They are learned anew after STARTTLS.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// Commands may be sent in groups (RFC 2920).
    pub pipelining: bool,
    /// TLS can be started (RFC 3207).
    pub starttls: bool,
    /// The size of a message may be stated; the largest one taken, in bytes (RFC 1870). 0 means
    /// that the server names no limit.
    pub size: Option<u64>,
    /// AUTH PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// AUTH LOGIN, never standardised, often the only one.
    pub auth_login: bool,
    /// All mechanisms that are offered, for error messages.
    pub mechanisms: Vec<String>,
}

impl Capabilities {
    /// Reads the lines after the first one.
    #[must_use]
    pub(super) fn from_ehlo(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines.iter().skip(1) {
            // `AUTH=LOGIN` is an old form that some servers still speak.
            let words = line.to_ascii_uppercase().replacen("AUTH=", "AUTH ", 1);
            let mut words = words.split_ascii_whitespace();
            match words.next() {
                Some("PIPELINING") => offers.pipelining = true,
                Some("STARTTLS") => offers.starttls = true,
                Some("SIZE") => {
                    offers.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
                }
                Some("AUTH") => offers.mechanisms.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        offers.auth_plain = offers.mechanisms.iter().any(|name| name == "PLAIN");
        offers.auth_login = offers.mechanisms.iter().any(|name| name == "LOGIN");
        offers
    }

    /// The largest message that the server takes, in bytes.
    #[must_use]
    pub fn size_limit(&self) -> Option<u64> {
        self.size.filter(|limit| *limit > 0)
    }
}
