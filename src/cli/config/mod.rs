//! `postroom config`: the configuration file itself.

mod init;
mod show;

use super::exit;
use super::out::Out;
use super::{Cli, Exit, Trouble};
use crate::config::manual;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    Init(Box<init::Args>),
    /// Show every value that is in effect, and where it comes from
    Show(show::Args),
    /// Print the JSON Schema of the file, for editors
    Schema,
}

pub(super) fn run(cli: &Cli, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    match verb {
        Verb::Init(args) => init::run(cli, args, out),
        Verb::Show(args) => show::run(cli, args, out),
        Verb::Schema => {
            let text = serde_json::to_string_pretty(&manual::schema());
            out.line(text.expect("a schema is plain data"));
            Ok(exit::DONE)
        }
    }
}
