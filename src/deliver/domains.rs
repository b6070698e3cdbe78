//! How many messages to one domain may be in hand at once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::Account;
use crate::outbox::Claimed;

/// The domains that an account limits.
pub(super) struct Domains(HashMap<String, Domain>);

struct Domain {
    /// At once, if that is limited.
    most: Option<usize>,
    in_hand: Arc<AtomicUsize>,
}

/// A message in hand, until this is dropped.
#[derive(Debug)]
pub(super) struct InHand(Arc<AtomicUsize>);

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Domains {
    pub(super) fn new(account: &Account) -> Self {
        let limits = account.domains.iter();
        let domains = limits.map(|(name, limits)| {
            let domain = Domain {
                most: limits.connections,
                in_hand: Arc::default(),
            };
            (name.clone(), domain)
        });
        Self(domains.collect())
    }

    /// Whether the account limits this domain in any way.
    pub(super) fn is_limited(&self, domain: &str) -> bool {
        self.0.contains_key(domain)
    }

    /// How many more rows for each domain are worth claiming beside those that are `ready`, where
    /// only so many are sent at once: others need the places more.
    pub(super) fn worth_claiming(&self, ready: &VecDeque<Claimed>) -> Vec<(&str, usize)> {
        let limited = self.0.iter().filter_map(|(name, domain)| {
            let most = 2 * domain.most?;
            let in_hand = domain.in_hand.load(Ordering::Acquire);
            let ready = ready.iter().filter(|row| row.domain() == name).count();
            Some((name.as_str(), most.saturating_sub(in_hand + ready)))
        });
        limited.collect()
    }

    /// Whether one more may be taken in hand.
    pub(super) fn is_open(&self, domain: &str) -> bool {
        self.0.get(domain).is_none_or(|domain| {
            let in_hand = domain.in_hand.load(Ordering::Acquire);
            domain.most.is_none_or(|most| in_hand < most)
        })
    }

    /// Takes one in hand. Nobody else does at the same time: the caller holds the account's state.
    pub(super) fn take(&self, domain: &str) -> Option<InHand> {
        let in_hand = &self.0.get(domain)?.in_hand;
        in_hand.fetch_add(1, Ordering::AcqRel);
        Some(InHand(Arc::clone(in_hand)))
    }
}
