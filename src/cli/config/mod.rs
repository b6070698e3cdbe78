//! `postroom config`: the configuration file itself.

mod init;
mod show;

use super::out::Out;
use super::{Cli, Exit, Trouble, load};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    Init(Box<init::Args>),
    /// Show every value that is in effect, and where it comes from
    Show(show::Args),
}

pub(super) fn run(cli: &Cli, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    match verb {
        Verb::Init(args) => init::run(cli, args, out),
        Verb::Show(args) => show::run(&load(cli)?.config, args, out),
    }
}
