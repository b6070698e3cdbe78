//! `max_change`: a run for many more or far fewer people than the last one is a mistake, an empty
//! export or somebody else's list, until a person says that it is meant.
//!
//! Only runs of a whole schedule are held against each other: what a person sent to a part of its
//! people says nothing about the others.

use super::opening::{Order, PART};
use super::roll::RollError;
use crate::config::{Empty, Schedule, Share};
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
    match too_different(last.people, people, most) {
        false => Ok(()),
        true => Err(Refused::Roll(RollError::Changed {
            schedule: schedule.name.clone(),
            people,
            run: last.run,
            before: last.people,
            most,
        })),
    }
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

fn too_different(before: u64, now: u64, most: Share) -> bool {
    u128::from(before.abs_diff(now)) * 100 > u128::from(before) * u128::from(most.0)
}

/// For people: `1 person`, `16 people`.
pub(super) fn counted(people: u64) -> String {
    match people {
        1 => "1 person".to_owned(),
        more => format!("{more} people"),
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
            let is_refused = too_different(before, now, Share(50));
            assert_eq!(!is_refused, fits, "{before} to {now}");
        }
        assert!(!too_different(10, 40, Share(300)), "fourfold is 300% more");
        assert!(too_different(10, 41, Share(300)));
    }

    #[test]
    fn what_is_over_is_never_told_as_what_is_allowed() {
        assert_eq!(told(1000, 1501), "51% more");
        assert_eq!(told(1000, 2500), "150% more");
        assert_eq!(told(1000, 0), "100% fewer");
    }
}
