//! Dates that do not exist every month or every year, among the days of an expression.

use std::ops::Range;

use super::fault::Token;
use super::field::{Field, FloatingDay};
use super::unit::{MONTHS, WEEKDAYS};

/// A date of an expression that does not exist every month or every year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rarity {
    /// One sentence that says when it does not exist.
    pub message: String,
    /// The bytes of the expression that name it; all of it for a nickname.
    pub span: Range<usize>,
    /// What exists every time.
    pub label: String,
}

/// Those of an expression: of each day field at most one.
pub(super) fn of(
    day: &Field,
    day_token: Token<'_>,
    weekday: &Field,
    weekday_token: Token<'_>,
    month: &Field,
) -> Vec<Rarity> {
    let of_month = rare_day(day).and_then(|rare| {
        Some(Rarity {
            message: where_missing(rare, month.values)?,
            span: day_token.span(),
            label: "`L` is the last day of every month".to_owned(),
        })
    });
    let of_week = weekday.floating.iter().find_map(|floating| match floating {
        FloatingDay::Nth { weekday, nth: 5 } => {
            let name = WEEKDAYS[*weekday as usize];
            Some(Rarity {
                message: format!("not every month has a fifth {name}"),
                span: weekday_token.span(),
                label: format!("`{}L` is the last {name} of every month", &name[..3]),
            })
        }
        _ => None,
    });
    of_month.into_iter().chain(of_week).collect()
}

/// The latest day that is meant by itself and that not every month has. Of a range only its
/// beginning is: `25-31` is the end of any month.
fn rare_day(day: &Field) -> Option<u32> {
    let ends = [FloatingDay::Last, FloatingDay::LastWorkday];
    if day.starred || day.floating.iter().any(|it| ends.contains(it)) {
        return None;
    }
    let nearest = day.floating.iter().filter_map(|it| match it {
        FloatingDay::NearestWorkday { day } => Some(*day),
        _ => None,
    });
    let first = (day.values != 0).then(|| day.values.trailing_zeros());
    let singles = (1..=31).filter(|number| day.singles & 1 << number != 0);
    singles
        .chain(first)
        .chain(nearest)
        .filter(|it| *it > 28)
        .max()
}

fn where_missing(day: u32, months: u64) -> Option<String> {
    let chosen = |month: &usize| months & 1 << month != 0;
    let missing: Vec<&str> = (1..=12)
        .filter(chosen)
        .filter(|month| longest(*month) < day)
        .map(|month| MONTHS[month - 1])
        .collect();
    let nth = ordinal(day);
    match missing.as_slice() {
        [] if day == 29 && chosen(&2) => Some("February has a 29th in leap years only".to_owned()),
        [] => None,
        [only] => Some(format!("{only} has no {nth}")),
        [first @ .., last] => Some(format!("{} and {last} have no {nth}", first.join(", "))),
    }
}

/// How many days a month has in its longest year.
pub(super) fn longest(month: usize) -> u32 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) fn ordinal(day: u32) -> String {
    let ending = match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    format!("{day}{ending}")
}
