//! The programs that run now, each with all that it started: none of them outlives postroom, which
//! has to see to that itself, since they are process groups of their own and hear no Ctrl-C.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

static RUNNING: Mutex<Running> = Mutex::new(Running {
    groups: BTreeSet::new(),
    is_over: false,
});

struct Running {
    /// The ids of process groups.
    groups: BTreeSet<i32>,
    /// No more are started.
    is_over: bool,
}

/// Kills all programs that run, with all that they started, and lets none start any more: for the
/// end of the process, when nobody is to hear any more that they failed.
pub fn end_all() {
    let mut running = running();
    running.is_over = true;
    std::mem::take(&mut running.groups)
        .into_iter()
        .for_each(kill);
}

/// A program and what it started; they end with this value.
pub(super) struct Group(i32);

/// Starts a program as the first of a process group of its own.
pub(super) fn start(command: &mut Command) -> io::Result<(Child, Group)> {
    let mut running = running(); // until it is among them
    if running.is_over {
        return Err(io::Error::other("postroom is ending"));
    }
    let child = command.process_group(0).spawn()?;
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    let id = id.expect("a child that nobody has waited for has an id");
    running.groups.insert(id);
    Ok((child, Group(id)))
}

impl Group {
    /// It has ended by itself.
    pub(super) fn has_ended(self) {
        running().groups.remove(&self.0);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if running().groups.remove(&self.0) {
            kill(self.0);
        }
    }
}

fn kill(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().expect("no holder of this lock panics")
}
