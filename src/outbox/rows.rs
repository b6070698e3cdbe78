//! What people see of the outbox: runs, deliveries and tries as plain data, and how they are read
//! from a row.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde::{Deserialize, Serialize};

use super::state::State;
use super::{DeliveryId, FrozenRun, HoldRow, RunNo};
use crate::audience::Place;

/// How many deliveries of a run are in each state.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Counts(pub BTreeMap<String, i64>);

impl Counts {
    /// How many are in `state`.
    #[must_use]
    pub fn of(&self, state: State) -> i64 {
        self.0.get(state.name()).copied().unwrap_or(0)
    }

    /// How many are in any of `states`.
    #[must_use]
    pub fn sum(&self, states: &[State]) -> i64 {
        states.iter().map(|state| self.of(*state)).sum()
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.0.values().sum()
    }
}

/// A run as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct RunRow {
    /// ULID.
    pub id: String,
    /// The schedule.
    pub schedule: String,
    /// The occurrence key.
    pub occurrence: String,
    /// expanding, sending, completed, failed, missed or cancelled.
    pub state: String,
    /// Why, for failed and missed ones, and for open ones that cannot go on.
    pub reason: Option<String>,
    /// The account.
    pub account: String,
    /// Milliseconds.
    pub due_at: i64,
    /// Milliseconds.
    pub opened_at: i64,
    /// Milliseconds.
    pub ended_at: Option<i64>,
    /// Milliseconds.
    pub expires_at: i64,
    /// 0 while all of it is there, 1 once texts and fields are gone, 2 once the deliveries are.
    #[serde(default)]
    pub thinned: u8,
    /// Whether it is sent after the earlier runs of its schedule (`overlap`), not beside them.
    #[serde(default)]
    pub queues: bool,
    /// All accounts that may carry it, in order.
    #[serde(default)]
    pub via: Vec<String>,
    /// It goes to so many people first, and the others still wait for that.
    #[serde(default)]
    pub canary: Option<u64>,
    /// Deliveries by state.
    pub counts: Counts,
}

impl RunRow {
    /// Whether it still has people who were not tried: those who only wait for another try stand in
    /// nobody's way.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        let untried = [State::Queued, State::Leased, State::Armed];
        self.state == "expanding" || self.counts.sum(&untried) > 0
    }
}

/// Whom a delivery is for, as it was frozen.
#[derive(Clone, Debug, PartialEq)]
pub struct Addressee {
    /// The row of the run.
    pub seq: i64,
    /// The list that it came from.
    pub list: String,
    /// Where there.
    pub place: Place,
    /// The address, or what stood there.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// Template fields, as JSON.
    pub fields: String,
}

/// A delivery as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeliveryRow {
    /// The run's ULID and the row, `01J….17`.
    pub id: String,
    /// The schedule.
    pub schedule: String,
    /// The account.
    #[serde(default)]
    pub account: String,
    /// One of the words of [`State`].
    pub state: String,
    /// Address.
    pub address: String,
    /// Display name.
    pub name: Option<String>,
    /// The list it came from.
    pub list: String,
    /// Where there: `line`, or `person` of a JSON document.
    #[serde(flatten)]
    pub place: Place,
    /// Why it is where it is.
    pub reason: Option<String>,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried again, in milliseconds; only for waiting ones.
    pub next_at: Option<i64>,
    /// Whether a try of it ended in doubt.
    pub doubted: bool,
    /// When it became final, in milliseconds.
    pub ended_at: Option<i64>,
    /// What stops it at the moment; only for waiting ones.
    #[serde(default)]
    pub held: Option<HoldRow>,
}

/// One try as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AttemptRow {
    /// Counts from 1.
    pub n: i64,
    /// The account.
    pub account: String,
    /// Milliseconds.
    pub started_at: i64,
    /// Milliseconds; none while it is under way.
    pub ended_at: Option<i64>,
    /// The stage of the session that decided.
    pub stage: Option<String>,
    /// accepted, deferred, rejected, uncertain, not-sent or invalid.
    pub outcome: Option<String>,
    /// SMTP reply code.
    pub code: Option<u16>,
    /// Enhanced status code.
    pub enhanced: Option<String>,
    /// What the server said.
    pub reply: Option<String>,
}

/// An address that gets no mail.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SuppressionRow {
    /// The address; none once it was forgotten.
    pub address: Option<String>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub source: String,
    /// Milliseconds.
    pub created_at: i64,
    /// Milliseconds.
    pub ends_at: Option<i64>,
    /// The schedule whose mail it does not get; no mail at all without.
    #[serde(default)]
    pub scope: String,
}

/// The state of all things at one moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Snapshot {
    /// Open runs, oldest first.
    pub open: Vec<RunRow>,
    /// The newest ended run of each schedule.
    pub last: Vec<RunRow>,
}

pub(super) fn run_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    Ok(RunRow {
        id: row.get(0)?,
        schedule: row.get(1)?,
        occurrence: row.get(2)?,
        state: row.get(3)?,
        reason: row.get(4)?,
        account: row.get(5)?,
        due_at: row.get(6)?,
        opened_at: row.get(7)?,
        ended_at: row.get(8)?,
        expires_at: row.get(9)?,
        thinned: row.get(11)?,
        queues: row.get(12)?,
        via: serde_json::from_str(row.get_ref(13)?.as_str()?).expect("written by opening the run"),
        canary: row.get(14)?,
        counts: Counts::default(),
    })
}

pub(super) fn delivery_row(row: &Row<'_>) -> rusqlite::Result<(DeliveryRow, DeliveryId)> {
    let state: String = row.get(2)?;
    let waits = matches!(state.as_str(), "queued" | "deferred" | "uncertain");
    let next_at = row.get::<_, i64>(9)?;
    let id = DeliveryId {
        run: RunNo(row.get(12)?),
        seq: row.get(13)?,
    };
    let behind = row.get::<_, Option<u64>>(15)?.map(behind);
    let shown = DeliveryRow {
        id: row.get(0)?,
        schedule: row.get(1)?,
        account: row.get(14)?,
        state,
        address: row.get(3)?,
        name: row.get(4)?,
        list: row.get(5)?,
        place: Place::stored(row.get(6)?),
        reason: row.get::<_, Option<String>>(7)?.or(behind.clone()),
        tries: row.get(8)?,
        next_at: (waits && next_at < i64::MAX && behind.is_none()).then_some(next_at),
        doubted: row.get(10)?,
        ended_at: row.get(11)?,
        held: None,
    };
    Ok((shown, id))
}

fn behind(first: u64) -> String {
    format!("waits until the first {first} people of its run were sent to")
}

pub(super) fn addressee(row: &Row<'_>) -> rusqlite::Result<Addressee> {
    Ok(Addressee {
        seq: row.get(0)?,
        list: row.get(1)?,
        place: Place::stored(row.get(2)?),
        address: row.get(3)?,
        name: row.get(4)?,
        fields: row.get(5)?,
    })
}

pub(super) fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    Ok(AttemptRow {
        n: row.get(0)?,
        account: row.get(1)?,
        started_at: row.get(2)?,
        ended_at: row.get(3)?,
        stage: row.get(4)?,
        outcome: row.get(5)?,
        code: row.get(6)?,
        enhanced: row.get(7)?,
        reply: row.get(8)?,
    })
}

pub(super) fn suppression_row(row: &Row<'_>) -> rusqlite::Result<SuppressionRow> {
    Ok(SuppressionRow {
        address: row.get(0)?,
        reason: row.get(1)?,
        source: row.get(2)?,
        created_at: row.get(3)?,
        ends_at: row.get(4)?,
        scope: row.get(5)?,
    })
}

pub(super) fn frozen_run(row: &Row<'_>) -> rusqlite::Result<FrozenRun> {
    let template = match row.get_ref(1)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        _ => String::new(),
    };
    let retry: Vec<u64> =
        serde_json::from_str(&row.get::<_, String>(4)?).expect("written by opening the run");
    let on_uncertain = row
        .get_ref(5)?
        .as_str()?
        .parse()
        .expect("the schema allows known policies only");
    let resend_after = u64::try_from(row.get::<_, i64>(6)?).unwrap_or(0);
    Ok(FrozenRun {
        account: row.get(0)?,
        template,
        sender: row.get(2)?,
        utc_offset: row.get(3)?,
        retry: retry.into_iter().map(Duration::from_millis).collect(),
        on_uncertain,
        resend_after: Duration::from_millis(resend_after),
        zone: row.get(7)?,
        carried: None,
    })
}
