//! `postroom log`

use super::clock_words::{between, exact, since};
use super::exit::{self, Exit};
use super::out::{Out, count, plain};
use super::source::Source;
use super::table::Table;
use super::{Trouble, queue, why, words};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, format_duration};
use crate::daemon::api::{QueueQuery, RunsQuery};
use crate::outbox::RunRow;
use crate::plan::Forecast;

/// What `--failed` means.
const FAILED: &str = "rejected,expired,cancelled,uncertain,invalid,suppressed,presumed";

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this schedule
    schedule: Option<String>,
    /// The messages that did not arrive, or may not have
    #[arg(long)]
    failed: bool,
    /// The messages of this run
    #[arg(long, value_name = "ID", conflicts_with = "failed")]
    run: Option<String>,
    /// What people changed: retries, holds, suppressions
    #[arg(long, conflicts_with_all = ["schedule", "failed", "run", "to"])]
    changes: bool,
    /// What happened to this person (as `postroom why`)
    #[arg(long, value_name = "ADDR", conflicts_with_all = ["failed", "run"])]
    to: Option<String>,
    /// Only what was begun in this span: `7d`, `2h`
    #[arg(long, value_name = "SPAN")]
    since: Option<String>,
    /// At most so many
    #[arg(short = 'n', value_name = "COUNT")]
    count: Option<usize>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    if let Some(address) = &args.to {
        return why::tell(config, address, out);
    }
    let now = Clock::system().now();
    let since = match &args.since {
        Some(text) => Some(since(text, now).map_err(|e| Trouble::new(exit::USAGE, e))?),
        None => None,
    };
    let source = Source::of(config)?;
    if args.failed || args.run.is_some() {
        return messages(config, &source, args, since, out);
    }
    let query = RunsQuery {
        schedule: args.schedule.clone(),
        since,
        limit: args.count,
    };
    if args.changes {
        return changes(&source, &query, out);
    }
    let mut runs = source.runs(&query)?;
    runs.reverse(); // the newest last, where the eye is
    if out.json {
        out.value(&runs);
    } else if runs.is_empty() {
        out.line("nothing was done yet");
    } else {
        let ends = match runs.iter().any(|run| run.ended_at.is_none()) {
            true => source.status()?.forecasts,
            false => Vec::new(),
        };
        out.lines(&table(&runs, &ends, now).lines());
    }
    Ok(exit::DONE)
}

fn changes(source: &Source<'_>, query: &RunsQuery, out: &Out) -> Result<Exit, Trouble> {
    let mut changes = source.changes(query)?;
    changes.reverse();
    if out.json {
        out.value(&changes);
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["AT", "WHO", "WHAT", "MESSAGES", "WHICH"]);
    for change in changes {
        table.row(vec![
            exact(change.at),
            change.author,
            change.action,
            count(change.rows),
            change.detail,
        ]);
    }
    if table.is_empty() {
        out.line("nobody changed anything");
    } else {
        out.lines(&table.lines());
    }
    Ok(exit::DONE)
}

fn messages(
    config: &Config,
    source: &Source<'_>,
    args: &Args,
    since: Option<i64>,
    out: &Out,
) -> Result<Exit, Trouble> {
    let all = crate::outbox::state::State::ALL
        .map(crate::outbox::state::State::name)
        .join(",");
    let query = QueueQuery {
        state: Some(if args.failed { FAILED.to_owned() } else { all }),
        schedule: args.schedule.clone(),
        run: args.run.clone(),
        since,
        limit: args.count,
        ..QueueQuery::default()
    };
    let rows = source.all(&query)?;
    if let (true, Some(run)) = (rows.is_empty(), &args.run) {
        if let Some(gone) = removed(config, source, run)? {
            return Err(Trouble::new(exit::NO, gone));
        }
        let text = format!("there is no run {}, or nobody is in it", run.escape_debug());
        return Err(Trouble::new(exit::USAGE, text));
    }
    if out.json {
        out.value(&rows);
    } else if rows.is_empty() {
        out.line("nothing failed");
    } else {
        out.lines(&queue::table(rows.iter()).lines());
    }
    Ok(exit::DONE)
}

/// Why the messages of a run cannot be listed any more, if it is too old.
fn removed(config: &Config, source: &Source<'_>, run: &str) -> Result<Option<String>, Trouble> {
    let gone = source.run(run)?.filter(|it| it.thinned == 2);
    Ok(gone.map(|it| {
        format!(
            "the messages of run {} were removed after twice `keep` ({}): {}",
            it.id,
            format_duration(config.daemon.keep.saturating_mul(2)),
            words::result(&it)
        )
    }))
}

/// The result, and how much of the run is still there.
fn told(run: &RunRow) -> String {
    let result = words::result(run);
    match run.thinned {
        0 => result,
        1 => format!("{result} (texts removed)"),
        _ => format!("{result} (details removed)"),
    }
}

fn table(runs: &[RunRow], ends: &[Forecast], now: Timestamp) -> Table {
    let mut table = Table::new(&["BEGUN", "SCHEDULE", "RUN", "STATE", "TOOK", "RESULT"]);
    for run in runs {
        let took = run
            .ended_at
            .map_or_else(|| "-".to_owned(), |end| between(run.opened_at, end));
        let told = match words::ends(ends, &run.id, now) {
            Some(ends) => format!("{}; {ends}", told(run)),
            None => told(run),
        };
        table.row(vec![
            exact(run.opened_at),
            run.schedule.clone(),
            run.id.clone(),
            run.state.clone(),
            took,
            plain(&told),
        ]);
    }
    table
}
