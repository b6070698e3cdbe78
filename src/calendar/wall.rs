//! Wall-clock times as text: what a calendar on the wall and a clock beside it show, no zone.

use jiff::civil;

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
