//! `postroom queue export`

use serde::Serialize;

use super::super::Trouble;
use super::super::exit::{self, Exit};
use super::super::out::Out;
use super::super::source::{PAGE, Source};
use super::super::which::Which;
use crate::config::Config;
use crate::daemon::api::QueueQuery;
use crate::outbox::DeliveryRow;
use crate::outbox::state::State;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
}

/// A delivery as a row of CSV; times as people and programs read them (RFC 3339).
#[derive(Serialize)]
struct Record<'a> {
    id: &'a str,
    schedule: &'a str,
    account: &'a str,
    state: &'a str,
    address: &'a str,
    name: Option<&'a str>,
    list: &'a str,
    line: Option<u64>,
    person: Option<u64>,
    reason: Option<&'a str>,
    tries: i64,
    next_at: Option<String>,
    ended_at: Option<String>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let all = State::ALL.map(State::name).join(",");
    let query = args.which.query()?;
    let mut page = QueueQuery {
        state: Some(query.state.clone().unwrap_or(all)),
        limit: Some(PAGE),
        ..query
    };
    let source = Source::of(config)?;
    let mut heading = true;
    loop {
        let rows = source.queue(&page)?;
        if out.json {
            rows.iter().for_each(|row| json_line(row, out));
        } else {
            csv_lines(&rows, heading, out)?;
        }
        heading = false;
        match rows.last() {
            Some(last) if rows.len() == PAGE => page.after = Some(last.id.clone()),
            _ => return Ok(exit::DONE),
        }
    }
}

fn json_line(row: &DeliveryRow, out: &Out) {
    let text = serde_json::to_string(row).expect("rows are plain data");
    out.line(text);
}

fn csv_lines(rows: &[DeliveryRow], heading: bool, out: &Out) -> Result<(), Trouble> {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(heading)
        .from_writer(Vec::new());
    let failed = |error: csv::Error| Trouble::new(exit::IO, error);
    for row in rows {
        writer.serialize(record(row)).map_err(failed)?;
    }
    let bytes = writer.into_inner();
    out.bytes(&bytes.map_err(|e| Trouble::new(exit::IO, e))?);
    Ok(())
}

fn record(row: &DeliveryRow) -> Record<'_> {
    let time = |at: Option<i64>| {
        let at = crate::clock::Timestamp::from_millisecond(at?).ok()?;
        Some(at.to_string())
    };
    Record {
        id: &row.id,
        schedule: &row.schedule,
        account: &row.account,
        state: &row.state,
        address: &row.address,
        name: row.name.as_deref(),
        list: &row.list,
        line: row.place.line_if_known(),
        person: row.place.person(),
        reason: row.reason.as_deref(),
        tries: row.tries,
        next_at: time(row.next_at),
        ended_at: time(row.ended_at),
    }
}
