//! What an expression means where clocks never change.

use super::{between, cron, on};
use postroom::calendar::{Calendar, Cron, When, parse_civil};

/// The first few wall-clock times after the start of 2026 (a Thursday), without the year.
fn first(expression: &str, count: usize) -> String {
    let calendar = cron(expression, "UTC");
    let start = super::instant("2025-12-31T23:59:00Z");
    let times: Vec<String> = calendar
        .after(start)
        .take(count)
        .map(|occurrence| occurrence.local.strftime("%a %-d %b %H:%M").to_string())
        .collect();
    times.join(", ")
}

#[test]
fn fields_mean_what_crontab_says() {
    let table = [
        ("0 9 * * Mon", "Mon 5 Jan 09:00, Mon 12 Jan 09:00"),
        ("0 9 * * 1", "Mon 5 Jan 09:00, Mon 12 Jan 09:00"),
        ("0 9 * * 0", "Sun 4 Jan 09:00, Sun 11 Jan 09:00"),
        ("0 9 * * 7", "Sun 4 Jan 09:00, Sun 11 Jan 09:00"),
        ("0 9 * * sUnDaY", "Sun 4 Jan 09:00, Sun 11 Jan 09:00"),
        (
            "30 8-10 * * *",
            "Thu 1 Jan 08:30, Thu 1 Jan 09:30, Thu 1 Jan 10:30, Fri 2 Jan 08:30",
        ),
        (
            "8-59/17 3 * * *",
            "Thu 1 Jan 03:08, Thu 1 Jan 03:25, Thu 1 Jan 03:42, Thu 1 Jan 03:59",
        ),
        (
            "*/25 3 * * *",
            "Thu 1 Jan 03:00, Thu 1 Jan 03:25, Thu 1 Jan 03:50, Fri 2 Jan 03:00",
        ),
        (
            "5,1,3,3 0 * * *",
            "Thu 1 Jan 00:01, Thu 1 Jan 00:03, Thu 1 Jan 00:05, Fri 2 Jan 00:01",
        ),
        (
            "0 0 1 feb,APR *",
            "Sun 1 Feb 00:00, Wed 1 Apr 00:00, Mon 1 Feb 00:00",
        ),
        ("0 0 29 2 *", "Tue 29 Feb 00:00, Sun 29 Feb 00:00"),
        ("  0\t9 *  * Mon ", "Mon 5 Jan 09:00"),
        ("00 09 01 01 *", "Thu 1 Jan 09:00"),
    ];
    for (expression, expected) in table {
        assert_eq!(
            first(expression, expected.split(", ").count()),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn ranges_of_weekdays_may_run_through_the_end() {
    let table = [
        (
            "0 0 * * Fri-Mon",
            "Fri 2 Jan, Sat 3 Jan, Sun 4 Jan, Mon 5 Jan, Fri 9 Jan",
        ),
        ("0 0 * * 5-7", "Fri 2 Jan, Sat 3 Jan, Sun 4 Jan, Fri 9 Jan"),
        ("0 0 * * 7-2", "Sun 4 Jan, Mon 5 Jan, Tue 6 Jan, Sun 11 Jan"),
        ("0 0 * * Sat-0", "Sat 3 Jan, Sun 4 Jan, Sat 10 Jan"),
        (
            "0 0 * * 0-7",
            "Thu 1 Jan, Fri 2 Jan, Sat 3 Jan, Sun 4 Jan, Mon 5 Jan, Tue 6 Jan, Wed 7 Jan",
        ),
        ("0 0 * * */2", "Thu 1 Jan, Sat 3 Jan, Sun 4 Jan, Tue 6 Jan"),
        (
            "0 0 * * 1-7/3",
            "Thu 1 Jan, Sun 4 Jan, Mon 5 Jan, Thu 8 Jan",
        ),
    ];
    for (expression, expected) in table {
        let found = first(expression, expected.split(", ").count());
        assert_eq!(found.replace(" 00:00", ""), expected, "{expression}");
    }
}

#[test]
fn two_restricted_day_fields_are_ored_unless_one_begins_with_a_star() {
    let table = [
        (
            "0 0 13 * Fri",
            "Fri 2 Jan, Fri 9 Jan, Tue 13 Jan, Fri 16 Jan",
        ),
        ("0 0 31 2 Mon", "Mon 2 Feb, Mon 9 Feb, Mon 16 Feb"),
        (
            "0 0 */2 * Mon",
            "Mon 5 Jan, Mon 19 Jan, Mon 9 Feb, Mon 23 Feb",
        ),
        // Sunday or Friday, and the 13th.
        (
            "0 0 13 * */5",
            "Fri 13 Feb, Fri 13 Mar, Sun 13 Sep, Fri 13 Nov, Sun 13 Dec",
        ),
        ("0 0 1-31 * Fri", "Thu 1 Jan, Fri 2 Jan, Sat 3 Jan"),
        ("0 0 13 * *", "Tue 13 Jan, Fri 13 Feb"),
    ];
    for (expression, expected) in table {
        let found = first(expression, expected.split(", ").count());
        assert_eq!(found.replace(" 00:00", ""), expected, "{expression}");
    }
}

#[test]
fn days_that_move_from_month_to_month() {
    let table = [
        (
            "0 0 L * *",
            "Sat 31 Jan, Sat 28 Feb, Tue 31 Mar, Thu 30 Apr",
        ),
        (
            "0 0 1,L * *",
            "Thu 1 Jan, Sat 31 Jan, Sun 1 Feb, Sat 28 Feb",
        ),
        (
            "0 0 L 2 *",
            "Sat 28 Feb, Sun 28 Feb, Tue 29 Feb, Wed 28 Feb",
        ),
        (
            "0 0 LW * *",
            "Fri 30 Jan, Fri 27 Feb, Tue 31 Mar, Thu 30 Apr, Fri 29 May, Tue 30 Jun",
        ),
        // 1 August is a Saturday, 1 November a Sunday: neither leaves its month.
        (
            "0 0 1w 7-11 *",
            "Wed 1 Jul, Mon 3 Aug, Tue 1 Sep, Thu 1 Oct, Mon 2 Nov",
        ),
        (
            "0 0 15W,LW 2,8 *",
            "Mon 16 Feb, Fri 27 Feb, Fri 14 Aug, Mon 31 Aug",
        ),
        (
            "0 0 31W * *",
            "Fri 30 Jan, Tue 31 Mar, Fri 29 May, Fri 31 Jul",
        ),
        (
            "0 0 LW * Mon#1",
            "Mon 5 Jan, Fri 30 Jan, Mon 2 Feb, Fri 27 Feb",
        ),
        (
            "0 0 * * FriL",
            "Fri 30 Jan, Fri 27 Feb, Fri 27 Mar, Fri 24 Apr",
        ),
        (
            "0 0 * * 5l",
            "Fri 30 Jan, Fri 27 Feb, Fri 27 Mar, Fri 24 Apr",
        ),
        (
            "0 0 * * Mon#2",
            "Mon 12 Jan, Mon 9 Feb, Mon 9 Mar, Mon 13 Apr",
        ),
        (
            "0 0 * * 7#5",
            "Sun 29 Mar, Sun 31 May, Sun 30 Aug, Sun 29 Nov",
        ),
        (
            "0 0 * * Mon#1,Wed#1",
            "Mon 5 Jan, Wed 7 Jan, Mon 2 Feb, Wed 4 Feb",
        ),
        (
            "0 0 L * Mon#1",
            "Mon 5 Jan, Sat 31 Jan, Mon 2 Feb, Sat 28 Feb",
        ),
    ];
    for (expression, expected) in table {
        let found = first(expression, expected.split(", ").count());
        assert_eq!(found.replace(" 00:00", ""), expected, "{expression}");
    }
}

#[test]
fn days_that_are_passed_over_are_passed_over_whole() {
    assert_eq!(
        first("59 23 L * *", 2),
        "Sat 31 Jan 23:59, Sat 28 Feb 23:59"
    );
    assert_eq!(
        first("*/59 23,0 * * FriL", 3),
        "Fri 30 Jan 00:00, Fri 30 Jan 00:59, Fri 30 Jan 23:00"
    );
}

#[test]
fn nicknames_are_crontabs() {
    let table = [
        ("@yearly", "Thu 1 Jan 00:00, Fri 1 Jan 00:00"),
        ("@annually", "Thu 1 Jan 00:00, Fri 1 Jan 00:00"),
        ("@monthly", "Thu 1 Jan 00:00, Sun 1 Feb 00:00"),
        ("@weekly", "Sun 4 Jan 00:00, Sun 11 Jan 00:00"),
        ("@daily", "Thu 1 Jan 00:00, Fri 2 Jan 00:00"),
        ("@Midnight", "Thu 1 Jan 00:00, Fri 2 Jan 00:00"),
        (" @hourly ", "Thu 1 Jan 00:00, Thu 1 Jan 01:00"),
    ];
    for (expression, expected) in table {
        assert_eq!(first(expression, 2), expected, "{expression}");
    }
}

#[test]
fn an_expression_reads_back_as_it_was_written() {
    for text in ["0 9 * * Mon", "@daily", " 0  9 * * 1-5"] {
        let cron: Cron = text.parse().unwrap();
        assert_eq!(cron.to_string(), text);
        assert_eq!(cron.to_string().parse::<Cron>().unwrap(), cron);
    }
}

#[test]
fn an_occurrence_is_strictly_later_even_within_the_same_second() {
    let calendar = cron("0 9 * * *", "UTC");
    let next = |after: &str| calendar.next_after(super::instant(after)).unwrap().at;
    assert_eq!(
        next("2026-05-01T08:59:59.999999999Z"),
        super::instant("2026-05-01T09:00:00Z")
    );
    assert_eq!(
        next("2026-05-01T09:00:00Z"),
        super::instant("2026-05-02T09:00:00Z")
    );
    assert_eq!(
        next("2026-05-01T09:00:00.000000001Z"),
        super::instant("2026-05-02T09:00:00Z")
    );
}

#[test]
fn the_ends_of_time_give_an_answer() {
    for zone in ["UTC", "America/New_York", "Pacific/Kiritimati"] {
        for expression in ["0 9 * * *", "*/5 * * * *"] {
            let calendar = cron(expression, zone);
            let first = calendar.next_after(jiff::Timestamp::MIN).unwrap();
            assert!(first.local.year() <= 1970, "{first:?}");
            let last = calendar
                .after(super::instant("2100-12-31T00:00:00Z"))
                .last();
            assert!(last.is_none_or(|last| last.local.year() == 2100));
            assert_eq!(calendar.next_after(jiff::Timestamp::MAX), None);
        }
    }
    let leap = cron("0 0 29 2 *", "UTC");
    let after_2096 = leap.next_after(super::instant("2096-03-01T00:00:00Z"));
    assert_eq!(
        after_2096, None,
        "2100 is no leap year, and the cron crate ends there"
    );
}

#[test]
fn one_off_dates_come_in_order_and_once() {
    let calendar = on(
        &[
            "2026-12-24T09:00",
            "2026-01-06 18:30",
            "2026-12-24 09:00:00",
            "2026-12-24T09:00:30",
        ],
        "Europe/Berlin",
    );
    let found = between(&calendar, "2025-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
    let keys: Vec<&str> = found
        .iter()
        .map(|occurrence| occurrence.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "2026-01-06T18:30",
            "2026-12-24T09:00",
            "2026-12-24T09:00:30"
        ]
    );
    assert_eq!(found[1].at, super::instant("2026-12-24T08:00:00Z"));
    assert_eq!(
        on(&[], "UTC").next_after(super::instant("2026-01-01T00:00:00Z")),
        None
    );
    let at_the_end = Calendar::new(
        When::On(vec![jiff::civil::DateTime::MAX]),
        super::zone("America/New_York").unwrap(),
    );
    assert_eq!(
        at_the_end.next_after(super::instant("2026-01-01T00:00:00Z")),
        None
    );
}

#[test]
fn dates_are_read_or_the_reason_is_told() {
    let table = [
        (
            "2026-12-24",
            "`2026-12-24` has no time of day: write `2026-12-24T09:00`",
        ),
        (
            "24.12.2026 09:00",
            "`24.12.2026 09:00` is not a date and a time: write it as `2026-12-24T09:00`",
        ),
        (
            "tomorrow",
            "`tomorrow` is not a date and a time: write it as `2026-12-24T09:00`",
        ),
        (
            "",
            "`` is not a date and a time: write it as `2026-12-24T09:00`",
        ),
        (
            "2026-02-29T09:00",
            "`2026-02-29T09:00`: February 2026 has 28 days",
        ),
        (
            "2026-13-01T09:00",
            "`2026-13-01T09:00`: there is no month 13",
        ),
        (
            "2026-12-24T25:00",
            "`2026-12-24T25:00`: there is no time of day 25:00",
        ),
        (
            "2026-12-24T9:00",
            "`9:00` is not a time of day: write it as `09:00`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(parse_civil(text).unwrap_err(), expected, "{text}");
    }
    for text in [
        "2026-12-24T09:00Z",
        "2026-12-24 09:00+02:00",
        "2026-12-24T09:00[UTC]",
    ] {
        let expected = format!(
            "`{text}` names a zone of its own: leave that out, and say the zone with `timezone`"
        );
        assert_eq!(parse_civil(text).unwrap_err(), expected);
    }
    assert_eq!(
        parse_civil(" 2024-02-29 23:59:58 ").unwrap().to_string(),
        "2024-02-29T23:59:58"
    );
}
