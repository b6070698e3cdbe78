//! The book of all slots: a message takes one of its account, of the account for its recipient's
//! domain, of its schedule and of the whole process, and gives all of them back together.
//!
//! One book serves all accounts of a process and outlives their connections and every reload, so
//! that what was used is never forgotten.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::learned::Learned;
use super::speed::Speed;
use super::used::Used;
use super::window::{Pace, Size};
use crate::config::Rate;

/// An account whose own rates leave nothing for so long has spent what it may send for now.
const SPENT: Duration = Duration::from_secs(60);
/// Who waits for a slot of the process may be so late to ask for it; whoever it is kept from asks
/// again after a moment.
const ASKS_WITHIN: Duration = Duration::from_secs(2);
const MOMENT: Duration = Duration::from_millis(20);
/// So often is looked whether an answer to somebody else has come.
const A_WHILE: Duration = Duration::from_millis(250);

/// All meters.
#[derive(Debug, Default)]
pub struct Book {
    process: Pace,
    schedules: HashMap<String, Pace>,
    accounts: HashMap<String, Meters>,
    /// Accounts that found no slot of the process, until when one is kept for them, and the number
    /// of the last slot that each account took.
    waiting: HashMap<String, Duration>,
    served: HashMap<String, u64>,
    taken: u64,
}

/// The meters of one account.
#[derive(Debug, Default)]
struct Meters {
    pace: Pace,
    learned: Learned,
    domains: HashMap<String, Pace>,
    speed: Speed,
}

/// What one message takes a slot of.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// The account that sends it.
    pub account: &'a str,
    /// Its schedule.
    pub schedule: &'a str,
    /// The recipient's domain.
    pub domain: &'a str,
}

/// Slots that were used before this process, or before there was a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// Of this account.
    pub account: String,
    /// Of this schedule.
    pub schedule: String,
    /// For recipients of this domain; empty if no rate was about it.
    pub domain: String,
    /// When they ended, in elapsed time.
    pub at: Duration,
    /// How many.
    pub count: usize,
}

/// What an account may take now.
#[derive(Debug, Default, PartialEq)]
pub struct Room {
    /// In all.
    pub all: usize,
    /// Of those, for large runs.
    pub bulk: usize,
    /// For each schedule that has a rate.
    pub schedules: HashMap<String, usize>,
    /// For each domain that has a rate.
    pub domains: HashMap<String, usize>,
    /// Of those, for large runs.
    pub bulk_domains: HashMap<String, usize>,
    /// When there is more, if anything of this is 0 and time alone changes it.
    pub more_in: Option<Duration>,
    /// Whether the account's own rates leave nothing for a good while.
    pub spent: bool,
}

impl Book {
    /// Other rates for the whole process and for schedules, by name, from `now` on. `past` is
    /// ascending in time.
    pub fn set_shared(
        &mut self,
        process: &[Rate],
        schedules: &BTreeMap<String, Vec<Rate>>,
        now: Duration,
        past: &[Past],
    ) {
        self.process.set(process, now, &older(past, |_| true));
        for (name, pace) in &mut self.schedules {
            if !schedules.contains_key(name) {
                pace.set(&[], now, &[]);
            }
        }
        for (name, rates) in schedules {
            let pace = self.schedules.entry(name.clone()).or_default();
            pace.set(rates, now, &older(past, |it| it.schedule == *name));
        }
    }

    /// Other rates for an account and for domains there. Nothing of it may be under way.
    pub fn set_account(
        &mut self,
        name: &str,
        rates: &[Rate],
        domains: &BTreeMap<String, Vec<Rate>>,
        now: Duration,
        past: &[Past],
    ) {
        let meters = self.accounts.entry(name.to_owned()).or_default();
        let own = |it: &Past| it.account == name;
        meters.pace.set(rates, now, &older(past, own));
        meters
            .domains
            .retain(|domain, _| domains.contains_key(domain));
        for (domain, rates) in domains {
            let pace = meters.domains.entry(domain.clone()).or_default();
            let own = |it: &Past| own(it) && it.domain == *domain;
            pace.set(rates, now, &older(past, own));
        }
    }

    /// How far back the memory of all meters must reach after a restart.
    #[must_use]
    pub fn memory(&self) -> Duration {
        let schedules = self.schedules.values();
        let accounts = self.accounts.values();
        let of_accounts = accounts.flat_map(|it| it.domains.values().chain([&it.pace]));
        let all = schedules.chain(of_accounts).chain([&self.process]);
        all.map(Pace::memory).max().unwrap_or_default()
    }

    /// What an account may take now.
    pub fn room(&mut self, account: &str, now: Duration) -> Room {
        let meters = self.accounts.entry(account.to_owned()).or_default();
        let (mut soonest, mut room) = (Soonest::default(), Room::default());
        let learned = meters.learned.pace(now);
        let free = |pace: &mut Pace, size| pace.free(now, size);
        let of =
            |size, learned: &mut Pace, own: &mut Pace| free(learned, size).min(free(own, size));
        room.all = of(Size::Small, learned, &mut meters.pace);
        room.bulk = of(Size::Bulk, learned, &mut meters.pace);
        let own_wait = meters.pace.wait(now, Size::Small);
        room.spent = own_wait.is_some_and(|wait| wait >= SPENT);
        let waits = [own_wait, learned.wait(now, Size::Small)];
        let waits_of_bulk = [
            meters.pace.wait(now, Size::Bulk),
            learned.wait(now, Size::Bulk),
        ];
        for (domain, pace) in &mut meters.domains {
            room.domains.insert(domain.clone(), free(pace, Size::Small));
            let bulk = free(pace, Size::Bulk);
            room.bulk_domains.insert(domain.clone(), bulk);
            soonest.note(pace.wait(now, Size::Small));
            soonest.note(pace.wait(now, Size::Bulk));
        }
        for (name, pace) in &mut self.schedules {
            let free = free(pace, Size::Small);
            if free != usize::MAX {
                room.schedules.insert(name.clone(), free);
                // Where another account has its last slots, nobody says when they are free.
                let wait = pace.wait(now, Size::Small);
                soonest.note(wait.or((free == 0).then_some(A_WHILE)));
            }
        }
        let process = self.process_room(account, now);
        room.all = room.all.min(process.0);
        room.bulk = room.bulk.min(process.1);
        if room.bulk == 0 {
            soonest.note(waits_of_bulk.into_iter().chain([process.2]).flatten().max());
        }
        if room.all == 0 {
            soonest = Soonest(waits.into_iter().chain([process.2]).flatten().max());
        }
        room.more_in = soonest.0;
        room
    }

    /// Free slots of the process, for large runs too, and when there are more. Where they are
    /// scarce accounts take turns: one is kept for each that has waited longer than this one.
    fn process_room(&mut self, account: &str, now: Duration) -> (usize, usize, Option<Duration>) {
        let free = self.process.free(now, Size::Small);
        if free == usize::MAX {
            return (free, free, None);
        }
        self.waiting.retain(|_, until| *until >= now);
        let mine = self.served.get(account).copied().unwrap_or(0);
        let before_me = |name: &String| self.served.get(name).copied().unwrap_or(0) < mine;
        let others = self
            .waiting
            .keys()
            .filter(|name| *name != account && before_me(name));
        let kept = others.count();
        let all = free.saturating_sub(kept);
        if all > 0 {
            self.waiting.remove(account);
            let bulk = self.process.free(now, Size::Bulk).saturating_sub(kept);
            let wait = self.process.wait(now, Size::Bulk);
            return (all, bulk, wait);
        }
        let wait = self.process.wait(now, Size::Small).unwrap_or(MOMENT);
        self.waiting
            .insert(account.to_owned(), now + wait + ASKS_WITHIN);
        (0, 0, Some(wait))
    }

    /// Whether a further message may go out now.
    pub fn has_room(&mut self, slot: Slot<'_>, now: Duration) -> bool {
        let mut all_free = self.process.free(now, Size::Small) > 0;
        self.each(slot, now, |pace| {
            all_free &= pace.free(now, Size::Small) > 0
        });
        all_free
    }

    /// Takes a slot that [`Book::room`] promised.
    pub fn take(&mut self, slot: Slot<'_>, now: Duration) {
        self.taken += 1;
        self.served.insert(slot.account.to_owned(), self.taken);
        self.each(slot, now, |pace| pace.take(1));
    }

    /// Gives a slot back that was not used: the server saw nothing of it.
    pub fn give_back(&mut self, slot: Slot<'_>, now: Duration) {
        self.each(slot, now, Pace::give_back);
    }

    /// Ends the use of a slot. It stays taken for the length of each window.
    pub fn done(&mut self, slot: Slot<'_>, now: Duration) {
        self.each(slot, now, |pace| pace.done(now));
    }

    fn each(&mut self, slot: Slot<'_>, now: Duration, mut act: impl FnMut(&mut Pace)) {
        if !self.schedules.contains_key(slot.schedule) {
            self.schedules
                .insert(slot.schedule.to_owned(), Pace::default());
        }
        if !self.accounts.contains_key(slot.account) {
            self.accounts
                .insert(slot.account.to_owned(), Meters::default());
        }
        let schedule = self.schedules.get_mut(slot.schedule);
        let meters = self.accounts.get_mut(slot.account).expect("just inserted");
        let domain = meters.domains.get_mut(slot.domain);
        let own = [
            &mut self.process,
            &mut meters.pace,
            meters.learned.pace(now),
        ];
        schedule
            .into_iter()
            .chain(domain)
            .chain(own)
            .for_each(&mut act);
    }

    /// The server of an account said that messages come too fast. Returns how many a second it gets
    /// from now on.
    pub fn too_fast(&mut self, account: &str, now: Duration) -> f64 {
        let meters = self.accounts.entry(account.to_owned()).or_default();
        let seen = meters.speed.lately(now);
        meters.learned.too_fast(seen, now)
    }

    /// The rate that the server of an account has taught, in messages a second.
    pub fn learned(&mut self, account: &str, now: Duration) -> Option<f64> {
        self.accounts.get_mut(account)?.learned.rate(now)
    }

    /// How fast an account is served.
    pub fn speed(&mut self, account: &str) -> &mut Speed {
        &mut self.accounts.entry(account.to_owned()).or_default().speed
    }

    /// How far the windows of an account are used up.
    pub fn used(&mut self, account: &str, now: Duration) -> Vec<Used> {
        let meters = self.accounts.get_mut(account);
        meters.map_or_else(Vec::new, |meters| meters.pace.used(now))
    }

    /// How far the windows of schedules are used up, by name.
    pub fn used_by_schedules(&mut self, now: Duration) -> BTreeMap<String, Vec<Used>> {
        let schedules = self.schedules.iter_mut();
        schedules
            .map(|(name, pace)| (name.clone(), pace.used(now)))
            .collect()
    }

    /// How far the windows of the whole process are used up.
    pub fn used_by_all(&mut self, now: Duration) -> Vec<Used> {
        self.process.used(now)
    }
}

/// The least of several waits.
#[derive(Default)]
struct Soonest(Option<Duration>);

impl Soonest {
    fn note(&mut self, wait: Option<Duration>) {
        self.0 = [self.0, wait].into_iter().flatten().min();
    }
}

fn older(past: &[Past], of: impl Fn(&Past) -> bool) -> Vec<(Duration, usize)> {
    let own = past.iter().filter(|it| of(it));
    own.map(|it| (it.at, it.count)).collect()
}
