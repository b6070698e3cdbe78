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
    /// The business day of each holiday that has one.
    runs: BTreeMap<Date, Date>,
    /// The longest way from a holiday to its business day, in days.
    reach: i32,
}

/// A business day further away than this is none: the years have ended, or never had one.
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
        let runs = business_days(&days, then);
        let ways = runs
            .iter()
            .map(|(day, runs)| (*runs - *day).get_days().abs());
        let reach = ways.max().unwrap_or(0);
        Self {
            days,
            then,
            runs,
            reach,
        }
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
        let runs = self.runs.get(&day).copied();
        Some(runs.map(|runs| Holiday { day, name, runs }))
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

/// The business day of each holiday, found from that of its neighbour.
fn business_days(days: &BTreeMap<Date, String>, then: OnHoliday) -> BTreeMap<Date, Date> {
    let mut found = BTreeMap::new();
    let mut settle = |day: Date, step: fn(Date) -> Option<Date>| {
        let is_holiday = |day: &Date| days.contains_key(day);
        let is_weekend = |day: &Date| {
            matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(day)
        };
        let mut neighbours = std::iter::successors(step(day), |day| step(*day));
        let neighbour = neighbours.find(|day| !is_weekend(day))?;
        let runs = if is_holiday(&neighbour) {
            *found.get(&neighbour)?
        } else {
            neighbour
        };
        let near = (runs - day).get_days().abs() <= FAR;
        near.then(|| found.insert(day, runs))
    };
    match then {
        OnHoliday::Skip => {}
        OnHoliday::Before => days.keys().for_each(|day| {
            settle(*day, |day| day.yesterday().ok());
        }),
        OnHoliday::After => days.keys().rev().for_each(|day| {
            settle(*day, |day| day.tomorrow().ok());
        }),
    }
    found
}
