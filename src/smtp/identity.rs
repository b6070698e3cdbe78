//! Who an account is, for all of its sessions.

use std::time::Duration;

use zeroize::Zeroizing;

use super::{Credentials, Session, SmtpError, Stage, Target, Trouble, connect};
use crate::config::{Login, Proof};
use crate::secret::{Kept, SecretError};

/// A user and the secret that proves it, shared by the sessions of one account.
pub struct Identity {
    user: String,
    word: &'static str,
    with: fn(String, Zeroizing<String>) -> Credentials,
    secret: Kept,
}

impl Identity {
    /// The identity that an account's configuration states.
    #[must_use]
    pub fn new(login: &Login) -> Self {
        Self {
            user: login.user.clone(),
            word: login.proof.name(),
            with: match login.proof {
                Proof::Password(_) => Credentials::password,
                Proof::Token(_) => Credentials::token,
            },
            secret: Kept::new(login.proof.secret().clone()),
        }
    }

    /// The configuration was read again, and its secrets with it: what is kept of this one is
    /// forgotten. Answers whether another login is worth while after one that was refused, if that
    /// is `wanted`. `now` is a reading of a monotonic clock.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn renew(&self, wanted: bool, now: Duration) -> Result<bool, SecretError> {
        self.secret.renew(wanted, now).await
    }

    fn credentials(&self, value: Zeroizing<String>) -> Credentials {
        (self.with)(self.user.clone(), value)
    }
}

/// Opens a session, logged in as `identity` if there is one. A refused login is tried a second time
/// if the secret has another value by now: a token that was renewed, a password that was changed.
/// `now` is a reading of a monotonic clock.
///
/// # Errors
/// As [`connect`]; the secret cannot be read. Of two refused logins the second is told.
pub async fn connect_as(
    target: &Target,
    identity: Option<&Identity>,
    now: Duration,
) -> Result<Session, SmtpError> {
    let Some(identity) = identity else {
        return connect(target, None).await;
    };
    let secret = &identity.secret;
    let mut value = secret.reveal(now).await.map_err(|error| {
        let text = format!("the {} cannot be had: {error}", identity.word);
        SmtpError::new(Stage::Auth, Trouble::Missing(text))
    })?;
    let mut opened = connect(target, Some(&identity.credentials(value.clone()))).await;
    if let Err(error) = &opened
        && error.is_refused_login()
        && let Ok(Some(other)) = secret.refused(&value, now).await
    {
        value = other;
        opened = connect(target, Some(&identity.credentials(value.clone()))).await;
    }
    match &opened {
        Ok(_) => secret.accepted(&value).await,
        Err(error) if error.is_refused_login() => secret.forget(&value).await,
        Err(_) => {}
    }
    opened
}
