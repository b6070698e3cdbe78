//! Rates, counted at the server: was a window ever over, and how much of what was allowed was used.
//!
//! It knows nothing but instants and what was allowed when. A window is half open: two messages
//! exactly its length apart do not share it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use postroom::config::{Rate, format_duration};
use serde::Deserialize;

/// No more than so many in any span of so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) count: usize,
    pub(crate) length: Duration,
}

/// What is allowed from a moment on, until the next era.
#[derive(Clone, Debug)]
pub(crate) struct Era {
    pub(crate) from: Duration,
    pub(crate) windows: Vec<Window>,
}

/// The fullest span of a window's length, which always ends with a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Worst {
    pub(crate) window: Window,
    pub(crate) count: usize,
    /// The last message in it.
    pub(crate) ends: Duration,
}

impl Window {
    /// As it is written in a configuration.
    pub(crate) fn of(rate: &str) -> Self {
        let rate: Rate = rate.parse().unwrap();
        Self {
            count: usize::try_from(rate.count).unwrap(),
            length: rate.window,
        }
    }
}

impl Era {
    /// The same for ever.
    pub(crate) fn always(windows: &[Window]) -> Vec<Self> {
        let windows = windows.to_vec();
        let from = Duration::ZERO;
        vec![Self { from, windows }]
    }
}

/// The fullest span of each window of each era. `instants` ascend, eras too.
pub(crate) fn worst(instants: &[Duration], eras: &[Era]) -> Vec<Worst> {
    let ends = eras.iter().skip(1).map(|era| era.from);
    let spans = eras.iter().zip(ends.chain([Duration::MAX]));
    let fullest = |window: Window, from: Duration, until: Duration| {
        let of_the_era = (0..instants.len()).filter(|at| (from..until).contains(&instants[*at]));
        let trailing = of_the_era.map(|last| {
            let ends = instants[last];
            let before = instants.partition_point(|at| *at + window.length <= ends);
            let count = last + 1 - before;
            Worst {
                window,
                count,
                ends,
            }
        });
        trailing.max_by_key(|worst| worst.count)
    };
    spans
        .flat_map(|(era, until)| {
            let windows = era.windows.iter();
            windows.filter_map(move |window| fullest(*window, era.from, until))
        })
        .collect()
}

/// A line for each window that is over.
pub(crate) fn objections(instants: &[Duration], eras: &[Era]) -> Vec<String> {
    let over = worst(instants, eras).into_iter();
    over.filter(|worst| worst.count > worst.window.count)
        .map(|worst| worst.to_string())
        .collect()
}

/// How much of what was allowed was used between the first message and `end`.
pub(crate) fn share(instants: &[Duration], eras: &[Era], end: Duration) -> f64 {
    let begin = *instants.first().expect("somebody sent something");
    let used = instants.partition_point(|at| *at <= end);
    used as f64 / allowed(eras, begin, end) as f64
}

/// How many messages can go from `begin` to `end`, both included, when nobody waits a moment longer
/// than the windows want. Who goes earlier is never worse off later, so nobody can do better.
fn allowed(eras: &[Era], begin: Duration, end: Duration) -> usize {
    let mut sent: Vec<Duration> = Vec::new();
    let mut now = begin;
    for (i, era) in eras.iter().enumerate() {
        let next = eras.get(i + 1).map_or(Duration::MAX, |next| next.from);
        now = now.max(era.from);
        loop {
            let free = era.windows.iter().filter_map(|window| {
                let before = sent.len().checked_sub(window.count)?;
                Some(sent[before] + window.length)
            });
            now = free.max().unwrap_or(now).max(now);
            if now >= next || now > end {
                break;
            }
            sent.push(now);
        }
    }
    sent.len()
}

/// When a server accepted messages, in its elapsed time, by its log.
pub(crate) fn accepted(log: &Path) -> Vec<Duration> {
    #[derive(Deserialize)]
    struct Line {
        elapsed_us: u64,
    }
    let text = std::fs::read_to_string(log).unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    let mut accepted: Vec<Duration> = lines
        .map(|line: Line| Duration::from_micros(line.elapsed_us))
        .collect();
    accepted.sort_unstable();
    accepted
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, format_duration(self.length))
    }
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            window,
            count,
            ends,
        } = self;
        write!(f, "{count} within {window}, until {ends:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_A_SECOND: Window = Window {
        count: 2,
        length: Duration::from_secs(1),
    };
    const THREE_A_MINUTE: Window = Window {
        count: 3,
        length: Duration::from_secs(60),
    };

    fn at(millis: &[u64]) -> Vec<Duration> {
        millis.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_window_that_is_over_by_one_is_found_wherever_it_lies() {
        let eras = Era::always(&[TWO_A_SECOND]);
        assert_eq!(objections(&at(&[0, 0, 1000, 1000, 2500]), &eras), [""; 0]);
        for over in [[0, 0, 999], [0, 1000, 1000], [5, 600, 1004]] {
            let instants = at(&[&[0][..], &over.map(|it| it + 9000)].concat());
            let found = objections(&instants, &eras);
            let is_over = over[2] - over[0] < 1000;
            assert_eq!(found.len(), usize::from(is_over), "{over:?}: {found:?}");
        }
        let worst = worst(&at(&[0, 100, 200, 300, 5000]), &eras);
        assert_eq!((worst[0].count, worst[0].ends), (4, at(&[300])[0]));
        assert!(worst[0].to_string().starts_with("4 within 2/1s"));
    }

    #[test]
    fn each_era_looks_back_over_its_begin_with_its_own_windows() {
        let mut eras = Era::always(&[TWO_A_SECOND]);
        eras.push(Era {
            from: Duration::from_secs(10),
            windows: vec![THREE_A_MINUTE],
        });
        let busy = [9000, 9100, 10_000, 10_001];
        assert_eq!(objections(&at(&busy[..3]), &eras), [""; 0]);
        assert_eq!(objections(&at(&busy), &eras).len(), 1);
        assert_eq!(objections(&at(&[9000, 9100, 9200]), &eras).len(), 1);
    }

    #[test]
    fn the_share_is_of_what_all_windows_together_allow() {
        let eras = Era::always(&[TWO_A_SECOND, THREE_A_MINUTE]);
        let end = Duration::from_secs(60);
        // 0 s: two, 1 s: one; at 60 s two more.
        assert_eq!(allowed(&eras, Duration::ZERO, end), 5);
        assert_eq!(share(&at(&[0, 0, 1000, 60_000, 60_000]), &eras, end), 1.0);
        assert_eq!(share(&at(&[0, 0, 1000, 60_000]), &eras, end), 0.8);
    }
}
