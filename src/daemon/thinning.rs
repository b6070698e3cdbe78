//! Retention in the background: finished runs are thinned slowly, so that sending never waits for
//! it.

use std::time::Duration;

use super::current::Current;
use crate::clock::Clock;
use crate::config::Config;
use crate::outbox::{Outbox, OutboxError, Shrink, Thin};

/// How often old runs are looked for; also how long after the start for the first time.
const LOOK: Duration = Duration::from_secs(10 * 60);
/// The pause after each step.
const PAUSE: Duration = Duration::from_millis(100);
/// So many pages of 4 KiB are given back at once.
const PAGES: u32 = 256;

/// Thins what is older than the configuration wants, until the outbox stops.
pub(super) async fn run(current: &Current, outbox: &Outbox, clock: &Clock) {
    loop {
        clock.sleep(LOOK).await;
        let config = current.get();
        let keep = config.daemon.keep;
        let step = Thin {
            texts: keep,
            rows: keep.saturating_mul(2).max(longest_window(&config)),
        };
        match thin(step, outbox, clock).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(event = "thinned", rows, "removed details of {rows} rows"),
            Err(OutboxError::Stopped(_)) => return,
            Err(error) => tracing::warn!("old runs are kept for now: {error}"),
        }
    }
}

async fn thin(step: Thin, outbox: &Outbox, clock: &Clock) -> Result<u64, OutboxError> {
    let mut rows = 0;
    loop {
        let thinned = outbox.submit(step).await?;
        rows += thinned.rows;
        if !thinned.more {
            break;
        }
        clock.sleep(PAUSE).await;
    }
    while outbox.submit(Shrink { pages: PAGES }).await? > 0 {
        clock.sleep(PAUSE).await;
    }
    Ok(rows)
}

/// Rates look back at what was tried: those rows are needed for so long.
fn longest_window(config: &Config) -> Duration {
    let accounts = config.accounts.values();
    let domains = accounts.clone().flat_map(|it| it.domains.values());
    let rates = accounts.flat_map(|it| &it.rate);
    let rates = rates.chain(domains.flat_map(|it| &it.rate));
    let rates = rates.chain(config.schedules.values().flat_map(|it| &it.rate));
    let windows = rates.chain(&config.daemon.rate).map(|rate| rate.window);
    windows.max().unwrap_or_default()
}
