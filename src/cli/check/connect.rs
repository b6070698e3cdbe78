//! `postroom check --connect`: every account tried, all of them at once; never a MAIL FROM.

use super::super::account::{self, Found, Health};
use super::super::out::plain;
use crate::clock::Clock;
use crate::config::{About, Config, Remark, Severity};
use crate::secret::Secret;

/// What became of an account.
pub(super) enum Try<'a> {
    /// It was tried.
    Made(Box<Found<'a>>),
    /// Only the service has what it logs in with.
    Left(&'a str, String),
}

/// Tries every account that can be tried from here.
pub(super) fn all<'a>(config: &'a Config, clock: &Clock) -> Vec<Try<'a>> {
    let (mut here, mut left) = (Vec::new(), Vec::new());
    for account in config.accounts.values() {
        let login = account.login.as_ref().map(|it| it.proof.secret());
        match login {
            Some(Secret::Credential(name)) if !service() => left.push((account, name)),
            _ => here.push(account),
        }
    }
    let tried = account::try_all(&here, &config.daemon.timezone, clock);
    let tried = tried.into_iter().map(|it| Try::Made(Box::new(it)));
    let left = left.into_iter().map(|(account, name)| {
        let text = format!("only the service has the credential `{name}` that it logs in with");
        Try::Left(&account.name, text)
    });
    let mut all: Vec<Try<'_>> = tried.chain(left).collect();
    all.sort_by(|a, b| a.name().cmp(b.name()));
    all
}

/// Whether systemd's credentials can be seen from here.
fn service() -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_some()
}

impl Try<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Made(found) => &found.account().name,
            Self::Left(name, _) => name,
        }
    }

    pub(super) fn is_good(&self) -> bool {
        match self {
            Self::Made(found) => found.is_good(),
            Self::Left(..) => true,
        }
    }

    /// One line for what needs no other.
    pub(super) fn words(&self, clock: &Clock) -> Option<String> {
        match self {
            Self::Made(found) => match found.health(clock) {
                Health::Works(how) | Health::Ending(how, _) => {
                    Some(format!("{} works: {}", self.name(), plain(&how)))
                }
                Health::Fails { .. } => None,
            },
            Self::Left(name, why) => Some(format!("{name} was not tried: {why}")),
        }
    }

    pub(super) fn remark(&self, clock: &Clock) -> Option<Remark> {
        let Self::Made(found) = self else {
            return None;
        };
        let name = self.name();
        let keys = |key: Option<&'static str>| key.into_iter().chain(["host", "provider"]);
        let (code, severity, message, label, help, keys) = match found.health(clock) {
            Health::Works(_) => return None,
            Health::Ending(_, end) => (
                "certificate-ends",
                Severity::Warning,
                format!("the certificate of account `{name}`'s server is good {end}"),
                "its owner has to renew it".to_owned(),
                None,
                keys(None),
            ),
            Health::Fails { at, why, hint } => (
                "account-fails",
                Severity::Error,
                format!("account `{name}` does not work: {}", plain(&why)),
                at.map(|stage| format!("failed at {stage}"))
                    .unwrap_or_default(),
                hint,
                keys(found.blamed()),
            ),
        };
        Some(Remark {
            about: About::Account(name.to_owned()),
            keys: keys.collect(),
            code,
            severity,
            message,
            label,
            notes: Vec::new(),
            helps: help.into_iter().collect(),
            rows: Vec::new(),
        })
    }

    pub(super) fn to_json(&self, clock: &Clock) -> serde_json::Value {
        match self {
            Self::Made(found) => found.to_json(clock),
            Self::Left(name, why) => serde_json::json!({ "account": name, "not_tried": why }),
        }
    }
}
