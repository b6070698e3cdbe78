//! How many round trips a message costs, over a line with a round trip of 50 ms, 25 each way:
//!
//! ```text
//! cargo bench --bench round_trips
//! ```
//!
//! The first table is of a session by itself, on one warm connection with TLS: it fails if a
//! message costs more than 1.1 round trips where the next envelope travels with a body (chained),
//! or more than 2.1 where only MAIL, RCPT and DATA travel together (grouped). The second is of the
//! whole program, with the outbox between one message and the next.

mod delay_line;
mod program;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::sandbox::{Options, Sandbox, SandboxError};

const ONE_WAY: Duration = Duration::from_millis(25);
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// So often is measured what seems to be too much: a busy machine adds to a cost and never takes
/// away from it.
const TRIES: usize = 3;

type Failure = Box<dyn std::error::Error>;

/// How much goes out in one write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// One command: the server does not offer PIPELINING.
    Lockstep,
    /// MAIL, RCPT and DATA.
    Grouped,
    /// A body, and MAIL, RCPT and DATA of the next message.
    Chained,
}

impl Mode {
    const ALL: [Self; 3] = [Self::Lockstep, Self::Grouped, Self::Chained];

    fn name(self) -> &'static str {
        match self {
            Self::Lockstep => "lockstep",
            Self::Grouped => "grouped",
            Self::Chained => "chained",
        }
    }

    /// Round trips that a message may cost.
    fn most(self) -> Option<f64> {
        match self {
            Self::Lockstep => None,
            Self::Grouped => Some(2.1),
            Self::Chained => Some(1.1),
        }
    }
}

/// A sandbox with TLS that takes everything and writes nothing down, with its authority in `dir`.
async fn sandbox(mode: Mode, dir: &std::path::Path) -> Result<Sandbox, SandboxError> {
    let options = Options {
        dir: Some(dir.to_owned()),
        discard: true,
        pipelining: mode != Mode::Lockstep,
        ..Options::default()
    };
    Sandbox::start(options, Clock::system()).await
}

fn round_trips(took: Duration, messages: usize) -> f64 {
    took.as_secs_f64() / ROUND_TRIP.as_secs_f64() / messages as f64
}

#[expect(clippy::print_stdout, reason = "the tables are what a bench is for")]
fn measure() -> Result<bool, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let mut good = true;
    println!("a session\nmode      recipients  round trips per message");
    for mode in Mode::ALL {
        for recipients in [1, 10] {
            let over = |cost| mode.most().is_some_and(|most| cost > most);
            let mut cost = f64::INFINITY;
            for _ in 0..TRIES {
                cost = runtime.block_on(session::cost(mode, recipients))?.min(cost);
                if !over(cost) {
                    break;
                }
            }
            let over = over(cost);
            let verdict = if over { "  too many" } else { "" };
            println!(
                "{:<8}  {recipients:>10}  {cost:>23.2}{verdict}",
                mode.name()
            );
            good &= !over;
        }
    }
    println!("\nthe program\nmode      recipients  round trips per message");
    for mode in Mode::ALL {
        let cost = program::cost(&runtime, mode)?;
        println!("{:<8}  {:>10}  {cost:>23.2}", mode.name(), 1);
    }
    Ok(good)
}

#[expect(clippy::print_stderr, reason = "for whoever runs it")]
fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("nothing was measured: {failure}");
            ExitCode::FAILURE
        }
    }
}
