//! People who get one message together: claimed, armed and recorded together, each with an own row.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{
    Act, Arm, ArmRefusal, Claimed, DeliveryId, FinishRun, NewGroup, Outcome, Records, RunNo, Seat,
};

use crate::world::bench::{ACCOUNT, Bench, now, report, row};

const PEOPLE: [&str; 4] = [
    "a@example.org",
    "b@example.org",
    "c@example.org",
    "d@example.org",
];
const MINUTE: Duration = Duration::from_secs(60);

/// Two in To, one in Cc, one in Bcc.
fn opened(bench: &Bench) -> RunNo {
    let run = bench.begin(bench.new_run("weekly", "one"));
    let rows = (1..).zip(PEOPLE).map(|(seq, to)| row(seq, to)).collect();
    bench.fill(run, rows);
    bench.seal(run, &PEOPLE);
    let group = Some(NewGroup {
        to_until: 2,
        cc_until: 3,
        pool: String::new(),
        fields: serde_json::Map::new(),
    });
    let finish = FinishRun {
        run,
        people: 4,
        lists: Vec::new(),
        group,
    };
    now(bench.outbox.submit(finish)).unwrap();
    run
}

fn arm(bench: &Bench, rows: &Claimed) -> Vec<Result<(), ArmRefusal>> {
    now(bench.outbox.submit(Arm {
        rows: rows.apart(),
        account: ACCOUNT.to_owned(),
        digest: [7; 32],
    }))
    .unwrap()
}

fn record(bench: &Bench, rows: &Claimed, outcome: &Outcome) -> Vec<Option<State>> {
    let records = rows.each().map(|row| report(row, outcome.clone()));
    now(bench.outbox.submit(Records(records.collect()))).unwrap()
}

fn states(bench: &Bench, run: RunNo) -> Vec<State> {
    (1..=4)
        .map(|seq| bench.state(DeliveryId { run, seq }))
        .collect()
}

fn seqs(rows: &Claimed) -> Vec<i64> {
    rows.each().map(|row| row.id.seq).collect()
}

#[test]
fn all_who_are_due_are_claimed_as_one_and_end_each_for_themselves() {
    let bench = Bench::new();
    let run = opened(&bench);
    let mut claims = bench.claim(1);
    assert_eq!(claims.len(), 1, "one place is enough");
    let rows = claims.remove(0);
    assert_eq!(seqs(&rows), [1, 2, 3, 4]);
    assert!(bench.claim(10).is_empty());
    // The server takes two; one is refused, one later.
    let apart = rows.apart();
    let next_at = bench.now_ms() + 60_000;
    bench.record(&apart[0], Outcome::Rejected { suppress: true });
    bench.record(&apart[1], Outcome::Deferred { next_at });
    let rest = Claimed::together(apart[2..].to_vec()).unwrap();
    assert_eq!(arm(&bench, &rest), [Ok(()), Ok(())]);
    record(&bench, &rest, &Outcome::Accepted);
    let (gone, late, sent) = (State::Rejected, State::Deferred, State::Accepted);
    assert_eq!(states(&bench, run), [gone, late, sent, sent]);
    bench.advance(2 * MINUTE);
    assert_eq!(seqs(&bench.claim_one()), [2]);
}

#[test]
fn the_group_says_who_is_named_where() {
    let bench = Bench::new();
    let run = opened(&bench);
    let group = bench.outbox.reader().unwrap().group(run).unwrap().unwrap();
    let named = |place: &[(String, Option<String>)]| -> Vec<String> {
        place.iter().map(|it| it.0.clone()).collect()
    };
    assert_eq!(named(&group.to), PEOPLE[..2]);
    assert_eq!(named(&group.cc), PEOPLE[2..3]);
    let seats: Vec<_> = (1..=4).map(|seq| group.seat(seq)).collect();
    assert_eq!(seats, [Seat::To, Seat::To, Seat::Cc, Seat::Bcc]);
    let alone = bench.open(&["e@example.org"]);
    assert_eq!(bench.outbox.reader().unwrap().group(alone).unwrap(), None);
}

/// Whoever is too late with it changes nothing of what deliver has.
#[test]
fn a_run_is_finished_once() {
    let bench = Bench::new();
    let run = opened(&bench);
    let finish = FinishRun {
        run,
        people: 4,
        lists: vec![("people".to_owned(), 4)],
        group: Some(NewGroup {
            to_until: 4,
            cc_until: 4,
            pool: "example.org".to_owned(),
            fields: serde_json::Map::new(),
        }),
    };
    assert!(now(bench.outbox.submit(finish)).is_err());
    assert_eq!(bench.claim_one().pool, "");
}

/// After the 354 the server would give the body to all: none is armed, and the others come again
/// without whoever may not have it.
#[test]
fn where_one_may_not_have_it_none_is_armed() {
    let bench = Bench::new();
    let run = opened(&bench);
    let rows = bench.claim_one();
    bench.suppress(PEOPLE[1]);
    bench.change(Act::Cancel, &[DeliveryId { run, seq: 3 }]);
    let (others, gone) = (Err(ArmRefusal::Companion), Err(ArmRefusal::LeaseLost));
    let banned = Err(ArmRefusal::Suppressed);
    assert_eq!(arm(&bench, &rows), [others, banned, gone, others]);
    let (waits, no, cancelled) = (State::Queued, State::Suppressed, State::Cancelled);
    assert_eq!(states(&bench, run), [waits, no, cancelled, waits]);
    let again = bench.claim_one();
    assert_eq!(seqs(&again), [1, 4]);
    assert_eq!(again.tries, 0, "no attempt was burnt");
    assert_eq!(arm(&bench, &again), [Ok(()), Ok(())]);
}

#[test]
fn a_hold_keeps_all_of_them() {
    let bench = Bench::new();
    let run = opened(&bench);
    let rows = bench.claim_one();
    bench.hold("all", "", None);
    assert_eq!(arm(&bench, &rows), [Err(ArmRefusal::Held); 4]);
    assert!(bench.claim(10).is_empty());
    bench.unhold();
    assert_eq!(states(&bench, run), [State::Queued; 4]);
    assert_eq!(seqs(&bench.claim_one()), [1, 2, 3, 4]);
}

/// SIGKILL between arm and reply: those who were armed are in doubt, and are sent again together,
/// once; who had an answer before has it still.
#[test]
fn a_crash_after_the_arm_doubts_all_who_were_armed_and_nobody_else() {
    let mut bench = Bench::new();
    let run = opened(&bench);
    let apart = bench.claim_one().apart();
    bench.record(&apart[0], Outcome::Rejected { suppress: false });
    let rest = Claimed::together(apart[1..].to_vec()).unwrap();
    assert!(arm(&bench, &rest).iter().all(Result::is_ok));
    bench.crash();
    assert_eq!(bench.settle().uncertain.len(), 3);
    assert!(
        record(&bench, &rest, &Outcome::Accepted)
            .iter()
            .all(Option::is_none)
    );
    let (no, doubt) = (State::Rejected, State::Uncertain);
    assert_eq!(states(&bench, run), [no, doubt, doubt, doubt]);
    bench.advance(20 * MINUTE);
    assert_eq!(bench.sweep().resent, 3);
    let again = bench.claim_one();
    assert_eq!(seqs(&again), [2, 3, 4]);
    assert!(arm(&bench, &again).iter().all(Result::is_ok));
    bench.crash();
    bench.settle();
    bench.advance(20 * MINUTE);
    assert_eq!(bench.sweep().resent, 0, "once only");
}

/// A lease that is over frees all of them.
#[test]
fn a_lease_ends_for_all() {
    let bench = Bench::new();
    let run = opened(&bench);
    let rows = bench.claim_one();
    bench.advance(Duration::from_secs(16 * 60));
    assert_eq!(arm(&bench, &rows), [Err(ArmRefusal::LeaseLost); 4]);
    assert_eq!(bench.sweep().leases, 4);
    assert_eq!(states(&bench, run), [State::Queued; 4]);
}

/// Who was forgotten stands in no header any more, nor anywhere else.
#[test]
fn a_person_who_is_forgotten_is_in_no_group() {
    let bench = Bench::new();
    let run = opened(&bench);
    postroom::outbox::forget(&bench.outbox, PEOPLE[0], "grace").unwrap();
    let group = bench.outbox.reader().unwrap().group(run).unwrap().unwrap();
    assert_eq!(group.to.len(), 1);
    assert_eq!(seqs(&bench.claim_one()), [2, 3, 4]);
}

/// What a lane has composed by then names them: it may not go, and another one is composed.
#[test]
fn a_message_that_names_a_forgotten_person_is_not_armed_any_more() {
    let bench = Bench::new();
    let run = opened(&bench);
    let apart = bench.claim_one().apart();
    bench.record(&apart[0], Outcome::Rejected { suppress: false });
    let rest = Claimed::together(apart[1..].to_vec()).unwrap();
    postroom::outbox::forget(&bench.outbox, PEOPLE[0], "grace").unwrap();
    assert_eq!(arm(&bench, &rest), [Err(ArmRefusal::LeaseLost); 3]);
    let (no, waits) = (State::Rejected, State::Queued);
    assert_eq!(states(&bench, run), [no, waits, waits, waits]);
    let again = bench.claim_one();
    assert_eq!((seqs(&again), again.tries), (vec![2, 3, 4], 0));
    assert!(arm(&bench, &again).iter().all(Result::is_ok));
    let group = bench.outbox.reader().unwrap().group(run).unwrap().unwrap();
    assert_eq!((group.to.len(), group.forgotten), (1, 1));
}
