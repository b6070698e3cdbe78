//! The checkers: one for each invariant, each joining what the outbox says with what the server
//! and the people of the simulation remember.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::memory::{Body, Memory};

/// What the outbox says of one delivery at the end.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) state: String,
    key: String,
    policy: String,
    tries: u64,
    resends: u64,
    digest: Option<Vec<u8>>,
    /// Attempts that ended so.
    accepted: usize,
    uncertain: usize,
}

impl Row {
    /// Whether something will still happen to it by itself.
    pub(crate) fn moves(&self) -> bool {
        let waits = ["queued", "leased", "armed", "uncertain", "deferred"];
        let for_a_person = self.state == "uncertain"
            && (self.policy == "hold" || (self.policy == "resend" && self.resends == 1));
        waits.contains(&self.state.as_str()) && !for_a_person
    }

    /// Whether it was in doubt once.
    pub(crate) fn is_doubted(&self) -> bool {
        self.uncertain > 0
    }
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
pub(crate) fn rows(sql: &Connection) -> Vec<Row> {
    let query = "SELECT r.id || '.' || d.seq, d.state, d.key, r.on_uncertain, d.tries, d.resends,
           d.digest,
           (SELECT count(*) FROM attempt a
            WHERE a.run = d.run AND a.seq = d.seq AND a.outcome = 'accepted'),
           (SELECT count(*) FROM attempt a
            WHERE a.run = d.run AND a.seq = d.seq AND a.outcome = 'uncertain')
         FROM delivery d JOIN run r ON r.no = d.run
         WHERE r.state <> 'failed' ORDER BY d.run, d.seq";
    all(sql, query, |row| {
        Ok(Row {
            id: row.get(0)?,
            state: row.get(1)?,
            key: row.get(2)?,
            policy: row.get(3)?,
            tries: row.get(4)?,
            resends: row.get(5)?,
            digest: row.get(6)?,
            accepted: row.get(7)?,
            uncertain: row.get(8)?,
        })
    })
}

/// Every checker that needs the whole story, at its end.
pub(crate) fn at_the_end(memory: &Memory) -> Vec<String> {
    let rows = rows(&memory.sql);
    let mut bodies: BTreeMap<&str, Vec<&Body>> = BTreeMap::new();
    for body in &memory.bodies {
        if let Some(id) = body.id() {
            bodies.entry(id).or_default().push(body);
        }
    }
    let mut faults = nothing_is_sent_twice_to_a_person(&rows, &bodies);
    for row in &rows {
        let bodies = bodies.get(row.id.as_str()).map_or(&[][..], |them| them);
        let found = [
            at_most_once(row, bodies),
            none_lost(row),
            no_false_success(row, bodies),
            identity(row, bodies),
            resent_once(row),
        ];
        faults.extend(found.into_iter().flatten());
    }
    let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let strange = bodies.keys().filter(|id| !known.contains(*id));
    faults.extend(strange.map(|id| format!("nothing leaves without a row: {id}")));
    faults.extend(no_burnt_budget(&rows, memory));
    faults.extend(at_any_time(&memory.sql));
    faults
}

/// What must hold whenever no write is under way.
pub(crate) fn at_any_time(sql: &Connection) -> Vec<String> {
    let mut faults = tally_equals_recount(sql);
    faults.extend(completed_once(sql));
    faults.extend(one_run_for_each_occurrence(sql));
    faults
}

fn at_most_once(row: &Row, bodies: &[&Body]) -> Option<String> {
    let taken = bodies.iter().filter(|body| body.taken).count();
    let again = usize::from(row.policy == "resend" && row.uncertain > 0);
    let recorded = row.accepted + row.uncertain;
    let fault = || {
        format!(
            "at most once: {} was taken {taken} times; {} attempts accepted, {} uncertain, \
             policy {}",
            row.id, row.accepted, row.uncertain, row.policy
        )
    };
    (taken > 1 + again || taken > recorded).then(fault)
}

/// A person that stands in a list twice gets one message of a run.
fn nothing_is_sent_twice_to_a_person(
    rows: &[Row],
    bodies: &BTreeMap<&str, Vec<&Body>>,
) -> Vec<String> {
    let mut sent: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let mut faults = Vec::new();
    for row in rows
        .iter()
        .filter(|row| bodies.contains_key(row.id.as_str()))
    {
        let (run, _) = row.id.split_once('.').unwrap();
        if let Some(other) = sent.insert((run, &row.key), &row.id) {
            faults.push(format!(
                "each person once: {other} and {} are both for {}",
                row.id, row.key
            ));
        }
    }
    faults
}

fn none_lost(row: &Row) -> Option<String> {
    row.moves()
        .then(|| format!("none lost: {} is still {}", row.id, row.state))
}

fn no_false_success(row: &Row, bodies: &[&Body]) -> Option<String> {
    let told = bodies.iter().filter(|body| body.taken && body.told).count();
    let wrong = row.accepted > told || (row.state == "accepted") != (row.accepted > 0);
    wrong.then(|| {
        format!(
            "no false success: {} is {}, {} attempts accepted, the server said so {told} times",
            row.id, row.state, row.accepted
        )
    })
}

/// Whatever came of a message, and how often: always the same bytes, which are those of the digest.
fn identity(row: &Row, bodies: &[&Body]) -> Option<String> {
    let longest = bodies.iter().max_by_key(|body| body.bytes.len())?;
    let same = bodies
        .iter()
        .all(|body| longest.bytes.starts_with(&body.bytes));
    let whole = bodies.iter().filter(|body| body.taken);
    let mut digests = whole.map(|body| {
        let text = String::from_utf8_lossy(&body.bytes).replace("\r\n..", "\r\n.");
        ring::digest::digest(&ring::digest::SHA256, text.as_bytes())
    });
    let right = digests.all(|digest| row.digest.as_deref() == Some(digest.as_ref()));
    (!same || !right).then(|| format!("identity: the bytes of {} differ", row.id))
}

fn resent_once(row: &Row) -> Option<String> {
    let most = u64::from(row.policy == "resend");
    (row.resends > most).then(|| format!("resent once: {} {} times", row.id, row.resends))
}

/// A try is charged only where the server had a word about a message, or ended an open session.
fn no_burnt_budget(rows: &[Row], memory: &Memory) -> Option<String> {
    let tries: u64 = rows.iter().map(|row| row.tries).sum();
    let heard = memory.offers + memory.hang_ups;
    (tries > heard).then(|| format!("no burnt budget: {tries} tries, the server knows of {heard}"))
}

fn tally_equals_recount(sql: &Connection) -> Vec<String> {
    let query = "SELECT run, state, sum(n) FROM (
           SELECT run, state, count(*) AS n FROM delivery GROUP BY run, state
           UNION ALL SELECT run, state, -count FROM tally)
         WHERE run NOT IN (SELECT no FROM run WHERE state = 'failed')
         GROUP BY run, state HAVING sum(n) <> 0";
    all(sql, query, |row| {
        let (run, state, by) = (row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get(2)?);
        let by: i64 = by;
        Ok(format!(
            "tally equals recount: run {run} {state} is wrong by {by}"
        ))
    })
}

/// A run has ended exactly if nothing of it is left to do, and then it has one report.
fn completed_once(sql: &Connection) -> Vec<String> {
    let query = "SELECT r.id, r.state, left, reports FROM (
           SELECT no, (SELECT count(*) FROM delivery d WHERE d.run = r.no AND d.state IN
                ('queued', 'leased', 'armed', 'uncertain', 'deferred')) AS left,
             (SELECT count(*) FROM report t WHERE t.run = r.no) AS reports FROM run r) c
         JOIN run r ON r.no = c.no
         WHERE (r.state = 'completed') <> (reports = 1) OR reports > 1
           OR (r.state = 'completed' AND left > 0) OR (r.state = 'sending' AND left = 0)";
    all(sql, query, |row| {
        let (id, state) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let (left, reports) = (row.get::<_, i64>(2)?, row.get::<_, i64>(3)?);
        Ok(format!(
            "completion once: {id} is {state}, {left} left, {reports} reports"
        ))
    })
}

fn one_run_for_each_occurrence(sql: &Connection) -> Vec<String> {
    let query = "SELECT schedule, occurrence, count(*) FROM run
         GROUP BY schedule, occurrence HAVING count(*) > 1";
    all(sql, query, |row| {
        let (schedule, occurrence) = (row.get::<_, String>(0)?, row.get::<_, String>(1)?);
        let count: i64 = row.get(2)?;
        Ok(format!(
            "one run per occurrence: {schedule} {occurrence} has {count}"
        ))
    })
}
