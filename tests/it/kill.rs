//! The daemon is killed again and again while it sends, and what it remembers is compared with
//! what the server wrote down: nobody is lost, `accepted` is true, and only what is named as in
//! doubt may have arrived twice.
//!
//! `POSTROOM_TEST_LONG=1` makes it ten times as long; `.ci/long` does.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use postroom::outbox::state::State;

use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;
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

fn workspace(catcher: &Catcher, list: &str) -> Workspace {
    let soon = Timestamp::now() + 15.seconds(); // the daemon is there by then
    let on = soon.strftime("on = %Y-%m-%dT%H:%M:%S").to_string();
    let workspace = letter::workspace(&catcher.account(), &on, list);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

#[test]
fn whatever_moment_the_daemon_is_killed_at_the_outbox_stays_true() {
    let extent = Extent::wanted();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let catcher = Catcher::start(LATENCY);
    let (file, list) = people::list(extent.rows);
    let workspace = workspace(&catcher, &file);

    let mut daemon = workspace.daemon();
    let step = extent.rows as u64 * 9 / 10 / extent.kills;
    for kill in 0..extent.kills {
        // The first one while the run is being opened, the others after so many were taken.
        let threshold = kill * step + if kill == 0 { 0 } else { dice.u64(..step) };
        wait_for("so many to be taken", || {
            let opened = letter::accepted(&workspace).is_some();
            (opened && catcher.taken() >= threshold).then_some(())
        });
        if kill % 5 == 4 {
            assert!(daemon.stop_at_once().success());
        } else {
            daemon.kill();
        }
        let reader = workspace.reader().unwrap();
        assert!(
            history::ended(&reader, letter::SCHEDULE).is_none(),
            "killed too late to matter"
        );
        daemon = workspace.daemon();
    }
    let run = letter::ended(&workspace);
    assert!(daemon.stop().success());
    let log = catcher.accept_log();
    let taken = history::logged(&log);
    catcher.stop();

    let reader = workspace.reader().unwrap();
    let told = history::told(&reader, &run);
    let mut found = history::against_list(&list, &told);
    found.extend(history::against_server(&told, &taken));
    found.extend(history::against_tally(&reader, &run, &told));
    assert!(
        found.is_empty(),
        "{} faults:\n{}",
        found.len(),
        found.join("\n")
    );
    let doubted = told.iter().filter(|told| told.row.doubted).count();
    let to_the_end = run.counts.of(State::Uncertain);
    println!(
        "{} taken, {doubted} in doubt, {to_the_end} to the end",
        taken.len()
    );
    assert!(doubted > 0, "no kill hit a message on its way");
}
