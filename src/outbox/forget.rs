//! Removes a person everywhere but for a keyed hash on the suppression list, and proves it: the
//! bytes of the address are looked for in the files afterwards.
//!
//! What waits for them is cancelled. A message that is on its way stands against it: nothing is
//! changed then. Copies elsewhere (backups, lists, logs) are out of reach, and named.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::group::compose_anew;
use super::state::{Move, State};
use super::store::Tx;
use super::suppression::forget_entry;
use super::traces;
use super::writer::{Operation, Rank};
use super::{DeliveryId, Kept, NewDelivery, Outbox, OutboxError, Reader, RunNo};

/// What stands in place of an address that was forgotten.
pub const FORGOTTEN: &str = "(forgotten)";

/// At most so many rows are blanked by one step.
const CHUNK: usize = 500;
/// A shorter name is found in many a word and hash that is not theirs, and is not looked for.
const LOOKED_FOR: usize = 6;
/// How often, and for how long each time, the end of other reading is waited for.
const FOLDS: usize = 40;
const FOLD_WAIT: Duration = Duration::from_millis(50);

/// What became of a person's traces.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Forgotten {
    /// Rows that were blanked.
    pub rows: u64,
    /// How many of them waited and are cancelled.
    pub cancelled: u64,
    /// Whether the whole database had to be written anew.
    pub rewritten: bool,
    /// Files in the state directory in which the bytes of address or name are still to be found.
    pub left: Vec<PathBuf>,
    /// How many other rows have those bytes as a part of their own texts: a longer address, or
    /// somebody with the same name.
    pub others: u64,
    /// Copies of the outbox beside it, which are left as they are.
    pub backups: Vec<PathBuf>,
}

/// Why nobody was forgotten, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// Nothing was changed.
    #[error("a message to them is on its way: try again in a minute; nothing was changed")]
    OnItsWay,
    /// The outbox did not take it.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A file of the state directory cannot be searched.
    #[error(
        "their rows are blanked, but whether all is gone cannot be seen: {}: {reason}",
        .path.display()
    )]
    Unseen {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

/// Forgets the person with this address (normalised). Blocks; done again it goes on where it ended.
///
/// # Errors
/// A message to them is on its way, or the outbox cannot be written or read.
pub fn forget(outbox: &Outbox, key: &str, author: &str) -> Result<Forgotten, ForgetError> {
    let mut done = Forgotten::default();
    let mut texts = BTreeSet::from([key.to_owned()]);
    let first = Forget {
        key: key.to_owned(),
        rows: Vec::new(),
        author: Some(author.to_owned()),
    };
    blank_some(outbox, first, &mut texts, &mut done)?;
    let next = |rows| Forget {
        key: key.to_owned(),
        rows,
        author: None,
    };
    // Once the address is on the list, new rows of it are nobody's and none can be armed: what is
    // found after that is all there is.
    while blank_some(outbox, next(Vec::new()), &mut texts, &mut done)? {}
    for rows in outbox.reader()?.off_the_way(key)?.chunks(CHUNK) {
        blank_some(outbox, next(rows.to_vec()), &mut texts, &mut done)?;
    }
    // A run that was giving its addresses their places meanwhile may have brought one more.
    while blank_some(outbox, next(Vec::new()), &mut texts, &mut done)? {}
    prove(outbox, &texts, &mut done)?;
    Ok(done)
}

/// One step; says whether there is more to find by the address.
fn blank_some(
    outbox: &Outbox,
    forget: Forget,
    texts: &mut BTreeSet<String>,
    done: &mut Forgotten,
) -> Result<bool, ForgetError> {
    let step = outbox.submit(forget).wait()?;
    let step = step.ok_or(ForgetError::OnItsWay)?;
    done.rows += step.rows;
    done.cancelled += step.cancelled;
    texts.extend(step.texts);
    Ok(step.more)
}

/// Looks for the bytes, and writes the database anew if they still stand in its free space.
fn prove(
    outbox: &Outbox,
    texts: &BTreeSet<String>,
    done: &mut Forgotten,
) -> Result<(), ForgetError> {
    fold(outbox)?;
    done.left = traces::find(outbox.dir(), texts)?;
    if !done.left.is_empty() {
        outbox.submit(Rewrite).wait()?;
        done.rewritten = true;
        fold(outbox)?;
        done.left = traces::find(outbox.dir(), texts)?;
    }
    if !done.left.is_empty() {
        done.others = outbox.reader()?.mentions(texts)?;
    }
    done.backups = traces::backups(outbox.dir());
    Ok(())
}

/// Empties the write-ahead log; readers that are at it stand against that for a while.
fn fold(outbox: &Outbox) -> Result<(), OutboxError> {
    for _ in 0..FOLDS {
        if outbox.submit(Fold).wait()? {
            return Ok(());
        }
    }
    Ok(()) // whatever is left there will be found
}

/// Blanks what is known of one person: nothing, if a message to them is on its way.
#[derive(Clone, Debug)]
struct Forget {
    key: String,
    /// Rows of theirs that cannot be found by their address any more.
    rows: Vec<DeliveryId>,
    /// Who wants it, in the first step.
    author: Option<String>,
}

/// What one step did.
#[derive(Debug, Default)]
struct Step {
    rows: u64,
    cancelled: u64,
    /// The addresses and names that stood there.
    texts: BTreeSet<String>,
    more: bool,
}

impl Operation for Forget {
    /// `None`: a message is on its way.
    type Receipt = Option<Step>;
    const RANK: Rank = Rank::Bulk;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<Option<Step>> {
        if on_its_way(tx, &self.key)? {
            return Ok(None);
        }
        forget_entry(tx, &self.key)?;
        let mut step = Step::default();
        let mut rows = found_by_address(tx, &self.key)?;
        step.more = rows.len() >= CHUNK;
        rows.extend(&self.rows);
        for id in rows {
            blank(tx, id, &self.key, &mut step)?;
        }
        step.texts.insert(self.key.clone());
        if let Some(author) = &self.author {
            let (action, detail) = ("forget", FORGOTTEN);
            let entry = Entry {
                author,
                action,
                detail,
            };
            entry.write(tx)?;
        }
        for text in step.texts.iter().filter(|text| text.contains('@')) {
            blank_mentions(tx, text)?;
        }
        Ok(Some(step))
    }
}

fn on_its_way(tx: &Tx<'_>, key: &str) -> rusqlite::Result<bool> {
    tx.conn
        .prepare_cached(
            "SELECT EXISTS (
               SELECT 1 FROM run r
               CROSS JOIN delivery d INDEXED BY delivery_busy ON d.run = r.no
               WHERE r.state IN ('expanding', 'sending') AND d.key = ?1
                 AND d.state IN ('leased', 'armed', 'uncertain') AND d.state = 'armed')",
        )?
        .query_row([key], |row| row.get(0))
}

fn found_by_address(tx: &Tx<'_>, key: &str) -> rusqlite::Result<Vec<DeliveryId>> {
    let mut query = tx.conn.prepare_cached(
        "SELECT k.run, k.seq FROM run r
         CROSS JOIN run_key k ON k.run = r.no AND k.fingerprint = ?2 AND k.key = ?1
         UNION
         SELECT d.run, d.seq FROM delivery d INDEXED BY delivery_unsent
         WHERE d.key = ?1 AND d.state IN ('suppressed', 'skipped', 'invalid')
         LIMIT ?3",
    )?;
    let rows = query.query_map(params![key, Kept::fingerprint(key), CHUNK], |row| {
        Ok(DeliveryId {
            run: RunNo(row.get(0)?),
            seq: row.get(1)?,
        })
    })?;
    rows.collect()
}

fn blank(tx: &mut Tx<'_>, id: DeliveryId, key: &str, step: &mut Step) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("DELETE FROM run_key WHERE run = ?1 AND fingerprint = ?2 AND key = ?3")?
        .execute(params![id.run.0, Kept::fingerprint(key), key])?;
    let place = params![id.run.0, id.seq, key];
    let found = tx
        .conn
        .prepare_cached(
            "SELECT r.state = 'failed', d.state, d.address, d.name
             FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.run = ?1 AND d.seq = ?2 AND d.key = ?3",
        )?
        .query_row(place, |row| {
            let state = State::from_name(row.get_ref(1)?.as_str()?);
            let name: Option<String> = row.get(3)?;
            Ok((row.get(0)?, state, row.get(2)?, name))
        });
    let (failed, state, address, name) = match found {
        Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(()),
        found => found?,
    };
    step.texts.insert(address);
    step.texts
        .extend(name.filter(|name| name.len() >= LOOKED_FOR));
    step.rows += 1;
    if failed {
        // Nothing of it happened, nobody counts it, and it is on its way out.
        tx.conn
            .prepare_cached("DELETE FROM delivery WHERE run = ?1 AND seq = ?2")?
            .execute([id.run.0, id.seq])?;
        return Ok(());
    }
    let from = state.expect("the schema allows known states only");
    let to = if from.is_final() {
        from
    } else {
        step.cancelled += 1;
        tx.step(id.run.0, from, Move::Cancel)?
    };
    tx.conn
        .prepare_cached(
            "UPDATE delivery SET state = ?3, key = '#' || run || '.' || seq, address = ?4,
               name = NULL, fields = '{}', files = NULL, line = 0, digest = NULL,
               lease_until = NULL,
               reason = iif(reason IS NULL AND ended_at IS NOT NULL, NULL, 'forgotten'),
               ended_at = coalesce(ended_at, ?5)
             WHERE run = ?1 AND seq = ?2",
        )?
        .execute(params![id.run.0, id.seq, to.name(), FORGOTTEN, tx.now])?;
    for sql in [
        "UPDATE attempt SET reply = NULL WHERE run = ?1 AND seq = ?2",
        "DELETE FROM once WHERE run = ?1 AND seq = ?2",
    ] {
        tx.conn.prepare_cached(sql)?.execute([id.run.0, id.seq])?;
    }
    compose_anew(tx, id.run.0)
}

/// Texts about something else that name the address.
fn blank_mentions(tx: &Tx<'_>, address: &str) -> rusqlite::Result<()> {
    for sql in [
        "UPDATE audit SET detail = ?2 WHERE instr(lower(detail), lower(?1)) > 0",
        "UPDATE run SET reason = ?2 WHERE instr(lower(reason), lower(?1)) > 0",
        "UPDATE hold SET reason = ?2 WHERE instr(lower(reason), lower(?1)) > 0",
    ] {
        tx.conn
            .prepare_cached(sql)?
            .execute(params![address, FORGOTTEN])?;
    }
    Ok(())
}

/// The row of a list that names a forgotten person: that there was one, and nothing about them.
pub(super) fn nobody(run: RunNo, row: &NewDelivery) -> NewDelivery {
    NewDelivery {
        seq: row.seq,
        list: row.list.clone(),
        key: forgotten_key(DeliveryId { run, seq: row.seq }),
        address: FORGOTTEN.to_owned(),
        fields: "{}".to_owned(),
        left_out: row.left_out.clone(),
        ..NewDelivery::default()
    }
}

/// The key of a row whose person was forgotten: no address is like it.
pub(super) fn forgotten_key(DeliveryId { run, seq }: DeliveryId) -> String {
    format!("#{}.{seq}", run.0)
}

/// Moves the write-ahead log into the database file and empties it.
#[derive(Clone, Copy, Debug)]
struct Fold;

impl Operation for Fold {
    /// Whether the log is empty now; somebody may still be reading from it.
    type Receipt = bool;
    const RANK: Rank = Rank::Bulk;
    const ALONE: bool = true;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        tx.conn.busy_timeout(FOLD_WAIT)?; // whoever sends must not wait long for a reader
        let folded = tx
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            });
        tx.conn.busy_timeout(Duration::from_secs(5))?;
        Ok(folded? == 0)
    }
}

/// Writes the whole database anew: what was deleted stands nowhere in it any more. Nothing is sent
/// meanwhile.
#[derive(Clone, Copy, Debug)]
struct Rewrite;

impl Operation for Rewrite {
    type Receipt = ();
    const RANK: Rank = Rank::Bulk;
    const ALONE: bool = true;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<()> {
        // A database may be larger than the memory.
        tx.conn.pragma_update(None, "temp_store", "FILE")?;
        let rewritten = tx.conn.execute_batch("VACUUM");
        tx.conn.pragma_update(None, "temp_store", "MEMORY")?;
        rewritten
    }
}

impl Reader {
    /// Rows of an address in runs that have no way from addresses to rows yet, or no more.
    fn off_the_way(&self, key: &str) -> Result<Vec<DeliveryId>, OutboxError> {
        let rows = self.conn.prepare_cached(
            "SELECT d.run, d.seq FROM run r JOIN delivery d ON d.run = r.no
             WHERE (r.thinned = 1 OR r.state IN ('expanding', 'failed')) AND d.key = ?1",
        );
        rows.and_then(|mut query| {
            let rows = query.query_map([key], |row| {
                Ok(DeliveryId {
                    run: RunNo(row.get(0)?),
                    seq: row.get(1)?,
                })
            })?;
            rows.collect()
        })
        .map_err(super::query::failed)
    }

    /// How many rows have one of `texts` as a part of theirs.
    fn mentions(&self, texts: &BTreeSet<String>) -> Result<u64, OutboxError> {
        const WHERE: [(&str, &str); 7] = [
            (
                "delivery",
                "concat(key, ' ', address, ' ', name, ' ', fields, ' ', files, ' ', reason)",
            ),
            ("run_key", "key"),
            ("attempt", "reply"),
            ("suppression", "concat(address, ' ', reason, ' ', source)"),
            ("audit", "detail"),
            (
                "run",
                "concat(reason, ' ', sender, ' ', grouped, ' ', carried)",
            ),
            ("blob", "CAST(content AS TEXT)"),
        ];
        let mut mentions = 0;
        for text in texts {
            for (table, of) in WHERE {
                let sql =
                    format!("SELECT count(*) FROM {table} WHERE instr(lower({of}), lower(?1)) > 0");
                mentions += self
                    .conn
                    .query_row(&sql, [text], |row| row.get::<_, u64>(0))
                    .map_err(super::query::failed)?;
            }
        }
        Ok(mentions)
    }
}
