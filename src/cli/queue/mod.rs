//! `postroom queue`: what waits and what became of it, and what a person can do about it.

mod change;
mod export;
mod list;
mod show;

use super::exit::Exit;
use super::out::Out;
use super::{To, Trouble};
use crate::config::Config;

pub(super) use list::table;

#[derive(clap::Args, Debug)]
#[group(skip)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: list::Args,
}

#[derive(clap::Subcommand, Debug)]
enum Verb {
    /// List what waits
    List(list::Args),
    /// Say all that happened to one message
    Show(show::Args),
    /// Try again: failed messages from the start, waiting ones at once
    Retry(change::Args),
    /// Do not send what was not sent yet
    Cancel(change::Args),
    /// Say whether a message in doubt arrived
    Resolve(change::ResolveArgs),
    /// Print all messages, as CSV, or as lines of JSON with `--json`
    Export(export::Args),
}

impl Args {
    pub(super) fn to(&self) -> To {
        match self.verb {
            None | Some(Verb::List(_) | Verb::Show(_) | Verb::Export(_)) => To::Read,
            Some(Verb::Retry(_) | Verb::Cancel(_) | Verb::Resolve(_)) => To::Change,
        }
    }
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    match &args.verb {
        None => list::run(config, &args.list, out),
        Some(Verb::List(args)) => list::run(config, args, out),
        Some(Verb::Show(args)) => show::run(config, args, out),
        Some(Verb::Retry(args)) => change::run(config, "retry", args, out),
        Some(Verb::Cancel(args)) => change::run(config, "cancel", args, out),
        Some(Verb::Resolve(args)) => change::resolve(config, args, out),
        Some(Verb::Export(args)) => export::run(config, args, out),
    }
}
