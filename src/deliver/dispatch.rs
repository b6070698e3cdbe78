//! The task of an account that claims rows as the pace allows and opens lanes for them.
//!
//! It is level-triggered: a wake-up or a timer makes it look at what is, and a wake-up that comes
//! twice, or late, changes nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};

use super::account::AccountWork;
use super::hours::Now;
use super::{LEASE, lane};
use crate::outbox::{Claim, Claims, OutboxError};

/// Rows that wait in memory for each lane: enough to keep it busy while the next ones are claimed.
const AHEAD: usize = 4;
/// Look again after this time even if nothing was heard: clocks jump, machines sleep.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// After the outbox refused a claim.
const OUTBOX_TROUBLE: Duration = Duration::from_secs(5);

/// Works until it is told to drain; then waits for its lanes.
pub(super) async fn run(work: Arc<AccountWork>) {
    let _end_of_all = work.tools.fatal.clone().drop_guard(); // nobody claims without this task
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
    let clock = &work.tools.clock;
    let (limit, schedule_limits) = match allowance(work) {
        Ok(allowance) => allowance,
        Err(wait) => return Ok(wait.min(LOOK_AGAIN)),
    };
    let hours = Now::of(&work.tools.hours, clock.now());
    let shut = hours.closed.iter().map(|name| (name.clone(), 0));
    let claim = Claim {
        schedule_limits: schedule_limits.into_iter().chain(shut).collect(),
        closing: hours.closing,
        turn: *turn,
        ..Claim::of(&work.account.name, limit, LEASE)
    };
    let Claims { rows, next_at } = work.tools.outbox.submit(claim).await?;
    // Runs take turns by what was claimed, or an unlucky rhythm would starve one.
    *turn += u64::from(!rows.is_empty());
    let full = rows.len() == limit;
    let mut state = work.state();
    state.pace.take(rows.len());
    for row in &rows {
        if let Some(pace) = state.schedules.get_mut(&row.schedule) {
            pace.take(1);
        }
    }
    state.ready.extend(rows);
    if full {
        return Ok(LOOK_AGAIN); // a lane calls when it wants more
    }
    let now = clock.ticks();
    let paced = state
        .schedules
        .values_mut()
        .filter_map(|pace| pace.wait(now))
        .min();
    let due = next_at.map(|at| {
        let ahead = at.saturating_sub(clock.now().as_millisecond()).max(1);
        Duration::from_millis(u64::try_from(ahead).unwrap_or(1))
    });
    Ok([paced, due, hours.opens_in]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(LOOK_AGAIN)
        .min(LOOK_AGAIN))
}

type Allowance = (usize, HashMap<String, usize>);

/// How many rows may be claimed, in all and for each schedule with a rate of its own; or how long
/// to wait if none may.
fn allowance(work: &AccountWork) -> Result<Allowance, Duration> {
    let now = work.tools.clock.ticks();
    let mut state = work.state();
    if let Some(rest) = state.health.rests(now) {
        return Err(rest);
    }
    // After trouble one message at a time finds out whether it is over.
    let probing = state.health.is_doubtful();
    let connections = state.limits.connections(work.account.connections, now);
    let most = if probing { 1 } else { connections * AHEAD };
    let busy = if probing { state.lanes - state.idle } else { 0 };
    let room = most
        .saturating_sub(state.ready.len() + busy)
        .min(state.pace.free(now));
    if room == 0 {
        return Err(state.pace.wait(now).unwrap_or(LOOK_AGAIN));
    }
    let limits = state
        .schedules
        .iter_mut()
        .map(|(name, pace)| (name.clone(), pace.free(now)));
    Ok((room, limits.collect()))
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
    while state.lanes < most && state.ready.len() > state.idle {
        state.lanes += 1;
        state.idle += 1;
        lanes.spawn(lane::run(Arc::clone(work)));
    }
    let waiting = state.ready.len();
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
