//! Whether anybody waits for somebody else, and how long: the real program, on a real disk, at
//! servers on loopback with TLS.
//!
//! ```text
//! cargo bench --bench fairness
//! ```
//!
//! It prints each figure beside what postroom promises, and fails if one is missed. Parts may be
//! named (`PARTS`): `cargo bench --bench fairness -- accounts minute`.

mod alerts;
mod beside;
mod foreseen;
mod minute;
mod office;

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

type Failure = Box<dyn std::error::Error>;

/// A run that is so large that it is never done while something is measured beside it.
const MANY: usize = 100_000;
/// A busy machine adds to a cost and never takes away from it.
const TRIES: usize = 3;
/// What postroom promises: the share of its rate that an account keeps, and how soon a small run
/// begins beside a large one.
const KEEPS: f64 = 0.95;
const BEGINS_WITHIN: Duration = Duration::from_secs(2);

/// A line of the table.
struct Figure {
    what: String,
    value: String,
    promised: String,
    is_good: bool,
}

impl Figure {
    /// A time that must not be longer than promised.
    fn within(what: String, took: Duration, most: Duration) -> Self {
        Self {
            what,
            value: format!("{:.3} s", took.as_secs_f64()),
            promised: format!("at most {} s", most.as_secs_f64()),
            is_good: took <= most,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            value,
            promised,
            is_good,
        } = self;
        let verdict = if *is_good { "" } else { "  MISSED" };
        write!(f, "{what:62} {value:>12}  {promised}{verdict}")
    }
}

type Part = (&'static str, fn() -> Result<Vec<Figure>, Failure>);

const PARTS: [Part; 5] = [
    ("accounts", beside::measure),
    ("alerts", || alerts::measure(None)),
    ("paced", || alerts::measure(Some("600/minute"))),
    ("minute", minute::measure),
    ("forecast", foreseen::measure),
];

#[expect(clippy::print_stdout, reason = "the table is what a bench is for")]
fn measure(wanted: &[String]) -> Result<bool, Failure> {
    let mut all_good = true;
    for (name, part) in PARTS {
        if !wanted.is_empty() && !wanted.iter().any(|it| it == name) {
            continue;
        }
        for figure in part()? {
            println!("{figure}");
            all_good &= figure.is_good;
        }
    }
    Ok(all_good)
}

#[expect(clippy::print_stderr, reason = "for whoever runs it")]
fn main() -> ExitCode {
    // Cargo adds an argument of its own, `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    match measure(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("somebody waits for somebody else");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("nothing was measured: {failure}");
            ExitCode::FAILURE
        }
    }
}
