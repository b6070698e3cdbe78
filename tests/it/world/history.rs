//! Two memories of the same run, compared one by one: what the outbox says and what a server took.
//! Counts alone never prove anything here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use postroom::outbox::state::State;
use postroom::outbox::{AttemptRow, DeliveryId, DeliveryRow, Filter, Reader, RunRow};
use serde::Deserialize;

use super::mailbox::Mail;
use super::people::{Entry, Fate};

/// What the outbox says about one row of the list.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) row: DeliveryRow,
    pub(crate) tries: Vec<AttemptRow>,
}

/// A message that a server took.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The left side of the Message-ID: the public id of a delivery.
    pub(crate) id: String,
    /// The envelope's recipient.
    pub(crate) to: String,
    pub(crate) digest: String,
}

/// The newest run of a schedule, if there is one.
pub(crate) fn newest(reader: &Reader, schedule: &str) -> Option<RunRow> {
    reader.runs(Some(schedule), None, 1).unwrap().pop()
}

/// The newest run of a schedule once nothing more will happen to it by itself: every delivery is
/// final, or in doubt and waiting for a person.
pub(crate) fn ended(reader: &Reader, schedule: &str) -> Option<RunRow> {
    let run = newest(reader, schedule).filter(|run| run.state != "expanding")?;
    let moving = [State::Queued, State::Leased, State::Armed, State::Deferred];
    // Two looks at an outbox that moves in between: both must have seen the same doubts.
    let doubts = rows(reader, &run, &[State::Uncertain]);
    let rests = run.counts.sum(&moving) == 0
        && i64::try_from(doubts.len()) == Ok(run.counts.of(State::Uncertain))
        && doubts.iter().all(|row| row.next_at.is_none());
    rests.then_some(run)
}

/// What the outbox says about a run, in the order of its rows.
pub(crate) fn told(reader: &Reader, run: &RunRow) -> Vec<Told> {
    let no = reader.run_no(&run.id).unwrap().expect("the run exists");
    let rows = rows(reader, run, &State::ALL);
    rows.into_iter()
        .map(|row| {
            let (_, seq) = row.id.split_once('.').expect("an id has two parts");
            let seq = seq.parse().unwrap();
            let tries = reader.attempts(DeliveryId { run: no, seq }).unwrap();
            Told { row, tries }
        })
        .collect()
}

/// The ids of those of a run that ever were in doubt.
pub(crate) fn doubted(reader: &Reader, run: &RunRow) -> BTreeSet<String> {
    let rows = rows(reader, run, &State::ALL).into_iter();
    rows.filter(|row| row.doubted).map(|row| row.id).collect()
}

/// The ids of those whose body may be on its way.
pub(crate) fn armed(reader: &Reader, run: &RunRow) -> BTreeSet<String> {
    let rows = rows(reader, run, &[State::Armed]).into_iter();
    rows.map(|row| row.id).collect()
}

fn rows(reader: &Reader, run: &RunRow, states: &[State]) -> Vec<DeliveryRow> {
    let filter = Filter {
        states: states.iter().map(|state| state.name().to_owned()).collect(),
        run: Some(run.id.clone()),
        ..Filter::default()
    };
    reader.deliveries(&filter).unwrap()
}

/// What lies in a Maildir.
pub(crate) fn taken(mails: &[Mail]) -> Vec<Taken> {
    let taken = mails.iter().map(|mail| Taken {
        id: left(&mail.message_id),
        to: mail.envelope.clone(),
        digest: mail.sha256.clone(),
    });
    taken.collect()
}

/// What the sandbox says in its log that it has taken.
pub(crate) fn logged(accept_log: &Path) -> Vec<Taken> {
    #[derive(Deserialize)]
    struct Line {
        message_id: String,
        to: Vec<String>,
        sha256: String,
    }
    let text = std::fs::read_to_string(accept_log).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .map(|line: Line| Taken {
            id: left(&line.message_id),
            to: line.to.join(" and "),
            digest: line.sha256,
        })
        .collect()
}

fn left(message_id: &str) -> String {
    let (left, _) = message_id.split_once('@').unwrap_or((message_id, ""));
    left.to_owned()
}

/// All that does not fit between a list, the outbox and what a server took.
pub(crate) fn objections(
    reader: &Reader,
    run: &RunRow,
    list: &[Entry],
    taken: &[Taken],
) -> Vec<String> {
    let told = told(reader, run);
    let mut found = against_list(list, &told);
    found.extend(against_server(&told, taken));
    found.extend(against_tally(reader, run, &told));
    found
}

/// How many messages a server took more than once, each further copy counted.
pub(crate) fn copies(taken: &[Taken]) -> usize {
    let ids: BTreeSet<&str> = taken.iter().map(|it| it.id.as_str()).collect();
    taken.len() - ids.len()
}

/// What the outbox says about the list: each row is there once and came to what it must.
pub(crate) fn against_list(list: &[Entry], told: &[Told]) -> Vec<String> {
    let mut by_line: BTreeMap<u64, Vec<&Told>> = BTreeMap::new();
    for told in told {
        let line = told.row.place.line_if_known().unwrap_or(0);
        by_line.entry(line).or_default().push(told);
    }
    let mut found = Vec::new();
    for entry in list {
        let line = entry.line;
        match by_line.remove(&line).unwrap_or_default()[..] {
            [told] => {
                found.extend(misfit(&entry.fate, told).map(|it| format!("line {line}: {it}")))
            }
            [] => found.push(format!("line {line}: not in the outbox")),
            ref many => found.push(format!("line {line}: {} times in the outbox", many.len())),
        }
    }
    found.extend(
        by_line
            .keys()
            .map(|line| format!("line {line}: in the outbox, not in the list")),
    );
    found
}

fn misfit(fate: &Fate, told: &Told) -> Option<String> {
    let row = &told.row;
    let reason = row.reason.as_deref().unwrap_or("");
    let fits = match fate {
        Fate::Mailed(person) => {
            let sent = row.state == "accepted" || row.state == "uncertain" && row.doubted;
            let same = row.address == person.address && row.name.as_deref() == Some(person.name);
            sent && same && told.tries.last().is_some_and(is_over)
        }
        Fate::Refused(person) => {
            let refused = told.tries.len() == 1 && told.tries[0].code == Some(550);
            let same = row.address == person.address && row.name.as_deref() == Some(person.name);
            row.state == "rejected" && same && refused && is_over(&told.tries[0])
        }
        Fate::Repeats(first) => {
            let names_it = reason.ends_with(&format!(" line {first}"));
            row.state == "skipped" && names_it && told.tries.is_empty()
        }
        Fate::Broken(words) => {
            row.state == "invalid" && reason.contains(words) && told.tries.is_empty()
        }
    };
    (!fits).then(|| format!("{fate:?} came to {told:?}"))
}

fn is_over(attempt: &AttemptRow) -> bool {
    attempt.ended_at.is_some() && attempt.outcome.is_some()
}

/// The outbox against a server: `accepted` means that the server has it, to that recipient; more
/// than once only where a try is named as in doubt, and then the very same bytes; and the server
/// has nothing else.
pub(crate) fn against_server(told: &[Told], taken: &[Taken]) -> Vec<String> {
    let mut copies: HashMap<&str, Vec<&Taken>> = HashMap::new();
    for taken in taken {
        copies.entry(&taken.id).or_default().push(taken);
    }
    let mut found = Vec::new();
    for told in told {
        let copies = copies.remove(told.row.id.as_str()).unwrap_or_default();
        found.extend(contradiction(told, &copies).map(|it| format!("{}: {it}", told.row.id)));
    }
    let strangers = copies.into_values().flatten();
    found.extend(strangers.map(|it| format!("{}: no delivery of the run, to {}", it.id, it.to)));
    found
}

fn contradiction(told: &Told, copies: &[&Taken]) -> Option<String> {
    let tries = |outcome: &str| {
        let with = told
            .tries
            .iter()
            .filter(|it| it.outcome.as_deref() == Some(outcome));
        with.count()
    };
    let (state, doubts, accepted) = (&told.row.state, tries("uncertain"), tries("accepted"));
    if (doubts > 0) != told.row.doubted {
        return Some(format!(
            "{doubts} tries in doubt, but doubted is {}",
            told.row.doubted
        ));
    }
    let (least, most) = match state.as_str() {
        "accepted" => (1, 1 + doubts),
        "uncertain" | "presumed" => (0, doubts),
        _ => (0, 0),
    };
    if !(least..=most).contains(&copies.len()) {
        return Some(format!(
            "{state}, {doubts} in doubt, arrived {} times",
            copies.len()
        ));
    }
    if accepted != usize::from(state == "accepted") {
        return Some(format!("{state}, but {accepted} tries were accepted"));
    }
    if let Some(other) = copies.iter().find(|it| it.to != told.row.address) {
        return Some(format!(
            "meant for {}, went to {}",
            told.row.address, other.to
        ));
    }
    let differs = copies.iter().any(|it| it.digest != copies[0].digest);
    differs.then(|| "its copies differ".to_owned())
}

/// What the tally says, against the rows counted one by one.
pub(crate) fn against_tally(reader: &Reader, run: &RunRow, told: &[Told]) -> Vec<String> {
    let mut counted: BTreeMap<String, i64> = BTreeMap::new();
    for told in told {
        *counted.entry(told.row.state.clone()).or_default() += 1;
    }
    let recounted = reader.recount(&run.id).unwrap().0;
    let mut found = Vec::new();
    if run.counts.0 != counted || recounted != counted {
        found.push(format!(
            "tally {:?}, rows {counted:?}, {recounted:?}",
            run.counts.0
        ));
    }
    found
}

#[cfg(test)]
mod doctored;
