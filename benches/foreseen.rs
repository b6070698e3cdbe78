//! How far the end of a run that `postroom status` tells after a fifth of it is from its real end,
//! as a share of the time that is left then.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use super::office::{Office, account};
use super::{Failure, Figure};

const LATENCY: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(600);
const GLANCE: Duration = Duration::from_millis(5);
/// What postroom promises.
const OFF_BY: f64 = 0.05;

#[derive(Deserialize)]
struct Status {
    forecasts: Vec<Forecast>,
}

#[derive(Deserialize)]
struct Forecast {
    ends_at: i64,
}

pub(crate) fn measure() -> Result<Vec<Figure>, Failure> {
    let cases = [
        ("[\"20/second\", \"300/30s\"]", 1500),
        ("[\"40/second burst 4\"]", 2000),
        ("[]", 30_000),
    ];
    cases
        .into_iter()
        .map(|(rates, people)| figure(rates, people))
        .collect()
}

fn figure(rates: &str, people: usize) -> Result<Figure, Failure> {
    let office = Office::new()?;
    let server = office.server(LATENCY)?;
    let keys = match rates {
        "[]" => String::new(),
        rates => format!("rate = {rates}"),
    };
    office.configure(&format!(
        "{}{}",
        account("near", &server, &keys),
        office.schedule("letters", people, "via = \"near\"")?,
    ))?;
    let daemon = office.daemon()?;
    office.send("letters")?;
    while server.taken() < people as u64 / 5 {
        std::thread::sleep(GLANCE);
    }
    let asked = Timestamp::now().as_microsecond();
    let status: Status = serde_json::from_slice(&office.said(&["status", "--json"])?)?;
    let foreseen = status.forecasts.first().ok_or("no end is told")?.ends_at * 1000;
    let mut count = 0;
    let last = server.log()?.find(PATIENCE, |_| {
        count += 1;
        count == people
    })?;
    drop(daemon);
    let real = last.ok_or("the run does not end")?.time_us;
    let off = (foreseen - real) as f64 / (real - asked) as f64;
    let rates = rates.replace('"', "");
    Ok(Figure {
        what: format!("the end of {people} at {rates}, told after a fifth of them"),
        value: format!("{:+.1} % off", 100.0 * off),
        promised: format!("at most {:.0} %", 100.0 * OFF_BY),
        is_good: off.abs() <= OFF_BY,
    })
}
