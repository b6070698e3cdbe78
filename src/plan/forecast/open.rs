//! What becomes of the runs that are open, and of one that is opened beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scene::{Entry, Lately, Scene};
use super::{Forecast, Late, foresee, messages, told};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Schedule};
use crate::outbox::state::State;
use crate::outbox::{BULK, HoldRow, Outbox, OutboxError, Reader, RunRow};
use crate::pace::forecast::{Follow, Part};

/// What becomes of open runs.
#[derive(Clone, Debug, Default)]
pub struct Foreseen {
    /// When they end, where that can be told.
    pub forecasts: Vec<Forecast>,
    /// What they will not get done, by their ids.
    pub late: BTreeMap<String, Late>,
}

/// What becomes of open runs, the oldest first.
///
/// # Errors
/// The outbox cannot be read.
pub fn foresee_open(
    config: &Config,
    reader: &Reader,
    lately: &Lately,
    (open, holds): (&[RunRow], &[HoldRow]),
    now: Timestamp,
) -> Result<Foreseen, OutboxError> {
    let held = |run: &RunRow| {
        let mut holds = holds.iter();
        holds.any(|hold| hold.stops(&run.id, &run.schedule, &run.account))
    };
    let (stopped, going): (Vec<&RunRow>, Vec<&RunRow>) = open.iter().partition(|run| held(run));
    let mut foreseen = of_all(config, reader, lately, &going, now)?;
    if !stopped.is_empty() {
        // Nobody knows when they go on; what they cannot get done even now they cannot then.
        let all: Vec<&RunRow> = open.iter().collect();
        let all = of_all(config, reader, lately, &all, now)?;
        let late = all.late.into_iter();
        let late = late.filter(|(id, _)| stopped.iter().any(|run| run.id == *id));
        foreseen.late.extend(late);
    }
    Ok(foreseen)
}

/// What a run to so many people comes to that opens now, beside those that are open.
///
/// # Errors
/// The outbox cannot be read.
pub fn foresee_beside(
    config: &Config,
    reader: &Reader,
    lately: &Lately,
    (schedule, people): (&Schedule, u64),
    now: Timestamp,
) -> Result<(Option<Forecast>, Option<Late>), OutboxError> {
    let holds = reader.holds(now.as_millisecond())?;
    let mut open = reader.open_runs()?;
    open.retain(|run| {
        let mut holds = holds.iter();
        !holds.any(|hold| hold.stops(&run.id, &run.schedule, &run.account))
    });
    let (scene, _) = staged(
        config,
        reader,
        lately,
        &open.iter().collect::<Vec<_>>(),
        now,
    )?;
    Ok(told(scene, schedule, people))
}

/// What becomes of a run that has just been opened. Of a small one nobody asks what else is sent: a
/// thousand of them may open at once.
pub(in crate::plan) fn foresee_opened(
    config: &Config,
    outbox: &Outbox,
    clock: &Clock,
    (schedule, id, people): (&Schedule, &str, u64),
) -> (Option<Forecast>, Option<Late>) {
    let alone = || foresee(config, schedule, people, clock.now());
    if messages(schedule, people) <= BULK {
        return alone();
    }
    let beside = || {
        let reader = outbox.reader()?;
        let lately = Lately::read(config, &reader, clock)?;
        let (now, open) = (clock.now(), reader.open_runs()?);
        let holds = reader.holds(now.as_millisecond())?;
        foresee_open(config, &reader, &lately, (&open, &holds), now)
    };
    match beside() {
        Ok(mut foreseen) => {
            let forecast = foreseen.forecasts.into_iter().find(|it| it.run == id);
            (forecast, foreseen.late.remove(id))
        }
        Err::<Foreseen, OutboxError>(_) => alone(),
    }
}

fn of_all(
    config: &Config,
    reader: &Reader,
    lately: &Lately,
    open: &[&RunRow],
    now: Timestamp,
) -> Result<Foreseen, OutboxError> {
    let (scene, runs) = staged(config, reader, lately, open, now)?;
    let outlooks = scene.outlooks();
    let forecasts = runs.iter().zip(&outlooks).enumerate();
    let forecasts = forecasts.filter(|(_, (run, _))| run.goes_on());
    let forecasts = forecasts.filter_map(|(no, (run, outlook))| {
        Some(Forecast {
            run: run.id.clone(),
            ..scene.forecast(no, outlook)?
        })
    });
    let since = |no: usize| millis(now.as_millisecond() - runs[no].opened_at);
    let late = scene.late(&outlooks, since).into_iter();
    Ok(Foreseen {
        forecasts: forecasts.collect(),
        late: late.map(|(no, late)| (runs[no].id.clone(), late)).collect(),
    })
}

/// The open runs that are whole, in their places.
fn staged<'c, 'r>(
    config: &'c Config,
    reader: &Reader,
    lately: &'c Lately,
    open: &[&'r RunRow],
    now: Timestamp,
) -> Result<(Scene<'c>, Vec<&'r RunRow>), OutboxError> {
    let mut scene = Scene::new(config, lately, now);
    let mut runs: Vec<&RunRow> = Vec::new();
    let whole =
        |run: &&&RunRow| run.state == "sending" && config.accounts.contains_key(&run.account);
    for run in open.iter().filter(whole) {
        let before = |it: &&RunRow| it.queues && it.schedule == run.schedule && it.goes_on();
        let before = runs.iter().rposition(|it| run.queues && before(it));
        scene.add(Entry {
            schedule: run.schedule.clone(),
            account: run.account.clone(),
            people: all_of(config, run),
            parts: parts(config, reader, run, now.as_millisecond())?,
            follows: before.map(|before| (before, Follow::Queue)),
        });
        runs.push(run);
    }
    Ok((scene, runs))
}

const WAITING: &[State] = &[State::Queued, State::Leased, State::Armed, State::Deferred];
const GONE: &[State] = &[
    State::Uncertain,
    State::Accepted,
    State::Presumed,
    State::Rejected,
];

/// How many messages there were for its people, those that have gone included.
fn all_of(config: &Config, run: &RunRow) -> u64 {
    let people = people(run, &[WAITING, GONE].concat());
    let schedule = config.schedules.get(&run.schedule);
    schedule.map_or(people, |it| messages(it, people))
}

fn people(run: &RunRow, states: &[State]) -> u64 {
    u64::try_from(run.counts.sum(states)).unwrap_or(0)
}

/// Who is left of a run. They are counted one by one only where they have something of their own.
fn parts(
    config: &Config,
    reader: &Reader,
    run: &RunRow,
    now: i64,
) -> Result<Vec<(String, Part)>, OutboxError> {
    let part = |people: u64, from: i64, expires_at: Option<i64>| Part {
        people,
        from: millis(from - now),
        expires: Some(millis(expires_at.unwrap_or(run.expires_at) - now)),
        meters: Vec::new(),
    };
    let schedule = config.schedules.get(&run.schedule);
    let alike = schedule.is_none_or(|it| it.readers.is_none() && it.group.is_none())
        && config.accounts[&run.account].domains.is_empty();
    if alike {
        let all = part(people(run, WAITING), now, None);
        return Ok(vec![(String::new(), all)]);
    }
    let waiting = reader.waiting(run, now)?.into_iter();
    let waiting = waiting.map(|it| {
        let part = part(it.people, it.from, it.expires_at);
        (it.pool, part)
    });
    Ok(waiting.collect())
}

fn millis(span: i64) -> Duration {
    Duration::from_millis(u64::try_from(span).unwrap_or(0))
}
