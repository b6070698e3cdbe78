//! The task of an account that claims rows as the pace allows and opens lanes for them.
//!
//! It is level-triggered: a wake-up or a timer makes it look at what is, and a wake-up that comes
//! twice, or late, changes nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::account::AccountWork;
use super::hours::Now;
use super::{LEASE, LEASE_EACH, lane};
use crate::outbox::{Claim, Claimed, Claims, OutboxError, RunNo};
use crate::pace::Room;

/// Rows that wait in memory for each lane: enough to keep it busy while the next ones are claimed.
const AHEAD: usize = 4;
/// Look again after this time even if nothing was heard: clocks jump, machines sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// A row that came without a slot for its domain, as that has other limits since the claim, goes
/// back for so long.
const WITHOUT_SLOT: Duration = Duration::from_secs(2);
/// After the outbox refused a claim.
const OUTBOX_TROUBLE: Duration = Duration::from_secs(5);

/// Works until it is told to drain; then waits for its lanes.
pub(super) async fn run(work: Arc<AccountWork>) {
    let end_of_all = work.tools.fatal.clone().drop_guard(); // nobody claims without this task
    let mut lanes = JoinSet::new();
    let mut turn = 0;
    while !work.tools.drain.is_cancelled() {
        let wait = match claim(&work, &mut turn).await {
            Ok(wait) => wait,
            Err(error) => report(&work, &error),
        };
        open_lanes(&work, &mut lanes);
        tokio::select! {
            biased; // the same seed, the same story
            () = work.tools.drain.cancelled() => {}
            Some(ended) = lanes.join_next() => tell_panic(&work, ended),
            () = work.wake.notified() => {}
            () = work.tools.clock.sleep(wait) => {}
        }
    }
    work.give_back_ready();
    work.ready.notify_waiters();
    while let Some(ended) = lanes.join_next().await {
        tell_panic(&work, ended);
    }
    work.ended.cancel();
    end_of_all.disarm();
}

fn tell_panic(work: &AccountWork, ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        let account = &work.account.name;
        tracing::error!(
            account,
            "a connection of account {account} ended by a bug: {error}"
        );
    }
}

/// Claims what may go now, and says how long to sleep if nothing is heard.
async fn claim(work: &AccountWork, turn: &mut u64) -> Result<Duration, OutboxError> {
    let manners = work.manners();
    // Slots that accounts share are seen and taken by one after the other.
    let shared = manners.shares.then_some(&work.tools.claiming);
    let _one_at_a_time = match shared {
        Some(claiming) => Some(claiming.lock().await),
        None => None,
    };
    let news = work.news.swap(false, Ordering::AcqRel);
    let allowance = match allowance(work, news) {
        Ok(allowance) => allowance,
        Err(wait) => {
            work.news.fetch_or(news, Ordering::AcqRel); // for when there is room
            work.tell_board();
            return Ok(wait.min(LOOK_AGAIN));
        }
    };
    let hours = Now::of(&manners.hours, work.tools.clock.now());
    let (limit, more_in) = (allowance.limit, allowance.more_in);
    let newcomers = !allowance.besides.is_empty();
    let claim = allowance.claim(work, &hours, *turn);
    let Claims { rows, next_at } = work.tools.outbox.submit(claim).await?;
    // Runs take turns by what was claimed, or an unlucky rhythm would starve one.
    *turn += u64::from(!rows.is_empty());
    let full = rows.len() == limit;
    take(work, rows, newcomers);
    if !Arc::ptr_eq(&manners, &work.manners()) {
        work.give_back_ready(); // claimed as the settings were before
        return Ok(Duration::ZERO);
    }
    if newcomers {
        return Ok(Duration::ZERO); // and now for all
    }
    if full {
        return Ok(LOOK_AGAIN); // a lane calls when it wants more
    }
    let clock = &work.tools.clock;
    let due = next_at.map(|at| {
        let ahead = at.saturating_sub(clock.now().as_millisecond()).max(1);
        Duration::from_millis(u64::try_from(ahead).unwrap_or(1))
    });
    let soonest = [more_in, due, hours.opens_in].into_iter().flatten().min();
    Ok(soonest.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN))
}

/// Keeps what was claimed for the lanes, each row with its slots. Whoever has come only now goes
/// before those that have rows waiting already.
fn take(work: &AccountWork, rows: Vec<Claimed>, newcomers: bool) {
    let (rows, without): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| work.take_slot(row));
    if !without.is_empty() {
        let later = work.tools.clock.now() + WITHOUT_SLOT;
        work.release(&without, Some(later.as_millisecond()));
    }
    for row in rows.iter().filter(|row| !row.home) {
        tell_carried(work, row.id.run);
    }
    let mut state = work.state();
    if newcomers {
        rows.into_iter()
            .rev()
            .for_each(|row| state.ready.push_front(row));
    } else {
        state.ready.extend(rows);
    }
    drop(state);
    work.tell_board(); // only now: what tries again is out still
}

fn tell_carried(work: &AccountWork, run: RunNo) {
    let Ok(head) = work.tools.heads.of(run) else {
        return; // told when its message cannot be composed
    };
    let (account, home) = (&work.account.name, head.account());
    if let Some(why) = work.tools.board.carried(home, account) {
        tracing::warn!(
            account = home,
            event = "failover",
            "mail of account {home} goes through {account} for now: {why}"
        );
    }
}

/// What one claim may bring.
struct Allowance {
    limit: usize,
    room: Room,
    /// Only runs that have no rows waiting here: all others have enough.
    besides: Vec<RunNo>,
    more_in: Option<Duration>,
}

impl Allowance {
    fn claim(self, work: &AccountWork, hours: &Now, turn: u64) -> Claim {
        let shut = hours.closed.iter().map(|name| (name.clone(), 0));
        let mut pools = self.room.domains;
        for (domain, most) in work.domains.worth_claiming(&work.state().ready) {
            let room = pools.entry(domain.to_owned()).or_insert(most);
            *room = most.min(*room);
        }
        Claim {
            account: work.account.name.clone(),
            limit: self.limit,
            bulk_limit: self.limit.min(self.room.bulk),
            schedule_limits: self.room.schedules.into_iter().chain(shut).collect(),
            pool_limits: pools,
            bulk_pool_limits: self.room.bulk_domains,
            out: work.tools.board.out_beside(&work.account.name),
            besides: self.besides,
            closing: hours.closing.clone(),
            turn,
            lease: LEASE,
            lease_each: LEASE_EACH,
        }
    }
}

/// How many rows may be claimed, and of what; or how long to wait if none may. With `news` there
/// may be a run that should not wait behind all the rows that are here.
fn allowance(work: &AccountWork, news: bool) -> Result<Allowance, Duration> {
    let now = work.tools.clock.ticks();
    if let Some(rest) = work.state().health.rests(now) {
        return Err(rest);
    }
    let room = work.room();
    let state = work.state();
    // After trouble one message at a time finds out whether it is over.
    let probing = state.health.is_doubtful();
    let connections = state.limits.connections(work.account.connections, now);
    let most = if probing { 1 } else { connections * AHEAD };
    let busy = if probing { state.lanes - state.idle } else { 0 };
    let places = most.saturating_sub(state.takeable(&work.domains) + busy);
    let newcomers = news && !probing && !state.ready.is_empty();
    let mut besides: Vec<RunNo> = Vec::new();
    if newcomers {
        besides.extend(state.ready.iter().map(|row| row.id.run));
        besides.sort_unstable();
        besides.dedup();
    }
    let limit = room.all.min(if newcomers { connections } else { places });
    if limit == 0 {
        let wait = room.more_in.filter(|_| room.all == 0);
        return Err(wait.unwrap_or(LOOK_AGAIN));
    }
    let more_in = room.more_in;
    Ok(Allowance {
        limit,
        room,
        besides,
        more_in,
    })
}

/// Opens lanes while there is more to do than the idle ones can take.
fn open_lanes(work: &Arc<AccountWork>, lanes: &mut JoinSet<()>) {
    let now = work.tools.clock.ticks();
    let mut state = work.state();
    let most = if state.health.is_doubtful() {
        1
    } else {
        state.limits.connections(work.account.connections, now)
    };
    let waiting = state.takeable(&work.domains);
    while state.lanes < most && waiting > state.idle {
        state.lanes += 1;
        state.idle += 1;
        lanes.spawn(lane::run(Arc::clone(work)));
    }
    drop(state);
    for _ in 0..waiting {
        work.ready.notify_one();
    }
}

fn report(work: &AccountWork, error: &OutboxError) -> Duration {
    if matches!(error, OutboxError::Stopped(_)) {
        work.tools.fatal.cancel();
    }
    let account = &work.account.name;
    tracing::error!(account, "account {account} cannot claim: {error}");
    OUTBOX_TROUBLE
}
