//! What an account keeps of its rate beside one whose server takes 5 s for each message.

use std::time::Duration;

use super::office::{Office, account};
use super::{Failure, Figure, KEEPS, TRIES};

const PEOPLE: usize = 10_000;
const SLOW: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn measure() -> Result<Vec<Figure>, Failure> {
    let (mut alone, mut beside) = (0.0_f64, 0.0_f64);
    for _ in 0..TRIES {
        alone = alone.max(rate(false)?);
        beside = beside.max(rate(true)?);
        if beside >= KEEPS * alone {
            break;
        }
    }
    let share = beside / alone;
    let what = format!("an account alone: {alone:.0}/s; beside one at 5 s: {beside:.0}/s");
    Ok(vec![Figure {
        what,
        value: format!("{:.1} %", 100.0 * share),
        promised: format!("at least {:.0} %", 100.0 * KEEPS),
        is_good: share >= KEEPS,
    }])
}

/// Messages a second of the fast account.
fn rate(with_slow: bool) -> Result<f64, Failure> {
    let office = Office::new()?;
    let (fast, slow) = (office.server(Duration::ZERO)?, office.server(SLOW)?);
    office.configure(&format!(
        "{}{}{}{}",
        account("fast", &fast, ""),
        account("slow", &slow, ""),
        office.schedule("quick", PEOPLE, "via = \"fast\"")?,
        office.schedule("late", PEOPLE, "via = \"slow\"")?,
    ))?;
    let daemon = office.daemon()?;
    if with_slow {
        office.send("late")?;
        let first = slow.log()?.find(PATIENCE, |_| true)?;
        first.ok_or("the slow server takes nothing")?;
    }
    office.send("quick")?;
    let mut log = fast.log()?;
    let first = log.find(PATIENCE, |_| true)?.ok_or("nothing is taken")?;
    let mut count = 1;
    let last = log.find(PATIENCE, |_| {
        count += 1;
        count == PEOPLE
    })?;
    let took = last.ok_or("not everything is taken")?.at() - first.at();
    drop(daemon);
    Ok((PEOPLE - 1) as f64 / took.as_secs_f64())
}
