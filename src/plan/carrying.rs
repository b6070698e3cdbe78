//! What is done with one occurrence that is due: its run is opened, or a word stands there instead;
//! and whoever is to be told is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::Semaphore;

use super::alert::{Cause, raise};
use super::change::{counted, rows};
use super::firing::TICK;
use super::forecast::grouped;
use super::opening::{OpenError, Opening, Order, open};
use super::question::ask;
use super::roll::Roll;
use crate::audience::List;
use crate::calendar::Occurrence;
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Schedule};
use crate::outbox::{Missed, Outbox, OutboxError, SetCursor, Unrun};

/// So many runs are opened at the same time whose lists are files, and as many others.
const OPENINGS: usize = 32;
/// A run that is opened later than this is late.
const LATE: Duration = TICK.saturating_mul(2);

/// What openings work with. Clones share it.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) config: Arc<Config>,
    pub(super) outbox: Outbox,
    pub(super) clock: Clock,
    room: Arc<Semaphore>,
    /// For those that wait for programs, which may hang: they stand in nobody's way but each
    /// other's.
    slow_room: Arc<Semaphore>,
}

/// What came of an order; an error of the outbox means that it is tried again.
pub(super) type Done = (Order, Result<(), OutboxError>);

impl Desk {
    pub(super) fn new(config: Arc<Config>, outbox: Outbox, clock: Clock) -> Self {
        let room = || Arc::new(Semaphore::new(OPENINGS));
        Self {
            config,
            outbox,
            clock,
            room: room(),
            slow_room: room(),
        }
    }

    /// Opens the run of an occurrence, if it is to have one, and says that it is dealt with.
    pub(super) async fn carry_out(self, order: Order) -> Done {
        let room = match self.runs_programs(&order.schedule) {
            true => Arc::clone(&self.slow_room),
            false => Arc::clone(&self.room),
        };
        let place = room.acquire().await;
        let (order, carried) = match self.ask(&order).await {
            Ok(()) => self.open(order).await,
            Err((state, reason)) => {
                let recorded = self.record(&order, state, reason).await;
                (order, recorded)
            }
        };
        if carried.is_err() {
            return (order, carried);
        }
        drop(place);
        let dealt_with = SetCursor {
            schedule: order.schedule.clone(),
            cursor_at: order.due_at.as_millisecond(),
        };
        let recorded = self.outbox.submit(dealt_with).await;
        (order, recorded)
    }

    /// Whether its opening waits for a program: of a list, or its `when`.
    fn runs_programs(&self, schedule: &str) -> bool {
        let asks = (self.config.schedules.get(schedule)).is_some_and(|it| it.when.is_some());
        let roll = Roll::of(&self.config, schedule);
        asks || roll.is_ok_and(|it| it.all_lists().any(List::runs_a_program))
    }

    /// Asks the schedule's `when`, if it has one; or what there is instead of a run, and why.
    async fn ask(&self, order: &Order) -> Result<(), (Unrun, String)> {
        let schedule = self.config.schedules.get(&order.schedule);
        let Some(program) = schedule.and_then(|it| it.when.as_ref()) else {
            return Ok(());
        };
        if order.begun {
            return Ok(()); // it has said yes
        }
        match ask(program, order).await {
            Ok(true) => Ok(()),
            Ok(false) => Err((
                Unrun::Skipped,
                format!("`{}` printed nothing (`when`)", program.name()),
            )),
            Err(error) => Err((
                Unrun::Failed,
                format!("whether to send could not be asked (`when`): {error}"),
            )),
        }
    }

    async fn open(&self, order: Order) -> Done {
        let Self {
            config,
            outbox,
            clock,
            ..
        } = self.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let outcome = open(&config, &outbox, &clock, &order);
            (order, outcome)
        });
        let (order, outcome) = opened.await.expect("opening a run does not panic");
        match outcome {
            Err(OpenError::Outbox(error)) => return (order, Err(error)),
            Err(error) => {
                let reason = error.to_string();
                self.tell(&order, Unrun::Failed, &reason, true).await;
            }
            Ok(opening) if opening.existed => {}
            Ok(Opening {
                skipped: Some(reason),
                ..
            }) => self.tell(&order, Unrun::Skipped, &reason, true).await,
            Ok(opening) => self.tell_opening(&order, &opening).await,
        }
        (order, Ok(()))
    }

    /// Records that there is no run for an occurrence, and tells it if that is new.
    async fn record(&self, order: &Order, state: Unrun, reason: String) -> Result<(), OutboxError> {
        let schedule = self.config.schedules.get(&order.schedule);
        let account = schedule.and_then(|it| it.via.first());
        let record = Missed {
            id: self.clock.new_id().to_string(),
            schedule: order.schedule.clone(),
            occurrence: order.occurrence.clone(),
            account: account.cloned().unwrap_or_default(),
            due_at: order.due_at.as_millisecond(),
            state,
            reason: reason.clone(),
        };
        if self.outbox.submit(record).await? {
            // That a program said no is no reason to alarm anybody.
            self.tell(order, state, &reason, state != Unrun::Skipped)
                .await;
        }
        Ok(())
    }

    /// Records what was missed; of very many, `more` are told in one line.
    pub(super) async fn record_missed(
        &self,
        schedule: &Schedule,
        missed: &[Occurrence],
        more: u64,
    ) -> Result<(), OutboxError> {
        let name = &schedule.name;
        for occurrence in missed {
            let order = Order::due(name, occurrence.key.clone(), occurrence.at);
            let reason = "postroom was not running, or too late by more than `catch_up`";
            self.record(&order, Unrun::Missed, reason.to_owned())
                .await?;
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

    /// A log line about an occurrence without a run, and an alert if that is alarming.
    async fn tell(&self, order: &Order, state: Unrun, reason: &str, alarms: bool) {
        let Order {
            schedule,
            occurrence,
            ..
        } = order;
        let (event, text) = match state {
            Unrun::Missed => (
                "run-missed",
                format!("{schedule} missed its time {occurrence}: {reason}"),
            ),
            Unrun::Skipped => (
                "run-skipped",
                format!("{schedule} skipped its time {occurrence}: {reason}"),
            ),
            Unrun::Failed => (
                "run-failed",
                format!("{schedule} was not sent at {occurrence}: {reason}"),
            ),
        };
        match state {
            Unrun::Failed => tracing::error!(event, schedule, occurrence, "{text}"),
            Unrun::Missed => tracing::warn!(event, schedule, occurrence, "{text}"),
            Unrun::Skipped => tracing::info!(event, schedule, occurrence, "{text}"),
        }
        if alarms {
            self.alert(event, schedule, text).await;
        }
    }

    async fn alert(&self, event: &'static str, schedule: &str, text: String) {
        let cause = Cause::of_schedule(event, schedule, text);
        raise(&self.config, &self.outbox, &self.clock, cause).await;
    }

    async fn tell_opening(&self, order: &Order, opening: &Opening) {
        let schedule = &order.schedule;
        tell_opened(&self.config, (order, opening), self.clock.now());
        let run = &opening.run;
        let late = Duration::try_from(self.clock.now() - order.due_at).unwrap_or_default();
        if late > LATE && !order.is_manual() && self.is_for_all_at_once(schedule) {
            let minutes = late.as_secs() / 60;
            let text = format!(
                "{schedule}: run {run} of {} was opened {minutes} min late",
                order.occurrence
            );
            tracing::warn!(event = "run-late", schedule, run, "{text}");
            self.alert("run-late", schedule, text).await;
        }
        if let Some(other) = &opening.waits_for {
            let text = format!(
                "{schedule}: run {run} waits: run {other} of the same schedule is still being sent"
            );
            tracing::warn!(event = "run-overlaps", schedule, run, "{text}");
            self.alert("run-overlaps", schedule, text).await;
        }
    }

    /// Whether its times are not those of each reader, which pass one after the other.
    fn is_for_all_at_once(&self, schedule: &str) -> bool {
        let schedule = self.config.schedules.get(schedule);
        schedule.is_none_or(|it| it.readers.is_none())
    }
}

/// Log lines of a run that was opened.
pub fn tell_opened(config: &Config, (order, opening): (&Order, &Opening), now: Timestamp) {
    let (schedule, badness) = (order.schedule.as_str(), &opening.badness);
    let people = opening.people();
    let asked = if order.is_manual() {
        ", asked for by a person"
    } else {
        ""
    };
    tracing::info!(
        event = "run-opened",
        schedule,
        run = opening.run,
        people,
        invalid = badness.bad,
        duplicates = opening.duplicates,
        suppressed = opening.suppressed,
        sent_before = opening.sent_before,
        left_out = badness.left_out,
        rows = badness.rows,
        "{schedule}: run {} for {}{}{asked}{}",
        opening.run,
        counted(people),
        of_rows(opening),
        end_of(config, (schedule, opening), now)
    );
    if badness.bad > 0 {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {badness}");
    }
    if let Some(bad) = badness.except_told() {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {bad}");
    }
    if let Some(strays) = badness.strays_told() {
        tracing::warn!(schedule, run = opening.run, "{schedule}: {strays}");
    }
    warn_late(schedule, opening);
}

/// How many rows there were where not each of them is one of the people, and why: ` of 7 rows (1
/// repeated address, 2 unusable rows)`; and how many each list has, where there are several.
fn of_rows(opening: &Opening) -> String {
    let badness = &opening.badness;
    let mut reasons = opening.not_to().words();
    if badness.lists.len() > 1 {
        let lists = badness.lists.iter();
        let lists = lists.map(|it| format!("{} {}", it.list, grouped(&it.rows.to_string())));
        reasons.insert(0, lists.collect::<Vec<_>>().join(", "));
    }
    match reasons.is_empty() {
        true => String::new(),
        false => format!(" of {} ({})", rows(badness.rows), reasons.join("; ")),
    }
}

/// When a run ends, to be put behind what is said of its opening; nothing, if it is over soon.
fn end_of(config: &Config, (schedule, opening): (&str, &Opening), now: Timestamp) -> String {
    let Some(forecast) = opening.forecast.as_ref().filter(|it| !it.is_soon(now)) else {
        return String::new();
    };
    let zone = config.schedules.get(schedule).map(|it| it.zone.clone());
    let ends = Timestamp::from_millisecond(forecast.ends_at).unwrap_or(Timestamp::MAX);
    let ends = ends.to_zoned(zone.unwrap_or(TimeZone::UTC));
    format!(
        "; {}",
        forecast.words(&ends.strftime("%a %Y-%m-%d %H:%M %Z").to_string())
    )
}

/// Log line of a run that cannot end before it expires.
fn warn_late(schedule: &str, opening: &Opening) {
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
