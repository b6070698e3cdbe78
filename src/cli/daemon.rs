//! `postroom daemon`

use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

use super::exit::{self, Exit};
use super::out::{self, Out};
use super::{Ready, Trouble, runtime};
use crate::clock::Clock;
use crate::daemon;
use crate::outbox::{Hold, Scope};
use crate::program;

/// How long the end waits for a file that is being read: it may lie where nobody answers any more.
const AT_LAST: Duration = Duration::from_secs(2);

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Start with everything on hold, until `postroom release --all`
    #[arg(long)]
    held: bool,
    /// End in order when standard input ends: whoever holds the other side of that pipe leaves no
    /// daemon behind, however it ends itself
    #[arg(long, hide = true)]
    with_stdin: bool,
}

pub(super) fn run(ready: Ready, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let Ready { config, problems } = ready;
    if !problems.is_empty() {
        // One list or one account that does not work stops nobody else.
        out.note(problems.render(out::errors_have_colour()));
    }
    let clock = Clock::system();
    for note in config.outdated(clock.now()) {
        out.note(format!("warning: {}", note.message));
    }
    daemon::log::start(config.daemon.log, clock.clone());
    if args.with_stdin {
        std::thread::spawn(end_with_stdin);
    }
    let held = args.held.then(|| Hold {
        scope: Scope::All,
        reason: "started with --held".to_owned(),
        author: daemon::author::myself(),
        ends_at: None,
    });
    let runtime = runtime();
    let ended = runtime.block_on(daemon::run(Arc::new(config), clock, held));
    // Not before the outbox is closed: a list that cannot be read any more is no failure of its
    // run, which is opened anew.
    program::end_all();
    runtime.shutdown_timeout(AT_LAST);
    ended
        .map(|()| exit::DONE)
        .map_err(|error| Trouble::new((&error).into(), error))
}

fn end_with_stdin() {
    let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    let _ = kill_process(getpid(), Signal::TERM);
}
