//! When open runs end, how many of their messages expire before, and what binds them.
//!
//! It plays on what is known now: how far each window is used up, who is left of each run, how fast
//! servers were seen to take messages. Messages go in groups, a small part of a run, so that a
//! million at 2,000 a day cost milliseconds; a window that is small beside a run is a steady flow.
//! Nothing is random, nothing is asked for the time, and nothing of what may go wrong is foreseen:
//! trouble, refusals and tries that are waited for make a run later than this.

mod simulation;
mod window;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Used;
use crate::calendar::OpenHours;
use crate::config::Rate;
use simulation::Simulation;

/// Looked at in so many groups, the end of a run is right to a small part of a percent.
const FINE: u64 = 8000;

/// All that is to be sent, and what holds it back.
#[derive(Clone, Debug, Default)]
pub struct Situation<'a> {
    /// The windows of each meter.
    pub meters: Vec<Vec<Used>>,
    /// For each account how fast its server is, if that is known.
    pub speeds: Vec<Option<Speed>>,
    /// The runs, in the order in which they were opened.
    pub runs: Vec<Backlog<'a>>,
    /// Each run in so many groups; 0 means as many as are worth it.
    pub groups: u64,
}

/// How fast a server takes messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// So many a second while it is busy.
    pub per_second: f64,
    /// So many are under way at once then.
    pub at_once: usize,
}

/// What is left of a run.
#[derive(Clone, Debug)]
pub struct Backlog<'a> {
    /// Which of the accounts sends it.
    pub account: usize,
    /// Which of the meters count all of its messages.
    pub meters: Vec<usize>,
    /// Its people, by what they have in common.
    pub parts: Vec<Part>,
    /// Whether the run is so large that it leaves a little of each window to others.
    pub is_bulk: bool,
    /// The run that it must not overlap, earlier in the list, and what it does about that.
    pub follows: Option<(usize, Follow)>,
    /// When it may send, if not always.
    pub hours: Option<Hours<'a>>,
}

/// People of a run.
#[derive(Clone, Debug)]
pub struct Part {
    /// How many.
    pub people: u64,
    /// Their messages may leave from now on, or after so long.
    pub from: Duration,
    /// Those that have not left after so long are not sent any more.
    pub expires: Option<Duration>,
    /// Meters that count these messages besides those of the run.
    pub meters: Vec<usize>,
}

/// What a run does while an earlier one goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Follow {
    /// It waits.
    Queue,
    /// It is not sent at all.
    Skip,
}

/// When a run may send.
#[derive(Clone, Debug)]
pub struct Hours<'a> {
    /// The hours.
    pub open: &'a OpenHours,
    /// Where the clock hangs.
    pub zone: &'a TimeZone,
    /// What the forecast calls now.
    pub now: Timestamp,
}

/// What becomes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outlook {
    /// When its first message leaves; none if none does.
    pub begins: Option<Duration>,
    /// When its last message has left, or what is left of it expires; none if it never ends.
    pub ends: Option<Duration>,
    /// How many of its messages leave.
    pub sent: u64,
    /// How many expire unsent.
    pub expires: u64,
    /// The run is skipped, since the one before goes on.
    pub is_skipped: bool,
    /// What it waits for most; none if nothing is known that would hold it back.
    pub binds: Option<Binding>,
}

/// What a run waits for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Binding {
    /// A window of a meter: their places in the situation.
    Window {
        /// Which meter.
        meter: usize,
        /// Which of its windows.
        window: usize,
    },
    /// The server takes no more.
    Speed,
    /// The hours at which it may send.
    Hours,
    /// The run that it follows.
    Turn,
}

/// Messages of a run that leave one after the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sent {
    /// The place of the run in the situation.
    pub run: usize,
    /// When the first of them is begun.
    pub from: Duration,
    /// When the last of them has left.
    pub to: Duration,
    /// How many.
    pub count: u64,
}

/// What becomes of each run.
#[must_use]
pub fn foresee(situation: &Situation<'_>) -> Vec<Outlook> {
    watch(situation, |_| {})
}

/// The same, and every message that leaves is told on the way, in groups.
#[must_use]
pub fn watch(situation: &Situation<'_>, told: impl FnMut(Sent)) -> Vec<Outlook> {
    Simulation::new(situation, told).outlooks()
}

/// The windows of these rates when nothing was used of them.
#[must_use]
pub fn unused(rates: &[Rate]) -> Vec<Used> {
    used(rates, &[])
}

/// The windows of these rates after messages that ended so long ago, the oldest first.
#[must_use]
pub fn used(rates: &[Rate], uses: &[(Duration, u64)]) -> Vec<Used> {
    let windows = rates.iter().flat_map(|rate| {
        let parts = rate.windows();
        parts.map(|(count, length)| (*rate, count, length))
    });
    let windows = windows.map(|(rate, count, length)| {
        let recent = uses.iter().filter(|(ago, _)| *ago < length);
        Used {
            rate,
            most: usize::try_from(count).unwrap_or(usize::MAX),
            length,
            uses: recent
                .map(|(ago, count)| (*ago, usize::try_from(*count).unwrap_or(usize::MAX)))
                .collect(),
            under_way: 0,
        }
    });
    windows.collect()
}

impl Speed {
    /// How long so many take, one after the other, in seconds.
    fn time(self, count: u64) -> f64 {
        count as f64 / self.per_second
    }

    /// How long one is under way beyond its share of that.
    fn beside(self) -> f64 {
        (self.at_once.max(1) - 1) as f64 / self.per_second
    }
}

impl Situation<'_> {
    /// The people of the largest of these runs.
    fn most_people(&self, runs: impl Iterator<Item = usize>) -> u64 {
        runs.map(|run| self.runs[run].people()).max().unwrap_or(0)
    }

    /// The size of a group of so many people.
    fn group(&self, people: u64) -> u64 {
        let groups = if self.groups == 0 { FINE } else { self.groups };
        (people / groups).max(1)
    }
}

impl Hours<'_> {
    /// The first time, not before `at`, at which it is open; times are seconds from now on.
    fn opens(&self, at: f64) -> f64 {
        let opens = self
            .moment(at)
            .and_then(|at| self.open.opens(self.zone, at));
        opens.map_or(f64::INFINITY, |it| self.seconds(it).max(at))
    }

    /// The same at which it is closed.
    fn closes(&self, at: f64) -> f64 {
        let closes = self
            .moment(at)
            .and_then(|at| self.open.closes(self.zone, at));
        closes.map_or(f64::INFINITY, |it| self.seconds(it))
    }

    fn moment(&self, at: f64) -> Option<Timestamp> {
        let span = Duration::try_from_secs_f64(at).ok()?;
        self.now.checked_add(span).ok()
    }

    fn seconds(&self, at: Timestamp) -> f64 {
        (at - self.now)
            .total(jiff::Unit::Second)
            .unwrap_or(f64::INFINITY)
    }
}

impl Backlog<'_> {
    fn people(&self) -> u64 {
        self.parts.iter().map(|part| part.people).sum()
    }

    fn all_meters<'s>(&'s self, part: &'s Part) -> impl Iterator<Item = usize> + 's {
        self.meters.iter().chain(&part.meters).copied()
    }
}
