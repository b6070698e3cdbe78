//! What the five fields count: their bounds, their names, and how a single value is read.

use super::fault::{CronError, Token};

/// What a field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Unit {
    /// Reads one value: a number, or a month or weekday by at least three letters of its English
    /// name. Sunday is 0 or 7, as written.
    pub(super) fn value(self, token: Token<'_>) -> Result<u32, CronError> {
        let text = token.text;
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = text.parse().ok().filter(|number| self.accepts(*number));
            return number.ok_or_else(|| {
                token.fault(
                    format!("there is no {} {text}", self.short()),
                    self.legend(),
                )
            });
        }
        self.named(text).ok_or_else(|| self.unknown(token))
    }

    pub(super) fn lowest(self) -> u32 {
        match self {
            Self::Minute | Self::Hour | Self::Weekday => 0,
            Self::Day | Self::Month => 1,
        }
    }

    /// How many different values there are; with [`Unit::lowest`], also the period of a range that
    /// wraps round.
    pub(super) fn count(self) -> u32 {
        match self {
            Self::Minute => 60,
            Self::Hour => 24,
            Self::Day => 31,
            Self::Month => 12,
            Self::Weekday => 7,
        }
    }

    fn accepts(self, number: u32) -> bool {
        let highest = match self {
            Self::Weekday => 7,
            _ => self.lowest() + self.count() - 1,
        };
        (self.lowest()..=highest).contains(&number)
    }

    fn short(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Weekday => "weekday",
        }
    }

    fn legend(self) -> &'static str {
        match self {
            Self::Minute => "minute: 0 to 59",
            Self::Hour => "hour: 0 to 23",
            Self::Day => "day of month: 1 to 31",
            Self::Month => "month: 1 to 12, or Jan to Dec",
            Self::Weekday => "day of week: 0 to 7, where 0 and 7 are Sunday, or Sun to Sat",
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::Weekday => &WEEKDAYS,
            _ => &[],
        }
    }

    fn named(self, text: &str) -> Option<u32> {
        let found = self.names().iter().position(|name| {
            (3..=name.len()).contains(&text.len())
                && name.as_bytes()[..text.len()].eq_ignore_ascii_case(text.as_bytes())
        })?;
        Some(u32::try_from(found).ok()? + self.lowest())
    }

    fn unknown(self, token: Token<'_>) -> CronError {
        let text = token.text;
        let what = match self {
            Self::Minute => "a minute",
            Self::Hour => "an hour",
            Self::Day => "a day of the month",
            Self::Month => "a month",
            Self::Weekday => "a day of the week",
        };
        let label = if let Some(name) = self.closest(text) {
            format!("did you mean `{name}`?")
        } else if Self::Weekday.named(text).is_some() {
            "weekdays belong in the fifth field".to_owned()
        } else if Self::Month.named(text).is_some() {
            "months belong in the fourth field".to_owned()
        } else {
            self.legend().to_owned()
        };
        token.fault(format!("`{text}` is not {what}"), label)
    }

    /// The name, short or in full, that `text` was most likely meant to be.
    fn closest(self, text: &str) -> Option<&'static str> {
        let text = text.to_ascii_lowercase();
        let allowed = (text.chars().count() / 3).max(1);
        self.names()
            .iter()
            .flat_map(|name| [&name[..3], *name])
            .map(|name| {
                (
                    strsim::damerau_levenshtein(&text, &name.to_ascii_lowercase()),
                    name,
                )
            })
            .filter(|(distance, _)| *distance <= allowed)
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, name)| name)
    }
}
