//! The keys of unsubscribe tokens: read when a message first needs one, and kept until the
//! configuration is read again.
//!
//! A key is a secret like a password, but used once for each message and not once for each
//! session: reading it from a file ten thousand times a second helps nobody. A failure is not kept.

use std::sync::OnceLock;
use std::time::Duration;

use super::account::Manners;
use super::lane::Lane;
use super::letter::Letterhead;
use crate::compose::TokenKey;
use crate::config::Unsubscribing;
use crate::outbox::{Claimed, Hold, Scope, TOKEN_KEY};
use crate::secret::Secret;

/// A run whose messages cannot have their links waits so long before the key is read again.
const WITHOUT_KEY: Duration = Duration::from_secs(60);
const NO_KEY: &str = "there is no key in [unsubscribe] of the configuration any more, \
                                 and the messages of this run hold links that need one";

/// The key that signs tokens now.
pub(super) struct Leaving {
    secret: Secret,
    key: OnceLock<TokenKey>,
}

impl Leaving {
    pub(super) fn new(secret: Secret) -> Self {
        Self {
            secret,
            key: OnceLock::new(),
        }
    }

    /// The key, read unless that was done.
    ///
    /// # Errors
    /// In a person's words, why it cannot be had.
    async fn key(&self) -> Result<&TokenKey, String> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let key = read(&self.secret).await?;
        Ok(self.key.get_or_init(|| key))
    }
}

/// The keys whose tokens are good, the one that signs first; and why others cannot be had.
pub async fn token_keys(unsubscribing: &Unsubscribing) -> (Vec<TokenKey>, Vec<String>) {
    let (mut keys, mut faults) = (Vec::new(), Vec::new());
    let former = unsubscribing.former_keys.iter();
    for secret in std::iter::once(&unsubscribing.key).chain(former) {
        match read(secret).await {
            Ok(key) => keys.push(key),
            Err(fault) => faults.push(fault),
        }
    }
    (keys, faults)
}

async fn read(secret: &Secret) -> Result<TokenKey, String> {
    let value = secret
        .reveal()
        .await
        .map_err(|error| format!("a key of [unsubscribe] cannot be had: {error}"))?;
    TokenKey::new(value.as_bytes()).ok_or_else(|| {
        format!(
            "a key of [unsubscribe] is too short ({}): {} bytes at least",
            secret.origin(),
            TokenKey::LEAST
        )
    })
}

/// The key that the messages of a run need, if they do.
///
/// # Errors
/// In a person's words, why it cannot be had.
pub(super) async fn token_key<'m>(
    manners: &'m Manners,
    head: &Letterhead,
) -> Result<Option<&'m TokenKey>, String> {
    match &manners.leaving {
        _ if !head.has_links() => Ok(None),
        Some(leaving) => leaving.key().await.map(Some),
        None => Err(NO_KEY.to_owned()),
    }
}

impl Lane {
    /// Bulk mail does not leave without its link, and what else goes through this account is not
    /// concerned: its run alone is on hold for a while, and then tries again.
    pub(super) fn wait_for_token_key(&mut self, row: &Claimed, why: &str) {
        let work = &self.place.work;
        let (run, schedule) = (&row.run_id, &row.schedule);
        let seconds = WITHOUT_KEY.as_secs();
        tracing::warn!(
            event = "run-held",
            schedule,
            run,
            "{schedule} is on hold for {seconds} s, nothing is lost: {why}"
        );
        let ends_at = work.tools.clock.now() + WITHOUT_KEY;
        let hold = Hold {
            scope: Scope::Run(run.clone()),
            reason: why.to_owned(),
            author: TOKEN_KEY.to_owned(),
            ends_at: Some(ends_at.as_millisecond()),
        };
        drop(work.tools.outbox.submit(hold));
        work.give_back_run(row.id.run);
        self.give_back(row);
    }
}
