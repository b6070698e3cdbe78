//! A secret in use by several sessions at once: what is kept of it, and what becomes of a value
//! that a server refused.
//!
//! A value is kept only where the secret says for how long, in memory that is wiped. A refused
//! value is never handed out a second time for the same refusal, and however many sessions it was
//! refused to, the secret is read once more for it: many wrong logins lock an account.

use std::time::Duration;

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{Secret, SecretError};

/// A secret, and what its sessions have learned about it. Times are readings of a monotonic clock.
pub struct Kept {
    secret: Secret,
    // Held while the secret is read: who comes meanwhile waits, and takes the same value.
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// A value, and until when it is good.
    value: Option<(Zeroizing<String>, Duration)>,
    refusal: Option<Refusal>,
}

/// The last refusal that the secret was read again for.
struct Refusal {
    of: Fingerprint,
    /// Whether another value came of it.
    mended: bool,
}

/// Enough of a value to know it again, and not to use it.
type Fingerprint = [u8; 32];

impl Kept {
    /// Of which nothing is known yet.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            memory: Mutex::default(),
        }
    }

    /// The value to log in with: the one in memory, or else read now.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn reveal(&self, now: Duration) -> Result<Zeroizing<String>, SecretError> {
        if self.secret.keep().is_none() {
            return self.secret.reveal().await;
        }
        let mut memory = self.memory.lock().await;
        match memory.fresh(now) {
            Some(value) => Ok(value),
            None => self.read(&mut memory, now).await,
        }
    }

    /// A server refused `value`: it is forgotten, and the secret is read once more. Answers another
    /// value that may be tried at once; nothing if there is none, for the same value again would
    /// only be counted against the account.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn refused(
        &self,
        value: &str,
        now: Duration,
    ) -> Result<Option<Zeroizing<String>>, SecretError> {
        let mut memory = self.memory.lock().await;
        let of = fingerprint(value);
        memory.forget(&of);
        if let Some(known) = memory.refusal.as_ref().filter(|known| known.of == of)
            && !known.mended
        {
            return Ok(None);
        }
        // Another session may have been here with the same refusal.
        let other = match memory.fresh(now) {
            Some(other) => other,
            None => self.read(&mut memory, now).await?,
        };
        let mended = fingerprint(&other) != of;
        if !mended {
            memory.forget(&of);
        }
        memory.refusal = Some(Refusal { of, mended });
        Ok(mended.then_some(other))
    }

    /// A server refused `value`, and no other is wanted now.
    pub async fn forget(&self, value: &str) {
        self.memory.lock().await.forget(&fingerprint(value));
    }

    /// The configuration was read again: what is kept of the secret is forgotten. With `wanted` it
    /// is read at once, and the answer says whether it is another one than was refused last.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn renew(&self, wanted: bool, now: Duration) -> Result<bool, SecretError> {
        let mut memory = self.memory.lock().await;
        memory.value = None;
        if !wanted {
            return Ok(false);
        }
        let value = self.read(&mut memory, now).await?;
        let of = fingerprint(&value);
        Ok(memory.refusal.as_ref().is_none_or(|known| known.of != of))
    }

    /// A server took `value`: an earlier refusal of it was not about it.
    pub async fn accepted(&self, value: &str) {
        let mut memory = self.memory.lock().await;
        let of = fingerprint(value);
        memory.refusal.take_if(|known| known.of == of);
    }

    async fn read(
        &self,
        memory: &mut Memory,
        now: Duration,
    ) -> Result<Zeroizing<String>, SecretError> {
        let value = self.secret.reveal().await?;
        if let Some(keep) = self.secret.keep() {
            memory.value = Some((value.clone(), now + keep));
        }
        Ok(value)
    }
}

impl Memory {
    fn fresh(&self, now: Duration) -> Option<Zeroizing<String>> {
        let (value, until) = self.value.as_ref()?;
        (now < *until).then(|| value.clone())
    }

    fn forget(&mut self, of: &Fingerprint) {
        self.value.take_if(|(value, _)| fingerprint(value) == *of);
    }
}

fn fingerprint(value: &str) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    digest.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}
