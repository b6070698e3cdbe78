//! A run takes its place once, fills in steps, and is whole or not there.

use std::time::Duration;

use postroom::audience::Place;
use postroom::config::OnUncertain;
use postroom::outbox::state::State;
use postroom::outbox::{
    AddRows, Blob, Carried, ClearFailed, ClearRun, DeliveryId, Filter, FrozenRun, Kept,
    NewDelivery, NewRun, Opened, RowKey, RunFailed, RunNo, SealKeys,
};

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
    bench.fill(run, vec![row(1, "ada@example.org")]);
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
    bench.fill(run, (1..).zip(old).map(|(seq, to)| row(seq, to)).collect());
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
    bench.clear(run);
    bench.fill(run, vec![row(1, "ada@example.org")]);
    bench.fill(run, vec![row(2, "bob@example.org")]);
    bench.seal(run, &["ada@example.org", "bob@example.org"]);
    bench.finish(run, 2);
    let rows = bench.claim(10);
    let addresses: Vec<_> = rows.iter().map(|row| row.address.as_str()).collect();
    assert_eq!(addresses, ["ada@example.org", "bob@example.org"]);
    assert!(rows.iter().all(|row| row.run_id == kept));
    let run = bench.run(run);
    assert_eq!(run.counts.total(), 2, "nothing of the old filling is left");
}

/// Never half of one configuration and half of another.
#[test]
fn a_run_that_is_begun_anew_is_frozen_anew_as_a_whole() {
    let mut bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    bench.crash();
    bench.advance(Duration::from_secs(600));
    let frozen = FrozenRun {
        account: "sales".to_owned(),
        template: "{\"mended\":true}".to_owned(),
        sender: "{\"from\":\"sales@example.org\"}".to_owned(),
        utc_offset: 3600,
        retry: vec![Duration::from_secs(7), Duration::from_secs(8)],
        on_uncertain: OnUncertain::Hold,
        resend_after: Duration::from_secs(9),
        zone: Some("Asia/Tokyo".to_owned()),
        carried: Some(Carried {
            list: "{}".to_owned(),
            blobs: vec![Blob::new(vec![7; 9000])],
        }),
    };
    let anew = NewRun {
        overlap: None,
        frozen: frozen.clone(),
        ..bench.new_run("weekly", "1")
    };
    let expires_at = anew.expires_at;
    assert_eq!(bench.begin(anew), run);
    let (row, found) = bench.outbox.reader().unwrap().frozen(run).unwrap();
    assert_eq!(found, frozen);
    assert_eq!(row.expires_at, expires_at);
    assert!(row.opened_at >= row.due_at + 600_000, "{row:?}");
    assert_eq!(row.account, "sales");
}

/// What an earlier opening left is removed in steps: sending goes on beside it.
#[test]
fn a_large_filling_is_removed_in_steps() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let people = people(1200);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    bench.fill(run, rows(&people));
    bench.seal(run, &people);
    let sql = bench.sql();
    let left = || rows_left(&sql, run);
    assert_eq!(left(), 2400);
    let mut before = left();
    while now(bench.outbox.submit(ClearRun { run })).unwrap() {
        assert!(before - left() <= 500, "{before}, then {}", left());
        assert_eq!(bench.run(run).counts.total(), 0, "and nobody sees them");
        before = left();
    }
    assert_eq!(left(), 0);
    bench.fill(run, rows(&people[..3]));
    bench.seal(run, &people[..3]);
    bench.finish(run, 3);
    assert_eq!(bench.claim(10).len(), 3);
}

/// The process may end before the rows are removed, and the disk be full.
#[test]
fn nobody_sees_the_rows_of_a_run_that_failed_until_they_are_removed() {
    let mut bench = Bench::new();
    bench.suppress("p7@example.org");
    let run = bench.begin(bench.new_run("weekly", "1"));
    let people = people(600);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    bench.fill(run, rows(&people));
    bench.seal(run, &people);
    let reason = "the disk was full".to_owned();
    now(bench.outbox.submit(RunFailed { run, reason })).unwrap();
    bench.crash();
    assert!(bench.settle().interrupted.is_empty());

    assert_eq!(rows_left(&bench.sql(), run), 1200, "they are still there");
    assert_eq!(bench.run(run).counts.total(), 0);
    let reader = bench.outbox.reader().unwrap();
    for state in State::ALL {
        let filter = Filter {
            states: vec![state.name().to_owned()],
            ..Filter::default()
        };
        assert!(reader.deliveries(&filter).unwrap().is_empty(), "{state}");
    }
    for person in ["p1@example.org", "p7@example.org"] {
        assert!(reader.history(person).unwrap().is_empty(), "{person}");
    }

    let other = bench.open(&["ada@example.org"]);
    let mut steps = 0;
    while now(bench.outbox.submit(ClearFailed)).unwrap() {
        steps += 1;
    }
    assert!(steps > 1200 / 250, "{steps}");
    assert_eq!(rows_left(&bench.sql(), run), 0);
    assert_eq!(rows_left(&bench.sql(), other), 2, "no other run's");
}

fn people(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("p{n}@example.org")).collect()
}

fn rows(people: &[&str]) -> Vec<NewDelivery> {
    (1..).zip(people).map(|(seq, to)| row(seq, to)).collect()
}

/// Rows of a run in the tables, with its addresses.
fn rows_left(sql: &rusqlite::Connection, run: RunNo) -> i64 {
    let query = "SELECT (SELECT count(*) FROM delivery WHERE run = ?1)
                      + (SELECT count(*) FROM run_key WHERE run = ?1)";
    sql.query_row(query, [run.0], |row| row.get(0)).unwrap()
}

/// Rows go in by tens in one statement: none is lost between two of them, and none is taken for
/// another's duplicate.
#[test]
fn every_row_of_a_chunk_is_brought_and_each_address_has_one() {
    for count in [1, 49, 50, 51, 100, 149, 500] {
        let bench = Bench::new();
        let run = bench.begin(bench.new_run("weekly", "1"));
        let people = people(count);
        let mut people: Vec<&str> = people.iter().map(String::as_str).collect();
        let repeated: Vec<&str> = people.iter().copied().step_by(7).collect();
        people.extend(&repeated);
        bench.fill(run, rows(&people));
        assert_eq!(bench.seal(run, &people), repeated.len() as u64, "{count}");
        bench.finish(run, people.len());
        let mut claimed: Vec<_> = bench.claim(1000).into_iter().map(|it| it.address).collect();
        claimed.sort();
        let mut wanted = people[..count].to_vec();
        wanted.sort_unstable();
        assert_eq!(claimed, wanted);
        for seq in count + 1..=people.len() {
            let skipped = bench.delivery(id(run, i64::try_from(seq).unwrap()));
            let first = (seq - count - 1) * 7 + 2; // the header is line 1
            let told = format!("the same address as staff line {first}");
            assert_eq!(skipped.reason, Some(told));
        }
    }
}

/// Two addresses may share a fingerprint: both are mailed.
#[test]
fn addresses_are_compared_where_fingerprints_are_the_same() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let people = ["ada@example.org", "bob@example.org", "ada@example.org"];
    bench.fill(run, rows(&people));
    let keys = (1..).zip(people).map(|(seq, key)| RowKey {
        fingerprint: 5,
        key: key.to_owned(),
        seq,
    });
    let keys = keys.collect();
    let sealed = now(bench.outbox.submit(SealKeys { run, keys })).unwrap();
    assert_eq!(sealed.duplicates, 1);
    bench.finish(run, 3);
    let to: Vec<_> = bench.claim(10).into_iter().map(|it| it.address).collect();
    assert_eq!(to, ["ada@example.org", "bob@example.org"]);
}

#[test]
fn only_rows_that_get_mail_take_an_address() {
    let bench = Bench::new();
    bench.suppress("p3@example.org");
    let run = bench.begin(bench.new_run("weekly", "1"));
    let people = people(8);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    bench.fill(run, rows(&people));
    let reader = bench.outbox.reader().unwrap();
    let keys = reader.waiting_keys(run, &[2, 4, 5, 8]).unwrap();
    let told: Vec<_> = keys.iter().map(|it| (it.seq, it.key.as_str())).collect();
    let wanted = [
        (2, "p1@example.org"),
        (5, "p4@example.org"),
        (8, "p7@example.org"),
    ];
    assert_eq!(told, wanted, "p3 gets no mail");
    assert_eq!(keys[2].fingerprint, Kept::fingerprint("p7@example.org"));
}

#[test]
fn a_duplicate_is_skipped_and_says_where_the_first_one_stands() {
    let bench = Bench::new();
    let run = bench.begin(bench.new_run("weekly", "1"));
    let at = |seq, list: &str, line, to| NewDelivery {
        list: list.to_owned(),
        place: line,
        ..row(seq, to)
    };
    bench.fill(
        run,
        vec![
            at(1, "staff", 7, "ada@example.org"),
            at(2, "staff", 8, "bob@example.org"),
            at(3, "guests", 2, "Ada@Example.org"),
            at(
                4,
                "people",
                Place::stored(-4001).to_stored(),
                "cy@example.org",
            ),
            at(5, "people", -4002, "CY@example.org"),
        ],
    );
    let addresses = [
        "ada@example.org",
        "bob@example.org",
        "ada@example.org",
        "cy@example.org",
        "cy@example.org",
    ];
    assert_eq!(bench.seal(run, &addresses), 2);
    assert_eq!(
        bench.seal(run, &addresses),
        0,
        "sealing twice changes nothing"
    );
    bench.finish(run, 5);
    for (row, place, reason) in [
        (3, "line 2", "the same address as staff line 7"),
        (5, "person 4,002", "the same address as people person 4,001"),
    ] {
        let skipped = bench.delivery(id(run, row));
        assert_eq!(skipped.state, "skipped");
        assert_eq!(skipped.place.to_string(), place);
        assert_eq!(skipped.reason.as_deref(), Some(reason));
    }
    assert_eq!(bench.claim(10).len(), 3);
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
    bench.advance(Duration::from_secs(61));
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
    bench.fill(run, vec![bad.clone(), NewDelivery { seq: 2, ..bad }]);
    bench.finish(run, 2);
    let first = bench.delivery(id(run, 1));
    assert_eq!(first.reason.as_deref(), Some("no @ in the address"));
    assert_eq!((first.list.as_str(), first.place.to_stored()), ("staff", 2));
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
    bench.fill(run, vec![row(1, "ada@example.org")]);
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

    let rows = vec![row(9, "eve@example.org")];
    assert!(now(bench.outbox.submit(AddRows { run, rows })).is_err());
    assert!(now(bench.outbox.submit(ClearRun { run })).is_err());
    let reason = "too late".to_owned();
    assert!(now(bench.outbox.submit(RunFailed { run, reason })).is_err());
    let (fingerprint, key) = (0, "eve@example.org".to_owned());
    let keys = vec![RowKey {
        fingerprint,
        key,
        seq: 2,
    }];
    assert!(now(bench.outbox.submit(SealKeys { run, keys })).is_err());
    assert_eq!(bench.run(run), before);
}
