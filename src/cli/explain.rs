//! `postroom explain`: the manual, without a network.

use super::Trouble;
use super::exit::{self, Exit};
use super::out::Out;
use crate::config::manual::{self, Unknown};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A key (`port`, `account.port`), the code of a problem (`unknown-key`), or a topic
    /// (`provider`, `helpers`)
    word: Option<String>,
}

pub(super) fn run(args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let Some(word) = &args.word else {
        match out.json {
            true => out.value(&manual::contents_to_json()),
            false => out.line(manual::contents().trim_end()),
        }
        return Ok(exit::DONE);
    };
    let explained = manual::explain(word).map_err(|unknown| refused(word, &unknown))?;
    match out.json {
        true => out.value(&explained.to_json()),
        false => out.line(explained.text().trim_end()),
    }
    Ok(exit::DONE)
}

fn refused(word: &str, unknown: &Unknown) -> Trouble {
    let word = word.escape_debug();
    let help = match unknown.suggestion {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "`postroom explain` lists them all".to_owned(),
    };
    let text = format!("no key, code or topic is called `{word}`; {help}");
    Trouble::new(exit::USAGE, text)
}
