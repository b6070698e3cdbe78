//! The last word before a body leaves: everything that speaks against it is heard in the arm.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{ArmRefusal, DeliveryId, Outcome};

use crate::world::bench::{ACCOUNT, Bench, LEASE};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn an_armed_row_has_its_attempt_before_the_reply() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    assert_eq!(bench.state(id), State::Armed);
    assert_eq!(bench.tries(id), [(None, None)]);
    assert_eq!(
        bench.record(&lane, Outcome::Accepted),
        Some(State::Accepted)
    );
    let said = Some("as it said".to_owned());
    assert_eq!(bench.tries(id), [(Some("accepted".to_owned()), said)]);
    assert_eq!(bench.run(id.run).state, "completed");
}

#[test]
fn a_hold_stops_claims_and_arms_until_it_is_lifted() {
    for scope in ["all", "account", "schedule", "run"] {
        let bench = Bench::new();
        let id = bench.one();
        let name = match scope {
            "all" => String::new(),
            "account" => ACCOUNT.to_owned(),
            "schedule" => "weekly".to_owned(),
            _ => bench.run(id.run).id,
        };
        let lane = bench.claim_one();
        bench.hold(scope, &name, None);
        assert_eq!(bench.arm(&lane), Err(ArmRefusal::Held), "{scope}");
        assert_eq!(bench.state(id), State::Queued, "{scope}: it waits");
        assert!(bench.tries(id).is_empty(), "{scope}: nothing was tried");
        assert!(bench.claim(10).is_empty(), "{scope}");
        bench.unhold();
        let lane = bench.claim_one();
        assert_eq!(bench.arm(&lane), Ok(()), "{scope}");
    }
}

#[test]
fn a_hold_on_something_else_or_one_that_has_ended_stops_nobody() {
    let bench = Bench::new();
    bench.one();
    bench.hold("account", "other", None);
    bench.hold("schedule", ACCOUNT, None);
    bench.hold("run", "weekly", None);
    bench.hold("all", "", Some(bench.now_ms() + 60_000));
    assert!(bench.claim(10).is_empty());
    bench.advance(Duration::from_secs(61));
    let lane = bench.claim_one();
    assert_eq!(bench.arm(&lane), Ok(()));
}

#[test]
fn a_suppression_after_the_claim_is_heard_at_the_arm() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.suppress("ada@example.org");
    assert_eq!(bench.arm(&lane), Err(ArmRefusal::Suppressed));
    let row = bench.delivery(id);
    assert_eq!(row.state, "suppressed");
    assert!(
        row.reason
            .unwrap()
            .contains("suppressed after the run opened")
    );
    assert_eq!(bench.run(id.run).state, "completed");
}

#[test]
fn a_suppression_settles_what_waits_at_once() {
    let bench = Bench::new();
    let run = bench.open(&["ada@example.org", "bob@example.org"]);
    bench.suppress("bob@example.org");
    assert_eq!(bench.state(DeliveryId { run, seq: 2 }), State::Suppressed);
    assert_eq!(bench.claim(10).len(), 1);
}

#[test]
fn a_run_that_has_expired_is_neither_claimed_nor_armed() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.advance(DAY - Duration::from_secs(60));
    bench.sweep();
    assert_eq!(bench.state(id), State::Queued, "its lease ended");
    let fresh = bench.claim_one();
    bench.advance(Duration::from_secs(61));
    assert_eq!(bench.arm(&lane), Err(ArmRefusal::LeaseLost));
    assert_eq!(bench.arm(&fresh), Err(ArmRefusal::Expired));
    let row = bench.delivery(id);
    assert_eq!(
        (row.state.as_str(), row.reason.as_deref()),
        ("expired", Some("not sent in time"))
    );
    assert_eq!(bench.run(id.run).state, "completed");
}

#[test]
fn what_waits_past_its_time_expires_in_the_sweep_with_the_last_reply() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    let next_at = bench.now_ms() + 60_000;
    bench.record(&lane, Outcome::Deferred { next_at });
    bench.advance(DAY + Duration::from_secs(1));
    assert!(bench.claim(10).is_empty(), "too late to be claimed");
    assert_eq!(bench.state(id), State::Deferred);
    assert_eq!(bench.sweep().expired, 1);
    let row = bench.delivery(id);
    assert_eq!(row.state, "expired");
    assert_eq!(
        row.reason.as_deref(),
        Some("not sent in time; last: as it said")
    );
    assert_eq!(bench.run(id.run).state, "completed");
    assert_eq!(bench.sweep().expired, 0);
}

#[test]
fn a_lease_that_has_run_out_cannot_arm_even_before_the_sweep() {
    let bench = Bench::new();
    let id = bench.one();
    let lane = bench.claim_one();
    bench.advance(LEASE + Duration::from_secs(1));
    assert_eq!(bench.arm(&lane), Err(ArmRefusal::LeaseLost));
    assert_eq!(bench.state(id), State::Leased, "the sweep ends it");
    assert_eq!(bench.sweep().leases, 1);
    assert_eq!(bench.claim_one().tries, 0, "no attempt was burnt");
}

#[test]
fn a_deferred_row_is_claimed_again_when_its_time_has_come() {
    let bench = Bench::new();
    bench.one();
    let lane = bench.claim_one();
    let next_at = bench.now_ms() + 60_000;
    bench.record(&lane, Outcome::Deferred { next_at });
    let claims = bench.claims(10);
    assert!(claims.rows.is_empty());
    assert_eq!(
        claims.next_at,
        Some(next_at),
        "the account knows when to come back"
    );
    bench.advance(Duration::from_secs(61));
    assert_eq!(bench.claim_one().tries, 1);
}

#[test]
fn a_refusal_of_the_address_suppresses_it_in_every_run() {
    let bench = Bench::new();
    let first = bench.one();
    let second = bench.open(&["ada@example.org"]);
    let lanes = bench.claim(10);
    assert_eq!(lanes.len(), 2);
    bench.record(&lanes[0], Outcome::Rejected { suppress: true });
    assert_eq!(bench.arm(&lanes[1]), Err(ArmRefusal::Suppressed));
    assert_eq!(bench.state(first), State::Rejected);
    assert_eq!(
        bench.state(DeliveryId {
            run: second,
            seq: 1
        }),
        State::Suppressed
    );
    let listed = bench.outbox.reader().unwrap().suppressions().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].reason, "as it said");
}

#[test]
fn runs_take_turns_and_a_limited_schedule_takes_no_more_than_it_may() {
    let bench = Bench::new();
    let many: Vec<String> = (0..20).map(|n| format!("p{n}@example.org")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    bench.open_run(bench.new_run("big", "1"), &many);
    bench.open_run(bench.new_run("small", "1"), &many[..3]);
    let claim = |turn, limits: &[(&str, usize)]| {
        let limits = limits.iter().map(|(name, n)| ((*name).to_owned(), *n));
        let claims = crate::world::bench::now(bench.outbox.submit(postroom::outbox::Claim {
            schedule_limits: limits.collect(),
            turn,
            ..postroom::outbox::Claim::of(ACCOUNT, 4, LEASE)
        }))
        .unwrap();
        let of = |name: &str| {
            claims
                .rows
                .iter()
                .filter(|row| row.schedule == name)
                .count()
        };
        (of("big"), of("small"))
    };
    assert_eq!(claim(0, &[]), (2, 2), "an equal share");
    assert_eq!(
        claim(1, &[]),
        (3, 1),
        "what one has no use for, the other gets"
    );
    assert_eq!(claim(2, &[("big", 1)]), (1, 0));
    assert_eq!(claim(3, &[("big", 0)]), (0, 0));
    assert_eq!(claim(4, &[]), (4, 0));
}
