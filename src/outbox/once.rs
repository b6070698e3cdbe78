//! What is never sent twice across runs: `once_per`.
//!
//! A schedule names the fields that make a mail the same notice. Their values, hashed with a key
//! that never leaves the outbox, are reserved for a delivery when its run opens. Whoever comes
//! later with the same values is left out, unless that delivery ended without having been sent:
//! then the notice is theirs. What a server took, what counts as sent, what is in doubt or was when
//! it was ended, and what still waits, is never taken over.
//!
//! Invariant: of the deliveries of a schedule with the same values, at most one may be sent, within
//! the time that `once_for` gives.

use std::time::Duration;

use ring::hmac;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::filling::still_filled;
use super::query::failed;
use super::run::millis;
use super::state::State;
use super::store::{Tx, hmac_key};
use super::writer::{Operation, Rank};
use super::{DeliveryId, OutboxError, Reader, RunNo};
use crate::audience::Place;
use crate::config::{EMAIL, OncePer};

/// Set before what is hashed, so that no hash of the suppression list is one of these.
const PURPOSE: &str = "once";

/// A notice by the values that make it the same as another: an HMAC-SHA256.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Notice([u8; 32]);

impl Notice {
    /// The first bits, which sort as the whole does.
    #[must_use]
    pub fn prefix(self) -> u64 {
        let first = self.0[..8].try_into().expect("an HMAC-SHA256 has 32 bytes");
        u64::from_be_bytes(first)
    }
}

/// Makes the notices of one schedule.
pub struct Notices {
    key: hmac::Key,
    schedule: String,
    once: OncePer,
}

impl Notices {
    fn new(conn: &Connection, schedule: &str, once: OncePer) -> rusqlite::Result<Self> {
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &hmac_key(conn)?),
            schedule: schedule.to_owned(),
            once,
        })
    }

    /// The notice for an address (normalised) with these fields. A field that is not there is as
    /// one that is blank; what is no text counts as it is written in JSON.
    #[must_use]
    pub fn of(&self, key: &str, fields: &Map<String, Value>) -> Notice {
        let mut hash = hmac::Context::with_key(&self.key);
        // Lengths go first: two texts never run into one.
        let mut add = |text: &str| {
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        add(PURPOSE);
        add(&self.schedule);
        for name in &self.once.fields {
            match fields.get(name) {
                _ if name == EMAIL => add(key),
                None => add(""),
                Some(Value::String(text)) => add(text),
                Some(other) => add(&other.to_string()),
            }
        }
        let tag = hash.sign();
        Notice(
            tag.as_ref()
                .try_into()
                .expect("an HMAC-SHA256 has 32 bytes"),
        )
    }

    fn of_json(&self, key: &str, fields: &str) -> Notice {
        let fields = serde_json::from_str(fields).unwrap_or_default();
        self.of(key, &fields)
    }

    /// Whether a notice that was reserved then is older than counts.
    fn is_over(&self, created_at: i64, now: i64) -> bool {
        let lasts = self.once.lasts;
        lasts.is_some_and(|lasts| created_at.saturating_add(millis(lasts)) <= now)
    }
}

/// How `once_per` and `once_for` stand in a run's row.
pub(super) fn written(once: Option<&OncePer>) -> (Option<String>, Option<i64>) {
    let fields = once.map(|once| serde_json::json!(once.fields).to_string());
    (fields, once.and_then(|once| once.lasts).map(millis))
}

/// What a run does not send again.
fn of_run(conn: &Connection, run: RunNo) -> rusqlite::Result<Option<Notices>> {
    let frozen = conn
        .prepare_cached("SELECT schedule, once_per, once_for FROM run WHERE no = ?1")?
        .query_row([run.0], |row| {
            let fields: Option<String> = row.get(1)?;
            let lasts: Option<i64> = row.get(2)?;
            Ok((row.get::<_, String>(0)?, fields, lasts))
        })?;
    let (schedule, Some(fields), lasts) = frozen else {
        return Ok(None);
    };
    let lasts = lasts.map(|lasts| Duration::from_millis(u64::try_from(lasts).unwrap_or(0)));
    let once = OncePer {
        fields: serde_json::from_str(&fields).expect("written by opening the run"),
        lasts,
    };
    Notices::new(conn, &schedule, once).map(Some)
}

/// Who has a notice already, and so keeps others from it.
#[derive(Clone, Debug, PartialEq)]
enum Taken {
    /// The row of the same run at this place of a list.
    Here(String, Place),
    /// It was sent in this run.
    Sent(String),
    /// It may have been sent in this run.
    InDoubt(String),
    /// It waits in this run.
    Waiting(String),
}

impl Taken {
    fn words(&self) -> String {
        match self {
            Self::Here(list, place) => format!("the same notice as {list} {place}"),
            Self::Sent(run) => format!("sent before: run {run}"),
            Self::InDoubt(run) => format!("perhaps sent before: in doubt in run {run}"),
            Self::Waiting(run) => format!("on its way in run {run}"),
        }
    }
}

/// Who keeps a delivery (none for one that is not there yet) from a notice.
fn taken(
    conn: &Connection,
    notices: &Notices,
    notice: Notice,
    id: Option<DeliveryId>,
    now: i64,
) -> rusqlite::Result<Option<Taken>> {
    let owner = conn
        .prepare_cached(
            "SELECT o.run, o.seq, o.created_at, r.id, r.state = 'failed', d.state, d.doubted,
               d.list, d.line
             FROM once o JOIN run r ON r.no = o.run
             LEFT JOIN delivery d ON d.run = o.run AND d.seq = o.seq
             WHERE o.schedule = ?1 AND o.hash = ?2",
        )?
        .query_row(params![notices.schedule, notice.0], |row| {
            let owner = DeliveryId {
                run: RunNo(row.get(0)?),
                seq: row.get(1)?,
            };
            let over = notices.is_over(row.get(2)?, now);
            let state: Option<String> = row.get(5)?;
            let doubted = row.get::<_, Option<bool>>(6)?.unwrap_or(false);
            let failed: bool = row.get(4)?;
            let kept = if failed {
                None
            } else {
                kept_by(state.as_deref(), doubted, over, row.get(3)?)
            };
            let place: (Option<String>, Option<i64>) = (row.get(7)?, row.get(8)?);
            Ok((owner, kept, place))
        })
        .optional()?;
    Ok(match owner {
        Some((owner, ..)) if Some(owner) == id => None,
        Some((owner, Some(_), (Some(list), Some(line))))
            if Some(owner.run) == id.map(|it| it.run) =>
        {
            Some(Taken::Here(list, Place::stored(line)))
        }
        Some((_, kept, _)) => kept,
        None => None,
    })
}

/// Whether a delivery in this state keeps its notice; one whose row is not kept any more was sent.
fn kept_by(state: Option<&str>, doubted: bool, over: bool, run: String) -> Option<Taken> {
    let state = state.and_then(State::from_name);
    match state {
        Some(State::Queued | State::Leased | State::Armed | State::Deferred) => {
            Some(Taken::Waiting(run))
        }
        Some(State::Uncertain) => Some(Taken::InDoubt(run)),
        _ if over => None,
        None | Some(State::Accepted | State::Presumed) => Some(Taken::Sent(run)),
        Some(_) => doubted.then_some(Taken::InDoubt(run)),
    }
}

/// Reserves a notice for a delivery, unless somebody keeps it.
fn reserve(
    tx: &Tx<'_>,
    notices: &Notices,
    notice: Notice,
    id: DeliveryId,
) -> rusqlite::Result<Option<Taken>> {
    if let Some(taken) = taken(tx.conn, notices, notice, Some(id), tx.now)? {
        return Ok(Some(taken));
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO once (schedule, hash, run, seq, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (schedule, hash) DO UPDATE SET run = excluded.run, seq = excluded.seq,
               created_at = excluded.created_at WHERE run <> excluded.run OR seq <> excluded.seq",
        )?
        .execute(params![
            notices.schedule,
            notice.0,
            id.run.0,
            id.seq,
            tx.now
        ])?;
    Ok(None)
}

/// Reserves the notice of a delivery that is to be sent after all; says whether somebody keeps it.
pub(super) fn is_taken(tx: &Tx<'_>, id: DeliveryId) -> rusqlite::Result<bool> {
    let Some(notices) = of_run(tx.conn, id.run)? else {
        return Ok(false);
    };
    let notice = tx
        .conn
        .prepare_cached("SELECT key, fields FROM delivery WHERE run = ?1 AND seq = ?2")?
        .query_row([id.run.0, id.seq], |row| {
            let key = row.get_ref(0)?.as_str()?;
            Ok(notices.of_json(key, row.get_ref(1)?.as_str()?))
        })?;
    reserve(tx, &notices, notice, id).map(|taken| taken.is_some())
}

/// Reserves notices for rows of a run that is being opened, and skips those that somebody has. Sent
/// after the addresses were sealed, in chunks that are sorted by notice and row over the whole run,
/// which keeps the index's pages in order: of two rows with the same notice the first one has it.
#[derive(Debug)]
pub struct ReserveOnce {
    /// The run.
    pub run: RunNo,
    /// At most some 500 of [`Reader::waiting_notices`].
    pub rows: Vec<(Notice, i64)>,
}

impl Operation for ReserveOnce {
    /// How many of them are not sent.
    type Receipt = u64;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
        still_filled(tx, self.run)?;
        let Some(notices) = of_run(tx.conn, self.run)? else {
            return Ok(0);
        };
        let mut skipped = 0;
        for (notice, seq) in &self.rows {
            let id = DeliveryId {
                run: self.run,
                seq: *seq,
            };
            if !is_queued(tx, id)? {
                continue; // its person was forgotten meanwhile
            }
            if let Some(taken) = reserve(tx, &notices, *notice, id)? {
                skip(tx, id, &taken.words())?;
                skipped += 1;
            }
        }
        Ok(skipped)
    }
}

fn is_queued(tx: &Tx<'_>, id: DeliveryId) -> rusqlite::Result<bool> {
    tx.conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM delivery
               WHERE run = ?1 AND seq = ?2 AND state = 'queued')",
        )?
        .query_row([id.run.0, id.seq], |row| row.get(0))
}

fn skip(tx: &mut Tx<'_>, id: DeliveryId, reason: &str) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = 'skipped', reason = ?3, ended_at = ?4
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, reason, tx.now])?;
    tx.moved(id.run.0, State::Queued, State::Skipped);
    Ok(())
}

impl Reader {
    /// What makes the notices of a schedule.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn notices(&self, schedule: &str, once: &OncePer) -> Result<Notices, OutboxError> {
        Notices::new(&self.conn, schedule, once.clone()).map_err(failed)
    }

    /// The notices of some rows of a run, without rows that get no mail. It is quick where the rows
    /// are named in their order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn waiting_notices(
        &self,
        run: RunNo,
        notices: &Notices,
        rows: &[i64],
    ) -> Result<Vec<(Notice, i64)>, OutboxError> {
        let rows = serde_json::json!(rows).to_string();
        self.conn
            .prepare_cached(
                "SELECT d.key, d.fields, d.seq FROM json_each(?2) wanted
                 CROSS JOIN delivery d ON d.run = ?1 AND d.seq = wanted.value
                 WHERE d.state = 'queued'",
            )
            .and_then(|mut query| {
                let found = query.query_map(params![run.0, rows], |row| {
                    let fields = row.get_ref(1)?.as_str()?;
                    let notice = notices.of_json(row.get_ref(0)?.as_str()?, fields);
                    Ok((notice, row.get(2)?))
                })?;
                found.collect()
            })
            .map_err(failed)
    }

    /// Whether a run that opened at `now` would not send this notice.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn is_sent(
        &self,
        notices: &Notices,
        notice: Notice,
        now: i64,
    ) -> Result<bool, OutboxError> {
        let taken = taken(&self.conn, notices, notice, None, now);
        taken.map(|taken| taken.is_some()).map_err(failed)
    }
}
