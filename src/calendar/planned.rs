//! The occurrences of a calendar, one after the other: its times within its bounds, moved off
//! holidays, delayed by jitter.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::holidays::{Holidays, OnHoliday};
use super::hours::OpenHours;
use super::occurrence::{Occurrence, resolve};
use super::{Calendar, occurrence};

/// How far ahead moved occurrences are put in order at a time.
const BLOCK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Openings that are tried before it is said that no occurrence comes at one.
const OCCURRENCES_TRIED: usize = 800;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The occurrences of a calendar after an instant, in strictly increasing order.
#[derive(Clone, Debug)]
pub struct Occurrences<'a> {
    calendar: &'a Calendar,
    /// The last one given, before its jitter.
    last: Timestamp,
    /// Moved ones that are in order already.
    ahead: VecDeque<Occurrence>,
}

impl<'a> Occurrences<'a> {
    pub(super) fn after(calendar: &'a Calendar, after: Timestamp) -> Self {
        Self {
            calendar,
            last: after.checked_sub(calendar.jitter).unwrap_or(Timestamp::MIN),
            ahead: VecDeque::new(),
        }
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        let calendar = self.calendar;
        let occurrence = match &calendar.holidays {
            Some(holidays) if holidays.then() != OnHoliday::Skip => {
                if self.ahead.is_empty() {
                    self.ahead = calendar.moved_after(holidays, self.last);
                }
                self.ahead.pop_front()?
            }
            Some(holidays) => calendar.next_kept(holidays, self.last)?,
            None => calendar.next_planned(self.last)?,
        };
        self.last = occurrence.at;
        occurrence.delayed(&calendar.zone, calendar.jitter)
    }
}

impl Calendar {
    /// The first planned time after `after` that lies within `starts` and `ends`.
    fn next_planned(&self, after: Timestamp) -> Option<Occurrence> {
        let first = self.starts.and_then(|wall| resolve(&self.zone, wall));
        let just_before = |at: Timestamp| at.checked_sub(SignedDuration::from_nanos(1)).ok();
        let after = match first.and_then(|(at, _)| just_before(at)) {
            Some(before_first) => after.max(before_first),
            None => after,
        };
        let occurrence = self.when.next(&self.zone, after)?;
        let last = self
            .ends
            .and_then(|wall| occurrence::last(&self.zone, wall));
        last.is_none_or(|last| occurrence.at <= last)
            .then_some(occurrence)
    }

    /// The same, on no holiday.
    fn next_kept(&self, holidays: &Holidays, mut after: Timestamp) -> Option<Occurrence> {
        loop {
            let occurrence = self.next_planned(after)?;
            if !holidays.contain(occurrence.planned.date()) {
                return Some(occurrence);
            }
            after = occurrence.at;
        }
    }

    /// The next few after `after`, each moved off its holiday, in order; none if there are no more.
    ///
    /// Moves bring later times before earlier ones (17:00 of a holiday to after 09:00 of the next
    /// day), so a block is complete only with all that can be moved into it.
    fn moved_after(&self, holidays: &Holidays, after: Timestamp) -> VecDeque<Occurrence> {
        // A clock change can add a day to a way, and a lost day another.
        let reach = DAY * (holidays.reach() + 2);
        let mut begin = after;
        loop {
            let mut planned = self.next_planned(earlier(begin, reach));
            let Some(first) = &planned else {
                return VecDeque::new();
            };
            begin = begin.max(earlier(first.at, reach + DAY));
            let end = later(begin, BLOCK);
            let mut found = Vec::new();
            while let Some(occurrence) = planned.filter(|it| it.at <= later(end, reach)) {
                planned = self.next_planned(occurrence.at);
                found.extend(self.moved(holidays, occurrence));
            }
            found.retain(|it| it.at > begin && it.at <= end);
            if !found.is_empty() {
                return in_order(found);
            }
            begin = end;
        }
    }

    fn moved(&self, holidays: &Holidays, occurrence: Occurrence) -> Option<Occurrence> {
        match holidays.moved(occurrence.planned.date()) {
            None => Some(occurrence),
            Some(moved) => occurrence.moved_to(&self.zone, moved?),
        }
    }
}

impl Calendar {
    /// Whether none of its occurrences comes at open hours: for all that the next few hundred say.
    #[must_use]
    pub fn never_within(&self, hours: &OpenHours) -> bool {
        let mut found = self.next_after(Timestamp::UNIX_EPOCH);
        for _ in 0..OCCURRENCES_TRIED {
            let Some(occurrence) = found else { return true };
            let Some(opens) = hours.opens(&self.zone, occurrence.at) else {
                return true;
            };
            if opens == occurrence.at {
                return false;
            }
            // Those before the opening are outside as well.
            found = self.next_after(earlier(opens, SignedDuration::from_nanos(1)));
        }
        true
    }
}

/// Of several that fall on one instant the one that was planned there stays, else the earliest.
fn in_order(mut found: Vec<Occurrence>) -> VecDeque<Occurrence> {
    found.sort_by(|a, b| {
        let place = |it: &Occurrence| (it.at, it.holiday.is_some(), it.planned);
        place(a).cmp(&place(b))
    });
    found.dedup_by_key(|it| it.at);
    found.into()
}

fn earlier(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
