//! Tells of runs that ended, one line in the log for each time that one did.

use std::time::Duration;

use crate::clock::Clock;
use crate::outbox::state::State;
use crate::outbox::{Outbox, OutboxError, Report, Told};

/// How often is looked for them.
const LOOK: Duration = Duration::from_secs(2);

/// Tells them as they come, for ever.
///
/// # Errors
/// The outbox has stopped.
pub(super) async fn run(outbox: Outbox, clock: Clock) -> Result<(), OutboxError> {
    let mut reader = outbox.reader()?;
    loop {
        let asked = tokio::task::spawn_blocking(move || (reader.untold(), reader));
        let (untold, returned) = asked.await.expect("reading reports does not panic");
        reader = returned;
        match tell(&outbox, untold).await {
            Err(error @ OutboxError::Stopped(_)) => return Err(error),
            Err(error) => tracing::error!("runs that ended are told later: {error}"),
            Ok(()) => {}
        }
        clock.sleep(LOOK).await;
    }
}

async fn tell(
    outbox: &Outbox,
    untold: Result<Vec<Report>, OutboxError>,
) -> Result<(), OutboxError> {
    for report in untold? {
        log(&report);
        let Report { run, round, .. } = report;
        outbox.submit(Told { run, round }).await?;
    }
    Ok(())
}

fn log(report: &Report) {
    let (run, counts) = (&report.row, &report.row.counts);
    let sent = counts.sum(&[State::Accepted, State::Presumed]);
    let (refused, late) = (counts.of(State::Rejected), counts.of(State::Expired));
    let took = Duration::from_millis(
        run.ended_at
            .map_or(0, |at| at.saturating_sub(run.opened_at).unsigned_abs()),
    );
    let schedule = &run.schedule;
    let again = match report.round {
        1 => String::new(),
        round => format!(", for the {round}. time"),
    };
    tracing::info!(
        event = "run-done",
        schedule,
        run = run.id,
        people = counts.total(),
        sent,
        rejected = refused,
        expired = late,
        suppressed = counts.of(State::Suppressed),
        took = format!("{took:?}"),
        "{schedule}: run {} is done{again}: {sent} of {} sent, {refused} refused, {late} too late",
        run.id,
        counts.total(),
    );
}
