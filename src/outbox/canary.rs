//! The canary: a run goes to its first few people, and to all others only once those were taken.
//!
//! The run has the row of the last of the few while that is not decided; rows after it are not
//! claimed. Claims and the opening of the gate find the few by seeks in the index of what waits:
//! whole groups of rows are due at the same time, and in each of them the first rows come first.

use rusqlite::{OptionalExtension, params};

use super::claim::Waiting;
use super::store::Tx;

/// Rows of a run that wait in the same pool for the same moment.
type Group = (String, i64);

/// All groups of a run: as many as it has domains with limits, times the moments that rows wait for.
fn groups(tx: &Tx<'_>, run: i64) -> rusqlite::Result<Vec<Group>> {
    let mut next = tx.conn.prepare_cached(
        "SELECT pool, next_at FROM delivery INDEXED BY delivery_waiting
         WHERE run = ?1 AND state IN ('queued', 'deferred') AND (pool, next_at) > (?2, ?3)
         ORDER BY pool, next_at LIMIT 1",
    )?;
    let mut groups: Vec<Group> = Vec::new();
    loop {
        let (pool, at) = groups
            .last()
            .map_or(("", i64::MIN), |(pool, at)| (pool, *at));
        let found = next.query_row(params![run, pool, at], |row| Ok((row.get(0)?, row.get(1)?)));
        match found.optional()? {
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
        "SELECT seq, state, next_at, doubted, expires_at FROM delivery INDEXED BY delivery_waiting
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
