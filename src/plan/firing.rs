//! Which occurrences are due, and what becomes of each: a run, or a word that it was missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::carrying::{Desk, Done};
use super::due::{Due, due_between};
use super::opening::Order;
use super::sanity::Sanity;
use crate::calendar::{Calendar, Occurrence};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Schedule};
use crate::outbox::{Cursors, Outbox, OutboxError, SetCursor, TurnBack};

/// The longest sleep: sleeps do not count suspension, and wall clocks jump.
pub(super) const TICK: Duration = Duration::from_secs(30);
/// After the outbox refused an opening.
const OUTBOX_TROUBLE: Duration = Duration::from_secs(5);

/// The schedules of one configuration, waiting for their times.
pub struct Firings {
    desk: Desk,
    /// Other configurations, as they come to hold.
    changes: Option<watch::Receiver<Arc<Config>>>,
    sanity: Sanity,
    /// The schedules that have times; empty until the outbox has told how far they are.
    watched: BTreeMap<String, Watched>,
    /// Schedules whose opening is under way.
    busy: BTreeSet<String>,
    /// Openings that an earlier process did not finish, or the outbox did not take.
    again: Vec<Order>,
    /// After trouble with the outbox: nothing is tried before, in ticks of the clock.
    rests_until: Duration,
}

/// How far one schedule is.
struct Watched {
    /// Occurrences up to here have been dealt with.
    cursor: Timestamp,
    /// The next one after that.
    next: Option<Occurrence>,
}

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
            sanity: Sanity::new(&clock),
            desk: Desk::new(config, outbox, clock),
            changes: None,
            watched: BTreeMap::new(),
            busy: BTreeSet::new(),
            again,
            rests_until: Duration::ZERO,
        }
    }

    /// Goes on by each configuration that comes to hold. What is being opened is opened as it was
    /// begun.
    #[must_use]
    pub fn following(self, changes: watch::Receiver<Arc<Config>>) -> Self {
        let changes = Some(changes);
        Self { changes, ..self }
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
                () = self.desk.clock.sleep(self.until_next()) => {}
                Some(config) = next(&mut self.changes) => {
                    self.desk.config = config;
                    self.watched.clear(); // the outbox says how far each is
                }
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
        let seen = self.sanity.look(&self.desk.clock);
        if !seen.is_right || self.desk.clock.ticks() < self.rests_until {
            return Ok(());
        }
        if self.watched.is_empty() {
            self.watch_all().await?;
        }
        let now = self.desk.clock.now();
        let ahead = self.watched.values().any(|it| it.cursor > now + TICK);
        if let Some(to) = seen.went_back_to.or(ahead.then_some(now)) {
            self.turn_back(to, seen.went_back_to.is_some()).await?;
        }
        let due = self.due(now).await?;
        for order in self.again.drain(..).chain(due) {
            self.busy.insert(order.schedule.clone());
            openings.spawn(self.desk.clone().carry_out(order));
        }
        Ok(())
    }

    /// Asks the outbox how far all schedules are.
    async fn watch_all(&mut self) -> Result<(), OutboxError> {
        let schedules = timed(&self.desk.config)
            .map(|(schedule, calendar)| (schedule.name.clone(), calendar.identity()))
            .collect();
        let cursors = self.desk.outbox.submit(Cursors { schedules }).await?;
        let now = self.desk.clock.now();
        for ((schedule, calendar), cursor) in timed(&self.desk.config).zip(cursors) {
            let cursor = Timestamp::from_millisecond(cursor).unwrap_or(now);
            let watched = Watched {
                cursor,
                next: calendar.next_after(cursor),
            };
            self.watched.insert(schedule.name.clone(), watched);
        }
        Ok(())
    }

    /// The clock has gone back: calendars go on from the time that it went to. What was done
    /// already is not done again, since each occurrence has one run.
    async fn turn_back(&mut self, to: Timestamp, is_told: bool) -> Result<(), OutboxError> {
        let ahead = self.watched.iter().filter(|(_, it)| it.cursor > to + TICK);
        let ahead = ahead.max_by_key(|(_, it)| it.cursor);
        if let (Some((name, watched)), false) = (ahead, is_told) {
            tracing::warn!(
                event = "clock-went-back",
                schedule = name,
                "the clock has gone back: {name} is already past {}, and goes on from {to}",
                watched.cursor
            );
        }
        let back = TurnBack {
            to: to.as_millisecond(),
        };
        while self.desk.outbox.submit(back).await? {}
        for (schedule, calendar) in timed(&self.desk.config) {
            let watched = self.watched.get_mut(&schedule.name);
            if let Some(watched) = watched.filter(|it| it.cursor > to) {
                watched.cursor = to;
                watched.next = calendar.next_after(to);
            }
        }
        Ok(())
    }

    /// Everything that is due now, over all schedules.
    async fn due(&mut self, now: Timestamp) -> Result<Vec<Order>, OutboxError> {
        let mut orders = Vec::new();
        let config = Arc::clone(&self.desk.config);
        for (schedule, calendar) in timed(&config) {
            let is_due = |it: &&Watched| it.next.as_ref().is_some_and(|it| it.at <= now);
            let Some(watched) = self.watched.get(&schedule.name).filter(is_due) else {
                continue;
            };
            let again = self.again.iter().any(|it| it.schedule == schedule.name);
            if again || self.busy.contains(&schedule.name) {
                continue; // asked again when that is done
            }
            let Due {
                run,
                missed,
                more_missed,
            } = due_between(schedule, calendar, watched.cursor, now);
            self.desk
                .record_missed(schedule, &missed, more_missed)
                .await?;
            if let Some(occurrence) = run {
                orders.push(Order::due(&schedule.name, occurrence.key, occurrence.at));
                continue;
            }
            let dealt_with = SetCursor {
                schedule: schedule.name.clone(),
                cursor_at: now.as_millisecond(),
            };
            self.desk.outbox.submit(dealt_with).await?;
            self.advance(&schedule.name, now);
        }
        Ok(orders)
    }

    /// An order was carried out, or is put back.
    fn conclude(&mut self, (order, outcome): Done) -> Result<(), OutboxError> {
        self.busy.remove(&order.schedule);
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
        let calendar = self.desk.config.schedules.get(schedule);
        let calendar = calendar.and_then(|it| it.calendar.as_ref());
        if let (Some(watched), Some(calendar)) = (self.watched.get_mut(schedule), calendar) {
            watched.cursor = watched.cursor.max(to); // as `SetCursor` has it
            watched.next = calendar.next_after(watched.cursor);
        }
    }

    /// Trouble with the outbox that passes, a full disk for example, ends no schedule.
    fn rest(&mut self, error: OutboxError) -> Result<(), OutboxError> {
        if matches!(error, OutboxError::Stopped(_)) {
            return Err(error);
        }
        tracing::error!("schedules wait: {error}");
        self.rests_until = self.desk.clock.ticks() + OUTBOX_TROUBLE;
        Ok(())
    }

    fn until_next(&self) -> Duration {
        let ticks = self.desk.clock.ticks();
        if ticks < self.rests_until {
            return self.rests_until - ticks;
        }
        let now = self.desk.clock.now();
        let waiting = self
            .watched
            .iter()
            .filter(|(name, _)| !self.busy.contains(*name));
        let next = waiting
            .filter_map(|(_, it)| Some(it.next.as_ref()?.at))
            .min();
        // What fell due while the others were looked at does not wait for the next tick.
        let wait = next.map(|at| Duration::try_from(at - now).unwrap_or(Duration::ZERO));
        wait.unwrap_or(TICK).min(TICK)
    }
}

/// The next configuration; never, if there are no others.
async fn next(changes: &mut Option<watch::Receiver<Arc<Config>>>) -> Option<Arc<Config>> {
    let Some(changes) = changes else {
        return std::future::pending().await;
    };
    changes.changed().await.ok()?;
    Some(Arc::clone(&changes.borrow_and_update()))
}

fn timed(config: &Config) -> impl Iterator<Item = (&Schedule, &Calendar)> {
    let schedules = config.schedules.values();
    schedules.filter_map(|schedule| Some((schedule, schedule.calendar.as_ref()?)))
}
