//! Addresses that get no mail, kept by a keyed hash with the text beside it.
//!
//! An entry has a scope: without a name it stops all mail to the address, with one the mail of the
//! schedule of that name. One address may have several.

use ring::hmac;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::audit::{Entry, count_rows, note_row};
use super::query::failed;
use super::rows::{SuppressionRow, suppression_row};
use super::state::{Move, State};
use super::store::{Tx, hmac_key};
use super::writer::{Operation, Rank};
use super::{DeliveryId, OutboxError, Reader, RunNo};

/// Looks addresses up on the suppression list; loaded once for many.
pub(super) struct Ban(hmac::Key);

impl Ban {
    /// `None` where the list is empty, so that most runs hash nothing.
    pub(super) fn load(tx: &Tx<'_>) -> rusqlite::Result<Option<Self>> {
        Self::read(tx.conn)
    }

    fn read(conn: &Connection) -> rusqlite::Result<Option<Self>> {
        let any = conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM suppression)")?
            .query_row([], |row| row.get::<_, bool>(0))?;
        if !any {
            return Ok(None);
        }
        Self::key(conn).map(Some)
    }

    fn key(conn: &Connection) -> rusqlite::Result<Self> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &hmac_key(conn)?)))
    }

    fn hash(&self, key: &str) -> hmac::Tag {
        hmac::sign(&self.0, key.as_bytes())
    }

    /// Why this address gets no mail of a schedule at `now` (milliseconds), if so, and whether it
    /// was forgotten. What holds for all mail comes first.
    fn found(
        &self,
        conn: &Connection,
        (key, schedule): (&str, &str),
        now: i64,
    ) -> rusqlite::Result<Option<(String, bool)>> {
        conn.prepare_cached(
            "SELECT reason, address IS NULL FROM suppression
             WHERE hash = ?1 AND scope IN ('', ?3) AND (ends_at IS NULL OR ends_at > ?2)
             ORDER BY scope LIMIT 1",
        )?
        .query_row(params![self.hash(key).as_ref(), now, schedule], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
    }

    /// Why this address gets no mail of a schedule, if so, and whether it was forgotten.
    pub(super) fn reason(
        &self,
        tx: &Tx<'_>,
        key: &str,
        schedule: &str,
    ) -> rusqlite::Result<Option<(String, bool)>> {
        self.found(tx.conn, (key, schedule), tx.now)
    }
}

/// The schedule of a run: the scope that its mail belongs to.
pub(super) fn schedule_of(tx: &Tx<'_>, run: i64) -> rusqlite::Result<String> {
    tx.conn
        .prepare_cached("SELECT schedule FROM run WHERE no = ?1")?
        .query_row([run], |row| row.get(0))
}

/// Looks addresses up without writing: what a run that is opened now would leave out.
pub struct Bans(Ban);

impl Reader {
    /// For [`is_banned`](Self::is_banned), loaded once for many addresses; none where nobody is
    /// suppressed.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn bans(&self) -> Result<Option<Bans>, OutboxError> {
        let ban = Ban::read(&self.conn).map_err(failed)?;
        Ok(ban.map(Bans))
    }

    /// Whether a normalised address gets no mail of a schedule at `now`, in milliseconds.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn is_banned(
        &self,
        bans: &Bans,
        key: &str,
        schedule: &str,
        now: i64,
    ) -> Result<bool, OutboxError> {
        let found = bans.0.found(&self.conn, (key, schedule), now);
        found.map(|it| it.is_some()).map_err(failed)
    }
}

/// The entries of an address, for people to see; that for all mail comes first.
pub(super) fn suppressions_of(
    conn: &Connection,
    key: &str,
) -> rusqlite::Result<Vec<SuppressionRow>> {
    let hash = Ban::key(conn)?.hash(key);
    conn.prepare_cached(
        "SELECT address, reason, source, created_at, ends_at, scope FROM suppression
         WHERE hash = ?1 ORDER BY scope",
    )?
    .query_map([hash.as_ref()], suppression_row)?
    .collect()
}

/// An address that gets no mail, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Banned {
    /// Normalised address.
    pub key: String,
    /// The address as people write it.
    pub address: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub source: String,
    /// Since when, in milliseconds; since now without.
    pub created_at: Option<i64>,
    /// Until when, in milliseconds; for ever without.
    pub ends_at: Option<i64>,
    /// The schedule whose mail it gets no more; all mail without.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

impl Banned {
    /// From now on and for ever.
    #[must_use]
    pub fn new(key: &str, reason: &str, source: &str) -> Self {
        Self {
            key: key.to_owned(),
            address: key.to_owned(),
            reason: reason.to_owned(),
            source: source.to_owned(),
            created_at: None,
            ends_at: None,
            scope: String::new(),
        }
    }
}

/// Writes an address to the list. An entry that is there stays as it is, unless it ends earlier.
pub(super) fn ban(tx: &Tx<'_>, banned: &Banned) -> rusqlite::Result<bool> {
    let hash = Ban::key(tx.conn)?.hash(&banned.key);
    let added = tx
        .conn
        .prepare_cached(
            "INSERT INTO suppression (hash, address, reason, source, created_at, ends_at, scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (hash, scope) DO UPDATE SET reason = excluded.reason,
               source = excluded.source, created_at = excluded.created_at,
               ends_at = excluded.ends_at, address = excluded.address
             WHERE ends_at IS NOT NULL
               AND (excluded.ends_at IS NULL OR ends_at < excluded.ends_at)",
        )?
        .execute(params![
            hash.as_ref(),
            banned.address,
            banned.reason,
            banned.source,
            banned.created_at.unwrap_or(tx.now),
            banned.ends_at,
            banned.scope,
        ])?;
    Ok(added == 1)
}

/// Leaves of an address on the list its keyed hash and nothing else; puts it there if need be.
pub(super) fn forget_entry(tx: &Tx<'_>, key: &str) -> rusqlite::Result<()> {
    let hash = Ban::key(tx.conn)?.hash(key);
    tx.conn
        .prepare_cached(
            "INSERT INTO suppression (hash, reason, source, created_at)
             VALUES (?1, 'forgotten', 'a person', ?2)
             ON CONFLICT (hash, scope) DO UPDATE SET ends_at = NULL",
        )?
        .execute(params![hash.as_ref(), tx.now])?;
    // What a server or a person wrote there may name them.
    tx.conn
        .prepare_cached(
            "UPDATE suppression SET address = NULL, reason = 'forgotten', source = 'a person'
             WHERE hash = ?1",
        )?
        .execute([hash.as_ref()])?;
    Ok(())
}

/// Puts addresses on the list: they get no mail from the next arm on.
#[derive(Clone, Debug)]
pub struct Suppress {
    /// Whom; some hundreds at most.
    pub entries: Vec<Banned>,
    /// Who does it.
    pub author: String,
}

impl From<Banned> for Suppress {
    /// One address, by whoever says so.
    fn from(banned: Banned) -> Self {
        Self {
            author: banned.source.clone(),
            entries: vec![banned],
        }
    }
}

impl Operation for Suppress {
    /// How many were not on the list before, or not for so long.
    type Receipt = u64;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<u64> {
        let (mut added, mut settled) = (0, Vec::new());
        for banned in &self.entries {
            added += u64::from(ban(tx, banned)?);
            if banned.ends_at.is_none_or(|end| end > tx.now) {
                settled.extend(settle(tx, banned)?);
            }
        }
        if added == 0 && settled.is_empty() {
            return Ok(0);
        }
        let detail = match &self.entries[..] {
            [one] if one.scope.is_empty() => format!("{}: {}", one.address, one.reason),
            [one] => format!("{}, schedule {}: {}", one.address, one.scope, one.reason),
            many => format!("{} addresses", many.len()),
        };
        let entry = Entry {
            author: &self.author,
            action: "suppress",
            detail: &detail,
        };
        let audit = entry.write(tx)?;
        count_rows(tx, audit, i64::try_from(settled.len()).unwrap_or(i64::MAX))?;
        for (id, was) in settled {
            note_row(tx, audit, id, was)?;
        }
        Ok(added)
    }
}

/// What waits for an address is settled at once, so that `queue` tells the truth.
fn settle(tx: &mut Tx<'_>, banned: &Banned) -> rusqlite::Result<Vec<(DeliveryId, State)>> {
    let mut waiting = tx.conn.prepare_cached(
        "SELECT d.run, d.seq, d.state FROM run r
         CROSS JOIN run_key k ON k.run = r.no AND k.fingerprint = ?1 AND k.key = ?2
         CROSS JOIN delivery d ON d.run = k.run AND d.seq = k.seq
         WHERE r.state IN ('expanding', 'sending') AND r.state = 'sending'
           AND d.state IN ('queued', 'deferred') AND ?3 IN ('', r.schedule)",
    )?;
    let fingerprint = super::Kept::fingerprint(&banned.key);
    let waiting: Vec<(DeliveryId, State)> = waiting
        .query_map(params![fingerprint, banned.key, banned.scope], |row| {
            let id = DeliveryId {
                run: RunNo(row.get(0)?),
                seq: row.get(1)?,
            };
            let state = State::from_name(row.get_ref(2)?.as_str()?);
            Ok((id, state.expect("the schema allows known states only")))
        })?
        .collect::<Result<_, _>>()?;
    for (id, from) in &waiting {
        let to = tx.step(id.run.0, *from, Move::Suppress)?;
        tx.conn
            .prepare_cached(
                "UPDATE delivery SET state = ?5, reason = ?3, ended_at = ?4
                 WHERE run = ?1 AND seq = ?2",
            )?
            .execute(params![id.run.0, id.seq, banned.reason, tx.now, to.name()])?;
    }
    Ok(waiting)
}

/// Takes an address off the list.
#[derive(Clone, Debug)]
pub struct Unsuppress {
    /// Normalised address.
    pub key: String,
    /// Of which entry: the schedule's name, or nothing for the one that stops all mail.
    pub scope: String,
    /// Who says so.
    pub author: String,
}

impl Operation for Unsuppress {
    /// Whether it was on the list.
    type Receipt = bool;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        let hash = Ban::key(tx.conn)?.hash(&self.key);
        let removed = tx
            .conn
            .prepare_cached("DELETE FROM suppression WHERE hash = ?1 AND scope = ?2")?
            .execute(params![hash.as_ref(), self.scope])?;
        if removed == 1 {
            let detail = match self.scope.as_str() {
                "" => self.key.clone(),
                scope => format!("{}, schedule {scope}", self.key),
            };
            let entry = Entry {
                author: &self.author,
                action: "unsuppress",
                detail: &detail,
            };
            entry.write(tx)?;
        }
        Ok(removed == 1)
    }
}
