//! A crontab expression: five fields as crontab(5) means them, on wall-clock time, no zone.
//!
//! The fields are read by `field`, and handed to the `cron` crate in its own grammar (seconds in
//! front, weekdays by name, both day fields required) to be iterated. It only ever sees wall-clock
//! time dressed as UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use jiff::tz::Offset;
use jiff::{Timestamp, civil};

use super::fault::{CronError, Token};
use super::field::{Field, FloatingDay};
use super::rarity::{self, Rarity, longest, ordinal};
use super::shape;
use super::unit::{MONTHS, Unit, WEEKDAYS};
use super::workday::Workday;

/// A crontab expression: five fields, or `@daily` and its like. Displays as it was written.
///
/// As crontab(5) has it: minute, hour, day of month, month, day of week; lists, ranges, steps;
/// names of months and weekdays; Sunday is 0 and 7. If both day fields are restricted, a day that
/// matches either will do; a day field that begins with `*` is not restricted, and then both must
/// match. Beyond crontab: weekdays may run through the end (`Fri-Mon`), `L` is the last day of the
/// month, `LW` the last from Monday to Friday, `15W` the one nearest to the 15th, `FriL` the
/// last Friday, `Mon#2` the second Monday.
///
/// An expression that no date matches cannot be held.
#[derive(Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    rules: Vec<Rule>,
    wildcard_hours: bool,
    all_hours: bool,
    rarities: Vec<Rarity>,
}

/// Some of an expression's times. All its rules together make the whole.
#[derive(Clone, PartialEq, Eq)]
struct Rule {
    schedule: cron::Schedule,
    /// Only days among the last so many of their month count.
    last_days: i8,
    workday: Option<Workday>,
}

/// The days of a rule: those that all three parts allow.
#[derive(Clone, Copy)]
struct Days {
    of_month: u64,
    of_week: u64,
    last_days: i8,
    workday: Option<Workday>,
}

const EVERY_DAY: Days = Days {
    of_month: bits(1, 31),
    of_week: bits(0, 6),
    last_days: 31,
    workday: None,
};

/// Leap years, and every weekday for 29 February, come round from here before the `cron` crate ends
/// with the year 2100.
const FAR_ENOUGH_BACK: civil::DateTime = civil::datetime(2000, 1, 1, 0, 0, 0, 0);

/// The `cron` crate's years begin with 1970.
const BEFORE_ALL: civil::DateTime = civil::datetime(1969, 12, 31, 23, 59, 59, 0);

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let tokens = shape::five_fields(text)?;
        let field =
            |unit, token| Field::parse(unit, token).map_err(|fault| fault.within(text.trim()));
        let minute = field(Unit::Minute, tokens[0])?;
        let hour = field(Unit::Hour, tokens[1])?;
        let day = field(Unit::Day, tokens[2])?;
        let month = field(Unit::Month, tokens[3])?;
        let weekday = field(Unit::Weekday, tokens[4])?;
        let rules: Vec<Rule> = alternatives(&day, &weekday)
            .into_iter()
            .filter_map(|days| Rule::new(&minute, &hour, &month, days))
            .filter(|rule| rule.next_wall(FAR_ENOUGH_BACK).is_some())
            .collect();
        if rules.is_empty() {
            return Err(never(text, &tokens, &day, &month));
        }
        let all_hours = hour.values == bits(0, 23);
        Ok(Self {
            text: text.to_owned(),
            rules,
            wildcard_hours: hour.starred || all_hours,
            all_hours,
            rarities: rarity::of(&day, tokens[2], &weekday, tokens[4], &month),
        })
    }
}

impl Cron {
    /// The first matching wall-clock time strictly later than `after`, up to the year 2100.
    pub(super) fn next_wall(&self, after: civil::DateTime) -> Option<civil::DateTime> {
        self.rules
            .iter()
            .filter_map(|rule| rule.next_wall(after))
            .min()
    }

    /// Dates among its days that do not exist every month or every year.
    #[must_use]
    pub fn rarities(&self) -> &[Rarity] {
        &self.rarities
    }

    /// Every hour is named.
    pub(super) fn has_all_hours(&self) -> bool {
        self.all_hours
    }

    /// The hour field begins with `*` or names all 24.
    pub(super) fn has_wildcard_hours(&self) -> bool {
        self.wildcard_hours
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cron").field(&self.text).finish()
    }
}

/// The days of the two day fields, by crontab's rule: either will do if both are restricted,
/// otherwise both must match.
fn alternatives(day: &Field, weekday: &Field) -> Vec<Days> {
    let of_month = day_sets(day, |values| Days {
        of_month: values,
        ..EVERY_DAY
    });
    let of_week = day_sets(weekday, |values| Days {
        of_week: values,
        ..EVERY_DAY
    });
    if day.starred || weekday.starred {
        let both = |a: &Days| of_week.iter().map(|b| a.and(*b)).collect::<Vec<_>>();
        of_month.iter().flat_map(both).collect()
    } else {
        [of_month, of_week].concat()
    }
}

fn day_sets(field: &Field, plain: impl Fn(u64) -> Days) -> Vec<Days> {
    let plain = (field.values != 0).then(|| plain(field.values));
    plain
        .into_iter()
        .chain(field.floating.iter().map(|day| Days::floating(*day)))
        .collect()
}

impl Days {
    fn floating(day: FloatingDay) -> Self {
        match day {
            FloatingDay::Last => Self {
                of_month: bits(28, 31),
                last_days: 1,
                ..EVERY_DAY
            },
            FloatingDay::LastWorkday => Self::workday(Workday::Last, bits(26, 31)),
            FloatingDay::NearestWorkday { day } => Self::workday(
                Workday::Nearest(day),
                bits(day.saturating_sub(2).max(1), (day + 2).min(31)),
            ),
            FloatingDay::Nth { weekday, nth } => Self {
                of_month: bits(7 * nth - 6, (7 * nth).min(31)),
                of_week: 1 << weekday,
                ..EVERY_DAY
            },
            FloatingDay::LastWeekday { weekday } => Self {
                of_month: bits(22, 31),
                of_week: 1 << weekday,
                last_days: 7,
                workday: None,
            },
        }
    }

    fn workday(workday: Workday, of_month: u64) -> Self {
        Self {
            of_month,
            of_week: bits(1, 5),
            workday: Some(workday),
            ..EVERY_DAY
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            of_month: self.of_month & other.of_month,
            of_week: self.of_week & other.of_week,
            last_days: self.last_days.min(other.last_days),
            workday: self.workday.or(other.workday),
        }
    }
}

impl Rule {
    /// `None` if the day fields leave no day at all.
    fn new(minute: &Field, hour: &Field, month: &Field, days: Days) -> Option<Self> {
        if days.of_month == 0 || days.of_week == 0 {
            return None;
        }
        let text = format!(
            "0 {} {} {} {} {} *",
            list(minute.values, bits(0, 59), |value| value.to_string()),
            list(hour.values, bits(0, 23), |value| value.to_string()),
            list(days.of_month, bits(1, 31), |value| value.to_string()),
            list(month.values, bits(1, 12), |value| value.to_string()),
            list(days.of_week, bits(0, 6), |value| WEEKDAYS[value as usize]
                [..3]
                .to_owned()),
        );
        let schedule = text
            .parse()
            .expect("lists of values within their bounds are its grammar");
        Some(Self {
            schedule,
            last_days: days.last_days,
            workday: days.workday,
        })
    }

    fn next_wall(&self, mut after: civil::DateTime) -> Option<civil::DateTime> {
        loop {
            let found = from_utc(self.schedule.after(&as_utc(after)?).next()?)?;
            let date = found.date();
            if date.days_in_month() - date.day() < self.last_days
                && self.workday.is_none_or(|workday| workday.is(date))
            {
                return Some(found);
            }
            after = found.date().at(23, 59, 59, 0);
        }
    }
}

fn as_utc(wall: civil::DateTime) -> Option<DateTime<Utc>> {
    let instant = Offset::UTC.to_timestamp(wall.max(BEFORE_ALL)).ok()?;
    DateTime::from_timestamp(instant.as_second(), 0)
}

fn from_utc(dressed: DateTime<Utc>) -> Option<civil::DateTime> {
    let instant = Timestamp::from_second(dressed.timestamp()).ok()?;
    Some(Offset::UTC.to_datetime(instant))
}

/// The fault of an expression that no date matches.
fn never(text: &str, tokens: &[Token<'_>; 5], day: &Field, month: &Field) -> CronError {
    let message = format!("`{}` would never run", text.trim());
    let first = tokens[2].at;
    let wanted = day.values.trailing_zeros();
    let mut months = (1..=12).filter(|number| month.values & 1 << number != 0);
    let fault = if months.clone().all(|number| longest(number) < wanted) {
        let label = match (months.next(), months.next()) {
            (Some(only), None) => format!("{} has no {}", MONTHS[only - 1], ordinal(wanted)),
            _ => format!("none of these months has a {}", ordinal(wanted)),
        };
        CronError::new(first..tokens[3].span().end, message, label)
            .help("`L` in place of the day is the last day of a month")
    } else {
        CronError::new(
            first..tokens[4].span().end,
            message,
            "no date fits all of these",
        )
    };
    CronError {
        never: true,
        ..fault
    }
}

fn list(values: u64, all: u64, name: impl Fn(u32) -> String) -> String {
    if values == all {
        return "*".to_owned();
    }
    let listed = (0..64).filter(|value| values & 1 << value != 0).map(name);
    listed.collect::<Vec<_>>().join(",")
}

/// The bits `low` to `high`.
const fn bits(low: u32, high: u32) -> u64 {
    (u64::MAX >> (63 - high)) & (u64::MAX << low)
}
