//! Who is out: accounts that cannot send for a while, for those that stand in for them.
//!
//! Each account keeps its own seat; the others look at it before they claim.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

/// One seat for each account.
#[derive(Default)]
pub(super) struct Board {
    seats: Mutex<BTreeMap<String, Seat>>,
}

struct Seat {
    wake: Arc<Notify>,
    /// Why it cannot send, if it cannot.
    out: Option<Out>,
}

struct Out {
    why: String,
    /// The account that has sent for it since.
    carrier: Option<String>,
}

/// An account whose mail goes through another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Relief {
    /// The other.
    pub(super) carrier: String,
    /// Why.
    pub(super) why: String,
}

impl Board {
    /// An account comes, or comes anew.
    pub(super) fn join(&self, account: &str, wake: &Arc<Notify>) {
        let seat = Seat {
            wake: Arc::clone(wake),
            out: None,
        };
        self.seats().insert(account.to_owned(), seat);
    }

    /// An account can send, or cannot. Whoever may stand in for it hears of a change.
    pub(super) fn set(&self, account: &str, why: Option<String>) {
        let mut seats = self.seats();
        let Some(seat) = seats.get_mut(account) else {
            return;
        };
        let news = match (&mut seat.out, why) {
            (Some(out), Some(why)) => {
                out.why = why;
                false
            }
            (out, why) => {
                let news = out.is_some() != why.is_some();
                *out = why.map(|why| Out { why, carrier: None });
                news
            }
        };
        if news {
            let others = seats.iter().filter(|(name, _)| *name != account);
            others.for_each(|(_, seat)| seat.wake.notify_one());
        }
    }

    /// All that are out but this one.
    pub(super) fn out_beside(&self, account: &str) -> Vec<String> {
        let seats = self.seats();
        let out = seats.iter().filter(|(_, seat)| seat.out.is_some());
        out.filter(|(name, _)| *name != account)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Mail of `account` goes through `carrier`. Returns why, if that is news.
    pub(super) fn carried(&self, account: &str, carrier: &str) -> Option<String> {
        let mut seats = self.seats();
        let out = seats.get_mut(account)?.out.as_mut()?;
        let before = out.carrier.replace(carrier.to_owned());
        (before.as_deref() != Some(carrier)).then(|| out.why.clone())
    }

    /// Through which account the mail of this one goes, if through another.
    pub(super) fn relief(&self, account: &str) -> Option<Relief> {
        let seats = self.seats();
        let out = seats.get(account)?.out.as_ref()?;
        let carrier = out.carrier.clone()?;
        let is_well = seats.get(&carrier).is_some_and(|seat| seat.out.is_none());
        is_well.then(|| Relief {
            carrier,
            why: out.why.clone(),
        })
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<String, Seat>> {
        self.seats.lock().expect("no holder of this lock panics")
    }
}
