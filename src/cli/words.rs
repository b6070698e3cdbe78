//! A run's result in a few words, the same wherever it is told.

use super::clock_words::wall;
use super::out::count;
use crate::clock::Timestamp;
use crate::outbox::state::State;
use crate::outbox::{Counts, REMOVED, RunRow};
use crate::plan::Forecast;

/// "2,398 sent, 6 waiting, 2 refused, 5 suppressed", or why there is nothing to count.
pub(super) fn result(run: &RunRow) -> String {
    match (&run.reason, run.counts.total()) {
        (Some(reason), 0) => reason.clone(),
        (None, 0) => "nobody to write to".to_owned(),
        _ => counts(&run.counts),
    }
}

/// When an open run ends, if that can be told and is not soon.
pub(super) fn ends(forecasts: &[Forecast], run: &str, now: Timestamp) -> Option<String> {
    let forecast = forecasts.iter().find(|it| it.run == run)?;
    end(forecast, now)
}

/// The same of one forecast.
pub(super) fn end(forecast: &Forecast, now: Timestamp) -> Option<String> {
    (!forecast.is_soon(now)).then(|| forecast.words(&wall(forecast.ends_at)))
}

/// Why a delivery is where it is.
pub(super) fn reason(text: &str) -> &str {
    if text == REMOVED {
        "the details were removed, as `keep` says"
    } else {
        text
    }
}

/// The states of deliveries, in the order in which people ask for them.
pub(super) fn counts(counts: &Counts) -> String {
    const WORDS: [(&str, &[State]); 10] = [
        ("sent", &[State::Accepted]),
        ("on their way", &[State::Leased, State::Armed]),
        ("waiting", &[State::Queued]),
        ("to be tried again", &[State::Deferred]),
        ("in doubt", &[State::Uncertain]),
        ("taken as sent", &[State::Presumed]),
        ("refused", &[State::Rejected]),
        ("too late", &[State::Expired]),
        ("cancelled", &[State::Cancelled]),
        ("suppressed", &[State::Suppressed]),
    ];
    let mut parts: Vec<String> = Vec::new();
    let rest = [("skipped", State::Skipped), ("unusable", State::Invalid)];
    let all = WORDS
        .iter()
        .map(|(word, states)| (*word, counts.sum(states)))
        .chain(rest.map(|(word, state)| (word, counts.of(state))));
    for (word, n) in all {
        if n > 0 {
            parts.push(format!("{} {word}", count(n)));
        }
    }
    parts.join(", ")
}
