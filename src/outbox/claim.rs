//! Claims: rows that are due become an account's for a while.
//!
//! A claim is a lease: it ends by itself, and its epoch fences off a lane that slept through the
//! end. Each run gets an equal share, then those that have more get what is left; and so does each
//! pool within a run. What it costs depends on how many runs are open and how
//! many rows it takes, never on how many wait.
//!
//! The people of a run who all get one message together are claimed together: all that are due.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use rusqlite::params;

use super::canary;
use super::run::{GOES_ON, millis};
use super::state::{Move, State};
use super::store::Tx;
use super::writer::{Operation, Rank};
use super::{DeliveryId, RunNo};
use crate::clock::Timestamp;

/// A hold on everything, on the row's run, its schedule, its account or the one that would carry
/// it. The query around it names the run `r`; `?1` is the time, `?2` the account that asks. Mostly
/// there is no hold at all, which is found out once a query.
pub(super) const HELD: &str = "(EXISTS (SELECT 1 FROM hold) AND EXISTS (
    SELECT 1 FROM hold h WHERE (h.ends_at IS NULL OR h.ends_at > ?1) AND (
    h.scope = 'all' OR (h.scope = 'run' AND h.name = r.id)
    OR (h.scope = 'schedule' AND h.name = r.schedule)
    OR (h.scope = 'account' AND (h.name = r.account OR h.name = ?2)))))";

/// Why a row whose time ran out was not sent.
pub(super) const TOO_LATE: &str = "not sent in time";
/// The same, where an earlier try was taken or not: who asks must not be told that it was not.
pub(super) const IN_DOUBT_TOO_LATE: &str = "it may have arrived, and was not sent again in time";

/// So many rows are looked at for those whose time is not over: a million may end at one moment,
/// and the sweep takes them away in chunks.
const LOOKED_AT: usize = 500;

/// A run in which more than this many wait is large, and leaves room for others.
pub const BULK: u64 = 100;

/// Asks for deliveries of one account that are due.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The account.
    pub account: String,
    /// How many at most.
    pub limit: usize,
    /// How many of them may be of runs in which more than [`BULK`] wait.
    pub bulk_limit: usize,
    /// Schedules that may not use up the limit, and what each may take.
    pub schedule_limits: HashMap<String, usize>,
    /// The same for domains.
    pub pool_limits: HashMap<String, usize>,
    /// How many of those may be of runs in which more than [`BULK`] wait.
    pub bulk_pool_limits: HashMap<String, usize>,
    /// Accounts that cannot be used: this one carries what it may in their place, but for what an
    /// earlier try left in doubt.
    pub out: Vec<String>,
    /// Runs that get nothing.
    pub besides: Vec<RunNo>,
    /// When mail of some schedules may not leave any more, in milliseconds.
    pub closing: HashMap<String, i64>,
    /// Counts up, so that runs take turns to be first.
    pub turn: u64,
    /// How long the lease lasts; longer than the longest wait for a reply.
    pub lease: Duration,
    /// So much longer for each of those who share a message.
    pub lease_each: Duration,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claims {
    /// The rows, now leased.
    pub rows: Vec<Claimed>,
    /// When the earliest row that was not taken is due, in milliseconds, for the account to sleep;
    /// none if the limit was reached. What one of the other limits keeps counts for nothing here.
    pub next_at: Option<i64>,
}

/// One leased delivery.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Which one.
    pub id: DeliveryId,
    /// The run's ULID.
    pub run_id: String,
    /// The run's schedule.
    pub schedule: String,
    /// How many rows its run has.
    pub people: u64,
    /// Whether the account is the run's own, and not one that stands in.
    pub home: bool,
    /// The domain whose limits hold for it, if one's do, else nothing.
    pub pool: String,
    /// Fences off earlier leases of the same row.
    pub epoch: i64,
    /// Normalised address.
    pub key: String,
    /// Address to send to.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// Template fields, as JSON.
    pub fields: String,
    /// The files that go to this person alone, as JSON.
    pub files: Option<String>,
    /// How many tries before may have reached the recipient.
    pub tries: i64,
    /// Whether an earlier try ended in doubt.
    pub doubted: bool,
    /// It may leave from then on, in milliseconds, if it has a time of its own; else 0.
    pub not_before: i64,
    /// It may not leave from then on, in milliseconds, as long as this claim lasts.
    pub closes_at: Option<i64>,
    /// Whether all people of its run get one message together.
    pub grouped: bool,
    /// The others who get this message along with it, in the order of their rows.
    pub companions: Vec<Claimed>,
}

impl Claimed {
    /// The recipient's domain, normalised; of a message to several people the one whose limits
    /// hold for it, if one's do.
    #[must_use]
    pub fn domain(&self) -> &str {
        if self.grouped {
            return &self.pool;
        }
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether the hours are over at which it may leave.
    #[must_use]
    pub fn is_closed(&self, now: Timestamp) -> bool {
        self.closes_at.is_some_and(|at| at <= now.as_millisecond())
    }
}

impl Claim {
    /// Up to `limit` rows, whatever they are.
    #[must_use]
    pub fn of(account: &str, limit: usize, lease: Duration) -> Self {
        Self {
            account: account.to_owned(),
            limit,
            bulk_limit: limit,
            schedule_limits: HashMap::new(),
            pool_limits: HashMap::new(),
            bulk_pool_limits: HashMap::new(),
            out: Vec::new(),
            besides: Vec::new(),
            closing: HashMap::new(),
            turn: 0,
            lease,
            lease_each: Duration::ZERO,
        }
    }
}

struct OpenRun {
    no: i64,
    id: String,
    schedule: String,
    people: u64,
    waiting: u64,
    home: bool,
    /// Rows behind this one wait for those before it.
    canary: Option<i64>,
    grouped: bool,
    pools: Vec<Pool>,
}

/// The rows of a run that wait for the same limits.
struct Pool {
    name: String,
    /// When the first of them is due, or was before this claim.
    next_at: i64,
}

/// What a claim took.
#[derive(Default)]
struct Taken {
    rows: Vec<Claimed>,
    /// Rows that have come to the pool of their domain.
    moved: usize,
}

/// What a claim may still take.
struct Room {
    all: usize,
    bulk: usize,
    schedules: HashMap<String, usize>,
    pools: HashMap<String, usize>,
    bulk_pools: HashMap<String, usize>,
}

impl Room {
    fn of(&self, run: &OpenRun, pool: &Pool) -> usize {
        let is_bulk = run.waiting > BULK;
        let of_bulk = [Some(&self.bulk), self.bulk_pools.get(&pool.name)];
        let named = [
            self.schedules.get(&run.schedule),
            self.pools.get(&pool.name),
        ];
        named
            .into_iter()
            .chain(of_bulk.into_iter().filter(|_| is_bulk))
            .flatten()
            .fold(self.all, |room, limit| room.min(*limit))
    }

    fn take(&mut self, run: &OpenRun, pool: &Pool, taken: usize) {
        self.all -= taken;
        if run.waiting > BULK {
            self.bulk -= taken;
            if let Some(limit) = self.bulk_pools.get_mut(&pool.name) {
                *limit -= taken;
            }
        }
        let schedule = self.schedules.get_mut(&run.schedule);
        let named = [schedule, self.pools.get_mut(&pool.name)];
        named
            .into_iter()
            .flatten()
            .for_each(|limit| *limit -= taken);
    }
}

impl Operation for Claim {
    type Receipt = Claims;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Claims> {
        let runs = self.open_runs(tx)?;
        let is_due = |run: &&OpenRun| run.pools.iter().any(|pool| pool.next_at <= tx.now);
        let mut due: Vec<&OpenRun> = runs.iter().filter(is_due).collect();
        let mut room = Room {
            all: self.limit,
            bulk: self.bulk_limit,
            schedules: self.schedule_limits.clone(),
            pools: self.pool_limits.clone(),
            bulk_pools: self.bulk_pool_limits.clone(),
        };
        let mut taken = Taken::default();
        if !due.is_empty() {
            let turn = usize::try_from(self.turn).unwrap_or(0);
            let first = turn % due.len();
            let first_pool = turn / due.len();
            due.rotate_left(first);
            let share = self.limit.div_ceil(due.len());
            for most in [share, self.limit] {
                for run in &due {
                    self.take(tx, run, most, first_pool, &mut room, &mut taken)?;
                }
            }
        }
        let next_at = match room.all {
            0 => None, // nobody sleeps who has all that they can take
            _ if taken.moved > 0 => Some(tx.now),
            _ => next_at(tx, &runs, &room)?,
        };
        let rows = taken.rows;
        Ok(Claims { rows, next_at })
    }
}

impl Claim {
    /// Takes up to `most` rows of a run, from its pools in turn.
    fn take(
        &self,
        tx: &mut Tx<'_>,
        run: &OpenRun,
        most: usize,
        first_pool: usize,
        room: &mut Room,
        into: &mut Taken,
    ) -> rusqlite::Result<()> {
        let mut due: Vec<&Pool> = run
            .pools
            .iter()
            .filter(|pool| pool.next_at <= tx.now)
            .collect();
        let first = first_pool % due.len();
        due.rotate_left(first);
        let mut left = most;
        for share in [most.div_ceil(due.len()), most] {
            for pool in &due {
                let allowed = room.of(run, pool).min(share).min(left);
                let taken = self.lease(tx, run, pool, allowed, into)?;
                room.take(run, pool, taken);
                left -= taken;
            }
        }
        Ok(())
    }

    fn lease(
        &self,
        tx: &mut Tx<'_>,
        run: &OpenRun,
        pool: &Pool,
        most: usize,
        into: &mut Taken,
    ) -> rusqlite::Result<usize> {
        if most == 0 {
            return Ok(0);
        }
        let mut rows = Vec::new();
        if run.grouped {
            let mut due = waiting(tx, run, pool, tx.now, usize::MAX)?;
            due.sort_unstable_by_key(|row| row.seq);
            self.lease_all(tx, run, pool, &due, &mut rows)?;
            rows = Claimed::together(rows).into_iter().collect();
        } else {
            let (due, moved) = self.due(tx, run, pool, most)?;
            into.moved += moved;
            self.lease_all(tx, run, pool, &due, &mut rows)?;
        }
        let taken = rows.len();
        into.rows.append(&mut rows);
        Ok(taken)
    }

    fn lease_all(
        &self,
        tx: &mut Tx<'_>,
        run: &OpenRun,
        pool: &Pool,
        due: &[Waiting],
        rows: &mut Vec<Claimed>,
    ) -> rusqlite::Result<()> {
        let mut lease = tx.conn.prepare_cached(
            "UPDATE delivery SET state = ?4, epoch = epoch + 1, lease_until = ?3, carrier = ?5
             WHERE run = ?1 AND seq = ?2
             RETURNING epoch, key, address, name, fields, tries, doubted, not_before,
               files",
        )?;
        let sharing = u32::try_from(due.len()).unwrap_or(u32::MAX);
        let each = self.lease_each * if run.grouped { sharing } else { 0 };
        let until = tx.ticks + millis(self.lease + each);
        let carrier = (!run.home).then_some(&self.account);
        for Waiting { seq, state, .. } in due {
            let leased = tx.step(run.no, *state, Move::Claim)?.name();
            rows.push(
                lease.query_row(params![run.no, seq, until, leased, carrier], |row| {
                    Ok(Claimed {
                        id: DeliveryId {
                            run: RunNo(run.no),
                            seq: *seq,
                        },
                        run_id: run.id.clone(),
                        schedule: run.schedule.clone(),
                        people: run.people,
                        home: run.home,
                        pool: pool.name.clone(),
                        epoch: row.get(0)?,
                        key: row.get(1)?,
                        address: row.get(2)?,
                        name: row.get(3)?,
                        fields: row.get(4)?,
                        tries: row.get(5)?,
                        doubted: row.get(6)?,
                        not_before: row.get(7)?,
                        files: row.get(8)?,
                        closes_at: self.closing.get(&run.schedule).copied(),
                        grouped: run.grouped,
                        companions: Vec::new(),
                    })
                })?,
            );
        }
        Ok(())
    }

    /// The first rows of a pool that are due. Those of a run that was opened before their domain
    /// had limits come to the pool of that one instead: how many. Later claims see them there.
    fn due(
        &self,
        tx: &Tx<'_>,
        run: &OpenRun,
        pool: &Pool,
        most: usize,
    ) -> rusqlite::Result<(Vec<Waiting>, usize)> {
        let mut moved = 0;
        loop {
            let mut due = waiting(tx, run, pool, tx.now, most)?;
            let before = moved;
            for row in &due {
                if let Some(domain) = self.limited(pool, row) {
                    tx.conn
                        .prepare_cached(
                            "UPDATE delivery SET pool = ?3 WHERE run = ?1 AND seq = ?2",
                        )?
                        .execute(params![run.no, row.seq, domain])?;
                    moved += 1;
                }
            }
            if moved == before || moved >= LOOKED_AT {
                due.retain(|row| self.limited(pool, row).is_none());
                return Ok((due, moved));
            }
        }
    }

    /// The domain of a row that waits in the pool of no domain, if that one is limited.
    fn limited<'a>(&self, pool: &Pool, row: &'a Waiting) -> Option<&'a str> {
        let (_, domain) = row.key.rsplit_once('@')?;
        (pool.name.is_empty() && self.pool_limits.contains_key(domain)).then_some(domain)
    }

    /// The runs of this account, and those in whose account's place it stands.
    fn open_runs(&self, tx: &Tx<'_>) -> rusqlite::Result<Vec<OpenRun>> {
        let besides: HashSet<i64> = self.besides.iter().map(|run| run.0).collect();
        let mut runs = self.runs_of(tx, &self.account, &besides)?;
        for out in self.out.iter().filter(|out| **out != self.account) {
            runs.extend(self.runs_of(tx, out, &besides)?);
        }
        runs.sort_unstable_by_key(|run| run.no);
        Ok(runs)
    }

    fn runs_of(
        &self,
        tx: &Tx<'_>,
        account: &str,
        besides: &HashSet<i64>,
    ) -> rusqlite::Result<Vec<OpenRun>> {
        let sql = format!(
            "SELECT no, id, schedule, people, via, canary,
               (SELECT coalesce(sum(t.count), 0) FROM tally t
                WHERE t.run = r.no AND t.state IN ('queued', 'deferred')),
               (SELECT d.next_at FROM delivery d INDEXED BY delivery_waiting
                WHERE d.run = r.no AND d.state IN ('queued', 'deferred') AND d.pool = ''
                ORDER BY d.next_at LIMIT 1),
               (SELECT d.pool FROM delivery d INDEXED BY delivery_waiting
                WHERE d.run = r.no AND d.state IN ('queued', 'deferred') AND d.pool > ''
                ORDER BY d.pool LIMIT 1),
               grouped IS NOT NULL
             FROM run r
             WHERE account = ?3 AND state IN ('expanding', 'sending') AND state = 'sending'
               AND expires_at > ?1 AND NOT {HELD} AND NOT (queues AND EXISTS (
                 SELECT 1 FROM run e INDEXED BY run_turn
                 WHERE e.state IN ('expanding', 'sending') AND e.queues
                   AND e.schedule = r.schedule AND e.no < r.no AND {GOES_ON}))
             ORDER BY no"
        );
        let mut query = tx.conn.prepare_cached(&sql)?;
        let mut found = query.query(params![tx.now, self.account, account])?;
        let mut runs = Vec::new();
        while let Some(row) = found.next()? {
            let no = row.get(0)?;
            let home = account == self.account;
            if besides.contains(&no) || !home && !self.stands_in(row.get_ref(4)?.as_str()?) {
                continue;
            }
            let canary: Option<i64> = row.get(5)?;
            let pools = match canary {
                Some(last) => canary::pools(tx, no, last)?,
                None => pools(tx, no, row.get(7)?, row.get(8)?)?,
            };
            let pool = |(name, next_at)| Pool { name, next_at };
            runs.push(OpenRun {
                no,
                id: row.get(1)?,
                schedule: row.get(2)?,
                people: row.get(3)?,
                waiting: row.get(6)?,
                home,
                canary,
                grouped: row.get(9)?,
                pools: pools.into_iter().map(pool).collect(),
            });
        }
        Ok(runs)
    }

    /// Whether every account before this one is out.
    fn stands_in(&self, via: &str) -> bool {
        let via: Vec<String> = serde_json::from_str(via).expect("written by opening the run");
        let before = via.iter().take_while(|name| **name != self.account);
        via.contains(&self.account) && before.into_iter().all(|name| self.out.contains(name))
    }
}

/// The pools of a run that have waiting rows, each with when the first of them is due: that of no
/// domain, and those from the domain `more` on.
fn pools(
    tx: &Tx<'_>,
    run: i64,
    unlimited: Option<i64>,
    mut more: Option<String>,
) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut pools: Vec<_> = unlimited
        .map(|at| (String::new(), at))
        .into_iter()
        .collect();
    while let Some(name) = more {
        let (next_at, next) = tx
            .conn
            .prepare_cached(
                "SELECT
                   (SELECT next_at FROM delivery INDEXED BY delivery_waiting
                    WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool = ?2
                    ORDER BY next_at LIMIT 1),
                   (SELECT pool FROM delivery INDEXED BY delivery_waiting
                    WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool > ?2
                    ORDER BY pool LIMIT 1)",
            )?
            .query_row(params![run, name], |row| Ok((row.get(0)?, row.get(1)?)))?;
        pools.push((name, next_at));
        more = next;
    }
    Ok(pools)
}

/// When the first of all rows is due that were left for want of time, not of room.
fn next_at(tx: &Tx<'_>, runs: &[OpenRun], room: &Room) -> rusqlite::Result<Option<i64>> {
    let mut first: Option<i64> = None;
    for run in runs {
        for pool in run.pools.iter().filter(|pool| room.of(run, pool) > 0) {
            let at = match pool.next_at <= tx.now {
                true => waiting(tx, run, pool, i64::MAX, 1)?
                    .first()
                    .map(|it| it.next_at),
                false => Some(pool.next_at),
            };
            first = [first, at].into_iter().flatten().min();
        }
    }
    Ok(first)
}

/// A row that waits.
pub(super) struct Waiting {
    pub(super) seq: i64,
    pub(super) state: State,
    pub(super) next_at: i64,
    /// Nobody stands in for it.
    doubted: bool,
    expires_at: Option<i64>,
    key: String,
}

/// The first rows of a pool that are due by `until`. A row that expires is the next sweep's, not
/// the next claim's. Behind many of those nothing is seen, until the sweep is through and wakes the
/// accounts.
fn waiting(
    tx: &Tx<'_>,
    run: &OpenRun,
    pool: &Pool,
    until: i64,
    most: usize,
) -> rusqlite::Result<Vec<Waiting>> {
    let fits =
        |row: &Waiting| row.expires_at.is_none_or(|at| at > tx.now) && (run.home || !row.doubted);
    if let Some(last) = run.canary {
        let mut rows = canary::waiting(tx, run.no, last, &pool.name, until)?;
        rows.retain(fits);
        rows.truncate(most);
        return Ok(rows);
    }
    let mut query = tx.conn.prepare_cached(
        "SELECT seq, state, next_at, doubted, expires_at, key
         FROM delivery INDEXED BY delivery_waiting
         WHERE run = ?1 AND state IN ('queued', 'deferred') AND pool = ?2 AND next_at <= ?3
         ORDER BY next_at, seq LIMIT ?4",
    )?;
    let looked_at = i64::try_from(most.max(LOOKED_AT)).unwrap_or(i64::MAX);
    query
        .query_map(params![run.no, pool.name, until, looked_at], Waiting::of)?
        .filter(|row| row.as_ref().map_or(true, fits))
        .take(most)
        .collect()
}

impl Waiting {
    /// From seq, state, next_at, doubted, expires_at and key in this order.
    pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            state: State::from_name(row.get_ref(1)?.as_str()?)
                .expect("the schema allows known states only"),
            next_at: row.get(2)?,
            doubted: row.get(3)?,
            expires_at: row.get(4)?,
            key: row.get(5)?,
        })
    }
}
