//! `max_change`: a run for many more or far fewer people than the last one is a mistake, an empty
//! export or somebody else's list, until a person says that it is meant. So is a list with many
//! more or far fewer rows than when it was read the last time, by whatever schedule.
//!
//! Only runs of a whole schedule are held against each other: what a person sent to a part of its
//! people says nothing about the others.

use super::badness::Badness;
use super::forecast::grouped;
use super::opening::{Order, PART};
use super::refusal::RollError;
use super::roll::Roll;
use crate::clock::Timestamp;
use crate::config::{Empty, Schedule};
use crate::outbox::{OutboxError, Reader, RunNo};

/// Holds so many people against the schedule's last run. `run` is the one that they are of, if it
/// is there already.
///
/// # Errors
/// It must not be sent.
pub(super) fn weigh(
    schedule: &Schedule,
    order: &Order,
    reader: &Reader,
    (run, people): (Option<RunNo>, u64),
) -> Result<(), Refused> {
    let Some(most) = schedule.max_change.filter(|_| order.is_guarded()) else {
        return Ok(());
    };
    if people == 0 && schedule.empty == Empty::Skip {
        return Ok(()); // the person has said that this is fine
    }
    let Some(last) = reader.last_audience(&schedule.name, PART, run)? else {
        return Ok(());
    };
    match most.allows(last.people, people) {
        true => Ok(()),
        false => Err(Refused::Roll(RollError::Changed {
            schedule: schedule.name.clone(),
            people,
            run: last.run,
            day: day(last.opened_at, schedule),
            before: last.people,
            most,
        })),
    }
}

/// Whether a list of this run may not have changed much.
pub(super) fn guards_lists(roll: &Roll<'_>, order: &Order) -> bool {
    order.is_guarded() && roll.all_lists().any(|list| list.max_change.is_some())
}

/// Holds each list against what was read of it before.
///
/// # Errors
/// It must not be sent.
pub(super) fn weigh_lists(
    roll: &Roll<'_>,
    order: &Order,
    reader: &Reader,
    badness: &Badness,
) -> Result<(), Refused> {
    if !guards_lists(roll, order) {
        return Ok(());
    }
    let schedule = roll.schedule();
    for list in roll.all_lists() {
        let is_except = roll.except.iter().any(|it| it.name == list.name);
        let may_be_empty = schedule.empty == Empty::Skip && !is_except;
        let count = badness.all_lists().find(|it| it.list == list.name);
        let (Some(most), Some(count)) = (list.max_change, count) else {
            continue;
        };
        if count.rows == 0 && may_be_empty {
            continue;
        }
        // A list that may have no rows is held against the last time that it had some.
        let last = reader.last_reading(&list.name, u64::from(may_be_empty))?;
        let Some(last) = last.filter(|it| it.rows > 0 && !most.allows(it.rows, count.rows)) else {
            continue;
        };
        return Err(Refused::Roll(RollError::ListChanged {
            schedule: schedule.name.clone(),
            list: roll.titled(count),
            rows: count.rows,
            run: last.run,
            day: day(last.opened_at, schedule),
            before: last.rows,
            most,
        }));
    }
    Ok(())
}

/// A moment where a schedule has its times: `Mon 16 Nov 09:00`.
fn day(at: i64, schedule: &Schedule) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MIN);
    let at = at.to_zoned(schedule.zone.clone());
    at.strftime("%a %-d %b %H:%M").to_string()
}

/// Why a run was refused, or could not be weighed.
#[derive(Debug)]
pub(super) enum Refused {
    /// It is too different.
    Roll(RollError),
    /// The outbox cannot be read.
    Outbox(OutboxError),
}

impl From<OutboxError> for Refused {
    fn from(error: OutboxError) -> Self {
        Self::Outbox(error)
    }
}

/// For people: `1 person`, `16 people`.
pub(super) fn counted(people: u64) -> String {
    match people {
        1 => "1 person".to_owned(),
        more => format!("{} people", grouped(&more.to_string())),
    }
}

/// For people: `1 row`, `16 rows`.
pub(super) fn rows(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        more => format!("{} rows", grouped(&more.to_string())),
    }
}

/// By how much, in percent, for people: `150% more`. Rounded up, so that what is over the share is
/// never told as what is allowed.
pub(super) fn told(before: u64, now: u64) -> String {
    let share = u128::from(before.abs_diff(now)) * 100;
    let share = share.div_ceil(u128::from(before.max(1)));
    let word = if now > before { "more" } else { "fewer" };
    format!("{share}% {word}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Share;

    #[test]
    fn the_share_is_of_the_last_run_and_may_be_reached() {
        for (before, now, fits) in [
            (100, 150, true),
            (100, 151, false),
            (100, 50, true),
            (100, 49, false),
            (3, 4, true),
            (3, 5, false),
            (1, 1, true),
            (1, 2, false),
            (u64::MAX, 0, false),
        ] {
            assert_eq!(Share(50).allows(before, now), fits, "{before} to {now}");
        }
        assert!(Share(300).allows(10, 40), "fourfold is 300% more");
        assert!(!Share(300).allows(10, 41));
    }

    #[test]
    fn what_is_over_is_never_told_as_what_is_allowed() {
        assert_eq!(told(1000, 1501), "51% more");
        assert_eq!(told(1000, 2500), "150% more");
        assert_eq!(told(1000, 0), "100% fewer");
    }
}
