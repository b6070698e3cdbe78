//! What deliver needs to know of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Hours;
use super::account::Manners;
use super::leaving::Leaving;
use crate::config::{Account, Addresses, Config, Rate};
use crate::secret::Secret;
use crate::smtp::Deadlines;

/// What deliver needs to know of the configuration.
pub struct Settings {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Rates of everything together.
    pub process_rate: Vec<Rate>,
    /// Rates of schedules that have their own.
    pub schedule_rates: BTreeMap<String, Vec<Rate>>,
    /// Hours of schedules that may not send at any hour.
    pub schedule_hours: BTreeMap<String, Hours>,
    /// Whether several accounts may carry mail of one schedule with rates of its own. Its runs keep
    /// the accounts that they were opened with, so it need not have them now.
    pub several_accounts: bool,
    /// How addresses appear in the log.
    pub addresses: Addresses,
    /// What signs the tokens of those who want no more.
    pub token_key: Option<Secret>,
    /// How long each stage of a session may take.
    pub deadlines: Deadlines,
}

impl Settings {
    /// What a configuration says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let schedules = || config.schedules.values();
        let paced = || schedules().filter(|schedule| !schedule.rate.is_empty());
        let hours = schedules().filter_map(|schedule| {
            let open = schedule.between.clone()?;
            let zone = schedule.zone.clone();
            Some((schedule.name.clone(), Hours { open, zone }))
        });
        Self {
            accounts: config.accounts.values().cloned().collect(),
            process_rate: config.daemon.rate.clone(),
            schedule_rates: paced()
                .map(|it| (it.name.clone(), it.rate.clone()))
                .collect(),
            schedule_hours: hours.collect(),
            several_accounts: paced().next().is_some() && config.accounts.len() > 1,
            addresses: config.daemon.addresses,
            token_key: config.unsubscribe.as_ref().map(|it| it.key.clone()),
            deadlines: Deadlines::default(),
        }
    }

    /// How far back the memory of all rates reaches.
    pub(super) fn memory(&self) -> Duration {
        let of_accounts = self.accounts.iter().flat_map(|account| {
            let of_domains = account.domains.values().flat_map(|it| &it.rate);
            account.rate.iter().chain(of_domains)
        });
        let of_schedules = self.schedule_rates.values().flatten();
        let all = of_accounts.chain(of_schedules).chain(&self.process_rate);
        all.map(|rate| rate.window).max().unwrap_or_default()
    }

    pub(super) fn manners(&self) -> Manners {
        Manners {
            hours: self.schedule_hours.clone(),
            addresses: self.addresses,
            leaving: self.token_key.clone().map(Leaving::new),
            shares: !self.process_rate.is_empty() || self.several_accounts,
        }
    }
}
