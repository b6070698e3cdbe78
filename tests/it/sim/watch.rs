//! Sees each write to the outbox from outside: compares the rows after it with those before, and
//! holds the invariants that speak of a single move.

use std::collections::{BTreeMap, BTreeSet};

use postroom::outbox::Fate;
use rusqlite::OptionalExtension;

use super::log::Fault;
use super::memory::Memory;

/// A delivery as the file has it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) run: i64,
    pub(crate) seq: i64,
    pub(crate) state: String,
    epoch: i64,
    lease_until: i64,
    pub(crate) resends: i64,
    pub(crate) next_at: i64,
    /// When the time of its run is over.
    expires_at: i64,
}

/// What stays the same of a delivery, and what happened to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    pub(crate) key: String,
    pub(crate) run: String,
    pub(crate) schedule: String,
    pub(crate) account: String,
    pub(crate) policy: String,
    /// How often a person had it sent again.
    pub(crate) sent_again: usize,
    /// How often a person said that it had arrived.
    pub(crate) confirmed: usize,
}

/// What was seen last.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    text: String,
    pub(crate) rows: BTreeMap<(i64, i64), Row>,
    pub(crate) lives: BTreeMap<(i64, i64), Life>,
    /// How often a delivery to an address was armed.
    pub(crate) arms: BTreeMap<String, usize>,
    version: i64,
    /// What is being written: the operations, and the elapsed milliseconds of its process.
    writes: Vec<&'static str>,
    ticks: i64,
    now: i64,
    wrote_at: u128,
    waits: bool,
}

/// Where each state may lead to in one write, but for what people do: a sweep that sends again may
/// find in the same breath that it is too late for that.
const MOVES: [(&str, &str); 5] = [
    ("queued", "leased expired cancelled suppressed skipped"),
    ("deferred", "leased expired cancelled suppressed"),
    (
        "leased",
        "queued armed deferred rejected invalid uncertain cancelled suppressed expired",
    ),
    (
        "armed",
        "accepted deferred rejected uncertain queued presumed",
    ),
    (
        "uncertain",
        "accepted deferred rejected queued presumed cancelled expired",
    ),
];

/// A row in one line; see [`Row::parse`].
const COLUMNS: &str = "d.run || ' ' || d.seq || ' ' || d.state || ' ' || d.epoch || ' ' ||
    coalesce(d.lease_until, 0) || ' ' || d.resends || ' ' || d.next_at || ' ' || r.expires_at";

impl Row {
    fn id(line: &str) -> (i64, i64) {
        let mut words = line.split(' ').map(|word| word.parse().unwrap());
        (words.next().unwrap(), words.next().unwrap())
    }

    fn parse(line: &str) -> Self {
        let mut words = line.split(' ');
        let mut next = || words.next().unwrap();
        let (run, seq, state) = (next(), next(), next().to_owned());
        let mut number = || next().parse().unwrap();
        Self {
            run: run.parse().unwrap(),
            seq: seq.parse().unwrap(),
            state,
            epoch: number(),
            lease_until: number(),
            resends: number(),
            next_at: number(),
            expires_at: number(),
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        !MOVES.iter().any(|(state, _)| *state == self.state)
    }
}

impl Seen {
    /// What waited for the disk of a dead process was never written.
    pub(crate) fn forget_writes(&mut self) {
        self.writes.clear();
        self.waits = false;
    }
}

impl Life {
    fn is_covered(&self, (scope, name): &(&'static str, String)) -> bool {
        match *scope {
            "all" => true,
            "account" => *name == self.account,
            "schedule" => *name == self.schedule,
            _ => *name == self.run,
        }
    }
}

impl Memory {
    /// A write begins; all before it have ended.
    pub(crate) fn writes(&mut self, operation: &'static str, fate: Fate) {
        self.look();
        if !self.seen.waits {
            self.seen.writes.clear();
        }
        if !operation.is_empty() {
            self.seen.writes.push(operation);
        }
        self.seen.now = self.clock.now().as_millisecond();
        self.seen.waits = fate == Fate::Wait;
        self.seen.wrote_at = self.log.now();
        self.seen.ticks = i64::try_from(self.clock.ticks().as_millis()).unwrap();
        match fate {
            Fate::Live => {}
            Fate::Wait => self.log.note(format!("{operation} waits for the disk")),
            Fate::DieBefore | Fate::DieAfter => self.log.note(format!("{operation}: {fate:?}")),
        }
    }

    /// Sees what the last write came to.
    pub(crate) fn look(&mut self) {
        let version = self.sql.prepare_cached("PRAGMA data_version").unwrap();
        let version: i64 = { version }.query_row([], |row| row.get(0)).unwrap();
        if version == self.seen.version {
            return;
        }
        self.seen.version = version;
        let writes = std::mem::take(&mut self.seen.writes);
        let text = self.open_rows();
        if text != self.seen.text {
            let before = std::mem::replace(&mut self.seen.text, text.clone());
            let known: Vec<&str> = before.lines().collect();
            let changed = text.lines().filter(|line| !known.contains(line));
            let mut rows: Vec<Row> = changed.map(Row::parse).collect();
            let open: Vec<_> = text.lines().map(Row::id).collect();
            let ended = known
                .into_iter()
                .map(Row::id)
                .filter(|id| !open.contains(id));
            for id in ended {
                match self.row(id) {
                    Some(row) => rows.push(row),
                    None => drop(self.seen.rows.remove(&id)), // of a run that was never opened
                }
            }
            rows.into_iter().for_each(|row| self.moved(row, &writes));
        }
        let count: usize = {
            let mut query = self
                .sql
                .prepare_cached("SELECT count(*) FROM delivery")
                .unwrap();
            query.query_row([], |row| row.get(0)).unwrap()
        };
        if count != self.seen.rows.len() {
            self.look_at_all(&writes);
        }
        self.one_armed_for_each_connection();
    }

    /// The rows that are not final, a line for each. A final one that is not so any more is among
    /// them.
    fn open_rows(&self) -> String {
        let query = format!(
            "SELECT group_concat({COLUMNS}, x'0a') FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.state IN ('queued', 'leased', 'armed', 'uncertain', 'deferred')"
        );
        let mut query = self.sql.prepare_cached(&query).unwrap();
        let text: Option<String> = query.query_row([], |row| row.get(0)).unwrap();
        text.unwrap_or_default()
    }

    fn row(&self, (run, seq): (i64, i64)) -> Option<Row> {
        let query = format!(
            "SELECT {COLUMNS} FROM delivery d JOIN run r ON r.no = d.run
             WHERE d.run = ?1 AND d.seq = ?2"
        );
        let mut query = self.sql.prepare_cached(&query).unwrap();
        let line = query.query_row([run, seq], |row| row.get::<_, String>(0));
        line.optional().unwrap().map(|line| Row::parse(&line))
    }

    /// The same for all rows, final ones too.
    pub(crate) fn look_at_all(&mut self, writes: &[&'static str]) {
        let query = format!("SELECT {COLUMNS} FROM delivery d JOIN run r ON r.no = d.run");
        let rows: Vec<Row> = {
            let mut query = self.sql.prepare_cached(&query).unwrap();
            let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.map(|line| Row::parse(&line.unwrap())).collect()
        };
        let there: Vec<_> = rows.iter().map(|row| (row.run, row.seq)).collect();
        self.seen.rows.retain(|id, _| there.contains(id));
        rows.into_iter().for_each(|row| self.moved(row, writes));
    }

    fn moved(&mut self, row: Row, writes: &[&'static str]) {
        let id = (row.run, row.seq);
        if !self.seen.lives.contains_key(&id) {
            self.get_to_know(row.run);
        }
        let old = self.seen.rows.insert(id, row.clone());
        let Some(life) = self.seen.lives.get(&id).cloned() else {
            return;
        };
        let from = old.as_ref().map_or("-", |old| old.state.as_str());
        let words = writes.join(", ");
        if from == row.state && old.as_ref().is_some_and(|old| old.epoch == row.epoch) {
            return;
        }
        let text = format!("{id:?} {from} -> {} by {words}", row.state);
        let at = self.seen.wrote_at;
        self.log.note_row(at, &life.key, text.clone());
        let fault = |rule, what| Fault::new(rule, what).about(&life.key);
        let mut faults = Vec::new();
        if let Some(old) = &old {
            let by_a_person = writes.contains(&"Change");
            if old.is_final() && !by_a_person {
                faults.push(fault("what is final stays so", text.clone()));
            }
            if writes.len() == 1 && !is_legal(old, &row, by_a_person) {
                faults.push(fault("legal moves only", text.clone()));
            }
            if row.state == "armed" {
                let late = old.lease_until <= self.seen.ticks;
                if old.state != "leased" || old.epoch != row.epoch || late {
                    let what = format!("{text}: from epoch {} to {}", old.epoch, row.epoch);
                    let what = format!("{what}, lease over: {late}");
                    faults.push(fault("no arm without a lease", what));
                }
            }
            let own = self.seen.lives.get_mut(&id).expect("it was found above");
            let went_back = matches!(row.state.as_str(), "queued" | "leased");
            let stood_still = old.is_final() || old.state == "uncertain";
            own.sent_again += usize::from(by_a_person && stood_still && went_back);
            own.confirmed += usize::from(by_a_person && row.state == "accepted");
        }
        if row.resends > 1 {
            faults.push(fault("sent again once at most", text.clone()));
        }
        if row.state == "armed" {
            *self.seen.arms.entry(life.key.clone()).or_default() += 1;
            if row.expires_at <= self.seen.now {
                faults.push(fault("nothing leaves when its time is over", text.clone()));
            }
            if self.bans.contains(&life.key) {
                faults.push(fault("suppression wins", text.clone()));
            }
            if let Some((scope, name)) = self.holds.iter().find(|it| life.is_covered(it)) {
                let what = format!("{text}, while {scope} {name} is on hold");
                faults.push(fault("nothing leaves while it is on hold", what));
            }
        }
        self.faults.extend(faults);
    }

    /// Who the people of a new run are.
    fn get_to_know(&mut self, run: i64) {
        let query = "SELECT d.seq, d.key, r.id, r.schedule, r.account, r.on_uncertain
             FROM delivery d JOIN run r ON r.no = d.run WHERE d.run = ?1";
        let mut query = self.sql.prepare_cached(query).unwrap();
        let lives = query.query_map([run], |row| {
            let life = Life {
                key: row.get(1)?,
                run: row.get(2)?,
                schedule: row.get(3)?,
                account: row.get(4)?,
                policy: row.get(5)?,
                ..Life::default()
            };
            Ok(((run, row.get(0)?), life))
        });
        for life in lives.unwrap() {
            let (id, life) = life.unwrap();
            self.seen.lives.entry(id).or_insert(life);
        }
    }

    /// The result of a message is recorded before the next one is armed on its connection.
    fn one_armed_for_each_connection(&mut self) {
        let mut armed: BTreeMap<&str, BTreeSet<(i64, i64)>> = BTreeMap::new();
        for (id, row) in &self.seen.rows {
            if row.state == "armed" {
                let life = &self.seen.lives[id];
                let shares = self.together.contains(&life.schedule);
                let message = if shares { (id.0, 0) } else { *id };
                armed.entry(&life.account).or_default().insert(message);
            }
        }
        for (account, messages) in armed {
            let count = messages.len();
            let most = self.connections[account];
            if count > most {
                let what = format!("{count} of {account} are armed, with {most} connections");
                let fault = Fault::new("one armed for each connection", what);
                self.faults.push(fault);
            }
        }
    }
}

fn is_legal(from: &Row, to: &Row, by_a_person: bool) -> bool {
    if by_a_person {
        let failed = matches!(from.state.as_str(), "rejected" | "expired" | "cancelled");
        return match to.state.as_str() {
            "queued" => failed || from.state == "uncertain",
            "accepted" => from.state == "uncertain",
            "cancelled" => !from.is_final() && from.state != "armed",
            _ => false,
        };
    }
    let mut moves = MOVES.iter();
    let there = moves.find(|(state, _)| *state == from.state);
    from.state == to.state
        || there.is_some_and(|(_, to_all)| to_all.split(' ').any(|it| it == to.state))
}
