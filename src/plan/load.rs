//! The whole calendar of a span on a virtual clock: what runs, when each run begins and ends at the
//! rates, and which of them get into each other's way.
//!
//! It begins with nothing sent and nothing waiting. Failover, trouble and refusals are not played.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::forecast::{Lately, Scene, Size, entry, messages};
use super::local::ROUND;
use crate::clock::Timestamp;
use crate::config::{Config, Overlap, Rate, Schedule};
use crate::pace::forecast::{Follow, Outlook, Sent};

/// Runs are looked at in so many groups.
const GROUPS: u64 = 40;
/// A run that begins so much later than it is due is late.
const LATE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a span of the calendar comes to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Load {
    /// Every run, by when it is due.
    pub runs: Vec<LoadRun>,
    /// What that is for each account.
    pub accounts: Vec<LoadAccount>,
}

/// One run to come; times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LoadRun {
    /// The schedule.
    pub schedule: String,
    /// The account.
    pub account: String,
    /// When it is due.
    pub due_at: i64,
    /// How many it is for; none if nobody knows.
    pub people: Option<u64>,
    /// When its first message leaves.
    pub begins_at: Option<i64>,
    /// When its last message has left, or the last that is left expires.
    pub ends_at: Option<i64>,
    /// What it waits for most, if it waits.
    pub binds: Option<String>,
    /// How many of its messages expire unsent.
    pub expires: u64,
    /// It is skipped, since the run before it goes on.
    pub skipped: bool,
    /// It begins so many milliseconds after it is due.
    pub late: i64,
    /// It is due while the run before it goes on.
    pub overlaps: bool,
}

/// What a span comes to for one account.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct LoadAccount {
    /// The account.
    pub account: String,
    /// How many runs.
    pub runs: u64,
    /// How many messages those are for.
    pub messages: u64,
    /// The day on which the most messages fall due, `2026-11-30`, and how many.
    pub most_due: Option<(String, u64)>,
    /// The day on which the most messages leave, and how many.
    pub most_sent: Option<(String, u64)>,
    /// How many its rates let go in a day, if they say so.
    pub per_day: Option<u64>,
}

/// Plays the runs that are due at these times, in their order, from `from` on.
#[must_use]
pub fn play(
    config: &Config,
    sizes: &BTreeMap<String, Size>,
    lately: &Lately,
    (from, times): (Timestamp, &[(String, Timestamp)]),
) -> Load {
    let mut stage = Stage::new(
        config,
        sizes,
        Scene::new(config, lately, from).in_groups(GROUPS),
    );
    for (schedule, at) in times {
        if let Some(schedule) = config.schedules.get(schedule) {
            stage.add(schedule, (from, *at));
        }
    }
    stage.play(from)
}

struct Stage<'a> {
    sizes: &'a BTreeMap<String, Size>,
    scene: Scene<'a>,
    /// The newest run of each schedule, by its place in the scene.
    newest: BTreeMap<&'a str, usize>,
    /// All of them, and their places, if they are in it.
    runs: Vec<(LoadRun, Option<usize>)>,
    days: Days<'a>,
}

impl<'a> Stage<'a> {
    fn new(config: &'a Config, sizes: &'a BTreeMap<String, Size>, scene: Scene<'a>) -> Self {
        Self {
            sizes,
            scene,
            newest: BTreeMap::new(),
            runs: Vec::new(),
            days: Days {
                config,
                due: BTreeMap::new(),
                sent: BTreeMap::new(),
            },
        }
    }

    fn add(&mut self, schedule: &'a Schedule, (from, at): (Timestamp, Timestamp)) {
        let size = self.sizes.get(&schedule.name).map(|size| size.people);
        let account = schedule.via.first().cloned().unwrap_or_default();
        let place = size.filter(|people| *people > 0).map(|people| {
            self.days.note_due(&account, at, messages(schedule, people));
            let after = Duration::try_from(at - from).unwrap_or_default();
            let mut run = entry(schedule, people, after + own_time(schedule, at));
            run.follows = self.follows(schedule);
            let place = self.scene.add(run);
            self.newest.insert(&schedule.name, place);
            place
        });
        let run = LoadRun {
            schedule: schedule.name.clone(),
            account,
            due_at: at.as_millisecond(),
            people: size,
            ..LoadRun::default()
        };
        self.runs.push((run, place));
    }

    fn follows(&self, schedule: &Schedule) -> Option<(usize, Follow)> {
        let before = self.newest.get(schedule.name.as_str())?;
        let how = match schedule.overlap {
            _ if schedule.readers.is_some() => return None,
            Overlap::Queue => Follow::Queue,
            Overlap::Skip => Follow::Skip,
        };
        Some((*before, how))
    }

    fn play(mut self, from: Timestamp) -> Load {
        let Self {
            scene, days, runs, ..
        } = &mut self;
        let accounts: Vec<Option<String>> = runs
            .iter()
            .filter(|(_, place)| place.is_some())
            .map(|(run, _)| Some(run.account.clone()))
            .collect();
        let outlooks = scene.watch(|sent| {
            if let Some(Some(account)) = accounts.get(sent.run) {
                days.note_sent(account, from, sent);
            }
        });
        let ends = |place: usize| outlooks[place].ends;
        let runs = self.runs.iter().map(|(run, place)| {
            let Some(place) = *place else {
                return run.clone();
            };
            let before = self.scene.entry(place).follows;
            let due = Duration::from_millis(
                u64::try_from(run.due_at - from.as_millisecond()).unwrap_or(0),
            );
            let overlaps = before.is_some_and(|(before, _)| ends(before) > Some(due));
            self.told(run, place, &outlooks[place], overlaps)
        });
        let runs: Vec<LoadRun> = runs.collect();
        Load {
            accounts: self.days.accounts(&runs),
            runs,
        }
    }

    fn told(&self, run: &LoadRun, place: usize, outlook: &Outlook, overlaps: bool) -> LoadRun {
        let at = |span: Option<Duration>| Some(self.scene.at(span?)?.as_millisecond());
        let from = self.scene.entry(place).parts[0].1.from;
        let late = outlook.begins.map(|begins| begins.saturating_sub(from));
        let late = late.filter(|late| *late > LATE);
        LoadRun {
            begins_at: at(outlook.begins),
            // Where nothing is known to hold it back nobody knows how long it takes.
            ends_at: at(outlook.ends).filter(|_| outlook.binds.is_some() && !outlook.is_skipped),
            binds: outlook.binds.map(|binding| self.scene.binds(binding)),
            expires: outlook.expires,
            skipped: outlook.is_skipped,
            late: late.map_or(0, |late| {
                i64::try_from(late.as_millis()).unwrap_or(i64::MAX)
            }),
            overlaps: overlaps || outlook.is_skipped,
            ..run.clone()
        }
    }
}

/// How long after its opening the readers have their time. Nobody knows where they live, so they
/// all live where those do who do not say.
fn own_time(schedule: &Schedule, at: Timestamp) -> Duration {
    if schedule.readers.is_none() {
        return Duration::ZERO;
    }
    let first = 14 * 3600;
    let behind = first - schedule.zone.to_offset(at).seconds();
    Duration::from_secs(u64::try_from(behind).unwrap_or(0)).min(ROUND)
}

type PerDay = BTreeMap<(String, Date), u64>;

/// What falls due and what leaves, for each account and day of the daemon's time zone.
struct Days<'a> {
    config: &'a Config,
    due: PerDay,
    sent: PerDay,
}

impl Days<'_> {
    fn day(&self, at: Timestamp) -> Date {
        self.config.daemon.timezone.to_datetime(at).date()
    }

    fn note_due(&mut self, account: &str, at: Timestamp, messages: u64) {
        let day = self.day(at);
        *self.due.entry((account.to_owned(), day)).or_default() += messages;
    }

    /// What leaves over midnight belongs to both days, by their share of its time.
    fn note_sent(&mut self, account: &str, from: Timestamp, sent: Sent) {
        let at = |span: Duration| from.checked_add(span).unwrap_or(Timestamp::MAX);
        let (mut begins, ends) = (at(sent.from), at(sent.to));
        let mut left = sent.count;
        loop {
            let day = self.day(begins);
            let midnight = day.tomorrow().ok().and_then(|next| {
                let zoned = next.to_zoned(self.config.daemon.timezone.clone());
                Some(zoned.ok()?.timestamp())
            });
            let midnight = midnight.unwrap_or(Timestamp::MAX).min(ends);
            let (all, part) = (begins.duration_until(ends), begins.duration_until(midnight));
            let share = part.as_secs_f64() / all.as_secs_f64();
            let count = match midnight < ends {
                true => ((left as f64 * share).round() as u64).min(left),
                false => left,
            };
            *self.sent.entry((account.to_owned(), day)).or_default() += count;
            left -= count;
            if midnight >= ends {
                return;
            }
            begins = midnight;
        }
    }

    fn messages(&self, run: &LoadRun) -> Option<u64> {
        let schedule = self.config.schedules.get(&run.schedule)?;
        Some(messages(schedule, run.people?))
    }

    fn accounts(&self, runs: &[LoadRun]) -> Vec<LoadAccount> {
        let accounts = self.config.accounts.values().filter_map(|account| {
            let own = || runs.iter().filter(|run| run.account == account.name);
            let most = |days: &PerDay| {
                let days = days.iter().filter(|((of, _), _)| *of == account.name);
                // Of several the first.
                let most = days.rev().max_by_key(|(_, count)| **count);
                most.map(|((_, day), count)| (day.to_string(), *count))
            };
            (own().count() > 0).then(|| LoadAccount {
                account: account.name.clone(),
                runs: own().count() as u64,
                messages: own().filter_map(|run| self.messages(run)).sum(),
                most_due: most(&self.due),
                most_sent: most(&self.sent),
                per_day: account.rate.iter().map(per_day).min(),
            })
        });
        accounts.collect()
    }
}

/// How many a rate lets go in a day, day after day.
fn per_day(rate: &Rate) -> u64 {
    let days = u128::from(rate.count) * DAY.as_millis();
    u64::try_from(days / rate.window.as_millis().max(1)).unwrap_or(u64::MAX)
}
