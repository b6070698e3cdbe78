//! When a message is due where its reader lives.
//!
//! Such a run opens when its time comes to the first place on earth (UTC+14), and each message
//! waits for its own.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, civil};

use super::due::is_late;
use crate::calendar::{first_zone, resolve, zone};
use crate::clock::Timestamp;
use crate::config::{CatchUp, ReaderZones, Schedule};
use crate::outbox::Hour;

/// From the first place on earth to the last, UTC-12.
pub(super) const ROUND: Duration = Duration::from_secs(26 * 3600);

/// The readers' zones, and the time that is meant if it is known.
pub(super) struct Local<'a> {
    zones: &'a ReaderZones,
    occasion: Option<Occasion>,
}

/// A time that comes to each place once.
struct Occasion {
    wall: civil::DateTime,
    now: Timestamp,
    catch_up: CatchUp,
    expires: Duration,
}

/// The zone of a row.
pub(super) enum Lives {
    /// It is known, or stands for those of whom it is not.
    In(TimeZone),
    /// What stands there is no zone; this one is taken for it.
    Unknown(String, TimeZone),
    /// There can be no mail for it: why.
    Nowhere(String),
}

impl<'a> Local<'a> {
    /// Zones alone, for a look at the lists.
    pub(super) fn of(zones: &'a ReaderZones) -> Self {
        let occasion = None;
        Self { zones, occasion }
    }

    /// For the run that is due at `due_at` in the first zone.
    pub(super) fn on(&mut self, schedule: &Schedule, due_at: Timestamp, now: Timestamp) {
        self.occasion = Some(Occasion {
            wall: first_zone().to_datetime(due_at),
            now,
            catch_up: schedule.catch_up,
            expires: schedule.expires,
        });
    }

    /// Where the person of a row lives.
    pub(super) fn lives(&self, fields: &serde_json::Map<String, serde_json::Value>) -> Lives {
        let cell = fields.get(&self.zones.column).and_then(|it| it.as_str());
        let cell = cell.unwrap_or_default().trim();
        let column = &self.zones.column;
        match (zone(cell), cell, &self.zones.otherwise) {
            (Ok(zone), ..) => Lives::In(zone),
            (Err(_), "", Some(otherwise)) => Lives::In(otherwise.clone()),
            (Err(_), "", None) => Lives::Nowhere(format!("`{column}` names no time zone")),
            (Err(fault), _, Some(otherwise)) => Lives::Unknown(fault.message, otherwise.clone()),
            (Err(fault), _, None) => Lives::Nowhere(fault.message),
        }
    }

    /// When a message is due in a zone, if the time is known.
    pub(super) fn hour(&self, zone: &TimeZone) -> Option<Hour> {
        let occasion = self.occasion.as_ref()?;
        let (at, _) = resolve(zone, occasion.wall)?;
        if is_late(occasion.catch_up, at, occasion.now) {
            let late = occasion.now.duration_since(at);
            return Some(Hour::Over(format!(
                "{} in {} was {:#} before the run was opened: too late, as `catch_up` says",
                occasion.wall.strftime("%Y-%m-%d %H:%M"),
                zone.iana_name().unwrap_or("their zone"),
                SignedDuration::from_mins(late.as_mins()),
            )));
        }
        let expires = SignedDuration::try_from(occasion.expires).unwrap_or(SignedDuration::MAX);
        let expires_at = at.checked_add(expires).unwrap_or(Timestamp::MAX);
        Some(Hour::Due {
            not_before: at.as_millisecond(),
            expires_at: expires_at.as_millisecond(),
        })
    }
}
