//! What a run does not get done before its mail expires, and what to write.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::format_duration;

/// How far a run will not get, and because of what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Late {
    /// Messages that expire unsent, at least.
    pub late: u64,
    /// Of so many.
    pub of: u64,
    /// Whose rate it is: "account `main`"; without a rate what else holds it up, as a clause.
    pub whose: String,
    /// The rate, as it is written; empty if it is none.
    pub rate: String,
    /// `expires`, long enough for all.
    pub expires: String,
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            late,
            of,
            whose,
            rate,
            expires,
        } = self;
        if rate.is_empty() {
            return write!(
                f,
                "about {late} of {of} messages will expire unsent, as {whose}: write `expires = \
                 \"{expires}\"` in the schedule"
            );
        }
        write!(
            f,
            "at least {late} of {of} messages will expire unsent, as {whose} sends {rate}: write \
             `expires = \"{expires}\"` in the schedule, or raise that rate if the server allows it"
        )
    }
}

/// A time that is enough for what takes so long, in whole hours or days.
pub(super) fn enough(span: Duration) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    let unit = if seconds >= 2 * DAY { DAY } else { HOUR };
    let whole = seconds.div_ceil(unit).max(1).saturating_mul(unit);
    format_duration(Duration::from_secs(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed_is_enough() {
        for (seconds, told) in [
            (0, "1h"),
            (3600, "1h"),
            (3601, "2h"),
            (47 * 3600 + 1, "2d"),
            (2 * 24 * 3600, "2d"),
            (2 * 24 * 3600 + 1, "3d"),
        ] {
            assert_eq!(enough(Duration::from_secs(seconds)), told, "{seconds} s");
        }
    }
}
