//! `postroom suppress import`: a CSV file, or a bare list of addresses.
//!
//! The whole file is judged before any of it is written; nothing is, if a line cannot be used. What
//! is written goes in chunks, and may be written again: an entry that is there stays.

use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::super::Trouble;
use super::super::changing::change;
use super::super::exit::{self, Exit};
use super::super::out::{Out, counted, plain};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::daemon::answer;
use crate::daemon::api::{ImportRequest, Imported};
use crate::outbox::Banned;

/// So many addresses are written at a time, and so many bytes asked for.
const CHUNK: usize = 500;
const CHUNK_BYTES: usize = 1 << 20;
/// What stands for a reason that is not given.
const REASON: &str = "imported";
/// The reason that an export gives for a person who was forgotten.
const FORGOTTEN: &str = "forgotten";

#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// CSV with a header (address, reason, source, since, until, scope), or one address a line; `-`
    /// reads standard input
    file: PathBuf,
    /// Import the other lines where some cannot be used
    #[arg(long)]
    skip_bad: bool,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let name = args.file.display().to_string();
    let bytes = read(args).map_err(|error| {
        let exit = match error.kind() {
            ErrorKind::NotFound => exit::NO_INPUT,
            _ => exit::IO,
        };
        Trouble::new(exit, format!("cannot read {name}: {error}"))
    })?;
    let found = judge(&bytes).map_err(|(line, why)| {
        let text = format!("{name}:{line}: {why}; nothing was imported");
        Trouble::new(exit::DATA, plain(&text))
    })?;
    let bad = found
        .bad
        .iter()
        .map(|(line, why)| plain(&format!("{name}:{line}: {why}")));
    let bad: Vec<String> = bad.collect();
    if !out.json || !args.skip_bad {
        bad.iter().for_each(|line| out.note(line));
    }
    if !bad.is_empty() && !args.skip_bad {
        let lines = counted(bad.len() as u64, "line", "lines");
        let text = format!(
            "{lines} cannot be used, so nothing was imported: mend them, or leave them out with \
             --skip-bad"
        );
        return Err(Trouble::new(exit::DATA, text));
    }
    let mut imported = write(config, found.entries)?;
    imported.forgotten = found.forgotten;
    imported.bad = bad;
    if out.json {
        out.value(&imported);
    } else {
        tell(&imported, out);
    }
    Ok(exit::DONE)
}

fn read(args: &Args) -> std::io::Result<Vec<u8>> {
    if args.file.as_os_str() != "-" {
        return std::fs::read(&args.file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn write(config: &Config, entries: Vec<Banned>) -> Result<Imported, Trouble> {
    let mut imported = Imported::default();
    for entries in chunks(entries) {
        let request = ImportRequest { entries };
        let all = request.entries.len() as u64;
        let added = change(
            config,
            |client| {
                let answer: Imported = client.post("/v1/suppressions/import", &request)?;
                Ok(answer.added)
            },
            |outbox, author| {
                let import = answer::import(&request.entries, author)
                    .expect("every address was judged before");
                Ok(outbox.submit(import).wait()?)
            },
        )?;
        imported.added += added;
        imported.known += all - added;
    }
    Ok(imported)
}

fn chunks(entries: Vec<Banned>) -> Vec<Vec<Banned>> {
    let (mut chunks, mut chunk, mut bytes) = (Vec::new(), Vec::new(), 0);
    for banned in entries {
        let more = banned.address.len() * 2 + banned.reason.len() + banned.source.len();
        if chunk.len() == CHUNK || bytes + more > CHUNK_BYTES && !chunk.is_empty() {
            chunks.push(std::mem::take(&mut chunk));
            bytes = 0;
        }
        bytes += more;
        chunk.push(banned);
    }
    if !chunk.is_empty() {
        chunks.push(chunk);
    }
    chunks
}

fn tell(imported: &Imported, out: &Out) {
    let many = |n| counted(n, "address", "addresses");
    out.line(format!(
        "{} put on the suppression list",
        many(imported.added)
    ));
    if imported.known > 0 {
        out.line(format!("  {} stood there before", many(imported.known)));
    }
    if imported.forgotten > 0 {
        out.line(format!(
            "  {} of people who were forgotten: their address is not in the file, and cannot be \
             put back",
            counted(imported.forgotten, "row", "rows")
        ));
    }
    if !imported.bad.is_empty() {
        let lines = counted(imported.bad.len() as u64, "line", "lines");
        out.line(format!("  {lines} left out"));
    }
}

/// What a file holds.
#[derive(Default)]
struct Found {
    entries: Vec<Banned>,
    forgotten: u64,
    bad: Vec<(u64, String)>,
}

/// Where in a row what stands.
#[derive(Default)]
struct Columns {
    count: usize,
    address: usize,
    reason: Option<usize>,
    source: Option<usize>,
    since: Option<usize>,
    until: Option<usize>,
    scope: Option<usize>,
}

/// Reads a whole file. What makes the file as a whole unusable is told with its line.
fn judge(bytes: &[u8]) -> Result<Found, (u64, String)> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut found = Found::default();
    let mut columns = None;
    for record in reader.byte_records() {
        let record = record.map_err(|error| (0, error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = csv::StringRecord::from_byte_record(record);
        let Ok(record) = text else {
            found.bad.push((line, "it is not UTF-8".to_owned()));
            continue;
        };
        let columns = match &columns {
            Some(columns) => columns,
            None => match header(&record).map_err(|why| (line, why))? {
                Some(header) => {
                    columns = Some(header);
                    continue;
                }
                None => columns.insert(Columns {
                    count: 1,
                    ..Columns::default()
                }),
            },
        };
        match columns.entry(&record) {
            Ok(Some(banned)) => found.entries.push(banned),
            Ok(None) => found.forgotten += 1,
            Err(why) => found.bad.push((line, why)),
        }
    }
    Ok(found)
}

/// The columns, if this is a header: without one, each line is an address.
fn header(record: &csv::StringRecord) -> Result<Option<Columns>, String> {
    let names: Vec<String> = record.iter().map(str::to_lowercase).collect();
    let known = |name: &String| name == "address" || name == "email";
    let Some(address) = names.iter().position(known) else {
        return Ok(None);
    };
    let mut columns = Columns {
        count: names.len(),
        address,
        ..Columns::default()
    };
    for (at, name) in names.iter().enumerate().filter(|(at, _)| *at != address) {
        let column = match name.as_str() {
            "reason" => &mut columns.reason,
            "source" => &mut columns.source,
            "since" => &mut columns.since,
            "until" => &mut columns.until,
            "scope" => &mut columns.scope,
            _ => {
                return Err(format!(
                    "there is no column `{name}`: an import has address, reason, source, since, \
                     until and scope"
                ));
            }
        };
        if column.replace(at).is_some() {
            return Err(format!("two columns are called `{name}`"));
        }
    }
    Ok(Some(columns))
}

impl Columns {
    /// Nobody, if this is a person who was forgotten.
    fn entry(&self, record: &csv::StringRecord) -> Result<Option<Banned>, String> {
        if record.len() != self.count {
            let fields = counted(record.len() as u64, "field", "fields");
            return Err(match self.count {
                1 => format!("{fields}: without a header, a line is one address"),
                count => format!("{fields}, the header has {count}"),
            });
        }
        let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or_default();
        let (address, reason) = (cell(Some(self.address)), cell(self.reason));
        if address.is_empty() && reason == FORGOTTEN {
            return Ok(None);
        }
        let key = answer::key(address).map_err(|error| error.to_string())?;
        let reason = if reason.is_empty() { REASON } else { reason };
        Ok(Some(Banned {
            created_at: time("since", cell(self.since))?,
            ends_at: time("until", cell(self.until))?,
            scope: cell(self.scope).to_owned(),
            ..Banned::new(&key, reason, cell(self.source))
        }))
    }
}

/// A time as an export writes it, or a day, which begins at midnight UTC.
fn time(column: &str, text: &str) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = || -> Option<Timestamp> { format!("{text}T00:00:00Z").parse().ok() };
    let at = text.parse().ok().or_else(day);
    let at = at.ok_or_else(|| {
        let text = text.escape_debug();
        format!("`{column}` is no time: `{text}`; write 2026-12-24T09:00:00Z or 2026-12-24")
    })?;
    Ok(Some(at.as_millisecond()))
}
