//! Signs in the place of names: the same for the same text, and nobody elsewhere can try texts
//! until they find the one that gives a sign.

use ring::hmac::{HMAC_SHA256, Key, sign};

use crate::config::{EMAIL, is_this_machine, machine};

/// How texts become signs.
pub(super) struct Redaction(Key);

impl Redaction {
    /// The signs of this machine: whoever does not know its id cannot make them.
    pub(super) fn of_this_machine() -> Self {
        let key = format!("postroom config show {}", machine::id());
        Self(Key::new(HMAC_SHA256, key.as_bytes()))
    }

    /// A text as it is shown to others; an address keeps its shape, and a word that we chose stays.
    pub(super) fn text(&self, text: &str) -> String {
        if text.is_empty() || text == EMAIL || is_this_machine(text) {
            return text.to_owned();
        }
        let address = text.rsplit_once('<').and_then(|(name, rest)| {
            let (address, _) = rest.split_once('>')?;
            Some((name.trim(), address))
        });
        match address {
            Some(("", address)) => self.address(address),
            Some((name, address)) => format!("{} <{}>", self.sign(name), self.address(address)),
            None => self.address(text),
        }
    }

    fn address(&self, text: &str) -> String {
        match text.rsplit_once('@') {
            Some((local, domain)) => format!("{}@{}", self.sign(local), self.sign(domain)),
            None => self.sign(text),
        }
    }

    fn sign(&self, text: &str) -> String {
        let sum = sign(&self.0, text.to_lowercase().as_bytes());
        let sign = sum.as_ref()[..4].iter().map(|byte| format!("{byte:02x}"));
        format!("x{}", sign.collect::<String>())
    }
}
