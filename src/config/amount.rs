//! Durations and shares as people write them: `"90s"`, `"1h30m"`, `"50%"`.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use crate::audience::Share;

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// Longer is a slip of the finger, and sums of a few stay far from any overflow.
const LONGEST: Duration = Duration::from_secs(10 * 366 * DAY);

/// Why a text is not a duration, a rate or a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct AmountError {
    /// One sentence that quotes the text.
    pub message: String,
    /// The bytes of the text that are wrong.
    pub span: Range<usize>,
    /// What to write instead.
    pub label: String,
    /// How such a thing is written, if the label does not say it.
    pub note: Option<&'static str>,
}

/// Reads `"90s"`, `"5m"`, `"1h30m"`, `"4d"`, `"2w"`, `"250ms"`: whole numbers, each with its unit.
///
/// # Errors
/// If it is anything else, or longer than ten years.
pub fn parse_duration(text: &str) -> Result<Duration, AmountError> {
    let wrong = |label: &str| Err(bad_duration(text, label));
    if text.is_empty() {
        return wrong("write a number and a unit: \"30s\", \"5m\", \"2h\" or \"1d\"");
    }
    let mut sum = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() || unit.is_empty() {
            return wrong(&remedy(text));
        }
        let Some(unit) = unit_in_millis(unit) else {
            return wrong(&remedy(text));
        };
        let millis = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit));
        match millis.and_then(|millis| sum.checked_add(Duration::from_millis(millis))) {
            Some(longer) if longer <= LONGEST => sum = longer,
            _ => return wrong("longer than ten years"),
        }
        rest = after;
    }
    Ok(sum)
}

fn unit_in_millis(unit: &str) -> Option<u64> {
    let seconds = match unit {
        "ms" => return Some(1),
        "s" => 1,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => WEEK,
        _ => return None,
    };
    Some(seconds * 1000)
}

fn bad_duration(text: &str, label: &str) -> AmountError {
    let message = if text.is_empty() {
        "this duration is empty".to_owned()
    } else if text.bytes().all(|b| b.is_ascii_digit()) {
        format!("`{text}` has no unit")
    } else {
        format!("`{text}` is not a duration")
    };
    AmountError {
        message,
        span: 0..text.len(),
        label: label.to_owned(),
        note: None,
    }
}

/// What somebody who wrote such a thing most likely wants to write.
fn remedy(text: &str) -> String {
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[number.len()..].trim();
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return "write whole numbers with units, like \"90s\", \"5m\" or \"1h30m\"".to_owned();
    }
    let short = match unit.to_lowercase().as_str() {
        "" => {
            return format!(
                "{number} of what? \"{number}s\", \"{number}m\", \"{number}h\" or \"{number}d\""
            );
        }
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "m" if unit == "M" => {
            return "a month has no fixed length: write \"30d\", or \"1m\" for a minute".to_owned();
        }
        "m" => "m",
        "mo" | "mon" | "month" | "months" => {
            return "a month has no fixed length: write it in days, \"30d\"".to_owned();
        }
        "y" | "yr" | "year" | "years" => return "a year is written in days, \"365d\"".to_owned(),
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        "w" | "wk" | "week" | "weeks" => "w",
        _ => return "the units are ms, s, m, h, d and w".to_owned(),
    };
    format!("write \"{number}{short}\"")
}

/// A duration in the shortest form that [`parse_duration`] reads back: `1h30m`.
#[must_use]
pub fn format_duration(span: Duration) -> String {
    let mut millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in [("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1)] {
        let count = millis / (length * 1000);
        millis %= length * 1000;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if millis > 0 {
        text.push_str(&format!("{millis}ms"));
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

impl FromStr for Share {
    type Err = AmountError;

    /// Reads `"50%"`.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let label = match number.parse::<u32>() {
            Ok(0) => "the least is \"1%\"; without the key nothing is compared".to_owned(),
            Ok(percent) if text.ends_with('%') => return Ok(Self(percent)),
            Ok(percent) => format!("of what? write \"{percent}%\""),
            Err(_) => "a whole number and a percent sign, like \"50%\"".to_owned(),
        };
        Err(AmountError {
            message: format!("`{text}` is not a share"),
            span: 0..text.len(),
            label,
            note: None,
        })
    }
}
