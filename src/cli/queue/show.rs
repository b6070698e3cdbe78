//! `postroom queue show`

use super::super::exit::{self, Exit};
use super::super::out::Out;
use super::super::source::Source;
use super::super::{Trouble, why};
use crate::config::Config;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The message, as `postroom queue` names it
    id: String,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let history = Source::of(config)?.delivery(&args.id)?;
    if out.json {
        out.value(&history);
    } else {
        why::one(&history, out);
    }
    Ok(exit::DONE)
}
