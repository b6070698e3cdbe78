//! The DKIM keys of the accounts, and the last step before a message goes out.
//!
//! A run is signed by the account that it belongs to, whose From it has, also where another one
//! carries it. An account without keys signs nothing; one whose keys cannot be had sends nothing:
//! no message that was to be signed ever leaves without.
//!
//! A key is read at the first message that needs it, and kept until the configuration is read
//! again. Signing takes the time of hundreds of messages' composing, so it happens off the threads
//! that sessions live on.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use tokio::sync::Mutex;

use crate::clock::Timestamp;
use crate::compose::dkim::{KeyFault, SignFault, Signer, SigningKey, sign};
use crate::config::{Account, Dkim};
use crate::secret::SecretError;

/// Why mail that is to be signed cannot be. The text never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum Unsigned {
    /// A key cannot be read.
    #[error("the DKIM key `{selector}` cannot be had: {error}")]
    Secret {
        /// Which one.
        selector: String,
        /// Why.
        error: SecretError,
    },
    /// What is there is no key to sign with.
    #[error("the DKIM key `{selector}` cannot sign: {origin} {fault}")]
    Key {
        /// Which one.
        selector: String,
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A key signs wrong.
    #[error(transparent)]
    Sign(#[from] SignFault),
    /// Signing came to no end.
    #[error("signing failed by a bug of postroom")]
    Bug,
}

/// Reads keys.
///
/// # Errors
/// One of them cannot be read, or cannot sign.
pub async fn signers(keys: &[Dkim]) -> Result<Vec<Signer>, Unsigned> {
    let mut signers = Vec::with_capacity(keys.len());
    for it in keys {
        let selector = || it.selector.clone();
        let text = it.key.reveal_text().await;
        let text = text.map_err(|error| Unsigned::Secret {
            selector: selector(),
            error,
        })?;
        let key = SigningKey::parse(&text).map_err(|fault| Unsigned::Key {
            selector: selector(),
            origin: it.key.origin(),
            fault,
        })?;
        signers.push(Signer::new(it.domain.clone(), selector(), key));
    }
    Ok(signers)
}

/// A message with its signatures, and how many bytes of it these are.
///
/// # Errors
/// A key signs wrong.
pub fn signed(
    signers: &[Signer],
    message: &[u8],
    at: Timestamp,
) -> Result<(Vec<u8>, usize), SignFault> {
    let mut bytes = sign(signers, message, at)?;
    let signatures = bytes.len();
    bytes.reserve_exact(message.len());
    bytes.extend_from_slice(message);
    Ok((bytes, signatures))
}

/// The keys of all accounts of a configuration.
#[derive(Default)]
pub(super) struct KeyRing(RwLock<BTreeMap<String, Arc<Keys>>>);

/// The keys of one account.
pub(super) struct Keys {
    wanted: Vec<Dkim>,
    // Held while they are read: who comes meanwhile waits, and takes the same ones.
    read: Mutex<Option<Arc<Vec<Signer>>>>,
}

impl KeyRing {
    /// The configuration was read: keys are read again at the next message.
    pub(super) fn renew(&self, accounts: &[Account]) {
        let keys = accounts.iter().map(|account| {
            let keys = Keys {
                wanted: account.dkim.clone(),
                read: Mutex::default(),
            };
            (account.name.clone(), Arc::new(keys))
        });
        *self.0.write().expect("no holder of this lock panics") = keys.collect();
    }

    /// The keys that a run of `home` is signed with: those of `carrier` where `home` is in the
    /// configuration no more. None if its mail is not signed.
    pub(super) fn of(&self, home: &str, carrier: &str) -> Option<Arc<Keys>> {
        let ring = self.0.read().expect("no holder of this lock panics");
        let keys = ring.get(home).or_else(|| ring.get(carrier))?;
        (!keys.wanted.is_empty()).then(|| Arc::clone(keys))
    }
}

impl Keys {
    /// Signs a message: its bytes with the signatures before them, and how many bytes these are.
    ///
    /// # Errors
    /// A key cannot be had, or signs wrong; the keys are read again then.
    pub(super) async fn sign(
        &self,
        message: Vec<u8>,
        at: Timestamp,
    ) -> Result<(Vec<u8>, usize), Unsigned> {
        let signers = self.signers().await?;
        let work = tokio::task::spawn_blocking(move || signed(&signers, &message, at));
        let done = work.await.map_err(|_| Unsigned::Bug);
        let signed = done.and_then(|signed| signed.map_err(Unsigned::from));
        if signed.is_err() {
            *self.read.lock().await = None;
        }
        signed
    }

    async fn signers(&self) -> Result<Arc<Vec<Signer>>, Unsigned> {
        let mut read = self.read.lock().await;
        if let Some(signers) = &*read {
            return Ok(Arc::clone(signers));
        }
        let signers = Arc::new(signers(&self.wanted).await?);
        *read = Some(Arc::clone(&signers));
        Ok(signers)
    }
}
