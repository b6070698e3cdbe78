//! The table of moves, its picture in the head of the room, and the operations that obey it.

use std::collections::{BTreeMap, BTreeSet};

use postroom::outbox::state::{MOVES, Move, State};
use postroom::outbox::{Act, ArmRefusal, Claimed, DeliveryId, Outcome};
use rusqlite::params;

use crate::world::bench::Bench;

const HEAD: &str = include_str!("../../../src/outbox/mod.rs");

/// `queued, deferred --claim--> leased` and so on, as the head of the room draws them.
fn drawn() -> BTreeSet<(String, String, String)> {
    let mut moves = BTreeSet::new();
    for line in HEAD.lines().filter_map(|line| line.strip_prefix("//!")) {
        let Some((from, rest)) = line.split_once(" --") else {
            continue;
        };
        let (step, to) = rest.split_once("--> ").expect("an arrow has a head");
        let to = to
            .split_whitespace()
            .next()
            .expect("an arrow points to a state");
        for from in from.split(',') {
            let edge = (from.trim().to_owned(), step.to_owned(), to.to_owned());
            assert!(moves.insert(edge), "drawn once: {line}");
        }
    }
    moves
}

#[test]
fn the_picture_in_the_head_of_the_room_shows_the_table_of_moves() {
    let step = |step: &Move| format!("{step:?}").to_lowercase();
    let table: BTreeSet<_> = MOVES
        .iter()
        .map(|(from, by, to)| (from.to_string(), step(by), to.to_string()))
        .collect();
    assert_eq!(table.len(), MOVES.len(), "no move stands twice");
    assert_eq!(drawn(), table);
}

#[test]
fn a_final_state_is_left_by_a_person_only() {
    for (from, step, to) in MOVES {
        assert!(!from.is_final() || *step == Move::Retry, "{from} {step:?}");
        assert!(State::Accepted != *from && State::Presumed != *from);
        assert!(
            *to != State::Armed || *from == State::Leased,
            "nothing is armed but what a lane holds"
        );
    }
    let one_way = MOVES.iter().filter(|(from, step, _)| {
        MOVES
            .iter()
            .filter(|(f, s, _)| (f, s) == (from, step))
            .count()
            == 1
    });
    assert_eq!(one_way.count(), MOVES.len(), "a move has one target");
}

/// Puts the row into a state by SQL, consistent enough for the schema.
fn put(bench: &Bench, id: DeliveryId, state: State) {
    let leased = matches!(state, State::Leased | State::Armed);
    bench
        .sql()
        .execute(
            "UPDATE delivery SET state = ?3, attempts = 1, reason = 'put', next_at = ?4,
               lease_until = CASE WHEN ?5 THEN ?6 END, ended_at = CASE WHEN ?7 THEN ?4 END
             WHERE run = ?1 AND seq = ?2",
            params![
                id.run.0,
                id.seq,
                state.name(),
                bench.now_ms(),
                leased,
                bench.now_ms() + 900_000,
                state.is_final()
            ],
        )
        .unwrap();
    let tally = "UPDATE tally SET count = (SELECT count(*) FROM delivery d
        WHERE d.run = tally.run AND d.state = tally.state)";
    let add = "INSERT OR IGNORE INTO tally VALUES (?1, ?2, 0)";
    bench
        .sql()
        .execute(add, params![id.run.0, state.name()])
        .unwrap();
    bench.sql().execute(tally, []).unwrap();
}

/// All columns of the row.
fn dump(bench: &Bench, id: DeliveryId) -> Vec<String> {
    let sql = bench.sql();
    let mut query = sql
        .prepare("SELECT * FROM delivery WHERE run = ?1 AND seq = ?2")
        .unwrap();
    let columns = query.column_count();
    query
        .query_row([id.run.0, id.seq], |row| {
            (0..columns)
                .map(|i| Ok(format!("{:?}", row.get_ref(i)?)))
                .collect()
        })
        .unwrap()
}

type Deed = fn(&Bench, &Claimed);

/// Every operation that a lane, a person or the housekeeping can ask for, and its move.
fn deeds() -> Vec<(Move, Deed)> {
    fn record(bench: &Bench, row: &Claimed, outcome: Outcome) {
        bench.record(row, outcome);
    }
    vec![
        (Move::Claim, |bench, _| drop(bench.claim(1))),
        (Move::Arm, |bench, row| {
            let _ = bench.arm(row);
        }),
        (Move::Release, |bench, row| bench.release(row)),
        (Move::Accept, |b, row| record(b, row, Outcome::Accepted)),
        (Move::Defer, |b, row| {
            record(b, row, Outcome::Deferred { next_at: 1 });
        }),
        (Move::Reject, |b, row| {
            record(b, row, Outcome::Rejected { suppress: false });
        }),
        (Move::Doubt, |b, row| record(b, row, Outcome::Uncertain)),
        (Move::Unsend, |b, row| {
            record(b, row, Outcome::NotSent { next_at: 1 });
        }),
        (Move::Fail, |b, row| record(b, row, Outcome::Invalid)),
        (Move::Suppress, |bench, _| {
            bench.suppress("ada@example.org");
        }),
        (Move::Cancel, |bench, row| {
            bench.change(Act::Cancel, &[row.id]);
        }),
        (Move::Confirm, |bench, row| {
            bench.change(Act::Sent, &[row.id]);
        }),
        (Move::Deny, |bench, row| {
            bench.change(Act::NotSent, &[row.id]);
        }),
        (Move::Retry, |bench, row| {
            bench.change(Act::Retry, &[row.id]);
        }),
    ]
}

#[test]
fn every_operation_makes_its_move_or_none() {
    let mut made = BTreeMap::new();
    for (step, deed) in deeds() {
        for state in State::ALL {
            let bench = Bench::new();
            let id = bench.one();
            let lease = bench.claim_one();
            put(&bench, id, state);
            let before = dump(&bench, id);
            deed(&bench, &lease);
            let after = bench.state(id);
            match state.after(step) {
                // A leased row learns at its arm that its address was suppressed.
                Some(_) if step == Move::Suppress && state == State::Leased => {
                    assert_eq!(after, State::Leased);
                }
                Some(to) => {
                    assert_eq!(after, to, "{state} {step:?}");
                    *made.entry(format!("{step:?}")).or_insert(0) += 1;
                }
                None => assert_eq!(dump(&bench, id), before, "{state} {step:?}"),
            }
            let run = bench.run(id.run);
            let counted = bench.outbox.reader().unwrap().recount(&run.id).unwrap();
            assert_eq!(run.counts, counted, "{state} {step:?}");
        }
    }
    assert_eq!(made.len(), deeds().len(), "each move was seen: {made:?}");
}

#[test]
fn a_lane_that_comes_late_changes_nothing() {
    for state in [State::Queued, State::Leased, State::Armed, State::Deferred] {
        let bench = Bench::new();
        let id = bench.one();
        let old = bench.claim_one();
        bench.advance(crate::world::bench::LEASE);
        assert_eq!(bench.sweep().leases, 1, "the lease ended");
        let new = bench.claim_one();
        assert!(new.epoch > old.epoch);
        put(&bench, id, state);
        let before = dump(&bench, id);
        assert_eq!(bench.arm(&old), Err(ArmRefusal::LeaseLost));
        bench.release(&old);
        for outcome in [
            Outcome::Accepted,
            Outcome::Uncertain,
            Outcome::Rejected { suppress: true },
        ] {
            assert_eq!(bench.record(&old, outcome), None, "{state}");
        }
        assert_eq!(dump(&bench, id), before, "{state}");
        assert!(bench.tries(id).is_empty(), "no attempt is noted");
        let banned = bench.outbox.reader().unwrap().suppressions().unwrap();
        assert!(banned.is_empty(), "a late refusal suppresses nobody");
    }
}
