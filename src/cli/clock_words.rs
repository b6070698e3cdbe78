//! Times in words: "in 6 h", "2 min ago", "Mon 30 Nov 09:00".

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::clock::Timestamp;
pub(super) use crate::clock::in_words as span;

/// "in 6 h", or "now" if it is due.
pub(super) fn ahead(at: i64, now: i64) -> String {
    if at <= now {
        "now".to_owned()
    } else {
        format!("in {}", between(now, at))
    }
}

/// "6 h ago".
pub(super) fn ago(at: i64, now: i64) -> String {
    format!("{} ago", between(at, now))
}

/// A span between two times in milliseconds.
pub(super) fn between(from: i64, to: i64) -> String {
    span(Duration::from_millis(
        u64::try_from(to.saturating_sub(from)).unwrap_or(0),
    ))
}

/// A time as the clocks of this machine show it: "Mon 30 Nov 09:00".
pub(super) fn wall(at: i64) -> String {
    in_zone(at, &TimeZone::system(), "%a %-d %b %H:%M")
}

/// The same to the second, with the year: for histories.
pub(super) fn exact(at: i64) -> String {
    in_zone(at, &TimeZone::system(), "%Y-%m-%d %H:%M:%S")
}

/// A time in a zone, by a strftime format.
pub(super) fn in_zone(at: i64, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_millisecond(at)
        .map(|at| at.to_zoned(zone.clone()).strftime(format).to_string())
        .unwrap_or_else(|_| "?".to_owned())
}

/// Parses "7d" or "2h" as a time so long ago.
pub(super) fn since(text: &str, now: Timestamp) -> Result<i64, String> {
    let back = crate::config::parse_duration(text).map_err(|error| error.to_string())?;
    Ok((now - back).as_millisecond())
}
