//! Bringing the people of a roll into the outbox, chunk after chunk.
//!
//! Some chunks are always on their way, so that the writer need not wait for the lists nor the
//! lists for the disk; no more than some, so that a run of any length holds a few megabytes. Of
//! each person 8 bytes are kept until the end, and 8 more where a notice is sent only once.

use std::collections::VecDeque;

use lettre::message::Mailbox;

use super::badness::Badness;
use super::group::Common;
use super::opening::OpenError;
use super::pools::Pools;
use super::refusal::RollError;
use super::roll::{Person, Roll};
use crate::outbox::{
    AddRows, ClearRun, Hour, Kept, NewDelivery, NewGroup, Notices, Outbox, OutboxError, Receipt,
    ReserveOnce, RowKey, RunNo, SealKeys, Seat,
};

/// So many rows go to the outbox at once: more would make arms and results wait.
const CHUNK: usize = 500;
/// So many chunks are on their way at most.
const UNDER_WAY: usize = 4;
/// So many addresses are looked up at once, in the order of their rows: one after the other, each
/// would be a page of the database to read.
const LOOKED_UP: usize = 50 * CHUNK;

/// A run while its rows are brought to the outbox.
pub(super) struct Filling<'a> {
    outbox: &'a Outbox,
    run: RunNo,
    /// Rows so far.
    pub(super) rows: i64,
    /// Of them, those whose address is suppressed.
    pub(super) suppressed: u64,
    /// The first person who can be mailed, with their subject.
    pub(super) first: Option<(Mailbox, String)>,
    pools: Pools<'a>,
    chunk: Vec<NewDelivery>,
    /// The addresses of the first chunk: if it remains the only one, nothing is looked up.
    few: Vec<RowKey>,
    keys: Vec<SortKey>,
    once: Option<Once>,
    together: Option<Together>,
    under_way: UnderWay<u64>,
}

/// What one message to all says of its people.
#[derive(Default)]
struct Together {
    /// The last rows that it names in To and in Cc.
    until: (i64, i64),
    /// The pool of all of them; an empty one if they have several.
    pool: Option<String>,
    common: Common,
}

/// The notices of a run that must not be sent twice.
struct Once {
    notices: Notices,
    keys: Vec<SortKey>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(
        outbox: &'a Outbox,
        run: RunNo,
        pools: Pools<'a>,
        notices: Option<Notices>,
    ) -> Self {
        Self {
            outbox,
            run,
            rows: 0,
            suppressed: 0,
            first: None,
            pools,
            chunk: Vec::with_capacity(CHUNK),
            few: Vec::new(),
            keys: Vec::new(),
            once: notices.map(|notices| Once {
                notices,
                keys: Vec::new(),
            }),
            together: None,
            under_way: UnderWay::of(UNDER_WAY),
        }
    }

    /// Drops what an interrupted opening left.
    pub(super) fn clear(&self) -> Result<(), OutboxError> {
        while self.outbox.submit(ClearRun { run: self.run }).wait()? {}
        Ok(())
    }

    /// Brings everybody on the roll.
    pub(super) fn fill(&mut self, roll: &Roll<'_>) -> Result<Badness, OpenError> {
        self.together = roll.is_together().then(Together::default);
        let badness = roll.call::<OpenError>(|person| {
            if let (None, true, Ok(mailbox)) = (&self.first, person.gets_it(), &person.mailbox) {
                let subject = roll
                    .render(&person.fields)
                    .map(|it| roll.marked(&it.subject));
                self.first = subject.ok().map(|subject| (mailbox.clone(), subject));
            }
            self.add(person)
        })?;
        self.flush()?;
        while let Some(suppressed) = self.under_way.oldest()? {
            self.suppressed += suppressed;
        }
        Ok(badness)
    }

    /// What the one message to all of them says, if that is what they get.
    pub(super) fn group(&mut self, roll: &Roll<'_>) -> Option<NewGroup> {
        let Together {
            until,
            pool,
            common,
        } = self.together.take()?;
        Some(NewGroup {
            pool: pool.unwrap_or_default(),
            to_until: until.0,
            cc_until: until.1,
            fields: common.fields(&roll.lists),
        })
    }

    fn add(&mut self, person: Person) -> Result<(), OpenError> {
        self.rows += 1;
        if let Some(together) = &mut self.together {
            together.seat(&person, self.rows, self.pools.pool(&person.key));
        }
        if person.gets_it() {
            self.keys.push(SortKey::of_address(&person.key, self.rows)?);
            if self.is_short() && !matches!(person.hour, Some(Hour::Over(_))) {
                self.few.push(RowKey::new(person.key.clone(), self.rows));
            }
            if let Some(once) = &mut self.once {
                let notice = once.notices.of(&person.key, &person.fields);
                once.keys
                    .push(SortKey::new((notice.prefix() >> 32) as u32, self.rows)?);
            }
        }
        let (address, name) = match person.mailbox {
            Ok(mailbox) => (mailbox.email.to_string(), mailbox.name),
            Err(raw) => (raw.chars().take(320).collect(), None),
        };
        let pool = self.pools.pool(&person.key);
        self.chunk.push(NewDelivery {
            seq: self.rows,
            list: person.list,
            place: person.place.to_stored(),
            key: person.key,
            address,
            name,
            fields: serde_json::to_string(&person.fields).expect("plain data serialises"),
            invalid: person.fault,
            left_out: person.left_out,
            hour: person.hour,
            pool,
            files: person.files,
        });
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(())
    }

    /// So far all of it goes to the outbox at once.
    fn is_short(&self) -> bool {
        usize::try_from(self.rows).is_ok_and(|rows| rows <= CHUNK)
    }

    fn flush(&mut self) -> Result<(), OutboxError> {
        let rows = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        if !rows.is_empty() {
            let receipt = self.outbox.submit(AddRows {
                run: self.run,
                rows,
            });
            self.suppressed += self.under_way.add(receipt)?.unwrap_or(0);
        }
        Ok(())
    }

    /// Gives each address its one message, in the order of the fingerprints, which keeps the
    /// index's pages in order; the lowest row keeps the address. Returns how many were duplicates.
    pub(super) fn seal(&mut self) -> Result<u64, OutboxError> {
        if self.is_short() && self.suppressed == 0 {
            return self.seal_few();
        }
        self.keys.sort_unstable();
        let reader = self.outbox.reader()?;
        // While one lot is sealed, the next one is looked up.
        let mut under_way = UnderWay::of(LOOKED_UP / CHUNK);
        let mut duplicates = 0;
        for lot in self.keys.chunks_mut(LOOKED_UP) {
            lot.sort_unstable_by_key(|key| key.row());
            let rows: Vec<i64> = lot.iter().map(|key| key.row()).collect();
            let mut found = reader.waiting_keys(self.run, &rows)?;
            found.sort_unstable_by_key(|it| (it.fingerprint, it.seq));
            let mut found = found.into_iter();
            loop {
                let keys: Vec<RowKey> = found.by_ref().take(CHUNK).collect();
                if keys.is_empty() {
                    break;
                }
                let seal = SealKeys {
                    run: self.run,
                    keys,
                };
                let kept = under_way.add(self.outbox.submit(seal))?;
                duplicates += kept.map_or(0, |kept| kept.duplicates);
            }
        }
        while let Some(kept) = under_way.oldest()? {
            duplicates += kept.duplicates;
        }
        Ok(duplicates)
    }

    fn seal_few(&mut self) -> Result<u64, OutboxError> {
        let mut keys = std::mem::take(&mut self.few);
        if keys.is_empty() {
            return Ok(0);
        }
        keys.sort_unstable_by_key(|it| (it.fingerprint, it.seq));
        let run = self.run;
        let kept = self.outbox.submit(SealKeys { run, keys }).wait()?;
        Ok(kept.duplicates)
    }

    /// Leaves out who was sent the same notice before, in the order of the notices. Returns how
    /// many.
    pub(super) fn reserve(&mut self) -> Result<u64, OutboxError> {
        let Some(once) = &mut self.once else {
            return Ok(0);
        };
        once.keys.sort_unstable();
        let reader = self.outbox.reader()?;
        let mut under_way = UnderWay::of(LOOKED_UP / CHUNK);
        let mut skipped = 0;
        for lot in once.keys.chunks_mut(LOOKED_UP) {
            lot.sort_unstable_by_key(|key| key.row());
            let rows: Vec<i64> = lot.iter().map(|key| key.row()).collect();
            let mut found = reader.waiting_notices(self.run, &once.notices, &rows)?;
            found.sort_unstable();
            for rows in found.chunks(CHUNK) {
                let reserve = ReserveOnce {
                    run: self.run,
                    rows: rows.to_vec(),
                };
                skipped += under_way.add(self.outbox.submit(reserve))?.unwrap_or(0);
            }
        }
        while let Some(more) = under_way.oldest()? {
            skipped += more;
        }
        Ok(skipped)
    }
}

impl Together {
    fn seat(&mut self, person: &Person, row: i64, pool: String) {
        match person.seat {
            Seat::To => self.until = (row, row),
            Seat::Cc => self.until.1 = row,
            Seat::Bcc => {}
        }
        if !person.gets_it() {
            return;
        }
        match &mut self.pool {
            None => self.pool = Some(pool),
            Some(one) if *one != pool => one.clear(), // and no other comes to it any more
            Some(_) => {}
        }
        if person.seat == Seat::To {
            self.common.see(person);
        }
    }
}

/// The upper half of a fingerprint, then the row: 8 bytes that sort as the fingerprints do, but for
/// those few that share a half, and lead back to the address. The same for notices.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
struct SortKey(u64);

impl SortKey {
    fn of_address(address: &str, row: i64) -> Result<Self, RollError> {
        // The database sorts them as signed numbers.
        let unsigned = Kept::fingerprint(address).cast_unsigned() ^ (1 << 63);
        Self::new((unsigned >> 32) as u32, row)
    }

    fn new(upper: u32, row: i64) -> Result<Self, RollError> {
        let row = u32::try_from(row).map_err(|_| RollError::TooMany {
            most: u64::from(u32::MAX),
        })?;
        Ok(Self(u64::from(upper) << 32 | u64::from(row)))
    }

    fn row(self) -> i64 {
        i64::from(self.0 as u32)
    }
}

/// Operations that are not durable yet, oldest first.
struct UnderWay<R> {
    receipts: VecDeque<Receipt<R>>,
    most: usize,
}

impl<R> UnderWay<R> {
    fn of(most: usize) -> Self {
        let receipts = VecDeque::with_capacity(most + 1);
        Self { receipts, most }
    }

    /// One more; waits for the oldest if there are many.
    fn add(&mut self, receipt: Receipt<R>) -> Result<Option<R>, OutboxError> {
        self.receipts.push_back(receipt);
        match self.receipts.len() > self.most {
            true => self.oldest(),
            false => Ok(None),
        }
    }

    fn oldest(&mut self) -> Result<Option<R>, OutboxError> {
        self.receipts.pop_front().map(Receipt::wait).transpose()
    }
}
