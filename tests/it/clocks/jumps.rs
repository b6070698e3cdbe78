//! Clocks that are set: forward, back, in 1970; and a machine that slept.

use super::{BELL, Moves, Post, Told, at, bell, heard, missed, sent, sent_at};
use crate::world::patience::wait_for;

const HOURLY: (&str, &str) = ("hours", "cron = \"0 * * * *\"");

fn hour(due: &str) -> Told {
    sent_at("hours", due)
}

/// A31: somebody sets the clock a day forward, and a time server sets it right: what was missed is
/// recorded, one late run is opened, and no day's run comes twice.
#[test]
fn a_day_forward_and_back_opens_one_late_run_and_nothing_twice() {
    let landings = [
        "2027-06-01T08:30:00Z",
        "2027-06-02T09:10:00Z",
        "2027-06-01T09:59:45Z",
    ];
    let rings = bell(&landings);
    let schedules = [HOURLY, (BELL, &*rings)];
    let Some(post) = Post::at(landings[0], Moves::TheWallClock, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    post.clock.set(at(landings[1]));
    post.hears(&daemon, "clock-went-forward");
    let hours = (9..24).map(|hour| format!("2027-06-01T{hour:02}:00Z"));
    let hours = hours.chain((0..9).map(|hour| format!("2027-06-02T{hour:02}:00Z")));
    let mut expected: Vec<Told> = hours.map(|due| missed(hour(&due))).collect();
    expected.push(hour("2027-06-02T09:00Z"));
    post.comes_to(&expected);

    post.clock.set(at(landings[2]));
    post.hears(&daemon, "clock-went-back");
    // What is still to come was not missed, and has its run.
    expected.retain(|it| it.state != "missed" || it.due < at(landings[2]));
    expected.push(hour("2027-06-01T10:00Z"));
    post.comes_to(&expected);
    assert_eq!(heard(&daemon, "clock-went-forward"), 1);
    assert_eq!(heard(&daemon, "clock-went-back"), 1);
    post.ends_with(daemon, &expected);
}

/// A30: an hour back, and the same hour once more: it has had its run.
#[test]
fn an_hour_back_opens_nothing_twice() {
    let landings = [
        "2027-06-01T08:30:00Z",
        "2027-06-01T08:59:57Z",
        "2027-06-01T07:59:45Z",
        "2027-06-01T08:59:58Z",
        "2027-06-01T09:59:58Z",
    ];
    let rings = bell(&landings);
    let schedules = [HOURLY, (BELL, &*rings)];
    let Some(post) = Post::at(landings[0], Moves::TheWallClock, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    post.clock.set(at(landings[1]));
    post.comes_to(&[hour("2027-06-01T09:00Z")]);
    post.clock.set(at(landings[2]));
    post.hears(&daemon, "clock-went-back");
    // This hour was before the daemon's start, and has not had a run.
    let mut expected = vec![hour("2027-06-01T09:00Z"), hour("2027-06-01T08:00Z")];
    post.comes_to(&expected);
    post.clock.set(at(landings[3]));
    wait_for("the same hour again", || {
        (heard(&daemon, "clock-went-forward") == 2).then_some(())
    });
    post.clock.set(at(landings[4]));
    expected.push(hour("2027-06-01T10:00Z"));
    post.comes_to(&expected);
    assert_eq!(heard(&daemon, "clock-went-back"), 1);
    assert_eq!(heard(&daemon, "run-missed"), 0);
    post.ends_with(daemon, &expected);
}

/// A32: a machine without a battery boots in 1970: no schedule runs, and nothing is forgotten.
#[test]
fn a_clock_that_begins_in_1970_opens_nothing_until_it_is_right() {
    let daily = [("daily", "cron = \"0 9 * * *\"")];
    let Some(post) = Post::at("2027-06-01T08:00:00Z", Moves::TheWallClock, &daily) else {
        return;
    };
    assert!(post.daemon().stop().success());
    post.clock.set(at("1970-01-01T08:59:58Z"));
    let daemon = post.daemon();
    post.hears(&daemon, "clock-wrong");
    post.comes_to(&[]);
    post.clock.set(at("2027-06-02T09:20:00Z"));
    post.hears(&daemon, "clock-right");
    let day = |day: &str| {
        sent(
            "daily",
            &format!("{day}T09:00"),
            &format!("{day}T09:00:00Z"),
        )
    };
    let expected = [missed(day("2027-06-01")), day("2027-06-02")];
    post.ends_with(daemon, &expected);
}

/// A33: a laptop is shut for eight hours, in which only the wall clock goes on.
#[test]
fn after_a_suspension_the_last_run_is_caught_up_and_the_others_are_missed() {
    let landings = ["2027-06-01T09:20:00Z", "2027-06-01T17:20:00Z"];
    let rings = bell(&landings);
    let schedules = [HOURLY, (BELL, &*rings)];
    let Some(post) = Post::at(landings[0], Moves::TheWallClock, &schedules) else {
        return;
    };
    let daemon = post.daemon();
    post.clock.suspend(&daemon, at(landings[1]));
    post.hears(&daemon, "clock-went-forward");
    let meanwhile = (10..17).map(|hour| format!("2027-06-01T{hour}:00Z"));
    let mut expected: Vec<Told> = meanwhile.map(|due| missed(hour(&due))).collect();
    expected.push(hour("2027-06-01T17:00Z"));
    post.comes_to(&expected);
    assert_eq!(heard(&daemon, "clock-went-forward"), 1);
    assert_eq!(heard(&daemon, "run-missed"), 7);
    post.ends_with(daemon, &expected);
}
