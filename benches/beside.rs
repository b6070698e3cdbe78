//! What an account keeps of its rate beside one whose server takes 5 s for each message.
//!
//! Noise makes a share larger as easily as smaller, so no try may be picked for its outcome: there
//! is a fixed number of rounds, each with both measurements, now one first and now the other, and
//! the median counts. The fast server answers after a moment, so that its answers set the pace and
//! not a processor that the servers and the daemon share.

use std::time::Duration;

use super::office::{Office, account};
use super::{Failure, Figure, KEEPS};

const PEOPLE: usize = 4000;
const ROUNDS: usize = 9;
const FAST: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn measure() -> Result<Vec<Figure>, Failure> {
    let (mut alone, mut shares) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let beside_first = round % 2 == 1;
        let (first, second) = (rate(beside_first)?, rate(!beside_first)?);
        let (beside, by_itself) = match beside_first {
            true => (first, second),
            false => (second, first),
        };
        alone.push(by_itself);
        shares.push(beside / by_itself);
    }
    alone.sort_by(f64::total_cmp);
    shares.sort_by(f64::total_cmp);
    let (share, least, most) = (shares[ROUNDS / 2], shares[0], shares[ROUNDS - 1]);
    let what = format!(
        "beside an account at 5 s, of {:.0}/s alone ({ROUNDS} rounds, {:.1} to {:.1} %)",
        alone[ROUNDS / 2],
        100.0 * least,
        100.0 * most
    );
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
    let (fast, slow) = (office.server(FAST)?, office.server(SLOW)?);
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
