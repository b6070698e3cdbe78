//! How soon small runs begin that fall due together with a large one on the same account.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};

use super::office::{Office, account};
use super::{BEGINS_WITHIN, Failure, Figure, MANY, TRIES};

const OTHERS: usize = 29;
const PEOPLE: usize = 10;
const LATENCY: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) fn measure() -> Result<Vec<Figure>, Failure> {
    let mut least = Duration::MAX;
    for _ in 0..TRIES {
        least = least.min(last_first()?);
        if least <= BEGINS_WITHIN {
            break;
        }
    }
    let what = format!("the last of {OTHERS} begins beside {MANY} in the same minute");
    Ok(vec![Figure::within(what, least, BEGINS_WITHIN)])
}

/// How long after the moment of all of them the last of the small runs has had its first message
/// taken.
fn last_first() -> Result<Duration, Failure> {
    let office = Office::new()?;
    let server = office.server(LATENCY)?;
    let due = Timestamp::from_second(Timestamp::now().as_second())? + 10.seconds();
    let keys = format!("via = \"near\"\non = {}", due.strftime("%Y-%m-%dT%H:%M:%S"));
    let mut text = account("near", &server, "");
    text += &office.schedule("flood", MANY, &keys)?;
    for n in 0..OTHERS {
        text += &office.schedule(&format!("small-{n}"), PEOPLE, &keys)?;
    }
    office.configure(&text)?;
    let daemon = office.daemon()?;
    let mut begun = BTreeMap::new();
    let all = server.log()?.find(PATIENCE, |taken| {
        if let Some((run, _)) = taken.to().split_once('.')
            && run != "flood"
        {
            begun.entry(run.to_owned()).or_insert(taken.time_us);
        }
        begun.len() == OTHERS
    })?;
    drop(daemon);
    let last = all.ok_or("not all of the small runs begin")?.time_us;
    let micros = u64::try_from(last - due.as_microsecond())?;
    Ok(Duration::from_micros(micros))
}
