//! One message of a run, as it can be composed again.

use rusqlite::{OptionalExtension, params};

use super::{Claimed, DeliveryId, Kept, OutboxError, Reader, RunNo};

/// What a message was made of, and what it was when it left.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The row, as its lane had it.
    pub row: Claimed,
    /// SHA-256 over the bytes that last left for this person; none if none did.
    pub digest: Option<Vec<u8>>,
}

impl Reader {
    /// The message of a run (its number) to an address (normalised).
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn sent(&self, run: RunNo, key: &str) -> Result<Option<Sent>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT d.seq, r.id, r.schedule, d.epoch, d.key, d.address, d.name, d.fields,
                   d.tries, d.doubted, d.digest,
                   d.not_before, d.pool, r.people, r.grouped IS NOT NULL, d.files
                 FROM run_key k JOIN run r ON r.no = k.run
                 JOIN delivery d ON d.run = k.run AND d.seq = k.seq
                 WHERE k.run = ?1 AND k.fingerprint = ?2 AND k.key = ?3",
            )
            .and_then(|mut query| {
                let row = query.query_row(params![run.0, Kept::fingerprint(key), key], |row| {
                    Ok(Sent {
                        row: Claimed {
                            id: DeliveryId {
                                run,
                                seq: row.get(0)?,
                            },
                            run_id: row.get(1)?,
                            schedule: row.get(2)?,
                            people: row.get(13)?,
                            home: true,
                            pool: row.get(12)?,
                            epoch: row.get(3)?,
                            key: row.get(4)?,
                            address: row.get(5)?,
                            name: row.get(6)?,
                            fields: row.get(7)?,
                            files: row.get(15)?,
                            tries: row.get(8)?,
                            doubted: row.get(9)?,
                            not_before: row.get(11)?,
                            closes_at: None,
                            grouped: row.get(14)?,
                            companions: Vec::new(),
                        },
                        digest: row.get(10)?,
                    })
                });
                row.optional()
            })
            .map_err(super::query::failed)
    }
}
