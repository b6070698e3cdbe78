//! Addresses that get no mail, kept by a keyed hash with the text beside it.

use ring::hmac;
use rusqlite::{Connection, OptionalExtension, params};

use super::audit::{Entry, count_rows, note_row};
use super::rows::{SuppressionRow, suppression_row};
use super::state::{Move, State};
use super::store::{Tx, hmac_key};
use super::writer::{Operation, Rank};
use super::{DeliveryId, RunNo};

/// Looks addresses up on the suppression list; loaded once for many.
pub(super) struct Ban(hmac::Key);

impl Ban {
    /// `None` where the list is empty, so that most runs hash nothing.
    pub(super) fn load(tx: &Tx<'_>) -> rusqlite::Result<Option<Self>> {
        let any = tx
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM suppression)")?
            .query_row([], |row| row.get::<_, bool>(0))?;
        if !any {
            return Ok(None);
        }
        Self::key(tx.conn).map(Some)
    }

    fn key(conn: &Connection) -> rusqlite::Result<Self> {
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &hmac_key(conn)?)))
    }

    fn hash(&self, key: &str) -> hmac::Tag {
        hmac::sign(&self.0, key.as_bytes())
    }

    /// Why this address gets no mail, if so, and whether it was forgotten.
    pub(super) fn reason(
        &self,
        tx: &Tx<'_>,
        key: &str,
    ) -> rusqlite::Result<Option<(String, bool)>> {
        tx.conn
            .prepare_cached(
                "SELECT reason, address IS NULL FROM suppression
                 WHERE hash = ?1 AND scope = '' AND (ends_at IS NULL OR ends_at > ?2)",
            )?
            .query_row(params![self.hash(key).as_ref(), tx.now], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
    }
}

/// The entry of an address, for people to see.
pub(super) fn suppression_of(
    conn: &Connection,
    key: &str,
) -> rusqlite::Result<Option<SuppressionRow>> {
    let hash = Ban::key(conn)?.hash(key);
    conn.prepare_cached(
        "SELECT address, reason, source, created_at, ends_at FROM suppression
         WHERE hash = ?1 AND scope = ''",
    )?
    .query_row([hash.as_ref()], suppression_row)
    .optional()
}

/// Writes an address to the list; an entry that is there stays as it is.
pub(super) fn ban(
    tx: &Tx<'_>,
    key: &str,
    address: &str,
    reason: &str,
    source: &str,
    ends_at: Option<i64>,
) -> rusqlite::Result<bool> {
    let hash = Ban::key(tx.conn)?.hash(key);
    let added = tx
        .conn
        .prepare_cached(
            "INSERT INTO suppression (hash, address, reason, source, created_at, ends_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (hash, scope) DO UPDATE SET reason = excluded.reason,
               source = excluded.source, created_at = excluded.created_at,
               ends_at = excluded.ends_at, address = excluded.address
             WHERE ends_at IS NOT NULL AND ends_at <= excluded.created_at",
        )?
        .execute(params![
            hash.as_ref(),
            address,
            reason,
            source,
            tx.now,
            ends_at
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

/// Puts an address on the list: it gets no mail from the next arm on.
#[derive(Clone, Debug)]
pub struct Suppress {
    /// Normalised address.
    pub key: String,
    /// The address as people write it.
    pub address: String,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub source: String,
}

impl Operation for Suppress {
    /// Whether it was not on the list before.
    type Receipt = bool;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        let added = ban(
            tx,
            &self.key,
            &self.address,
            &self.reason,
            &self.source,
            None,
        )?;
        // What waits for this address is settled at once, so that `queue` tells the truth.
        let mut waiting = tx.conn.prepare_cached(
            "SELECT d.run, d.seq, d.state FROM run r
             CROSS JOIN run_key k ON k.run = r.no AND k.fingerprint = ?1 AND k.key = ?2
             CROSS JOIN delivery d ON d.run = k.run AND d.seq = k.seq
             WHERE r.state IN ('expanding', 'sending') AND r.state = 'sending'
               AND d.state IN ('queued', 'deferred')",
        )?;
        let fingerprint = super::Kept::fingerprint(&self.key);
        let waiting: Vec<(i64, i64, String)> = waiting
            .query_map(params![fingerprint, self.key], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        if !added && waiting.is_empty() {
            return Ok(false);
        }
        let entry = Entry {
            author: &self.source,
            action: "suppress",
            detail: &format!("{}: {}", self.address, self.reason),
        };
        let audit = entry.write(tx)?;
        count_rows(tx, audit, i64::try_from(waiting.len()).unwrap_or(i64::MAX))?;
        for (run, seq, state) in waiting {
            let from = State::from_name(&state).expect("the schema allows known states only");
            let to = tx.step(run, from, Move::Suppress)?;
            tx.conn
                .prepare_cached(
                    "UPDATE delivery SET state = ?5, reason = ?3, ended_at = ?4
                     WHERE run = ?1 AND seq = ?2",
                )?
                .execute(params![run, seq, self.reason, tx.now, to.name()])?;
            let id = DeliveryId {
                run: RunNo(run),
                seq,
            };
            note_row(tx, audit, id, from)?;
        }
        Ok(added)
    }
}

/// Takes an address off the list.
#[derive(Clone, Debug)]
pub struct Unsuppress {
    /// Normalised address.
    pub key: String,
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
            .prepare_cached("DELETE FROM suppression WHERE hash = ?1 AND scope = ''")?
            .execute([hash.as_ref()])?;
        if removed == 1 {
            let entry = Entry {
                author: &self.author,
                action: "unsuppress",
                detail: &self.key,
            };
            entry.write(tx)?;
        }
        Ok(removed == 1)
    }
}
