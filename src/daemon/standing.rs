//! What keeps an open run from going on, for people.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::config::{Config, Schedule};
use crate::outbox::RunRow;
use crate::plan::{Late, MANUAL};

/// A run that was opened later than this, in milliseconds, was late.
const LATE: i64 = 60_000;

/// Why nothing of an open run can be sent, if its account is gone from the configuration.
pub(super) fn stranded(config: &Config, run: &RunRow) -> Option<String> {
    let gone = run.state == "sending" && !config.accounts.contains_key(&run.account);
    gone.then(|| {
        format!(
            "nothing of it is sent: its account `{}` is not in the configuration any more; put it \
             back, or what waits expires",
            run.account
        )
    })
}

/// Which of the open runs wait for an earlier one of their schedule, by their ids, in words.
pub(super) fn behind(open: &[RunRow]) -> BTreeMap<String, String> {
    let (mut first, mut behind) = (BTreeMap::new(), BTreeMap::new());
    for run in open.iter().filter(|run| run.queues) {
        if let Some(earlier) = first.get(&run.schedule) {
            let text = format!("waits until everybody of run {earlier} was tried");
            behind.insert(run.id.clone(), text);
        } else if run.goes_on() {
            first.insert(run.schedule.clone(), run.id.clone());
        }
    }
    behind
}

/// What is to be said of an open run, with what [`behind`] says of all that are open, and what it
/// will not get done.
pub(super) fn of(
    config: &Config,
    run: &RunRow,
    behind: &BTreeMap<String, String>,
    late: Option<&Late>,
    now: Timestamp,
) -> Option<String> {
    if let Some(text) = stranded(config, run) {
        return Some(text);
    }
    let schedule = config.schedules.get(&run.schedule);
    let said = [
        schedule.and_then(|schedule| lateness(schedule, run)),
        behind.get(&run.id).cloned(),
        run.canary.map(first_few),
        schedule.and_then(|schedule| closed(schedule, now)),
        late.map(Late::to_string),
    ];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn lateness(schedule: &Schedule, run: &RunRow) -> Option<String> {
    let late = run.opened_at - run.due_at;
    let counts = late > LATE && schedule.readers.is_none() && !is_manual(run);
    counts.then(|| format!("opened {} min late", late / 60_000))
}

fn first_few(people: u64) -> String {
    format!("the others wait until the first {people} people were sent to (`canary`)")
}

fn closed(schedule: &Schedule, now: Timestamp) -> Option<String> {
    let hours = schedule.between.as_ref()?;
    if hours.is_open(&schedule.zone, now) {
        return None;
    }
    Some(match hours.opens(&schedule.zone, now) {
        Some(at) => {
            let at = at.to_zoned(schedule.zone.clone());
            let at = at.strftime("%a %Y-%m-%d %H:%M %Z");
            format!("outside its hours (`between`): it goes on {at}")
        }
        None => "outside its hours (`between`)".to_owned(),
    })
}

fn is_manual(run: &RunRow) -> bool {
    run.occurrence.starts_with(MANUAL)
}
