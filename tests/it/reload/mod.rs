//! Another configuration while the real daemon runs: what is foreseen, what is refused and where
//! that shows, what is read anew.

mod ask;
mod foreseen;
mod pipes;
mod refused;
mod secrets;
mod torture;

use postroom::daemon::api::{Configuration, Status};
use rustix::process::{Pid, Signal, kill_process};

use crate::world::workspace::{Daemon, Workspace};

/// As the daemon's status tells it.
fn configuration(workspace: &Workspace) -> Configuration {
    let status: Status = workspace.json(&["status"]);
    status.configuration.expect("a daemon runs")
}

fn hang_up(daemon: &Daemon) {
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

/// How a command ended, and what it said on both streams.
fn ended(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String) {
    let output = workspace.postroom(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (output.status.code(), said)
}
