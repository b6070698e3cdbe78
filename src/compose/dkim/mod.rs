//! DKIM signatures (RFC 6376, RFC 8301, RFC 8463): headers that go before a finished message and
//! let its readers' servers check that it comes from the sender's domain, unchanged.
//!
//! Canonicalisation is relaxed/relaxed: servers on the way fold headers anew, change the case of
//! their names and strip white space at line ends, and that breaks any `simple` signature. The
//! same words with other spaces between them mean the same to a reader, so nothing is lost.
//!
//! All keys of a sender sign the same canonical text; the body is read once for all of them, and
//! never copied. Signatures with RSA come first, whatever the order of the keys: verifiers may
//! begin where they like (RFC 6376 section 6.1), some look at one only, the topmost, and some call
//! one with Ed25519 an error, as they have never heard of it. No `l=`, which would let anybody add
//! to a body; no `x=`, as the outbox may deliver late and relays later still.
//!
//! The same message, keys and time give the same bytes: both algorithms are deterministic. No key
//! is ever in an error or in `Debug`. What is decoded here on the way to a key is wiped; what ring
//! keeps of a key is not, for as long as the key is in use.

mod canonical;
mod header;
mod key;
mod record;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use key::{Algorithm, KeyFault, SHORTEST_RSA, SigningKey};
pub use record::Record;

use crate::clock::Timestamp;

/// Who signs: a domain, the selector that its public key stands under in DNS, and the private key.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    selector: String,
    key: SigningKey,
}

/// A signature could not be made. That is never the message's fault: the key found its own result
/// to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature that the DKIM key made is wrong, which means broken hardware")]
pub struct SignFault;

impl Signer {
    /// `domain` is in lower case and ASCII (A-labels), `selector` one or several labels.
    #[must_use]
    pub fn new(domain: String, selector: String, key: SigningKey) -> Self {
        Self {
            domain,
            selector,
            key,
        }
    }

    /// What has to stand in DNS for its signatures to be good.
    #[must_use]
    pub fn record(&self) -> Record {
        Record::new(&self.domain, &self.selector, &self.key)
    }
}

/// The headers that go before `message`, one for each signer. `message` is whole, with CRLF at its
/// line ends; `at` is when it was signed (`t=`): with the message's own date, each attempt signs
/// alike.
///
/// # Errors
/// A key found its own result to be wrong.
pub fn sign(signers: &[Signer], message: &[u8], at: Timestamp) -> Result<Vec<u8>, SignFault> {
    let (head, body) = canonical::split(message);
    let signed = canonical::head(head);
    let body_hash = STANDARD.encode(canonical::body_hash(body));
    let mut signers: Vec<&Signer> = signers.iter().collect();
    signers.sort_by_key(|it| it.key.algorithm());
    let mut out = Vec::with_capacity(signers.len() * 1024);
    for signer in signers {
        let (mut header, last) = header::without_signature(signer, &signed, &body_hash, at);
        let mut text = Vec::with_capacity(signed.text.len() + last.len());
        text.extend_from_slice(&signed.text);
        text.extend_from_slice(last.as_bytes());
        let signature = signer.key.sign(&text).map_err(|_| SignFault)?;
        header.finish(&STANDARD.encode(signature));
        out.extend_from_slice(header.as_bytes());
    }
    Ok(out)
}
