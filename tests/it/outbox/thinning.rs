//! Retention: what goes, what stays, and the space that comes back.

use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{Blob, Carried, Opened, Outcome, RunNo, Shrink, Thin, Thinned};

use crate::world::bench::{Bench, now, row};

const DAY: Duration = Duration::from_secs(24 * 3600);

const OLD: Thin = Thin {
    texts: Duration::from_secs(90 * 24 * 3600),
    rows: Duration::from_secs(180 * 24 * 3600),
};

fn thin_once(bench: &Bench) -> Thinned {
    now(bench.outbox.submit(OLD)).unwrap()
}

/// All that is due; each step is small.
fn thin(bench: &Bench) -> u64 {
    let mut rows = 0;
    loop {
        let step = thin_once(bench);
        assert!(step.rows <= 500, "{step:?}");
        rows += step.rows;
        if !step.more {
            return rows;
        }
    }
}

fn count(bench: &Bench, sql: &str) -> i64 {
    bench.sql().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn rejected() -> Outcome {
    Outcome::Rejected { suppress: false }
}

/// An ended run of `people`, with an answer of the server to each.
fn ended(bench: &Bench, occurrence: &str, people: usize) -> RunNo {
    let new = bench.new_run("weekly", occurrence);
    let run = bench.begin(new);
    let addresses: Vec<String> = (0..people).map(|i| format!("p{i}@example.org")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let rows = (1..).zip(&addresses).map(|(seq, to)| {
        let mut row = row(seq, to);
        row.fields = r#"{"city":"Timbuktu"}"#.to_owned();
        row
    });
    bench.fill(run, rows.collect());
    bench.seal(run, &addresses);
    bench.finish(run, people);
    for (i, row) in bench.claim(people).iter().enumerate() {
        bench.arm(row).unwrap();
        let refused = i % 2 == 0;
        let outcome = if refused {
            rejected()
        } else {
            Outcome::Accepted
        };
        bench.record(row, outcome);
    }
    assert_eq!(bench.run(run).state, "completed");
    run
}

#[test]
fn texts_go_first_then_the_rows_and_the_sums_stay_for_ever() {
    let bench = Bench::new();
    let run = ended(&bench, "2026-06-01", 3);
    let sums = bench.run(run).counts;

    bench.advance(89 * DAY);
    assert_eq!(thin(&bench), 0, "it is not old enough");
    assert_eq!(bench.run(run).thinned, 0);

    bench.advance(2 * DAY);
    assert_eq!(thin(&bench), 3);
    assert_eq!(bench.run(run).thinned, 1);
    let texts = "SELECT count(*) FROM delivery WHERE fields <> '{}' OR reason <> 'removed'";
    assert_eq!(count(&bench, texts), 0);
    assert_eq!(count(&bench, "SELECT count(reply) FROM attempt"), 0);
    let why = bench.outbox.reader().unwrap().history("p0@example.org");
    let (delivery, tries, _) = why.unwrap().remove(0);
    assert_eq!(delivery.state, "rejected");
    assert_eq!(delivery.reason.as_deref(), Some("removed"));
    assert_eq!(
        (tries[0].code, tries[0].reply.as_deref()),
        (Some(250), None)
    );
    assert_eq!(thin(&bench), 0, "and not again");

    bench.advance(90 * DAY);
    assert_eq!(thin(&bench), 3);
    let kept = bench.run(run);
    assert_eq!((kept.thinned, &kept.counts), (2, &sums));
    for table in ["delivery", "attempt", "run_key", "blob"] {
        let rows = count(&bench, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows, 0, "{table}");
    }
    let again = now(bench.outbox.submit(bench.new_run("weekly", "2026-06-01"))).unwrap();
    assert_eq!(again, Opened::Exists(kept.id), "an occurrence runs once");
    assert_eq!(thin_once(&bench), Thinned::default());
}

#[test]
fn what_is_not_over_and_what_others_share_stays() {
    let bench = Bench::new();
    let run = ended(&bench, "old", 2);
    let mut open = bench.new_run("weekly", "open");
    open.expires_at = i64::MAX;
    let open = bench.open_run(open, &["ada@example.org"]);
    bench.advance(200 * DAY);
    let young = ended(&bench, "young", 0);
    thin(&bench);
    thin(&bench);
    assert_eq!(bench.run(run).thinned, 2);
    assert_eq!((bench.run(open).thinned, bench.run(young).thinned), (0, 0));
    assert_eq!(count(&bench, "SELECT count(*) FROM blob"), 1);
    assert_eq!(bench.claim_one().address, "ada@example.org");
}

/// Two runs carry a file, and each row has one of its own.
#[test]
fn what_runs_carry_goes_with_the_last_of_them() {
    let bench = Bench::new();
    let carried = || Carried {
        list: "{\"items\":[]}".to_owned(),
        blobs: vec![Blob::new(b"the terms".to_vec())],
    };
    let open = |occurrence: &str| {
        let mut new = bench.new_run("weekly", occurrence);
        new.frozen.carried = Some(carried());
        let run = bench.begin(new);
        let mut row = row(1, "ada@example.org");
        row.files = Some("[{\"path\":\"7.pdf\"}]".to_owned());
        bench.fill(run, vec![row]);
        bench.seal(run, &["ada@example.org"]);
        bench.finish(run, 1);
        let row = bench.claim_one();
        assert_eq!(row.files.as_deref(), Some("[{\"path\":\"7.pdf\"}]"));
        bench.arm(&row).unwrap();
        bench.record(&row, Outcome::Accepted);
        run
    };
    let blobs = || {
        count(
            &bench,
            "SELECT count(*) FROM blob WHERE length(content) = 9",
        )
    };
    let first = open("1");
    bench.advance(100 * DAY);
    let second = open("2");
    let (_, frozen) = bench.outbox.reader().unwrap().frozen(second).unwrap();
    assert_eq!(frozen.carried, Some(carried()));
    assert_eq!(
        (blobs(), count(&bench, "SELECT count(*) FROM run_blob")),
        (1, 2)
    );
    thin(&bench);
    let own = "SELECT count(*) FROM delivery WHERE files IS NOT NULL";
    assert_eq!(count(&bench, own), 1, "that of the first run is blank");
    bench.advance(100 * DAY);
    thin(&bench);
    assert_eq!(
        (bench.run(first).thinned, bench.run(second).thinned),
        (2, 1)
    );
    assert_eq!((blobs(), count(&bench, own)), (1, 0));
    bench.advance(100 * DAY);
    thin(&bench);
    assert_eq!(
        (blobs(), count(&bench, "SELECT count(*) FROM run_blob")),
        (0, 0)
    );
}

#[test]
fn a_crash_in_the_middle_of_thinning_leaves_it_to_be_finished() {
    let mut bench = Bench::new();
    let run = ended(&bench, "old", 1200);
    bench.advance(91 * DAY);
    let first = thin_once(&bench);
    assert!(
        first.more && first.rows > 0 && first.rows < 1200,
        "{first:?}"
    );
    assert_eq!(
        bench.run(run).thinned,
        1,
        "half gone: nobody may open it again"
    );
    bench.crash();
    assert_eq!(thin(&bench), 1200 - first.rows);
    assert_eq!(
        count(&bench, "SELECT count(*) FROM delivery WHERE fields <> '{}'"),
        0
    );
    bench.advance(90 * DAY);
    thin_once(&bench);
    bench.crash();
    assert_eq!(thin(&bench), 1200);
    assert_eq!(bench.run(run).counts.of(State::Accepted), 600);
    let free = now(bench.outbox.submit(Shrink { pages: 1 })).unwrap();
    assert!(free > 10, "the space of the rows is free: {free}");
    let pages = count(&bench, "PRAGMA page_count");
    let left = now(bench.outbox.submit(Shrink { pages: 100_000 })).unwrap();
    assert_eq!(left, 0);
    assert!(count(&bench, "PRAGMA page_count") < pages - 10);
}
