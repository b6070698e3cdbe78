//! When runs end, and whether that is before their mail expires.
//!
//! It says what the limits of the configuration, what was sent lately and the speed of the servers
//! come to ([`crate::pace::forecast`] plays it), and says nothing where that is not known. What may
//! go wrong is not foreseen.

mod late;
mod open;
mod remarks;
mod scene;
mod words;

use std::time::Duration;

pub use late::Late;
pub(super) use open::foresee_opened;
pub use open::{Foreseen, foresee_beside, foresee_open};
pub use remarks::{Size, last_sizes, remarks};
pub(super) use scene::{Entry, Scene};
pub use scene::{Lately, Whose};
pub use words::Forecast;
pub(super) use words::grouped;

use crate::clock::Timestamp;
use crate::config::{Config, Schedule};
use crate::pace::forecast::Part;

/// What a run to so many people comes to that opens at `now`, if nothing else is sent: when it
/// ends, and what it will not get done.
#[must_use]
pub fn foresee(
    config: &Config,
    schedule: &Schedule,
    people: u64,
    now: Timestamp,
) -> (Option<Forecast>, Option<Late>) {
    let nothing = Lately::default();
    told(Scene::new(config, &nothing, now), schedule, people)
}

/// The same for a run that is added to a scene.
fn told(
    mut scene: Scene<'_>,
    schedule: &Schedule,
    people: u64,
) -> (Option<Forecast>, Option<Late>) {
    let run = scene.add(entry(schedule, people, Duration::ZERO));
    let outlooks = scene.outlooks();
    let forecast = scene.forecast(run, &outlooks[run]);
    let mut late = scene.late(&outlooks, |_| Duration::ZERO);
    (forecast, late.remove(&run))
}

/// How many messages leave for so many people: one, if it is one to all.
pub(super) fn messages(schedule: &Schedule, people: u64) -> u64 {
    match schedule.group {
        Some(_) => people.min(1),
        None => people,
    }
}

/// A run that opens after so long.
pub(super) fn entry(schedule: &Schedule, people: u64, from: Duration) -> Entry {
    let people = messages(schedule, people);
    let part = Part {
        people,
        from,
        expires: Some(from.saturating_add(schedule.expires)),
        meters: Vec::new(),
    };
    Entry {
        schedule: schedule.name.clone(),
        account: schedule.via.first().cloned().unwrap_or_default(),
        people,
        parts: vec![(String::new(), part)],
        follows: None,
    }
}
