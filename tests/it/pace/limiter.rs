//! What the stories drive: the book of a process with two accounts, two schedules and a domain, as
//! deliver asks it.

use std::collections::BTreeMap;
use std::time::Duration;

use postroom::config::Rate;
use postroom::pace::{Book, Past, Slot};

const ACCOUNTS: [&str; 2] = ["main", "other"];
const SCHEDULES: [&str; 2] = ["daily", "weekly"];
const DOMAIN: &str = "gmail.com";

/// The process, both accounts, both schedules, and the domain on the first account.
pub(super) const METERS: usize = 6;

/// What a message is of: numbers of an account and a schedule, and whether it is to the domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Class {
    pub(super) account: usize,
    pub(super) schedule: usize,
    pub(super) domain: bool,
}

impl Class {
    /// The meters that it takes a slot of, by number.
    pub(super) fn meters(self) -> Vec<usize> {
        let mut meters = vec![0, 1 + self.account, 3 + self.schedule];
        meters.extend((self.account == 0 && self.domain).then_some(5));
        meters
    }

    fn slot(self) -> Slot<'static> {
        Slot {
            account: ACCOUNTS[self.account],
            schedule: SCHEDULES[self.schedule],
            domain: if self.domain { DOMAIN } else { "" },
        }
    }

    /// One that ended at a time.
    pub(super) fn past(self, at: Duration) -> Past {
        let Slot {
            account,
            schedule,
            domain,
        } = self.slot();
        Past {
            account: account.to_owned(),
            schedule: schedule.to_owned(),
            domain: domain.to_owned(),
            at,
            count: 1,
        }
    }
}

#[derive(Default)]
pub(super) struct Limiter(Book);

impl Limiter {
    /// Rates for each meter; `past` ascends.
    pub(super) fn set(&mut self, limits: &[Vec<Rate>], now: Duration, past: &[Past]) {
        let schedules = SCHEDULES.iter().zip(&limits[3..]);
        let schedules = schedules.map(|(name, rates)| ((*name).to_owned(), rates.clone()));
        self.0
            .set_shared(&limits[0], &schedules.collect(), now, past);
        for (n, account) in ACCOUNTS.iter().enumerate() {
            let mut domains = BTreeMap::new();
            if n == 0 {
                domains.insert(DOMAIN.to_owned(), limits[5].clone());
            }
            self.0
                .set_account(account, &limits[1 + n], &domains, now, past);
        }
    }

    /// How many of a class may go now, and when to ask again.
    pub(super) fn room(
        &mut self,
        class: Class,
        bulk: bool,
        now: Duration,
    ) -> (usize, Option<Duration>) {
        let slot = class.slot();
        let room = self.0.room(slot.account, now);
        let all = if bulk { room.bulk } else { room.all };
        let own = room.schedules.get(slot.schedule);
        let domain = room.domains.get(slot.domain);
        let count = [own, domain]
            .into_iter()
            .flatten()
            .fold(all, |least, it| least.min(*it));
        (count, room.more_in)
    }

    pub(super) fn take(&mut self, class: Class, now: Duration) {
        self.0.take(class.slot(), now);
    }

    pub(super) fn give_back(&mut self, class: Class, now: Duration) {
        self.0.give_back(class.slot(), now);
    }

    pub(super) fn done(&mut self, class: Class, now: Duration) {
        self.0.done(class.slot(), now);
    }
}
