//! `postroom reload`

use super::client::{AskError, Client, with_query};
use super::exit::{self, Exit};
use super::out::{self, Out, counted, plain};
use super::source;
use super::table::lines_of;
use super::{Cli, Trouble, load};
use crate::config;
use crate::daemon::api::{Difference, ReloadRequest, Reloaded};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only say what would change, when it would hold and what of the queue it touches
    #[arg(long)]
    dry_run: bool,
    /// End with exit code 1 if anything differs, as `git diff` does
    #[arg(long)]
    exit_code: bool,
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let client = reach(cli)?;
    let request = ReloadRequest {
        dry_run: args.dry_run,
        colour: out::errors_have_colour() && !out.json,
    };
    let answer: Reloaded = match client.post(&with_query("/v1/reload", &request), &()) {
        Err(AskError::Refused(text)) => return Err(Trouble::new(exit::CONFIG, text)),
        answer => source::asked(answer)?,
    };
    match out.json {
        true => out.value(&answer),
        false => tell(&answer, out),
    }
    match args.exit_code && answer.differs() {
        true => Ok(exit::NO),
        false => Ok(exit::DONE),
    }
}

/// The daemon is asked also if the file is wrong: it is the daemon that refuses, and says so to
/// more than this terminal.
fn reach(cli: &Cli) -> Result<Client, Trouble> {
    let path = config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    let seen = match config::glimpse(&path) {
        Some(seen) => seen,
        None => load(cli)?.config,
    };
    let error = match Client::of(&seen) {
        Ok(client) => return Ok(client),
        Err(error @ AskError::Another { .. }) => return Err(source::unreachable(error)),
        Err(error) => error,
    };
    load(cli)?;
    let AskError::NoDaemon(socket) = error else {
        return Err(source::unreachable(error));
    };
    let text = format!(
        "no daemon answers at {}. One that runs with another `state` or `socket` than the file has \
         now needs a restart; the next one reads the file at its start",
        socket.display()
    );
    Err(Trouble::new(exit::UNAVAILABLE, text))
}

fn tell(answer: &Reloaded, out: &Out) {
    if !answer.differs() {
        out.line(plain(&format!("nothing changed in {}", answer.config)));
    } else {
        let rows: Vec<[String; 3]> = answer.changes.iter().flat_map(Difference::rows).collect();
        out.lines(&lines_of(&rows));
        out.line(plain(&last_line(answer)));
    }
    if let Some(problems) = &answer.problems {
        out.note(problems);
    }
}

fn last_line(answer: &Reloaded) -> String {
    let file = &answer.config;
    if !answer.dry_run {
        return format!("reloaded {file}");
    }
    let keys = answer.restart.iter().map(|key| format!("`{key}`"));
    let keys = keys.collect::<Vec<_>>().join(", ");
    match answer.restart.len() {
        0 => "Nothing was changed. 0 need a restart.".to_owned(),
        n => format!(
            "Nothing was changed. {}: {keys}; a reload is refused as long as {} so.",
            counted(n as u64, "key needs a restart", "keys need a restart"),
            if n == 1 { "it is" } else { "they are" }
        ),
    }
}
