//! Days of a month that are moved to one from Monday to Friday, in Quartz's notation: `LW`, `15W`.
//! Holidays are none of their business.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};

/// A day from Monday to Friday that depends on how the days of its month fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workday {
    /// The last of its month.
    Last,
    /// The one nearest to a day of the month, and within the month; none in a month without that
    /// day.
    Nearest(u32),
}

impl Workday {
    pub(super) fn is(self, date: Date) -> bool {
        match self {
            Self::Last => nearest(date.last_of_month(), true) == date,
            Self::Nearest(day) => {
                let day = i8::try_from(day).unwrap_or(i8::MAX);
                Date::new(date.year(), date.month(), day)
                    .is_ok_and(|meant| nearest(meant, false) == date)
            }
        }
    }
}

/// The nearest day from Monday to Friday in the same month, or the nearest before.
fn nearest(date: Date, before: bool) -> Date {
    let last = date == date.last_of_month();
    let days = match date.weekday() {
        Weekday::Saturday if date.day() == 1 && !before => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if last || before => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    date.saturating_add(days.days())
}
