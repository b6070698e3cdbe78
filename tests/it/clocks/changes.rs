//! Changes of summer time, as time passes.

use super::{Moves, Post, Told, at, heard, sent, sent_at};
use crate::world::workspace::Daemon;

const BERLIN: &str = "timezone = \"Europe/Berlin\"\n";

impl Post {
    /// Time passes to a second after each of these, and each time there is what there must be.
    #[track_caller]
    fn lives_through(&self, daemon: &Daemon, expected: &mut Vec<Told>, coming: &[(&str, &[Told])]) {
        for (moment, opened) in coming {
            self.clock
                .pass(daemon, at(moment) + std::time::Duration::from_secs(1));
            expected.extend(opened.iter().cloned());
            self.comes_to(expected);
        }
    }
}

/// Time that passes is no clock that jumps.
#[track_caller]
fn assert_calm(daemon: &Daemon) {
    for event in [
        "clock-went-back",
        "clock-went-forward",
        "clock-wrong",
        "run-missed",
    ] {
        assert_eq!(heard(daemon, event), 0, "{event}");
    }
}

fn keys(cron: &str, zone: &str) -> String {
    format!("cron = \"{cron}\"\n{zone}")
}

/// A34: 02:30 does not exist, and runs at the first instant after the gap, once; each quarter of an
/// hour that passes has its run.
#[test]
fn over_a_gap_nothing_is_lost_and_nothing_comes_twice() {
    let fixed = keys("30 2 * * *", BERLIN);
    let quarters = keys("*/15 * * * *", BERLIN);
    let schedules = [("fixed", &*fixed), ("quarters", &*quarters)];
    let Some(post) = Post::at("2027-03-28T00:40:00Z", Moves::Time, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    let quarter = |due: &str| sent_at("quarters", due);
    let mut expected = Vec::new();
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-03-28T00:45:00Z", &[quarter("2027-03-28T00:45Z")]),
            (
                "2027-03-28T01:00:00Z", // 03:00 follows 01:59
                &[
                    sent("fixed", "2027-03-28T02:30", "2027-03-28T01:00:00Z"),
                    quarter("2027-03-28T01:00Z"),
                ],
            ),
            ("2027-03-28T01:15:00Z", &[quarter("2027-03-28T01:15Z")]),
            ("2027-03-28T01:30:00Z", &[quarter("2027-03-28T01:30Z")]),
            ("2027-03-28T01:45:00Z", &[quarter("2027-03-28T01:45Z")]),
        ],
    );
    assert_calm(&daemon);
    post.ends_with(daemon, &expected);
}

/// A35, A36, A37: 02:30 comes twice, and its run once, at the first, though the daemon is killed
/// and started between 02:00 and 03:00 before that, and again after it; every hour and every
/// quarter that passes has its run, in order.
#[test]
fn over_a_fold_with_restarts_in_it_nothing_is_lost_and_nothing_comes_twice() {
    let fixed = keys("30 2 * * *", BERLIN);
    let hours = keys("0 * * * *", BERLIN);
    let quarters = keys("*/15 * * * *", BERLIN);
    let schedules = [
        ("fixed", &*fixed),
        ("hours", &*hours),
        ("quarters", &*quarters),
    ];
    let Some(post) = Post::at("2027-10-30T23:50:00Z", Moves::Time, &schedules) else {
        return;
    };
    let both = |due: &str| [sent_at("hours", due), sent_at("quarters", due)];
    let quarter = |due: &str| [sent_at("quarters", due)];
    let mut expected = Vec::new();
    let daemon = post.daemon();
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-10-31T00:00:00Z", &both("2027-10-31T00:00Z")),
            ("2027-10-31T00:15:00Z", &quarter("2027-10-31T00:15Z")), // 02:15, the first
        ],
    );
    daemon.kill();
    let daemon = post.daemon();
    let fixed = [
        sent("fixed", "2027-10-31T02:30", "2027-10-31T00:30:00Z"),
        sent_at("quarters", "2027-10-31T00:30Z"),
    ];
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-10-31T00:30:00Z", &fixed),
            ("2027-10-31T00:45:00Z", &quarter("2027-10-31T00:45Z")),
            ("2027-10-31T01:00:00Z", &both("2027-10-31T01:00Z")), // 02:00 follows 02:59
            ("2027-10-31T01:15:00Z", &quarter("2027-10-31T01:15Z")), // 02:15, the second
        ],
    );
    daemon.kill();
    let daemon = post.daemon();
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-10-31T01:30:00Z", &quarter("2027-10-31T01:30Z")), // 02:30 again
            ("2027-10-31T01:45:00Z", &quarter("2027-10-31T01:45Z")),
            ("2027-10-31T02:00:00Z", &both("2027-10-31T02:00Z")),
        ],
    );
    assert_calm(&daemon);
    post.ends_with(daemon, &expected);
}

/// A36: it was down when 01:30 came first, and is there when it comes again: it is sent late, once.
#[test]
fn a_restart_over_the_first_of_two_same_times_takes_the_second_for_no_other() {
    let fixed = keys("30 1 * * *", "timezone = \"America/New_York\"\n");
    let nine = keys("0 1 * * *", "timezone = \"America/New_York\"\n");
    let schedules = [("fixed", &*fixed), ("hour", &*nine)];
    let Some(post) = Post::at("2027-11-07T04:59:00Z", Moves::Time, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    let mut expected = Vec::new();
    let one = [sent("hour", "2027-11-07T01:00", "2027-11-07T05:00:00Z")];
    post.lives_through(&daemon, &mut expected, &[("2027-11-07T05:00:00Z", &one)]);
    assert!(daemon.stop().success());
    post.clock.set(at("2027-11-07T05:50:00Z"));
    let daemon = post.daemon();
    expected.push(sent("fixed", "2027-11-07T01:30", "2027-11-07T05:30:00Z"));
    post.comes_to(&expected);
    let tomorrow = [sent("hour", "2027-11-08T01:00", "2027-11-08T06:00:00Z")];
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-11-07T06:00:00Z", &[]), // 01:00 again
            ("2027-11-07T06:30:00Z", &[]), // 01:30 again
            ("2027-11-08T06:00:00Z", &tomorrow),
        ],
    );
    assert_calm(&daemon);
    post.ends_with(daemon, &expected);
}

/// A38: half an hour forward, and half an hour back.
#[test]
fn shifts_of_half_an_hour_are_as_those_of_an_hour() {
    const HOWE: &str = "timezone = \"Australia/Lord_Howe\"\n";
    let quarters = keys("*/15 * * * *", HOWE);
    let fold = keys("45 1 * * *", HOWE);
    let schedules = [("fixed", &*fold), ("quarters", &*quarters)];
    let quarter = |due: &str| sent_at("quarters", due);
    let Some(post) = Post::at("2027-04-03T14:40:00Z", Moves::Time, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    let mut expected = Vec::new();
    let first = [
        sent("fixed", "2027-04-04T01:45", "2027-04-03T14:45:00Z"),
        quarter("2027-04-03T14:45Z"),
    ];
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-04-03T14:45:00Z", &first),
            ("2027-04-03T15:00:00Z", &[quarter("2027-04-03T15:00Z")]), // 01:30 follows 01:59
            ("2027-04-03T15:15:00Z", &[quarter("2027-04-03T15:15Z")]), // 01:45 again
            ("2027-04-03T15:30:00Z", &[quarter("2027-04-03T15:30Z")]),
        ],
    );
    assert_calm(&daemon);
    post.ends_with(daemon, &expected);

    let gap = keys("15 2 * * *", HOWE);
    let schedules = [("fixed", &*gap), ("quarters", &*quarters)];
    let Some(post) = Post::at("2027-10-02T15:10:00Z", Moves::Time, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    let mut expected = Vec::new();
    let after = [
        sent("fixed", "2027-10-03T02:15", "2027-10-02T15:30:00Z"),
        quarter("2027-10-02T15:30Z"), // 02:30 follows 01:59
    ];
    post.lives_through(
        &daemon,
        &mut expected,
        &[
            ("2027-10-02T15:15:00Z", &[quarter("2027-10-02T15:15Z")]),
            ("2027-10-02T15:30:00Z", &after),
            ("2027-10-02T15:45:00Z", &[quarter("2027-10-02T15:45Z")]),
        ],
    );
    assert_calm(&daemon);
    post.ends_with(daemon, &expected);
}
