//! Ctrl-C, and the other signals that end a command: the programs that it has started end with it.

use std::fs;
use std::process;
use std::thread;

use rustix::process::Signal;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::program;

/// From now on such a signal ends the programs, too. The daemon has an end of its own.
#[expect(
    clippy::exit,
    reason = "nobody else can end a thread that waits for a file or a program"
)]
pub(super) fn end_with_programs() {
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_io().build() else {
        return; // then only they stay
    };
    let ignored = ignored();
    let ends = |raw: i32| ignored & (1 << (raw - 1)) == 0;
    for end in [Signal::INT, Signal::TERM, Signal::HUP].map(Signal::as_raw) {
        if !ends(end) {
            continue; // `nohup`
        }
        let within = runtime.enter();
        let Ok(mut told) = signal(SignalKind::from_raw(end)) else {
            continue;
        };
        drop(within);
        let handle = runtime.handle().clone();
        handle.spawn(async move {
            told.recv().await;
            program::end_all();
            process::exit(128 + end); // as shells tell of a signal
        });
    }
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
}

/// The signals that whoever started us wants to be ignored, a bit each from the lowest.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    ignored
        .and_then(|it| u64::from_str_radix(it.trim(), 16).ok())
        .unwrap_or(0)
}
