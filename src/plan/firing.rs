//! Which occurrences are due, and what becomes of each: a run, or a word that it was missed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::due::{Due, due_between};
use super::opening::{OpenError, Opening, Order, open};
use super::sanity::Sanity;
use crate::calendar::{Calendar, Occurrence};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Schedule};
use crate::outbox::{Cursors, Missed, Outbox, OutboxError, SetCursor, TurnBack};

/// The longest sleep: sleeps do not count suspension, and wall clocks jump.
pub(super) const TICK: Duration = Duration::from_secs(30);
/// After the outbox refused an opening.
const OUTBOX_TROUBLE: Duration = Duration::from_secs(5);
/// So many runs are opened at the same time: a long one delays no short one.
const OPENINGS: usize = 32;

/// The schedules of one configuration, waiting for their times.
pub struct Firings {
    config: Arc<Config>,
    outbox: Outbox,
    clock: Clock,
    sanity: Sanity,
    /// The schedules that have times; empty until the outbox has told how far they are.
    watched: BTreeMap<String, Watched>,
    /// Openings that an earlier process did not finish, or the outbox did not take.
    again: Vec<Order>,
    /// After trouble with the outbox: nothing is tried before, in ticks of the clock.
    rests_until: Duration,
    room: Arc<Semaphore>,
}

/// How far one schedule is.
struct Watched {
    /// Occurrences up to here have been dealt with.
    cursor: Timestamp,
    /// The next one after that.
    next: Option<Occurrence>,
    /// Its opening is under way.
    busy: bool,
}

/// What came of an order; an error of the outbox means that it is tried again.
type Done = (Order, Result<(), OutboxError>);

/// The next time of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Upcoming {
    /// The schedule.
    pub schedule: String,
    /// When.
    pub occurrence: Occurrence,
}

/// The next occurrence of each schedule after `now`, soonest first.
#[must_use]
pub fn upcoming(config: &Config, now: Timestamp) -> Vec<Upcoming> {
    let mut all: Vec<Upcoming> = config
        .schedules
        .values()
        .filter_map(|schedule| {
            let occurrence = schedule.calendar.as_ref()?.next_after(now)?;
            Some(Upcoming {
                schedule: schedule.name.clone(),
                occurrence,
            })
        })
        .collect();
    all.sort_by(|a, b| (a.occurrence.at, &a.schedule).cmp(&(b.occurrence.at, &b.schedule)));
    all
}

impl Firings {
    /// For the schedules of `config`; `again` are openings that an earlier process did not finish.
    #[must_use]
    pub fn new(config: Arc<Config>, outbox: Outbox, clock: Clock, again: Vec<Order>) -> Self {
        Self {
            config,
            outbox,
            sanity: Sanity::new(&clock),
            clock,
            watched: BTreeMap::new(),
            again,
            rests_until: Duration::ZERO,
            room: Arc::new(Semaphore::new(OPENINGS)),
        }
    }

    /// Opens runs as they fall due, for ever. `opened` is called after each.
    ///
    /// # Errors
    /// The outbox has stopped.
    pub async fn run(mut self, opened: impl Fn()) -> Result<(), OutboxError> {
        let mut openings = JoinSet::new();
        loop {
            if let Err(error) = self.look(&mut openings).await {
                self.rest(error)?;
            }
            tokio::select! {
                () = self.clock.sleep(self.until_next()) => {}
                Some(done) = openings.join_next() => {
                    let mut next = Some(done);
                    while let Some(done) = next {
                        self.conclude(done.expect("opening a run does not panic"))?;
                        next = openings.try_join_next();
                    }
                    opened();
                }
            }
        }
    }

    /// Begins what is due.
    async fn look(&mut self, openings: &mut JoinSet<Done>) -> Result<(), OutboxError> {
        let seen = self.sanity.look(&self.clock);
        if !seen.is_right || self.clock.ticks() < self.rests_until {
            return Ok(());
        }
        if self.watched.is_empty() {
            self.watch_all().await?;
        }
        let now = self.clock.now();
        if seen.went_back || self.watched.values().any(|it| it.cursor > now + TICK) {
            self.turn_back(now, seen.went_back).await?;
        }
        let due = self.due(now).await?;
        for order in self.again.drain(..).chain(due) {
            if let Some(watched) = self.watched.get_mut(&order.schedule) {
                watched.busy = true;
            }
            let (config, outbox) = (Arc::clone(&self.config), self.outbox.clone());
            let (clock, room) = (self.clock.clone(), Arc::clone(&self.room));
            openings.spawn(carry_out(config, outbox, clock, room, order));
        }
        Ok(())
    }

    /// Asks the outbox how far all schedules are.
    async fn watch_all(&mut self) -> Result<(), OutboxError> {
        let schedules = timed(&self.config)
            .map(|(schedule, calendar)| (schedule.name.clone(), calendar.identity()))
            .collect();
        let cursors = self.outbox.submit(Cursors { schedules }).await?;
        let now = self.clock.now();
        for ((schedule, calendar), cursor) in timed(&self.config).zip(cursors) {
            let cursor = Timestamp::from_millisecond(cursor).unwrap_or(now);
            let watched = Watched {
                cursor,
                next: calendar.next_after(cursor),
                busy: false,
            };
            self.watched.insert(schedule.name.clone(), watched);
        }
        Ok(())
    }

    /// The clock has gone back: calendars go on from the time that it is now. What was done already
    /// is not done again, since each occurrence has one run.
    async fn turn_back(&mut self, now: Timestamp, is_told: bool) -> Result<(), OutboxError> {
        let ahead = self.watched.iter().filter(|(_, it)| it.cursor > now + TICK);
        let ahead = ahead.max_by_key(|(_, it)| it.cursor);
        if let (Some((name, watched)), false) = (ahead, is_told) {
            tracing::warn!(
                event = "clock-went-back",
                schedule = name,
                "the clock has gone back: {name} is already past {}, and goes on from {now}",
                watched.cursor
            );
        }
        while self.outbox.submit(TurnBack).await? {}
        for (schedule, calendar) in timed(&self.config) {
            let watched = self.watched.get_mut(&schedule.name);
            if let Some(watched) = watched.filter(|it| it.cursor > now) {
                watched.cursor = now;
                watched.next = calendar.next_after(now);
            }
        }
        Ok(())
    }

    /// Everything that is due now, over all schedules.
    async fn due(&mut self, now: Timestamp) -> Result<Vec<Order>, OutboxError> {
        let mut orders = Vec::new();
        let config = Arc::clone(&self.config);
        for (schedule, calendar) in timed(&config) {
            let waits = |it: &&Watched| !it.busy && it.next.as_ref().is_some_and(|it| it.at <= now);
            let Some(watched) = self.watched.get(&schedule.name).filter(waits) else {
                continue;
            };
            if self.again.iter().any(|it| it.schedule == schedule.name) {
                continue; // asked again when that is done
            }
            let Due {
                run,
                missed,
                more_missed,
            } = due_between(schedule, calendar, watched.cursor, now);
            self.record_missed(schedule, &missed, more_missed).await?;
            if let Some(occurrence) = run {
                orders.push(Order::due(&schedule.name, occurrence.key, occurrence.at));
                continue;
            }
            let dealt_with = SetCursor {
                schedule: schedule.name.clone(),
                cursor_at: now.as_millisecond(),
            };
            self.outbox.submit(dealt_with).await?;
            self.advance(&schedule.name, now);
        }
        Ok(orders)
    }

    async fn record_missed(
        &self,
        schedule: &Schedule,
        missed: &[Occurrence],
        more: u64,
    ) -> Result<(), OutboxError> {
        let name = &schedule.name;
        for occurrence in missed {
            let record = Missed {
                id: self.clock.new_id().to_string(),
                schedule: name.clone(),
                occurrence: occurrence.key.clone(),
                account: schedule.via.first().cloned().unwrap_or_default(),
                due_at: occurrence.at.as_millisecond(),
                skipped: false,
                reason: "postroom was not running, or too late by more than `catch_up`".to_owned(),
            };
            if self.outbox.submit(record).await? {
                tracing::warn!(
                    event = "run-missed",
                    schedule = name,
                    "{name} missed its time {}",
                    occurrence.key
                );
            }
        }
        if more > 0 {
            tracing::warn!(
                event = "run-missed",
                schedule = name,
                "{name} missed {more} or more earlier times, too; they are not recorded each"
            );
        }
        Ok(())
    }

    /// An order was carried out, or is put back.
    fn conclude(&mut self, (order, outcome): Done) -> Result<(), OutboxError> {
        if let Some(watched) = self.watched.get_mut(&order.schedule) {
            watched.busy = false;
        }
        match outcome {
            Ok(()) => self.advance(&order.schedule, order.due_at),
            Err(error) => {
                self.rest(error)?;
                self.again.push(order); // the occurrence keeps its place
            }
        }
        Ok(())
    }

    fn advance(&mut self, schedule: &str, to: Timestamp) {
        let calendar = self.config.schedules.get(schedule);
        let calendar = calendar.and_then(|it| it.calendar.as_ref());
        if let (Some(watched), Some(calendar)) = (self.watched.get_mut(schedule), calendar) {
            watched.cursor = to;
            watched.next = calendar.next_after(to);
        }
    }

    /// Trouble with the outbox that passes, a full disk for example, ends no schedule.
    fn rest(&mut self, error: OutboxError) -> Result<(), OutboxError> {
        if matches!(error, OutboxError::Stopped(_)) {
            return Err(error);
        }
        tracing::error!("schedules wait: {error}");
        self.rests_until = self.clock.ticks() + OUTBOX_TROUBLE;
        Ok(())
    }

    fn until_next(&self) -> Duration {
        let ticks = self.clock.ticks();
        if ticks < self.rests_until {
            return self.rests_until - ticks;
        }
        let now = self.clock.now();
        let waiting = self.watched.values().filter(|it| !it.busy);
        let next = waiting.filter_map(|it| Some(it.next.as_ref()?.at)).min();
        let wait = next.and_then(|at| Duration::try_from(at - now).ok());
        wait.unwrap_or(TICK).min(TICK)
    }
}

fn timed(config: &Config) -> impl Iterator<Item = (&Schedule, &Calendar)> {
    let schedules = config.schedules.values();
    schedules.filter_map(|schedule| Some((schedule, schedule.calendar.as_ref()?)))
}

async fn carry_out(
    config: Arc<Config>,
    outbox: Outbox,
    clock: Clock,
    room: Arc<Semaphore>,
    order: Order,
) -> Done {
    let _room = room.acquire().await;
    let for_cursor = outbox.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let outcome = open(&config, &outbox, &clock, &order);
        (order, outcome)
    });
    let (order, outcome) = opened.await.expect("opening a run does not panic");
    if let Err(OpenError::Outbox(error)) = outcome {
        return (order, Err(error));
    }
    tell(&order, &outcome);
    let dealt_with = SetCursor {
        schedule: order.schedule.clone(),
        cursor_at: order.due_at.as_millisecond(),
    };
    let recorded = for_cursor.submit(dealt_with).await;
    (order, recorded)
}

/// Log line of what came of an order.
fn tell(order: &Order, outcome: &Result<Opening, OpenError>) {
    let schedule = &order.schedule;
    match outcome {
        Ok(opening) if opening.existed => {}
        Ok(Opening {
            skipped: Some(reason),
            ..
        }) => tracing::warn!(
            event = "run-skipped",
            schedule,
            occurrence = order.occurrence,
            "{schedule} skipped its time {}: {reason}",
            order.occurrence
        ),
        Ok(opening) => tell_opening(order, opening),
        Err(error) => tracing::error!(
            event = "run-failed",
            schedule,
            occurrence = order.occurrence,
            "{schedule} was not sent: {error}"
        ),
    }
}

fn tell_opening(order: &Order, opening: &Opening) {
    let schedule = &order.schedule;
    let badness = &opening.badness;
    let people = opening.people();
    tracing::info!(
        event = "run-opened",
        schedule,
        run = opening.run,
        people,
        invalid = badness.bad,
        duplicates = opening.duplicates,
        suppressed = opening.suppressed,
        sent_before = opening.sent_before,
        "{schedule}: run {} for {people} people",
        opening.run
    );
    if badness.bad > 0 {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {badness}");
    }
    if let Some(strays) = badness.strays_told() {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {strays}");
    }
    warn_late(schedule, opening);
}

/// Log line of a run that cannot end before it expires.
pub fn warn_late(schedule: &str, opening: &Opening) {
    if let Some(late) = &opening.late {
        tracing::warn!(
            event = "run-too-slow",
            schedule,
            run = opening.run,
            late = late.late,
            "{schedule}: run {}: {late}",
            opening.run
        );
    }
}
