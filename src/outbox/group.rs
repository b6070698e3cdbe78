//! A run whose people all get one message together: what that message says of them.
//!
//! Each of them has a row like everybody, with a state and tries of its own; who is named where is
//! kept by rows, so that a person's address stands in one place only. What the message says is
//! settled in the transaction that hands the run to deliver, and is the same ever after: who is
//! refused or cancelled later stays in its header. Only who is forgotten leaves it.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::forget::FORGOTTEN;
use super::query::failed;
use super::state::{Move, State};
use super::store::Tx;
use super::{Claimed, OutboxError, Reader, RunNo};

/// How the rows of a run share a message.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// The last row of those who are named in To.
    pub to_until: i64,
    /// The last row of those in Cc; all after it are named nowhere.
    pub cc_until: i64,
    /// The domain of all of them, if an account that may carry it limits that one, else nothing.
    pub pool: String,
    /// The fields that are the same for everybody.
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// The same as it is kept.
#[derive(Deserialize, Serialize)]
struct Kept {
    /// Rows that the header names, in their order.
    to: Vec<i64>,
    cc: Vec<i64>,
    /// See [`NewGroup`].
    until: (i64, i64),
    fields: serde_json::Map<String, serde_json::Value>,
}

/// What a message to several people says of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Address and display name of those in To.
    pub to: Vec<Named>,
    /// The same in Cc.
    pub cc: Vec<Named>,
    /// Its fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// How many it named who were forgotten since.
    pub forgotten: usize,
    until: (i64, i64),
}

/// An address, and the display name beside it.
pub type Named = (String, Option<String>);

/// Where a message to several people names one of them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Seat {
    /// In To.
    #[default]
    To,
    /// In Cc.
    Cc,
    /// Nowhere.
    Bcc,
}

impl Group {
    /// Where a row of its run has its seat.
    #[must_use]
    pub fn seat(&self, seq: i64) -> Seat {
        match self.until {
            (to, _) if seq <= to => Seat::To,
            (_, cc) if seq <= cc => Seat::Cc,
            _ => Seat::Bcc,
        }
    }
}

impl NewGroup {
    /// Names those who are to get it as things stand now: nobody who was left out. Where that
    /// leaves nobody in To, the others get no copy of what would be to nobody.
    pub(super) fn write(&self, tx: &mut Tx<'_>, run: i64) -> rusqlite::Result<()> {
        let rows = |after: i64, until: i64| {
            tx.conn
                .prepare_cached(
                    "SELECT seq FROM delivery WHERE run = ?1 AND seq > ?2 AND seq <= ?3
                       AND state = 'queued' ORDER BY seq",
                )?
                .query_map(params![run, after, until], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<i64>>>()
        };
        tx.conn
            .prepare_cached(
                "UPDATE delivery SET pool = ?2
                 WHERE run = ?1 AND state = 'queued' AND pool <> ?2",
            )?
            .execute(params![run, self.pool])?;
        let kept = Kept {
            to: rows(0, self.to_until)?,
            cc: rows(self.to_until, self.cc_until)?,
            until: (self.to_until, self.cc_until),
            fields: self.fields.clone(),
        };
        let text = serde_json::to_string(&kept).expect("plain data serialises");
        tx.conn
            .prepare_cached("UPDATE run SET grouped = ?2 WHERE no = ?1 AND state = 'expanding'")?
            .execute(params![run, text])?;
        match kept.to.is_empty() && self.to_until > 0 {
            true => skip_copies(tx, run),
            false => Ok(()),
        }
    }
}

fn skip_copies(tx: &mut Tx<'_>, run: i64) -> rusqlite::Result<()> {
    let skipped = tx
        .conn
        .prepare_cached(
            "UPDATE delivery SET state = 'skipped', reason = 'nobody is left in To', ended_at = ?2
             WHERE run = ?1 AND state = 'queued'",
        )?
        .execute(params![run, tx.now])?;
    for _ in 0..skipped {
        tx.moved(run, State::Queued, State::Skipped);
    }
    Ok(())
}

/// If the people of a run get one message together, those who were about to get it go back: what a
/// lane has composed names somebody who was forgotten. It cannot be armed any more.
pub(super) fn compose_anew(tx: &mut Tx<'_>, run: i64) -> rusqlite::Result<()> {
    let grouped: bool = tx
        .conn
        .prepare_cached("SELECT grouped IS NOT NULL FROM run WHERE no = ?1")?
        .query_row([run], |row| row.get(0))?;
    if !grouped {
        return Ok(()); // it may have a million rows
    }
    let from = State::Leased;
    let to = from
        .after(Move::Release)
        .expect("a lease can be given back");
    let released = tx
        .conn
        .prepare_cached(
            "UPDATE delivery SET state = ?2, lease_until = NULL WHERE run = ?1 AND state = ?3",
        )?
        .execute(params![run, to.name(), from.name()])?;
    (0..released).for_each(|_| tx.moved(run, from, to));
    Ok(())
}

impl Claimed {
    /// The row itself and its companions.
    pub fn each(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.companions)
    }

    /// Who gets one message together; nothing of nobody.
    #[must_use]
    pub fn together(rows: Vec<Self>) -> Option<Self> {
        let mut rows = rows.into_iter();
        let first = rows.next()?;
        let companions = rows.collect();
        Some(Self {
            companions,
            ..first
        })
    }

    /// The same, each for itself.
    #[must_use]
    pub fn apart(&self) -> Vec<Self> {
        let mut first = self.clone();
        let mut rows = std::mem::take(&mut first.companions);
        rows.insert(0, first);
        rows
    }
}

impl Reader {
    /// What the one message of a run says of its people; none if each of them gets an own one.
    ///
    /// # Errors
    /// The database cannot be read, or there is no such run.
    pub fn group(&self, run: RunNo) -> Result<Option<Group>, OutboxError> {
        self.find_group(run).map_err(failed)
    }

    fn find_group(&self, run: RunNo) -> rusqlite::Result<Option<Group>> {
        let text: Option<String> = self
            .conn
            .prepare_cached("SELECT grouped FROM run WHERE no = ?1")?
            .query_row([run.0], |row| row.get(0))?;
        let Some(text) = text else { return Ok(None) };
        let kept: Kept = serde_json::from_str(&text).map_err(|fault| {
            rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(fault))
        })?;
        let mut person = self.conn.prepare_cached(
            "SELECT address, name FROM delivery WHERE run = ?1 AND seq = ?2 AND address <> ?3",
        )?;
        let mut named = |rows: &[i64]| {
            let found = rows.iter().map(|seq| {
                let row = params![run.0, seq, FORGOTTEN];
                let row = person.query_row(row, |row| Ok((row.get(0)?, row.get(1)?)));
                row.optional()
            });
            let found: rusqlite::Result<Vec<Option<Named>>> = found.collect();
            found.map(|all| all.into_iter().flatten().collect())
        };
        let (to, cc): (Vec<Named>, Vec<Named>) = (named(&kept.to)?, named(&kept.cc)?);
        Ok(Some(Group {
            forgotten: kept.to.len() + kept.cc.len() - to.len() - cc.len(),
            to,
            cc,
            fields: kept.fields,
            until: kept.until,
        }))
    }
}
