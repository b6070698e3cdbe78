//! The same notice never goes out twice across runs, whatever became of the first one.

use std::time::Duration;

use postroom::config::OncePer;
use postroom::outbox::state::State;
use postroom::outbox::{
    Act, ClearFailed, DeliveryId, Left, Outcome, ReserveOnce, RunFailed, RunNo, Thin, forget,
};

use crate::world::bench::{Bench, now, row};

const ADA: &str = "ada@example.org";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn per(fields: &[&str]) -> OncePer {
    OncePer {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        lasts: None,
    }
}

/// What a run of today's list does: it is left as it is before its end.
fn begin(bench: &Bench, schedule: &str, once: &OncePer, people: &[(&str, &str)]) -> RunNo {
    let mut new = bench.new_run(schedule, &bench.clock.new_id().to_string());
    new.once = Some(once.clone());
    let run = bench.begin(new);
    fill(bench, run, people);
    run
}

fn fill(bench: &Bench, run: RunNo, people: &[(&str, &str)]) {
    let rows = (1..).zip(people).map(|(seq, (to, fields))| {
        let mut row = row(seq, to);
        row.fields = (*fields).to_owned();
        row
    });
    bench.fill(run, rows.collect());
    let addresses: Vec<&str> = people.iter().map(|(to, _)| *to).collect();
    bench.seal(run, &addresses);
}

fn reserve(bench: &Bench, run: RunNo, schedule: &str, once: &OncePer) -> u64 {
    let reader = bench.outbox.reader().unwrap();
    let notices = reader.notices(schedule, once).unwrap();
    let all: Vec<i64> = (1..=1000).collect();
    let mut rows = reader.waiting_notices(run, &notices, &all).unwrap();
    rows.sort_unstable();
    now(bench.outbox.submit(ReserveOnce { run, rows })).unwrap()
}

fn open_as(bench: &Bench, schedule: &str, once: &OncePer, people: &[(&str, &str)]) -> RunNo {
    let run = begin(bench, schedule, once, people);
    reserve(bench, run, schedule, once);
    bench.finish(run, people.len());
    run
}

/// A run that tells Ada what ends on the last of May.
fn open(bench: &Bench) -> DeliveryId {
    let once = per(&["email", "ends_on"]);
    let people = [(ADA, r#"{"ends_on":"2026-05-31"}"#)];
    let run = open_as(bench, "weekly", &once, &people);
    DeliveryId { run, seq: 1 }
}

fn end(bench: &Bench, outcome: Outcome) {
    let lane = bench.claim_one();
    bench.arm(&lane).unwrap();
    bench.record(&lane, outcome).unwrap();
}

fn rejected() -> Outcome {
    Outcome::Rejected { suppress: false }
}

/// The first run, with its delivery in this state.
fn earlier(bench: &Bench, state: State) -> DeliveryId {
    let id = open(bench);
    match state {
        State::Queued | State::Suppressed | State::Skipped | State::Invalid => {}
        State::Leased => drop(bench.claim_one()),
        State::Armed => bench.arm(&bench.claim_one()).unwrap(),
        State::Deferred => end(bench, Outcome::Deferred { next_at: i64::MAX }),
        State::Uncertain | State::Presumed => end(bench, Outcome::Uncertain),
        State::Accepted => end(bench, Outcome::Accepted),
        State::Rejected => end(bench, rejected()),
        State::Cancelled => assert_eq!(bench.change(Act::Cancel, &[id]).done, 1),
        State::Expired => {
            bench.advance(2 * DAY);
            bench.sweep();
        }
    }
    let by_hand = match state {
        State::Presumed => "state = 'presumed', ended_at = 1",
        State::Suppressed => "state = 'suppressed', reason = 'asked', ended_at = 1",
        State::Skipped => "state = 'skipped', reason = 'repeated', ended_at = 1",
        State::Invalid => "state = 'invalid', reason = 'no @', ended_at = 1",
        _ => "state = state",
    };
    let sql = format!("UPDATE delivery SET {by_hand}");
    bench.sql().execute(&sql, []).unwrap();
    assert_eq!(bench.state(id), state);
    id
}

#[test]
fn every_end_of_the_earlier_notice_has_its_consequence() {
    for state in State::ALL {
        let bench = Bench::new();
        let first = earlier(&bench, state);
        let second = open(&bench);
        let run = bench.run(first.run).id;
        let wanted = match state {
            State::Accepted | State::Presumed => Some(format!("sent before: run {run}")),
            State::Uncertain => Some(format!("perhaps sent before: in doubt in run {run}")),
            State::Queued | State::Leased | State::Armed | State::Deferred => {
                Some(format!("on its way in run {run}"))
            }
            _ => None,
        };
        let found = bench.delivery(second);
        let becomes = if wanted.is_some() {
            "skipped"
        } else {
            "queued"
        };
        assert_eq!(
            (found.state.as_str(), found.reason),
            (becomes, wanted),
            "{state}"
        );
        let run = bench.run(second.run);
        let reader = bench.outbox.reader().unwrap();
        assert_eq!(reader.recount(&run.id).unwrap(), run.counts, "{state}");
        let open = if becomes == "queued" {
            "sending"
        } else {
            "completed"
        };
        assert_eq!(run.state, open);
    }
}

#[test]
fn a_doubt_that_was_ended_unsettled_counts_as_sent_until_a_person_knows_better() {
    let bench = Bench::new();
    let first = earlier(&bench, State::Uncertain);
    bench.change(Act::Cancel, &[first]);
    let run = bench.run(first.run).id;
    let second = open(&bench);
    let why = format!("perhaps sent before: in doubt in run {run}");
    assert_eq!(bench.delivery(second).reason, Some(why));

    let bench = Bench::new();
    let first = earlier(&bench, State::Uncertain);
    assert_eq!(bench.change(Act::NotSent, &[first]).done, 1);
    bench.change(Act::Cancel, &[first]);
    assert_eq!(bench.state(open(&bench)), State::Queued);
}

#[test]
fn another_date_another_person_and_another_schedule_are_other_notices() {
    let bench = Bench::new();
    let once = per(&["email", "ends_on"]);
    let day = r#"{"ends_on":"2026-05-31","plan":"pro"}"#;
    let first = open_as(&bench, "weekly", &once, &[("Ada@example.org", day)]);
    let of = |schedule: &str, once: &OncePer, people: &[(&str, &str)]| {
        let run = open_as(&bench, schedule, once, people);
        let seqs = 1..=i64::try_from(people.len()).unwrap();
        let states = seqs.map(|seq| bench.delivery(DeliveryId { run, seq }).state);
        states.collect::<Vec<_>>()
    };
    assert_eq!(
        bench.state(DeliveryId { run: first, seq: 1 }),
        State::Queued
    );
    let bob = ("bob@example.org", day);
    let later = (ADA, r#"{"ends_on":"2026-06-30"}"#);
    assert_eq!(of("weekly", &once, &[bob, later]), ["queued", "queued"]);
    assert_eq!(of("monthly", &once, &[(ADA, day)]), ["queued"]);
    // The other fields do not matter, nor how the address is spelt.
    let again = (
        "ADA@Example.org",
        r#"{"plan":"free","ends_on":"2026-05-31"}"#,
    );
    assert_eq!(of("weekly", &once, &[again]), ["skipped"]);
    // Where one value ends and the next begins does.
    let two = per(&["a", "b"]);
    let split = [
        (ADA, r#"{"a":"x","b":"yz"}"#),
        (bob.0, r#"{"a":"xy","b":"z"}"#),
    ];
    assert_eq!(of("weekly", &two, &split), ["queued", "queued"]);
    // A blank is a blank, a number is as it is written.
    let blank = [(ADA, r#"{"a":""}"#)];
    assert_eq!(of("blank", &per(&["a"]), &blank), ["queued"]);
    assert_eq!(of("blank", &per(&["a"]), &[(bob.0, "{}")]), ["skipped"]);
    let number = [(ADA, r#"{"a":3}"#)];
    assert_eq!(of("number", &per(&["a"]), &number), ["queued"]);
    let text = [(ADA, r#"{"a":"3"}"#)];
    assert_eq!(of("number", &per(&["a"]), &text), ["skipped"]);
}

#[test]
fn of_two_rows_of_a_run_with_the_same_notice_the_first_is_sent() {
    let bench = Bench::new();
    let order = r#"{"order":"17"}"#;
    let people = [(ADA, order), ("bob@example.org", order)];
    let run = open_as(&bench, "weekly", &per(&["order"]), &people);
    assert_eq!(bench.claim_one().address, ADA);
    let second = bench.delivery(DeliveryId { run, seq: 2 });
    let why = Some("the same notice as staff line 2".to_owned());
    assert_eq!((second.state.as_str(), second.reason), ("skipped", why));
}

#[test]
fn an_opening_that_is_begun_anew_does_not_stand_in_its_own_way() {
    let mut bench = Bench::new();
    let once = per(&["email"]);
    let people: Vec<String> = (0..700).map(|i| format!("p{i}@example.org")).collect();
    let people: Vec<(&str, &str)> = people.iter().map(|to| (to.as_str(), "{}")).collect();
    let mut new = bench.new_run("weekly", "monday");
    new.once = Some(once.clone());
    let run = bench.begin(new.clone());
    fill(&bench, run, &people);
    reserve(&bench, run, "weekly", &once);
    bench.crash();
    // Meanwhile the list has one person less, so that the others are in other rows.
    assert_eq!(bench.begin(new), run);
    bench.clear(run);
    let left = "SELECT count(*) FROM once";
    let left: i64 = bench.sql().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
    fill(&bench, run, &people[1..]);
    assert_eq!(reserve(&bench, run, "weekly", &once), 0);
    // The answer to a chunk was lost: the same once more.
    assert_eq!(reserve(&bench, run, "weekly", &once), 0);
    bench.finish(run, people.len() - 1);
    assert_eq!(bench.run(run).counts.of(State::Queued), 699);
}

#[test]
fn a_run_that_failed_keeps_nobody_from_anything() {
    let bench = Bench::new();
    let once = per(&["email"]);
    let failed = begin(
        &bench,
        "weekly",
        &once,
        &[(ADA, "{}"), ("bob@example.org", "{}")],
    );
    reserve(&bench, failed, "weekly", &once);
    let why = RunFailed {
        run: failed,
        reason: "the list changed".to_owned(),
    };
    now(bench.outbox.submit(why)).unwrap();
    let next = open_as(&bench, "weekly", &once, &[(ADA, "{}")]);
    assert_eq!(bench.claim_one().address, ADA);
    while now(bench.outbox.submit(ClearFailed)).unwrap() {}
    let kept = "SELECT run FROM once";
    let kept: i64 = bench.sql().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(
        kept, next.0,
        "what the failed run had is gone, what was taken over is not"
    );
}

#[test]
fn a_retry_is_refused_where_another_run_has_taken_the_notice_over() {
    let bench = Bench::new();
    let first = earlier(&bench, State::Rejected);
    let second = open(&bench);
    let refused = bench.change(Act::Retry, &[first]);
    assert_eq!((refused.done, refused.left[&Left::SentSince]), (0, 1));
    end(&bench, Outcome::Accepted);
    assert_eq!(bench.change(Act::Retry, &[first]).done, 0);
    assert_eq!(bench.state(first), State::Rejected);
    assert_eq!(bench.state(second), State::Accepted);
}

#[test]
fn a_retry_takes_the_notice_back_where_the_other_run_did_not_send_it() {
    let bench = Bench::new();
    let first = earlier(&bench, State::Rejected);
    let second = open(&bench);
    end(&bench, rejected());
    assert_eq!(bench.change(Act::Retry, &[first]).done, 1);
    let refused = bench.change(Act::Retry, &[second]);
    assert_eq!(
        refused.left[&Left::SentSince],
        1,
        "now the first one has it"
    );
    assert_eq!(bench.state(open(&bench)), State::Skipped);
    end(&bench, Outcome::Accepted);
    assert_eq!(bench.state(open(&bench)), State::Skipped);
}

#[test]
fn an_old_notice_counts_no_more_where_the_schedule_says_so_unless_it_still_waits() {
    let month = OncePer {
        lasts: Some(30 * DAY),
        ..per(&["email"])
    };
    let people = [(ADA, "{}")];
    for (state, after) in [("accepted", State::Queued), ("deferred", State::Skipped)] {
        let bench = Bench::new();
        let first = open_as(&bench, "weekly", &month, &people);
        end(
            &bench,
            match state {
                "accepted" => Outcome::Accepted,
                _ => Outcome::Deferred { next_at: i64::MAX },
            },
        );
        bench.advance(30 * DAY - Duration::from_secs(60));
        let early = open_as(&bench, "weekly", &month, &people);
        assert_eq!(
            bench.state(DeliveryId { run: early, seq: 1 }),
            State::Skipped
        );
        bench.advance(Duration::from_secs(60));
        let late = open_as(&bench, "weekly", &month, &people);
        assert_eq!(
            bench.state(DeliveryId { run: late, seq: 1 }),
            after,
            "{state}"
        );
        assert_eq!(bench.run(first).state == "sending", state == "deferred");
    }
}

#[test]
fn thinning_frees_what_was_not_sent_and_keeps_the_rest_for_ever() {
    let all = Thin {
        texts: DAY,
        rows: 2 * DAY,
    };
    for (state, after) in [
        (State::Accepted, State::Skipped),
        (State::Rejected, State::Queued),
        (State::Cancelled, State::Queued),
    ] {
        let bench = Bench::new();
        let first = earlier(&bench, state);
        bench.advance(3 * DAY);
        while now(bench.outbox.submit(all)).unwrap().more {}
        assert_eq!(bench.run(first.run).thinned, 2);
        let kept = "SELECT count(*) FROM once";
        let kept: i64 = bench.sql().query_row(kept, [], |row| row.get(0)).unwrap();
        assert_eq!(kept == 1, after == State::Skipped, "{state}");
        assert_eq!(bench.state(open(&bench)), after, "{state}");
    }
    // Nobody ever knew whether it arrived.
    let bench = Bench::new();
    let first = earlier(&bench, State::Uncertain);
    bench.change(Act::Cancel, &[first]);
    bench.advance(3 * DAY);
    while now(bench.outbox.submit(all)).unwrap().more {}
    assert_eq!(bench.run(first.run).thinned, 2);
    assert_eq!(bench.state(open(&bench)), State::Skipped);
}

#[test]
fn a_person_who_was_forgotten_leaves_no_notice_and_gets_no_retry() {
    let bench = Bench::new();
    let first = earlier(&bench, State::Rejected);
    forget(&bench.outbox, ADA, "uid 0 (root)").unwrap();
    let kept = "SELECT count(*) FROM once";
    let kept: i64 = bench.sql().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0);
    let refused = bench.change(Act::Retry, &[first]);
    assert_eq!((refused.done, refused.left[&Left::Forgotten]), (0, 1));
    assert!(Left::Forgotten.words().contains("forgotten"));
    assert_eq!(bench.state(first), State::Rejected);
}
