//! `every`, bounds and jitter.

use std::collections::HashSet;

use jiff::SignedDuration;
use postroom::calendar::{Calendar, Every, When, jitter, parse_bound, parse_civil};

use super::{between, cron, instant, on, shown, zone};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn every(step: SignedDuration, anchor: &str, zone_name: &str) -> Calendar {
    let every = Every::new(parse_civil(anchor).unwrap(), step).unwrap();
    Calendar::new(When::Every(every), zone(zone_name).unwrap())
}

#[test]
fn a_distance_counts_from_its_start_and_real_hours_through_a_clock_change() {
    let calendar = every(HOUR * 2, "2026-10-24T21:30", "Europe/Berlin");
    // 03:00 becomes 02:00 on 25 October, at 01:00 UTC.
    assert_eq!(
        shown(&between(
            &calendar,
            "2026-01-01T00:00Z",
            "2026-10-25T03:30Z"
        )),
        [
            "2026-10-24T19:30Z @ 24T19:30Z",
            "2026-10-24T21:30Z @ 24T21:30Z",
            "2026-10-24T23:30Z @ 24T23:30Z",
            "2026-10-25T01:30Z @ 25T01:30Z",
            "2026-10-25T03:30Z @ 25T03:30Z",
        ],
    );
    let later = calendar.next_after(instant("2036-10-24T19:31Z")).unwrap();
    assert_eq!(later.at, instant("2036-10-24T21:30Z"));
}

#[test]
fn whole_days_keep_the_time_of_day() {
    let fortnight = every(HOUR * 24 * 14, "2026-10-12T09:00", "Europe/Berlin");
    assert_eq!(
        shown(&between(
            &fortnight,
            "2026-10-01T00:00Z",
            "2026-11-30T00:00Z"
        )),
        [
            "2026-10-12T09:00 @ 12T07:00Z",
            "2026-10-26T09:00 @ 26T08:00Z",
            "2026-11-09T09:00 @ 09T08:00Z",
            "2026-11-23T09:00 @ 23T08:00Z",
        ],
    );
    let daily = every(HOUR * 24, "2026-03-01T02:30", "America/New_York");
    let as_cron = cron("30 2 * * *", "America/New_York");
    let span = ("2026-03-02T00:00Z", "2027-03-02T00:00Z");
    assert_eq!(
        between(&daily, span.0, span.1),
        between(&as_cron, span.0, span.1)
    );
    // Apia has no 30 December 2011: that day's time falls on the first instant of the next.
    let apia = every(HOUR * 24, "2011-12-28T10:00", "Pacific/Apia");
    let found = between(&apia, "2011-12-28T21:00Z", "2011-12-31T00:00Z");
    assert_eq!(
        shown(&found),
        [
            "2011-12-29T10:00 @ 29T20:00Z",
            "2011-12-30T10:00 @ 30T10:00Z",
            "2011-12-31T10:00 @ 30T20:00Z",
        ],
    );
}

#[test]
fn a_distance_is_of_whole_minutes() {
    let anchor = parse_civil("2026-12-01T09:00").unwrap();
    for seconds in [0, -60, 59, 90] {
        assert!(Every::new(anchor, SignedDuration::from_secs(seconds)).is_err());
    }
}

#[test]
fn bounds_hold_their_own_moment_and_all_of_their_day() {
    let daily = |starts: &str, ends: &str| Calendar {
        starts: Some(parse_bound(starts, false).unwrap()),
        ends: Some(parse_bound(ends, true).unwrap()),
        ..cron("0 9 * * *", "Asia/Kathmandu")
    };
    let keys = |calendar: &Calendar| {
        let found = between(calendar, "2026-01-01T00:00Z", "2027-01-01T00:00Z");
        let days = found.iter().map(|it| it.local.day().to_string());
        days.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(keys(&daily("2026-12-01", "2026-12-03")), "1 2 3");
    assert_eq!(
        keys(&daily("2026-12-01T09:00", "2026-12-03T09:00")),
        "1 2 3"
    );
    assert_eq!(keys(&daily("2026-12-01T09:01", "2026-12-03T08:59")), "2");
    assert_eq!(keys(&daily("2026-12-01T09:01", "2026-12-02T08:59")), "");
    let once = Calendar {
        ends: Some(parse_bound("2026-12-24", true).unwrap()),
        ..on(&["2026-12-24T23:59", "2026-12-25T00:00"], "Europe/Berlin")
    };
    assert_eq!(once.after(instant("2026-01-01T00:00Z")).count(), 1);
}

#[test]
fn jitter_moves_every_time_alike_and_leaves_its_name() {
    let plain = cron("30 1,2 * * *", "America/New_York");
    let late = Calendar {
        jitter: SignedDuration::from_secs(252),
        ..plain.clone()
    };
    let mut from = instant("2026-10-30T00:00Z");
    for expected in plain.after(from).take(10) {
        let found = late.next_after(from).unwrap();
        assert_eq!(found.at, expected.at + late.jitter);
        assert_eq!(found.key, expected.key);
        // A restart between the planned time and the delayed one loses nothing.
        let just_before = found.at - SignedDuration::from_secs(1);
        assert_eq!(late.next_after(just_before).as_ref(), Some(&found));
        assert!(
            found.note().unwrap().ends_with("4m 12s of jitter"),
            "{:?}",
            found.note()
        );
        from = found.at;
    }
    assert_eq!(late.identity(), plain.identity());
}

#[test]
fn jitter_is_the_same_for_ever_and_spread_over_schedules_and_machines() {
    let most = SignedDuration::from_mins(10);
    // Written down by the first version; a change would move every run.
    let machine = "b08dfa6083e7567a1921a715000001fb";
    assert_eq!(jitter(most, "weekly", machine).as_secs(), 184);
    let drawn: Vec<i64> = (0..1000)
        .map(|n| jitter(most, &format!("schedule-{n}"), "host").as_secs())
        .collect();
    assert!(drawn.iter().all(|it| (0..600).contains(it)));
    assert!(drawn.iter().collect::<HashSet<_>>().len() > 400);
    let quarter = drawn.iter().filter(|it| **it < 150).count();
    assert!(
        (200..300).contains(&quarter),
        "{quarter} of 1000 in the first quarter"
    );
    assert_ne!(
        jitter(most, "weekly", "one"),
        jitter(most, "weekly", "other")
    );
    let short = SignedDuration::from_millis(300);
    assert_eq!(jitter(short, "weekly", "one"), SignedDuration::ZERO);
}

#[test]
fn an_identity_changes_with_the_planned_times_and_with_nothing_else() {
    let weekly = cron("0 9 * * Mon", "Europe/Berlin");
    assert_eq!(weekly.identity(), "cron 0 9 * * Mon Europe/Berlin");
    let one = on(&["2026-12-24T09:00", "2026-01-01T10:00:30"], "UTC");
    let other = on(
        &[
            "2026-01-01T10:00:30",
            "2026-12-24T09:00",
            "2026-12-24T09:00",
        ],
        "UTC",
    );
    assert_eq!(
        one.identity(),
        "on 2026-01-01T10:00:30 2026-12-24T09:00 UTC"
    );
    assert_eq!(one.identity(), other.identity());
    let often = every(HOUR * 2, "2026-12-01T09:00", "UTC");
    let bounded = Calendar {
        ends: Some(parse_bound("2026-12-31", true).unwrap()),
        ..often
    };
    assert_eq!(
        bounded.identity(),
        "every 120m from 2026-12-01T09:00 UTC ends 2026-12-31T23:59:59"
    );
}
