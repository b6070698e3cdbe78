//! The disk is full, in the midst of each thing that is done: nothing is sent that could not be
//! recorded, what was sent is recorded, and it goes on when there is room.

use std::time::Duration;

use jiff::{Span, Timestamp, ToSpan};
use postroom::outbox::state::State;

use crate::world::patience::wait_for;
use crate::world::people::Entry;
use crate::world::sandbox::Catcher;
use crate::world::small_disk::SmallDisk;
use crate::world::workspace::{Daemon, Workspace};
use crate::world::{history, letter, people};

const IS_FULL: &str = "is full: nothing is sent until there is room; nothing is lost";

/// A run whose state lies on a small disk; the disk goes first.
struct Small {
    disk: SmallDisk,
    workspace: Workspace,
    catcher: Catcher,
    list: Vec<Entry>,
}

impl Small {
    fn new(due: Span, rows: usize, latency: u64, size: &str) -> Option<Self> {
        let catcher = Catcher::start(Duration::from_millis(latency));
        let (file, list) = people::list(rows);
        let at = Timestamp::now() + due;
        let workspace = letter::due_at(at, &catcher, "on_uncertain = \"hold\"", &file);
        let disk = SmallDisk::mount_at(&workspace.path("state"), size)?;
        Some(Self {
            disk,
            workspace,
            catcher,
            list,
        })
    }

    fn begin(&self) {
        self.workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    }

    fn count(&self, state: State) -> i64 {
        let reader = self.workspace.reader().unwrap();
        let run = history::newest(&reader, letter::SCHEDULE).unwrap();
        run.counts.of(state)
    }

    /// The log and `status` say that it waits for room.
    fn assert_says_full(&self, daemon: &Daemon) {
        wait_for("the end of the room", || {
            daemon.log().contains(IS_FULL).then_some(())
        });
        let log = daemon.log();
        assert!(!log.contains("check `host`"), "it is not the server");
        let status = self.workspace.said(&["status"]);
        assert!(status.contains(IS_FULL), "{status}");
    }

    /// Everybody is served, nobody twice, once the run has come to its end.
    fn assert_served(&self, daemon: Daemon) {
        let run = letter::ended(&self.workspace);
        assert!(daemon.stop().success());
        let taken = history::logged(&self.catcher.accept_log());
        let reader = self.workspace.reader().unwrap();
        let found = history::objections(&reader, &run, &self.list, &taken);
        assert!(found.is_empty(), "{}", found.join("\n"));
        assert_eq!(history::copies(&taken), 0);
        assert_eq!(run.counts.of(State::Uncertain), 0);
    }
}

/// A14: a run that has no room waits in its opening, and goes on by itself when there is some.
#[test]
fn a_run_that_has_no_room_waits_says_so_and_goes_on() {
    let Some(small) = Small::new(5.seconds(), 3000, 0, "3500k") else {
        return;
    };
    let daemon = small.workspace.daemon();
    small.assert_says_full(&daemon);
    let status = small.workspace.said(&["status"]);
    assert!(status.contains("reading its lists"), "{status}");
    assert_eq!(small.catcher.taken(), 0, "nothing of it is sent");
    small.disk.resize("64m");
    small.assert_served(daemon);
}

/// A14: the next daemon finds the same disk, and is told so.
#[test]
fn a_daemon_that_starts_on_a_full_disk_says_so_and_may_try_again() {
    let Some(small) = Small::new(1.hours(), 100, 0, "8m") else {
        return;
    };
    small.workspace.daemon().kill();
    small.disk.stuff();
    let mut daemon = small.workspace.begin(&[]);
    let end = wait_for("the daemon's end", || daemon.ended());
    let said = daemon.log();
    assert_eq!(end.code(), Some(75), "{said}");
    assert!(said.contains(IS_FULL), "{said}");
    small.disk.unstuff();
    let daemon = small.workspace.daemon();
    small.begin();
    small.assert_served(daemon);
}

/// A15, A16: no body goes that is not armed, and every answer is recorded.
#[test]
fn a_disk_that_fills_while_mail_is_sent_stops_it_and_loses_no_answer() {
    let Some(small) = Small::new(1.hours(), 400, 20, "8m") else {
        return;
    };
    let daemon = small.workspace.daemon();
    small.begin();
    wait_for("some messages", || {
        (small.catcher.taken() >= 40).then_some(())
    });
    small.disk.stuff();
    small.assert_says_full(&daemon);
    wait_for("the answers that are due", || {
        (small.count(State::Armed) == 0).then_some(())
    });
    let taken = small.catcher.taken();
    assert!(taken < 400, "it went on sending");
    assert_eq!(u64::try_from(small.count(State::Accepted)), Ok(taken));
    assert_eq!(small.count(State::Uncertain), 0);
    assert_eq!(small.catcher.taken(), taken);
    small.disk.unstuff();
    small.assert_served(daemon);
    assert!(small.disk.path().join("ballast").exists());
}
