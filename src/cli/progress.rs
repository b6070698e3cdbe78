//! Watching a run until there is nothing more to do for it at the moment.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::out::{Out, count};
use super::{Trouble, words};
use crate::clock::block;
use crate::outbox::RunRow;
use crate::outbox::state::State;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Where no bar can be drawn, a line at most so often.
const LINE: Duration = Duration::from_secs(5);

/// How a watched run stands.
pub(super) struct Watched {
    /// The run at the end.
    pub(super) run: RunRow,
    /// Whether all that can be done is done; else some of it waits for another try.
    pub(super) complete: bool,
}

/// Watches a run until it is complete or only waits for later tries. A bar on a terminal, lines
/// elsewhere.
pub(super) fn watch(
    look: impl FnMut() -> Result<RunRow, Trouble>,
    out: &Out,
) -> Result<Watched, Trouble> {
    watch_until(look, |run| Ok(at_rest(run)), LINE, out)
}

/// Whether a run is complete or only waits for later tries.
pub(super) fn at_rest(run: &RunRow) -> bool {
    run.ended_at.is_some() || run.state == "sending" && busy(run) == 0
}

/// How many can be worked on now.
fn busy(run: &RunRow) -> i64 {
    run.counts
        .sum(&[State::Queued, State::Leased, State::Armed])
}

/// Watches a run until that is enough. Where no bar can be drawn, a line each `every`.
pub(super) fn watch_until(
    mut look: impl FnMut() -> Result<RunRow, Trouble>,
    mut enough: impl FnMut(&RunRow) -> Result<bool, Trouble>,
    every: Duration,
    out: &Out,
) -> Result<Watched, Trouble> {
    let terminal = std::io::stderr().is_terminal() && !out.json;
    let bar = if terminal {
        bar()
    } else {
        ProgressBar::hidden()
    };
    let mut since_line = every;
    loop {
        let run = look()?;
        let total = run.counts.total();
        let done = total - busy(&run);
        bar.set_length(u64::try_from(total).unwrap_or(0));
        bar.set_position(u64::try_from(done).unwrap_or(0));
        bar.set_message(words::counts(&run.counts));
        if enough(&run)? {
            bar.finish_and_clear();
            let complete = run.ended_at.is_some();
            return Ok(Watched { run, complete });
        }
        if !terminal && !out.json && since_line >= every {
            since_line = Duration::ZERO;
            out.note(so_far(done, &run));
        }
        block(LOOK);
        since_line += LOOK;
    }
}

/// Does something that may take a while, with a sign of life on a terminal.
pub(super) fn during<T>(words: &'static str, out: &Out, work: impl FnOnce() -> T) -> T {
    let spinner = if std::io::stderr().is_terminal() && !out.json {
        ProgressBar::new_spinner().with_message(words)
    } else {
        ProgressBar::hidden()
    };
    spinner.enable_steady_tick(LOOK);
    let done = work();
    spinner.finish_and_clear();
    done
}

fn so_far(done: i64, run: &RunRow) -> String {
    match run.counts.total() {
        0 => "reading the lists".to_owned(),
        total => format!(
            "{} of {}: {}",
            count(done),
            count(total),
            words::counts(&run.counts)
        ),
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len}  {msg}")
        .expect("the template is right")
        .progress_chars("=> ");
    ProgressBar::new(0).with_style(style)
}
