//! Waiting for the schedule, then for its run.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::ProgressBar;
use jiff::tz::TimeZone;

use super::super::client::Client;
use super::super::clock_words::{ahead, in_zone};
use super::super::exit;
use super::super::out::Out;
use super::super::progress::{at_rest, watch_until};
use super::process::Process;
use super::{SCHEDULE, Trouble, asked};
use crate::clock::{Clock, block};
use crate::daemon::api::{QueueQuery, RunsQuery, Status};
use crate::outbox::state::State;
use crate::outbox::{DeliveryRow, RunRow};

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(100);
/// Where no countdown can be drawn, a line each time so much of the wait is over.
const LINE_MS: i64 = 15_000;
/// A schedule that is so late does not come any more.
const LATE_MS: i64 = 30_000;
/// A try that is due so soon is waited for.
const SOON_MS: i64 = 5_000;
/// Where no bar can be drawn, a line so often: the limit of the account shows.
const LINE: Duration = Duration::from_secs(1);

/// Waits until the schedule has fired, and says how long that takes.
pub(super) fn for_the_schedule(
    client: &Client,
    daemon: &mut Process,
    out: &Out,
) -> Result<(), Trouble> {
    let status: Status = asked(client.get("/v1/status", &()))?;
    let next = status.next.iter().find(|next| next.schedule == SCHEDULE);
    let at = next.map_or(status.now, |next| next.at);
    let clock = Clock::system();
    let countdown = Countdown::new(at, out);
    while first_run(client)?.is_none() {
        daemon.goes_on()?;
        let now = clock.now().as_millisecond();
        if now > at + LATE_MS {
            return Err(daemon.trouble("the schedule did not fire"));
        }
        countdown.show(now, out);
        block(GLANCE);
    }
    countdown.bar.finish_and_clear();
    Ok(())
}

struct Countdown {
    at: i64,
    bar: ProgressBar,
    lines: bool,
    /// The line that was written last counted from here.
    last: std::cell::Cell<Option<i64>>,
}

impl Countdown {
    fn new(at: i64, out: &Out) -> Self {
        let terminal = std::io::stderr().is_terminal() && !out.json;
        let bar = if terminal {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        let last = std::cell::Cell::new(None);
        let lines = !terminal && !out.json;
        Self {
            at,
            bar,
            lines,
            last,
        }
    }

    fn show(&self, now: i64, out: &Out) {
        let when = in_zone(self.at, &TimeZone::system(), "%H:%M:%S");
        let ahead = ahead(self.at, now);
        let text = format!("The schedule `{SCHEDULE}` fires at {when}, {ahead}");
        let due = self.last.get().is_none_or(|last| now - last >= LINE_MS);
        if self.lines && due {
            self.last.set(Some(now));
            out.note(&text);
        }
        self.bar.set_message(text);
        self.bar.tick();
    }
}

/// Waits until nothing more can be done for the run now.
pub(super) fn for_the_run(
    client: &Client,
    daemon: &mut Process,
    out: &Out,
) -> Result<RunRow, Trouble> {
    let clock = Clock::system();
    let look = || {
        daemon.goes_on()?;
        first_run(client)?.ok_or_else(|| Trouble::new(exit::IO, "the run is gone"))
    };
    let enough = |run: &RunRow| Ok(at_rest(run) && !more_soon(client, run, &clock)?);
    let run = watch_until(look, enough, LINE, out)?.run;
    match &run.reason {
        Some(reason) => Err(daemon.trouble(&format!("the run was not sent: {reason}"))),
        None => Ok(run),
    }
}

/// Whether a message is tried again in a moment.
fn more_soon(client: &Client, run: &RunRow, clock: &Clock) -> Result<bool, Trouble> {
    let query = QueueQuery {
        state: Some(State::Deferred.name().to_owned()),
        run: Some(run.id.clone()),
        ..QueueQuery::default()
    };
    let rows: Vec<DeliveryRow> = asked(client.get("/v1/queue", &query))?;
    let soon = clock.now().as_millisecond() + SOON_MS;
    Ok(rows
        .iter()
        .any(|row| row.next_at.is_some_and(|at| at < soon)))
}

/// The oldest run of the schedule.
fn first_run(client: &Client) -> Result<Option<RunRow>, Trouble> {
    let query = RunsQuery {
        schedule: Some(SCHEDULE.to_owned()),
        ..RunsQuery::default()
    };
    let mut runs: Vec<RunRow> = asked(client.get("/v1/runs", &query))?;
    Ok(runs.pop())
}
