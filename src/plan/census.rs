//! What a reading of a list found, for people who look at their lists.

use serde_json::{Map, Value};

use super::badness::BadRow;
use super::distinct::Distinct;
use super::roll::Person;
use crate::audience::{Care, List, ListError, Particulars, Place, Row, Rows};
use crate::outbox::Seat;

/// So many rows are shown as they are.
const SHOWN: usize = 3;
/// So many rows are told of which nothing can be made.
const TOLD: usize = 10;

/// One list, read to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Census {
    /// The list.
    pub list: String,
    /// What a template may use, the column of the address among it.
    pub columns: Vec<String>,
    /// How it was read, if that was from a text.
    pub particulars: Option<Particulars>,
    /// All rows.
    pub rows: u64,
    /// Different addresses.
    pub people: u64,
    /// Rows that nobody can be mailed by, whatever is sent.
    pub bad: Told,
    /// Rows for which the schedule's message cannot be made.
    pub unfit: Told,
    /// The fields of the first people.
    pub first: Vec<Map<String, Value>>,
}

/// Rows of which nothing can be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// How many.
    pub rows: u64,
    /// The first of them.
    pub first: Vec<BadRow>,
}

impl Census {
    /// Reads a list for itself, not for a schedule.
    ///
    /// # Errors
    /// Nothing of it may be sent.
    pub fn of(list: &List, care: &Care) -> Result<Self, ListError> {
        let rows = list.read_with(care)?;
        let reading = Reading::of(list, &rows);
        let mut people = Distinct::default();
        let mut count = Count::of(&list.name);
        for row in rows {
            count.take(row?, &mut people);
        }
        Ok(count.end(reading, &mut people))
    }

    /// Rows that repeat an address of the list.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.rows - self.bad.rows - self.people
    }
}

/// A list that was read to its end: what was known when it was opened.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    list: String,
    columns: Vec<String>,
    particulars: Option<Particulars>,
}

impl Reading {
    pub(super) fn of(list: &List, rows: &Rows) -> Self {
        Self {
            list: list.name.clone(),
            columns: rows.columns().to_vec(),
            particulars: rows.particulars().cloned(),
        }
    }
}

/// The rows of one list after another, while they are read.
#[derive(Default)]
pub(super) struct Counts {
    done: Vec<(Count, u64)>,
    now: Option<Count>,
}

impl Counts {
    /// Takes a row of a schedule. Whether its address counts is for `people` to know.
    pub(super) fn row(&mut self, person: &Person, people: &mut Distinct) {
        if person.seat != Seat::To {
            return self.end_list(people); // who is copied is on no list of the schedule's own
        }
        if self.now.as_ref().is_none_or(|it| it.list != person.list) {
            self.end_list(people);
            self.now = Some(Count::of(&person.list));
        }
        let count = self.now.as_mut().expect("it was put there just now");
        count.row(person);
    }

    /// The list is over.
    pub(super) fn end_list(&mut self, people: &mut Distinct) {
        if let Some(count) = self.now.take() {
            self.done.push((count, people.end_list()));
        }
    }

    /// What was found of the lists that were read to their end.
    pub(super) fn end(mut self, read: Vec<Reading>, people: &mut Distinct) -> Vec<Census> {
        self.end_list(people);
        let of = |reading: Reading| {
            let place = self.done.iter().position(|(it, _)| it.list == reading.list);
            match place {
                Some(place) => {
                    let (count, people) = self.done.swap_remove(place);
                    count.with(reading, people)
                }
                None => Count::of(&reading.list).with(reading, 0),
            }
        };
        read.into_iter().map(of).collect()
    }
}

/// What is counted of one list.
struct Count {
    list: String,
    rows: u64,
    bad: Told,
    unfit: Told,
    first: Vec<Map<String, Value>>,
}

impl Count {
    fn of(list: &str) -> Self {
        Self {
            list: list.to_owned(),
            rows: 0,
            bad: Told::default(),
            unfit: Told::default(),
            first: Vec::new(),
        }
    }

    /// A row as it came from the list.
    fn take(&mut self, row: Row, people: &mut Distinct) {
        self.rows += 1;
        match row.recipient {
            Ok(recipient) => {
                people.add(&recipient.key, true);
                if self.first.len() < SHOWN {
                    self.first.push(recipient.fields);
                }
            }
            Err(fault) => self.bad.add(&self.list, row.place, || fault.to_string()),
        }
    }

    /// A row as it came for a schedule.
    fn row(&mut self, person: &Person) {
        self.rows += 1;
        match &person.fault {
            // Without a mailbox it is not the message that there is something wrong with.
            Some(fault) if person.mailbox.is_err() => {
                return self.bad.add(&self.list, person.place, || fault.clone());
            }
            Some(fault) => self.unfit.add(&self.list, person.place, || fault.clone()),
            None => {}
        }
        if self.first.len() < SHOWN {
            self.first.push(person.fields.clone());
        }
    }

    fn end(self, reading: Reading, people: &mut Distinct) -> Census {
        let people = people.end_list();
        self.with(reading, people)
    }

    fn with(self, reading: Reading, people: u64) -> Census {
        Census {
            list: reading.list,
            columns: reading.columns,
            particulars: reading.particulars,
            rows: self.rows,
            people,
            bad: self.bad,
            unfit: self.unfit,
            first: self.first,
        }
    }
}

impl Told {
    fn add(&mut self, list: &str, place: Place, fault: impl FnOnce() -> String) {
        self.rows += 1;
        if self.first.len() < TOLD {
            let (list, fault) = (list.to_owned(), fault());
            self.first.push(BadRow { list, place, fault });
        }
    }
}
