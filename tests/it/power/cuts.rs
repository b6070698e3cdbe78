//! The power goes again and again while the daemon sends. The disk has then kept what was synced,
//! and of the rest nothing, or anything; what the outbox says must still be true.
//!
//! `POSTROOM_TEST_LONG=1` cuts fifty times; `.ci/long` does.

use std::time::Duration;

use jiff::{Timestamp, ToSpan};

use super::disk::Disk;
use super::replay::Kept;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;
use crate::world::{history, letter, people};

/// So long an answer takes: most cuts then find messages without one.
const LATENCY: Duration = Duration::from_millis(20);

struct Extent {
    rows: usize,
    cuts: u64,
}

/// A13: what was not synced is lost, wholly or in part, and nobody is forgotten or mailed twice
/// unless that is said.
#[test]
fn whatever_a_disk_had_not_kept_when_the_power_went_the_outbox_stays_true() {
    let extent = if std::env::var_os("POSTROOM_TEST_LONG").is_some() {
        Extent {
            rows: 5000,
            cuts: 50,
        }
    } else {
        Extent {
            rows: 1000,
            cuts: 8,
        }
    };
    let found = cut_loop(&extent, false);
    assert!(
        found.is_empty(),
        "{} faults:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// A13: with `synchronous=OFF` a disk may forget what the server was already given. The very same
/// loop must then find faults, or it would prove nothing.
#[test]
fn without_syncs_the_same_loop_finds_what_was_forgotten() {
    let extent = Extent { rows: 400, cuts: 3 };
    let found = cut_loop(&extent, true);
    let twice = found.iter().filter(|it| it.ends_with("arrived 2 times"));
    assert!(twice.count() > 0, "{}", found.join("\n"));
}

/// What does not fit between list, outbox and server after a run with so many cuts. If the disk
/// `forgets`, syncs mean nothing to it, and it keeps what is older than some moment.
#[expect(
    clippy::print_stdout,
    reason = "counts for whoever asks with --nocapture"
)]
fn cut_loop(extent: &Extent, forgets: bool) -> Vec<String> {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    let catcher = Catcher::start(LATENCY);
    let (file, list) = people::list(extent.rows);
    let soon = Timestamp::now() + 8.seconds(); // the daemon is there by then
    let workspace = letter::due_at(soon, &catcher, "", &file);

    let (mut disk, mut daemon) = on_disk(&workspace, forgets);
    let step = extent.rows as u64 * 9 / 10 / extent.cuts;
    for cut in 0..extent.cuts {
        // The first one while the run is being opened, the others after so many were taken.
        let threshold = match cut {
            0 if !forgets => 0,
            _ => cut * step + step / 2 + dice.u64(..step / 2),
        };
        wait_for("so many to be taken", || {
            let opened = letter::accepted(&workspace).is_some();
            (opened && catcher.taken() >= threshold).then_some(())
        });
        daemon.kill();
        disk.cut(&mut match cut % 2 {
            _ if forgets => Kept::OlderThan(0.5 + dice.f64() * 0.4),
            0 => Kept::Nothing,
            _ => Kept::Some(&mut dice),
        });
        (disk, daemon) = on_disk(&workspace, forgets);
    }
    let run = letter::ended(&workspace);
    assert!(daemon.stop().success());
    let log = catcher.accept_log();
    let taken = history::logged(&log);
    catcher.stop();

    let reader = workspace.reader().unwrap();
    let found = history::objections(&reader, &run, &list, &taken);
    println!(
        "{} cuts, {} taken, {} in doubt, {} copies, {} faults",
        extent.cuts,
        taken.len(),
        history::doubted(&reader, &run).len(),
        history::copies(&taken),
        found.len()
    );
    found
}

fn on_disk(workspace: &Workspace, forgets: bool) -> (Disk, crate::world::workspace::Daemon) {
    let disk = Disk::below(&workspace.path("state"));
    let disk = if forgets {
        disk.forgetting_syncs()
    } else {
        disk
    };
    let daemon = workspace.daemon_with(&disk.environment());
    (disk, daemon)
}
