//! Waiting for what must come.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// So long on a busy machine means that it will never come.
const PATIENCE: Duration = Duration::from_secs(300);
const GLANCE: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
///
/// # Panics
/// When patience ends; `what` then says what did not come, and `look` may panic earlier itself.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(GLANCE);
    }
}
