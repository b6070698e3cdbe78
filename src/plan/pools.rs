//! Which of a run's messages wait for the limits of a domain.

use std::collections::BTreeSet;

use crate::config::Config;

/// The domains that one of the accounts of a run has limits for.
#[derive(Debug, Default)]
pub(super) struct Pools<'a>(BTreeSet<&'a str>);

impl<'a> Pools<'a> {
    /// Those of the accounts `via`.
    pub(super) fn of(config: &'a Config, via: &[String]) -> Self {
        let accounts = via.iter().filter_map(|name| config.accounts.get(name));
        let domains = accounts.flat_map(|account| account.domains.keys());
        Self(domains.map(String::as_str).collect())
    }

    /// The domain of a normalised address if it is one of them, else nothing.
    pub(super) fn pool(&self, key: &str) -> String {
        let domain = key.rsplit_once('@').map(|(_, domain)| domain);
        let limited = domain.filter(|domain| self.0.contains(domain));
        limited.unwrap_or_default().to_owned()
    }
}
