//! Messages that may have arrived: after a crash, after a silence, and what the policies do.

use std::time::Duration;

use postroom::config::OnUncertain;
use postroom::outbox::state::State;
use postroom::outbox::{ArmRefusal, DeliveryId, Outcome};

use crate::world::bench::{Bench, LEASE};

const QUARTER: Duration = Duration::from_secs(15 * 60 + 1);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn doubted(bench: &Bench, policy: OnUncertain) -> DeliveryId {
    let id = bench.one_with(policy);
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    bench.record(&lane, Outcome::Uncertain);
    id
}

#[test]
fn a_crash_gives_back_what_was_leased_and_doubts_what_was_armed() {
    let mut bench = Bench::new();
    let run = bench.open(&["a@example.org", "b@example.org", "c@example.org"]);
    let lanes = bench.claim(2);
    bench.arm(&lanes[0]).unwrap();
    bench.crash();
    let settled = bench.settle();
    assert_eq!(settled.released, 1);
    assert_eq!(settled.uncertain, [lanes[0].id]);
    let state = |seq| bench.state(DeliveryId { run, seq });
    assert_eq!(
        [state(1), state(2), state(3)],
        [State::Uncertain, State::Queued, State::Queued]
    );
    let tries = bench.tries(lanes[0].id);
    assert_eq!(tries[0].0.as_deref(), Some("uncertain"));
    assert!(
        tries[0].1.as_ref().unwrap().contains("postroom ended"),
        "{tries:?}"
    );
    let again: Vec<_> = bench
        .claim(10)
        .iter()
        .map(|row| (row.id.seq, row.tries))
        .collect();
    assert_eq!(again, [(2, 0), (3, 0)], "what was leased burnt no attempt");
    assert_eq!(
        bench.record(&lanes[0], Outcome::Accepted),
        None,
        "a dead lane's word"
    );
}

#[test]
fn settling_twice_changes_nothing() {
    let mut bench = Bench::new();
    bench.one();
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    bench.crash();
    assert_eq!(bench.settle().uncertain.len(), 1);
    assert!(bench.settle().uncertain.is_empty());
}

#[test]
fn what_is_in_doubt_is_resent_after_its_wait_and_once_only() {
    let mut bench = Bench::new();
    let id = doubted(&bench, OnUncertain::Resend);
    assert_eq!(bench.state(id), State::Uncertain);
    bench.advance(Duration::from_secs(14 * 60));
    assert_eq!(bench.sweep().resent, 0);
    bench.advance(QUARTER);
    assert_eq!(bench.sweep().resent, 1);
    let lane = bench.claim_one();
    assert!(lane.doubted);
    assert_eq!(bench.arm(&lane), Ok(()), "the same bytes may go");
    bench.crash();
    bench.settle();
    for _ in 0..5 {
        bench.advance(Duration::from_secs(3600));
        assert_eq!(bench.sweep().resent, 0, "once more at most");
        assert!(bench.claim(10).is_empty());
    }
    assert_eq!(bench.state(id), State::Uncertain, "a person decides");
    assert_eq!(bench.delivery(id).next_at, None);
    assert_eq!(bench.run(id.run).state, "sending");
}

#[test]
fn a_doubt_on_hold_waits_for_a_person() {
    for crash in [false, true] {
        let mut bench = Bench::new();
        let id = if crash {
            let id = bench.one_with(OnUncertain::Hold);
            let lane = bench.claim_one();
            bench.arm(&lane).unwrap();
            bench.crash();
            bench.settle();
            id
        } else {
            doubted(&bench, OnUncertain::Hold)
        };
        for _ in 0..10 {
            bench.advance(Duration::from_secs(12 * 3600));
            let swept = bench.sweep();
            assert_eq!((swept.resent, swept.expired), (0, 0));
        }
        assert_eq!(bench.state(id), State::Uncertain, "after a crash: {crash}");
        assert!(bench.claim(10).is_empty());
    }
}

#[test]
fn a_doubt_that_is_assumed_sent_is_presumed() {
    let mut bench = Bench::new();
    let told = doubted(&bench, OnUncertain::AssumeSent);
    assert_eq!(bench.state(told), State::Presumed);
    assert_eq!(bench.run(told.run).state, "completed");
    let crashed = bench.one_with(OnUncertain::AssumeSent);
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    bench.crash();
    bench.settle();
    assert_eq!(bench.state(crashed), State::Presumed);
    assert_eq!(bench.run(crashed.run).state, "completed");
}

#[test]
fn an_armed_row_whose_lane_died_comes_into_doubt_with_its_lease() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    // The arm gave it more time than the claim: its answer may take long.
    bench.advance(LEASE + Duration::from_secs(3600));
    assert_eq!(bench.sweep().leases, 0);
    bench.advance(Duration::from_secs(3600));
    assert_eq!(bench.sweep().leases, 1);
    assert_eq!(bench.state(id), State::Uncertain);
    let tries = bench.tries(id);
    assert_eq!(tries[0].0.as_deref(), Some("uncertain"));
    assert!(
        tries[0].1.as_ref().unwrap().contains("lane ended"),
        "{tries:?}"
    );
}

#[test]
fn a_row_that_was_never_in_doubt_may_change() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.arm_with(&lane, [1; 32]).unwrap();
    let next_at = bench.now_ms();
    bench.record(&lane, Outcome::Deferred { next_at });
    bench.advance(Duration::from_secs(1));
    let lane = bench.claim_one();
    assert_eq!(bench.arm_with(&lane, [2; 32]), Ok(()));
    assert_eq!(bench.state(id), State::Armed);
}

#[test]
fn a_message_whose_dot_never_left_is_queued_again_without_doubt() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    let next_at = bench.now_ms() + 60_000;
    bench.record(&lane, Outcome::NotSent { next_at });
    assert_eq!(bench.state(id), State::Queued);
    assert!(bench.claim(10).is_empty(), "not before its time");
    bench.advance(Duration::from_secs(61));
    let lane = bench.claim_one();
    assert!(!lane.doubted);
    assert_eq!(bench.arm_with(&lane, [9; 32]), Ok(()));
}

#[test]
fn a_doubted_message_that_would_differ_now_stalls_until_a_person_decides() {
    let bench = Bench::new();
    let id = doubted(&bench, OnUncertain::Resend);
    bench.advance(QUARTER);
    bench.sweep();
    let lane = bench.claim_one();
    assert_eq!(
        bench.arm_with(&lane, [8; 32]),
        Err(ArmRefusal::BytesChanged)
    );
    let row = bench.delivery(id);
    assert_eq!(row.state, "uncertain");
    assert!(row.reason.unwrap().contains("would be a different one now"));
    for _ in 0..5 {
        bench.advance(QUARTER);
        assert_eq!(bench.sweep().resent, 0, "it is not tried again by itself");
        assert!(bench.claim(10).is_empty());
    }
    assert_eq!(bench.tries(id).len(), 1, "nothing was sent since");
}

/// It may be with its recipient: who asks why is not told that it was not sent.
#[test]
fn a_doubt_that_runs_out_of_time_is_still_told_as_one() {
    for at_arm in [false, true] {
        let bench = Bench::new();
        let id = doubted(&bench, OnUncertain::Resend);
        bench.advance(DAY - Duration::from_secs(60));
        bench.sweep(); // its turn to be sent again
        if at_arm {
            let lane = bench.claim_one();
            bench.advance(Duration::from_secs(61));
            assert_eq!(bench.arm(&lane), Err(ArmRefusal::Expired));
        } else {
            bench.advance(Duration::from_secs(61));
            bench.sweep();
        }
        let row = bench.delivery(id);
        assert_eq!(row.state, "expired");
        let reason = row.reason.unwrap();
        assert!(reason.starts_with("it may have arrived"), "{reason}");
    }
}
