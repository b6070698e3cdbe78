//! Durations and rates as people write them: `"90s"`, `"1h30m"`, `"100/minute"`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
/// Longer is a slip of the finger, and sums of a few stay far from any overflow.
const LONGEST: Duration = Duration::from_secs(10 * 366 * DAY);

/// Why a text is not a duration or a rate.
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

/// So many messages in so long a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// Longer than nothing.
    pub window: Duration,
}

const RATE_FORM: &str =
    "a rate is a count, a slash, and second, minute, hour or day; or a duration, as in \"100/10s\"";

impl FromStr for Rate {
    type Err = AmountError;

    /// Reads `"100/minute"`, `"4000/day"`, `"100/10s"`.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let wrong = |span: Range<usize>, label: String| AmountError {
            message: format!("`{text}` is not a rate"),
            span,
            label,
            note: Some(RATE_FORM),
        };
        let Some((count, window)) = text.split_once('/') else {
            return Err(wrong(0..text.len(), rate_remedy(text)));
        };
        let slash = count.len();
        let count = match count.trim().replace('_', "").parse::<u32>() {
            Ok(0) => {
                let label = "nothing would ever be sent; `postroom hold` stops an account".into();
                return Err(wrong(0..slash, label));
            }
            Ok(count) => count,
            Err(_) => return Err(wrong(0..slash, "a whole number goes here".into())),
        };
        let window = match window.trim() {
            "s" | "sec" | "second" => Duration::from_secs(1),
            "m" | "min" | "minute" => Duration::from_secs(MINUTE),
            "h" | "hour" => Duration::from_secs(HOUR),
            "d" | "day" => Duration::from_secs(DAY),
            other => match parse_duration(other) {
                Ok(window) if !window.is_zero() => window,
                _ => {
                    let units = ["second", "minute", "hour", "day"];
                    let label = super::suggest::nearest(other, units)
                        .map_or("second, minute, hour or day".to_owned(), |unit| {
                            format!("did you mean `{unit}`?")
                        });
                    return Err(wrong(slash + 1..text.len(), label));
                }
            },
        };
        Ok(Self { count, window })
    }
}

fn rate_remedy(text: &str) -> String {
    let mut words = text
        .split([' ', ','])
        .filter(|word| !matches!(*word, "per" | "a" | "an" | ""));
    let unit = |word: &&str| ["second", "minute", "hour", "day"].contains(word);
    match (words.next(), words.next_back()) {
        (Some(count), Some(last)) if count.parse::<u32>().is_ok() && unit(&last) => {
            format!("write \"{count}/{last}\"")
        }
        (Some(count), None) if count.parse::<u32>().is_ok() => {
            format!("in what time? \"{count}/minute\", \"{count}/hour\" or \"{count}/day\"")
        }
        _ => "write it like \"100/hour\"".to_owned(),
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = match self.window.as_secs() {
            _ if self.window.subsec_nanos() != 0 => None,
            1 => Some("second"),
            MINUTE => Some("minute"),
            HOUR => Some("hour"),
            DAY => Some("day"),
            _ => None,
        };
        match window {
            Some(word) => write!(f, "{}/{word}", self.count),
            None => write!(f, "{}/{}", self.count, format_duration(self.window)),
        }
    }
}
