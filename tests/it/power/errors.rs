//! A disk that fails once: at its N-th sync, at its N-th write, for each N of a short run. What
//! follows such an error is nothing: the daemon ends at once and says why, the next one takes it
//! for a crash, and nobody is lost or told to be served who is not. A full disk is no such error:
//! it passes.
//!
//! In doubt means held here, so that any second copy is a fault.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};

use super::disk::{self, Disk, Fault};
use super::replay::{Files, Kept};
use crate::world::patience::wait_for;
use crate::world::people::Entry;
use crate::world::sandbox::Catcher;
use crate::world::workspace::{Daemon, Workspace};
use crate::world::{history, letter, people};

/// What sysexits.h calls an I/O error and a failure that passes.
const IO: i32 = 74;
const LATER: i32 = 75;
/// What it calls a lack of permission, as is said of a state directory that cannot be used.
const PERMISSION: i32 = 77;

const PEOPLE: usize = 12;

/// A17: a sync that fails may have lost what it was for, so nothing that follows it counts.
#[test]
fn a_sync_that_fails_ends_the_daemon_whichever_it_is() {
    let run = ShortRun::new(PEOPLE);
    run.each(1..=1, |nth| Fault {
        call: "sync",
        file: "*",
        nth,
        how: "EIO",
    });
}

/// A17: the same for what is written.
#[test]
fn a_write_that_fails_ends_the_daemon_whichever_it_is() {
    let run = ShortRun::new(PEOPLE);
    run.each(stride(), |nth| Fault {
        call: "write",
        file: "-wal",
        nth,
        how: "EIO",
    });
}

/// A17: what was recorded is moved from the log into the database now and then. A disk that refuses
/// there is no better than one that refuses elsewhere.
#[test]
fn a_log_that_cannot_be_moved_into_the_database_ends_the_daemon() {
    let run = ShortRun::new(300);
    for call in ["sync", "write"] {
        let fault = Fault {
            call,
            file: "postroom.db",
            nth: 1,
            how: "EIO",
        };
        let end = run.fail(fault, &mut fastrand::Rng::with_seed(1));
        assert!(end.is_some(), "the log was not moved");
    }
}

/// A18: file systems that find themselves damaged become read-only.
#[test]
fn a_disk_that_becomes_read_only_ends_the_daemon() {
    let run = ShortRun::new(PEOPLE);
    run.each(stride(), |nth| Fault {
        call: "write",
        file: "-wal",
        nth,
        how: "EROFS",
    });
}

/// A14, A15, A16: no room for a moment: at opening, at an arm, at a result.
#[test]
fn a_disk_that_is_full_for_a_moment_loses_nothing_whenever_that_is() {
    let run = ShortRun::new(PEOPLE);
    run.each(stride(), |nth| Fault {
        call: "write",
        file: "-wal",
        nth,
        how: "ENOSPC",
    });
}

#[test]
fn a_write_that_is_cut_short_goes_on_where_it_stopped() {
    let run = ShortRun::new(PEOPLE);
    run.each(stride(), |nth| Fault {
        call: "write",
        file: "-wal",
        nth,
        how: "SHORT",
    });
}

/// So far it is to the next N: each is tried in the long loop, one in some thirty elsewhere.
fn stride() -> std::ops::RangeInclusive<usize> {
    if std::env::var_os("POSTROOM_TEST_LONG").is_some() {
        1..=1
    } else {
        15..=45
    }
}

/// A run that is due, to few people, from the same state each time.
struct ShortRun {
    workspace: Workspace,
    catcher: Catcher,
    list: Vec<Entry>,
    state: Files,
}

/// What became of the daemon.
#[derive(Debug)]
enum End {
    /// The run came to its end.
    Served,
    Exit(ExitStatus),
    /// It waits for room.
    Waits,
}

impl ShortRun {
    fn new(people: usize) -> Self {
        let delays = [5, 10, 20, 40, 80].into_iter(); // a busy machine needs longer to be in time
        let mut tries = delays.filter_map(|delay| Self::due_in(delay, people));
        tries
            .next()
            .expect("this machine is too busy for this test")
    }

    /// `None` if the run began too early, while the schedule was made known.
    fn due_in(seconds: i64, people: usize) -> Option<Self> {
        let catcher = Catcher::start(Duration::ZERO);
        let (file, list) = people::list(people);
        let due = Timestamp::now() + seconds.seconds();
        let workspace = letter::due_at(due, &catcher, "on_uncertain = \"hold\"", &file);
        // Once the schedule is known, a daemon that comes too late catches up.
        let daemon = workspace.daemon();
        wait_for("the schedule to be known", || {
            knows(&workspace).then_some(())
        });
        assert!(daemon.stop().success());
        let reader = workspace.reader().unwrap();
        if history::newest(&reader, letter::SCHEDULE).is_some() || Timestamp::now() > due {
            return None;
        }
        drop(reader);
        wait_for("the time", || (Timestamp::now() > due).then_some(()));
        let state = disk::read(&workspace.path("state"));
        Some(Self {
            workspace,
            catcher,
            list,
            state,
        })
    }

    /// Lets each of these calls fail, one in each run, until the run ends before it.
    #[expect(
        clippy::print_stdout,
        reason = "counts for whoever asks with --nocapture"
    )]
    fn each(&self, step: std::ops::RangeInclusive<usize>, fault: impl Fn(usize) -> Fault) {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        let mut nth = dice.usize(..*step.start()) + 1;
        while let Some(end) = self.fail(fault(nth), &mut dice) {
            *ends.entry(format!("{end:?}")).or_default() += 1;
            nth += dice.usize(step.clone());
        }
        println!("{:?}: {ends:?}", fault(nth));
        assert!(nth > 20, "a run needs more calls than that");
    }

    /// One run with its fault and the daemon after it; `None` if the fault did not come.
    fn fail(&self, fault: Fault, dice: &mut fastrand::Rng) -> Option<End> {
        let before = self.taken().len();
        let state = self.workspace.path("state");
        disk::write(&state, &self.state);
        let disk = Disk::below(&state).failing(fault);
        let mut daemon = self.workspace.begin(&disk.environment());
        let end = wait_for("the end of the daemon or of the run", || {
            self.end(fault, &disk, &mut daemon)
        });
        let failed = disk.failed();
        let said = daemon.log();
        daemon.kill();
        std::fs::remove_file(self.workspace.path("daemon.log")).unwrap();
        if must_end(fault, failed.as_deref()) {
            let End::Exit(status) = end else {
                panic!("{fault:?}: {end:?}\n{said}");
            };
            assert_eq!(status.code(), Some(IO), "{fault:?}\n{said}");
            let told = ["the outbox stops: ", "cannot open the outbox"];
            assert!(told.iter().any(|it| said.contains(it)), "{said}");
            assert!(!disk.was_trusted_again(), "{fault:?}\n{said}");
        }

        disk.cut(&mut match dice.bool() {
            true => Kept::Nothing,
            false => Kept::Some(dice),
        });
        let daemon = self.workspace.daemon();
        let run = letter::ended(&self.workspace);
        assert!(daemon.stop().success());
        let reader = self.workspace.reader().unwrap();
        let taken = &self.taken()[before..];
        let found = history::objections(&reader, &run, &self.list, taken);
        assert!(found.is_empty(), "{fault:?}\n{}", found.join("\n"));
        assert_eq!(history::copies(taken), 0, "{fault:?}");
        failed.map(|_| end)
    }

    fn end(&self, fault: Fault, disk: &Disk, daemon: &mut Daemon) -> Option<End> {
        if let Some(status) = daemon.ended() {
            return Some(End::Exit(status));
        }
        let failed = disk.failed();
        if must_end(fault, failed.as_deref()) {
            return None;
        }
        if failed.is_some() && daemon.log().contains("is full") {
            return Some(End::Waits);
        }
        let ended = history::ended(&self.workspace.reader()?, letter::SCHEDULE);
        ended.map(|_| End::Served)
    }

    fn taken(&self) -> Vec<history::Taken> {
        history::logged(&self.catcher.accept_log())
    }
}

fn knows(workspace: &Workspace) -> bool {
    let sql = rusqlite::Connection::open(workspace.path("state/postroom.db")).unwrap();
    sql.query_row("SELECT count(*) FROM schedule", [], |row| row.get(0))
        .is_ok_and(|known: i64| known > 0)
}

/// Nothing may follow an I/O error. `SQLite` passes over a directory that cannot be synced: what is
/// in the file is on the disk by then, and with it, on all journalling file systems, its entry.
/// Without its ballast the daemon waits as if the disk were full.
fn must_end(fault: Fault, failed: Option<&str>) -> bool {
    ["EIO", "EROFS"].contains(&fault.how)
        && failed.is_some_and(|name| ![".", "ballast"].contains(&name))
}

/// A17: an outbox that could not be made is made by the next start.
#[test]
fn a_disk_that_fails_while_the_outbox_is_made_leaves_nothing_in_the_way() {
    let catcher = Catcher::start(Duration::ZERO);
    let (file, _) = people::list(3);
    let due = Timestamp::now() + 1.hours();
    let workspace = letter::due_at(due, &catcher, "", &file);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut dice = fastrand::Rng::with_seed(seed);
    for (call, how) in [("sync", "EIO"), ("write", "EIO"), ("write", "ENOSPC")] {
        let fault = |nth| Fault {
            call,
            file: "*",
            nth,
            how,
        };
        let step = match call {
            "write" => stride().start().div_ceil(2),
            _ => 1,
        };
        let tried = (1 + dice.usize(..step)..)
            .step_by(step)
            .take_while(|nth| fail_at_first_start(&workspace, fault(*nth), &mut dice));
        assert!(tried.count() > 5, "{:?}", fault(0));
    }
}

/// One start from nothing, and the one after it; whether the fault came.
fn fail_at_first_start(workspace: &Workspace, fault: Fault, dice: &mut fastrand::Rng) -> bool {
    let state = workspace.path("state");
    disk::write(&state, &Files::new());
    let disk = Disk::below(&state).failing(fault);
    let mut daemon = workspace.begin(&disk.environment());
    let socket = workspace.path("state/postroom.sock");
    let end = wait_for("a daemon that ends or answers", || {
        let end = daemon.ended();
        let answers = UnixStream::connect(&socket).is_ok();
        let may_answer = !must_end(fault, disk.failed().as_deref());
        (end.is_some() || answers && may_answer).then_some(end)
    });
    let (failed, said) = (disk.failed(), daemon.log());
    daemon.kill();
    let wanted: &[Option<i32>] = match (failed.as_deref(), fault.how) {
        (None | Some("." | "ballast"), _) => &[None],
        (Some("lock"), _) => &[Some(PERMISSION)],
        (_, "ENOSPC") => &[Some(LATER), None], // it has begun, and waits
        _ => &[Some(IO)],
    };
    let code = end.map(|status| status.code().unwrap());
    assert!(
        wanted.contains(&code),
        "{fault:?} {failed:?} {code:?}\n{said}"
    );
    disk.cut(&mut match dice.bool() {
        true => Kept::Nothing,
        false => Kept::Some(dice),
    });
    assert!(workspace.daemon().stop().success(), "{fault:?}");
    failed.is_some()
}
