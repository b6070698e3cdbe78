//! Tokens that say "whoever holds this wants no more of that mail", and cannot be made up.
//!
//! A token is base64url (RFC 4648 section 5, without `=`) of these bytes, one after the other:
//!
//! ```text
//!  1 byte   the version, 1
//!  3 bytes  the key's id: the first of HMAC-SHA256(key, "postroom key id")
//!  n bytes  the scope in UTF-8: the name of a schedule, or nothing for all mail
//!  1 byte   0
//!  n bytes  the address in UTF-8, normalised: the domain as an A-label in lower case
//! 16 bytes  the first of HMAC-SHA256(key, all bytes before)
//! ```
//!
//! So any program with the key can check one: `postroom explain unsubscribe` has the ten lines of
//! Python. The same key, scope and address give the same token at any time: a message that is sent
//! again is the same message. A token says nothing of when it was made and does not expire, for an
//! unsubscription that is refused helps nobody (and CAN-SPAM wants thirty days at least).
//!
//! Invariant: what is wrong with a token is told to nobody; there is one answer for all bad ones.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

const VERSION: u8 = 1;
/// So many bytes of an HMAC stand in a token: 128 bits.
const SEAL: usize = 16;
const ID: usize = 3;
/// No token is longer, in characters: an address has 254 at most, and a scope is a name.
const LONGEST: usize = 1024;

/// A key that tokens are signed with.
#[derive(Clone)]
pub struct TokenKey {
    key: hmac::Key,
    id: [u8; ID],
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscription {
    /// Who wants no more of it: a normalised address.
    pub address: String,
    /// Of what: the name of a schedule, or nothing for all mail.
    pub scope: String,
}

impl TokenKey {
    /// The fewest bytes that a key may have.
    pub const LEAST: usize = 16;

    /// The key of a secret; none if that is shorter than [`TokenKey::LEAST`].
    #[must_use]
    pub fn new(secret: &[u8]) -> Option<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, b"postroom key id");
        let id = tag.as_ref()[..ID].try_into().expect("a tag has 32 bytes");
        (secret.len() >= Self::LEAST).then_some(Self { key, id })
    }

    /// The token of an address and a scope.
    #[must_use]
    pub fn sign(&self, address: &str, scope: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.id);
        bytes.extend(scope.bytes());
        bytes.push(0);
        bytes.extend(address.bytes());
        let tag = hmac::sign(&self.key, &bytes);
        bytes.extend(&tag.as_ref()[..SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Compares in constant time: keyed hashes of the two are compared, not they themselves.
    fn has_signed(&self, said: &[u8], seal: &[u8]) -> bool {
        let own = hmac::sign(&self.key, said);
        let given = hmac::sign(&self.key, seal);
        hmac::verify(&self.key, &own.as_ref()[..SEAL], given.as_ref()).is_ok()
    }
}

/// What a token says, if one of these keys has signed it.
#[must_use]
pub fn read_token(token: &str, keys: &[TokenKey]) -> Option<Unsubscription> {
    let bytes = URL_SAFE_NO_PAD.decode(Some(token).filter(|it| it.len() <= LONGEST)?);
    let bytes = bytes.ok()?;
    let (said, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
    let (head, text) = said.split_at_checked(1 + ID)?;
    let mut named = keys.iter().filter(|key| key.id == head[1..]);
    if head[0] != VERSION || !named.any(|key| key.has_signed(said, seal)) {
        return None;
    }
    let (scope, address) = std::str::from_utf8(text).ok()?.split_once('\0')?;
    Some(Unsubscription {
        address: address.to_owned(),
        scope: scope.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(secret: &str) -> TokenKey {
        TokenKey::new(secret.as_bytes()).expect("it is long enough")
    }

    const SECRET: &str = "a key of 16 byte";

    proptest! {
        #[test]
        fn what_was_signed_is_read(address in "[^\0]{1,60}@[a-z.]{1,20}", scope in "[^\0]{0,30}") {
            let token = key(SECRET).sign(&address, &scope);
            prop_assert_eq!(&token, &key(SECRET).sign(&address, &scope));
            let is_safe = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            prop_assert!(token.bytes().all(is_safe));
            let keys = [key("another key, as long"), key(SECRET)];
            prop_assert_eq!(read_token(&token, &keys), Some(Unsubscription { address, scope }));
        }

        #[test]
        fn no_text_is_a_token_by_chance(text in ".{0,200}") {
            prop_assert_eq!(read_token(&text, &[key(SECRET)]), None);
        }
    }

    #[test]
    fn a_usual_token_is_short_enough_for_a_header_that_is_not_folded() {
        let token = key(SECRET).sign("firstname.lastname@mail.example.org", "monthly-newsletter");
        assert!(token.len() < 120, "{} characters", token.len());
    }

    #[test]
    fn one_bit_more_or_less_and_it_is_none() {
        let token = key(SECRET).sign("ada@example.org", "news");
        let keys = [key(SECRET)];
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("it is base64");
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                read_token(&URL_SAFE_NO_PAD.encode(bytes), &keys),
                None,
                "bit {bit}"
            );
        }
        for end in 0..token.len() {
            assert_eq!(read_token(&token[..end], &keys), None, "cut at {end}");
        }
        assert_eq!(read_token(&format!("{token}A"), &keys), None);
        assert_eq!(read_token(&token, &[key("another key, as long")]), None);
        assert_eq!(read_token(&token, &[]), None);
    }

    #[test]
    fn parts_of_two_tokens_make_no_third() {
        let keys = [key(SECRET)];
        let sign = |address, scope| {
            let token = keys[0].sign(address, scope);
            URL_SAFE_NO_PAD.decode(token).expect("it is base64")
        };
        let (news, alerts) = (
            sign("ada@example.org", "news"),
            sign("ada@example.org", "alert"),
        );
        let mut forged = alerts[..alerts.len() - SEAL].to_vec();
        forged.extend(&news[news.len() - SEAL..]);
        assert_eq!(read_token(&URL_SAFE_NO_PAD.encode(forged), &keys), None);
        // A key's id says which key, and not that it has signed.
        let mut stranger = sign("ada@example.org", "news");
        stranger[1..4].copy_from_slice(&key("another key, as long").id);
        let both = [key(SECRET), key("another key, as long")];
        assert_eq!(read_token(&URL_SAFE_NO_PAD.encode(stranger), &both), None);
    }

    #[test]
    fn a_short_secret_is_no_key() {
        assert!(TokenKey::new(b"fifteen letters").is_none());
        assert!(TokenKey::new(SECRET.as_bytes()).is_some());
    }
}
