//! What the messages of a run carry besides their texts: files, and the values of the run, each
//! kept once by its content, however many runs have it.
//!
//! The list of them is plan's and deliver's; here it is a text. Nothing is removed that another run
//! still has.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rusqlite::params;

use super::query::failed;
use super::store::Tx;
use super::{OutboxError, Reader, RunNo};

/// SHA-256 of a content.
pub type Hash = [u8; 32];

/// A content that is kept under its hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    hash: Hash,
    content: Arc<[u8]>,
}

impl Blob {
    /// Some bytes, hashed.
    #[must_use]
    pub fn new(content: Vec<u8>) -> Self {
        Self {
            hash: Self::hash_of(&content),
            content: content.into(),
        }
    }

    /// The hash that some bytes are known by.
    #[must_use]
    pub fn hash_of(content: &[u8]) -> Hash {
        let hash = digest(&SHA256, content);
        hash.as_ref().try_into().expect("a SHA-256 has 32 bytes")
    }

    /// What it is known by.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The bytes.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }
}

/// What a run carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Carried {
    /// What it is, as whoever opened the run wrote it down; it names the blobs.
    pub list: String,
    /// The contents that the list names, in the order of their hashes, each once.
    pub blobs: Vec<Blob>,
}

impl Carried {
    /// The content of a hash.
    #[must_use]
    pub fn content(&self, hash: &Hash) -> Option<&[u8]> {
        let found = self.blobs.iter().find(|blob| blob.hash == *hash);
        found.map(Blob::content)
    }
}

/// Keeps what a run carries, in place of what it carried before.
pub(super) fn keep(tx: &Tx<'_>, run: i64, carried: Option<&Carried>) -> rusqlite::Result<()> {
    release(tx, run)?;
    let Some(carried) = carried else {
        return Ok(()); // like most runs
    };
    for blob in &carried.blobs {
        tx.conn
            .prepare_cached("INSERT OR IGNORE INTO blob (hash, content) VALUES (?1, ?2)")?
            .execute(params![blob.hash, &*blob.content])?;
        tx.conn
            .prepare_cached("INSERT INTO run_blob (run, hash) VALUES (?1, ?2)")?
            .execute(params![run, blob.hash])?;
    }
    tx.conn
        .prepare_cached("UPDATE run SET carried = ?2 WHERE no = ?1")?
        .execute(params![run, carried.list])
        .map(drop)
}

/// Takes away what a run carries; contents that no other run has go with it.
pub(super) fn release(tx: &Tx<'_>, run: i64) -> rusqlite::Result<()> {
    let hashes = tx
        .conn
        .prepare_cached("SELECT hash FROM run_blob WHERE run = ?1")?
        .query_map([run], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<Vec<u8>>>>()?;
    tx.conn
        .prepare_cached("UPDATE run SET carried = NULL WHERE no = ?1 AND carried IS NOT NULL")?
        .execute([run])?;
    if hashes.is_empty() {
        return Ok(());
    }
    tx.conn
        .prepare_cached("DELETE FROM run_blob WHERE run = ?1")?
        .execute([run])?;
    hashes.iter().try_for_each(|hash| drop_unused(tx, hash))
}

/// Removes a content that no run has any more.
pub(super) fn drop_unused(tx: &Tx<'_>, hash: &[u8]) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached(
            "DELETE FROM blob WHERE hash = ?1
               AND NOT EXISTS (SELECT 1 FROM run WHERE template = ?1)
               AND NOT EXISTS (SELECT 1 FROM run_blob WHERE hash = ?1)",
        )?
        .execute([hash])
        .map(drop)
}

impl Reader {
    /// What a run carries besides its texts; nothing for most.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such run.
    pub(super) fn carried(&self, run: RunNo) -> Result<Option<Carried>, OutboxError> {
        self.find_carried(run).map_err(failed)
    }

    fn find_carried(&self, run: RunNo) -> rusqlite::Result<Option<Carried>> {
        let list: Option<String> = self
            .conn
            .prepare_cached("SELECT carried FROM run WHERE no = ?1")?
            .query_row([run.0], |row| row.get(0))?;
        let Some(list) = list else { return Ok(None) };
        let mut query = self.conn.prepare_cached(
            "SELECT b.hash, b.content FROM run_blob r JOIN blob b ON b.hash = r.hash
             WHERE r.run = ?1 ORDER BY b.hash",
        )?;
        let blobs = query.query_map([run.0], |row| {
            let content: Vec<u8> = row.get(1)?;
            Ok(Blob {
                hash: row.get(0)?,
                content: content.into(),
            })
        })?;
        let blobs = blobs.collect::<rusqlite::Result<_>>()?;
        Ok(Some(Carried { list, blobs }))
    }
}
