//! When the mail of a schedule may leave.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::calendar::OpenHours;
use crate::clock::Timestamp;

/// The hours at which a schedule may send, by the clocks of a zone.
#[derive(Clone, Debug)]
pub struct Hours {
    /// The hours.
    pub open: OpenHours,
    /// Where the clock hangs.
    pub zone: TimeZone,
}

/// What the hours of all schedules come to at one moment.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Now {
    /// These may not send.
    pub(super) closed: Vec<String>,
    /// These may until then, in milliseconds.
    pub(super) closing: HashMap<String, i64>,
    /// How long until the first of the closed ones opens.
    pub(super) opens_in: Option<Duration>,
}

impl Now {
    pub(super) fn of(hours: &BTreeMap<String, Hours>, now: Timestamp) -> Self {
        let mut all = Self::default();
        for (schedule, hours) in hours {
            if hours.open.is_open(&hours.zone, now) {
                let closes = hours.open.closes(&hours.zone, now);
                let closes = closes.map(|at| (schedule.clone(), at.as_millisecond()));
                all.closing.extend(closes);
                continue;
            }
            all.closed.push(schedule.clone());
            let opens = hours.open.opens(&hours.zone, now);
            let opens = opens.and_then(|at| Duration::try_from(at - now).ok());
            all.opens_in = [all.opens_in, opens].into_iter().flatten().min();
        }
        all
    }
}
