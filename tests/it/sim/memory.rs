//! What the server and the people of a simulation remember, and what they object to on the spot.

use std::collections::BTreeMap;

use postroom::clock::Clock;
use rusqlite::{Connection, params};
use tokio::time::Instant;

/// A body whose first byte came.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) to: String,
    /// As far as it came, in the form that it has on the wire, without the dot.
    pub(crate) bytes: Vec<u8>,
    pub(crate) taken: bool,
    pub(crate) told: bool,
}

impl Body {
    /// The left side of the Message-ID, once that has come: the public id of a delivery.
    pub(crate) fn id(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        let (id, _) = text.split("Message-ID: <").nth(1)?.split_once('@')?;
        Some(id)
    }
}

pub(crate) struct Memory {
    /// A view of the database from outside.
    pub(crate) sql: Connection,
    pub(crate) bodies: Vec<Body>,
    /// MAIL commands heard.
    pub(crate) offers: u64,
    /// Open sessions that the server ended.
    pub(crate) hang_ups: u64,
    /// Who was suppressed, and since when for sure.
    pub(crate) bans: BTreeMap<String, Instant>,
    /// What was held, and since when for sure.
    pub(crate) holds: BTreeMap<(&'static str, String), Instant>,
    pub(crate) clock: Clock,
    pub(crate) objections: Vec<String>,
}

impl Memory {
    pub(crate) fn new(sql: Connection, clock: Clock) -> Self {
        Self {
            sql,
            bodies: Vec::new(),
            offers: 0,
            hang_ups: 0,
            bans: BTreeMap::new(),
            holds: BTreeMap::new(),
            clock,
            objections: Vec::new(),
        }
    }

    /// The first byte of a body to `address` is there; an orphan's sender has died meanwhile.
    pub(crate) fn begins(&mut self, address: &str, is_orphan: bool) -> usize {
        self.bodies.push(Body {
            to: address.to_owned(),
            ..Body::default()
        });
        self.can_record_before_send(address, is_orphan);
        if !is_orphan {
            self.suppression_wins(address);
            self.held_means_no_new_body(address);
        }
        self.bodies.len() - 1
    }

    pub(crate) fn hears(&mut self, number: usize, so_far: &[u8]) {
        self.bodies[number].bytes = so_far.to_vec();
    }

    pub(crate) fn takes(&mut self, number: usize) {
        self.bodies[number].taken = true;
    }

    pub(crate) fn tells(&mut self, number: usize) {
        self.bodies[number].told = true;
    }

    pub(crate) fn object(&mut self, rule: &str, what: &str) {
        self.objections.push(format!("{rule}: {what}"));
    }

    fn count(&self, sql: &str, address: &str) -> usize {
        let mut query = self.sql.prepare_cached(sql).unwrap();
        query.query_row([address], |row| row.get(0)).unwrap()
    }

    /// Every body has an arm of its own in the file when its first byte comes.
    fn can_record_before_send(&mut self, address: &str, is_orphan: bool) {
        let armed = self.count(
            "SELECT count(*) FROM delivery WHERE address = ?1 AND state = 'armed'",
            address,
        );
        let arms = self.count(
            "SELECT count(*) FROM attempt a JOIN delivery d ON d.run = a.run AND d.seq = a.seq
             WHERE d.address = ?1
               AND (a.outcome IS NULL OR a.stage IN ('body', 'end of data'))",
            address,
        );
        let bodies = self.bodies.iter().filter(|body| body.to == address).count();
        if bodies > arms || (armed == 0 && !is_orphan) {
            let what = format!("{bodies} bodies to {address}, {arms} arms, {armed} armed now");
            self.object("can record before send", &what);
        }
    }

    fn suppression_wins(&mut self, address: &str) {
        let since = self.bans.get(&address.to_lowercase());
        if since.is_some_and(|since| *since < Instant::now()) {
            self.object("suppression wins", &format!("a body to {address}"));
        }
    }

    fn held_means_no_new_body(&mut self, address: &str) {
        let held: Vec<(String, String)> = {
            let sql = "SELECT h.scope, h.name FROM delivery d JOIN run r ON r.no = d.run
                 JOIN hold h ON h.scope = 'all' OR (h.scope = 'account' AND h.name = r.account)
                   OR (h.scope = 'schedule' AND h.name = r.schedule)
                 WHERE d.address = ?1 AND d.state = 'armed'
                   AND (h.ends_at IS NULL OR h.ends_at > ?2)";
            let mut query = self.sql.prepare_cached(sql).unwrap();
            let now = self.clock.now().as_millisecond();
            let held = query.query_map(params![address, now], |row| Ok((row.get(0)?, row.get(1)?)));
            held.unwrap().collect::<Result<_, _>>().unwrap()
        };
        // Of two runs that send to the same person, the other one may be meant.
        let armed = "SELECT count(*) FROM delivery WHERE address = ?1 AND state = 'armed'";
        if self.count(armed, address) > 1 {
            return;
        }
        for (scope, name) in held {
            let mut holds = self.holds.iter();
            let long = holds.any(|((s, n), since)| {
                (*s, n) == (scope.as_str(), &name) && *since < Instant::now()
            });
            if long {
                let what = format!("a body to {address} while {scope} {name} is held");
                self.object("held means no new body", &what);
            }
        }
    }
}
