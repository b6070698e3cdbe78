//! Wall-clock times as text: what a calendar on the wall and a clock beside it show, no zone.

use std::ops::RangeInclusive;

use jiff::civil;

/// The years of the calendar: those of the `cron` crate.
pub(super) const YEARS: RangeInclusive<i16> = 1970..=2100;

/// Reads a wall-clock time: `2026-12-24T09:00`, or with a space; seconds may follow.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_civil(text: &str) -> Result<civil::DateTime, String> {
    let text = text.trim();
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let Some([year, month, day]) = numbers(date, '-', [4, 2, 2]) else {
        return Err(format!(
            "`{text}` is not a date and a time: write it as `2026-12-24T09:00`"
        ));
    };
    let date = civil::Date::new(year, narrow(month), 1)
        .map_err(|_| format!("`{text}`: there is no month {month}"))?;
    let date = civil::Date::new(year, narrow(month), narrow(day)).map_err(|_| {
        let days = date.days_in_month();
        format!("`{text}`: {} has {days} days", date.strftime("%B %Y"))
    })?;
    if time.is_empty() {
        return Err(format!("`{text}` has no time of day: write `{date}T09:00`"));
    }
    match time_of_day(time) {
        Some([hour, minute, second]) => {
            civil::Time::new(narrow(hour), narrow(minute), narrow(second), 0)
                .map(|time| date.to_datetime(time))
                .map_err(|_| format!("`{text}`: there is no time of day {time}"))
        }
        None if time.ends_with(['Z', 'z', ']']) || time.contains(['+', '-']) => Err(format!(
            "`{text}` names a zone of its own: leave that out, and say the zone with `timezone`"
        )),
        None => Err(format!(
            "`{time}` is not a time of day: write it as `09:00`"
        )),
    }
}

/// Reads a wall-clock time as [`parse_civil`] does, or a date alone, which stands for its first
/// moment if it is where something begins and for its last if it is where something ends.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_bound(text: &str, is_end: bool) -> Result<civil::DateTime, String> {
    match parse_date(text) {
        Some(date) if is_end => Ok(date.to_datetime(civil::Time::MAX)),
        Some(date) => Ok(date.to_datetime(civil::Time::midnight())),
        None => parse_civil(text),
    }
}

/// Reads a holiday: a date, or a day of every year (`12-25`), which stands for all of them.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_holiday(text: &str) -> Result<Vec<civil::Date>, String> {
    if let Some(date) = parse_date(text) {
        return Ok(vec![date]);
    }
    let yearly = numbers(text.trim(), '-', [2, 2]).map(|[month, day]| {
        let day = |year| civil::Date::new(year, narrow(month), narrow(day)).ok();
        YEARS.filter_map(day).collect::<Vec<_>>()
    });
    yearly.filter(|days| !days.is_empty()).ok_or_else(|| {
        format!(
            "`{text}` is not a day: write `2026-12-24`, or `12-24` for every year, or an .ics file"
        )
    })
}

/// Reads `2026-12-24`; nothing if it is not exactly that and a day of the calendar.
pub(super) fn parse_date(text: &str) -> Option<civil::Date> {
    let [year, month, day] = numbers(text.trim(), '-', [4, 2, 2])?;
    civil::Date::new(year, narrow(month), narrow(day)).ok()
}

/// Writes a wall-clock time as [`parse_civil`] reads it, seconds only where there are some.
pub(super) fn text(wall: civil::DateTime) -> String {
    let mut text = format!("{}T{:02}:{:02}", wall.date(), wall.hour(), wall.minute());
    if wall.second() != 0 {
        text.push_str(&format!(":{:02}", wall.second()));
    }
    text
}

fn time_of_day(text: &str) -> Option<[i16; 3]> {
    if let Some([hour, minute]) = numbers(text, ':', [2, 2]) {
        return Some([hour, minute, 0]);
    }
    numbers(text, ':', [2, 2, 2])
}

/// Whole numbers of exactly these widths, with `separator` between them and nothing else.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[i16; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Two digits always fit.
fn narrow(number: i16) -> i8 {
    i8::try_from(number).unwrap_or(i8::MAX)
}
