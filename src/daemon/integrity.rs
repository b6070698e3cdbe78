//! What a start makes of an outbox that was not closed well, or that went back in time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::outbox::state::State;
use crate::outbox::{Check, Interrupter, Outbox, OutboxError, Reader};

/// So many of the runs that are on hold are told in the log.
const RUNS: usize = 20;

/// Says what is on hold, for as long as it is, after the database was put back from a copy.
///
/// # Errors
/// It cannot be read.
pub(super) fn tell_if_it_went_back(reader: &Reader) -> Result<(), OutboxError> {
    let Some(reason) = reader.went_back()? else {
        return Ok(());
    };
    tracing::error!(event = "on-hold", "nothing is sent: {reason}");
    for run in reader.snapshot()?.open.into_iter().take(RUNS) {
        let waiting = [State::Queued, State::Deferred, State::Uncertain];
        tracing::error!(
            event = "on-hold",
            schedule = run.schedule,
            run = run.id,
            "on hold: run {} of {} ({}), {} waiting, {} accepted as far as is known",
            run.id,
            run.schedule,
            run.occurrence,
            run.counts.sum(&waiting),
            run.counts.of(State::Accepted)
        );
    }
    Ok(())
}

/// Looks through the whole database, beside all other work, if the last process ended without a
/// word. Damage ends this one.
pub(super) fn check_if_unsound(
    outbox: &Outbox,
    reader: Reader,
    clock: &Clock,
    fatal: &CancellationToken,
) -> Option<Interrupter> {
    if outbox.is_sound() {
        return None;
    }
    tracing::info!(
        "postroom ended without a word before: the outbox is looked through in the background"
    );
    let interrupter = reader.interrupter();
    let (outbox, clock, fatal) = (outbox.clone(), clock.clone(), fatal.clone());
    let check = move || {
        let began = clock.ticks();
        let check = outbox.check(&reader);
        if tell(check, clock.ticks().saturating_sub(began)) {
            fatal.cancel();
        }
    };
    // A thread that nobody waits for: it may be in the middle of a large file at the end.
    let thread = std::thread::Builder::new().name("check".to_owned());
    thread
        .spawn(check)
        .expect("the machine can start one more thread");
    Some(interrupter)
}

/// Says what was found, and whether that is the end.
fn tell(check: Result<Check, OutboxError>, took: Duration) -> bool {
    match check {
        Ok(Check::Sound) => {
            tracing::info!(event = "checked", "the outbox is in order ({took:.1?})");
        }
        Ok(Check::Interrupted) => {}
        Ok(Check::Damaged(reason)) => {
            tracing::error!(
                event = "damaged",
                "the outbox is damaged ({reason}): nothing is sent any more. The file is kept as \
                 it is; put a backup back (`postroom restore SRC`)"
            );
            return true;
        }
        Err(error) => tracing::error!("the outbox could not be looked through: {error}"),
    }
    false
}
