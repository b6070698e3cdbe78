//! Holidays: what is planned for one falls out, or goes to a business day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use postroom::calendar::{Calendar, Holidays, OnHoliday, parse_holiday};
use proptest::prelude::*;

use super::{between, cron, instant};

/// Good Friday and Easter Monday, Christmas, New Year.
const DAYS: [&str; 5] = ["2026-04-03", "2026-04-06", "12-25", "12-26", "01-01"];

fn holidays(days: &[&str], then: OnHoliday) -> Holidays {
    let days = days.iter().flat_map(|day| parse_holiday(day).unwrap());
    Holidays::new(
        days.map(|day| (day, format!("day off {day}"))).collect(),
        then,
    )
}

fn with(calendar: Calendar, then: OnHoliday) -> Calendar {
    Calendar {
        holidays: Some(holidays(&DAYS, then)),
        ..calendar
    }
}

/// Key and local day and time.
fn told(calendar: &Calendar, from: &str, to: &str) -> Vec<String> {
    let found = between(calendar, from, to);
    let told = found
        .iter()
        .map(|it| format!("{} {}", it.key, it.local.strftime("%a %-d %H:%M")));
    told.collect()
}

const EASTER: (&str, &str) = ("2026-04-02T00:00Z", "2026-04-08T00:00Z");

#[test]
fn what_is_planned_for_a_holiday_falls_out() {
    let daily = with(cron("0 9 * * *", "Europe/Berlin"), OnHoliday::Skip);
    assert_eq!(
        told(&daily, EASTER.0, EASTER.1),
        [
            "2026-04-02T09:00 Thu 2 09:00",
            "2026-04-04T09:00 Sat 4 09:00",
            "2026-04-05T09:00 Sun 5 09:00",
            "2026-04-07T09:00 Tue 7 09:00",
        ],
    );
}

#[test]
fn what_is_planned_for_a_holiday_goes_to_the_business_day_before_or_after() {
    let fridays = cron("0 9 * * Fri", "Europe/Berlin");
    let before = with(fridays.clone(), OnHoliday::Before);
    assert_eq!(
        told(&before, EASTER.0, EASTER.1),
        ["2026-04-03T09:00 Thu 2 09:00"],
    );
    let after = with(fridays, OnHoliday::After);
    assert_eq!(
        told(&after, EASTER.0, EASTER.1),
        ["2026-04-03T09:00 Tue 7 09:00"],
    );
    let moved = after.next_after(instant(EASTER.0)).unwrap();
    assert_eq!(
        moved.note().unwrap(),
        "Fri 3 Apr 2026 is a holiday (day off 2026-04-03); runs on Tue 7 Apr 2026"
    );
}

#[test]
fn occurrences_that_meet_are_one_and_the_order_is_that_of_the_instants() {
    let daily = with(
        cron("0 9,17 * * Mon-Fri", "Europe/Berlin"),
        OnHoliday::After,
    );
    assert_eq!(
        told(&daily, "2026-04-02T12:00Z", EASTER.1),
        [
            "2026-04-02T17:00 Thu 2 17:00",
            "2026-04-07T09:00 Tue 7 09:00",
            "2026-04-07T17:00 Tue 7 17:00",
        ],
    );
    let once = with(cron("0 17 * * Fri", "Europe/Berlin"), OnHoliday::After);
    let other = with(cron("0 9 * * Tue", "Europe/Berlin"), OnHoliday::After);
    assert_eq!(
        told(&once, EASTER.0, EASTER.1),
        ["2026-04-03T17:00 Tue 7 17:00"]
    );
    assert_eq!(
        told(&other, EASTER.0, EASTER.1),
        ["2026-04-07T09:00 Tue 7 09:00"]
    );
    // 17:00 of Friday lands after 09:00 of Tuesday, which was planned later.
    let both = with(cron("0 9 7 4 *", "Europe/Berlin"), OnHoliday::After);
    assert_eq!(told(&both, EASTER.0, EASTER.1).len(), 1);
}

#[test]
fn the_last_business_day_of_the_month_is_the_last_workday_moved_before() {
    let monthly = Calendar {
        holidays: Some(holidays(&["12-31", "2027-05-31"], OnHoliday::Before)),
        ..cron("0 9 LW * *", "Europe/Berlin")
    };
    let found = between(&monthly, "2026-11-01T00:00Z", "2027-06-01T00:00Z");
    let days: Vec<_> = found
        .iter()
        .map(|it| it.local.strftime("%a %-d %b").to_string())
        .collect();
    assert_eq!(
        days,
        [
            "Mon 30 Nov",
            "Wed 30 Dec",
            "Fri 29 Jan",
            "Fri 26 Feb",
            "Wed 31 Mar",
            "Fri 30 Apr",
            "Fri 28 May"
        ]
    );
    let first = Calendar {
        holidays: Some(holidays(&["01-01", "05-01"], OnHoliday::After)),
        ..cron("0 9 1W * *", "Europe/Berlin")
    };
    let found = between(&first, "2026-12-31T00:00Z", "2027-05-31T00:00Z");
    let days: Vec<_> = found
        .iter()
        .map(|it| it.local.strftime("%a %-d %b").to_string())
        .collect();
    assert_eq!(
        days,
        [
            "Mon 4 Jan",
            "Mon 1 Feb",
            "Mon 1 Mar",
            "Thu 1 Apr",
            "Mon 3 May"
        ]
    );
}

#[test]
fn a_clock_change_on_the_day_moved_to_holds_there() {
    // 28 March 2027 is Easter Sunday, and Berlin's clocks go from 02:00 to 03:00: no business day.
    // Cairo's go from 00:00 to 01:00 on Friday 24 April 2026.
    let weekly = Calendar {
        holidays: Some(holidays(&["2026-04-25"], OnHoliday::Before)),
        ..cron("30 0 * * Sat", "Africa/Cairo")
    };
    let moved = weekly.next_after(instant("2026-04-23T00:00Z")).unwrap();
    assert_eq!(moved.local.to_string(), "2026-04-24T01:00:00");
    assert_eq!(moved.key, "2026-04-25T00:30");
    assert!(moved.note().unwrap().contains("00:30 does not exist"));
}

#[test]
fn nothing_but_holidays_is_never() {
    let all: BTreeMap<Date, String> = (1..=12)
        .flat_map(|month| (1..=31).map(move |day| format!("{month:02}-{day:02}")))
        .filter_map(|day| parse_holiday(&day).ok())
        .flatten()
        .map(|day| (day, String::new()))
        .collect();
    for then in [OnHoliday::Skip, OnHoliday::Before, OnHoliday::After] {
        let calendar = Calendar {
            holidays: Some(Holidays::new(all.clone(), then)),
            ..cron("0 9 * * Mon", "UTC")
        };
        let next = calendar.next_after(instant("1999-01-01T00:00Z"));
        // The first day beyond the years of yearly holidays.
        let next = next.filter(|it| it.local.year() <= 2100);
        assert_eq!(next, None, "{then:?}");
    }
}

/// The same by brute force: move everything of a long time, then sort.
fn by_hand(calendar: &Calendar, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let holidays = calendar.holidays.clone().unwrap();
    let plain = Calendar {
        holidays: None,
        ..calendar.clone()
    };
    let month = SignedDuration::from_hours(40 * 24);
    let mut found: Vec<Timestamp> = plain
        .after(from - month)
        .take_while(|it| it.at < to + month)
        .filter_map(|it| {
            let mut day = it.planned.date();
            if !holidays.days().contains_key(&day) {
                return Some(it.at);
            }
            let off = |day: Date| {
                day.weekday().to_monday_one_offset() > 5 || holidays.days().contains_key(&day)
            };
            while off(day) {
                day = match holidays.then() {
                    OnHoliday::Skip => return None,
                    OnHoliday::Before => day.yesterday().unwrap(),
                    OnHoliday::After => day.tomorrow().unwrap(),
                };
            }
            let wanted = day.to_datetime(it.planned.time());
            Some(
                postroom::calendar::resolve(&calendar.zone, wanted)
                    .unwrap()
                    .0,
            )
        })
        .filter(|at| *at > from && *at <= to)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn moved_occurrences_are_those_found_by_moving_all_and_sorting(
        expression in prop::sample::select(vec![
            "0 9 * * *", "0 17 * * Fri", "30 0,12,23 * * Mon-Fri", "15 */5 * * *", "0 8 L * *",
            "0 9 24-31 12 *", "30 2 * * Sun",
        ]),
        days in prop::collection::btree_set((0..400i64).prop_map(|n| {
            jiff::civil::date(2026, 3, 1).saturating_add(jiff::Span::new().days(n))
        }), 0..60),
        then in prop::sample::select(vec![OnHoliday::Skip, OnHoliday::Before, OnHoliday::After]),
        hours in 0..8000i64,
    ) {
        let days = days.into_iter().map(|day| (day, String::new())).collect();
        let calendar = Calendar {
            holidays: Some(Holidays::new(days, then)),
            ..cron(expression, "Europe/Berlin")
        };
        let from = instant("2026-03-10T00:00Z") + SignedDuration::from_hours(hours);
        let to = from + SignedDuration::from_hours(24 * 45);
        let expected = by_hand(&calendar, from, to);
        let streamed = calendar.after(from).map(|it| it.at);
        let streamed: Vec<_> = streamed.take_while(|at| *at <= to).collect();
        prop_assert_eq!(&streamed, &expected);
        // Asked anew after each, as after a restart.
        let mut asked = Vec::new();
        let mut at = from;
        while let Some(found) = calendar.next_after(at).filter(|it| it.at <= to) {
            asked.push(found.at);
            at = found.at;
        }
        prop_assert_eq!(&asked, &expected);
    }
}
