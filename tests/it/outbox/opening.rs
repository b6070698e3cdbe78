//! A run takes its place once, fills in steps, and is whole or not there.

use postroom::outbox::state::State;
use postroom::outbox::{AddRows, DeliveryId, NewDelivery, Opened, RunFailed, RunNo, SealKeys};

use crate::world::bench::{Bench, now, row};

fn id(run: RunNo, seq: i64) -> DeliveryId {
    DeliveryId { run, seq }
}

#[test]
fn an_occurrence_is_opened_once() {
    let bench = Bench::new();
    let first = bench.new_run("weekly", "2026-06-01T09:00");
    let id = first.id.clone();
    bench.open_run(first, &["ada@example.org"]);
    let again = bench.new_run("weekly", "2026-06-01T09:00");
    let opened = now(bench.outbox.submit(again)).unwrap();
    assert_eq!(opened, Opened::Exists(id));
    for other in [
        ("weekly", "2026-06-08T09:00"),
        ("daily", "2026-06-01T09:00"),
    ] {
        let run = bench.new_run(other.0, other.1);
        let opened = now(bench.outbox.submit(run)).unwrap();
        assert!(matches!(opened, Opened::Fill(..)), "{other:?}");
    }
}

#[test]
fn a_run_that_is_still_filled_is_invisible_to_deliver() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    bench.fill(run, true, vec![row(1, "ada@example.org")]);
    assert!(bench.claim(10).is_empty());
    bench.seal(run, &["ada@example.org"]);
    assert!(bench.claim(10).is_empty());
    bench.finish(run, 1);
    assert_eq!(bench.claim(10).len(), 1);
}

#[test]
fn an_interrupted_filling_is_begun_anew_under_the_same_id() {
    let mut bench = Bench::new();
    let first = bench.new_run("weekly", "1");
    let kept = first.id.clone();
    let run = bench.begin(first);
    let old = ["old1@example.org", "old2@example.org", "old3@example.org"];
    bench.fill(
        run,
        true,
        (1..).zip(old).map(|(seq, to)| row(seq, to)).collect(),
    );
    bench.seal(run, &old);
    bench.crash();
    let settled = bench.settle();
    assert_eq!(settled.interrupted.len(), 1);
    let left = &settled.interrupted[0];
    assert_eq!((left.no, left.schedule.as_str()), (run, "weekly"));
    assert_eq!(left.occurrence, "1");

    let again = bench.new_run("weekly", "1");
    assert_ne!(again.id, kept);
    let opened = now(bench.outbox.submit(again)).unwrap();
    assert_eq!(opened, Opened::Fill(run, kept.clone()));
    bench.fill(run, true, vec![row(1, "ada@example.org")]);
    bench.fill(run, false, vec![row(2, "bob@example.org")]);
    bench.seal(run, &["ada@example.org", "bob@example.org"]);
    bench.finish(run, 2);
    let rows = bench.claim(10);
    let addresses: Vec<_> = rows.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(addresses, ["ada@example.org", "bob@example.org"]);
    assert!(rows.iter().all(|row| row.run_id == kept));
    let run = bench.run(run);
    assert_eq!(run.counts.total(), 2, "nothing of the old filling is left");
}

#[test]
fn a_duplicate_is_skipped_and_says_where_the_first_one_stands() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let at = |seq, list: &str, line, to| NewDelivery {
        list: list.to_owned(),
        line,
        ..row(seq, to)
    };
    bench.fill(
        run,
        true,
        vec![
            at(1, "staff", 7, "ada@example.org"),
            at(2, "staff", 8, "bob@example.org"),
            at(3, "guests", 2, "Ada@Example.org"),
        ],
    );
    let addresses = ["ada@example.org", "bob@example.org", "ada@example.org"];
    assert_eq!(bench.seal(run, &addresses), 1);
    assert_eq!(
        bench.seal(run, &addresses),
        0,
        "sealing twice changes nothing"
    );
    bench.finish(run, 3);
    let skipped = bench.delivery(id(run, 3));
    assert_eq!(skipped.state, "skipped");
    assert_eq!(
        skipped.reason.as_deref(),
        Some("the same address as staff line 7")
    );
    assert_eq!(bench.claim(10).len(), 2);
}

#[test]
fn a_suppressed_address_is_not_taken_up_at_expansion() {
    let bench = Bench::new();
    assert!(bench.suppress("Bob@example.org"));
    assert!(!bench.suppress("bob@example.org"), "known already");
    let run = bench.open(&["ada@example.org", "bob@example.org"]);
    let bob = bench.delivery(id(run, 2));
    assert_eq!(
        (bob.state.as_str(), bob.reason.as_deref()),
        ("suppressed", Some("asked us to stop"))
    );
    assert_eq!(bench.claim_one().address, "ada@example.org");
}

#[test]
fn a_suppression_that_has_ended_counts_no_more() {
    let bench = Bench::new();
    bench.suppress("bob@example.org");
    let ends = bench.now_ms() + 60_000;
    let sql = bench.sql();
    sql.execute("UPDATE suppression SET ends_at = ?1", [ends])
        .unwrap();
    let early = bench.open(&["bob@example.org"]);
    assert_eq!(bench.state(id(early, 1)), State::Suppressed);
    bench.advance(std::time::Duration::from_secs(61));
    let late = bench.open(&["bob@example.org"]);
    assert_eq!(bench.state(id(late, 1)), State::Queued);
}

#[test]
fn an_invalid_row_keeps_its_reason_and_a_run_of_nothing_else_completes_at_once() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let bad = NewDelivery {
        key: String::new(),
        address: "nobody".to_owned(),
        invalid: Some("no @ in the address".to_owned()),
        ..row(1, "x")
    };
    bench.fill(run, true, vec![bad.clone(), NewDelivery { seq: 2, ..bad }]);
    bench.finish(run, 2);
    let first = bench.delivery(id(run, 1));
    assert_eq!(first.reason.as_deref(), Some("no @ in the address"));
    assert_eq!((first.list.as_str(), first.line), ("staff", 2));
    assert_eq!(bench.run(run).state, "completed");
    assert!(bench.claim(10).is_empty());
}

#[test]
fn a_run_without_rows_completes_at_once() {
    let bench = Bench::new();
    let run = bench.open(&[]);
    assert_eq!(bench.run(run).state, "completed");
}

#[test]
fn a_failed_run_keeps_its_reason_and_its_occurrence() {
    let bench = Bench::new();
    let new = bench.new_run("weekly", "1");
    let (kept, run) = (new.id.clone(), bench.begin(new));
    bench.fill(run, true, vec![row(1, "ada@example.org")]);
    let reason = "the list is empty".to_owned();
    now(bench.outbox.submit(RunFailed { run, reason })).unwrap();
    let failed = bench.run(run);
    assert_eq!(
        (failed.state.as_str(), failed.reason.as_deref()),
        ("failed", Some("the list is empty"))
    );
    assert_eq!(failed.counts.total(), 0);
    let again = bench.new_run("weekly", "1");
    let opened = now(bench.outbox.submit(again)).unwrap();
    assert_eq!(opened, Opened::Exists(kept));
}

/// A run that is being sent is past filling: what comes late must not take its rows away.
#[test]
fn a_run_that_is_being_sent_cannot_be_filled_failed_or_sealed_again() {
    let bench = Bench::new();
    let run = bench.open(&["ada@example.org", "bob@example.org"]);
    let lane = bench.claim(1).remove(0);
    bench.arm(&lane).unwrap();
    let before = bench.run(run);

    let (first, rows) = (true, vec![row(1, "eve@example.org")]);
    assert!(now(bench.outbox.submit(AddRows { run, first, rows })).is_err());
    let (first, rows) = (false, vec![row(9, "eve@example.org")]);
    assert!(now(bench.outbox.submit(AddRows { run, first, rows })).is_err());
    let reason = "too late".to_owned();
    assert!(now(bench.outbox.submit(RunFailed { run, reason })).is_err());
    let keys = vec![(0, 2)];
    assert!(now(bench.outbox.submit(SealKeys { run, keys })).is_err());
    assert_eq!(bench.run(run), before);
}
