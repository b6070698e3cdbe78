//! Who a message is from.

use std::fmt::Write as _;

use lettre::Address;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::manner::Manner;

/// The sender of a run's messages: frozen with the run, so it can be written and read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Shown as the author, and used as the envelope's sender.
    #[serde(with = "mailbox")]
    pub from: Mailbox,
    /// Where answers go, if not to `from`.
    #[serde(with = "optional_mailbox", default)]
    pub reply_to: Option<Mailbox>,
    /// What kind of mail it is.
    #[serde(default, skip_serializing_if = "Manner::is_default")]
    pub manner: Manner,
}

mod mailbox {
    use super::{Mailbox, from_text, to_text};
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(mailbox: &Mailbox, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_text(mailbox))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Mailbox, D::Error> {
        let text = String::deserialize(from)?;
        from_text(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no mailbox")))
    }
}

mod optional_mailbox {
    use super::{Mailbox, from_text, to_text};
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        mailbox: &Option<Mailbox>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        mailbox.as_ref().map(to_text).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Mailbox>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else {
            return Ok(None);
        };
        let mailbox = from_text(&text);
        mailbox
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no mailbox")))
    }
}

/// `"Name" <address>` as RFC 5322 (3.4) and RFC 6532 have it. lettre's own form loses spaces at
/// the ends of a name.
fn to_text(mailbox: &Mailbox) -> String {
    let Some(name) = &mailbox.name else {
        return mailbox.email.to_string();
    };
    let mut text = String::from('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    let _ = write!(text, "\" <{}>", mailbox.email);
    text
}

fn from_text(text: &str) -> Option<Mailbox> {
    let Some(quoted) = text.strip_prefix('"').filter(|_| text.ends_with('>')) else {
        return Some(Mailbox::new(None, address(text)?));
    };
    let mut name = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => name.push(chars.next()?),
            c => name.push(c),
        }
    }
    let email = chars.as_str().strip_prefix(" <")?.strip_suffix('>')?;
    Some(Mailbox::new(Some(name), address(email)?))
}

/// An address that was one before it was written down. lettre takes no combining marks, which words
/// of many scripts cannot do without (RFC 6532, section 3.2), so what is not ASCII is not shown to
/// it.
fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    let ascii: String = (local.chars())
        .map(|one| if one.is_ascii() { one } else { 'x' })
        .collect();
    Address::new(ascii, domain).ok()?;
    Some(Address::new_dangerous(local, domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sender_survives_json(
            name in ".*",
            reply in proptest::option::of(".*"),
            local in "ops|收发室|हिन्दी",
        ) {
            let address = Address::new_dangerous(local, "example.org");
            let sender = Sender {
                from: Mailbox::new(Some(name), address.clone()),
                reply_to: reply.map(|name| Mailbox::new(Some(name), address)),
                manner: Manner::default(),
            };
            let json = serde_json::to_string(&sender).expect("it serialises");
            prop_assert_eq!(serde_json::from_str::<Sender>(&json).expect("it parses"), sender);
        }
    }

    #[test]
    fn a_sender_without_a_name_is_its_address() {
        let json = r#"{"from":"ops@example.org","reply_to":null}"#;
        let sender: Sender = serde_json::from_str(json).expect("it parses");
        assert_eq!(serde_json::to_string(&sender).expect("it serialises"), json);
        assert!(serde_json::from_str::<Sender>(r#"{"from":"\"x <a@b>"}"#).is_err());
    }
}
