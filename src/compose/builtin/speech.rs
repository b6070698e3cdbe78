//! How dates, numbers and lists are written in one language and region.
//!
//! The customs are those of Unicode's CLDR, compiled in with icu. Making a formatter takes longer
//! than using it a hundred times, so each is made when it is first needed and then kept.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use icu_calendar::{Date, Gregorian};
use icu_datetime::fieldsets::enums::CompositeDateTimeFieldSet;
use icu_datetime::fieldsets::{T, YMD, YMDE};
use icu_datetime::input::{DateTime, Time};
use icu_datetime::options::TimePrecision;
use icu_datetime::{DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_list::ListFormatter;
use icu_list::options::{ListFormatterOptions, ListLength};
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use jiff::civil;

/// How much of a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateStyle {
    /// 11/23/26
    Short,
    /// Nov 23, 2026
    Medium,
    /// November 23, 2026
    Long,
    /// Monday, November 23, 2026
    Full,
}

/// How much of a time of the day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeStyle {
    /// 9:30 AM
    Short,
    /// 9:30:05 AM
    Medium,
}

/// Which word stands between the last two of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conjunction {
    And,
    Or,
}

type DateFormatter = FixedCalendarDateTimeFormatter<Gregorian, CompositeDateTimeFieldSet>;
type DateShape = (Option<DateStyle>, Option<TimeStyle>);

/// The customs of one language and region.
pub(super) struct Speech {
    locale: Locale,
    decimals: OnceCell<DecimalFormatter>,
    plurals: OnceCell<PluralRules>,
    and: OnceCell<ListFormatter>,
    or: OnceCell<ListFormatter>,
    dates: RefCell<Vec<(DateShape, Rc<DateFormatter>)>>,
}

impl Speech {
    /// The customs that `tag` names, if there are any for its language.
    pub(super) fn of(tag: &str) -> Option<Self> {
        let locale = Locale::try_from_str(&tag.trim().replace('_', "-")).ok()?;
        let speech = Self {
            locale,
            decimals: OnceCell::new(),
            plurals: OnceCell::new(),
            and: OnceCell::new(),
            or: OnceCell::new(),
            dates: RefCell::default(),
        };
        // A language that CLDR has nothing about has no names for the months.
        let january = speech.date(civil::date(2026, 1, 5).at(0, 0, 0, 0), LONG);
        (!january.contains("M01")).then_some(speech)
    }

    /// The language, as a lower-case subtag such as `de`.
    pub(super) fn language(&self) -> &str {
        self.locale.id.language.as_str()
    }

    /// The region, such as `AT`, or nothing.
    pub(super) fn region(&self) -> &str {
        self.locale.id.region.as_ref().map_or("", |it| it.as_str())
    }

    /// A number with its separators.
    pub(super) fn decimal(&self, number: &Decimal) -> String {
        let formatter = self.decimals.get_or_init(|| {
            DecimalFormatter::try_new((&self.locale).into(), Default::default())
                .expect("the data of icu is compiled in")
        });
        formatter.format(number).to_string()
    }

    /// Which plural a number takes.
    pub(super) fn category(&self, number: &Decimal) -> PluralCategory {
        let rules = self.plurals.get_or_init(|| {
            PluralRules::try_new_cardinal((&self.locale).into())
                .expect("the data of icu is compiled in")
        });
        rules.category_for(number)
    }

    /// A list with its commas and its last word.
    pub(super) fn list(&self, items: &[impl AsRef<str>], last: Conjunction) -> String {
        let options = ListFormatterOptions::default().with_length(ListLength::Wide);
        let locale = (&self.locale).into();
        let formatter = match last {
            Conjunction::And => self
                .and
                .get_or_init(|| made(ListFormatter::try_new_and(locale, options))),
            Conjunction::Or => self
                .or
                .get_or_init(|| made(ListFormatter::try_new_or(locale, options))),
        };
        formatter
            .format(items.iter().map(AsRef::as_ref))
            .to_string()
    }

    /// A day, a time of the day, or both. Without a shape it is nothing.
    pub(super) fn date(&self, at: civil::DateTime, shape: DateShape) -> String {
        let mut kept = self.dates.borrow_mut();
        let known = kept.iter().find(|(known, _)| *known == shape);
        let formatter = match known {
            Some((_, formatter)) => Rc::clone(formatter),
            None => {
                let formatter = Rc::new(made(self.date_formatter(shape)));
                kept.push((shape, Rc::clone(&formatter)));
                formatter
            }
        };
        let date = Date::try_new_gregorian(
            at.year().into(),
            at.month().unsigned_abs(),
            at.day().unsigned_abs(),
        );
        let time = Time::try_new(
            at.hour().unsigned_abs(),
            at.minute().unsigned_abs(),
            at.second().unsigned_abs(),
            0,
        );
        let date = date.expect("jiff's dates are days of the Gregorian calendar");
        let time = time.expect("jiff's times are times of a day");
        formatter.format(&DateTime { date, time }).to_string()
    }

    fn date_formatter(
        &self,
        shape: DateShape,
    ) -> Result<DateFormatter, DateTimeFormatterLoadError> {
        type Formatter<F> = FixedCalendarDateTimeFormatter<Gregorian, F>;
        let locale = || (&self.locale).into();
        let precision = |time| match time {
            TimeStyle::Short => TimePrecision::Minute,
            TimeStyle::Medium => TimePrecision::Second,
        };
        let day = |style| match style {
            DateStyle::Short => YMD::short(),
            DateStyle::Medium => YMD::medium(),
            DateStyle::Long | DateStyle::Full => YMD::long(),
        };
        Ok(match shape {
            (Some(DateStyle::Full), None) => {
                Formatter::try_new(locale(), YMDE::long())?.cast_into_fset()
            }
            (Some(style), None) => Formatter::try_new(locale(), day(style))?.cast_into_fset(),
            (Some(DateStyle::Full), Some(time)) => {
                let fields = YMDE::long().with_time(precision(time));
                Formatter::try_new(locale(), fields)?.cast_into_fset()
            }
            (Some(style), Some(time)) => {
                let fields = day(style).with_time(precision(time));
                Formatter::try_new(locale(), fields)?.cast_into_fset()
            }
            (None, time) => {
                let fields = T::for_length(Default::default())
                    .with_time_precision(precision(time.unwrap_or(TimeStyle::Short)));
                Formatter::try_new(locale(), fields)?.cast_into_fset()
            }
        })
    }
}

const LONG: DateShape = (Some(DateStyle::Long), None);

fn made<T, E: std::fmt::Debug>(formatter: Result<T, E>) -> T {
    formatter.expect("the data of icu is compiled in")
}
