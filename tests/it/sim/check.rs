//! The checkers that need the whole story, or a look at the whole file: one for each invariant.
//! Each joins what the outbox says with what the server and the people of the simulation remember.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rusqlite::Connection;

use super::log::Fault;
use super::memory::{Body, Memory};
use super::swarm::Kind;
use super::watch::{Life, Row as Seen};
use postroom::config::Rate;

/// So long a process may need to record what it heard: longer than any disk is slow.
const RECORDING: Duration = Duration::from_secs(120);

/// What the outbox says of one delivery at the end.
pub(crate) struct Row {
    id: String,
    state: String,
    life: Life,
    tries: u64,
    digest: Option<Vec<u8>>,
    /// Attempts that ended so.
    accepted: usize,
    uncertain: usize,
    forgotten: bool,
    /// It shares a message that named somebody who was forgotten since.
    names_fewer: bool,
}

impl Row {
    fn fault(&self, rule: &'static str, what: String) -> Fault {
        Fault::new(rule, what).about(&self.life.key)
    }

    /// Whether it was to be sent at first.
    fn is_meant(&self) -> bool {
        self.tries > 0 || self.digest.is_some()
    }

    /// Whether it was in doubt once.
    pub(crate) fn is_doubted(&self) -> bool {
        self.uncertain > 0
    }
}

/// Whether something will still happen to a delivery by itself.
pub(crate) fn moves(row: &Seen, life: &Life) -> bool {
    let once = life.policy == "resend" && row.resends == 1;
    let for_a_person = row.state == "uncertain" && (life.policy == "hold" || once);
    !row.is_final() && !for_a_person
}

fn all<T>(
    sql: &Connection,
    query: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut query = sql.prepare_cached(query).unwrap();
    let rows = query.query_map([], row).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// All of them, but for what housekeeping has yet to remove of runs that were never opened: if
/// anything of those left, it left without a row.
pub(crate) fn rows(memory: &Memory) -> Vec<Row> {
    let query = "SELECT d.run, d.seq, r.id || '.' || d.seq, d.state, d.tries, d.digest,
           count(a.n) FILTER (WHERE a.outcome = 'accepted'),
           count(a.n) FILTER (WHERE a.outcome = 'uncertain'), d.address = '(forgotten)',
           r.grouped IS NOT NULL AND EXISTS (
             SELECT 1 FROM delivery f WHERE f.run = d.run AND f.address = '(forgotten)')
         FROM delivery d JOIN run r ON r.no = d.run
         LEFT JOIN attempt a ON a.run = d.run AND a.seq = d.seq
         WHERE r.state <> 'failed' GROUP BY d.run, d.seq";
    all(&memory.sql, query, |row| {
        Ok(Row {
            id: row.get(2)?,
            state: row.get(3)?,
            life: memory.seen.lives[&(row.get(0)?, row.get(1)?)].clone(),
            tries: row.get(4)?,
            digest: row.get(5)?,
            accepted: row.get(6)?,
            uncertain: row.get(7)?,
            forgotten: row.get(8)?,
            names_fewer: row.get(9)?,
        })
    })
}

/// Every checker that needs the whole story, at its end.
pub(crate) fn at_the_end(memory: &Memory, rows: &[Row]) -> Vec<Fault> {
    let mut bodies: BTreeMap<&str, Vec<&Body>> = BTreeMap::new();
    for body in &memory.bodies {
        if let Some(id) = body.id() {
            bodies.entry(own_id(id, body, rows)).or_default().push(body);
        }
    }
    let mut faults = each_person_once(rows, &bodies);
    for row in rows {
        let bodies = bodies.get(row.id.as_str()).map_or(&[][..], |them| them);
        let found = [
            at_most_once(row, bodies),
            what_was_heard_is_recorded(row, bodies, memory),
            no_false_success(row, bodies),
            identity(row, bodies),
        ];
        faults.extend(found.into_iter().flatten());
    }
    faults.extend(none_lost(memory));
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let strange = bodies.keys().filter(|id| !known.contains(*id));
    let fault = |id: &&str| Fault::new("nothing leaves without a row", id.to_string());
    faults.extend(strange.map(fault));
    faults.extend(no_burnt_budget(rows, memory));
    faults
}

/// The public id of the delivery that a body belongs to: one that several people share has a number
/// that is nobody's.
fn own_id<'a>(id: &'a str, body: &Body, rows: &'a [Row]) -> &'a str {
    let Some(run) = id.strip_suffix(".0") else {
        return id;
    };
    let own = |row: &&Row| row.life.run == run && row.life.key == body.to && row.is_meant();
    rows.iter().find(own).map_or(id, |row| &row.id)
}

/// What must hold whenever no write is under way.
pub(crate) fn at_any_time(sql: &Connection) -> Vec<Fault> {
    let mut faults = tally_equals_recount(sql);
    faults.extend(completed_once(sql));
    faults.extend(one_run_for_each_occurrence(sql));
    faults
}

/// One acceptance, and one more where the outbox has a doubt on record and the policy is to send
/// again, and one for each time that a person had it sent again.
fn at_most_once(row: &Row, bodies: &[&Body]) -> Option<Fault> {
    let taken = bodies.iter().filter(|body| body.taken).count();
    let again = usize::from(row.life.policy == "resend" && row.uncertain > 0);
    let recorded = row.accepted + row.uncertain;
    let fault = || {
        let what = format!(
            "{} was taken {taken} times; {} attempts accepted, {} uncertain, policy {}, sent \
             again by a person {} times",
            row.id, row.accepted, row.uncertain, row.life.policy, row.life.sent_again
        );
        row.fault("at most once", what)
    };
    (taken > 1 + again + row.life.sent_again || taken > recorded).then(fault)
}

/// A yes that reached a process which lived on is on record as that: nothing is in doubt, or sent
/// again, whose answer was heard. A lane that lost its lease and sends all the same is found here.
fn what_was_heard_is_recorded(row: &Row, bodies: &[&Body], memory: &Memory) -> Option<Fault> {
    let lived_on = |body: &&&Body| {
        let death = memory.deaths.get(body.process).copied().flatten();
        body.heard
            .is_some_and(|at| death.is_none_or(|death| death - at > RECORDING))
    };
    let heard = bodies.iter().filter(lived_on).count();
    (heard > row.accepted).then(|| {
        let what = format!(
            "{} was accepted {heard} times, and that was heard; {} attempts accepted, {} uncertain",
            row.id, row.accepted, row.uncertain
        );
        row.fault("what was heard is recorded", what)
    })
}

/// A person that stands in a list twice gets one message of a run.
fn each_person_once(rows: &[Row], bodies: &BTreeMap<&str, Vec<&Body>>) -> Vec<Fault> {
    let mut sent: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut faults = Vec::new();
    let with_body = |row: &&Row| bodies.contains_key(row.id.as_str());
    for row in rows.iter().filter(with_body) {
        if let Some(other) = sent.insert((&row.life.run, &row.life.key), &row.id) {
            let what = format!("{other} and {} are both for {}", row.id, row.life.key);
            faults.push(row.fault("each person once", what));
        }
    }
    faults
}

/// At the end, after time enough, everything is final, or a person must decide.
fn none_lost(memory: &Memory) -> Vec<Fault> {
    let rows = memory.seen.rows.iter();
    let with_life = rows.map(|(id, row)| (id, row, &memory.seen.lives[id]));
    let waiting = with_life.filter(|(_, row, life)| moves(row, life));
    let fault = |(id, row, life): (&(i64, i64), &Seen, &Life)| {
        let what = format!("{id:?} is still {}", row.state);
        Fault::new("none lost", what).about(&life.key)
    };
    waiting.map(fault).collect()
}

/// In no span of a window's length more messages than a rate allows. Holds where the wall clock was
/// left alone: over the end of a process it is all there is.
pub(crate) fn never_over_a_rate(
    memory: &Memory,
    kind: Kind,
    account: &str,
    schedule: Option<&str>,
    rates: &[Rate],
) -> Option<Fault> {
    let of_run: BTreeMap<&str, &str> = (memory.seen.lives.values())
        .map(|life| (life.run.as_str(), life.schedule.as_str()))
        .collect();
    let is_meant = |body: &&Body| {
        let run = body
            .id()
            .and_then(|id| id.split('.').next())
            .unwrap_or_default();
        body.account == account && schedule.is_none_or(|it| of_run.get(run) == Some(&it))
    };
    let began: Vec<_> = memory
        .bodies
        .iter()
        .filter(|body| is_meant(body) && !body.is_copy)
        .map(|body| body.began)
        .collect();
    let over = |rate: &&Rate| {
        let most = usize::try_from(rate.count).unwrap();
        let mut spans = began.iter().zip(began.iter().skip(most));
        spans.any(|(first, last)| *last - *first < rate.window)
    };
    let rate = rates.iter().find(over).filter(|_| kind == Kind::Paced)?;
    let what = format!("{account} {schedule:?} sent more than {rate:?}");
    Some(Fault::new("never over a rate", what))
}

fn no_false_success(row: &Row, bodies: &[&Body]) -> Option<Fault> {
    let told = bodies.iter().filter(|body| body.taken && body.told).count();
    let success = row.accepted > 0 || row.life.confirmed > 0;
    let wrong = row.accepted > told || (row.state == "accepted") != success;
    wrong.then(|| {
        let what = format!(
            "{} is {}, {} attempts accepted, the server said so {told} times",
            row.id, row.state, row.accepted
        );
        row.fault("no false success", what)
    })
}

/// Whatever came of a message, and how often: always the same bytes, which are those of the digest.
/// Only who was forgotten is named no more.
fn identity(row: &Row, bodies: &[&Body]) -> Option<Fault> {
    let longest = bodies.iter().max_by_key(|body| body.bytes.len())?;
    let same = bodies
        .iter()
        .all(|body| row.names_fewer || longest.bytes.starts_with(&body.bytes));
    let whole = bodies.iter().rfind(|body| body.taken);
    let right = whole.is_none_or(|body| {
        let text = String::from_utf8_lossy(&body.bytes).replace("\r\n..", "\r\n.");
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        row.forgotten || row.digest.as_deref() == Some(digest.as_ref())
    });
    let fault = || row.fault("identity", format!("the bytes of {} differ", row.id));
    (!same || !right).then(fault)
}

/// A try is charged only where the server had a word about a message, or ended an open session.
fn no_burnt_budget(rows: &[Row], memory: &Memory) -> Option<Fault> {
    let tries: u64 = rows.iter().map(|row| row.tries).sum();
    // What is said to one transaction is everybody's who shares it.
    let shared = match memory.together.is_empty() {
        true => 1,
        false => memory
            .seen
            .lives
            .values()
            .map(|life| &life.key)
            .collect::<BTreeSet<_>>()
            .len(),
    };
    let heard = (memory.offers + memory.hang_ups) * shared as u64;
    let what = || format!("{tries} tries, the server knows of {heard}");
    (tries > heard).then(|| Fault::new("no burnt budget", what()))
}

fn tally_equals_recount(sql: &Connection) -> Vec<Fault> {
    let query = "SELECT run, state, sum(n) FROM (
           SELECT run, state, count(*) AS n FROM delivery GROUP BY run, state
           UNION ALL SELECT run, state, -count FROM tally)
         WHERE run NOT IN (SELECT no FROM run WHERE state = 'failed')
         GROUP BY run, state HAVING sum(n) <> 0";
    all(sql, query, |row| {
        let (run, state) = (row.get::<_, i64>(0)?, row.get::<_, String>(1)?);
        let what = format!("run {run} {state} is wrong by {}", row.get::<_, i64>(2)?);
        Ok(Fault::new("tally equals recount", what))
    })
}

/// A run has ended exactly if nothing of it is left to do, and then it has a report; one more for
/// each time that a person opened it again.
fn completed_once(sql: &Connection) -> Vec<Fault> {
    let query = "SELECT r.id, r.state, left, reports FROM (
           SELECT no, (SELECT count(*) FROM delivery d WHERE d.run = r.no AND d.state IN
                ('queued', 'leased', 'armed', 'uncertain', 'deferred')) AS left,
             (SELECT count(*) FROM report t WHERE t.run = r.no) AS reports FROM run r) c
         JOIN run r ON r.no = c.no
         WHERE reports <> r.rounds - (r.state <> 'completed')
           OR (r.state = 'completed' AND left > 0) OR (r.state = 'sending' AND left = 0)";
    all(sql, query, |row| {
        let (id, state) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let (left, reports) = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
        let what = format!("{id} is {state}, {left} left, {reports} reports");
        Ok(Fault::new("completion once", what))
    })
}

fn one_run_for_each_occurrence(sql: &Connection) -> Vec<Fault> {
    let query = "SELECT schedule, occurrence, count(*) FROM run
         GROUP BY schedule, occurrence HAVING count(*) > 1";
    all(sql, query, |row| {
        let (schedule, occurrence) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let what = format!("{schedule} {occurrence} has {}", row.get::<_, i64>(2)?);
        Ok(Fault::new("one run for each occurrence", what))
    })
}
