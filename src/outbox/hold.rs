//! Holds: what is not sent at the moment, because somebody said so.
//!
//! A hold is a row of its own, not a state of deliveries: it stops claims and arms, which test it
//! in their own transactions, and it survives restarts. One that has ended counts for nothing.

use std::fmt;

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::audit::Entry;
use super::query::failed;
use super::store::Tx;
use super::writer::{Operation, Rank};
use super::{OutboxError, Reader, stamp};
use crate::clock::Timestamp;

/// What a hold is on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "scope", content = "name", rename_all = "lowercase")]
pub enum Scope {
    /// Everything.
    All,
    /// What goes out through this account.
    Account(String),
    /// The runs of this schedule.
    Schedule(String),
    /// One run, by its ULID.
    Run(String),
}

impl Scope {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::All => ("all", ""),
            Self::Account(name) => ("account", name),
            Self::Schedule(name) => ("schedule", name),
            Self::Run(id) => ("run", id),
        }
    }

    fn of(scope: &str, name: String) -> Self {
        match scope {
            "account" => Self::Account(name),
            "schedule" => Self::Schedule(name),
            "run" => Self::Run(name),
            _ => Self::All,
        }
    }
}

/// For people: "everything", "schedule weekly".
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            ("all", _) => f.write_str("everything"),
            (scope, name) => write!(f, "{scope} {name}"),
        }
    }
}

/// A hold as people see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct HoldRow {
    /// What it is on.
    #[serde(flatten)]
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub author: String,
    /// Since when, in milliseconds.
    pub created_at: i64,
    /// When it ends by itself, in milliseconds.
    pub ends_at: Option<i64>,
}

/// Who puts a run on hold when its messages are refused too often.
pub const BREAKER: &str = "breaker";
/// Who puts a run on hold for a while when the key of its readers' tokens cannot be had.
pub const TOKEN_KEY: &str = "unsubscribe";
/// Who puts a run on hold when its first people did not all take it.
pub const CANARY: &str = "canary";

impl HoldRow {
    /// Whether postroom itself put a run on hold: nothing but a person lets it go on.
    #[must_use]
    pub fn waits_for_a_person(&self) -> bool {
        matches!(self.scope, Scope::Run(_)) && [BREAKER, CANARY].contains(&self.author.as_str())
    }

    /// Whether it stops this run.
    #[must_use]
    pub fn stops(&self, run: &str, schedule: &str, account: &str) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Account(name) => name == account,
            Scope::Schedule(name) => name == schedule,
            Scope::Run(id) => id == run,
        }
    }
}

/// Puts something on hold: no body of it leaves once this is durable. A hold on the same thing is
/// replaced, but for that of an outbox that went back in time, which has no end: only a release
/// ends it. One that lasts until a key is there replaces none of a person.
#[derive(Clone, Debug)]
pub struct Hold {
    /// On what.
    pub scope: Scope,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub author: String,
    /// When it ends by itself, in milliseconds.
    pub ends_at: Option<i64>,
}

impl Operation for Hold {
    /// Whether it was not on hold before.
    type Receipt = bool;
    /// Whoever stops mail on a full disk must not find it go on when there is room.
    const RANK: Rank = Rank::Result;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        forget_ended(tx)?;
        let (scope, name) = self.scope.parts();
        let there = tx
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM hold WHERE scope = ?1 AND name = ?2)")?
            .query_row([scope, name], |row| row.get::<_, bool>(0))?;
        tx.conn
            .prepare_cached(
                "INSERT INTO hold (scope, name, reason, author, created_at, ends_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (scope, name) DO UPDATE SET reason = excluded.reason,
                   author = excluded.author, created_at = excluded.created_at,
                   ends_at = excluded.ends_at
                 WHERE hold.author <> ?7 AND (excluded.author <> ?8 OR hold.author = ?8)",
            )?
            .execute(params![
                scope,
                name,
                self.reason,
                self.author,
                tx.now,
                self.ends_at,
                stamp::AUTHOR,
                TOKEN_KEY,
            ])?;
        let entry = Entry {
            author: &self.author,
            action: "hold",
            detail: &format!("{}{}: {}", self.scope, self.until(), self.reason),
        };
        entry.write(tx)?;
        Ok(!there)
    }
}

impl Hold {
    fn until(&self) -> String {
        let at = self.ends_at.map(Timestamp::from_millisecond);
        at.and_then(Result::ok)
            .map_or_else(String::new, |at| format!(", until {at:.0}"))
    }
}

/// Ends a hold. Other holds on the same mail stay.
#[derive(Clone, Debug)]
pub struct Unhold {
    /// On what it is.
    pub scope: Scope,
    /// Who says so.
    pub author: String,
}

impl Operation for Unhold {
    /// Whether there was one.
    type Receipt = bool;
    const RANK: Rank = Rank::Step;

    fn apply(&self, tx: &mut Tx<'_>) -> rusqlite::Result<bool> {
        forget_ended(tx)?;
        let (scope, name) = self.scope.parts();
        let gone = tx
            .conn
            .prepare_cached("DELETE FROM hold WHERE scope = ?1 AND (name = ?2 OR scope = 'all')")?
            .execute([scope, name])?;
        if gone > 0 {
            let entry = Entry {
                author: &self.author,
                action: "release",
                detail: &self.scope.to_string(),
            };
            entry.write(tx)?;
        }
        Ok(gone > 0)
    }
}

fn forget_ended(tx: &Tx<'_>) -> rusqlite::Result<()> {
    tx.conn
        .prepare_cached("DELETE FROM hold WHERE ends_at <= ?1")?
        .execute([tx.now])
        .map(drop)
}

impl Reader {
    /// What is on hold at `now` (milliseconds), the oldest hold first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn holds(&self, now: i64) -> Result<Vec<HoldRow>, OutboxError> {
        self.conn
            .prepare_cached(
                "SELECT scope, name, reason, author, created_at, ends_at FROM hold
                 WHERE ends_at IS NULL OR ends_at > ?1 ORDER BY created_at, scope, name",
            )
            .and_then(|mut query| query.query_map([now], hold_row)?.collect())
            .map_err(failed)
    }
}

fn hold_row(row: &Row<'_>) -> rusqlite::Result<HoldRow> {
    Ok(HoldRow {
        scope: Scope::of(row.get_ref(0)?.as_str()?, row.get(1)?),
        reason: row.get(2)?,
        author: row.get(3)?,
        created_at: row.get(4)?,
        ends_at: row.get(5)?,
    })
}
