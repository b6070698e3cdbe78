//! The calendar again, by brute force over instants and with nothing of its code: look at the
//! zone's clock every minute, and see what it shows.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use postroom::calendar::{Calendar, When};

/// A minute's reading matches an expression.
pub(super) type Matches = Box<dyn Fn(civil::DateTime) -> bool>;

/// An expression, and what it means said a second time.
pub(super) struct Told {
    pub(super) expression: String,
    pub(super) matches: Matches,
    pub(super) hours: Hours,
}

/// What the hour field is, which says what a clock change does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hours {
    Fixed,
    /// With a star, and not all of them.
    Stepped,
    All,
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// What the zone's clock shows at each minute of a window.
pub(super) fn readings(
    zone: &TimeZone,
    from: Timestamp,
    minutes: i64,
) -> Vec<(Timestamp, civil::DateTime)> {
    (0..=minutes)
        .map(|minute| from + SignedDuration::from_mins(minute))
        .map(|at| (at, zone.to_datetime(at)))
        .collect()
}

/// The instants of `told` in the window, without its first.
///
/// A wildcard hour runs whenever the clock shows it, and where the clock jumps over it; if all
/// hours are named, only where it jumps into that hour. A fixed time runs when the clock, for the
/// first time, shows it or anything later: that one sentence is the rule for gaps and for folds.
pub(super) fn expected(told: &Told, readings: &[(Timestamp, civil::DateTime)]) -> Vec<Timestamp> {
    let mut expected = Vec::new();
    let mut latest = readings[0].1;
    let mut previous = latest;
    for (at, reading) in &readings[1..] {
        let since = if told.hours == Hours::Fixed {
            latest
        } else {
            previous
        };
        let mut passed = std::iter::successors(Some(since + MINUTE), |wall| Some(*wall + MINUTE))
            .take_while(|wall| wall <= reading);
        let counts = |wall: &civil::DateTime| {
            told.hours != Hours::All
                || (wall.date(), wall.hour()) == (reading.date(), reading.hour())
        };
        let runs = if reading <= &previous && told.hours != Hours::Fixed {
            (told.matches)(*reading)
        } else {
            passed.any(|wall| counts(&wall) && (told.matches)(wall))
        };
        latest = latest.max(*reading);
        previous = *reading;
        if runs {
            expected.push(*at);
        }
    }
    expected
}

pub(super) fn computed(
    told: &Told,
    zone: &TimeZone,
    readings: &[(Timestamp, civil::DateTime)],
) -> Vec<Timestamp> {
    let cron = told
        .expression
        .parse()
        .unwrap_or_else(|fault| panic!("{}: {fault}", told.expression));
    let calendar = Calendar::new(When::Cron(cron), zone.clone());
    let end = readings[readings.len() - 1].0;
    calendar
        .after(readings[0].0)
        .map(|occurrence| occurrence.at)
        .take_while(|at| *at <= end)
        .collect()
}

/// Where two lists part: what the one says there, and the other.
pub(super) fn first_difference(
    ours: &[Timestamp],
    theirs: &[Timestamp],
) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    (0..ours.len().max(theirs.len()))
        .map(|index| (ours.get(index).copied(), theirs.get(index).copied()))
        .find(|(ours, theirs)| ours != theirs)
}

/// Each change of a zone's offset in these years.
fn changes(zone: &TimeZone, from_year: i16, to_year: i16) -> Vec<Timestamp> {
    let from = civil::date(from_year, 1, 1)
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp();
    let to = civil::date(to_year + 1, 1, 1)
        .to_zoned(TimeZone::UTC)
        .unwrap()
        .timestamp();
    zone.following(from)
        .map(|change| change.timestamp())
        .take_while(|at| *at < to)
        .collect()
}

pub(super) const ZONES: [(&str, i16, i16); 24] = [
    ("Africa/Cairo", 2026, 2027),
    ("Africa/Casablanca", 2026, 2027),
    ("America/Asuncion", 2024, 2025),
    ("America/Havana", 2026, 2027),
    ("America/New_York", 2026, 2027),
    ("America/Nuuk", 2023, 2025),
    ("America/Santiago", 2026, 2027),
    ("America/Scoresbysund", 2023, 2025),
    ("America/St_Johns", 2010, 2011),
    ("Antarctica/Troll", 2026, 2027),
    ("Asia/Beirut", 2026, 2027),
    ("Asia/Gaza", 2026, 2027),
    ("Asia/Kathmandu", 1985, 1986),
    ("Asia/Pyongyang", 2015, 2018),
    ("Asia/Tehran", 2021, 2022),
    ("Atlantic/Azores", 2026, 2027),
    ("Australia/Lord_Howe", 2026, 2027),
    ("Europe/Berlin", 2026, 2027),
    ("Europe/Dublin", 2026, 2027),
    ("Europe/Istanbul", 2015, 2016),
    ("Europe/London", 2088, 2089),
    ("Pacific/Apia", 2011, 2012),
    ("Pacific/Chatham", 2026, 2027),
    ("Pacific/Kwajalein", 1993, 1993),
];

fn told(
    expression: &str,
    hours: Hours,
    matches: impl Fn(civil::DateTime) -> bool + 'static,
) -> Told {
    Told {
        expression: expression.to_owned(),
        matches: Box::new(matches),
        hours,
    }
}

fn expressions() -> Vec<Told> {
    vec![
        told("* * * * *", Hours::All, |_| true),
        told("*/15 * * * *", Hours::All, |w| w.minute() % 15 == 0),
        told("@hourly", Hours::All, |w| w.minute() == 0),
        told("17,43 */2 * * *", Hours::Stepped, |w| {
            matches!(w.minute(), 17 | 43) && w.hour() % 2 == 0
        }),
        told("0 */3 * * *", Hours::Stepped, |w| {
            w.minute() == 0 && w.hour() % 3 == 0
        }),
        told("10 */2 * * *", Hours::Stepped, |w| {
            w.minute() == 10 && w.hour() % 2 == 0
        }),
        told("10 * * * *", Hours::All, |w| w.minute() == 10),
        told("30 0-23 * * 0", Hours::All, |w| {
            w.minute() == 30 && w.weekday() == civil::Weekday::Sunday
        }),
        told("@daily", Hours::Fixed, |w| (w.hour(), w.minute()) == (0, 0)),
        told("30 0 * * *", Hours::Fixed, |w| {
            (w.hour(), w.minute()) == (0, 30)
        }),
        told("30 1 * * *", Hours::Fixed, |w| {
            (w.hour(), w.minute()) == (1, 30)
        }),
        told("15 2 * * *", Hours::Fixed, |w| {
            (w.hour(), w.minute()) == (2, 15)
        }),
        told("0,30 2,3 * * *", Hours::Fixed, |w| {
            w.minute() % 30 == 0 && matches!(w.hour(), 2 | 3)
        }),
        told("* 0-3 * * *", Hours::Fixed, |w| w.hour() <= 3),
        told("50-59/5,0-10/5 22-23,0-2 * * *", Hours::Fixed, |w| {
            matches!(w.minute(), 0 | 5 | 10 | 50 | 55) && (w.hour() >= 22 || w.hour() <= 2)
        }),
        told("5 23 * * Fri-Mon", Hours::Fixed, |w| {
            let weekday = w.weekday().to_sunday_zero_offset();
            (w.hour(), w.minute()) == (23, 5) && matches!(weekday, 5 | 6 | 0 | 1)
        }),
    ]
}

#[test]
fn every_clock_change_agrees_with_looking_at_the_clock_each_minute() {
    let expressions = expressions();
    let mut compared = 0;
    for (name, from_year, to_year) in ZONES {
        let zone = super::zone(name).unwrap();
        let changes = changes(&zone, from_year, to_year);
        assert!(
            !changes.is_empty(),
            "{name} is listed for its clock changes"
        );
        for change in changes {
            // Whole minutes of wall clock, a day before to a day after, lost days included.
            let from = change - SignedDuration::from_hours(25);
            let readings = readings(&zone, from, 51 * 60);
            for told in &expressions {
                let expected = expected(told, &readings);
                let computed = computed(told, &zone, &readings);
                let differs = first_difference(&computed, &expected);
                assert_eq!(
                    differs, None,
                    "{} in {name} around {change}",
                    told.expression
                );
                compared += expected.len();
            }
        }
    }
    assert!(
        compared > 300_000,
        "only {compared} occurrences were compared"
    );
}
