//! How long an arm waits while a run is opened: what sending pays for an opening beside it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use postroom::clock::Clock;
use postroom::outbox::{Arm, Claim, Claimed, Outbox};
use postroom::plan::{Order, open};

use super::{Failure, furnished};

/// People of the run whose messages are armed.
pub(crate) const FEW: usize = 20_000;

const PAUSE: Duration = Duration::from_millis(2);

/// Opens the large run while messages of the small one are armed, one after the other. Prints how
/// many were armed, and within how many microseconds half of them, 99 of 100, and all.
pub(crate) fn measure(dir: &Path) -> Result<String, Failure> {
    let clock = Clock::system();
    let (config, outbox) = furnished(dir, &clock)?;
    open(&config, &outbox, &clock, &Order::manual("few", &clock))?;
    let claim = Claim::of("near", FEW, Duration::from_secs(900));
    let claimed = outbox.submit(claim).wait()?.rows;
    let done = AtomicBool::new(false);
    let mut waits = std::thread::scope(|scope| {
        let arming = scope.spawn(|| arm(&outbox, claimed, &done));
        let opening = open(&config, &outbox, &clock, &Order::manual("invoices", &clock));
        done.store(true, Ordering::Relaxed);
        opening.map_err(|it| it.to_string())?;
        arming
            .join()
            .map_err(|_| "the arming thread panicked".to_owned())?
    })?;
    outbox.close();
    waits.sort_unstable();
    let within = |part: usize| waits[(waits.len() * part / 100).min(waits.len() - 1)].as_micros();
    Ok(format!(
        "{} {} {} {}",
        waits.len(),
        within(50),
        within(99),
        within(100)
    ))
}

fn arm(outbox: &Outbox, claimed: Vec<Claimed>, done: &AtomicBool) -> Result<Vec<Duration>, String> {
    let mut waits = Vec::new();
    for row in claimed {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let arm = Arm {
            rows: vec![row],
            account: "near".to_owned(),
            digest: [7; 32],
        };
        let begun = Instant::now();
        let armed = outbox.submit(arm).wait().map_err(|it| it.to_string())?;
        waits.push(begun.elapsed());
        if let Some(Err(refusal)) = armed.first() {
            return Err(format!("an arm was refused: {refusal:?}"));
        }
        std::thread::sleep(PAUSE);
    }
    if waits.is_empty() {
        return Err("the opening was over before anything was armed".to_owned());
    }
    Ok(waits)
}
