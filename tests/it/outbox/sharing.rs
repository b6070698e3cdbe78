//! Who gets how much of a claim: runs, large ones, pools, and accounts that stand in.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{Arm, ArmRefusal, BULK, Claim, Claimed, Claims, Outcome, RunNo};

use crate::world::bench::{ACCOUNT, Bench, LEASE, now, row};

const MINUTE: i64 = 60_000;
const GMAIL: &str = "gmail.com";
const QQ: &str = "qq.com";

fn submit(bench: &Bench, claim: Claim) -> Claims {
    now(bench.outbox.submit(claim)).unwrap()
}

fn up_to(limit: usize) -> Claim {
    Claim::of(ACCOUNT, limit, LEASE)
}

/// A run with so many people of each pool, in this order.
fn pooled(bench: &Bench, people: &[(&str, usize)]) -> RunNo {
    via(bench, &[ACCOUNT], people)
}

fn via(bench: &Bench, accounts: &[&str], people: &[(&str, usize)]) -> RunNo {
    let mut run = bench.new_run("weekly", &bench.clock.new_id().to_string());
    run.via = accounts.iter().map(|name| (*name).to_owned()).collect();
    run.frozen.account = accounts[0].to_owned();
    let run = bench.begin(run);
    let pools = people.iter().flat_map(|(pool, n)| vec![*pool; *n]);
    let rows: Vec<_> = (1..)
        .zip(pools)
        .map(|(seq, pool)| {
            let mut row = row(seq, &format!("p{seq}@example.org"));
            row.pool = pool.to_owned();
            row
        })
        .collect();
    let people = rows.len();
    bench.fill(run, rows);
    bench.finish(run, people);
    run
}

fn of(rows: &[Claimed], pool: &str) -> usize {
    rows.iter().filter(|row| row.pool == pool).count()
}

#[test]
fn a_domain_takes_no_more_than_it_may_over_all_runs() {
    let bench = Bench::new();
    pooled(&bench, &[(GMAIL, 5), ("", 5)]);
    pooled(&bench, &[(GMAIL, 5), ("", 5)]);
    let claim = Claim {
        pool_limits: [(GMAIL.to_owned(), 3)].into(),
        ..up_to(20)
    };
    let claims = submit(&bench, claim);
    assert_eq!(of(&claims.rows, GMAIL), 3);
    assert_eq!(of(&claims.rows, ""), 10);
    assert_eq!(claims.next_at, None, "only that limit keeps the others");
}

#[test]
fn a_large_run_leaves_a_domain_to_others_before_it_is_full() {
    let bench = Bench::new();
    pooled(&bench, &[(GMAIL, 101)]);
    pooled(&bench, &[(GMAIL, 1)]);
    let claim = Claim {
        pool_limits: [(GMAIL.to_owned(), 40)].into(),
        bulk_pool_limits: [(GMAIL.to_owned(), 39)].into(),
        ..up_to(50)
    };
    let rows = submit(&bench, claim).rows;
    let large = rows.iter().filter(|row| row.people > BULK).count();
    assert_eq!((large, rows.len()), (39, 40));
}

/// The domain had no limits when the run was opened.
#[test]
fn rows_come_to_the_pool_of_their_domain_when_that_is_limited() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let rows = (1..=1300).map(|seq| match seq % 13 {
        0 => row(seq, &format!("p{seq}@example.org")),
        _ => row(seq, &format!("p{seq}@{GMAIL}")),
    });
    bench.fill(run, rows.collect());
    bench.finish(run, 1300);
    let mut taken = Vec::new();
    for _ in 0..5 {
        let claim = Claim {
            pool_limits: [(GMAIL.to_owned(), 2 - of(&taken, GMAIL))].into(),
            ..up_to(200 - taken.len())
        };
        let claims = submit(&bench, claim);
        taken.extend(claims.rows);
        if claims.next_at.is_none() {
            break;
        }
    }
    assert_eq!((of(&taken, ""), of(&taken, GMAIL)), (100, 2));
    assert!(
        taken
            .iter()
            .all(|row| row.pool.is_empty() || row.key.ends_with(GMAIL))
    );
}

#[test]
fn pools_share_what_a_run_gets_and_take_turns_where_it_is_little() {
    let bench = Bench::new();
    pooled(&bench, &[("", 30), (GMAIL, 30), (QQ, 30)]);
    let rows = submit(&bench, up_to(9)).rows;
    assert_eq!([of(&rows, ""), of(&rows, GMAIL), of(&rows, QQ)], [3, 3, 3]);
    let mut each = [0; 3];
    for turn in 0..9 {
        let rows = submit(&bench, Claim { turn, ..up_to(1) }).rows;
        for (n, pool) in each.iter_mut().zip(["", GMAIL, QQ]) {
            *n += of(&rows, pool);
        }
    }
    assert_eq!(each, [3, 3, 3]);
}

/// With as many pools as runs no pair of a run and a pool may be left out for ever.
#[test]
fn every_pool_of_every_run_has_its_turn() {
    let bench = Bench::new();
    let runs: Vec<RunNo> = (0..2)
        .map(|_| pooled(&bench, &[("", 9), (GMAIL, 9)]))
        .collect();
    let mut seen: Vec<(RunNo, String)> = (0..4)
        .map(|turn| submit(&bench, Claim { turn, ..up_to(1) }).rows.remove(0))
        .map(|row| (row.id.run, row.pool))
        .collect();
    seen.sort();
    let all = runs
        .iter()
        .flat_map(|run| ["", GMAIL].map(|pool| (*run, pool.to_owned())));
    assert_eq!(seen, all.collect::<Vec<_>>());
}

#[test]
fn what_one_pool_leaves_goes_to_the_others() {
    let bench = Bench::new();
    pooled(&bench, &[("", 1), (GMAIL, 30)]);
    let rows = submit(&bench, up_to(10)).rows;
    assert_eq!([of(&rows, ""), of(&rows, GMAIL)], [1, 9]);
}

#[test]
fn large_runs_leave_room_and_a_small_one_uses_it() {
    let bench = Bench::new();
    // What waits counts: a large run whose end is near is small.
    let left = usize::try_from(BULK).unwrap() + 6;
    let large = [pooled(&bench, &[("", left)]), pooled(&bench, &[("", left)])];
    let small = pooled(&bench, &[("", usize::try_from(BULK).unwrap())]);
    let claim = Claim {
        bulk_limit: 5,
        ..up_to(60)
    };
    let claims = submit(&bench, claim.clone());
    let of = |run| claims.rows.iter().filter(|row| row.id.run == run).count();
    assert_eq!(of(large[0]) + of(large[1]), 5, "together");
    assert_eq!(of(small), 55);
    let people: Vec<u64> = claims.rows.iter().map(|row| row.people).collect();
    assert!(people.contains(&(BULK + 6)) && people.contains(&BULK));

    let small_only = Claim {
        bulk_limit: 0,
        ..claim
    };
    assert_eq!(submit(&bench, small_only.clone()).rows.len(), 45);
    let claims = submit(&bench, small_only);
    assert_eq!(claims.rows.len(), 0);
    assert_eq!(claims.next_at, None, "nothing to wake for");
    let claim = Claim {
        bulk_limit: 12,
        ..up_to(60)
    };
    submit(&bench, claim);
    let the_end = Claim {
        bulk_limit: 0,
        ..up_to(60)
    };
    assert_eq!(submit(&bench, the_end).rows.len(), 60, "not large any more");
}

#[test]
fn runs_that_are_left_out_get_nothing() {
    let bench = Bench::new();
    let old = pooled(&bench, &[("", 3)]);
    let new = pooled(&bench, &[("", 3)]);
    let claim = Claim {
        besides: vec![old],
        ..up_to(10)
    };
    let rows = submit(&bench, claim).rows;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.id.run == new));
}

#[tokio::test(start_paused = true)]
async fn an_account_wakes_for_the_first_row_of_all_pools_that_have_room() {
    let bench = Bench::new();
    let run = pooled(&bench, &[("", 1), (GMAIL, 1), (QQ, 1)]);
    let at = |minutes: i64| bench.now_ms() + minutes * MINUTE;
    for (seq, at) in [(1, at(30)), (2, at(10)), (3, at(20))] {
        let sql = "UPDATE delivery SET next_at = ?3 WHERE run = ?1 AND seq = ?2";
        bench.sql().execute(sql, [run.0, seq, at]).unwrap();
    }
    assert_eq!(submit(&bench, up_to(10)).next_at, Some(at(10)));
    let full = |pools: &[&str]| Claim {
        pool_limits: pools.iter().map(|it| ((*it).to_owned(), 0)).collect(),
        ..up_to(10)
    };
    assert_eq!(submit(&bench, full(&[GMAIL])).next_at, Some(at(20)));
    assert_eq!(submit(&bench, full(&[GMAIL, QQ])).next_at, Some(at(30)));

    bench.advance(Duration::from_secs(600));
    let claims = submit(&bench, up_to(10));
    assert_eq!(of(&claims.rows, GMAIL), 1);
    assert_eq!(claims.next_at, Some(at(10)), "that of the next pool");
}

const BACKUP: &str = "backup";
const THIRD: &str = "third";

fn standing_in(account: &str, out: &[&str]) -> Claim {
    Claim {
        out: out.iter().map(|name| (*name).to_owned()).collect(),
        ..Claim::of(account, 10, LEASE)
    }
}

#[test]
fn an_account_stands_in_only_where_all_before_it_are_out() {
    let bench = Bench::new();
    let run = via(&bench, &[ACCOUNT, BACKUP, THIRD], &[("", 2)]);
    let own = via(&bench, &[THIRD], &[("", 1)]);
    let of = |account, out: &[&str]| -> Vec<(RunNo, bool)> {
        let rows = submit(&bench, standing_in(account, out)).rows;
        rows.iter().for_each(|row| bench.release(row));
        let mut runs: Vec<_> = rows.iter().map(|row| (row.id.run, row.home)).collect();
        runs.dedup();
        runs
    };
    assert_eq!(of(BACKUP, &[]), []);
    assert_eq!(of(BACKUP, &[ACCOUNT]), [(run, false)]);
    assert_eq!(of(THIRD, &[ACCOUNT]), [(own, true)]);
    assert_eq!(of(THIRD, &[BACKUP]), [(own, true)]);
    assert_eq!(of(THIRD, &[ACCOUNT, BACKUP]), [(run, false), (own, true)]);
    assert_eq!(of("stranger", &[ACCOUNT, BACKUP, THIRD]), []);
    assert_eq!(of(ACCOUNT, &[ACCOUNT]), [(run, true)], "once");
}

#[tokio::test(start_paused = true)]
async fn what_was_in_doubt_stays_with_its_own_account() {
    let bench = Bench::new();
    via(&bench, &[ACCOUNT, BACKUP], &[("", 2)]);
    let rows = bench.claim(1);
    bench.arm(&rows[0]).unwrap();
    bench.record(&rows[0], Outcome::Uncertain);
    bench.advance(Duration::from_secs(16 * 60));
    assert_eq!(bench.sweep().resent, 1);
    let claims = submit(&bench, standing_in(BACKUP, &[ACCOUNT]));
    let seqs: Vec<i64> = claims.rows.iter().map(|row| row.id.seq).collect();
    assert_eq!(seqs, [2]);
    assert_eq!(claims.next_at, None, "nor does anybody wake for it");
    assert_eq!(bench.claim_one().id, rows[0].id);
}

#[test]
fn a_hold_on_either_account_stops_what_one_carries_for_the_other() {
    let bench = Bench::new();
    let run = via(&bench, &[ACCOUNT, BACKUP], &[("", 1)]);
    let claim = || submit(&bench, standing_in(BACKUP, &[ACCOUNT])).rows;
    for held in [ACCOUNT, BACKUP] {
        bench.hold("account", held, None);
        assert!(claim().is_empty(), "{held} is on hold");
        bench.unhold();
        let row = claim().remove(0);
        bench.hold("account", held, None);
        let arm = Arm {
            rows: vec![row.clone()],
            account: BACKUP.to_owned(),
            digest: [7; 32],
        };
        let armed = now(bench.outbox.submit(arm)).unwrap();
        assert_eq!(armed, [Err(ArmRefusal::Held)], "{held} is on hold");
        assert_eq!(bench.state(row.id), State::Queued);
        bench.unhold();
    }
    bench.hold("account", BACKUP, None);
    assert_eq!(bench.claim_one().id.run, run, "its own account carries it");
}
