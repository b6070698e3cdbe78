//! A folder with a configuration, and the real binary at work in it.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use postroom::outbox::Reader;
use rustix::process::{Pid, Signal, kill_process};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::patience::wait_for;

/// The folder is kept for a look after the test if this is set.
const KEEP: &str = "POSTROOM_TEST_KEEP";
const CONFIG: &str = "postroom.toml";
const LOG: &str = "daemon.log";

/// A folder that others may enter, as servers run under users of their own.
pub(crate) fn folder() -> TempDir {
    let mut folder = tempfile::Builder::new()
        .prefix("postroom-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    folder.disable_cleanup(std::env::var_os(KEEP).is_some());
    folder
}

/// A configuration's folder, with `state/` in it.
pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    /// With this configuration. Its `[daemon]` is written here.
    pub(crate) fn new(config: &str) -> Self {
        let workspace = Self { folder: folder() };
        let daemon = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n\n";
        workspace.write(CONFIG, [daemon, config].concat());
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, making the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The binary with this workspace's configuration. Nothing of where the tests run leaks in.
    pub(crate) fn postroom(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroom"));
        command.arg("-c").arg(self.path(CONFIG)).args(args);
        for foreign in ["STATE_DIRECTORY", "RUNTIME_DIRECTORY", "NOTIFY_SOCKET"] {
            command.env_remove(foreign);
        }
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// What a command prints; it must succeed.
    #[track_caller]
    pub(crate) fn said(&self, args: &[&str]) -> String {
        let output = self.postroom(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints with `--json`.
    #[track_caller]
    pub(crate) fn json<T: DeserializeOwned>(&self, args: &[&str]) -> T {
        let said = self.said(&[args, &["--json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|e| panic!("{args:?}: {e}: {said}"))
    }

    /// The outbox, once there is one.
    pub(crate) fn reader(&self) -> Option<Reader> {
        Reader::open(&self.path("state")).ok()
    }

    /// A daemon that answers on its socket.
    #[track_caller]
    pub(crate) fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    /// The same, with more in its environment.
    #[track_caller]
    pub(crate) fn daemon_with(&self, environment: &[(&str, OsString)]) -> Daemon {
        self.answers(self.begin(environment))
    }

    /// A daemon that answers, and was started with all on hold.
    #[track_caller]
    pub(crate) fn daemon_held(&self) -> Daemon {
        self.answers(self.spawn(&["daemon", "--held"], &[]))
    }

    #[track_caller]
    fn answers(&self, mut daemon: Daemon) -> Daemon {
        let socket = self.path("state/postroom.sock");
        wait_for("the daemon's socket", || {
            let ended = daemon.ended();
            assert_eq!(ended, None, "the daemon ended:\n{}", daemon.log());
            UnixStream::connect(&socket).ok()
        });
        daemon
    }

    /// A daemon that has just been started, and may not get far.
    pub(crate) fn begin(&self, environment: &[(&str, OsString)]) -> Daemon {
        self.spawn(&["daemon"], environment)
    }

    fn spawn(&self, args: &[&str], environment: &[(&str, OsString)]) -> Daemon {
        let path = self.path(LOG);
        let log = || {
            let mut options = OpenOptions::new();
            options.create(true).append(true).open(&path).unwrap()
        };
        let child = self
            .postroom(args)
            .envs(environment.iter().cloned())
            .stdout(log())
            .stderr(log())
            .spawn()
            .unwrap();
        Daemon { child, log: path }
    }
}

/// A running daemon; it does not outlive this value.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// SIGKILL: no time for a last word.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and the wait for what is under way.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.terminate();
        wait_for("the daemon's end", || self.child.try_wait().unwrap())
    }

    /// SIGTERM twice: it ends its waits, and writes down what is in doubt. A process that is slow
    /// to look takes the two for one, which must do no harm either.
    pub(crate) fn stop_at_once(self) -> ExitStatus {
        self.terminate();
        self.stop()
    }

    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// What it said, and those before it.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "for whoever looks into a failure")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let last = log.lines().count().saturating_sub(40);
            let last: Vec<&str> = log.lines().skip(last).collect();
            eprintln!("the last words of the daemon:\n{}", last.join("\n"));
        }
    }
}
