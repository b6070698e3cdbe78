//! Runs of one schedule that overlap, rows with a time of their own, and a clock that is set back.

use std::time::Duration;

use postroom::config::Overlap;
use postroom::outbox::state::State;
use postroom::outbox::{
    ArmRefusal, Claim, Claimed, CutWaits, DeliveryId, Hour, NewDelivery, NewRun, Opened, Outcome,
    RunNo, TurnBack,
};

use crate::world::bench::{ACCOUNT, Bench, LEASE, now, row};

const MINUTE: i64 = 60_000;

fn run(bench: &Bench, occurrence: &str, overlap: Overlap) -> NewRun {
    NewRun {
        overlap: Some(overlap),
        ..bench.new_run("weekly", occurrence)
    }
}

fn of(rows: &[Claimed]) -> Vec<RunNo> {
    let mut runs: Vec<_> = rows.iter().map(|row| row.id.run).collect();
    runs.dedup();
    runs
}

fn busy(bench: &Bench) -> Outcome {
    Outcome::Deferred {
        next_at: bench.now_ms() + MINUTE,
    }
}

#[test]
fn a_later_run_begins_when_everybody_of_the_earlier_one_was_tried() {
    let bench = Bench::new();
    let first = run(&bench, "09:00", Overlap::Queue);
    let first = bench.open_run(first, &["ada@example.org", "bob@example.org"]);
    let second = run(&bench, "10:00", Overlap::Queue);
    let second = bench.open_run(second, &["ada@example.org"]);

    let rows = bench.claim(10);
    assert_eq!(of(&rows), [first]);
    bench.arm(&rows[0]).unwrap();
    bench.record(&rows[0], Outcome::Accepted);
    assert!(bench.claim(10).is_empty(), "somebody was not tried yet");
    bench.arm(&rows[1]).unwrap();
    assert!(bench.claim(10).is_empty(), "nor has an answer");
    bench.record(&rows[1], busy(&bench));
    assert_eq!(of(&bench.claim(10)), [second], "another try is no reason");
}

#[test]
fn a_run_that_opens_still_is_waited_for_and_one_that_failed_is_not() {
    let bench = Bench::new();
    let opening = bench.begin(run(&bench, "09:00", Overlap::Queue));
    let second = run(&bench, "10:00", Overlap::Queue);
    let second = bench.open_run(second, &["ada@example.org"]);
    assert!(bench.claim(10).is_empty());
    let reason = "its list is gone".to_owned();
    let failed = postroom::outbox::RunFailed {
        run: opening,
        reason,
    };
    now(bench.outbox.submit(failed)).unwrap();
    assert_eq!(of(&bench.claim(10)), [second]);
}

#[test]
fn other_schedules_and_what_people_ask_for_go_beside() {
    let bench = Bench::new();
    let first = run(&bench, "09:00", Overlap::Queue);
    let first = bench.open_run(first, &["ada@example.org"]);
    let by_hand = bench.open_run(bench.new_run("weekly", "manual:1"), &["ada@example.org"]);
    let mut other = run(&bench, "09:00", Overlap::Queue);
    other.schedule = "daily".to_owned();
    let other = bench.open_run(other, &["ada@example.org"]);
    assert_eq!(of(&bench.claim(10)), [first, by_hand, other]);
}

#[test]
fn a_run_is_skipped_while_an_earlier_one_is_sent_and_that_is_recorded() {
    let bench = Bench::new();
    let first = run(&bench, "09:00", Overlap::Skip);
    let id = first.id.clone();
    bench.open_run(first, &["ada@example.org"]);
    let Opened::Skipped(reason) =
        now(bench.outbox.submit(run(&bench, "10:00", Overlap::Skip))).unwrap()
    else {
        panic!("it overlaps");
    };
    assert!(reason.contains(&id), "{reason}");
    let told = bench.outbox.reader().unwrap().runs(None, None, 1).unwrap();
    assert_eq!(told[0].state, "skipped");
    assert_eq!(told[0].reason.as_deref(), Some(&*reason));
    let again = now(bench.outbox.submit(run(&bench, "10:00", Overlap::Skip))).unwrap();
    assert_eq!(again, Opened::Exists(told[0].id.clone()), "for ever");

    // Somebody who only waits for another try stops no run.
    let row = bench.claim_one();
    bench.arm(&row).unwrap();
    bench.record(&row, busy(&bench));
    let third = run(&bench, "11:00", Overlap::Skip);
    bench.open_run(third, &["ada@example.org"]);
}

#[test]
fn what_a_person_asked_for_makes_no_run_of_the_calendar_skip() {
    let bench = Bench::new();
    let by_hand = bench.open_run(bench.new_run("weekly", "manual:1"), &["ada@example.org"]);
    let due = run(&bench, "09:00", Overlap::Skip);
    let due = bench.open_run(due, &["ada@example.org"]);
    assert_eq!(of(&bench.claim(10)), [by_hand, due]);
}

/// Opens a run whose first row may leave in an hour and not after two; the second has no time of
/// its own.
fn with_own_hour(bench: &Bench) -> RunNo {
    let no = bench.begin(bench.new_run("weekly", "09:00"));
    let mut own = row(1, "ada@example.org");
    own.hour = Some(Hour::Due {
        not_before: bench.now_ms() + 60 * MINUTE,
        expires_at: bench.now_ms() + 120 * MINUTE,
    });
    let mut over = row(3, "cyd@example.org");
    over.hour = Some(Hour::Over("09:00 was five hours ago there".to_owned()));
    bench.fill(no, vec![own, row(2, "bob@example.org"), over]);
    bench.seal(no, &["ada@example.org", "bob@example.org"]);
    bench.finish(no, 3);
    no
}

#[tokio::test(start_paused = true)]
async fn a_row_with_a_time_of_its_own_leaves_then_and_not_too_late() {
    let bench = Bench::new();
    let run = with_own_hour(&bench);
    let claims = bench.claims(10);
    assert_eq!(claims.rows.len(), 1);
    assert_eq!(claims.rows[0].id.seq, 2);
    assert_eq!(claims.next_at, Some(bench.now_ms() + 60 * MINUTE));

    bench.advance(Duration::from_secs(3600));
    let row = bench.claim_one();
    assert_eq!((row.id.seq, row.not_before), (1, bench.now_ms()));
    bench.advance(Duration::from_secs(3600));
    assert_eq!(bench.arm(&row), Err(ArmRefusal::LeaseLost));
    bench.sweep();
    assert_eq!(bench.state(DeliveryId { run, seq: 1 }), State::Expired);
    assert!(bench.claims(10).next_at.is_none(), "nothing to wake for");
    let over = bench.delivery(DeliveryId { run, seq: 3 });
    assert_eq!(over.state, "skipped");
    assert!(over.reason.unwrap().contains("five hours"));
}

/// A million may be over at one moment: claims would look at each of them, and all arms would wait.
#[tokio::test(start_paused = true)]
async fn a_claim_does_not_look_through_all_that_is_over() {
    let bench = Bench::new();
    let no = bench.begin(bench.new_run("weekly", "09:00"));
    let rows = |from: i64, to: i64, hour: Hour| {
        let rows = (from..=to).map(|seq| NewDelivery {
            hour: Some(hour.clone()),
            ..row(seq, &format!("p{seq}@example.org"))
        });
        rows.collect()
    };
    let at = |minutes: i64| bench.now_ms() + minutes * MINUTE;
    let (not_before, expires_at) = (at(0), at(10));
    let soon = Hour::Due {
        not_before,
        expires_at,
    };
    let (not_before, expires_at) = (at(10), at(90));
    let late = Hour::Due {
        not_before,
        expires_at,
    };
    bench.fill(no, rows(1, 500, soon));
    bench.fill(no, rows(501, 502, late));
    bench.finish(no, 502);
    bench.advance(Duration::from_secs(10 * 60));
    let claims = bench.claims(10);
    assert!(claims.rows.is_empty() && claims.next_at.is_none());
    assert_eq!(bench.sweep().expired, 500);
    assert_eq!(bench.claims(10).rows.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_its_own_time_counts_at_the_last_moment_too() {
    let bench = Bench::new();
    with_own_hour(&bench);
    bench.advance(Duration::from_secs(2 * 3600 - 60));
    let rows = bench.claim(10);
    let own = rows.iter().find(|row| row.id.seq == 1).unwrap();
    let other = rows.iter().find(|row| row.id.seq == 2).unwrap();
    bench.advance(Duration::from_secs(60));
    assert_eq!(bench.arm(own), Err(ArmRefusal::Expired));
    assert_eq!(bench.arm(other), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_after_closing_time() {
    let bench = Bench::new();
    let id = bench.one();
    let closes_at = bench.now_ms() + MINUTE;
    let claim = Claim {
        closing: [("weekly".to_owned(), closes_at)].into(),
        ..Claim::of(ACCOUNT, 10, LEASE)
    };
    let rows = now(bench.outbox.submit(claim)).unwrap().rows;
    assert!(!rows[0].is_closed(bench.clock.now()));
    bench.advance(Duration::from_secs(60));
    assert!(rows[0].is_closed(bench.clock.now()), "at that very moment");
    assert_eq!(bench.arm(&rows[0]), Err(ArmRefusal::Closed));
    assert_eq!(bench.state(id), State::Queued, "it waits");

    let rows = bench.claim(10);
    assert!(!rows[0].is_closed(bench.clock.now()), "it has no hours now");
    assert_eq!(bench.arm(&rows[0]), Ok(()));
}

/// Who is first changes from claim to claim, so that no rhythm starves a run.
#[test]
fn runs_take_turns_to_be_first() {
    let bench = Bench::new();
    let runs: Vec<RunNo> = (0..3).map(|_| bench.open(&["ada@example.org"])).collect();
    for turn in [0, 1, 2, 3, 4, 8, 100] {
        let claim = Claim {
            turn,
            ..Claim::of(ACCOUNT, 1, LEASE)
        };
        let rows = now(bench.outbox.submit(claim)).unwrap().rows;
        let first = usize::try_from(turn).unwrap() % 3;
        assert_eq!(of(&rows), [runs[first]], "turn {turn}");
        bench.release(&rows[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_nobody_wait_for_it() {
    let bench = Bench::new();
    let run = bench.open(&["ada@example.org"]);
    let row = bench.claim_one();
    bench.arm(&row).unwrap();
    bench.record(&row, busy(&bench));
    let yesterday = bench.clock.now() - Duration::from_secs(24 * 3600);
    bench.clock.jump_to(yesterday);
    let back = TurnBack { to: bench.now_ms() };
    assert!(!now(bench.outbox.submit(back)).unwrap());
    let next_at = bench.claims(10).next_at.unwrap();
    assert_eq!(next_at, bench.now_ms() + MINUTE, "the wait of run {run:?}");
    assert!(!now(bench.outbox.submit(back)).unwrap());
    assert_eq!(bench.claims(10).next_at, Some(next_at), "once");
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_keeps_neither_what_goes_at_once_nor_what_is_in_doubt() {
    let bench = Bench::new();
    let run = bench.open(&["ada@example.org", "bob@example.org", "cyd@example.org"]);
    let rows = bench.claim(10);
    rows.iter().for_each(|row| bench.arm(row).unwrap());
    let next_at = bench.now_ms();
    bench.record(&rows[0], Outcome::NotSent { next_at });
    bench.record(&rows[1], Outcome::Uncertain);
    bench.record(&rows[2], Outcome::Uncertain);
    let held = "UPDATE delivery SET next_at = ?1 WHERE run = ?2 AND seq = 3";
    bench.sql().execute(held, [i64::MAX, run.0]).unwrap();
    let yesterday = bench.clock.now() - Duration::from_secs(24 * 3600);
    bench.clock.jump_to(yesterday);
    assert!(!now(bench.outbox.submit(TurnBack { to: bench.now_ms() })).unwrap());
    assert_eq!(bench.claim_one().id, rows[0].id, "it may go at once");
    let doubtful = bench.delivery(rows[1].id).next_at;
    assert_eq!(doubtful, Some(bench.now_ms() + 15 * MINUTE));
    assert_eq!(bench.delivery(rows[2].id).next_at, None, "a person decides");
}

/// By less than the longest wait: what goes at once must not wait for the hour to come again.
#[tokio::test(start_paused = true)]
async fn an_hour_back_keeps_nobody_for_an_hour() {
    let bench = Bench::new();
    bench.open(&["ada@example.org", "bob@example.org"]);
    let rows = bench.claim(10);
    rows.iter().for_each(|row| bench.arm(row).unwrap());
    let next_at = bench.now_ms();
    bench.record(&rows[0], Outcome::NotSent { next_at });
    bench.record(&rows[1], busy(&bench));
    bench
        .clock
        .jump_to(bench.clock.now() - Duration::from_secs(3600));
    assert!(bench.claims(10).rows.is_empty());
    assert!(!now(bench.outbox.submit(CutWaits)).unwrap());
    assert_eq!(bench.claim_one().id, rows[0].id);
    let deferred = bench.delivery(rows[1].id).next_at.unwrap();
    assert!(deferred <= bench.now_ms() + 5 * MINUTE, "{deferred}");
    let before = bench.delivery(rows[1].id).next_at;
    assert!(!now(bench.outbox.submit(CutWaits)).unwrap());
    assert_eq!(bench.delivery(rows[1].id).next_at, before, "once");
}
