//! A run that ends is told of once, whatever happens in between.

use postroom::outbox::{Report, Told};

use crate::world::bench::{Bench, now};

fn untold(bench: &Bench) -> Vec<Report> {
    bench.outbox.reader().unwrap().untold().unwrap()
}

/// A9: a kill between a run's end and its report.
#[test]
fn a_run_that_ends_is_to_be_told_of_until_it_was() {
    let mut bench = Bench::new();
    let run = bench.open(&["ada@example.org", "bob@example.org"]);
    for row in bench.claim(2) {
        assert_eq!(untold(&bench), [], "it goes on");
        bench.arm(&row).unwrap();
        bench.record(&row, postroom::outbox::Outcome::Accepted);
    }
    bench.crash();
    let reports = untold(&bench);
    assert_eq!(reports.len(), 1, "it ended once: {reports:?}");
    assert_eq!((reports[0].run, reports[0].round), (run, 1));
    assert_eq!(reports[0].row.counts.total(), 2);
    now(bench.outbox.submit(Told { run, round: 1 })).unwrap();
    bench.crash();
    assert_eq!(untold(&bench), []);
}

#[test]
fn a_run_without_anybody_is_told_of_as_well() {
    let bench = Bench::new();
    let run = bench.open(&[]);
    let reports = untold(&bench);
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].run, run);
}
