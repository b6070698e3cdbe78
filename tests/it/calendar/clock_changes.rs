//! Gaps, folds, half-hour shifts and lost days, each by name.

use jiff::{SignedDuration, Timestamp};
use postroom::calendar::{Calendar, Shift};

use super::{between, cron, instant, on, shown};

#[test]
fn a_fixed_time_in_a_gap_runs_once_at_the_first_instant_after_it() {
    let new_york = cron("30 2 * * *", "America/New_York");
    assert_eq!(
        shown(&between(
            &new_york,
            "2027-03-13T00:00:00Z",
            "2027-03-16T00:00:00Z"
        )),
        [
            "2027-03-13T02:30 @ 13T07:30Z",
            "2027-03-14T02:30 @ 14T07:00Z",
            "2027-03-15T02:30 @ 15T06:30Z"
        ],
    );
    let beirut = cron("0 0 * * *", "Asia/Beirut");
    assert_eq!(
        shown(&between(
            &beirut,
            "2026-03-27T23:00:00Z",
            "2026-03-30T00:00:00Z"
        )),
        [
            "2026-03-29T00:00 @ 28T22:00Z",
            "2026-03-30T00:00 @ 29T21:00Z"
        ],
    );
}

#[test]
fn a_moved_occurrence_says_so() {
    let gap = cron("30 2 * * *", "America/New_York");
    let moved = gap.next_after(instant("2027-03-13T12:00:00Z")).unwrap();
    assert_eq!(moved.local.to_string(), "2027-03-14T03:00:00");
    assert_eq!(
        moved.shift.unwrap().to_string(),
        "02:30 does not exist on Sun 14 Mar 2027; runs at 03:00 that day"
    );
    let fold = cron("30 1 * * *", "America/New_York");
    let twice = fold.next_after(instant("2026-11-01T00:00:00Z")).unwrap();
    assert_eq!(
        twice.shift.unwrap().to_string(),
        "01:30 comes twice on Sun 1 Nov 2026; runs at the first"
    );
    let lost_day = on(&["2011-12-30T09:00"], "Pacific/Apia");
    let moved = lost_day
        .next_after(instant("2011-12-29T00:00:00Z"))
        .unwrap();
    assert_eq!(moved.at, instant("2011-12-30T10:00:00Z"));
    assert_eq!(
        moved.shift.unwrap().to_string(),
        "09:00 does not exist on Fri 30 Dec 2011; runs at 00:00 on Sat 31 Dec 2011"
    );
    let plain = gap.next_after(instant("2027-03-14T12:00:00Z")).unwrap();
    assert_eq!(plain.shift, None);
}

#[test]
fn fixed_times_that_fall_on_one_instant_are_one_occurrence() {
    let table = [
        ("0,30 2 * * *", vec!["2026-03-08T02:00 @ 08T07:00Z"]),
        ("* 2 * * *", vec!["2026-03-08T02:00 @ 08T07:00Z"]),
        ("0 2,3 * * *", vec!["2026-03-08T02:00 @ 08T07:00Z"]),
        (
            "30 2,3 * * *",
            vec![
                "2026-03-08T02:30 @ 08T07:00Z",
                "2026-03-08T03:30 @ 08T07:30Z",
            ],
        ),
    ];
    for (expression, expected) in table {
        let calendar = cron(expression, "America/New_York");
        let found = between(&calendar, "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z");
        assert_eq!(shown(&found), expected, "{expression}");
    }
    let dates = on(
        &["2026-03-08T02:45", "2026-03-08T02:15", "2026-03-08T03:00"],
        "America/New_York",
    );
    let found = between(&dates, "2026-03-08T05:00:00Z", "2026-03-08T12:00:00Z");
    assert_eq!(shown(&found), ["2026-03-08T02:15 @ 08T07:00Z"]);
}

#[test]
fn a_fixed_time_in_a_fold_runs_once_at_the_first() {
    let calendar = cron("0,30 1 * * *", "America/New_York");
    let found = between(&calendar, "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z");
    assert_eq!(
        shown(&found),
        [
            "2026-11-01T01:00 @ 01T05:00Z",
            "2026-11-01T01:30 @ 01T05:30Z",
            "2026-11-02T01:00 @ 02T06:00Z",
            "2026-11-02T01:30 @ 02T06:30Z",
        ],
    );
    assert!(matches!(found[0].shift, Some(Shift::Fold { .. })));
    assert_eq!(found[2].shift, None);
    let date = on(&["2026-11-01T01:30"], "America/New_York");
    assert_eq!(
        shown(&between(
            &date,
            "2026-10-31T00:00:00Z",
            "2026-11-03T00:00:00Z"
        )),
        ["2026-11-01T01:30 @ 01T05:30Z"],
    );
}

#[test]
fn wildcard_hours_pass_a_fold_with_every_real_hour_in_order() {
    for expression in ["0 * * * *", "0 0-23 * * *", "@hourly"] {
        let calendar = cron(expression, "America/New_York");
        let found = between(&calendar, "2026-11-01T03:59:00Z", "2026-11-01T08:00:00Z");
        assert_eq!(
            shown(&found),
            [
                "2026-11-01T04:00Z @ 01T04:00Z",
                "2026-11-01T05:00Z @ 01T05:00Z",
                "2026-11-01T06:00Z @ 01T06:00Z",
                "2026-11-01T07:00Z @ 01T07:00Z",
                "2026-11-01T08:00Z @ 01T08:00Z",
            ],
            "{expression}",
        );
    }
}

#[test]
fn every_quarter_of_an_hour_stays_a_quarter_through_gap_and_fold() {
    for zone in [
        "America/New_York",
        "Europe/Berlin",
        "Asia/Beirut",
        "Australia/Lord_Howe",
    ] {
        let calendar = cron("*/15 * * * *", zone);
        for (from, days) in [("2026-03-01T00:00:00Z", 60), ("2026-09-15T00:00:00Z", 60)] {
            let mut last = instant(from);
            for occurrence in calendar.after(last).take(96 * days) {
                let step = occurrence.at.duration_since(last);
                assert_eq!(step, SignedDuration::from_mins(15), "{zone}");
                last = occurrence.at;
            }
        }
    }
}

#[test]
fn stepped_wildcard_hours_run_where_the_clock_shows_them_and_at_the_end_of_a_gap() {
    let calendar = cron("0 */2 * * *", "Europe/Berlin");
    let hours = |from, to| {
        let found = between(&calendar, from, to);
        found
            .iter()
            .map(|o| o.local.strftime("%H:%M").to_string())
            .collect::<Vec<_>>()
    };
    // 02:00 to 03:00 is skipped: no clock shows 02:00.
    let gap = hours("2026-03-28T22:59:00Z", "2026-03-29T04:00:00Z");
    assert_eq!(gap, ["00:00", "03:00", "04:00", "06:00"]);
    let made_up = calendar.next_after(instant("2026-03-29T00:00:00Z"));
    assert_eq!(
        made_up.unwrap().note().unwrap(),
        "02:00 does not exist on Sun 29 Mar 2026; runs at 03:00 that day"
    );
    // 03:00 back to 02:00: clocks show 02:00 twice.
    let fold = hours("2026-10-24T21:59:00Z", "2026-10-25T03:00:00Z");
    assert_eq!(fold, ["00:00", "02:00", "02:00", "04:00"]);
}

#[test]
fn an_hour_that_is_half_there_loses_no_run() {
    // Lord Howe: 02:00 to 02:30 on 4 Oct 2026. 02:00 is swallowed, and the hour is not.
    let hourly = cron("0 * * * *", "Australia/Lord_Howe");
    let found = between(&hourly, "2026-10-03T14:00:00Z", "2026-10-03T16:00:00Z");
    let local: Vec<_> = found.iter().map(|o| o.local.time().to_string()).collect();
    assert_eq!(local, ["01:00:00", "02:30:00", "03:00:00"]);
    assert_eq!(found[1].key, "2026-10-03T15:30Z");
}

#[test]
fn half_an_hours_shift_is_a_clock_change_like_any_other() {
    // Lord Howe: 02:00 to 02:30 on 4 Oct 2026, 02:00 back to 01:30 on 5 Apr 2026.
    let gap = cron("15 2 * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&between(
            &gap,
            "2026-10-03T00:00:00Z",
            "2026-10-04T23:00:00Z"
        )),
        [
            "2026-10-04T02:15 @ 03T15:30Z",
            "2026-10-05T02:15 @ 04T15:15Z"
        ],
    );
    let fold = cron("45 1 * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&between(
            &fold,
            "2026-04-03T20:00:00Z",
            "2026-04-05T20:00:00Z"
        )),
        [
            "2026-04-05T01:45 @ 04T14:45Z",
            "2026-04-06T01:45 @ 05T15:15Z"
        ],
    );
    let hourly = cron("0,30 * * * *", "Australia/Lord_Howe");
    assert_eq!(
        shown(&between(
            &hourly,
            "2026-04-04T14:29:00Z",
            "2026-04-04T16:00:00Z"
        )),
        [
            "2026-04-04T14:30Z @ 04T14:30Z",
            "2026-04-04T15:00Z @ 04T15:00Z",
            "2026-04-04T15:30Z @ 04T15:30Z",
            "2026-04-04T16:00Z @ 04T16:00Z",
        ],
    );
}

/// A38: Apia in 2011.
#[test]
fn a_day_that_a_country_skipped_is_one_gap() {
    // Samoa went from the end of 29 Dec 2011 straight to 31 Dec.
    let daily = cron("0 9 * * *", "Pacific/Apia");
    assert_eq!(
        shown(&between(
            &daily,
            "2011-12-29T00:00:00Z",
            "2012-01-01T00:00:00Z"
        )),
        [
            "2011-12-29T09:00 @ 29T19:00Z",
            "2011-12-30T09:00 @ 30T10:00Z",
            "2011-12-31T09:00 @ 30T19:00Z",
            "2012-01-01T09:00 @ 31T19:00Z",
        ],
    );
    let hourly = cron("0 * * * *", "Pacific/Apia");
    let found = between(&hourly, "2011-12-30T00:00:00Z", "2011-12-31T00:00:00Z");
    assert_eq!(found.len(), 24);
    assert!(found.iter().all(|occurrence| occurrence.local.day() != 30));
}

#[test]
fn a_restart_inside_a_fold_or_gap_changes_nothing() {
    let expressions = [
        "0 * * * *",
        "*/15 * * * *",
        "30 1 * * *",
        "* 1 * * *",
        "0,30 2 * * *",
        "0 */2 * * *",
    ];
    let windows = [
        ("America/New_York", "2026-11-01T03:00:00Z"),
        ("America/New_York", "2026-03-08T04:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T13:00:00Z"),
        ("Asia/Beirut", "2026-10-24T18:00:00Z"),
    ];
    for expression in expressions {
        for (zone, from) in windows {
            let calendar = cron(expression, zone);
            restarted_every_half_minute(&calendar, instant(from));
        }
    }
}

/// What a daemon computes that starts at any moment of six hours is what one computed that ran on.
fn restarted_every_half_minute(calendar: &Calendar, from: Timestamp) {
    let whole: Vec<_> = calendar.after(from).take(400).collect();
    for step in 0..720 {
        let now = from + SignedDuration::from_secs(30 * step);
        let expected = whole.iter().find(|occurrence| occurrence.at > now);
        assert_eq!(
            calendar.next_after(now).as_ref(),
            expected,
            "{calendar:?} at {now}"
        );
    }
}

#[test]
fn rules_hold_far_in_the_future() {
    let calendar = cron("30 2 14 3 *", "America/New_York");
    let found = between(&calendar, "2088-01-01T00:00:00Z", "2100-12-31T00:00:00Z");
    assert_eq!(found.len(), 13);
    // The second Sunday of March 2088 is the 14th.
    assert_eq!(found[0].at, instant("2088-03-14T07:00:00Z"));
    assert!(found[0].shift.is_some());
    assert_eq!(found[1].shift, None);
}
