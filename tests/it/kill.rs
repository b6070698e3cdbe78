//! The daemon is killed again and again while it sends, and what it remembers is compared with
//! what the server wrote down: nobody is lost, `accepted` is true, and only what is named as in
//! doubt may have arrived twice, at most one message for each connection and kill. Who holds what
//! is in doubt sends nothing twice at all.
//!
//! `POSTROOM_TEST_LONG=1` makes it ten times as long; `.ci/long` does.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use postroom::outbox::state::State;

use crate::world::letter::CONNECTIONS;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::{Daemon, Workspace};
use crate::world::{history, letter, people};

/// So long an answer takes: most kills then find messages without one.
const LATENCY: Duration = Duration::from_millis(20);

/// Four of five ends are SIGKILL, the fifth is a second SIGTERM.
struct Extent {
    rows: usize,
    kills: u64,
}

impl Extent {
    fn wanted() -> Self {
        if std::env::var_os("POSTROOM_TEST_LONG").is_some() {
            Self {
                rows: 5000,
                kills: 250,
            }
        } else {
            Self {
                rows: 2000,
                kills: 25,
            }
        }
    }
}

/// What came out of a loop of kills without an objection.
struct Outcome {
    /// Messages that came into doubt.
    doubted: usize,
    /// Copies beyond the first.
    copies: usize,
    /// Messages in doubt to the end.
    to_the_end: i64,
}

/// A1, A2, A3, A4, A5, A6, A7, A8, A12: whenever the daemon is killed, in its opening, before and
/// after each step of a message.
#[test]
fn whatever_moment_the_daemon_is_killed_at_the_outbox_stays_true() {
    let outcome = kill_loop("on_uncertain = \"resend\"");
    assert!(outcome.doubted > 0, "no kill hit a message on its way");
    assert!(outcome.copies <= outcome.doubted);
}

/// A6, A7: a person decides, so that nobody gets it twice.
#[test]
fn whoever_holds_what_is_in_doubt_sends_nothing_twice() {
    let outcome = kill_loop("on_uncertain = \"hold\"");
    assert!(outcome.doubted > 0, "no kill hit a message on its way");
    assert_eq!(outcome.copies, 0, "nobody allowed a second copy");
    assert_eq!(usize::try_from(outcome.to_the_end), Ok(outcome.doubted));
}

#[expect(
    clippy::print_stdout,
    reason = "counts for whoever asks with --nocapture"
)]
fn kill_loop(policy: &str) -> Outcome {
    let extent = Extent::wanted();
    let seed = fastrand::u64(..);
    println!("{policy}: seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let catcher = Catcher::start(LATENCY);
    let (file, list) = people::list(extent.rows);
    let soon = Timestamp::now() + 8.seconds(); // the daemon is there by then
    let workspace = letter::due_at(soon, &catcher, policy, &file);

    let mut daemon = workspace.daemon();
    let mut doubted = BTreeSet::new();
    let step = extent.rows as u64 * 9 / 10 / extent.kills;
    for kill in 0..extent.kills {
        // The first one while the run is being opened, the others after so many were taken.
        let threshold = kill * step + if kill == 0 { 0 } else { dice.u64(..step) };
        wait_for("so many to be taken", || {
            let opened = letter::accepted(&workspace).is_some();
            (opened && catcher.taken() >= threshold).then_some(())
        });
        daemon = end_and_go_on(&workspace, daemon, kill % 5 == 4, &mut doubted);
    }
    let run = letter::ended(&workspace);
    assert!(daemon.stop().success());
    let log = catcher.accept_log();
    let taken = history::logged(&log);
    catcher.stop();

    let reader = workspace.reader().unwrap();
    assert_eq!(reader.went_back().unwrap(), None, "a false alarm");
    let found = history::objections(&reader, &run, &list, &taken);
    assert!(
        found.is_empty(),
        "{} faults:\n{}",
        found.len(),
        found.join("\n")
    );
    assert_eq!(history::doubted(&reader, &run), doubted);
    let outcome = Outcome {
        doubted: doubted.len(),
        copies: history::copies(&taken),
        to_the_end: run.counts.of(State::Uncertain),
    };
    println!(
        "{policy}: {} ends, {} taken, {} in doubt, {} to the end, {} copies",
        extent.kills,
        taken.len(),
        outcome.doubted,
        outcome.to_the_end,
        outcome.copies
    );
    outcome
}

/// Ends the daemon without a last word, or with a hasty one, and starts the next. What has come
/// into doubt is exactly what was armed: no more than one message for each connection.
fn end_and_go_on(
    workspace: &Workspace,
    daemon: Daemon,
    hasty: bool,
    doubted: &mut BTreeSet<String>,
) -> Daemon {
    if hasty {
        assert!(daemon.stop_at_once().success());
    } else {
        daemon.kill();
    }
    let reader = workspace.reader().unwrap();
    assert!(
        history::ended(&reader, letter::SCHEDULE).is_none(),
        "killed too late to matter"
    );
    let run = history::newest(&reader, letter::SCHEDULE).expect("the run is there");
    let mut left = history::armed(&reader, &run);
    if hasty {
        assert_eq!(left, BTreeSet::new(), "a hasty stop says what is in doubt");
        left = &history::doubted(&reader, &run) - doubted;
    }
    assert!(left.len() <= CONNECTIONS, "{left:?}");
    drop(reader);
    doubted.extend(left);
    let daemon = workspace.daemon();
    let reader = workspace.reader().unwrap();
    let now = history::doubted(&reader, &run);
    assert_eq!(
        &now, doubted,
        "in doubt is what was armed, and nothing else"
    );
    daemon
}
