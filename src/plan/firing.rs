//! Which occurrences are due, and what becomes of each: a run, or a word that it was missed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::opening::{OpenError, Order, open};
use crate::calendar::{Calendar, Occurrence, When};
use crate::clock::{Clock, Timestamp};
use crate::config::{CatchUp, Config, Schedule};
use crate::outbox::{Cursor, Missed, Outbox, OutboxError, SetCursor};

/// The longest sleep: sleeps do not count suspension, and wall clocks jump.
const TICK: Duration = Duration::from_secs(30);
/// After the outbox refused an opening.
const OUTBOX_TROUBLE: Duration = Duration::from_secs(5);
/// After so many missed occurrences the rest are told in one line.
const MISSED_MAX: usize = 100;

/// The schedules of one configuration, waiting for their times.
pub struct Firings {
    config: Arc<Config>,
    outbox: Outbox,
    clock: Clock,
    /// Schedules whose opening is under way.
    opening: HashSet<String>,
    /// Openings that an earlier process did not finish.
    again: Vec<Order>,
}

/// What is due of one schedule at one moment.
#[derive(Debug, Default, PartialEq)]
struct Due {
    /// The one to carry out.
    run: Option<Occurrence>,
    /// The ones that are too late, oldest first.
    missed: Vec<Occurrence>,
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
            config,
            outbox,
            clock,
            opening: HashSet::new(),
            again,
        }
    }

    /// Opens runs as they fall due, for ever. `opened` is called after each.
    ///
    /// # Errors
    /// The outbox has stopped.
    pub async fn run(mut self, opened: impl Fn()) -> Result<(), OutboxError> {
        let mut openings = tokio::task::JoinSet::new();
        loop {
            let again = std::mem::take(&mut self.again);
            self.opening
                .extend(again.iter().map(|order| order.schedule.clone()));
            let due = match self.due().await {
                Err(error) => self.wait_for(error).map(|()| Vec::new())?,
                Ok(due) => due,
            };
            for order in again.into_iter().chain(due) {
                let (config, outbox) = (Arc::clone(&self.config), self.outbox.clone());
                let clock = self.clock.clone();
                self.opening.insert(order.schedule.clone());
                openings.spawn_blocking(move || {
                    let outcome = open(&config, &outbox, &clock, &order);
                    (order, outcome)
                });
            }
            tokio::select! {
                () = self.clock.sleep(self.until_next()) => {}
                Some(done) = openings.join_next() => {
                    let (order, outcome) = done.expect("opening a run does not panic");
                    self.opening.remove(&order.schedule);
                    if let Err(error) = self.conclude(&order, outcome).await {
                        self.wait_for(error)?;
                        // The occurrence keeps its place: it is tried again.
                        self.again.push(order);
                        self.clock.sleep(OUTBOX_TROUBLE).await;
                    }
                    opened();
                }
            }
        }
    }

    /// Trouble with the outbox that passes, a full disk for example, ends no schedule.
    fn wait_for(&self, error: OutboxError) -> Result<(), OutboxError> {
        if matches!(error, OutboxError::Stopped(_)) {
            return Err(error);
        }
        tracing::error!("schedules wait: {error}");
        Ok(())
    }

    /// Everything that is due now, over all schedules.
    async fn due(&self) -> Result<Vec<Order>, OutboxError> {
        let mut orders = Vec::new();
        let now = self.clock.now();
        for schedule in self.config.schedules.values() {
            let Some(calendar) = &schedule.calendar else {
                continue;
            };
            if self.opening.contains(&schedule.name) {
                continue; // asked again when that is done
            }
            let due = self.due_of(schedule, calendar, now).await?;
            self.record_missed(schedule, &due.missed).await?;
            match due.run {
                Some(occurrence) => {
                    orders.push(Order::due(&schedule.name, occurrence.key, occurrence.at));
                }
                None if !due.missed.is_empty() => self.advance(&schedule.name, now).await?,
                None => {}
            }
        }
        Ok(orders)
    }

    async fn due_of(
        &self,
        schedule: &Schedule,
        calendar: &Calendar,
        now: Timestamp,
    ) -> Result<Due, OutboxError> {
        let cursor = Cursor {
            schedule: schedule.name.clone(),
            revision: revision(calendar),
        };
        let known = self.outbox.submit(cursor).await?;
        let from = Timestamp::from_millisecond(known.cursor_at).unwrap_or(now);
        if from > now {
            self.go_back(schedule, from, now).await?;
            return Ok(Due::default());
        }
        Ok(due_between(calendar, from, now, schedule.catch_up))
    }

    /// The clock has gone back: the calendar goes on from the time that it is now. What was done
    /// already is not done again, since each occurrence has one run.
    async fn go_back(
        &self,
        schedule: &Schedule,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<(), OutboxError> {
        let name = &schedule.name;
        if from > now + TICK {
            tracing::warn!(
                schedule = name,
                "the clock has gone back: {name} is already past {from}, and goes on from {now}"
            );
        }
        self.advance(name, now).await
    }

    async fn record_missed(
        &self,
        schedule: &Schedule,
        missed: &[Occurrence],
    ) -> Result<(), OutboxError> {
        for occurrence in missed {
            let record = Missed {
                id: self.clock.new_id().to_string(),
                schedule: schedule.name.clone(),
                occurrence: occurrence.key.clone(),
                account: schedule.via.first().cloned().unwrap_or_default(),
                due_at: occurrence.at.as_millisecond(),
                reason: "postroom was not running, or too late by more than `catch_up`".to_owned(),
            };
            if self.outbox.submit(record).await? {
                tracing::warn!(
                    event = "run-missed",
                    schedule = schedule.name,
                    "{} missed its time {}",
                    schedule.name,
                    occurrence.key
                );
            }
        }
        Ok(())
    }

    async fn conclude(
        &self,
        order: &Order,
        outcome: Result<super::Opening, OpenError>,
    ) -> Result<(), OutboxError> {
        let schedule = &order.schedule;
        match outcome {
            Ok(opening) if opening.existed => {}
            Ok(opening) => log_opening(schedule, &opening),
            Err(OpenError::Outbox(error)) => return Err(error),
            Err(error) => tracing::error!(
                event = "run-failed",
                schedule,
                occurrence = order.occurrence,
                "{schedule} was not sent: {error}"
            ),
        }
        self.advance(schedule, order.due_at).await
    }

    async fn advance(&self, schedule: &str, to: Timestamp) -> Result<(), OutboxError> {
        let schedule = schedule.to_owned();
        self.outbox
            .submit(SetCursor {
                schedule,
                cursor_at: to.as_millisecond(),
            })
            .await
    }

    fn until_next(&self) -> Duration {
        let now = self.clock.now();
        let next = upcoming(&self.config, now)
            .first()
            .map(|next| next.occurrence.at);
        let wait = next
            .and_then(|at| Duration::try_from(at - now).ok())
            .unwrap_or(TICK);
        wait.min(TICK)
    }
}

/// Log line of a run that was opened.
pub(super) fn log_opening(schedule: &str, opening: &super::Opening) {
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
        "{schedule}: run {} for {people} people",
        opening.run
    );
    if badness.bad > 0 {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {badness}");
    }
}

/// Of the occurrences in (from, now]: the last one is carried out unless it is too late, the others
/// are missed.
fn due_between(calendar: &Calendar, from: Timestamp, now: Timestamp, catch_up: CatchUp) -> Due {
    let mut passed: Vec<Occurrence> = Vec::new();
    for occurrence in calendar
        .after(from)
        .take_while(|occurrence| occurrence.at <= now)
    {
        if passed.len() > MISSED_MAX {
            passed.remove(0);
        }
        passed.push(occurrence);
    }
    let Some(last) = passed.pop() else {
        return Due::default();
    };
    if !is_late(catch_up, last.at, now) {
        return Due {
            run: Some(last),
            missed: passed,
        };
    }
    passed.push(last);
    Due {
        run: None,
        missed: passed,
    }
}

/// Whether it is too late for what was due at `at`.
pub(super) fn is_late(catch_up: CatchUp, at: Timestamp, now: Timestamp) -> bool {
    let late = Duration::try_from(now - at).unwrap_or_default();
    late > match catch_up {
        CatchUp::Within(most) => most.max(TICK),
        CatchUp::Never => 2 * TICK, // a busy moment is not downtime
    }
}

/// Changes when the times of a schedule do.
fn revision(calendar: &Calendar) -> String {
    let zone = calendar.zone.iana_name().unwrap_or("fixed");
    match &calendar.when {
        When::Cron(cron) => format!("cron {cron} {zone}"),
        When::On(dates) => format!("on {dates:?} {zone}"),
    }
}
