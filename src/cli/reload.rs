//! `postroom reload`

use std::path::Path;

use super::client::{AskError, Client};
use super::exit::{self, Exit};
use super::out::{self, Out, counted, plain};
use super::source;
use super::table::lines_of;
use super::{Cli, Trouble};
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
    let path = config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    let client = reach(&path)?;
    let request = ReloadRequest {
        dry_run: args.dry_run,
        colour: out::errors_have_colour() && !out.json,
    };
    let ReloadRequest { dry_run, colour } = request;
    let asked = format!("/v1/reload?dry_run={dry_run}&colour={colour}");
    let answer: Reloaded = match client.post(&asked, &()) {
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
fn reach(path: &Path) -> Result<Client, Trouble> {
    let Some(seen) = config::glimpse(path) else {
        let problems = config::load(path).err();
        let drawn = problems.map(|it| it.render(out::errors_have_colour()));
        let exit = Exit::of_configuration(path);
        return Err(Trouble::new(exit, drawn.unwrap_or_default()));
    };
    let error = match Client::of(&seen) {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    if let AskError::Another { .. } = error {
        return Err(source::unreachable(error));
    }
    match (error, config::load(path)) {
        (_, Err(problems)) => {
            let drawn = problems.render(out::errors_have_colour());
            Err(Trouble::new(exit::CONFIG, drawn))
        }
        (AskError::NoDaemon(_), Ok(_)) => {
            let text = format!(
                "no daemon answers at {}. One that runs with another `state` or `socket` than the \
                 file has now needs a restart; the next one reads the file at its start",
                seen.daemon.socket.display()
            );
            Err(Trouble::new(exit::UNAVAILABLE, text))
        }
        (error, Ok(_)) => Err(source::unreachable(error)),
    }
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
