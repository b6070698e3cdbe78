//! The runs, accounts and limits of a configuration as the forecast knows them: by numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::late::{Late, enough};
use super::words::{Forecast, bound, clause, holder};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Rate, Schedule};
use crate::outbox::{BULK, OutboxError, Reader, Use};
use crate::pace::Used;
use crate::pace::forecast::{
    Backlog, Binding, Follow, Hours, Outlook, Part, Sent, Situation, Speed, foresee, unused, used,
    watch,
};

/// Whose limits they are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whose {
    /// Of all that is sent (`daemon.rate`).
    All,
    /// An account's.
    Account(String),
    /// An account's for recipients of a domain.
    Domain(String, String),
    /// A schedule's.
    Schedule(String),
}

/// What is known of what went out lately.
#[derive(Clone, Debug, Default)]
pub struct Lately {
    /// How far limits are used up; those that are not named are not.
    pub meters: Vec<(Whose, Vec<Used>)>,
    /// Messages a second that an account's server takes while it is busy, where that is known.
    pub speeds: BTreeMap<String, f64>,
    /// Accounts that cannot send now: nobody knows when they can.
    pub down: BTreeSet<String>,
}

impl Lately {
    /// What the outbox says.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(config: &Config, reader: &Reader, clock: &Clock) -> Result<Self, OutboxError> {
        let limits = limits(config);
        let rates = limits.iter().flat_map(|(_, rates)| *rates);
        let longest = rates.map(|rate| rate.window).max();
        let mut uses = match longest {
            Some(longest) => reader.uses(longest, clock)?,
            None => Vec::new(),
        };
        uses.retain(|it| !it.ago.is_zero()); // those are among the people who are left
        uses.reverse();
        let meters = limits.into_iter().map(|(whose, rates)| {
            let own = uses.iter().filter(|it| whose.counts(it));
            let own = own.map(|it| (it.ago, it.count));
            let windows = used(rates, &own.collect::<Vec<_>>());
            (whose, windows)
        });
        Ok(Self {
            meters: meters.collect(),
            speeds: reader.speeds()?,
            down: BTreeSet::new(),
        })
    }

    /// Sets how far limits are used up.
    pub fn set(&mut self, whose: Whose, windows: Vec<Used>) {
        self.meters.retain(|(known, _)| *known != whose);
        self.meters.push((whose, windows));
    }
}

impl Whose {
    fn counts(&self, it: &Use) -> bool {
        match self {
            Self::All => true,
            Self::Account(account) => it.account == *account,
            Self::Domain(account, domain) => it.account == *account && it.domain == *domain,
            Self::Schedule(schedule) => it.schedule == *schedule,
        }
    }

    fn rates<'c>(&self, config: &'c Config) -> &'c [Rate] {
        let account = |name| config.accounts.get(name);
        match self {
            Self::All => &config.daemon.rate,
            Self::Account(name) => account(name).map_or(&[], |it| &it.rate),
            Self::Domain(name, domain) => {
                let limits = account(name).and_then(|it| it.domains.get(domain));
                limits.map_or(&[], |it| &it.rate)
            }
            Self::Schedule(name) => config.schedules.get(name).map_or(&[], |it| &it.rate),
        }
    }
}

/// Everybody who has limits.
fn limits(config: &Config) -> Vec<(Whose, &[Rate])> {
    let accounts = config.accounts.values().flat_map(|account| {
        let name = &account.name;
        let domains = account.domains.keys();
        let domains = domains.map(|domain| Whose::Domain(name.clone(), domain.clone()));
        std::iter::once(Whose::Account(name.clone())).chain(domains)
    });
    let schedules = config.schedules.keys().cloned().map(Whose::Schedule);
    let all = std::iter::once(Whose::All).chain(accounts).chain(schedules);
    let all = all.map(|whose| {
        let rates = whose.rates(config);
        (whose, rates)
    });
    all.filter(|(_, rates)| !rates.is_empty()).collect()
}

/// A run for the forecast.
#[derive(Clone, Debug)]
pub(in crate::plan) struct Entry {
    pub(in crate::plan) schedule: String,
    pub(in crate::plan) account: String,
    /// All that it was opened for, those who have it included.
    pub(in crate::plan) people: u64,
    /// Who is left: the domain whose limits hold for them, or none.
    pub(in crate::plan) parts: Vec<(String, Part)>,
    pub(in crate::plan) follows: Option<(usize, Follow)>,
}

/// Runs that send beside each other, and all that holds them back.
pub(in crate::plan) struct Scene<'a> {
    config: &'a Config,
    lately: &'a Lately,
    now: Timestamp,
    whose: Vec<Whose>,
    accounts: Vec<String>,
    entries: Vec<Entry>,
    situation: Situation<'a>,
}

impl<'a> Scene<'a> {
    pub(in crate::plan) fn new(config: &'a Config, lately: &'a Lately, now: Timestamp) -> Self {
        Self {
            config,
            lately,
            now,
            whose: Vec::new(),
            accounts: Vec::new(),
            entries: Vec::new(),
            situation: Situation::default(),
        }
    }

    /// The same, looked at in so many groups: fewer are faster.
    pub(in crate::plan) fn in_groups(mut self, groups: u64) -> Self {
        self.situation.groups = groups;
        self
    }

    /// Adds a run after those that were opened before it; its place is that of what becomes of it.
    pub(in crate::plan) fn add(&mut self, entry: Entry) -> usize {
        let schedule = self.config.schedules.get(&entry.schedule);
        let parts = entry.parts.iter().map(|(pool, part)| {
            let mut part = part.clone();
            if !pool.is_empty() {
                let whose = Whose::Domain(entry.account.clone(), pool.clone());
                part.meters.extend(self.meter(whose));
            }
            part
        });
        let parts = parts.collect();
        let of_account = self.meter(Whose::Account(entry.account.clone()));
        let of_schedule = self.meter(Whose::Schedule(entry.schedule.clone()));
        let meters = [of_schedule, of_account, self.meter(Whose::All)];
        let backlog = Backlog {
            account: self.account(&entry.account),
            meters: meters.into_iter().flatten().collect(),
            parts,
            is_bulk: entry.people > BULK,
            follows: entry.follows,
            hours: schedule.and_then(|it| self.hours(it)),
        };
        self.situation.runs.push(backlog);
        self.entries.push(entry);
        self.entries.len() - 1
    }

    fn hours(&self, schedule: &'a Schedule) -> Option<Hours<'a>> {
        Some(Hours {
            open: schedule.between.as_ref()?,
            zone: &schedule.zone,
            now: self.now,
        })
    }

    fn account(&mut self, name: &str) -> usize {
        if let Some(known) = self.accounts.iter().position(|it| it == name) {
            return known;
        }
        let lanes = self.config.accounts.get(name).map(|it| it.connections);
        let speed = self.lately.speeds.get(name).map(|per_second| Speed {
            per_second: *per_second,
            at_once: lanes.unwrap_or(1),
        });
        self.accounts.push(name.to_owned());
        self.situation.speeds.push(speed);
        self.accounts.len() - 1
    }

    /// The meter of somebody who has limits.
    fn meter(&mut self, whose: Whose) -> Option<usize> {
        let rates = whose.rates(self.config);
        if rates.is_empty() {
            return None;
        }
        if let Some(known) = self.whose.iter().position(|it| *it == whose) {
            return Some(known);
        }
        let lately = self.lately.meters.iter().find(|(of, _)| *of == whose);
        let windows = lately.map(|(_, windows)| windows.clone());
        let windows = windows.unwrap_or_else(|| unused(rates));
        self.whose.push(whose);
        self.situation.meters.push(windows);
        Some(self.whose.len() - 1)
    }

    pub(in crate::plan) fn outlooks(&self) -> Vec<Outlook> {
        foresee(&self.situation)
    }

    /// The same, and every message that leaves is told on the way.
    pub(in crate::plan) fn watch(&self, told: impl FnMut(Sent)) -> Vec<Outlook> {
        watch(&self.situation, told)
    }

    pub(in crate::plan) fn entry(&self, run: usize) -> &Entry {
        &self.entries[run]
    }

    /// The moment after so long.
    pub(in crate::plan) fn at(&self, span: Duration) -> Option<Timestamp> {
        self.now.checked_add(span).ok()
    }

    /// What becomes of a run, for people; none if nobody can tell.
    pub(in crate::plan) fn forecast(&self, run: usize, outlook: &Outlook) -> Option<Forecast> {
        let entry = &self.entries[run];
        if self.lately.down.contains(&entry.account) {
            return None;
        }
        Some(Forecast {
            run: String::new(),
            left: entry.parts.iter().map(|(_, part)| part.people).sum(),
            ends_at: self.at(outlook.ends?)?.as_millisecond(),
            expires: outlook.expires,
            rate: self.rate(run, outlook.binds?),
            binds: self.binds(outlook.binds?),
        })
    }

    /// How fast what binds a run lets it go.
    pub(in crate::plan) fn rate(&self, run: usize, binding: Binding) -> Option<String> {
        match binding {
            Binding::Window { .. } => Some(bound::rate(self.window(binding)?.rate)),
            Binding::Speed => {
                let account = self.situation.runs[run].account;
                let speed = self.situation.speeds[account]?;
                Some(bound::speed(speed.per_second))
            }
            Binding::Hours | Binding::Turn => None,
        }
    }

    /// What binds, in words.
    pub(in crate::plan) fn binds(&self, binding: Binding) -> String {
        match (binding, self.window(binding)) {
            (Binding::Window { meter, .. }, Some(window)) => {
                bound::limit(window.rate, &self.whose[meter])
            }
            _ => bound::other(binding).to_owned(),
        }
    }

    fn window(&self, binding: Binding) -> Option<&Used> {
        match binding {
            Binding::Window { meter, window } => self.situation.meters[meter].get(window),
            _ => None,
        }
    }

    /// What the runs do not get done, each with its place; `since` is how long ago it was opened.
    pub(in crate::plan) fn late(
        &self,
        outlooks: &[Outlook],
        since: impl Fn(usize) -> Duration,
    ) -> BTreeMap<usize, Late> {
        let late = outlooks.iter().enumerate();
        let late = late.filter_map(|(no, it)| Some((no, it, it.binds?)));
        let late: Vec<_> = late.filter(|(_, it, _)| it.expires > 0).collect();
        if late.is_empty() {
            return BTreeMap::new();
        }
        let mut patient = self.situation.clone();
        for (no, ..) in &late {
            let parts = patient.runs[*no].parts.iter_mut();
            parts.for_each(|part| part.expires = None);
        }
        let patient = foresee(&patient);
        let late = late.into_iter().map(|(no, outlook, binding)| {
            let window = self.window(binding);
            // One window more than it takes: nothing ever goes quite as it should.
            let ends = patient[no].ends.unwrap_or(Duration::MAX);
            let spare = window.map_or(ends / 10, |it| it.length);
            let whose = match binding {
                Binding::Window { meter, .. } => holder(&self.whose[meter]),
                _ => clause(binding, self.rate(no, binding)),
            };
            let late = Late {
                late: outlook.expires,
                of: self.entries[no].people,
                whose,
                rate: window.map_or_else(String::new, |it| it.rate.to_string()),
                expires: enough(since(no).saturating_add(ends).saturating_add(spare)),
            };
            (no, late)
        });
        late.collect()
    }
}
