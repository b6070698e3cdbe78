//! `postroom reload`

use super::Trouble;
use super::client::{AskError, Client};
use super::exit::{self, Exit};
use super::out::{Out, plain};
use super::source;
use crate::config::Config;
use crate::daemon::api::Reloaded;

pub(super) fn run(config: &Config, out: &Out) -> Result<Exit, Trouble> {
    let client = match Client::connect(&config.daemon.socket) {
        Ok(client) => client,
        Err(AskError::NoDaemon(_)) => {
            let socket = config.daemon.socket.display();
            let text = format!(
                "no daemon answers at {socket}. One that runs with another `state` or `socket` \
                 than the file has now needs a restart; the next one reads the file at its start"
            );
            return Err(Trouble::new(exit::UNAVAILABLE, text));
        }
        Err(error) => return Err(Trouble::new(exit::PERMISSION, error)),
    };
    let answer: Reloaded = match client.post("/v1/reload", &()) {
        Err(AskError::Refused(text)) => return Err(Trouble::new(exit::CONFIG, text)),
        answer => source::asked(answer)?,
    };
    if out.json {
        out.value(&answer);
        return Ok(exit::DONE);
    }
    out.line(plain(&format!("reloaded {}: {answer}", answer.config)));
    if let Some(problems) = &answer.problems {
        out.note(problems);
    }
    Ok(exit::DONE)
}
