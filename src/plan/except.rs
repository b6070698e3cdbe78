//! `except`: people who get nothing of a schedule, whatever its lists say.
//!
//! These lists are read before all others and to their ends, once a run: one that cannot be read
//! must never mean that everybody is written to. Only their addresses matter, and of each no more
//! than a fingerprint is kept, 8 bytes.

use super::badness::Badness;
use super::refusal::RollError;
use super::roll::Roll;
use crate::audience::{self, Care, List, Place, Row, RowFault};
use crate::config::Empty;
use crate::outbox::Kept;

/// Who gets nothing.
#[derive(Default)]
pub(super) struct Except {
    lists: Vec<Named>,
    /// Where the one person stands who was asked for.
    found: Option<(String, Place)>,
}

/// The people of one list.
struct Named {
    list: String,
    /// [`Kept::fingerprint`] of each address, sorted.
    people: Vec<i64>,
}

impl Roll<'_> {
    /// Who gets nothing of it. A test goes to its tester, whoever it was made for.
    pub(super) fn excepted(&self) -> Result<(Except, Vec<Badness>), RollError> {
        if self.test.is_some() {
            return Ok((Except::default(), Vec::new()));
        }
        let (except, counts) = Except::read(&self.except, &self.care, self.only.as_deref())?;
        counts
            .iter()
            .try_for_each(|count| self.weigh_excepted(count))?;
        Ok((except, counts))
    }

    /// Whether a list of `except` says whom it leaves out: if it does not, who should get nothing
    /// might get everything.
    fn weigh_excepted(&self, seen: &Badness) -> Result<(), RollError> {
        let list = seen.lists.first().expect("a list is counted as one");
        if seen.rows == 0 && self.schedule().empty == Empty::Fail {
            return Err(RollError::NobodyExcepted {
                list: self.titled(list),
                is_inline: self.is_inline(list),
                schedule: self.schedule().name.clone(),
            });
        }
        let weighed = match seen.bad > 0 && seen.usable() == 0 {
            true => Err(RollError::BadRows(format!(
                "{seen}, which is all there is: nothing is sent to anybody"
            ))),
            false => seen.weigh(self.schedule().bad_rows),
        };
        weighed.map_err(|error| {
            RollError::BadRows(format!("nobody knows whom `except` leaves out: {error}"))
        })
    }
}

impl Except {
    /// Reads the lists, and says what each came to; `only` is the person that is asked for, if one
    /// is.
    ///
    /// # Errors
    /// One of them cannot be trusted, or is not even there.
    pub(super) fn read(
        lists: &[&List],
        care: &Care,
        only: Option<&str>,
    ) -> Result<(Self, Vec<Badness>), RollError> {
        let mut except = Self::default();
        let mut counts = Vec::with_capacity(lists.len());
        for list in lists {
            counts.push(except.add(list, care, only)?);
        }
        Ok((except, counts))
    }

    fn add(&mut self, list: &List, care: &Care, only: Option<&str>) -> Result<Badness, RollError> {
        let unknown = |error| RollError::Except(Box::new(error));
        let mut count = Badness::of([&*list.name].into_iter());
        let mut people = Vec::new();
        for row in list.read_with(care).map_err(unknown)? {
            let row = row.map_err(unknown)?;
            let (keys, fault) = judge(&row);
            count.add(&list.name, row.place, fault.as_deref());
            for key in keys {
                if self.found.is_none() && only == Some(&*key) {
                    self.found = Some((list.name.clone(), row.place));
                }
                people.push(Kept::fingerprint(&key));
            }
        }
        if people.is_empty() && count.bad > 0 {
            return Err(RollError::BadRows(format!(
                "list `{}`, which `except` names, leaves out nobody: {count}; nothing is sent to \
                 anybody until they are mended",
                list.name
            )));
        }
        people.sort_unstable();
        people.dedup();
        let list = list.name.clone();
        self.lists.push(Named { list, people });
        Ok(count)
    }

    /// Why somebody gets nothing, if a list names them.
    pub(super) fn reason(&self, key: &str) -> Option<String> {
        if self.lists.is_empty() {
            return None;
        }
        let fingerprint = Kept::fingerprint(key);
        let mut lists = self.lists.iter();
        let named = lists.find(|it| it.people.binary_search(&fingerprint).is_ok())?;
        Some(format!("on list `{}`, which `except` names", named.list))
    }

    /// The list and the place at which the person stands who was asked for.
    pub(super) fn found(&self) -> Option<&(String, Place)> {
        self.found.as_ref()
    }
}

/// Whose row it is, and what is wrong with it. A name that cannot be written before an address, or
/// a field that cannot be shown, does no harm here. Whoever a row speaks of that cannot be used is
/// left out all the same, and the row is told.
fn judge(row: &Row) -> (Vec<String>, Option<String>) {
    match &row.recipient {
        Ok(recipient) => (vec![recipient.key.clone()], None),
        Err(fault) => {
            let is_one = audience::mailbox(&row.raw_address).is_ok();
            let is_harmless = is_one && !matches!(fault, RowFault::Fields { .. });
            let keys = audience::mentioned(&row.raw_address).collect();
            (keys, (!is_harmless).then(|| fault.to_string()))
        }
    }
}
