//! Open hours: at which readings of a clock something may be done, `08:00-18:00 Mon-Fri`.
//!
//! They are judged by what the zone's clock shows, nothing else: what is closed at a reading is
//! closed whenever the clock shows it, in a fold both times.

use std::ops::Range;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use super::fault::Token;
use super::field::Field;
use super::unit::Unit;

const DAY: u16 = 24 * 60;
/// Within so many days every span comes at least once, and a lost day does no harm.
const AHEAD: i32 = 9;

/// Readings of a clock at which something may be done: one span of the day or several, each on some
/// days of the week. A span that runs over midnight (`22:00-06:00`) belongs to the day on which it
/// begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenHours {
    spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Bit `n` stands for a day of the week; Sunday is bit 0.
    days: u64,
    /// In minutes of the day.
    from: u16,
    /// In minutes of the day on which it begins: beyond 24 hours if it runs over midnight.
    to: u16,
}

/// Why a text is no open hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HoursError {
    /// One sentence that quotes the text.
    pub message: String,
    /// The bytes of the text that are to blame.
    pub span: Range<usize>,
    /// What to write instead.
    pub label: String,
}

impl OpenHours {
    /// All spans of all of these.
    #[must_use]
    pub fn union(all: impl IntoIterator<Item = Self>) -> Self {
        Self {
            spans: all.into_iter().flat_map(|hours| hours.spans).collect(),
        }
    }

    /// Whether it is open when the zone's clock shows what it shows at this instant.
    #[must_use]
    pub fn is_open(&self, zone: &TimeZone, at: Timestamp) -> bool {
        self.holds(zone.to_datetime(at))
    }

    /// The first instant, not before `at`, at which it is open.
    #[must_use]
    pub fn opens(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        std::iter::successors(Some(at), |at| self.next_edge(zone, *at))
            .take(self.patience())
            .find(|at| self.is_open(zone, *at))
    }

    /// The first instant, not before `at`, at which it is closed; none if it never closes.
    #[must_use]
    pub fn closes(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        std::iter::successors(Some(at), |at| self.next_edge(zone, *at))
            .take(self.patience())
            .find(|at| !self.is_open(zone, *at))
    }

    fn holds(&self, reading: civil::DateTime) -> bool {
        let minute = u16::from(reading.hour().cast_unsigned()) * 60
            + u16::from(reading.minute().cast_unsigned());
        let weekday = reading.weekday().to_sunday_zero_offset();
        self.spans.iter().any(|span| {
            let on = |weekday: i8| span.days & 1 << weekday != 0;
            on(weekday) && (span.from..span.to).contains(&minute)
                || on((weekday + 6) % 7) && (span.from..span.to).contains(&(minute + DAY))
        })
    }

    /// The next instant at which it may open or close: where the clock shows the end of a span, or
    /// jumps.
    fn next_edge(&self, zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
        let reading = zone.to_datetime(at);
        let edge = self.next_reading(reading)?;
        let edge = zone.to_offset(at).to_timestamp(edge).ok()?;
        let change = zone.following(at).next();
        Some(change.map_or(edge, |change| edge.min(change.timestamp())))
    }

    fn next_reading(&self, after: civil::DateTime) -> Option<civil::DateTime> {
        let days = (-1..AHEAD).filter_map(|days| {
            let day = jiff::Span::new().days(days);
            after.date().checked_add(day).ok()
        });
        let edges = days.flat_map(|day| {
            let ends = self.spans.iter().flat_map(|span| [span.from, span.to]);
            ends.filter_map(move |minute| reading(day, minute))
        });
        edges.filter(|edge| *edge > after).min()
    }

    /// More edges than a fortnight has, clock changes included.
    fn patience(&self) -> usize {
        14 * (2 * self.spans.len() + 2)
    }
}

fn reading(day: civil::Date, minute: u16) -> Option<civil::DateTime> {
    let span = jiff::Span::new().minutes(minute);
    day.at(0, 0, 0, 0).checked_add(span).ok()
}

impl FromStr for OpenHours {
    type Err = HoursError;

    /// Reads `08:00-18:00`, or with days of the week as in crontab, `22:00-06:00 Mon-Fri`.
    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (times, days) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let times = Token { text: times, at: 0 };
        let Some((from, to)) = times.split_once('-') else {
            let message = format!("`{text}` does not say from when to when");
            return Err(fault(times, message, "write it as `08:00-18:00 Mon-Fri`"));
        };
        let (from, to) = (minute_of(from)?, minute_of(to)?);
        if from == to {
            let message = format!("`{}` begins when it ends", times.text);
            return Err(fault(times, message, "all day is `00:00-24:00`"));
        }
        let days = Token {
            text: days.trim(),
            at: text.len() - days.trim_start().len(),
        };
        let span = Span {
            days: days_of(days)?,
            from,
            to: if to < from { to + DAY } else { to },
        };
        Ok(Self { spans: vec![span] })
    }
}

fn fault(blamed: Token<'_>, message: String, label: &str) -> HoursError {
    HoursError {
        message,
        span: blamed.span(),
        label: label.to_owned(),
    }
}

fn minute_of(token: Token<'_>) -> Result<u16, HoursError> {
    let number = |text: &str| -> Option<u16> {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok())?
    };
    let time = token.text.split_once(':');
    let time = time.and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
    match time {
        Some((hour @ 0..24, minute @ 0..60)) => Ok(hour * 60 + minute),
        Some((24, 0)) => Ok(DAY),
        _ => {
            let message = format!("`{}` is not a time of day", token.text);
            Err(fault(token, message, "`00:00` to `24:00`, as in `08:30`"))
        }
    }
}

fn days_of(token: Token<'_>) -> Result<u64, HoursError> {
    if token.text.is_empty() {
        return Ok(0b111_1111);
    }
    let field = Field::parse(Unit::Weekday, token).map_err(|it| HoursError {
        message: it.message,
        span: it.span,
        label: it.label,
    })?;
    if !field.floating.is_empty() {
        let message = format!("`{}` is not the same day every week", token.text);
        return Err(fault(token, message, "days of the week, as in `Mon-Fri`"));
    }
    Ok(field.values)
}
