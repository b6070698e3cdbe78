//! Opening a run: the roll is called once, into the outbox, and the run is whole or it is nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lettre::message::Mailbox;

use super::badness::Badness;
use super::change::{self, Refused};
use super::due::is_too_late;
use super::filling::Filling;
use super::forecast::{Forecast, Late, foresee_opened};
use super::former::Former;
use super::local::ROUND;
use super::manner::{account_of, sender_of};
use super::not_to::NotTo;
use super::pools::Pools;
use super::refusal::RollError;
use super::roll::Roll;
use super::supplement;
use crate::audience::Care;
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::outbox::{FinishRun, FrozenRun, NewRun, Opened, Outbox, OutboxError, RunFailed, RunNo};

/// A run that is to be opened.
#[derive(Clone, Debug)]
pub struct Order {
    /// The schedule.
    pub schedule: String,
    /// The occurrence key.
    pub occurrence: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// Only the person with this normalised address.
    pub only: Option<String>,
    /// One message, to this mailbox.
    pub test: Option<Mailbox>,
    /// The people of an earlier run, instead of the lists.
    pub former: Option<Former>,
    /// A person has said that it is meant for so many more or fewer people than the last run.
    pub accepts_change: bool,
    /// Its opening was begun before, and interrupted.
    pub begun: bool,
}

/// What the occurrence keys of runs begin with that a person asked for.
pub const MANUAL: &str = "manual:";
/// Of those, the keys of runs that were for a part of the schedule's people, or for others.
pub(super) const PART: &str = "manual:part:";

impl Order {
    /// The order for an occurrence of the calendar.
    #[must_use]
    pub fn due(schedule: &str, occurrence: String, due_at: Timestamp) -> Self {
        Self {
            schedule: schedule.to_owned(),
            occurrence,
            due_at,
            only: None,
            test: None,
            former: None,
            accepts_change: false,
            begun: false,
        }
    }

    /// The same for an opening that was interrupted.
    #[must_use]
    pub fn begun(self) -> Self {
        Self {
            begun: true,
            ..self
        }
    }

    /// The order of a person who wants a schedule sent now.
    #[must_use]
    pub fn manual(schedule: &str, clock: &Clock) -> Self {
        Self::due(schedule, format!("{MANUAL}{}", clock.new_id()), clock.now())
    }

    /// Whether a person asked for it.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.occurrence.starts_with(MANUAL)
    }

    /// Whether it is for all the people of its schedule, as it is when the calendar says so.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.only.is_none() && self.test.is_none() && self.former.is_none()
    }

    /// Whether `max_change` holds for it.
    pub(super) fn is_guarded(&self) -> bool {
        self.is_whole() && !self.accepts_change
    }

    /// The occurrence key as it is recorded.
    fn key(&self) -> String {
        match self.occurrence.strip_prefix(MANUAL) {
            Some(id) if !self.is_whole() => format!("{PART}{id}"),
            _ => self.occurrence.clone(),
        }
    }
}

/// A run that was opened.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// Its ULID.
    pub run: String,
    /// Whether the occurrence had a run already; then nothing was done.
    pub existed: bool,
    /// Why there is no run, as the configuration wants it; that is recorded.
    pub skipped: Option<String>,
    /// The earlier run of its schedule that it waits for.
    pub waits_for: Option<String>,
    /// Rows that were read.
    pub badness: Badness,
    /// People who get no mail because they are suppressed.
    pub suppressed: u64,
    /// Rows that repeat an address.
    pub duplicates: u64,
    /// People who were sent the same notice before, or soon will be.
    pub sent_before: u64,
    /// The first person who can be mailed, with their subject.
    pub first: Option<(Mailbox, String)>,
    /// When it ends, if that can be told.
    pub forecast: Option<Forecast>,
    /// What of it will expire unsent.
    pub late: Option<Late>,
}

impl Opening {
    /// Different people who get it.
    #[must_use]
    pub fn people(&self) -> u64 {
        self.badness.usable() - self.duplicates - self.suppressed - self.sent_before
    }

    /// The rows that bring nobody a mail.
    #[must_use]
    pub fn not_to(&self) -> NotTo {
        NotTo {
            duplicates: self.duplicates,
            left_out: self.badness.left_out,
            suppressed: self.suppressed,
            sent_before: self.sent_before,
            unusable: self.badness.bad,
        }
    }
}

/// Why a run was not opened. Nothing is sent to anybody.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Something is wrong with the audience. The run is recorded as failed.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// An occurrence that was interrupted, and is too late now. The run is recorded as failed.
    #[error("{0}")]
    TooLate(String),
    /// The outbox did not take it. An interrupted opening is begun anew later.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The outbox did not take it, and a person was waiting: it is not begun anew, or it would be
    /// sent when nobody expects it any more.
    #[error("{error}. This run was given up; nothing of it was sent: send it again then")]
    GivenUp {
        /// What the outbox said.
        error: OutboxError,
        /// What could not be recorded either, and has to be once the outbox takes it.
        unrecorded: Option<RunFailed>,
    },
}

impl From<Refused> for OpenError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Roll(error) => error.into(),
            Refused::Outbox(error) => error.into(),
        }
    }
}

/// Opens the run of `order`. Blocks: it reads files and waits for the disk.
///
/// # Errors
/// Nothing is sent to anybody.
pub fn open(
    config: &Config,
    outbox: &Outbox,
    clock: &Clock,
    order: &Order,
) -> Result<Opening, OpenError> {
    let mut roll = Roll::of(config, &order.schedule)?;
    roll.only.clone_from(&order.only);
    roll.test.clone_from(&order.test);
    roll.former.clone_from(&order.former);
    roll.care = Care::Fresh(clock.clone());
    if !order.is_manual() {
        roll.care = Care::AtRest(clock.clone());
        roll.is_due_at(order.due_at, clock.now());
    }
    let new = frozen(config, &roll, clock, order);
    let new_id = new.id.clone();
    let (run, id) = match outbox.submit(new).wait()? {
        Opened::Fill(run, id) => (run, id),
        Opened::Skipped(reason) => {
            return Ok(Opening {
                skipped: Some(reason),
                ..Opening::default()
            });
        }
        Opened::Exists(run) => {
            return Ok(Opening {
                run,
                existed: true,
                ..Opening::default()
            });
        }
    };
    // A panic in a list reader or a template concerns this run, not all schedules.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        in_time(&roll, clock, order)?;
        let is_new = id == new_id;
        fill((config, outbox), run, is_new, (&roll, order))
    }));
    let opened = opened.unwrap_or_else(|_| {
        let text = "postroom failed while it read the lists (a bug); nothing was sent";
        Err(RollError::BadRows(text.to_owned()).into())
    });
    match opened {
        Ok(opening) => {
            let opened = (roll.schedule(), id.as_str(), opening.people());
            let (forecast, late) = foresee_opened(config, outbox, clock, opened);
            Ok(Opening {
                run: id,
                forecast,
                late,
                ..opening
            })
        }
        Err(error) => Err(end(outbox, run, order, error)),
    }
}

/// An opening that was interrupted is begun anew as long as a missed one would be caught up.
fn in_time(roll: &Roll<'_>, clock: &Clock, order: &Order) -> Result<(), OpenError> {
    let now = clock.now();
    if order.is_manual() || !is_too_late(roll.schedule(), order.due_at, now) {
        return Ok(());
    }
    Err(OpenError::TooLate(format!(
        "its opening was interrupted, and now it is too late for it: it was due at {}, and \
         `catch_up` allows no more; nothing was sent",
        order.due_at.strftime("%Y-%m-%d %H:%M:%SZ")
    )))
}

/// A thousand runs of one person may fall due at once: what only others need is left out of them.
fn fill(
    (config, outbox): (&Config, &Outbox),
    run: RunNo,
    is_new: bool,
    (roll, order): (&Roll<'_>, &Order),
) -> Result<Opening, OpenError> {
    let notices = match roll.once_per() {
        Some(once) => Some(outbox.reader()?.notices(&roll.schedule().name, once)?),
        None => None,
    };
    let pools = Pools::of(config, &roll.schedule().via);
    let mut filling = Filling::new(outbox, run, pools, notices);
    if !is_new {
        filling.clear()?;
    }
    let badness = filling.fill(roll)?;
    if change::guards_lists(roll, order) {
        change::weigh_lists(roll, order, &outbox.reader()?, &badness)?;
    }
    let duplicates = filling.seal()?;
    let sent_before = filling.reserve()?;
    if roll.schedule().max_change.is_some() {
        let reader = outbox.reader()?;
        let people = reader.audience(run)?.people;
        change::weigh(roll.schedule(), order, &reader, (Some(run), people))?;
    }
    let finish = FinishRun {
        run,
        people: filling.rows,
        group: filling.group(roll),
        lists: lengths(roll, order, &badness),
    };
    let waits_for = outbox.submit(finish).wait()?;
    Ok(Opening {
        waits_for,
        badness,
        duplicates,
        sent_before,
        suppressed: filling.suppressed,
        first: filling.first,
        ..Opening::default()
    })
}

/// How many rows each list had, for later readings to be held against.
fn lengths(roll: &Roll<'_>, order: &Order, badness: &Badness) -> Vec<(String, u64)> {
    let mut lengths: Vec<(String, u64)> = Vec::new();
    for list in roll.all_lists().filter(|_| order.is_whole()) {
        let is_new = lengths.iter().all(|(name, _)| *name != list.name);
        let is_except = roll.except.iter().any(|it| it.name == list.name);
        let count = badness.all_lists().find(|it| it.list == list.name);
        // Where nobody on it is fine, that is a measure for no schedule.
        let count = count.filter(|it| is_new && (is_except || it.rows > 0));
        lengths.extend(count.map(|it| (list.name.clone(), it.rows)));
    }
    lengths
}

/// Ends a run that could not be opened, unless it is begun anew later. Nobody sees its rows then;
/// housekeeping removes them.
fn end(outbox: &Outbox, run: RunNo, order: &Order, error: OpenError) -> OpenError {
    let reason = match &error {
        OpenError::Outbox(OutboxError::Stopped(_)) => return error, // it records nothing more
        OpenError::Outbox(_) if !order.is_manual() => return error,
        OpenError::Outbox(why) => format!("{why}; this run was given up: send it again then"),
        _ => error.to_string(),
    };
    let failed = RunFailed { run, reason };
    let recorded = outbox.submit(failed.clone()).wait();
    match (error, recorded) {
        (OpenError::Outbox(error), recorded) => OpenError::GivenUp {
            error,
            unrecorded: recorded.is_err().then_some(failed),
        },
        (error, Ok(())) => error,
        (_, Err(error)) if order.is_manual() => OpenError::GivenUp {
            error,
            unrecorded: Some(failed),
        },
        (_, Err(error)) => error.into(),
    }
}

/// Freezes what the run needs: later edits of the configuration do not touch it.
fn frozen(config: &Config, roll: &Roll<'_>, clock: &Clock, order: &Order) -> NewRun {
    let schedule = roll.schedule();
    let account = account_of(config, schedule);
    let sender = sender_of(config, schedule, order.test.is_some());
    let now = clock.now();
    let json = "plain data serialises";
    let follows_the_sun = schedule.readers.is_some() && !order.is_manual();
    let longest = match follows_the_sun {
        true => schedule.expires.saturating_add(ROUND),
        false => schedule.expires,
    };
    let canary = schedule.canary.filter(|_| order.is_whole());
    let mut source = roll.template().source().clone();
    source.mark_subjects(|subject| roll.marked(subject));
    NewRun {
        id: clock.new_id().to_string(),
        schedule: schedule.name.clone(),
        occurrence: order.key(),
        due_at: order.due_at.as_millisecond(),
        expires_at: now
            .as_millisecond()
            .saturating_add(i64::try_from(longest.as_millis()).unwrap_or(i64::MAX)),
        // What a person asked for does not wait for the calendar, nor the calendar for it.
        overlap: (!order.is_manual() && !follows_the_sun).then_some(schedule.overlap),
        via: schedule.via.clone(),
        canary: canary.map(|it| (it.people, it.wait)),
        frozen: FrozenRun {
            account: account.name.clone(),
            template: serde_json::to_string(&source).expect(json),
            sender: serde_json::to_string(&sender).expect(json),
            utc_offset: schedule.zone.to_offset(now).seconds(),
            retry: schedule.retry.as_ref().unwrap_or(&account.retry).clone(),
            on_uncertain: schedule.on_uncertain,
            resend_after: schedule.resend_after,
            zone: schedule.zone.iana_name().map(str::to_owned),
            // Without what it must carry, it is not filled either.
            carried: roll.supplements().ok().and_then(supplement::frozen),
        },
        once: roll.once_per().cloned(),
    }
}
