//! What the machine takes away beside the disk: time to end, open files, whoever reads the log.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use jiff::{Span, Timestamp, ToSpan};
use postroom::outbox::state::State;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::world::patience::wait_for;
use crate::world::people::Entry;
use crate::world::sandbox::Catcher;
use crate::world::workspace::{Daemon, Workspace};
use crate::world::{history, letter, people};

/// A run and its server.
struct Sending {
    workspace: Workspace,
    catcher: Catcher,
    list: Vec<Entry>,
}

impl Sending {
    fn new(due: Span, rows: usize, latency: u64) -> Self {
        let catcher = Catcher::start(Duration::from_millis(latency));
        let (file, list) = people::list(rows);
        let at = Timestamp::now() + due;
        let workspace = letter::due_at(at, &catcher, "", &file);
        Self {
            workspace,
            catcher,
            list,
        }
    }

    fn begin(&self, taken: u64) {
        self.workspace.said(&["send", letter::SCHEDULE, "--yes"]);
        self.wait_for(taken);
    }

    fn wait_for(&self, taken: u64) {
        wait_for("some messages", || {
            (self.catcher.taken() >= taken).then_some(())
        });
    }

    /// Everybody is served, and nobody twice.
    fn assert_served(&self) {
        let run = letter::ended(&self.workspace);
        let taken = history::logged(&self.catcher.accept_log());
        let reader = self.workspace.reader().unwrap();
        let found = history::objections(&reader, &run, &self.list, &taken);
        assert!(found.is_empty(), "{}", found.join("\n"));
        assert_eq!(history::copies(&taken), 0);
        assert_eq!(run.counts.of(State::Uncertain), 0);
    }
}

/// A10, A11: told to end while messages wait for their answers, it asks systemd for the time that
/// this takes, begins nothing new and leaves nothing in doubt.
#[test]
fn a_stop_hears_the_answers_that_are_due_and_asks_for_the_time() {
    let sending = Sending::new(1.hours(), 100, 300);
    let path = sending.workspace.path("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_nonblocking(true).unwrap();
    let environment = [("NOTIFY_SOCKET", path.into_os_string())];
    let daemon = sending.workspace.daemon_with(&environment);
    sending.begin(8);
    assert!(daemon.stop().success());
    let taken = history::logged(&sending.catcher.accept_log()).len();
    assert!(taken < 90, "it began new ones");
    let reader = sending.workspace.reader().unwrap();
    let run = history::newest(&reader, letter::SCHEDULE).unwrap();
    assert_eq!(usize::try_from(run.counts.of(State::Accepted)), Ok(taken));
    assert_eq!(
        run.counts
            .sum(&[State::Uncertain, State::Armed, State::Leased]),
        0
    );
    drop(reader);
    let told = heard(&systemd);
    let place = |what: &str| told.iter().position(|it| it.contains(what));
    let (ready, stopping) = (place("READY=1"), place("STOPPING=1"));
    assert!(ready.is_some() && ready < stopping, "{told:?}");
    assert!(stopping < place("EXTEND_TIMEOUT_USEC=60000000"), "{told:?}");

    let daemon = sending.workspace.daemon();
    sending.assert_served();
    assert!(daemon.stop().success());
}

fn heard(socket: &UnixDatagram) -> Vec<String> {
    let mut all = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => all.push(String::from_utf8(buffer[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return all,
            Err(error) => panic!("{error}"),
        }
    }
}

/// A41: no file can be opened, so no connection: the account rests, and nobody is lost.
#[test]
fn a_daemon_that_may_open_no_more_files_waits_and_goes_on() {
    let sending = Sending::new(5.seconds(), 150, 10);
    // Connections end all the time, and the password needs no file.
    let path = sending.workspace.path("postroom.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let file = "password = { file = \"password\" }";
    assert!(config.contains(file));
    let keys = "password = { env = \"POST_PASSWORD\" }\nmessages_per_connection = 10";
    std::fs::write(path, config.replace(file, keys)).unwrap();
    let environment = [("POST_PASSWORD", Catcher::PASSWORD.into())];
    let daemon = sending.workspace.daemon_with(&environment);
    sending.wait_for(20);
    let before = allow(&daemon, Some(3));
    wait_for("the account's rest", || {
        daemon.log().contains("Too many open files").then_some(())
    });
    allow(&daemon, before);
    sending.assert_served();
    assert!(daemon.stop().success());
}

/// Limits the files that a daemon may have open; returns the limit before.
fn allow(daemon: &Daemon, files: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap());
    let limit = Rlimit {
        current: files,
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(pid, Resource::Nofile, limit).unwrap().current
}

/// A43: nobody reads the log any more, or there is no room for it.
#[test]
fn a_log_that_goes_nowhere_stops_nothing() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for logs in [Stdio::piped, full] {
        let sending = Sending::new(1.hours(), 30, 0);
        let mut command = sending.workspace.postroom(&["daemon"]);
        let mut daemon = command.stdout(logs()).stderr(logs()).spawn().unwrap();
        drop((daemon.stdout.take(), daemon.stderr.take()));
        wait_for("the daemon's socket", || {
            assert_eq!(daemon.try_wait().unwrap(), None);
            sending
                .workspace
                .path("state/postroom.sock")
                .exists()
                .then_some(())
        });
        sending.begin(1);
        sending.assert_served();
        assert_eq!(daemon.try_wait().unwrap(), None);
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
}
