//! How soon a single message is taken while a large run is sent over the same account, from the
//! start of `postroom send` on.

use std::time::Duration;

use super::office::{Office, account};
use super::{BEGINS_WITHIN, Failure, Figure, MANY};

const ALERTS: usize = 50;
/// The server thinks for so long, so that the large run lasts.
const LATENCY: Duration = Duration::from_millis(10);
/// Whoever has waited so long has been forgotten, and others need not be tried.
const PATIENCE: Duration = Duration::from_secs(90);
const TOO_LONG: Duration = Duration::from_secs(10);
/// Where a rate leaves a fiftieth of a minute's 600 to small runs, more often is too often.
const PAUSE: Duration = Duration::from_millis(5200);

pub(crate) fn measure(rate: Option<&str>) -> Result<Vec<Figure>, Failure> {
    let office = Office::new()?;
    let server = office.server(LATENCY)?;
    let keys = rate.map_or(String::new(), |rate| format!("rate = \"{rate}\""));
    office.configure(&format!(
        "{}{}{}",
        account("near", &server, &keys),
        office.schedule("flood", MANY, "via = \"near\"")?,
        office.schedule("alert", 1, "via = \"near\"")?,
    ))?;
    let daemon = office.daemon()?;
    office.send("flood")?;
    let mut log = server.log()?;
    log.find(PATIENCE, |_| true)?.ok_or("nothing is taken")?;
    let mut took = Vec::new();
    for _ in 0..ALERTS {
        let begun = office.clock.ticks();
        office.send("alert")?;
        let taken = log.find(PATIENCE, |it| it.to().starts_with("alert."))?;
        took.push(taken.map_or(PATIENCE, |taken| taken.at() - begun));
        if took.iter().filter(|it| **it > TOO_LONG).count() == 3 {
            break;
        }
        if rate.is_some() {
            std::thread::sleep(PAUSE);
        }
    }
    drop(daemon);
    if server.taken() >= MANY as u64 {
        return Err("the large run ended before the alerts".into());
    }
    took.sort_unstable();
    let name = format!("an alert beside {MANY} at {}", rate.unwrap_or("no rate"));
    let (half, most) = (took[(took.len() - 1) / 2], took[took.len() - 1]);
    let count = took.len();
    Ok(vec![
        Figure::within(format!("{name}, p50 of {count}"), half, BEGINS_WITHIN),
        Figure::within(format!("{name}, p99 of {count}"), most, BEGINS_WITHIN),
    ])
}
