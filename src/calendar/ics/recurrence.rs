//! A recurrence rule (RFC 5545 section 3.3.10), as far as it speaks of days.
//!
//! Every day of the months that come into question is asked whether the rule holds for it: plain to
//! compare with the standard's table, and quick enough for the days of a century.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Unit};

use super::line::Line;
use crate::calendar::wall::YEARS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// On which days something comes again.
#[derive(Clone, Debug)]
pub(super) struct Recurrence {
    frequency: Frequency,
    interval: i32,
    count: Option<usize>,
    until: Option<DateTime>,
    months: Vec<i8>,
    /// Negative ones count from the end of the month.
    month_days: Vec<i8>,
    /// Which of its month or year, from the end if negative; every one if none is said.
    weekdays: Vec<(Option<i16>, Weekday)>,
    week_start: Weekday,
}

impl Recurrence {
    /// Reads the value of an RRULE.
    pub(super) fn parse(line: &Line<'_>, zone: &TimeZone) -> Result<Self, String> {
        let mut rule = Self {
            frequency: Frequency::Yearly,
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            weekdays: Vec::new(),
            week_start: Weekday::Monday,
        };
        let mut has_frequency = false;
        for part in line.value.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.to_ascii_uppercase(), value.to_ascii_uppercase());
            has_frequency |= name == "FREQ";
            let read = match name.as_str() {
                "UNTIL" => {
                    let until = line.wall(&value, zone)?;
                    let whole_day = !value.contains('T');
                    let last = until.date().to_datetime(jiff::civil::Time::MAX);
                    rule.until = Some(if whole_day { last } else { until });
                    Some(())
                }
                name => rule.take(name, &value),
            };
            read.ok_or_else(|| format!("`{line}`: `{part}` is not understood"))?;
        }
        if !has_frequency {
            return Err(format!("`{line}` does not say FREQ"));
        }
        rule.judge(line)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "FREQ" => {
                self.frequency = match value {
                    "DAILY" => Frequency::Daily,
                    "WEEKLY" => Frequency::Weekly,
                    "MONTHLY" => Frequency::Monthly,
                    "YEARLY" => Frequency::Yearly,
                    _ => return None,
                }
            }
            "INTERVAL" => self.interval = value.parse().ok().filter(|it| *it > 0)?,
            "COUNT" => self.count = Some(value.parse().ok()?),
            "BYMONTH" => self.months = list(value, |it| it.parse().ok())?,
            "BYMONTHDAY" => self.month_days = list(value, |it| it.parse().ok())?,
            "BYDAY" => self.weekdays = list(value, ordinal_weekday)?,
            "WKST" => self.week_start = weekday(value)?,
            _ => return None,
        }
        Some(())
    }

    /// What each part alone says rightly and together means something else than days.
    fn judge(self, line: &Line<'_>) -> Result<Self, String> {
        let ordinals = self.weekdays.iter().any(|(nth, _)| nth.is_some());
        match self.frequency {
            Frequency::Daily | Frequency::Weekly if ordinals => {
                Err(format!("`{line}`: its BYDAY has no meaning with this FREQ"))
            }
            Frequency::Weekly if !self.month_days.is_empty() => {
                Err(format!("`{line}`: BYMONTHDAY has no meaning with WEEKLY"))
            }
            _ => Ok(self),
        }
    }

    /// The dates on which something comes that begins at `start`, which is one of them in any case.
    pub(super) fn dates(&self, start: DateTime) -> impl Iterator<Item = Date> {
        let first = start.date();
        let begin = std::iter::successors(Some(first.first_of_month()), |month| {
            month.checked_add(1.month()).ok()
        });
        let months = begin
            .take_while(|month| month.year() <= *YEARS.end())
            .filter(move |month| self.comes_in(first, *month));
        let days = months.flat_map(|month| {
            let days = 0..month.days_in_month();
            days.map(move |n| month.saturating_add(n.days()))
        });
        let again = days.filter(move |day| *day > first && self.holds(first, *day));
        let until = self.until.unwrap_or(DateTime::MAX);
        std::iter::once(first)
            .chain(again.take_while(move |day| day.to_datetime(start.time()) <= until))
            .take(self.count.unwrap_or(usize::MAX))
    }

    /// Whether any day of a month can be one.
    fn comes_in(&self, first: Date, month: Date) -> bool {
        let by_day = !self.month_days.is_empty() || !self.weekdays.is_empty();
        let named = self.months.is_empty() || self.months.contains(&month.month());
        named
            && match self.frequency {
                Frequency::Daily | Frequency::Weekly => true,
                Frequency::Monthly => self.is_in_step(first, month),
                Frequency::Yearly => {
                    let same = by_day || !self.months.is_empty() || month.month() == first.month();
                    same && self.is_in_step(first, month)
                }
            }
    }

    fn holds(&self, first: Date, day: Date) -> bool {
        let by_day = !self.month_days.is_empty() || !self.weekdays.is_empty();
        self.is_in_step(first, day)
            && match self.frequency {
                _ if by_day => self.on_month_day(day) && self.on_weekday(day),
                Frequency::Daily => true,
                Frequency::Weekly => day.weekday() == first.weekday(),
                Frequency::Monthly | Frequency::Yearly => day.day() == first.day(),
            }
    }

    fn is_in_step(&self, first: Date, day: Date) -> bool {
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let passed = match self.frequency {
            Frequency::Daily => days_between(first, day),
            Frequency::Weekly => days_between(self.week_of(first), self.week_of(day)) / 7,
            Frequency::Monthly => months(day) - months(first),
            Frequency::Yearly => i32::from(day.year() - first.year()),
        };
        passed % self.interval == 0
    }

    fn week_of(&self, day: Date) -> Date {
        let past = day.weekday().since(self.week_start);
        day.saturating_sub(past.days())
    }

    fn on_month_day(&self, day: Date) -> bool {
        let from_end = day.day() - day.days_in_month() - 1;
        self.month_days.is_empty()
            || self.month_days.contains(&day.day())
            || self.month_days.contains(&from_end)
    }

    /// Ordinals count within the month, or within the year if no month is named (section 3.3.10,
    /// note 2 of the table).
    fn on_weekday(&self, day: Date) -> bool {
        let in_year = self.frequency == Frequency::Yearly && self.months.is_empty();
        let (place, length) = if in_year {
            (day.day_of_year(), day.days_in_year())
        } else {
            (i16::from(day.day()), i16::from(day.days_in_month()))
        };
        let from_begin = (place - 1) / 7 + 1;
        let from_end = -((length - place) / 7 + 1);
        self.weekdays.is_empty()
            || self.weekdays.iter().any(|(nth, weekday)| {
                *weekday == day.weekday()
                    && nth.is_none_or(|nth| nth == from_begin || nth == from_end)
            })
    }
}

fn days_between(from: Date, to: Date) -> i32 {
    from.until((Unit::Day, to))
        .map_or(0, |span| span.get_days())
}

fn list<T>(value: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    value.split(',').map(read).collect()
}

/// `MO`, `1MO`, `-1SU`.
fn ordinal_weekday(text: &str) -> Option<(Option<i16>, Weekday)> {
    let (nth, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth = match nth {
        "" => None,
        nth => Some(nth.parse().ok().filter(|nth| *nth != 0)?),
    };
    Some((nth, weekday(name)?))
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}
