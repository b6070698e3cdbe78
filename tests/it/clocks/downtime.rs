//! Times that come while nobody is there, or while nothing may leave.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use postroom::outbox::state::State;

use super::{Moves, Post, Told, at, heard, missed, sent, sent_at};
use crate::world::history;
use crate::world::patience::wait_for;

/// A40: down over three occurrences: the last one is caught up if it is not too late, the others
/// are recorded.
#[test]
fn after_a_downtime_the_last_run_is_caught_up_and_the_others_are_missed() {
    let schedules = [
        ("plain", "cron = \"0 * * * *\""),
        ("never", "cron = \"0 * * * *\"\ncatch_up = \"never\""),
        ("daily", "cron = \"0 9 * * *\"\ncatch_up = \"6h\""),
        ("strict", "cron = \"0 9 * * *\"\ncatch_up = \"2h\""),
    ];
    let Some(post) = Post::at("2027-06-01T08:30:00Z", Moves::TheWallClock, &schedules) else {
        return;
    };
    assert!(post.daemon().stop().success());
    post.clock.set(at("2027-06-01T11:45:00Z"));
    let daemon = post.daemon();
    let nine = |schedule| sent(schedule, "2027-06-01T09:00", "2027-06-01T09:00:00Z");
    let mut expected: Vec<Told> = vec![nine("daily"), missed(nine("strict"))];
    for due in ["2027-06-01T09:00Z", "2027-06-01T10:00Z"] {
        expected.push(missed(sent_at("plain", due)));
        expected.push(missed(sent_at("never", due)));
    }
    expected.push(sent_at("plain", "2027-06-01T11:00Z"));
    expected.push(missed(sent_at("never", "2027-06-01T11:00Z")));
    post.comes_to(&expected);
    assert_eq!(heard(&daemon, "run-missed"), 6);
    // A second start makes nothing of it.
    assert!(daemon.stop().success());
    let daemon = post.daemon();
    post.ends_with(daemon, &expected);
}

/// The hours end while a run is being sent: nothing leaves outside of them, and the rest goes when
/// they begin again.
#[test]
fn a_run_rests_while_its_hours_are_closed_and_everybody_gets_it_once() {
    const CLOSES: &str = "2027-06-01T08:10:00Z";
    let keys = "on = 2027-06-01T08:09:57\nbetween = \"08:00-08:10\"\nexpires = \"2d\"";
    let (now, latency) = ("2027-06-01T07:00:00Z", Duration::from_millis(100));
    let Some(post) = Post::with_latency(now, Moves::Time, &[("slow", keys)], latency) else {
        return;
    };
    let people: Vec<String> = (0..200).map(|n| format!("person{n}@example.org")).collect();
    let mut list = "email\n".to_owned();
    people.iter().for_each(|it| writeln!(list, "{it}").unwrap());
    post.workspace.write("people.csv", list);
    let daemon = post.daemon();
    post.clock.pass(&daemon, at("2027-06-01T08:09:56Z"));
    let run = || history::newest(&post.workspace.reader()?, "slow");
    wait_for("the end of the hours", || {
        let busy = [State::Leased, State::Armed];
        let is_over = post.clock.now() > at(CLOSES) + Duration::from_secs(1);
        (is_over && run()?.counts.sum(&busy) == 0).then_some(())
    });
    let waiting = run().unwrap().counts.of(State::Queued);
    assert!(waiting > 100, "20 seconds of work in 3: {waiting} wait");
    post.clock.pass(&daemon, at("2027-06-02T07:59:58Z"));
    wait_for("the end of the run", || {
        (run()?.state == "completed").then_some(())
    });
    assert!(daemon.stop().success());

    let reader = post.workspace.reader().unwrap();
    let told = history::told(&reader, &run().unwrap());
    let (opens, closes) = (civil::time(8, 0, 0, 0), civil::time(8, 10, 0, 0));
    for attempt in told.iter().flat_map(|it| &it.tries) {
        let begun = Timestamp::from_millisecond(attempt.started_at).unwrap();
        let begun = begun.to_zoned(TimeZone::UTC).time();
        assert!((opens..closes).contains(&begun), "let go at {begun}");
    }
    let taken = history::logged(&post.catcher.accept_log());
    post.catcher.stop();
    assert_eq!(history::against_server(&told, &taken), [""; 0]);
    let mut taken: Vec<String> = taken.into_iter().map(|it| it.to).collect();
    taken.sort();
    let mut people = people;
    people.sort();
    assert_eq!(taken, people);
}
