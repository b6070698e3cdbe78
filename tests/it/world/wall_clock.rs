//! Daemons whose clocks a test moves, by libfaketime.
//!
//! A clock that is set wrong and time that passes are two things: the first is seen on the wall
//! only, the second by everything that measures time. Both go on by themselves in between, so that
//! whoever sleeps wakes up.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};

use super::patience::wait_for;
use super::skip::skip;
use super::workspace::{Daemon, Workspace};

/// What a test moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moves {
    /// The clock on the wall; elapsed time goes on as it does.
    TheWallClock,
    /// Time itself, which only goes forward.
    Time,
}

/// The clocks of the daemons of one workspace.
pub(crate) struct WallClock {
    moves: Moves,
    library: PathBuf,
    /// Says by how many seconds the clocks are ahead.
    file: PathBuf,
    processes: RefCell<Vec<u32>>,
}

impl WallClock {
    /// Where libfaketime is not installed, that is said with what was therefore not tried.
    #[track_caller]
    pub(crate) fn new(moves: Moves, untried: &str) -> Option<Self> {
        let Some(library) = library() else {
            skip("libfaketime is not installed", untried);
            return None;
        };
        Some(Self {
            moves,
            library,
            file: PathBuf::new(),
            processes: RefCell::default(),
        })
    }

    /// Hangs it up in a workspace, at a time.
    pub(crate) fn hang(&mut self, workspace: &Workspace, at: Timestamp) {
        self.file = workspace.path("ahead");
        self.set(at);
    }

    /// A daemon that lives by this clock, and answers on its socket.
    #[track_caller]
    pub(crate) fn daemon(&self, workspace: &Workspace) -> Daemon {
        let on = |yes: bool| OsString::from(if yes { "1" } else { "0" });
        let wall_only = self.moves == Moves::TheWallClock;
        let daemon = workspace.daemon_with(&[
            ("LD_PRELOAD", self.library.clone().into_os_string()),
            (
                "FAKETIME_TIMESTAMP_FILE",
                self.file.clone().into_os_string(),
            ),
            ("FAKETIME_NO_CACHE", on(true)),
            ("FAKETIME_DONT_FAKE_MONOTONIC", on(wall_only)),
            ("NO_FAKE_STAT", on(true)),
        ]);
        self.processes.borrow_mut().push(daemon.id());
        daemon
    }

    /// What it says to the daemons.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead: f64 = fs::read_to_string(&self.file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        Timestamp::now() + SignedDuration::from_secs_f64(ahead)
    }

    /// Sets the clock on the wall, as an administrator or a time server would.
    pub(crate) fn set(&self, to: Timestamp) {
        let ahead = to.duration_since(Timestamp::now()).as_secs_f64();
        let beside = self.file.with_extension("new");
        fs::write(&beside, format!("{ahead:+.3}\n")).unwrap();
        fs::rename(beside, &self.file).unwrap();
    }

    /// Lets time pass until then; whoever slept for less is awake.
    pub(crate) fn pass(&self, daemon: &Daemon, to: Timestamp) {
        assert_eq!(self.moves, Moves::Time);
        self.suspend(daemon, to);
    }

    /// The machine sleeps until then. A process that was stopped looks at its timers again.
    pub(crate) fn suspend(&self, daemon: &Daemon, until: Timestamp) {
        let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        wait_for("the stop of all threads", || {
            all_stopped(daemon.id()).then_some(())
        });
        self.set(until);
        kill_process(pid, Signal::CONT).unwrap();
    }
}

impl Drop for WallClock {
    /// libfaketime leaves these behind, and the next process with that number would not start.
    fn drop(&mut self) {
        for process in self.processes.borrow().iter() {
            for name in ["faketime_shm_", "sem.faketime_sem_"] {
                let _ = fs::remove_file(format!("/dev/shm/{name}{process}"));
            }
        }
    }
}

/// The one for programs with threads.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    let machines = folders.filter_map(|entry| Some(entry.ok()?.path()));
    let libraries = machines.map(|it| it.join("faketime/libfaketimeMT.so.1"));
    libraries.into_iter().find(|it| it.exists())
}

fn all_stopped(process: u32) -> bool {
    let tasks = fs::read_dir(Path::new("/proc").join(process.to_string()).join("task")).unwrap();
    tasks
        .map(|task| task.unwrap().path().join("stat"))
        .all(|stat| {
            // A thread may end meanwhile.
            let stat = fs::read_to_string(stat).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_none_or(|(_, rest)| rest.starts_with('T'))
        })
}
