//! What a roll came to: how many rows each list had, and which of them could not be used.

use std::fmt;

use super::change::rows;
use super::forecast::grouped;
use super::refusal::RollError;
use super::roll::Person;
use crate::audience::Place;
use crate::config::BadRows;
use crate::outbox::Seat;

/// So many unusable rows are kept with their reasons.
const KEPT: usize = 10;
/// So many of them are told in one line.
const TOLD: usize = 3;

/// Up to so many unusable rows are accidents that happen; above, more than one in a hundred stops
/// the run.
const HARMLESS: u64 = 10;

/// How many rows there were, and which could not be used.
#[derive(Clone, Debug, Default)]
pub struct Badness {
    /// All rows of the lists that it goes to.
    pub rows: u64,
    /// Unusable ones.
    pub bad: u64,
    /// Rows of people whom a list of `except` names.
    pub left_out: u64,
    /// The first unusable ones, for people: `staff line 7: no @ in the address`.
    pub told: Vec<String>,
    /// The same, in parts.
    pub first: Vec<BadRow>,
    /// Each list, in the order in which they were read.
    pub lists: Vec<ListCount>,
    /// Those that get a copy of one message to all: lists, and what is named in `cc` and `bcc`.
    pub copies: Vec<ListCount>,
    /// The lists of `except`, which are counted for themselves.
    pub except: Vec<Badness>,
    /// Rows that name a time zone which there is not, so that another one is taken.
    pub strays: u64,
    /// The first of them, likewise.
    pub strays_told: Vec<String>,
}

/// How many rows a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListCount {
    /// The list.
    pub list: String,
    /// All of them.
    pub rows: u64,
    /// Unusable ones.
    pub bad: u64,
    /// Those of people whom a list of `except` names.
    pub left_out: u64,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The list.
    pub list: String,
    /// Where in it.
    pub place: Place,
    /// Why.
    pub fault: String,
}

impl ListCount {
    /// Of a list of which nothing was read so far.
    pub(super) fn of(list: &str) -> Self {
        Self {
            list: list.to_owned(),
            ..Self::default()
        }
    }

    /// Rows that can be mailed, and are to be.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.rows - self.bad - self.left_out
    }
}

impl Badness {
    /// Of lists of which nothing was read so far.
    pub(super) fn of<'a>(lists: impl Iterator<Item = &'a str>) -> Self {
        Self {
            lists: lists.map(ListCount::of).collect(),
            ..Self::default()
        }
    }

    /// Rows that can be mailed, and are to be.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.rows - self.bad - self.left_out
    }

    /// Every list that was read, those of `except` last.
    pub fn all_lists(&self) -> impl Iterator<Item = &ListCount> {
        let except = self.except.iter().flat_map(|it| &it.lists);
        self.lists.iter().chain(&self.copies).chain(except)
    }

    /// What is wrong with lists of `except`, for people: somebody may get it who should not.
    #[must_use]
    pub fn except_told(&self) -> Option<String> {
        let bad = self.except.iter().filter(|it| it.bad > 0);
        let told: Vec<String> = bad.map(|it| format!("`except`: {it}")).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Which rows name a time zone that there is not, for people.
    #[must_use]
    pub fn strays_told(&self) -> Option<String> {
        let first = self.strays_told.join("; ");
        let more = if self.strays > TOLD as u64 {
            "; …"
        } else {
            ""
        };
        let name = if self.strays == 1 { "names" } else { "name" };
        let strays = grouped(&self.strays.to_string());
        (self.strays > 0).then(|| {
            format!(
                "of {} {strays} {name} a time zone that there is not, and `otherwise` is \
                 taken for it ({first}{more})",
                rows(self.rows)
            )
        })
    }

    /// Whether a few of the rows may be unusable, as they are.
    ///
    /// # Errors
    /// They may not.
    pub(super) fn weigh(&self, bad_rows: BadRows) -> Result<(), RollError> {
        let too_many = self.bad > HARMLESS && self.bad * 100 > self.rows;
        let rule = match bad_rows {
            BadRows::Refuse if self.bad > 0 => "",
            BadRows::Skip if too_many => ", more than 10 and more than 1 in 100",
            _ => return Ok(()),
        };
        let they_are = if self.bad == 1 { "it is" } else { "they are" };
        Err(RollError::BadRows(format!(
            "{self}{rule}: nothing is sent to anybody until {they_are} mended"
        )))
    }

    pub(super) fn count(&mut self, person: &Person) {
        if let Some(why) = &person.stray {
            self.strays += 1;
            if self.strays_told.len() < TOLD {
                let (list, place) = (&person.list, person.place);
                self.strays_told.push(format!("{list} {place}: {why}"));
            }
        }
        let lists = match person.seat {
            Seat::To => &mut self.lists,
            Seat::Cc | Seat::Bcc => &mut self.copies,
        };
        let left_out = u64::from(person.left_out.is_some());
        let count = of(lists, &person.list);
        count.rows += 1;
        count.bad += u64::from(person.fault.is_some());
        count.left_out += left_out;
        self.left_out += left_out;
        self.tell(&person.list, person.place, person.fault.as_deref());
    }

    /// One more row of a list of `except`, and what is wrong with it.
    pub(super) fn add(&mut self, list: &str, place: Place, fault: Option<&str>) {
        let count = of(&mut self.lists, list);
        count.rows += 1;
        count.bad += u64::from(fault.is_some());
        self.tell(list, place, fault);
    }

    fn tell(&mut self, list: &str, place: Place, fault: Option<&str>) {
        self.rows += 1;
        let Some(fault) = fault else {
            return;
        };
        self.bad += 1;
        if self.told.len() < KEPT {
            self.told.push(format!("{list} {place}: {fault}"));
            self.first.push(BadRow {
                list: list.to_owned(),
                place,
                fault: fault.to_owned(),
            });
        }
    }
}

/// The count of a list. Rows come list after list, and there are few lists.
fn of<'a>(lists: &'a mut Vec<ListCount>, name: &str) -> &'a mut ListCount {
    let place = lists.iter().position(|it| it.list == name);
    let place = place.unwrap_or_else(|| {
        lists.push(ListCount::of(name));
        lists.len() - 1
    });
    &mut lists[place]
}

impl fmt::Display for Badness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are = if self.bad == 1 { "is" } else { "are" };
        let bad = grouped(&self.bad.to_string());
        write!(f, "{bad} of {} {are} unusable", rows(self.rows))?;
        if self.told.is_empty() {
            return Ok(());
        }
        let told = &self.told[..self.told.len().min(TOLD)];
        let more = if self.bad > TOLD as u64 { "; …" } else { "" };
        write!(f, " ({}{more})", told.join("; "))
    }
}
