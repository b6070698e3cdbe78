//! `postroom queue`

use super::clock_words::ahead;
use super::exit::{self, Exit};
use super::out::{Out, count};
use super::source::Source;
use super::table::Table;
use super::{Trouble, unknown_state};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::QueueQuery;
use crate::outbox::DeliveryRow;
use crate::outbox::state::State;

/// So many rows are shown if nobody says how many.
const ROWS: usize = 50;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this schedule
    #[arg(long)]
    schedule: Option<String>,
    /// Only this account
    #[arg(long)]
    account: Option<String>,
    /// Only this run
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Only these states, separated by commas [default: all that are not final]
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// At most so many
    #[arg(short = 'n', value_name = "COUNT")]
    count: Option<usize>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    for state in args.state.iter().flat_map(|states| states.split(',')) {
        State::from_name(state).ok_or_else(|| unknown_state(state))?;
    }
    let limit = args.count.or(if out.json { None } else { Some(ROWS + 1) });
    let query = QueueQuery {
        state: args.state.clone(),
        schedule: args.schedule.clone(),
        account: args.account.clone(),
        run: args.run.clone(),
        since: None,
        limit,
    };
    let rows = Source::of(config)?.queue(&query)?;
    if out.json {
        out.value(&rows);
        return Ok(exit::DONE);
    }
    let shown = args.count.unwrap_or(ROWS);
    let table = table(rows.iter().take(shown));
    if table.is_empty() {
        out.line("nothing waits");
        return Ok(exit::DONE);
    }
    table.lines().iter().for_each(|line| out.line(line));
    if rows.len() > shown {
        out.line(format!(
            "… and more than these {}: `-n` shows them",
            count(shown as u64)
        ));
    }
    Ok(exit::DONE)
}

/// Deliveries as people read them.
pub(super) fn table<'a>(rows: impl Iterator<Item = &'a DeliveryRow>) -> Table {
    let now = Clock::system().now().as_millisecond();
    let mut table = Table::new(&["ID", "SCHEDULE", "TO", "STATE", "TRIES", "NEXT", "WHY"]);
    for row in rows {
        let next = match (row.state.as_str(), row.next_at) {
            (_, Some(at)) => ahead(at, now),
            ("uncertain", None) => "you decide".to_owned(),
            _ => "-".to_owned(),
        };
        let why = match (&row.reason, row.state.as_str()) {
            (Some(reason), "invalid" | "skipped") => {
                format!("{} line {}: {reason}", row.list, row.line)
            }
            (Some(reason), _) => reason.clone(),
            (None, _) => String::new(),
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
