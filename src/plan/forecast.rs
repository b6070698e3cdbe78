//! Whether a run can end before its mail expires, as far as rate limits say.
//!
//! It counts what the limits let through in the time that there is, and nothing else: a slow
//! server, temporary failures and other runs of the same account only make it later.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::{Config, Rate, Schedule, format_duration};
use crate::outbox::RunRow;
use crate::outbox::state::State;

/// How far a run will not get, and because of what.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Late {
    /// Messages that expire unsent, at least.
    pub late: u64,
    /// Of so many.
    pub of: u64,
    /// Whose rate it is: "account `main`".
    pub whose: String,
    /// The rate, as it is written.
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
        write!(
            f,
            "at least {late} of {of} messages will expire unsent, as {whose} sends {rate}: write \
             `expires = \"{expires}\"` in the schedule, or raise that rate if the server allows it"
        )
    }
}

/// What a run to so many people will not get done, if it opens now.
#[must_use]
pub fn foresee(config: &Config, schedule: &Schedule, people: u64) -> Option<Late> {
    worst(config, schedule, people, schedule.expires)
}

/// What an open run will not get done.
#[must_use]
pub fn foresee_open(config: &Config, run: &RunRow, now: i64) -> Option<Late> {
    const WAITING: [State; 4] = [State::Queued, State::Leased, State::Armed, State::Deferred];
    const GONE: [State; 4] = [
        State::Uncertain,
        State::Accepted,
        State::Presumed,
        State::Rejected,
    ];
    let schedule = config.schedules.get(&run.schedule)?;
    if run.state != "sending" {
        return None;
    }
    let count = |states: &[State]| u64::try_from(run.counts.sum(states)).unwrap_or(0);
    let span = |from: i64| {
        let millis = run.expires_at.saturating_sub(from);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    let (waiting, gone) = (count(&WAITING), count(&GONE));
    // What was sent lately stands in the way of the rest: the run as a whole says more than what is
    // left of it, unless time was lost meanwhile.
    let whole = worst(config, schedule, waiting + gone, span(run.opened_at));
    let rest = worst(config, schedule, waiting, span(now));
    let late = whole.into_iter().chain(rest).max_by_key(|late| late.late)?;
    Some(Late {
        late: late.late.min(waiting),
        ..late
    })
    .filter(|late| late.late > 0)
}

/// The limit that leaves most of it behind.
fn worst(config: &Config, schedule: &Schedule, people: u64, time: Duration) -> Option<Late> {
    let account = config.accounts.get(schedule.via.first()?)?;
    let of_account = account.rate.iter();
    let of_account = of_account.map(|rate| (format!("account `{}`", account.name), rate));
    let of_schedule = schedule.rate.iter();
    let of_schedule = of_schedule.map(|rate| (format!("schedule `{}`", schedule.name), rate));
    let late = of_account
        .chain(of_schedule)
        .map(|(whose, rate)| (people.saturating_sub(most(*rate, time)), whose, rate))
        .max_by_key(|(late, ..)| *late);
    let (late, whose, rate) = late.filter(|(late, ..)| *late > 0)?;
    Some(Late {
        late,
        of: people,
        whose,
        rate: rate.to_string(),
        expires: enough(*rate, people),
    })
}

/// What a rate lets through in a time: its count at the beginning of each window.
fn most(rate: Rate, time: Duration) -> u64 {
    let windows = time.as_millis().div_ceil(rate.window.as_millis().max(1));
    let most = windows.saturating_mul(u128::from(rate.count));
    u64::try_from(most).unwrap_or(u64::MAX)
}

/// A time that is enough for so many, in whole hours or days.
fn enough(rate: Rate, people: u64) -> String {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let windows = u128::from(people.div_ceil(u64::from(rate.count.max(1))));
    let seconds = windows
        .saturating_mul(rate.window.as_millis())
        .div_ceil(1000);
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX / 2);
    let unit = if seconds >= 2 * DAY { DAY } else { HOUR };
    let whole = seconds.div_ceil(unit).saturating_mul(unit);
    format_duration(Duration::from_secs(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    #[test]
    fn each_window_begins_with_its_whole_count() {
        let day = Duration::from_secs(24 * 3600);
        assert_eq!(most(rate("2000/day"), day), 2000);
        assert_eq!(most(rate("2000/day"), day + Duration::from_secs(1)), 4000);
        assert_eq!(most(rate("100/10s"), Duration::from_secs(60)), 600);
        assert_eq!(most(rate("1/second"), Duration::ZERO), 0);
    }

    #[test]
    fn what_is_proposed_is_enough() {
        for (text, people) in [("2000/day", 10_000), ("100/minute", 7_000), ("7/10s", 1)] {
            let span = crate::config::parse_duration(&enough(rate(text), people));
            assert!(most(rate(text), span.expect("a span")) >= people, "{text}");
        }
        assert_eq!(enough(rate("2000/day"), 10_000), "5d");
    }
}
