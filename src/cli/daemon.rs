//! `postroom daemon`

use super::exit::{self, Exit};
use super::out::{self, Out};
use super::{Ready, Trouble, runtime};
use crate::clock::Clock;
use crate::daemon;

pub(super) fn run(ready: Ready, out: &Out) -> Result<Exit, Trouble> {
    let Ready { config, problems } = ready;
    if !problems.is_empty() {
        // One list or one account that does not work stops nobody else.
        out.note(problems.render(out::errors_have_colour()));
    }
    let clock = Clock::system();
    daemon::log::start(config.daemon.log, clock.clone());
    runtime()
        .block_on(daemon::run(config, clock))
        .map(|()| exit::DONE)
        .map_err(|error| Trouble::new((&error).into(), error))
}
