//! Holidays: days on which a schedule does not run, and where its occurrences go instead.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};

use super::occurrence::Holiday;

/// What becomes of an occurrence that is planned for a holiday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnHoliday {
    /// It falls out.
    Skip,
    /// It runs on the last business day before, at the same time of day.
    Before,
    /// It runs on the first business day after, at the same time of day.
    After,
}

/// Holidays, and what becomes of the occurrences planned for one.
///
/// A business day is a day from Monday to Friday that is no holiday. A Saturday or Sunday is not
/// for that reason a holiday: what is planned for one stays there.
#[derive(Clone, Debug, PartialEq)]
pub struct Holidays {
    /// Each holiday and its name, which may be empty.
    days: BTreeMap<Date, String>,
    then: OnHoliday,
    /// The longest way from a holiday to its business day, in days.
    reach: i32,
}

/// No chain of holidays is longer: whoever finds no business day within this finds none.
const FAR: i32 = 366;

impl OnHoliday {
    /// The words for them, the default first.
    pub const WORDS: &'static [&'static str] = &["skip", "before", "after"];

    /// The one that a word stands for.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        let all = [Self::Skip, Self::Before, Self::After];
        all.into_iter().find(|it| it.word() == word)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Skip => Self::WORDS[0],
            Self::Before => Self::WORDS[1],
            Self::After => Self::WORDS[2],
        }
    }
}

impl Holidays {
    /// These holidays.
    #[must_use]
    pub fn new(days: BTreeMap<Date, String>, then: OnHoliday) -> Self {
        let mut holidays = Self {
            days,
            then,
            reach: 0,
        };
        let ways = holidays.days.keys().filter_map(|day| {
            let runs = holidays.business_day(*day)?;
            Some((runs - *day).get_days().abs())
        });
        holidays.reach = ways.max().unwrap_or(0);
        holidays
    }

    /// What becomes of an occurrence that is planned for one.
    #[must_use]
    pub fn then(&self) -> OnHoliday {
        self.then
    }

    /// The holidays and their names.
    #[must_use]
    pub fn days(&self) -> &BTreeMap<Date, String> {
        &self.days
    }

    pub(super) fn reach(&self) -> i32 {
        self.reach
    }

    pub(super) fn contain(&self, day: Date) -> bool {
        self.days.contains_key(&day)
    }

    /// Where what is planned for `day` goes, if that is a holiday: nowhere where it falls out.
    pub(super) fn moved(&self, day: Date) -> Option<Option<Holiday>> {
        let name = self.days.get(&day)?.clone();
        Some(
            self.business_day(day)
                .map(|runs| Holiday { day, name, runs }),
        )
    }

    fn business_day(&self, from: Date) -> Option<Date> {
        let step = |day: Date| match self.then {
            OnHoliday::Skip => None,
            OnHoliday::Before => day.yesterday().ok(),
            OnHoliday::After => day.tomorrow().ok(),
        };
        let days = std::iter::successors(step(from), |day| step(*day));
        days.take(FAR as usize).find(|day| self.is_business(*day))
    }

    fn is_business(&self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.contain(day)
    }

    /// The same text for the same holidays, whatever version wrote it down.
    pub(super) fn identity(&self) -> String {
        let then = self.then.word();
        let days = self.days.keys().flat_map(|day| {
            let [high, low] = day.year().to_be_bytes();
            [
                high,
                low,
                day.month().cast_unsigned(),
                day.day().cast_unsigned(),
            ]
        });
        let days = days.collect::<Vec<u8>>();
        format!("{then} {:016x}", super::jitter::fingerprint(&days))
    }
}
