//! The canary: a run goes to its first few people, and to all others only once those were taken.
//!
//! The run has the row of the last of the few while that is not decided; rows after it are not
//! claimed. Claims and the decision find the few by seeks in the index of what waits: whole groups
//! of rows are due at the same time, and in each of them the first rows come first. Nothing here
//! looks through all rows of a run.
//!
//! A sweep decides. If each of the few was accepted, the others follow, after a wait. If not, the
//! run is put on hold, and the others follow once a person releases it.

use rusqlite::{OptionalExtension, Row, params};

use super::claim::Waiting;
use super::hold::{CANARY, Hold, Scope};
use super::store::Tx;
use super::writer::Operation;

/// Rows of a run that wait in the same pool for the same moment.
type Group = (String, i64);

/// All groups of a run: as many as it has pools, times the moments that rows wait for.
fn groups(tx: &Tx<'_>, run: i64) -> rusqlite::Result<Vec<Group>> {
    let mut later = tx.conn.prepare_cached(
        "SELECT pool, next_at FROM delivery INDEXED BY delivery_waiting
         WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool = ?2 AND next_at > ?3
         ORDER BY next_at LIMIT 1",
    )?;
    let mut other = tx.conn.prepare_cached(
        "SELECT pool, next_at FROM delivery INDEXED BY delivery_waiting
         WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool > ?2
         ORDER BY pool, next_at LIMIT 1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let mut groups: Vec<Group> = Vec::new();
    loop {
        let (pool, at) = groups.last().map_or(("", i64::MIN), |it| (&*it.0, it.1));
        let mut next = later.query_row(params![run, pool, at], read).optional()?;
        if next.is_none() {
            next = other.query_row(params![run, pool], read).optional()?;
        }
        match next {
            Some(group) => groups.push(group),
            None => return Ok(groups),
        }
    }
}

/// The first rows of a group up to the row `last`, in their order.
fn rows(
    tx: &Tx<'_>,
    run: i64,
    (pool, at): &Group,
    last: i64,
    most: u64,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut query = tx.conn.prepare_cached(
        "SELECT seq, state, next_at, doubted, expires_at, key
         FROM delivery INDEXED BY delivery_waiting
         WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool = ?2 AND next_at = ?3
           AND seq <= ?4
         ORDER BY seq LIMIT ?5",
    )?;
    query
        .query_map(params![run, pool, at, last, most], Waiting::of)?
        .collect()
}

/// The pools of a run that have waiting rows up to `last`, each with when the first of them is due.
pub(super) fn pools(tx: &Tx<'_>, run: i64, last: i64) -> rusqlite::Result<Vec<Group>> {
    let mut pools: Vec<Group> = Vec::new();
    for group in groups(tx, run)? {
        let known = pools.last().is_some_and(|(pool, _)| *pool == group.0);
        if !known && !rows(tx, run, &group, last, 1)?.is_empty() {
            pools.push(group);
        }
    }
    Ok(pools)
}

/// The rows of a pool up to `last` that are due by `until`.
pub(super) fn waiting(
    tx: &Tx<'_>,
    run: i64,
    last: i64,
    pool: &str,
    until: i64,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut found = Vec::new();
    for group in groups(tx, run)? {
        if group.0 == pool && group.1 <= until {
            found.extend(rows(tx, run, &group, last, u64::MAX >> 1)?);
        }
    }
    Ok(found)
}

/// Closes the gate of a run that is handed to deliver, if more wait than go first.
pub(super) fn close(tx: &Tx<'_>, run: i64) -> rusqlite::Result<()> {
    let size: Option<u64> = tx
        .conn
        .prepare_cached("SELECT canary_size FROM run WHERE no = ?1 AND canary_size > 0")?
        .query_row([run], |row| row.get(0))
        .optional()?;
    let Some(size) = size else {
        return Ok(());
    };
    let mut first = Vec::new();
    for group in groups(tx, run)? {
        let rows = rows(tx, run, &group, i64::MAX, size + 1)?;
        first.extend(rows.into_iter().map(|row| row.seq));
    }
    first.sort_unstable();
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let last = (first.len() > size).then(|| first[size - 1]);
    tx.conn
        .prepare_cached("UPDATE run SET canary = ?2 WHERE no = ?1")?
        .execute(params![run, last])
        .map(drop)
}

/// A run that has a gate.
struct Gated {
    run: i64,
    id: String,
    last: i64,
    size: u64,
    wait: i64,
}

/// Decides about the runs whose first few have all ended: how many go on, and how many are held.
pub(super) fn decide(tx: &mut Tx<'_>) -> rusqlite::Result<(u64, u64)> {
    let (mut opened, mut held) = (0, 0);
    for gated in gated(tx)? {
        if gated.is_under_way(tx)? {
            continue;
        }
        let (taken, at) = gated.taken(tx)?;
        if taken >= gated.size {
            if at.is_none_or(|at| at.saturating_add(gated.wait) <= tx.now) {
                gated.open(tx)?;
                opened += 1;
            }
            continue;
        }
        gated.open(tx)?; // the hold stands in its place, and ends with a release
        gated.hold(tx, taken)?;
        held += 1;
    }
    Ok((opened, held))
}

fn gated(tx: &Tx<'_>) -> rusqlite::Result<Vec<Gated>> {
    let mut query = tx.conn.prepare_cached(
        "SELECT no, id, canary, canary_size, canary_wait FROM run INDEXED BY run_canary
         WHERE canary IS NOT NULL AND state = 'sending'",
    )?;
    let gated = query.query_map([], |row| {
        Ok(Gated {
            run: row.get(0)?,
            id: row.get(1)?,
            last: row.get(2)?,
            size: row.get(3)?,
            wait: row.get(4)?,
        })
    })?;
    gated.collect()
}

impl Gated {
    /// Whether one of the few has not ended.
    fn is_under_way(&self, tx: &Tx<'_>) -> rusqlite::Result<bool> {
        let busy = tx
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_busy
                 WHERE run = ?1 AND state IN ('leased', 'armed', 'uncertain') AND seq <= ?2)",
            )?
            .query_row([self.run, self.last], |row| row.get::<_, bool>(0))?;
        Ok(busy || !pools(tx, self.run, self.last)?.is_empty())
    }

    /// How many of the few were taken, and when the last of them was.
    fn taken(&self, tx: &Tx<'_>) -> rusqlite::Result<(u64, Option<i64>)> {
        tx.conn
            .prepare_cached(
                "SELECT count(*), max(ended_at) FROM delivery
                 WHERE run = ?1 AND state = 'accepted'
                   AND seq IN (SELECT seq FROM attempt WHERE run = ?1 AND seq <= ?2)",
            )?
            .query_row([self.run, self.last], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    fn open(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        tx.conn
            .prepare_cached("UPDATE run SET canary = NULL WHERE no = ?1")?
            .execute([self.run])
            .map(drop)
    }

    fn hold(&self, tx: &mut Tx<'_>, taken: u64) -> rusqlite::Result<()> {
        let (size, failed) = (self.size, self.size.saturating_sub(taken));
        let why = self.commonest_reply(tx)?.map_or_else(
            || "no server was asked about them".to_owned(),
            |reply| format!("most often: {reply}"),
        );
        let were = if failed == 1 { "was" } else { "were" };
        let hold = Hold {
            scope: Scope::Run(self.id.clone()),
            reason: format!("{failed} of the first {size} people {were} not taken ({why})"),
            author: CANARY.to_owned(),
            ends_at: None,
        };
        hold.apply(tx).map(drop)
    }

    /// What servers said most often to those of the few that they did not take, without addresses.
    fn commonest_reply(&self, tx: &Tx<'_>) -> rusqlite::Result<Option<String>> {
        tx.conn
            .prepare_cached(
                "SELECT code, enhanced, max(reply) FROM attempt a
                 CROSS JOIN delivery d ON d.run = a.run AND d.seq = a.seq AND d.attempts = a.n
                 WHERE a.run = ?1 AND a.seq <= ?2 AND d.state <> 'accepted'
                 GROUP BY code, enhanced ORDER BY count(*) DESC LIMIT 1",
            )?
            .query_row([self.run, self.last], |row| {
                let code: Option<u16> = row.get(0)?;
                let parts = [
                    code.map(|code| code.to_string()),
                    row.get(1)?,
                    row.get::<_, Option<String>>(2)?.map(|text| nameless(&text)),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                Ok(parts.join(" "))
            })
            .optional()
    }
}

/// A hold is read by many, and outlives what is known of a person.
fn nameless(text: &str) -> String {
    let word = |word| {
        if str::contains(word, '@') {
            "…"
        } else {
            word
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}
