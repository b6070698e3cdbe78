//! What a person does to deliveries, and what stays of it in the audit.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{Act, ArmRefusal, Claimed, DeliveryId, Filter, Left, Outcome};

use crate::world::bench::{Bench, GRACE};

const PEOPLE: [&str; 4] = [
    "ada@example.org",
    "bob@example.com",
    "eve@example.org",
    "dan@example.net",
];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A run to four people of which the first was taken, the second refused, the third is in doubt
/// and the fourth waits.
fn mixed(bench: &Bench) -> Vec<DeliveryId> {
    let run = bench.open(&PEOPLE);
    let rows = bench.claim(3);
    let refused = Outcome::Rejected { suppress: false };
    for (row, outcome) in rows
        .iter()
        .zip([Outcome::Accepted, refused, Outcome::Uncertain])
    {
        bench.arm(row).unwrap();
        bench.record(row, outcome).unwrap();
    }
    (1..=4).map(|seq| DeliveryId { run, seq }).collect()
}

fn states(bench: &Bench, ids: &[DeliveryId]) -> Vec<State> {
    ids.iter().map(|id| bench.state(*id)).collect()
}

#[track_caller]
fn tally_is_right(bench: &Bench, id: DeliveryId) {
    let run = bench.run(id.run);
    let counted = bench.outbox.reader().unwrap().recount(&run.id).unwrap();
    assert_eq!(run.counts, counted);
}

#[test]
fn a_retry_goes_again_to_exactly_those_who_did_not_get_it() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    let done = bench.change_in(&[State::Rejected], Act::Retry, &ids);
    assert_eq!(done.done, 1);
    assert_eq!(done.left[&Left::WentOn], 3);
    let due: Vec<Claimed> = bench.claim(10);
    let to: Vec<_> = due.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(to, ["dan@example.net", "bob@example.com"]);
    tally_is_right(&bench, ids[0]);
}

#[test]
fn a_retry_leaves_what_may_have_arrived_and_says_so() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    let done = bench.change(Act::Retry, &ids);
    assert_eq!(done.done, 2, "the refused one, and the waiting one at once");
    assert_eq!(done.left[&Left::Sent], 1);
    assert_eq!(done.left[&Left::InDoubt], 1);
    let after = [
        State::Accepted,
        State::Queued,
        State::Uncertain,
        State::Queued,
    ];
    assert_eq!(states(&bench, &ids), after);
}

#[test]
fn a_deferred_row_that_is_retried_is_due_at_once() {
    let bench = Bench::new();
    let id = bench.one();
    let row = bench.claim_one();
    let next_at = bench.now_ms() + 3_600_000;
    bench.record(&row, Outcome::Deferred { next_at });
    assert!(bench.claim(1).is_empty());
    assert_eq!(bench.change(Act::Retry, &[id]).done, 1);
    assert_eq!(bench.claim(1).len(), 1);
}

#[test]
fn a_retry_opens_an_ended_run_again_with_the_time_that_it_had_at_first() {
    let bench = Bench::new();
    let id = bench.one();
    let run = bench.run(id.run);
    let span = run.expires_at - run.opened_at;
    for round in 2..4 {
        let row = bench.claim_one();
        bench.arm(&row).unwrap();
        bench.record(&row, Outcome::Rejected { suppress: false });
        assert_eq!(bench.run(id.run).state, "completed");
        bench.advance(3 * DAY);
        bench.change(Act::Retry, &[id]);
        let run = bench.run(id.run);
        assert_eq!((run.state.as_str(), run.ended_at), ("sending", None));
        let sql = "SELECT rounds, expires_at - reopened_at, reopened_at FROM run";
        let of_run = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (rounds, left, at): (i64, i64, i64) = bench.sql().query_row(sql, [], of_run).unwrap();
        assert_eq!((rounds, left), (round, span));
        assert!(at >= run.opened_at + 3 * 24 * 3_600_000);
        assert_eq!(bench.sweep().expired, 0, "it has time");
    }
    let row = bench.claim_one();
    bench.arm(&row).unwrap();
    assert_eq!(bench.record(&row, Outcome::Accepted), Some(State::Accepted));
    assert_eq!(bench.tries(id).len(), 3);
    tally_is_right(&bench, id);
}

#[test]
fn an_expired_row_of_a_run_that_is_still_open_has_time_again() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    let stalled = "UPDATE delivery SET next_at = 9000000000000 WHERE seq = 3";
    bench.sql().execute(stalled, []).unwrap();
    bench.advance(2 * DAY);
    bench.sweep();
    assert_eq!(bench.state(ids[3]), State::Expired);
    bench.change(Act::Retry, &ids[3..]);
    let rounds = bench
        .sql()
        .query_row("SELECT rounds FROM run", [], |row| row.get(0));
    assert_eq!(rounds, Ok(1), "it had not ended");
    assert_eq!(bench.sweep().expired, 0);
    assert_eq!(bench.state(ids[3]), State::Queued);
}

#[test]
fn no_retry_goes_to_a_suppressed_address_or_without_fields() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    bench.suppress("bob@example.com");
    let done = bench.change(Act::Retry, &ids[1..2]);
    assert_eq!((done.done, done.left[&Left::Suppressed]), (0, 1));

    let bench = Bench::new();
    let id = bench.one();
    bench.change(Act::Cancel, &[id]);
    bench
        .sql()
        .execute("UPDATE run SET thinned = 1", [])
        .unwrap();
    let done = bench.change(Act::Retry, &[id]);
    assert_eq!((done.done, done.left[&Left::Thinned]), (0, 1));
    assert_eq!(bench.state(id), State::Cancelled);
}

#[test]
fn a_run_that_is_still_opened_is_left_alone() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "now"));
    let rows = vec![crate::world::bench::row(1, "ada@example.org")];
    bench.fill(run, rows);
    let done = bench.change(Act::Cancel, &[DeliveryId { run, seq: 1 }]);
    assert_eq!((done.done, done.left[&Left::Opening]), (0, 1));
}

#[test]
fn a_cancelled_row_goes_nowhere_also_if_a_lane_has_it() {
    let bench = Bench::new();
    let id = bench.one();
    let row = bench.claim_one();
    assert_eq!(bench.change(Act::Cancel, &[id]).done, 1);
    assert_eq!(bench.arm(&row), Err(ArmRefusal::LeaseLost));
    bench.release(&row);
    assert_eq!(bench.state(id), State::Cancelled);
    let shown = bench.delivery(id);
    assert_eq!(shown.reason, Some(format!("cancelled by {GRACE}")));
    assert_eq!(bench.run(id.run).state, "completed");
    tally_is_right(&bench, id);
}

#[test]
fn what_is_on_its_way_is_not_cancelled() {
    let bench = Bench::new();
    let id = bench.one();
    let row = bench.claim_one();
    bench.arm(&row).unwrap();
    let done = bench.change(Act::Cancel, &[id]);
    assert_eq!((done.done, done.left[&Left::OnItsWay]), (0, 1));
    assert_eq!(bench.record(&row, Outcome::Accepted), Some(State::Accepted));
}

#[test]
fn a_person_who_found_out_ends_the_doubt_either_way() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    assert_eq!(bench.change(Act::Sent, &ids[2..3]).done, 1);
    assert_eq!(bench.state(ids[2]), State::Accepted);
    assert_eq!(
        bench.delivery(ids[2]).reason,
        Some(format!("{GRACE} found out that it arrived"))
    );

    let bench = Bench::new();
    let ids = mixed(&bench);
    assert_eq!(bench.change(Act::NotSent, &ids[2..3]).done, 1);
    assert_eq!(bench.state(ids[2]), State::Queued);
    let rows = bench.claim(10);
    let row = rows.iter().find(|row| row.id == ids[2]).unwrap();
    assert!(!row.doubted);
    assert_eq!(bench.arm_with(row, [8; 32]), Ok(()), "other bytes may go");
    // The one time that it is sent again by itself is still there.
    bench.record(row, Outcome::Uncertain);
    bench.advance(Duration::from_secs(3600));
    assert_eq!(bench.sweep().resent, 1);
    tally_is_right(&bench, ids[2]);
}

#[test]
fn only_what_is_in_doubt_can_be_settled() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    for act in [Act::Sent, Act::NotSent] {
        let done = bench.change(act, &[ids[0], ids[1], ids[3]]);
        assert_eq!(done.done, 0);
        assert_eq!(done.left.len(), 3, "{:?}", done.left);
        assert_eq!(done.audit, None, "what changed nothing leaves no entry");
    }
    assert!(
        bench
            .outbox
            .reader()
            .unwrap()
            .changes(None, 9)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn each_change_is_in_the_audit_with_its_rows_and_their_author() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    bench.change(Act::Cancel, &ids);
    bench.change(Act::Retry, &ids[3..]);
    bench.suppress("dan@example.net");
    let reader = bench.outbox.reader().unwrap();
    let changes = reader.changes(None, 10).unwrap();
    let told: Vec<_> = changes
        .iter()
        .rev()
        .map(|it| (it.action.as_str(), it.rows, it.detail.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("cancel", 2, "looks wrong"),
            ("retry", 1, "looks wrong"),
            ("suppress", 1, "dan@example.net: asked us to stop"),
        ]
    );
    let audits = reader.audits(ids[3]).unwrap();
    let was: Vec<_> = audits.iter().map(|it| it.was.as_str()).collect();
    assert_eq!(was, ["queued", "cancelled", "queued"]);
    assert_eq!(audits[0].author, GRACE);
}

#[test]
fn a_filter_finds_exactly_what_it_says() {
    let bench = Bench::new();
    let ids = mixed(&bench);
    bench.advance(DAY);
    bench.open_run(bench.new_run("daily", "later"), &PEOPLE[..2]);
    let reader = bench.outbox.reader().unwrap();
    let all: Vec<String> = State::ALL.iter().map(|it| it.name().to_owned()).collect();
    let count = |filter: Filter| {
        let rows = reader.deliveries(&filter).unwrap();
        let found = reader.ids(&filter).unwrap();
        assert_eq!(rows.len(), found.len());
        let counted = reader.count(&filter).unwrap().total();
        assert_eq!(usize::try_from(counted), Ok(rows.len()));
        rows.len()
    };
    let whole = || Filter {
        states: all.clone(),
        ..Filter::default()
    };
    assert_eq!(count(whole()), 6);
    assert_eq!(count(Filter::default()), 4, "those that are not final");
    let to = |to: &str| Filter {
        to: Some(to.to_owned()),
        ..whole()
    };
    assert_eq!(count(to("bob@example.com")), 2);
    assert_eq!(count(to("@example.org")), 3);
    assert_eq!(count(to("@xample.org")), 0, "a domain is whole");
    assert_eq!(count(to("nobody@example.org")), 0);
    let before = Filter {
        before: Some(bench.now_ms() - 3_600_000),
        ..whole()
    };
    assert_eq!(count(before), 4);
    let named = Filter {
        ids: Some(vec![ids[0], ids[3]]),
        ..Filter::default()
    };
    assert_eq!(count(named), 2, "ids mean rows of any state");
    let mut pages = Vec::new();
    let mut page = Filter {
        limit: Some(2),
        ..whole()
    };
    while let Some(last) = reader.ids(&page).unwrap().last() {
        pages.extend(reader.ids(&page).unwrap());
        page.after = Some(*last);
    }
    assert_eq!(pages, reader.ids(&whole()).unwrap());
}

/// Suppressed rows are in no index of eligible addresses.
#[test]
fn an_address_is_found_also_where_it_was_never_eligible() {
    let bench = Bench::new();
    bench.suppress("ada@example.org");
    let id = bench.one();
    assert_eq!(bench.state(id), State::Suppressed);
    let filter = Filter {
        states: vec!["suppressed".to_owned()],
        to: Some("ada@example.org".to_owned()),
        ..Filter::default()
    };
    assert_eq!(bench.outbox.reader().unwrap().ids(&filter).unwrap(), [id]);
}
