//! Other settings, with all that might fail about them behind.

use super::{Settings, target};
use crate::smtp::{Target, TlsSetupError};

/// Settings that deliver can go on by. The way to the server of each account is known, so that
/// nothing is read any more while they take hold.
pub struct Ready {
    settings: Settings,
    /// One for each account, in their order.
    targets: Vec<Target>,
}

/// An account that cannot be used as it is described.
#[derive(Debug, thiserror::Error)]
#[error("account {account} cannot be used: {error}")]
pub struct Unusable {
    account: String,
    error: TlsSetupError,
}

impl Ready {
    /// Finds the way to each server: reads files of certificates, which may take long.
    ///
    /// # Errors
    /// The first account that cannot be used.
    pub fn of(settings: Settings) -> Result<Self, Unusable> {
        let accounts = settings.accounts.iter();
        let targets = accounts.map(|account| {
            target(account, settings.deadlines).map_err(|error| Unusable {
                account: account.name.clone(),
                error,
            })
        });
        let targets = targets.collect::<Result<_, _>>()?;
        Ok(Self { settings, targets })
    }

    pub(super) fn into_parts(self) -> (Settings, Vec<Target>) {
        (self.settings, self.targets)
    }
}
