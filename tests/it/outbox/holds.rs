//! Holds: what they stop, and when they end.

use std::time::Duration;

use postroom::outbox::{ArmRefusal, Hold, Scope, Unhold};

use crate::world::bench::{ACCOUNT, Bench, GRACE, now};

const HOUR: Duration = Duration::from_secs(3600);

fn hold(bench: &Bench, scope: Scope, ends_at: Option<i64>) -> bool {
    now(bench.outbox.submit(Hold {
        scope,
        reason: "looks wrong".to_owned(),
        author: GRACE.to_owned(),
        ends_at,
    }))
    .unwrap()
}

fn release(bench: &Bench, scope: Scope) -> bool {
    let author = GRACE.to_owned();
    now(bench.outbox.submit(Unhold { scope, author })).unwrap()
}

/// What a hold can be on, and whether it stops the one run.
fn scopes(run: &str) -> [(Scope, bool); 7] {
    [
        (Scope::All, true),
        (Scope::Account(ACCOUNT.to_owned()), true),
        (Scope::Schedule("weekly".to_owned()), true),
        (Scope::Run(run.to_owned()), true),
        (Scope::Account("other".to_owned()), false),
        (Scope::Schedule("daily".to_owned()), false),
        (Scope::Run("01J".to_owned()), false),
    ]
}

#[test]
fn a_hold_stops_claims_and_arms_of_what_it_is_on_until_it_is_released() {
    let bench = Bench::new();
    let id = bench.one();
    let run = bench.run(id.run);
    for (scope, stops) in scopes(&run.id) {
        let row = bench.claim_one();
        assert!(hold(&bench, scope.clone(), None), "{scope}");
        let holds = bench
            .outbox
            .reader()
            .unwrap()
            .holds(bench.now_ms())
            .unwrap();
        assert_eq!(holds.len(), 1);
        let said = holds[0].stops(&run.id, "weekly", ACCOUNT);
        assert_eq!(said, stops, "{scope}: people are told the same");
        if stops {
            assert_eq!(bench.arm(&row), Err(ArmRefusal::Held), "{scope}");
            assert!(bench.claim(1).is_empty(), "{scope}");
        } else {
            bench.release(&row);
            bench.release(&bench.claim_one());
        }
        assert!(release(&bench, scope.clone()), "{scope}");
        assert!(!release(&bench, scope), "only once");
    }
    assert_eq!(bench.arm(&bench.claim_one()), Ok(()));
}

#[test]
fn a_hold_outlives_the_process() {
    let mut bench = Bench::new();
    bench.one();
    hold(&bench, Scope::All, None);
    bench.crash();
    bench.settle();
    assert!(bench.claim(1).is_empty());
}

#[test]
fn a_hold_with_an_end_ends_by_itself_and_is_listed_no_more() {
    let bench = Bench::new();
    bench.one();
    let holds = || {
        bench
            .outbox
            .reader()
            .unwrap()
            .holds(bench.now_ms())
            .unwrap()
    };
    hold(&bench, Scope::All, Some(bench.now_ms() + 3_600_000));
    assert_eq!(holds().len(), 1);
    assert!(bench.claim(1).is_empty());
    bench.advance(HOUR);
    assert_eq!(holds(), []);
    assert_eq!(bench.claim(1).len(), 1);
    assert!(!release(&bench, Scope::All), "it is over");
}

#[test]
fn a_second_hold_on_the_same_replaces_the_first() {
    let bench = Bench::new();
    assert!(hold(&bench, Scope::All, Some(bench.now_ms() + 3_600_000)));
    assert!(!hold(&bench, Scope::All, None));
    let holds = bench
        .outbox
        .reader()
        .unwrap()
        .holds(bench.now_ms())
        .unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!((holds[0].ends_at, holds[0].author.as_str()), (None, GRACE));
}

#[test]
fn holds_and_releases_are_in_the_audit() {
    let bench = Bench::new();
    hold(&bench, Scope::Schedule("weekly".to_owned()), None);
    release(&bench, Scope::Schedule("weekly".to_owned()));
    release(&bench, Scope::All);
    let changes = bench.outbox.reader().unwrap().changes(None, 9).unwrap();
    let told: Vec<_> = changes
        .iter()
        .rev()
        .map(|it| (it.action.as_str(), it.detail.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("hold", "schedule weekly: looks wrong"),
            ("release", "schedule weekly")
        ]
    );
}

#[test]
fn the_audit_says_until_when() {
    let bench = Bench::new();
    hold(&bench, Scope::All, Some(bench.now_ms() + 3_600_000));
    let changes = bench.outbox.reader().unwrap().changes(None, 1).unwrap();
    assert_eq!(
        changes[0].detail,
        "everything, until 2026-06-01T09:00:00Z: looks wrong"
    );
}
