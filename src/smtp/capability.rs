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
    /// Addresses and headers in UTF-8 (RFC 6531).
    pub smtputf8: bool,
    /// Delivery status notifications can be asked for (RFC 3461).
    pub dsn: bool,
    /// So many messages may go over one connection (LIMITS MAILMAX, RFC 9422).
    pub mail_max: Option<usize>,
    /// So many recipients may share one transaction (LIMITS RCPTMAX, RFC 9422).
    pub rcpt_max: Option<usize>,
    /// The mechanisms of AUTH (RFC 4954), in capital letters.
    pub mechanisms: Vec<String>,
    /// All that it offers, as it wrote it, for people.
    pub lines: Vec<String>,
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
                Some("SMTPUTF8") => offers.smtputf8 = true,
                Some("DSN") => offers.dsn = true,
                Some("SIZE") => {
                    offers.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0));
                }
                Some("LIMITS") => words.for_each(|limit| offers.read_limit(limit)),
                Some("AUTH") => offers.add_mechanisms(words),
                _ => {}
            }
            offers.lines.push(line.clone());
        }
        offers
    }

    fn read_limit(&mut self, limit: &str) {
        let Some((name, value)) = limit.split_once('=') else {
            return;
        };
        let value = value.parse().ok().filter(|value| *value > 0);
        match name {
            "MAILMAX" => self.mail_max = value,
            "RCPTMAX" => self.rcpt_max = value,
            _ => {}
        }
    }

    fn add_mechanisms<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            if !self.mechanisms.iter().any(|known| known == name) {
                self.mechanisms.push(name.to_owned());
            }
        }
    }

    /// Whether AUTH knows a mechanism, `PLAIN` for example.
    #[must_use]
    pub fn has_mechanism(&self, name: &str) -> bool {
        self.mechanisms.iter().any(|known| known == name)
    }

    /// The largest message that the server takes, in bytes.
    #[must_use]
    pub fn size_limit(&self) -> Option<u64> {
        self.size.filter(|limit| *limit > 0)
    }
}
