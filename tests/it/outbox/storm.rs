//! A storm of operations in any order, with crashes and time in between: the books always balance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postroom::config::OnUncertain;
use postroom::outbox::state::{MOVES, State};
use postroom::outbox::{Claimed, Outcome, RunNo, Unsuppress};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::world::bench::{Bench, now};

#[derive(Clone, Debug)]
enum Step {
    Open {
        people: usize,
        policy: u8,
        minutes: i64,
    },
    Claim(usize),
    Arm {
        lane: usize,
        changed: bool,
    },
    Record {
        lane: usize,
        outcome: u8,
    },
    Release(usize),
    Suppress(usize),
    Unsuppress(usize),
    Hold(bool),
    Wait {
        minutes: u64,
    },
    Sweep,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0..6_usize, 0..3_u8, 5..600_i64).prop_map(|(people, policy, minutes)| {
            Step::Open { people, policy, minutes }
        }),
        4 => (1..5_usize).prop_map(Step::Claim),
        6 => (0..12_usize, prop::bool::weighted(0.3)).prop_map(|(lane, changed)| {
            Step::Arm { lane, changed }
        }),
        6 => (0..12_usize, 0..7_u8).prop_map(|(lane, outcome)| Step::Record { lane, outcome }),
        1 => (0..12_usize).prop_map(Step::Release),
        1 => (0..6_usize).prop_map(Step::Suppress),
        1 => (0..6_usize).prop_map(Step::Unsuppress),
        1 => any::<bool>().prop_map(Step::Hold),
        3 => (0..40_u64).prop_map(|minutes| Step::Wait { minutes }),
        2 => Just(Step::Sweep),
        1 => Just(Step::Crash),
    ]
}

fn person(n: usize) -> String {
    format!("p{n}@example.org")
}

struct Storm {
    bench: Bench,
    /// Every lease that was ever given; lanes come back late.
    lanes: Vec<Claimed>,
    seen: BTreeMap<(i64, i64), Seen>,
    ended: BTreeMap<i64, Option<i64>>,
    reachable: BTreeSet<(State, State)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    state: State,
    tries: i64,
    resends: i64,
}

impl Storm {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            lanes: Vec::new(),
            seen: BTreeMap::new(),
            ended: BTreeMap::new(),
            reachable: reachable(),
        }
    }

    fn take(&mut self, step: &Step) {
        let bench = &self.bench;
        let lane = |n: usize| {
            let at = self.lanes.len().checked_sub(1 + n)?;
            self.lanes.get(at).cloned()
        };
        match step {
            Step::Open {
                people,
                policy,
                minutes,
            } => {
                let people: Vec<_> = (0..*people).map(person).collect();
                // The first one twice.
                let mut people: Vec<&str> = people.iter().map(String::as_str).collect();
                people.extend(people.first().copied());
                let mut run = bench.new_run("weekly", &bench.clock.new_id().to_string());
                run.expires_at = bench.now_ms() + minutes * 60_000;
                run.frozen.on_uncertain = [
                    OnUncertain::Resend,
                    OnUncertain::Hold,
                    OnUncertain::AssumeSent,
                ][usize::from(*policy)];
                bench.open_run(run, &people);
            }
            Step::Claim(limit) => {
                let rows = self.bench.claim(*limit);
                self.lanes.extend(rows);
            }
            Step::Arm { lane: n, changed } => {
                if let Some(row) = lane(*n) {
                    let _ = bench.arm_with(&row, [u8::from(*changed); 32]);
                }
            }
            Step::Record { lane: n, outcome } => {
                if let Some(row) = lane(*n) {
                    let next_at = bench.now_ms() + 60_000;
                    let outcome = match outcome {
                        0 | 1 => Outcome::Accepted,
                        2 => Outcome::Deferred { next_at },
                        3 => Outcome::Rejected {
                            suppress: row.id.seq == 1,
                        },
                        4 => Outcome::Uncertain,
                        5 => Outcome::NotSent { next_at },
                        _ => Outcome::Invalid,
                    };
                    bench.record(&row, outcome);
                }
            }
            Step::Release(n) => {
                if let Some(row) = lane(*n) {
                    bench.release(&row);
                }
            }
            Step::Suppress(n) => drop(bench.suppress(&person(*n))),
            Step::Unsuppress(n) => {
                let key = person(*n);
                now(bench.outbox.submit(Unsuppress {
                    key,
                    scope: String::new(),
                    author: "a person".to_owned(),
                }))
                .unwrap();
            }
            Step::Hold(on) if *on => bench.hold("all", "", Some(bench.now_ms() + 600_000)),
            Step::Hold(_) => bench.unhold(),
            Step::Wait { minutes } => bench.advance(Duration::from_secs(minutes * 60)),
            Step::Sweep => drop(bench.sweep()),
            Step::Crash => {
                self.bench.crash();
                self.bench.settle();
            }
        }
    }

    /// Everything that must hold between any two operations.
    fn check(&mut self) {
        let sql = self.bench.sql();
        let rows = self.rows(&sql);
        for (id, after) in &rows {
            if let Some(before) = self.seen.get(id) {
                let move_is_legal = before.state == after.state
                    || self.reachable.contains(&(before.state, after.state));
                assert!(move_is_legal, "{id:?}: {before:?} -> {after:?}");
                assert!(
                    !before.state.is_final() || before == after,
                    "{before:?} -> {after:?}"
                );
                assert!(before.tries <= after.tries && before.resends <= after.resends);
            }
            assert!(after.resends <= 1, "resent once at most: {id:?} {after:?}");
        }
        assert!(
            self.seen.keys().all(|id| rows.contains_key(id)),
            "no row vanishes"
        );
        self.seen = rows;
        self.check_attempts(&sql);
        self.check_runs(&sql);
    }

    fn rows(&self, sql: &rusqlite::Connection) -> BTreeMap<(i64, i64), Seen> {
        let mut query = sql
            .prepare("SELECT run, seq, state, tries, resends FROM delivery")
            .unwrap();
        let rows = query.query_map([], |row| {
            let seen = Seen {
                state: State::from_name(&row.get::<_, String>(2)?).unwrap(),
                tries: row.get(3)?,
                resends: row.get(4)?,
            };
            Ok(((row.get(0)?, row.get(1)?), seen))
        });
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn check_attempts(&self, sql: &rusqlite::Connection) {
        let wrong = |what: &str, query: &str| {
            let sql = format!("SELECT count(*) FROM delivery d WHERE {query}");
            let count: i64 = self
                .bench
                .sql()
                .query_row(&sql, [], |row| row.get(0))
                .unwrap();
            assert_eq!(count, 0, "{what}");
        };
        let tries = "(SELECT count(*) FROM attempt a WHERE a.run = d.run AND a.seq = d.seq";
        wrong("attempts are rows", &format!("d.attempts <> {tries})"));
        wrong(
            "accepted means that a server said so, once",
            &format!("(d.state = 'accepted') <> ({tries} AND outcome = 'accepted') = 1)"),
        );
        wrong(
            "one attempt is open exactly while it is armed",
            &format!("(d.state = 'armed') <> ({tries} AND outcome IS NULL) = 1)"),
        );
        wrong(
            "an extra copy needs a doubt",
            &format!("d.state = 'accepted' AND d.resends > {tries} AND outcome = 'uncertain')"),
        );
        let orphans: i64 = sql
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(orphans, 0);
    }

    fn check_runs(&mut self, sql: &rusqlite::Connection) {
        let reader = self.bench.outbox.reader().unwrap();
        let mut query = sql.prepare("SELECT no, id FROM run ORDER BY no").unwrap();
        let runs: Vec<(i64, String)> = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (no, id) in runs {
            let run = reader.run(&id).unwrap().unwrap();
            assert_eq!(
                run.counts,
                reader.recount(&id).unwrap(),
                "the tally of {no}"
            );
            let rows = self.seen.iter().filter(|((of, _), _)| *of == no);
            let done = rows.clone().all(|(_, seen)| seen.state.is_final());
            assert_eq!(
                run.state == "completed",
                done,
                "run {no}: {:?}",
                rows.collect::<Vec<_>>()
            );
            let ended = self.ended.entry(no).or_insert(run.ended_at);
            assert!(
                ended.is_none() || *ended == run.ended_at,
                "run {no} completes once"
            );
            *ended = run.ended_at;
            assert_eq!(RunNo(no), reader.run_no(&id).unwrap().unwrap());
        }
    }
}

/// Pairs of states that one operation may lie between: the sweep makes up to three moves at once.
fn reachable() -> BTreeSet<(State, State)> {
    let own = MOVES.iter().filter(|(_, step, _)| {
        use postroom::outbox::state::Move::{Cancel, Confirm, Retry};
        !matches!(step, Cancel | Confirm | Retry)
    });
    let mut pairs: BTreeSet<_> = own.map(|(from, _, to)| (*from, *to)).collect();
    let steps = pairs.clone();
    for _ in 0..2 {
        let longer: Vec<_> = pairs
            .iter()
            .flat_map(|(a, b)| {
                steps
                    .iter()
                    .filter(move |(c, _)| c == b)
                    .map(|(_, d)| (*a, *d))
            })
            .collect();
        pairs.extend(longer);
    }
    pairs
}

#[test]
fn the_books_balance_in_a_storm_of_operations() {
    let config = Config {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 300,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"postroom: storm over the outbox!");
    let mut runner = TestRunner::new_with_rng(config, rng);
    let steps = prop::collection::vec(step(), 20..120);
    let outcome = runner.run(&steps, |steps| {
        let mut storm = Storm::new();
        storm.take(&Step::Open {
            people: 4,
            policy: 0,
            minutes: 400,
        });
        for step in &steps {
            storm.take(step);
            storm.check();
        }
        Ok(())
    });
    outcome.unwrap();
}
