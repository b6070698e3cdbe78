//! Changing the outbox: by the daemon where one runs, else by this process, which takes the state
//! directory for as long.

use super::client::{AskError, Client};
use super::{Trouble, source};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::author;
use crate::daemon::filter::Unfit;
use crate::daemon::take_state;
use crate::outbox::Outbox;

/// Asks the daemon, or does it here as the user of this process.
///
/// # Errors
/// What either says.
pub(super) fn change<T>(
    config: &Config,
    ask: impl FnOnce(&Client) -> Result<T, AskError>,
    alone: impl FnOnce(&Outbox, &str) -> Result<T, Unfit>,
) -> Result<T, Trouble> {
    match Client::of(config) {
        Ok(client) => source::asked(ask(&client)),
        Err(AskError::NoDaemon(_)) => {
            let (_lock, outbox) =
                take_state(config, &Clock::system()).map_err(|e| Trouble::new((&e).into(), e))?;
            let changed = alone(&outbox, &author::myself());
            outbox.close();
            source::fit(changed)
        }
        Err(error) => Err(source::unreachable(error)),
    }
}
