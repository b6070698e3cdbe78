//! The writer's thread: many callers share a commit, and none suffers for another.

use postroom::clock::Clock;
use postroom::outbox::{Missed, NewRun, Opened, Outbox, OutboxError};

use crate::world::bench::{frozen, start};

const CALLERS: usize = 8;
const EACH: usize = 150;

fn missed(clock: &Clock, caller: usize, n: usize) -> Missed {
    Missed {
        id: clock.new_id().to_string(),
        schedule: format!("s{caller}"),
        occurrence: format!("{n:04}"),
        account: "ops".to_owned(),
        due_at: 0,
        state: postroom::outbox::Unrun::Missed,
        reason: "too late".to_owned(),
    }
}

/// Its id is taken: the database refuses it in the middle of a batch.
fn wrong(caller: usize, n: usize) -> NewRun {
    NewRun {
        id: "TAKEN".to_owned(),
        schedule: format!("wrong{caller}"),
        occurrence: n.to_string(),
        due_at: 0,
        expires_at: 1,
        overlap: None,
        via: Vec::new(),
        canary: None,
        frozen: frozen(),
        once: None,
    }
}

#[test]
fn each_caller_keeps_its_order_and_a_failure_takes_nobody_along() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(start(), 1);
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    let first = outbox.submit(wrong(99, 0)).wait().unwrap();
    assert!(matches!(first, Opened::Fill(..)));

    std::thread::scope(|scope| {
        for caller in 0..CALLERS {
            let (outbox, clock) = (&outbox, &clock);
            scope.spawn(move || {
                let mut good = Vec::new();
                let mut bad = Vec::new();
                for n in 0..EACH {
                    good.push(outbox.submit(missed(clock, caller, n)));
                    if n % 10 == 0 {
                        bad.push(outbox.submit(wrong(caller, n)));
                    }
                }
                for receipt in good {
                    assert!(receipt.wait().unwrap(), "it was new");
                }
                for receipt in bad {
                    let error = receipt.wait().unwrap_err();
                    assert!(matches!(error, OutboxError::Operation(_)), "{error}");
                }
            });
        }
    });

    let reader = outbox.reader().unwrap();
    for caller in 0..CALLERS {
        let mut runs = reader
            .runs(Some(&format!("s{caller}")), None, 10_000)
            .unwrap();
        runs.reverse();
        let order: Vec<_> = runs.into_iter().map(|run| run.occurrence).collect();
        let wanted: Vec<_> = (0..EACH).map(|n| format!("{n:04}")).collect();
        assert_eq!(order, wanted, "caller {caller}");
        let wrong = reader
            .runs(Some(&format!("wrong{caller}")), None, 10)
            .unwrap();
        assert!(wrong.is_empty());
    }
    outbox.close();
    let late = outbox.submit(missed(&clock, 0, 9999)).wait().unwrap_err();
    assert!(matches!(late, OutboxError::Stopped(_)), "{late}");
}

#[test]
fn what_was_handed_in_before_closing_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::simulated(start(), 1);
    let outbox = Outbox::open(dir.path(), clock.clone()).unwrap();
    for n in 0..200 {
        drop(outbox.submit(missed(&clock, 0, n))); // nobody waits for it
    }
    outbox.close();
    let outbox = Outbox::open_inline(dir.path(), clock).unwrap();
    let runs = outbox.reader().unwrap().runs(None, None, 10_000).unwrap();
    assert_eq!(runs.len(), 200);
}
