//! Rates as people write them: `"100/minute"`, `"100/minute burst 10"`.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use super::amount::{AmountError, DAY, HOUR, MINUTE, format_duration, parse_duration};
use super::suggest;

const FORM: &str =
    "a rate is a count, a slash, and second, minute, hour or day; or a duration, as in \"100/10s\"";
const BURST_FORM: &str =
    "\"100/minute burst 10\" is a hundred a minute, never more than ten at once";

/// So many messages in so long a time, wherever that time begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub count: u32,
    /// Longer than nothing.
    pub window: Duration,
    /// How many of them may go at once, from 1 to `count`; all of them without it. They are then
    /// spread over the window: never more than this in its share of the window.
    pub burst: Option<u32>,
}

impl Rate {
    /// All that must hold: so many in so long a time. With a burst there are two, and the second is
    /// rounded up to whole nanoseconds, so that it never allows more than its share.
    pub fn windows(&self) -> impl Iterator<Item = (u32, Duration)> + use<> {
        let whole = (self.count, self.window);
        let spread = self.burst.filter(|burst| *burst < self.count);
        let spread = spread.map(|burst| (burst, share(self.window, burst, self.count)));
        std::iter::once(whole).chain(spread)
    }

    /// Whether it can never hold anything up where another one holds too: in each of its windows
    /// the other lets no more go than this one.
    pub(super) fn never_binds_beside(&self, other: &Self) -> bool {
        let mut windows = self.windows();
        windows.all(|(count, window)| other.most_in(window) <= u128::from(count))
    }

    /// How many it lets go at most in any time of this length.
    pub(super) fn most_in(&self, time: Duration) -> u128 {
        let most = self.windows().map(|(count, window)| {
            let times = time.as_nanos().div_ceil(window.as_nanos().max(1));
            u128::from(count).saturating_mul(times)
        });
        most.min().unwrap_or(u128::MAX)
    }
}

/// `window * part / whole`, not less; `part` is at most `whole`.
fn share(window: Duration, part: u32, whole: u32) -> Duration {
    let nanos = window.as_nanos().saturating_mul(u128::from(part));
    let nanos = nanos.div_ceil(u128::from(whole.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(window)
}

impl FromStr for Rate {
    type Err = AmountError;

    /// Reads `"100/minute"`, `"4000/day"`, `"100/10s"`, `"100/minute burst 10"`.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let Some((count, rest)) = text.split_once('/') else {
            return Err(wrong(text, 0..text.len(), remedy(text), FORM));
        };
        let slash = count.len();
        let count = match number(count) {
            Some(0) => {
                let label = "nothing would ever be sent; `postroom hold` stops an account";
                return Err(wrong(text, 0..slash, label, FORM));
            }
            Some(count) => count,
            None => return Err(wrong(text, 0..slash, "a whole number goes here", FORM)),
        };
        let words = Words::of(rest);
        let after = |span: &Range<usize>| slash + 1 + span.start..slash + 1 + span.end;
        let Some(window) = window(words.window) else {
            let blank = rest.len() - rest.trim_start().len();
            let span = after(&(blank..blank + words.window.len()));
            return Err(wrong(text, span, window_remedy(words.window), FORM));
        };
        let burst = match &words.burst {
            Some(span) => Some(
                burst(&rest[span.clone()], count)
                    .map_err(|label| wrong(text, after(span), label, BURST_FORM))?,
            ),
            None => None,
        };
        Ok(Self {
            count,
            window,
            burst,
        })
    }
}

/// What follows the slash.
struct Words<'a> {
    /// Up to the burst.
    window: &'a str,
    /// From the word `burst`, or what may be meant by it, to the end.
    burst: Option<Range<usize>>,
}

impl<'a> Words<'a> {
    fn of(rest: &'a str) -> Self {
        let end = rest.trim_end().len();
        let begin = rest.len() - rest.trim_start().len();
        let window = rest[begin..].find([' ', ',', ';']).map(|at| begin + at);
        let second = window.and_then(|at| {
            let word = rest[at..].find(|c: char| !matches!(c, ' ' | ',' | ';'))?;
            Some(at + word).filter(|start| *start < end)
        });
        match (window, second) {
            (Some(at), Some(start)) if begins_a_burst(&rest[start..]) => Self {
                window: rest[..at].trim(),
                burst: Some(start..end),
            },
            _ => Self {
                window: rest.trim(),
                burst: None,
            },
        }
    }
}

/// A word that means the burst, or a number alone where it would stand.
fn begins_a_burst(text: &str) -> bool {
    let word = text.split(|c: char| !c.is_alphabetic()).next();
    let is_near = |word: &str| suggest::nearest(word, ["burst", "bursts"]).is_some();
    text.contains("burst") || number(text).is_some() || word.is_some_and(is_near)
}

/// Reads `burst 10`.
fn burst(text: &str, count: u32) -> Result<u32, String> {
    let mut words = text.split_whitespace();
    let (word, size, more) = (words.next(), words.next(), words.next());
    let example = || count.div_ceil(10);
    match (word, size.map(number), more) {
        (Some("burst"), Some(Some(0)), None) => {
            Err("nothing could be sent: at least \"burst 1\"".to_owned())
        }
        (Some("burst"), Some(Some(size)), None) if size > count => Err(format!(
            "more than the {count} of the rate: at most \"burst {count}\""
        )),
        (Some("burst"), Some(Some(size)), None) => Ok(size),
        (Some("burst"), None, _) => Err(format!("how many at once? \"burst {}\"", example())),
        _ => {
            let digits = text.trim_matches(|c: char| !c.is_ascii_digit());
            let size = number(digits).filter(|size| (1..=count).contains(size));
            Err(format!("write \"burst {}\"", size.unwrap_or_else(example)))
        }
    }
}

fn number(text: &str) -> Option<u32> {
    text.trim().replace('_', "").parse().ok()
}

fn window(text: &str) -> Option<Duration> {
    match text {
        "s" | "sec" | "second" => Some(Duration::from_secs(1)),
        "m" | "min" | "minute" => Some(Duration::from_secs(MINUTE)),
        "h" | "hour" => Some(Duration::from_secs(HOUR)),
        "d" | "day" => Some(Duration::from_secs(DAY)),
        other => parse_duration(other).ok().filter(|it| !it.is_zero()),
    }
}

fn window_remedy(text: &str) -> String {
    let units = ["second", "minute", "hour", "day"];
    suggest::nearest(text, units).map_or("second, minute, hour or day".to_owned(), |unit| {
        format!("did you mean `{unit}`?")
    })
}

fn remedy(text: &str) -> String {
    let mut words = text
        .split([' ', ','])
        .filter(|word| !matches!(*word, "per" | "a" | "an" | ""));
    let unit = |word: &&str| ["second", "minute", "hour", "day"].contains(word);
    match (words.next(), words.next_back()) {
        (Some(count), Some(last)) if count.parse::<u32>().is_ok() && unit(&last) => {
            format!("write \"{count}/{last}\"")
        }
        (Some(count), None) if count.parse::<u32>().is_ok() => {
            format!("in what time? \"{count}/minute\", \"{count}/hour\" or \"{count}/day\"")
        }
        _ => "write it like \"100/hour\"".to_owned(),
    }
}

fn wrong(
    text: &str,
    span: Range<usize>,
    label: impl Into<String>,
    note: &'static str,
) -> AmountError {
    AmountError {
        message: format!("`{text}` is not a rate"),
        span,
        label: label.into(),
        note: Some(note),
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = match self.window.as_secs() {
            _ if self.window.subsec_nanos() != 0 => None,
            1 => Some("second"),
            MINUTE => Some("minute"),
            HOUR => Some("hour"),
            DAY => Some("day"),
            _ => None,
        };
        match window {
            Some(word) => write!(f, "{}/{word}", self.count)?,
            None => write!(f, "{}/{}", self.count, format_duration(self.window))?,
        }
        match self.burst {
            Some(burst) => write!(f, " burst {burst}"),
            None => Ok(()),
        }
    }
}
