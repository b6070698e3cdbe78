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
    let skipped = counts.of(State::Skipped);
    let (suppressed, invalid) = (counts.of(State::Suppressed), counts.of(State::Invalid));
    let not_to = not_to([
        (skipped, "skipped"),
        (suppressed, "suppressed"),
        (invalid, "unusable"),
    ]);
    tracing::info!(
        event = "run-done",
        schedule,
        run = run.id,
        people = counts.total(),
        sent,
        rejected = refused,
        expired = late,
        skipped,
        suppressed,
        invalid,
        took = format!("{took:?}"),
        "{schedule}: run {} is done{again}: {sent} of {} sent, {refused} refused, {late} too late\
         {not_to}",
        run.id,
        counts.total(),
    );
}

/// Those whom nothing was to be sent to, if there are any: `; not to 2 (1 skipped, 1 unusable)`.
fn not_to(rows: [(i64, &str); 3]) -> String {
    let all: i64 = rows.iter().map(|(rows, _)| rows).sum();
    if all == 0 {
        return String::new();
    }
    let told = rows.into_iter().filter(|(rows, _)| *rows > 0);
    let told: Vec<String> = told.map(|(rows, word)| format!("{rows} {word}")).collect();
    format!("; not to {all} ({})", told.join(", "))
}

#[cfg(test)]
mod tests {
    use super::not_to;

    #[test]
    fn those_who_were_to_get_nothing_are_told_if_there_are_any() {
        let rows = |skipped, suppressed, unusable| {
            not_to([
                (skipped, "skipped"),
                (suppressed, "suppressed"),
                (unusable, "unusable"),
            ])
        };
        assert_eq!(rows(0, 0, 0), "");
        assert_eq!(rows(2, 0, 1), "; not to 3 (2 skipped, 1 unusable)");
    }
}
