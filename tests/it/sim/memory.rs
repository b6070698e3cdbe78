//! What the server and the people of a simulation remember, and what they object to on the spot.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postroom::clock::Clock;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::time::Instant;

use super::check;
use super::log::{Fault, Log};
use super::watch::Seen;

/// A sender waits for an answer for so long at least: ten minutes from the end of data.
const PATIENCE: Duration = Duration::from_secs(590);

/// In milliseconds.
const MINUTE: i64 = 60_000;

/// A body whose first byte came.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) to: String,
    pub(crate) account: String,
    pub(crate) began: Instant,
    /// As far as it came, in the form that it has on the wire, without the dot.
    pub(crate) bytes: Vec<u8>,
    pub(crate) taken: bool,
    /// A yes was on its way.
    pub(crate) told: bool,
    /// A yes was given to a sender who waited for it, then.
    pub(crate) heard: Option<Instant>,
    /// The process that sent it.
    pub(crate) process: usize,
    /// Another recipient's of the same transaction.
    pub(crate) is_copy: bool,
}

impl Body {
    /// The left side of the Message-ID, once that has come: the public id of a delivery.
    pub(crate) fn id(&self) -> Option<&str> {
        let at = memchr::memmem::find(&self.bytes, b"Message-ID: <")? + 13;
        let (id, _) = std::str::from_utf8(&self.bytes[at..])
            .ok()?
            .split_once('@')?;
        Some(id)
    }
}

pub(crate) struct Memory {
    /// A view of the database from outside.
    pub(crate) sql: Connection,
    pub(crate) seen: Seen,
    pub(crate) log: Log,
    pub(crate) bodies: Vec<Body>,
    /// MAIL commands heard.
    pub(crate) offers: u64,
    /// Open sessions that the server ended.
    pub(crate) hang_ups: u64,
    /// Connections so far.
    pub(crate) lines: usize,
    /// Who is suppressed for sure, by key.
    pub(crate) bans: BTreeSet<String>,
    /// What is on hold for sure.
    pub(crate) holds: BTreeSet<(&'static str, String)>,
    /// The most connections of each account.
    pub(crate) connections: BTreeMap<String, usize>,
    /// When each process ended, if it died.
    pub(crate) deaths: Vec<Option<Instant>>,
    /// Schedules whose people share a message.
    pub(crate) together: BTreeSet<String>,
    pub(crate) clock: Clock,
    pub(crate) faults: Vec<Fault>,
}

impl Memory {
    pub(crate) fn new(sql: Connection, clock: Clock, connections: BTreeMap<String, usize>) -> Self {
        let stable = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
        sql.set_db_config(stable, true).unwrap();
        Self {
            sql,
            seen: Seen::default(),
            log: Log::new(),
            bodies: Vec::new(),
            offers: 0,
            hang_ups: 0,
            lines: 0,
            bans: BTreeSet::new(),
            holds: BTreeSet::new(),
            connections,
            deaths: Vec::new(),
            together: BTreeSet::new(),
            clock,
            faults: Vec::new(),
        }
    }

    /// The first byte of a body to `address` is there; an orphan's sender has died meanwhile.
    pub(crate) fn begins(&mut self, account: &str, address: &str, is_orphan: bool) -> usize {
        self.look();
        self.bodies.push(Body {
            to: address.to_lowercase(),
            account: account.to_owned(),
            began: Instant::now(),
            bytes: Vec::new(),
            taken: false,
            told: false,
            heard: None,
            process: self.deaths.len(),
            is_copy: false,
        });
        self.can_record_before_send(&address.to_lowercase(), is_orphan);
        self.bodies.len() - 1
    }

    /// Every body has an arm of its own in the file when its first byte comes.
    fn can_record_before_send(&mut self, key: &str, is_orphan: bool) {
        let theirs = |id| self.seen.lives[id].key == key;
        let rows = self.seen.rows.iter().filter(|(id, _)| theirs(id));
        let armed = rows.filter(|(_, row)| row.state == "armed").count();
        let arms = self.seen.arms.get(key).copied().unwrap_or_default();
        let bodies = self.bodies.iter().filter(|body| body.to == key).count();
        if bodies > arms || (armed == 0 && !is_orphan) {
            let what = format!("{bodies} bodies to {key}, {arms} arms, {armed} armed now");
            self.faults
                .push(Fault::new("can record before send", what).about(key));
        }
    }

    /// Holds of a process that died without an answer among them.
    pub(crate) fn holds_in_the_file(&self) -> Vec<(String, String)> {
        let query = "SELECT scope, name FROM hold ORDER BY scope, name";
        let mut query = self.sql.prepare_cached(query).unwrap();
        let holds = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        holds.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// A yes has left the server, and its sender may be waiting for it still.
    pub(crate) fn was_heard(&mut self, number: usize) {
        let body = &mut self.bodies[number];
        body.heard = (body.began.elapsed() < PATIENCE).then(Instant::now);
    }

    /// A process has ended.
    pub(crate) fn has_ended(&mut self, dead: bool) {
        self.look();
        self.look_at_all(&[]);
        self.seen.forget_writes();
        self.log.note(if dead {
            "the process is dead"
        } else {
            "the process has ended"
        });
        self.deaths.push(dead.then(Instant::now));
        self.faults.extend(check::at_any_time(&self.sql));
    }

    /// How long it takes until something is due, if anything ever is.
    pub(crate) fn until_something_is_due(&mut self) -> Option<Duration> {
        self.look();
        let now = self.clock.now().as_millisecond();
        let moving = (self.seen.rows.iter())
            .filter(|(id, row)| check::moves(row, &self.seen.lives[id]))
            .map(|(_, row)| match row.state.as_str() {
                "leased" | "armed" => MINUTE,
                _ => row
                    .next_at
                    .saturating_sub(now)
                    .clamp(MINUTE / 4, 30 * MINUTE),
            });
        let least = moving.min()?;
        Some(Duration::from_millis(u64::try_from(least).unwrap()))
    }

    /// A new connection; gives its number.
    pub(crate) fn connected(&mut self, account: &str) -> usize {
        self.lines += 1;
        let what = format!("{account} connects");
        self.log.note_line(self.lines, None, what);
        self.lines
    }

    pub(crate) fn object(&mut self, rule: &'static str, what: String) {
        self.faults.push(Fault::new(rule, what));
    }
}
