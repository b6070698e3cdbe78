//! Days and times of the day: `date`, `time` and `add_days`.
//!
//! A moment that says where it is (an offset, `Z`, seconds since 1970) is shown in the zone of the
//! schedule; one that does not is shown as it stands. Nothing here asks what time it is.

use handlebars::RenderError;
use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use serde_json::Value;

use super::call::Call;
use super::speech::{DateStyle, TimeStyle};
use super::stage;

const STYLES: &[(&str, DateStyle)] = &[
    ("short", DateStyle::Short),
    ("medium", DateStyle::Medium),
    ("long", DateStyle::Long),
    ("full", DateStyle::Full),
];
const TIMES: &[(&str, TimeStyle)] = &[("short", TimeStyle::Short), ("medium", TimeStyle::Medium)];

/// How a day is to be written in a list.
const WANTED: &str = "write a day as 2026-11-23, with a time as 2026-11-23T09:30";
/// Smaller numbers are rather years, or days as spreadsheets count them, than seconds since 1970:
/// this is in March 1973.
const LEAST_SECONDS: i64 = 100_000_000;

/// What a value says about when something is.
enum Moment {
    Day(civil::Date),
    /// A time of a day, wherever the reader is.
    Local(civil::DateTime),
    Instant(Timestamp),
}

/// `{{date due "long" time="short"}}`, or `{{date due format="%d.%m.%Y"}}`.
pub(super) fn date(call: &Call<'_>) -> Result<Value, RenderError> {
    let moment = moment(call)?;
    if let Some(format) = call.option_text("format")? {
        return written(call, &moment, format);
    }
    let style = call.word(Some(1), "style", STYLES)?;
    let time = call.word(None, "time", TIMES)?;
    show(
        call,
        &moment,
        (Some(style.unwrap_or(DateStyle::Medium)), time),
    )
}

/// `{{time starts}}`.
pub(super) fn time(call: &Call<'_>) -> Result<Value, RenderError> {
    let moment = moment(call)?;
    let style = call.word(Some(1), "style", TIMES)?;
    show(
        call,
        &moment,
        (None, Some(style.unwrap_or(TimeStyle::Short))),
    )
}

/// `{{add_days due 14}}`: the day so many days later, or earlier, in the form that it had.
pub(super) fn add_days(call: &Call<'_>) -> Result<Value, RenderError> {
    let days = match call.value(1)? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64(),
    };
    let days = days.and_then(|days: i64| Span::new().try_days(days).ok());
    let days = days.ok_or_else(|| call.unfit(1, "a whole number of days is needed"))?;
    let later = match moment(call)? {
        Moment::Day(day) => day.checked_add(days).map(|day| day.to_string()),
        Moment::Local(at) => at.checked_add(days).map(|at| at.to_string()),
        Moment::Instant(at) => {
            let later = at.to_zoned(zone(call)?).checked_add(days);
            later.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        }
    };
    let later = later.map_err(|_| call.unfit(1, "that is beyond the year 9999"))?;
    Ok(Value::String(later))
}

fn show(
    call: &Call<'_>,
    moment: &Moment,
    shape: (Option<DateStyle>, Option<TimeStyle>),
) -> Result<Value, RenderError> {
    let at = match moment {
        Moment::Day(_) if shape.1.is_some() => {
            return Err(call.unfit(0, "a time is needed, as in 2026-11-23T09:30"));
        }
        Moment::Day(day) => day.at(0, 0, 0, 0),
        Moment::Local(at) => *at,
        Moment::Instant(at) => zone(call)?.to_datetime(*at),
    };
    let speech = stage::speech(call.locale()?);
    Ok(Value::String(speech.date(at, shape)))
}

/// By a pattern of `strftime`. Names of months and days are English in it.
fn written(call: &Call<'_>, moment: &Moment, format: &str) -> Result<Value, RenderError> {
    let written = match moment {
        Moment::Day(day) => strtime::format(format, *day),
        Moment::Local(at) => strtime::format(format, *at),
        Moment::Instant(at) => strtime::format(format, &Zoned::new(*at, zone(call)?)),
    };
    written.map(Value::String).map_err(|_| {
        let wanted = format!("the format \"{format}\" asks for what it does not say, or is wrong");
        call.unfit(0, &wanted)
    })
}

fn zone(call: &Call<'_>) -> Result<TimeZone, RenderError> {
    let Some(name) = call.option_text("zone")? else {
        return Ok(stage::zone());
    };
    TimeZone::get(name).map_err(|_| {
        call.fault(format!(
            "there is no time zone `{name}`; one is called Europe/Berlin"
        ))
    })
}

fn moment(call: &Call<'_>) -> Result<Moment, RenderError> {
    let unfit = |wanted: &str| call.unfit(0, wanted);
    call.option("zone")?; // an absent one is an error, also where none is needed
    match call.value(0)? {
        Value::String(text) => from_text(text.trim()).ok_or_else(|| unfit(WANTED)),
        Value::Number(number) => from_seconds(number.as_f64()).ok_or_else(|| {
            unfit("a number is taken for seconds since 1970; else write 2026-11-23")
        }),
        _ => Err(unfit(WANTED)),
    }
}

fn from_text(text: &str) -> Option<Moment> {
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        return from_seconds(text.parse().ok());
    }
    if !text.contains([':', 'T', 't', ' ']) {
        return text.parse().ok().map(Moment::Day);
    }
    let instant = text.parse().ok().map(Moment::Instant);
    instant.or_else(|| text.parse().ok().map(Moment::Local))
}

fn from_seconds(seconds: Option<f64>) -> Option<Moment> {
    // Whole seconds up to the year 9999 are exact in a float; what is beyond is refused by jiff.
    let seconds = seconds?.floor() as i64;
    if seconds.abs() < LEAST_SECONDS {
        return None;
    }
    Timestamp::from_second(seconds).ok().map(Moment::Instant)
}
