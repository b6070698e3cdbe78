//! The first few people of a run, and what becomes of the others.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{Act, CANARY, Claimed, DeliveryId, Outcome, RunNo, Scope, Unhold};

use crate::world::bench::{Bench, now, report, row};

const FIRST: u64 = 3;

/// A run of ten that goes to three first, the second row of which gets no mail.
fn gated(bench: &Bench, wait: Duration) -> RunNo {
    gated_in(bench, wait, &[""])
}

/// The same with its rows in these pools in turn.
fn gated_in(bench: &Bench, wait: Duration, pools: &[&str]) -> RunNo {
    let mut run = bench.new_run("weekly", &bench.clock.new_id().to_string());
    run.canary = Some((FIRST, wait));
    let run = bench.begin(run);
    let pools = pools.iter().cycle();
    let mut rows: Vec<_> = (1..=10)
        .zip(pools)
        .map(|(seq, pool)| {
            let mut row = row(seq, &format!("p{seq}@example.org"));
            row.pool = (*pool).to_owned();
            row
        })
        .collect();
    rows[1].invalid = Some("no address".to_owned());
    bench.fill(run, rows);
    bench.finish(run, 10);
    run
}

fn end(bench: &Bench, row: &Claimed, outcome: Outcome) {
    bench.arm(row).unwrap();
    bench.record(row, outcome);
}

fn seqs(rows: &[Claimed]) -> Vec<i64> {
    let mut seqs: Vec<i64> = rows.iter().map(|row| row.id.seq).collect();
    seqs.sort_unstable();
    seqs
}

#[test]
fn a_run_goes_to_the_first_few_and_then_to_the_others() {
    for pools in [&[""][..], &["", "gmail.com"], &["gmail.com", "qq.com", ""]] {
        let bench = Bench::new();
        let run = gated_in(&bench, Duration::ZERO, pools);
        let rows = bench.claim(100);
        assert_eq!(seqs(&rows), [1, 3, 4], "those who get mail");
        assert_eq!(bench.run(run).canary, Some(FIRST));
        assert_eq!(bench.claims(100).next_at, None, "nothing to wake for");
        end(&bench, &rows[0], Outcome::Accepted);
        end(&bench, &rows[1], Outcome::Accepted);
        assert_eq!(bench.sweep().opened, 0, "one is on its way");
        assert!(bench.claim(100).is_empty());
        end(&bench, &rows[2], Outcome::Accepted);
        let swept = bench.sweep();
        assert_eq!((swept.opened, swept.held), (1, 0));
        assert!(swept.is_news(), "accounts are woken");
        assert_eq!(bench.run(run).canary, None);
        assert_eq!(seqs(&bench.claim(100)), [5, 6, 7, 8, 9, 10]);
        assert_eq!(bench.sweep().opened, 0, "once");
    }
}

#[test]
fn a_run_of_no_more_people_has_no_first_few() {
    let bench = Bench::new();
    let mut run = bench.new_run("weekly", "1");
    run.canary = Some((FIRST, Duration::ZERO));
    let run = bench.open_run(
        run,
        &["ada@example.org", "bob@example.org", "cyd@example.org"],
    );
    assert_eq!(bench.run(run).canary, None);
    assert_eq!(bench.claim(10).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_others_wait_after_the_first_few_were_taken() {
    let bench = Bench::new();
    gated(&bench, Duration::from_secs(600));
    bench
        .claim(10)
        .iter()
        .for_each(|row| end(&bench, row, Outcome::Accepted));
    bench.advance(Duration::from_secs(599));
    assert_eq!(bench.sweep().opened, 0);
    assert!(bench.claim(10).is_empty());
    bench.advance(Duration::from_secs(1));
    assert_eq!(bench.sweep().opened, 1);
    assert_eq!(bench.claim(10).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_tried_again_is_waited_for() {
    let bench = Bench::new();
    gated(&bench, Duration::ZERO);
    let rows = bench.claim(10);
    end(&bench, &rows[0], Outcome::Accepted);
    end(&bench, &rows[1], Outcome::Accepted);
    let next_at = bench.now_ms() + 60_000;
    end(&bench, &rows[2], Outcome::Deferred { next_at });
    assert_eq!(bench.sweep().opened, 0);
    assert_eq!(
        bench.claims(10).next_at,
        Some(next_at),
        "the account wakes for it"
    );
    bench.advance(Duration::from_secs(60));
    let row = bench.claim_one();
    assert_eq!(row.id, rows[2].id, "and it goes before all others");
    end(&bench, &row, Outcome::Accepted);
    assert_eq!(bench.sweep().opened, 1);
}

#[test]
fn a_run_whose_first_few_were_refused_is_held_until_a_person_releases_it() {
    let bench = Bench::new();
    let run = gated(&bench, Duration::ZERO);
    let rows = bench.claim(10);
    end(&bench, &rows[0], Outcome::Accepted);
    for row in &rows[1..] {
        bench.arm(row).unwrap();
        let mut refusal = report(row, Outcome::Rejected { suppress: false });
        refusal.code = Some(554);
        refusal.enhanced = Some("5.7.1".to_owned());
        refusal.reply = format!("<{}> spam is not welcome", row.address);
        now(bench.outbox.submit(refusal)).unwrap();
    }
    let swept = bench.sweep();
    assert_eq!((swept.opened, swept.held), (0, 1));
    assert!(bench.claim(10).is_empty());
    let hold = bench
        .outbox
        .reader()
        .unwrap()
        .holds(bench.now_ms())
        .unwrap()
        .remove(0);
    let id = bench.run(run).id;
    assert_eq!(
        (&hold.scope, &*hold.author),
        (&Scope::Run(id.clone()), CANARY)
    );
    assert_eq!(
        hold.reason,
        "2 of the first 3 people were not taken (most often: 554 5.7.1 … spam is not welcome)"
    );
    let audited: String = bench
        .sql()
        .query_row(
            "SELECT detail FROM audit WHERE author = 'canary'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(audited.contains("2 of the first 3"), "{audited}");
    assert_eq!(bench.sweep().held, 0, "once");

    let (scope, author) = (Scope::Run(id), "grace".to_owned());
    assert!(now(bench.outbox.submit(Unhold { scope, author })).unwrap());
    assert_eq!(bench.claim(10).len(), 6, "release goes on");
}

/// Those who were not even asked about count as not taken, too.
#[test]
fn first_few_that_a_person_cancelled_prove_nothing() {
    let bench = Bench::new();
    let run = gated(&bench, Duration::ZERO);
    let first: Vec<DeliveryId> = [1, 3, 4].map(|seq| DeliveryId { run, seq }).into();
    assert_eq!(bench.change(Act::Cancel, &first).done, 3);
    assert_eq!(bench.sweep().held, 1);
    let holds = bench
        .outbox
        .reader()
        .unwrap()
        .holds(bench.now_ms())
        .unwrap();
    assert_eq!(
        holds[0].reason,
        "3 of the first 3 people were not taken (no server was asked about them)"
    );
}

#[tokio::test(start_paused = true)]
async fn one_in_doubt_is_waited_for_until_a_person_knows() {
    let bench = Bench::new();
    let mut run = bench.new_run("weekly", "1");
    run.canary = Some((1, Duration::ZERO));
    run.frozen.on_uncertain = postroom::config::OnUncertain::Hold;
    bench.open_run(run, &["ada@example.org", "bob@example.org"]);
    let row = bench.claim_one();
    end(&bench, &row, Outcome::Uncertain);
    bench.advance(Duration::from_secs(3600));
    let swept = bench.sweep();
    assert_eq!((swept.opened, swept.held), (0, 0));
    bench.change(Act::Sent, &[row.id]);
    assert_eq!(bench.sweep().opened, 1, "it arrived");
}

#[test]
fn who_waits_for_the_first_few_is_told_so_and_has_no_next_try() {
    let bench = Bench::new();
    let run = gated(&bench, Duration::ZERO);
    let others = bench.delivery(DeliveryId { run, seq: 5 });
    assert_eq!(others.next_at, None);
    let reason = others.reason.unwrap();
    assert_eq!(
        reason,
        "waits until the first 3 people of its run were sent to"
    );
    let first = bench.delivery(DeliveryId { run, seq: 4 });
    assert!(first.next_at.is_some() && first.reason.is_none());
    bench
        .claim(10)
        .iter()
        .for_each(|row| end(&bench, row, Outcome::Accepted));
    bench.sweep();
    let others = bench.delivery(DeliveryId { run, seq: 5 });
    assert!(others.next_at.is_some() && others.reason.is_none());
    assert_eq!(bench.state(DeliveryId { run, seq: 5 }), State::Queued);
}
