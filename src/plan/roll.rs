//! Calling the roll: who is on the lists of a schedule, and can the template be rendered for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::path::Path;

use lettre::message::Mailbox;

use super::change;
use super::former::{self, Former};
use super::group::{Common, Copies};
use super::local::{Lives, Local};
use super::preflight::in_order;
use crate::audience::{self, Care, ListError, Row};
use crate::clock::Timestamp;
use crate::compose::Template;
use crate::config::{BadRows, Config, EMAIL, Empty, MOST_TOGETHER, OncePer, Schedule, Share};
use crate::outbox::{Hour, Kept, Seat};

/// Up to so many unusable rows are accidents that happen; above, more than one in a hundred stops
/// the run.
const BAD_ROWS_HARMLESS: u64 = 10;
/// So many unusable rows are told with their reasons.
const BAD_ROWS_TOLD: usize = 3;

/// The people that a schedule is for, or the part of them that a person chose.
pub struct Roll<'a> {
    schedule: &'a Schedule,
    pub(super) lists: Vec<&'a audience::List>,
    template: &'a Template,
    /// Where readers live, if that matters.
    local: Option<Local<'a>>,
    /// Who gets the one message to all besides those of the lists.
    pub(super) copies: Option<Copies<'a>>,
    /// Only the person with this normalised address.
    pub only: Option<String>,
    /// One message, to this mailbox instead of the person it was made for.
    pub test: Option<Mailbox>,
    /// The people of an earlier run, instead of the lists.
    pub former: Option<Former>,
    /// How closely the lists are looked at.
    pub care: Care,
    /// Where the earlier runs are.
    pub(super) state: &'a Path,
}

/// One row of a roll.
#[derive(Clone, Debug)]
pub struct Person {
    /// The list.
    pub list: String,
    /// The line in it.
    pub line: u64,
    /// Normalised address; empty for a row without one.
    pub key: String,
    /// Whom to write to, or what stood there.
    pub mailbox: Result<Mailbox, String>,
    /// Template fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// Why there can be no message for this row.
    pub fault: Option<String>,
    /// When it is due there, if not everywhere at the same time.
    pub hour: Option<Hour>,
    /// Why another zone is taken for the one that the row names.
    pub stray: Option<String>,
    /// Where one message to all names it.
    pub seat: Seat,
}

/// How many rows there were, and which could not be used.
#[derive(Clone, Debug, Default)]
pub struct Badness {
    /// All rows.
    pub rows: u64,
    /// Unusable ones.
    pub bad: u64,
    /// The first of them, for people: `staff line 7: no @ in the address`.
    pub told: Vec<String>,
    /// The same, in parts.
    pub first: Vec<BadRow>,
    /// How many usable rows each list has.
    pub lists: BTreeMap<String, u64>,
    /// Rows that name a time zone which there is not, so that another one is taken.
    pub strays: u64,
    /// The first of them, likewise.
    pub strays_told: Vec<String>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The list.
    pub list: String,
    /// The line in it.
    pub line: u64,
    /// Why.
    pub fault: String,
}

/// Why a run must not be sent.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RollError {
    /// A list cannot be read.
    #[error("{0}")]
    List(Box<ListError>),
    /// The template needs what a list does not have.
    #[error("{0}")]
    MissingField(String),
    /// Nobody to write to.
    #[error("there is nobody to write to: {0}; if that is fine, set `empty = \"skip\"`")]
    Empty(String),
    /// Too many unusable rows.
    #[error("{0}")]
    BadRows(String),
    /// More people than the fuse allows.
    #[error(
        "the lists have more people than `max_recipients = {most}` allows: raise it if that is \
         meant"
    )]
    TooMany {
        /// How many may be.
        most: u64,
    },
    /// More people than one message may go to.
    #[error(
        "schedule `{0}` sends one message to all (`group = true`), and these are more than \
         {MOST_TOGETHER} people: no server need take more recipients of one (RFC 5321); make several \
         schedules, or take `group` out, and each gets their own"
    )]
    TooManyTogether(
        /// The schedule.
        String,
    ),
    /// Many more or far fewer people than in the schedule's last run.
    #[error(
        "{}, and {before} in its last run {run}: {}, where `max_change = \"{most}\"` \
         allows no more than that; look at its lists, and if it is meant: \
         `postroom send {schedule} --accept-change`",
        change::counted(*.people),
        change::told(*.before, *.people)
    )]
    Changed {
        /// The schedule.
        schedule: String,
        /// How many there are now.
        people: u64,
        /// The last run.
        run: String,
        /// How many were in that.
        before: u64,
        /// What may be.
        most: Share,
    },
    /// The chosen person is on none of the lists.
    #[error("{address} is not on the lists of schedule `{schedule}` ({lists})")]
    NotListed {
        /// Who was asked for.
        address: String,
        /// The schedule.
        schedule: String,
        /// Its lists.
        lists: String,
    },
    /// The people of an earlier run, or what they were sent, cannot be had.
    #[error("{0}")]
    Former(String),
    /// What was given is not an address.
    #[error("{0}")]
    BadAddress(String),
    /// The configuration has no such schedule.
    #[error("no schedule is called `{name}`; there are {known}")]
    NoSchedule {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}

impl<'a> Roll<'a> {
    /// The roll of a schedule.
    ///
    /// # Errors
    /// There is no such schedule.
    pub fn of(config: &'a Config, schedule: &str) -> Result<Self, RollError> {
        let Some(schedule) = config.schedules.get(schedule) else {
            let known: Vec<&str> = config.schedules.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(RollError::NoSchedule {
                name: schedule.to_owned(),
                known,
            });
        };
        Ok(Self {
            schedule,
            lists: schedule
                .to
                .iter()
                .filter_map(|name| config.lists.get(name))
                .collect(),
            template: config
                .templates
                .get(&schedule.send)
                .expect("a loaded configuration has the templates of its schedules"),
            local: schedule.readers.as_ref().map(Local::of),
            copies: Copies::of(config, schedule),
            only: None,
            test: None,
            former: None,
            care: Care::default(),
            state: &config.daemon.state,
        })
    }

    /// It is called for the run that is due at `due_at`: each message leaves when that time comes
    /// to its reader, if readers have zones of their own.
    pub fn is_due_at(&mut self, due_at: Timestamp, now: Timestamp) {
        if let Some(local) = &mut self.local {
            local.on(self.schedule, due_at, now);
        }
    }

    /// The schedule.
    #[must_use]
    pub fn schedule(&self) -> &'a Schedule {
        self.schedule
    }

    /// The template.
    #[must_use]
    pub fn template(&self) -> &'a Template {
        self.template
    }

    /// The subject as it is sent: a test says that it is one.
    pub(super) fn marked(&self, subject: &str) -> String {
        match self.test {
            Some(_) => format!("[test] {}", subject.trim_start()),
            None => subject.to_owned(),
        }
    }

    /// What of the run must not be sent twice. A test is no notice.
    #[must_use]
    pub fn once_per(&self) -> Option<&'a OncePer> {
        let once = self.schedule.once_per.as_ref();
        once.filter(|_| self.test.is_none())
    }

    /// Calls `each` for every row of every list, in order, and weighs the whole at the end. Rows
    /// are read as a stream and rendered on all cores; nothing is kept.
    ///
    /// # Errors
    /// Why nothing must be sent to anybody, or what `each` said.
    pub fn call<E: From<RollError>>(
        &self,
        mut each: impl FnMut(Person) -> Result<(), E>,
    ) -> Result<Badness, E> {
        let mut seen = Badness::default();
        let mut fuse = self.schedule.max_recipients.map(Fuse::new);
        let mut together = self.is_together().then(Together::default);
        let rendered = |row: Sourced<'_>| row.map(|(list, row)| self.person(&list, row));
        let called = in_order(self.rows(), rendered, |person| {
            let Some(person) = person.map_err(|error| End::Of(error.into()))? else {
                return Ok(());
            };
            seen.count(&person);
            if let Some(fuse) = &mut fuse {
                fuse.count(&person).map_err(|error| End::Of(error.into()))?;
            }
            if let Some(together) = &mut together {
                let counted = together.see(self.schedule, &person);
                counted.map_err(|error| End::Of(error.into()))?;
            }
            each(person).map_err(End::Of)?;
            match self.test.is_some() && seen.usable() == 1 {
                true => Err(End::Enough),
                false => Ok(()),
            }
        });
        match called {
            Err(End::Of(error)) => return Err(error),
            Err(End::Enough) => return Ok(seen),
            Ok(()) => {}
        }
        if let Some(together) = together.filter(|_| seen.usable() > 0) {
            self.call_copied(&mut seen, &mut each, (&mut fuse, together))?;
        }
        if let Some(fuse) = &mut fuse {
            fuse.weigh()?;
        }
        self.weigh(&seen)?;
        Ok(seen)
    }

    /// The same for those who get a copy, and whether one message to all can be made.
    fn call_copied<E: From<RollError>>(
        &self,
        seen: &mut Badness,
        each: &mut impl FnMut(Person) -> Result<(), E>,
        (fuse, mut together): (&mut Option<Fuse>, Together),
    ) -> Result<(), E> {
        for (seat, rows) in self.copied() {
            for row in rows {
                let (list, row) = row?;
                let Some(mut person) = self.person(&list, row) else {
                    continue;
                };
                person.seat = seat;
                seen.count(&person);
                if let Some(fuse) = fuse {
                    fuse.count(&person)?;
                }
                together.see(self.schedule, &person)?;
                each(person)?;
            }
        }
        together.weigh(self)?;
        Ok(())
    }

    /// The rows of all lists, each with the name of its list. A list is opened when the one before
    /// it is done; what follows an error must not be used.
    fn rows(&self) -> Box<dyn Iterator<Item = Sourced<'a>> + Send + '_> {
        let Some(former) = &self.former else {
            return Box::new(self.listed());
        };
        let seat = self.is_together().then_some(Seat::To);
        match former::rows(self.state, former, seat) {
            Ok(rows) => Box::new(rows.map(|it| it.map(|(list, row)| (Cow::Owned(list), row)))),
            Err(error) => Box::new(iter::once(Err(error))),
        }
    }

    fn listed(&self) -> impl Iterator<Item = Sourced<'a>> + Send {
        let fault = |error| RollError::List(Box::new(error));
        self.lists.iter().flat_map(move |list| {
            let rows = list.read_with(&self.care).map_err(fault).and_then(|rows| {
                if rows.tells_columns() {
                    self.check_columns(&list.name, rows.columns())?;
                }
                Ok(rows)
            });
            let (rows, error) = match rows {
                Ok(rows) => (Some(rows), None),
                Err(error) => (None, Some(Err(error))),
            };
            let rows = rows.into_iter().flatten();
            error
                .into_iter()
                .chain(rows.map(move |row| Ok((Cow::Borrowed(&*list.name), row.map_err(fault)?))))
        })
    }

    /// A row as a person, rendered once, if it is among those that were asked for.
    fn person(&self, list: &str, row: Row) -> Option<Person> {
        let key = row.recipient.as_ref().map_or("", |it| &it.key);
        if self.only.as_ref().is_some_and(|only| *only != key) {
            return None;
        }
        let mut person = Person {
            list: list.to_owned(),
            line: row.line,
            key: String::new(),
            mailbox: Err(row.raw_address),
            fields: serde_json::Map::new(),
            fault: None,
            hour: None,
            stray: None,
            seat: Seat::To,
        };
        match row.recipient {
            Ok(recipient) => {
                person.fault = self.blank(&recipient.fields);
                person.key = recipient.key;
                person.mailbox = Ok(recipient.mailbox);
                person.fields = recipient.fields;
            }
            Err(fault) => person.fault = Some(fault.to_string()),
        }
        if person.fault.is_none()
            && let Some(local) = &self.local
        {
            person.lives(local);
        }
        if let Some(test) = &self.test {
            person.key = audience::key(&test.email);
            person.mailbox = Ok(test.clone());
        }
        Some(person)
    }

    /// Why the template cannot be rendered for this row. What is the same for all is seen at the end.
    fn blank(&self, fields: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
        if self.is_together() {
            return None;
        }
        let checked = self.template.check(fields);
        checked.err().map(|fault| fault.to_string())
    }

    fn check_columns(&self, list: &str, columns: &[String]) -> Result<(), RollError> {
        let once = self.schedule.once_per.iter().flat_map(|once| &once.fields);
        let mut once = once.filter(|name| *name != EMAIL);
        if let Some(name) = once.find(|name| !columns.contains(name)) {
            return Err(RollError::MissingField(format!(
                "`once_per` names `{name}`, which list `{list}` does not have: it has {}",
                columns.join(", "),
            )));
        }
        let missing = self
            .template
            .variables()
            .iter()
            .find(|variable| !columns.contains(&variable.name));
        missing.map_or(Ok(()), |variable| {
            Err(RollError::MissingField(format!(
                "template `{}` uses `{}` ({}:{}:{}), which list `{list}` does not have: it has {}",
                self.template.name(),
                variable.name,
                variable.file,
                variable.line,
                variable.column,
                columns.join(", "),
            )))
        })
    }

    fn weigh(&self, seen: &Badness) -> Result<(), RollError> {
        if let (Some(address), 0) = (&self.only, seen.rows) {
            return Err(RollError::NotListed {
                address: address.clone(),
                schedule: self.schedule.name.clone(),
                lists: self.schedule.to.join(", "),
            });
        }
        let all_bad = seen.bad > BAD_ROWS_HARMLESS && seen.bad * 100 > seen.rows;
        if seen.bad > 0 && (all_bad || self.schedule.bad_rows == BadRows::Refuse) {
            return Err(RollError::BadRows(format!(
                "{seen}: nothing is sent to anybody until they are mended"
            )));
        }
        if seen.usable() == 0 && self.schedule.empty == Empty::Fail {
            return Err(RollError::Empty(match (seen.bad, &self.former) {
                (0, Some(former)) => format!("nobody of run {} is in that state", former.run),
                (0, None) => format!("{} has no rows", self.schedule.to.join(", ")),
                _ => seen.to_string(),
            }));
        }
        Ok(())
    }
}

impl Person {
    fn lives(&mut self, local: &Local<'_>) {
        match local.lives(&self.fields) {
            Lives::In(zone) => self.hour = local.hour(&zone),
            Lives::Unknown(why, otherwise) => {
                self.hour = local.hour(&otherwise);
                self.stray = Some(why);
            }
            Lives::Nowhere(why) => self.fault = Some(why),
        }
    }
}

/// A row with the name of its list, or why there is none.
type Sourced<'a> = Result<(Cow<'a, str>, Row), RollError>;

/// Why a roll is called no further.
enum End<E> {
    /// Nothing more is wanted.
    Enough,
    Of(E),
}

/// Counts different people up to the number that a run may have.
struct Fuse {
    most: usize,
    people: Distinct,
    /// When to look again: there may be that many rows, and fewer people.
    next: usize,
}

impl Fuse {
    fn new(most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self {
            most,
            people: Distinct::default(),
            next: most,
        }
    }

    fn count(&mut self, person: &Person) -> Result<(), RollError> {
        if person.fault.is_none() {
            self.people.add(&person.key);
        }
        if self.people.0.len() > self.next {
            self.weigh()?;
            self.next = self.most.saturating_add(self.most / 4 + 1000);
        }
        Ok(())
    }

    fn weigh(&mut self) -> Result<(), RollError> {
        if self.people.count() > self.most {
            let most = self.most as u64;
            return Err(RollError::TooMany { most });
        }
        Ok(())
    }
}

/// The people of one message to all.
struct Together {
    crowd: Fuse,
    common: Common,
}

impl Default for Together {
    fn default() -> Self {
        Self {
            crowd: Fuse::new(MOST_TOGETHER),
            common: Common::default(),
        }
    }
}

impl Together {
    fn see(&mut self, schedule: &Schedule, person: &Person) -> Result<(), RollError> {
        if person.fault.is_none() && person.seat == Seat::To {
            self.common.see(person);
        }
        let counted = self.crowd.count(person);
        counted.map_err(|_| RollError::TooManyTogether(schedule.name.clone()))
    }

    fn weigh(mut self, roll: &Roll<'_>) -> Result<(), RollError> {
        let schedule = &roll.schedule.name;
        let weighed = self.crowd.weigh();
        weighed.map_err(|_| RollError::TooManyTogether(schedule.clone()))?;
        self.common.check(schedule, roll.template, &roll.lists)
    }
}

/// Different addresses, for 8 bytes each.
#[derive(Default)]
pub(super) struct Distinct(Vec<i64>);

impl Distinct {
    pub(super) fn add(&mut self, key: &str) {
        self.0.push(Kept::fingerprint(key));
    }

    pub(super) fn count(&mut self) -> usize {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.len()
    }
}

impl Badness {
    /// Rows that can be mailed.
    #[must_use]
    pub fn usable(&self) -> u64 {
        self.rows - self.bad
    }

    /// Which rows name a time zone that there is not, for people.
    #[must_use]
    pub fn strays_told(&self) -> Option<String> {
        let first = self.strays_told.join("; ");
        let more = if self.strays > BAD_ROWS_TOLD as u64 {
            "; …"
        } else {
            ""
        };
        let (strays, rows) = (self.strays, self.rows);
        let name = if strays == 1 { "names" } else { "name" };
        (strays > 0).then(|| {
            format!(
                "of {rows} rows {strays} {name} a time zone that there is not, and `otherwise` is \
                 taken for it ({first}{more})"
            )
        })
    }

    fn count(&mut self, person: &Person) {
        self.rows += 1;
        if let Some(why) = &person.stray {
            self.strays += 1;
            if self.strays_told.len() < BAD_ROWS_TOLD {
                let (list, line) = (&person.list, person.line);
                self.strays_told.push(format!("{list} line {line}: {why}"));
            }
        }
        if let Some(fault) = &person.fault {
            self.bad += 1;
            if self.told.len() < BAD_ROWS_TOLD {
                let (list, line) = (person.list.clone(), person.line);
                self.told.push(format!("{list} line {line}: {fault}"));
                let fault = fault.clone();
                self.first.push(BadRow { list, line, fault });
            }
        } else if let Some(usable) = self.lists.get_mut(&person.list) {
            *usable += 1;
        } else {
            self.lists.insert(person.list.clone(), 1);
        }
    }
}

impl fmt::Display for Badness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are = if self.bad == 1 { "is" } else { "are" };
        write!(f, "{} of {} rows {are} unusable", self.bad, self.rows)?;
        if !self.told.is_empty() {
            write!(f, " ({}", self.told.join("; "))?;
            f.write_str(if self.bad as usize > self.told.len() {
                "; …)"
            } else {
                ")"
            })?;
        }
        Ok(())
    }
}
