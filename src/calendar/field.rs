//! One field of a crontab expression: a list of values, ranges and steps, read as a set.
//!
//! A field never judges the others; what day-of-month and day-of-week mean together is for
//! `expression` to say.

use super::fault::{CronError, Token};
use super::unit::{Unit, WEEKDAYS};

/// The values that one field allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    /// Bit `n` stands for the value `n`; Sunday is bit 0.
    pub(super) values: u64,
    /// The text begins with `*`. crontab(5) calls such a field unrestricted, step or no step.
    pub(super) starred: bool,
    /// Days that move from month to month.
    pub(super) floating: Vec<FloatingDay>,
    /// Those of the values that are named one by one, not by a range.
    pub(super) singles: u64,
}

/// A day that moves from month to month. Not crontab's own; the notation is Quartz's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloatingDay {
    /// `L`: the last day of the month.
    Last,
    /// `LW`: the last day of the month from Monday to Friday.
    LastWorkday,
    /// `15W`: the day from Monday to Friday of the same month that is nearest to the 15th.
    NearestWorkday { day: u32 },
    /// `Mon#2`: the second Monday.
    Nth { weekday: u32, nth: u32 },
    /// `FriL`, `5L`: the last Friday.
    LastWeekday { weekday: u32 },
}

impl Field {
    pub(super) fn parse(unit: Unit, token: Token<'_>) -> Result<Self, CronError> {
        let mut field = Self {
            starred: token.text.starts_with('*'),
            ..Self::default()
        };
        for item in token.split(',') {
            if item.text.is_empty() {
                let message = "there is an empty place in the list";
                return Err(token.fault(message, "a comma with nothing beside it"));
            }
            match floating(unit, item)? {
                Some(day) => field.floating.push(day),
                None => {
                    let values = values(unit, item)?;
                    field.values |= values;
                    if values.count_ones() == 1 {
                        field.singles |= values;
                    }
                }
            }
        }
        Ok(field)
    }
}

fn floating(unit: Unit, item: Token<'_>) -> Result<Option<FloatingDay>, CronError> {
    if item.text == "?" && matches!(unit, Unit::Day | Unit::Weekday) {
        return Err(item.fault("`?` belongs to another kind of cron", "write `*`"));
    }
    match unit {
        Unit::Day => day_of_month(item),
        Unit::Weekday => day_of_week(item),
        Unit::Minute | Unit::Hour | Unit::Month => Ok(None),
    }
}

fn day_of_month(item: Token<'_>) -> Result<Option<FloatingDay>, CronError> {
    if item.text.eq_ignore_ascii_case("L") {
        return Ok(Some(FloatingDay::Last));
    }
    if item.text.eq_ignore_ascii_case("LW") {
        return Ok(Some(FloatingDay::LastWorkday));
    }
    if let Some(day) = item.strip_last('W')
        && day.text.bytes().all(|byte| byte.is_ascii_digit())
        && !day.text.is_empty()
    {
        let day = Unit::Day.value(day)?;
        return Ok(Some(FloatingDay::NearestWorkday { day }));
    }
    // `L-3`, `1-5W`: Quartz knows the first, and they are no weekday in the wrong field.
    if item.text.contains(['L', 'W'])
        && item
            .text
            .bytes()
            .all(|byte| b"LW-0123456789".contains(&byte))
    {
        let message = format!(
            "`{}` is more than a day of the month can say here",
            item.text
        );
        let label = "`L` is the last day, `LW` the last from Monday to Friday, `15W` the nearest";
        return Err(item.fault(message, label));
    }
    Ok(None)
}

fn day_of_week(item: Token<'_>) -> Result<Option<FloatingDay>, CronError> {
    if let Some((day, nth)) = item.split_once('#') {
        let weekday = Unit::Weekday.value(day)? % 7;
        return match nth.text.parse() {
            Ok(nth @ 1..=5) => Ok(Some(FloatingDay::Nth { weekday, nth })),
            _ => Err(nth_fault(item, nth, weekday)),
        };
    }
    match item.strip_last('L') {
        Some(day) if day.text.is_empty() => Err(item.fault(
            "`L` does not say the last of which weekday",
            "`FriL` is the last Friday",
        )),
        Some(day) => Ok(Unit::Weekday
            .value(day)
            .ok()
            .map(|weekday| FloatingDay::LastWeekday {
                weekday: weekday % 7,
            })),
        None => Ok(None),
    }
}

fn nth_fault(item: Token<'_>, nth: Token<'_>, weekday: u32) -> CronError {
    let name = WEEKDAYS[weekday as usize];
    let blamed = if nth.text.is_empty() { item } else { nth };
    blamed.fault(
        format!("`{}` does not say which {name} of the month", item.text),
        "1 to 5 stand after `#`",
    )
}

/// The values of `*`, `7`, `1-5`, `*/15` or `8-18/2`, as bits.
fn values(unit: Unit, item: Token<'_>) -> Result<u64, CronError> {
    let (body, step) = match item.split_once('/') {
        Some((body, step)) => (body, Some(step)),
        None => (item, None),
    };
    let (low, high) = if body.text == "*" {
        (unit.lowest(), unit.lowest() + unit.count() - 1)
    } else if let Some((low, high)) = body.split_once('-') {
        range(unit, body, low, high)?
    } else if let Some(step) = step {
        return Err(stepped_value(unit, item, body, step));
    } else {
        let value = unit.value(body)?;
        (value, value)
    };
    let step = step.map_or(Ok(1), |step| stride(unit, item, step, low, high))?;
    Ok((low..=high)
        .step_by(step)
        .fold(0, |set, value| set | 1 << wrapped(unit, value)))
}

/// The ends of a range. One of weekdays may go round through the end of the week (`Fri-Mon`): its
/// upper end then lies beyond the field's own. Any other that runs backwards is a slip, as it is to
/// crontab.
fn range(
    unit: Unit,
    body: Token<'_>,
    low: Token<'_>,
    high: Token<'_>,
) -> Result<(u32, u32), CronError> {
    if low.text.is_empty() || high.text.is_empty() || high.text.contains('-') {
        let message = format!("`{}` is not a range", body.text);
        return Err(body.fault(message, "a range has two ends, as in `1-5`"));
    }
    let ends = (low, high);
    let (low, high) = (unit.value(low)?, unit.value(high)?);
    if high < low && unit != Unit::Weekday {
        return Err(backwards(unit, body, ends));
    }
    Ok((
        low,
        if high < low {
            high + unit.count()
        } else {
            high
        },
    ))
}

fn backwards(unit: Unit, body: Token<'_>, (low, high): (Token<'_>, Token<'_>)) -> CronError {
    let message = format!("`{}` runs backwards", body.text);
    let (low, high) = (low.text, high.text);
    let (first, last) = match unit {
        Unit::Month if low.starts_with(char::is_alphabetic) => ("Jan".to_owned(), "Dec".to_owned()),
        _ => (
            unit.lowest().to_string(),
            (unit.lowest() + unit.count() - 1).to_string(),
        ),
    };
    let part = |from: &str, to: &str| match from == to {
        true => from.to_owned(),
        false => format!("{from}-{to}"),
    };
    let round = format!("{},{}", part(low, &last), part(&first, high));
    let label = format!("write `{high}-{low}`, or `{round}` to go round");
    body.fault(message, label)
}

fn stride(
    unit: Unit,
    item: Token<'_>,
    step: Token<'_>,
    low: u32,
    high: u32,
) -> Result<usize, CronError> {
    let number = match step.text.parse::<usize>() {
        Ok(0) => return Err(step.fault("a step of 0 goes nowhere", "1 or more")),
        Ok(number) if step.text.bytes().all(|byte| byte.is_ascii_digit()) => number,
        _ if step.text.is_empty() => {
            let message = format!("`{}` does not say how far a step is", item.text);
            return Err(item.fault(message, "a number follows the `/`"));
        }
        _ => {
            let message = format!("`{}` is not a step", step.text);
            return Err(step.fault(message, "a whole number, as in `*/5`"));
        }
    };
    let furthest = (high - low) as usize;
    if number > furthest.max(1) {
        let only = wrapped(unit, low);
        let message = format!("a step of {number} from {only} reaches nothing but {only}");
        let label = match furthest {
            0 | 1 => format!("write `{only}`"),
            _ => format!("write `{only}`, or a step of at most {furthest}"),
        };
        return Err(item
            .fault(message, label)
            .note("steps count within their field, and begin anew each time round"));
    }
    Ok(number)
}

fn stepped_value(unit: Unit, item: Token<'_>, body: Token<'_>, step: Token<'_>) -> CronError {
    if body.text.is_empty() {
        let message = format!("`{}` does not say what to step through", item.text);
        return item.fault(message, format!("write `*{}`", item.text));
    }
    if let Err(fault) = unit.value(body) {
        return fault;
    }
    let highest = unit.lowest() + unit.count() - 1;
    let message = format!("`{}` has a step but no range to step through", item.text);
    item.fault(
        message,
        format!("write `{}-{highest}/{}`", body.text, step.text),
    )
}

/// Brings a value beyond the field's end round to its beginning; 7 becomes Sunday's 0.
fn wrapped(unit: Unit, value: u32) -> u32 {
    unit.lowest() + (value - unit.lowest()) % unit.count()
}
