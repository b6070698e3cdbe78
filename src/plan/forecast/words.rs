//! A forecast as people read it.

use serde::{Deserialize, Serialize};

use super::scene::Whose;
use crate::clock::Timestamp;
use crate::config::Rate;
use crate::pace::forecast::Binding;

/// What becomes of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Forecast {
    /// The run's ULID; empty for one that is not open.
    #[serde(default)]
    pub run: String,
    /// How many of its people are left.
    pub left: u64,
    /// When the last of them has been tried, or has expired: milliseconds since 1970.
    pub ends_at: i64,
    /// How many of them expire unsent.
    pub expires: u64,
    /// How fast what binds lets it go: "2,000/day", "12 a second".
    pub rate: Option<String>,
    /// What it waits for: "the daily limit of account main".
    pub binds: String,
}

/// Nobody needs to be told of an end within so many milliseconds.
const SOON: i64 = 60_000;

impl Forecast {
    /// Whether all of it is over so soon that it needs no words.
    #[must_use]
    pub fn is_soon(&self, now: Timestamp) -> bool {
        self.ends_at < now.as_millisecond() + SOON && self.expires == 0
    }

    /// "5,200 left at 2,000/day: done Thu 26 Nov 14:20; the daily limit of account main binds", if
    /// `ends` is how the reader's clocks show its end.
    #[must_use]
    pub fn words(&self, ends: &str) -> String {
        let left = grouped(&self.left.to_string());
        let rate = self.rate.iter().map(|rate| format!(" at {rate}"));
        let rate: String = rate.collect();
        let end = match self.expires {
            0 => format!("done {ends}"),
            n if n == self.left => format!("all of them expire unsent, the last {ends}"),
            n => {
                let n = grouped(&n.to_string());
                format!("{n} of them expire unsent, the last {ends}")
            }
        };
        format!("{left} left{rate}: {end}; {} binds", self.binds)
    }
}

/// What binds, in words.
pub(super) mod bound {
    use super::{Binding, Rate, Whose, grouped};

    const SECOND: u64 = 1;
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    pub(in crate::plan::forecast) fn rate(rate: Rate) -> String {
        let text = rate.to_string();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, rest) = text.split_at(digits);
        grouped(count) + rest
    }

    pub(in crate::plan::forecast) fn speed(per_second: f64) -> String {
        match per_second {
            fast if fast >= 10.0 => format!("{} a second", grouped(&format!("{fast:.0}"))),
            fair if fair >= 1.0 => format!("{fair:.1} a second"),
            slow => format!("{:.1} a minute", slow * 60.0),
        }
    }

    pub(in crate::plan::forecast) fn limit(rate: Rate, whose: &Whose) -> String {
        let kind = match rate.window.as_secs() {
            SECOND => "limit per second",
            MINUTE => "limit per minute",
            HOUR => "hourly limit",
            DAY => "daily limit",
            _ => "limit",
        };
        match whose {
            Whose::All => format!("the {kind} of all accounts"),
            Whose::Account(account) => format!("the {kind} of account {account}"),
            Whose::Domain(account, domain) => {
                format!("the {kind} of account {account} for {domain}")
            }
            Whose::Schedule(_) => format!("its own {kind}"),
        }
    }

    pub(in crate::plan::forecast) fn other(binding: Binding) -> &'static str {
        match binding {
            Binding::Window { .. } => "a limit",
            Binding::Speed => "the server's speed",
            Binding::Hours => "its `between`",
            Binding::Turn => "the run before it",
        }
    }
}

/// Who sends at a rate, as [`Late`](super::Late) has it.
pub(super) fn holder(whose: &Whose) -> String {
    match whose {
        Whose::All => "postroom (`daemon.rate`)".to_owned(),
        Whose::Account(account) => format!("account `{account}`"),
        Whose::Domain(account, domain) => format!("account `{account}`, to {domain},"),
        Whose::Schedule(schedule) => format!("schedule `{schedule}`"),
    }
}

/// What else holds a run up, as [`Late`](super::Late) has it.
pub(super) fn clause(binding: Binding, speed: Option<String>) -> String {
    match binding {
        Binding::Hours => "it may leave only at some hours (`between`)".to_owned(),
        Binding::Turn => "the run before it takes its time".to_owned(),
        _ => {
            let speed = speed.unwrap_or_else(|| "no more".to_owned());
            format!("the server takes {speed}")
        }
    }
}

/// Digits with separators of thousands.
pub(in crate::plan) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + 4);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
