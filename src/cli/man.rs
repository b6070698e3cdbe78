//! `postroom man`: manual pages, for packages.

use std::fs;
use std::path::PathBuf;

use super::Trouble;
use super::exit::{self, Exit};
use super::out::Out;
use crate::config::manual;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The folder that they are written to
    folder: PathBuf,
}

pub(super) fn run(args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let page = args.folder.join("postroom.toml.5");
    let written =
        fs::create_dir_all(&args.folder).and_then(|()| fs::write(&page, manual::man_page()));
    written.map_err(|error| {
        let text = format!("{} cannot be written: {error}", page.display());
        Trouble::new(exit::CANNOT_CREATE, text)
    })?;
    match out.json {
        true => out.value(&serde_json::json!({ "pages": [page] })),
        false => out.line(page.display().to_string()),
    }
    Ok(exit::DONE)
}
