//! Private keys, as people have them: PEM in PKCS#8 or PKCS#1 for RSA, PEM in PKCS#8 or the bare
//! seed in base64 for Ed25519.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::error::{KeyRejected, Unspecified};
use ring::rand::SystemRandom;
use ring::rsa::PublicKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use zeroize::Zeroizing;

/// RFC 8301 section 3.2: signers should use no shorter one; ring makes no signatures with one.
pub const SHORTEST_RSA: usize = 2048;
const LONGEST_RSA: usize = 4096;
/// The contents of the object identifiers rsaEncryption (RFC 8017) and id-Ed25519 (RFC 8410).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// An Ed25519 private key in PKCS#8 (RFC 8410 section 7) up to its 32 bytes.
const SEED_HEAD: [u8; 16] = [
    0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
];

/// How a key signs, in the order in which signatures stand before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// rsa-sha256 (RFC 6376 section 3.3.2).
    Rsa,
    /// ed25519-sha256 (RFC 8463).
    Ed25519,
}

impl Algorithm {
    /// Its name in `a=`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// Its name in `k=`.
    pub(super) fn key_type(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A private key.
pub struct SigningKey(Pair);

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a text is no key that can sign. It follows the name of the text's origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// A passphrase is needed to read it.
    #[error("is locked with a passphrase; `openssl pkey -in KEY -out NEW` writes it without one")]
    Encrypted,
    /// The half that goes into DNS.
    #[error("is a public key; the private key signs")]
    Public,
    /// A certificate.
    #[error("is a certificate; the private key signs")]
    Certificate,
    /// A beginning without an end.
    #[error("is cut short: the line `-----END …-----` is missing")]
    CutShort,
    /// A key that DKIM does not know.
    #[error("is no key for DKIM, which takes RSA and Ed25519 (`openssl genpkey -algorithm …`)")]
    OtherKind,
    /// Receivers would not trust it.
    #[error("is an RSA key of {0} bits; receivers trust {SHORTEST_RSA} and more (RFC 8301)")]
    TooShort(usize),
    /// More than can be signed with.
    #[error("is an RSA key of {0} bits; more than {LONGEST_RSA} cannot be used")]
    TooLong(usize),
    /// None of the forms that are known.
    #[error(
        "is no private key: neither PEM (`-----BEGIN PRIVATE KEY-----`) nor an Ed25519 seed of 32 \
         bytes in base64"
    )]
    NoKey,
    /// The form is right, the numbers are not.
    #[error("is a damaged private key ({0})")]
    Damaged(String),
}

impl SigningKey {
    /// Reads a key from its text.
    ///
    /// # Errors
    /// It is none, or none that is good for DKIM.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let Some((label, inner)) = pem(text)? else {
            return Self::from_seed(text);
        };
        if label.starts_with("ENCRYPTED") || inner.contains("ENCRYPTED") {
            return Err(KeyFault::Encrypted);
        }
        match label {
            "PRIVATE KEY" => Self::from_pkcs8(&decoded(inner)?),
            "RSA PRIVATE KEY" => Self::from_rsa(&decoded(inner)?),
            label if label.ends_with("PUBLIC KEY") => Err(KeyFault::Public),
            label if label.ends_with("CERTIFICATE") => Err(KeyFault::Certificate),
            label if label.ends_with("PRIVATE KEY") => Err(KeyFault::OtherKind),
            _ => Err(KeyFault::NoKey),
        }
    }

    /// A new Ed25519 key, as PEM that openssl reads too.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new_ed25519() -> Result<Zeroizing<String>, Unspecified> {
        use ring::rand::SecureRandom as _;
        let mut der = Zeroizing::new([0; 48]);
        der[..16].copy_from_slice(&SEED_HEAD);
        SystemRandom::new().fill(&mut der[16..])?;
        let inner = Zeroizing::new(STANDARD.encode(&der[..]));
        let pem = [
            "-----BEGIN PRIVATE KEY-----\n",
            &inner,
            "\n-----END PRIVATE KEY-----\n",
        ];
        Ok(Zeroizing::new(pem.concat()))
    }

    /// How it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Pair::Rsa(_) => Algorithm::Rsa,
            Pair::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public key as it stands in DNS, before base64: for RSA with its kind round it (what
    /// verifiers expect; RFC 6376 section 3.6.1 with its erratum 3017), for Ed25519 its 32 bytes
    /// (RFC 8463 section 4.2).
    pub(super) fn public(&self) -> Vec<u8> {
        match &self.0 {
            Pair::Rsa(pair) => with_its_kind(pair.public()),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signature of a text. Ed25519 signs its SHA-256 (RFC 8463 section 3).
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Unspecified> {
        match &self.0 {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    text,
                    &mut signature,
                )?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(digest(&SHA256, text).as_ref()).as_ref().to_vec()),
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let damaged = || KeyFault::Damaged("its parts do not fit together".to_owned());
        let (_, fields, _) = element(der).ok_or_else(damaged)?;
        let (_, _, fields) = element(fields).ok_or_else(damaged)?; // the version
        let (_, kind, fields) = element(fields).ok_or_else(damaged)?;
        let (_, kind, _) = element(kind).ok_or_else(damaged)?;
        let (_, key, _) = element(fields).ok_or_else(damaged)?;
        match kind {
            RSA => Self::from_rsa(key),
            ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?;
                Ok(Self(Pair::Ed25519(Box::new(pair))))
            }
            _ => Err(KeyFault::OtherKind),
        }
    }

    fn from_rsa(der: &[u8]) -> Result<Self, KeyFault> {
        match modulus_bits(der) {
            Some(bits) if bits < SHORTEST_RSA => Err(KeyFault::TooShort(bits)),
            Some(bits) if bits > LONGEST_RSA => Err(KeyFault::TooLong(bits)),
            _ => {
                let pair = RsaKeyPair::from_der(der).map_err(rejected)?;
                Ok(Self(Pair::Rsa(Box::new(pair))))
            }
        }
    }

    fn from_seed(text: &str) -> Result<Self, KeyFault> {
        let bytes = decoded(text).map_err(|_| KeyFault::NoKey)?;
        // Some tools write the public key behind the seed.
        let seed = match bytes.len() {
            32 | 64 => &bytes[..32],
            _ => return Err(KeyFault::NoKey),
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(rejected)?;
        if bytes.len() == 64 && pair.public_key().as_ref() != &bytes[32..] {
            return Err(KeyFault::NoKey);
        }
        Ok(Self(Pair::Ed25519(Box::new(pair))))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹private key for {}›", self.algorithm().tag())
    }
}

fn rejected(why: KeyRejected) -> KeyFault {
    KeyFault::Damaged(why.to_string())
}

/// The label of the first PEM block that is not about something else, and what stands in it.
/// Nothing if there is no PEM.
fn pem(text: &str) -> Result<Option<(&str, &str)>, KeyFault> {
    const BEGIN: &str = "-----BEGIN ";
    let mut rest = text;
    let mut first = None;
    while let Some(at) = rest.find(BEGIN) {
        let block = &rest[at + BEGIN.len()..];
        let (label, inner) = block.split_once("-----").ok_or(KeyFault::CutShort)?;
        let end = format!("-----END {label}-----");
        let (inner, behind) = inner.split_once(&end).ok_or(KeyFault::CutShort)?;
        if label.ends_with("PRIVATE KEY") {
            return Ok(Some((label, inner)));
        }
        first.get_or_insert((label, inner)); // parameters or certificates may stand before a key
        rest = behind;
    }
    Ok(first)
}

fn decoded(base64: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let mut packed = Zeroizing::new(Vec::with_capacity(base64.len()));
    packed.extend(base64.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; packed.len() / 4 * 3 + 3]);
    let damaged = |_| KeyFault::Damaged("its base64 is broken".to_owned());
    let length = STANDARD
        .decode_slice(&*packed, &mut bytes)
        .map_err(damaged)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// The tag, the contents and what follows of the first element of some DER (X.690 section 8.1).
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let shift = |length: usize, byte: &u8| length.checked_mul(256)?.checked_add((*byte).into());
        (bytes.iter().try_fold(0, shift)?, rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

/// The size of an RSA private key (RFC 8017 appendix A.1.2).
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let (_, fields, _) = element(der)?;
    let (_, _, fields) = element(fields)?; // the version
    let (_, modulus, _) = element(fields)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    Some((modulus.len() - zeros) * 8 - first.leading_zeros() as usize)
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
fn with_its_kind(key: &PublicKey) -> Vec<u8> {
    let algorithm = tagged(0x30, &[tagged(0x06, RSA), tagged(0x05, &[])].concat());
    let bits = tagged(0x03, &[&[0], key.as_ref()].concat());
    tagged(0x30, &[algorithm, bits].concat())
}

fn tagged(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let bytes = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut der = vec![tag];
    if contents.len() < 0x80 {
        der.push(u8::try_from(contents.len()).unwrap_or_default());
    } else {
        der.push(0x80 | u8::try_from(bytes.len()).unwrap_or_default());
        der.extend_from_slice(bytes);
    }
    der.extend_from_slice(contents);
    der
}
