//! `postroom queue list`, and `postroom queue` alone

use super::super::clock_words::ahead;
use super::super::exit::{self, Exit};
use super::super::out::{Out, count};
use super::super::source::Source;
use super::super::table::Table;
use super::super::which::Which;
use super::super::words::reason as reason_words;
use super::super::{Trouble, hold};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::QueueQuery;
use crate::outbox::DeliveryRow;

/// So many rows are shown if nobody says how many.
const ROWS: usize = 50;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// At most so many
    #[arg(short = 'n', value_name = "COUNT")]
    count: Option<usize>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let limit = args.count.or(if out.json { None } else { Some(ROWS + 1) });
    let which = args.which.query()?;
    let everything = which.is_open();
    let query = QueueQuery { limit, ..which };
    let rows = Source::of(config)?.all(&query)?;
    if out.json {
        out.value(&rows);
        return Ok(exit::DONE);
    }
    let shown = args.count.unwrap_or(ROWS);
    let table = table(rows.iter().take(shown));
    if table.is_empty() {
        out.line(match everything {
            true => "nothing waits",
            false => "no message fits",
        });
        return Ok(exit::DONE);
    }
    out.lines(&table.lines());
    if rows.len() > shown {
        out.line(format!(
            "… and more than these {}: `-n` shows them",
            count(shown as u64)
        ));
    }
    Ok(exit::DONE)
}

/// Deliveries as people read them.
pub(in super::super) fn table<'a>(rows: impl Iterator<Item = &'a DeliveryRow>) -> Table {
    let now = Clock::system().now().as_millisecond();
    let mut table = Table::new(&["ID", "SCHEDULE", "TO", "STATE", "TRIES", "NEXT", "WHY"]);
    for row in rows {
        let next = match (row.state.as_str(), row.next_at) {
            _ if row.held.is_some() => "on hold".to_owned(),
            (_, Some(at)) => ahead(at, now),
            ("uncertain", None) => "you decide".to_owned(),
            _ => "-".to_owned(),
        };
        let why = match (&row.reason, row.state.as_str()) {
            (Some(reason), "invalid" | "skipped") => {
                format!("{} {}: {}", row.list, row.place, reason_words(reason))
            }
            (Some(reason), _) => reason_words(reason).to_owned(),
            (None, _) => row.held.as_ref().map(hold::words).unwrap_or_default(),
        };
        table.row(vec![
            row.id.clone(),
            row.schedule.clone(),
            row.address.clone(),
            row.state.clone(),
            row.tries.to_string(),
            next,
            why,
        ]);
    }
    table
}
