//! `postroom suppress export`: the list as CSV, which `suppress import` reads again.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::Trouble;
use super::super::exit::{self, Exit};
use super::super::out::{Out, counted};
use super::super::source::Source;
use crate::clock::Timestamp;
use crate::config::Config;
use crate::outbox::SuppressionRow;

#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// Where to; without it, or with `-`, standard output
    file: Option<PathBuf>,
}

/// One row; times as people and programs read them (RFC 3339). A person who was forgotten has no
/// address.
#[derive(Serialize)]
struct Record<'a> {
    address: &'a str,
    reason: &'a str,
    source: &'a str,
    since: String,
    until: String,
    /// A schedule; nothing for all mail.
    scope: &'a str,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let rows = Source::of(config)?.suppressions()?;
    let file = args.file.as_deref().filter(|file| *file != Path::new("-"));
    if out.json && file.is_none() {
        out.value(&rows);
        return Ok(exit::DONE);
    }
    let text = csv_text(&rows).map_err(|error| Trouble::new(exit::IO, error))?;
    let Some(file) = file else {
        out.bytes(&text);
        return Ok(exit::DONE);
    };
    write(file, &text).map_err(|error| {
        let text = format!("cannot write {}: {error}", file.display());
        Trouble::new(exit::CANNOT_CREATE, text)
    })?;
    let many = counted(rows.len() as u64, "address", "addresses");
    out.note(format!("{many} written to {}", file.display()));
    Ok(exit::DONE)
}

/// Addresses are nobody else's business.
fn write(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(file)?;
    file.write_all(text)?;
    file.sync_all()
}

fn csv_text(rows: &[SuppressionRow]) -> Result<Vec<u8>, String> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    writer
        .write_record(["address", "reason", "source", "since", "until", "scope"])
        .map_err(|error| error.to_string())?;
    for row in rows {
        let record = Record {
            address: row.address.as_deref().unwrap_or_default(),
            reason: &row.reason,
            source: &row.source,
            since: time(Some(row.created_at)),
            until: time(row.ends_at),
            scope: &row.scope,
        };
        writer
            .serialize(record)
            .map_err(|error| error.to_string())?;
    }
    writer.into_inner().map_err(|error| error.to_string())
}

fn time(at: Option<i64>) -> String {
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    at.map_or_else(String::new, |at| at.to_string())
}
