//! Calling the roll: who is on the lists of a schedule, and can the template be rendered for them.

use std::borrow::Cow;
use std::iter;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use lettre::message::Mailbox;

use super::badness::{Badness, ListCount};
use super::census::Reading;
use super::change::rows;
use super::distinct::Distinct;
use super::except::Except;
use super::forecast::grouped;
use super::former::{self, Former};
use super::group::{Common, Copies};
use super::local::{Lives, Local};
use super::manner::{sender_of, specimen};
use super::preflight::in_order;
use super::refusal::RollError;
use super::supplement;
use crate::audience::{self, Care, ListError, Place, Row, Source};
use crate::clock::Timestamp;
use crate::compose::{Given, Template};
use crate::config::{Config, EMAIL, Empty, MOST_TOGETHER, OncePer, Schedule};
use crate::outbox::{Hour, Seat};

/// Who would get one message together is counted so far, though far fewer may.
const COUNTED_TOGETHER: usize = 10_000;

/// The people that a schedule is for, or the part of them that a person chose.
pub struct Roll<'a> {
    schedule: &'a Schedule,
    pub(super) lists: Vec<&'a audience::List>,
    /// The lists whose people get nothing.
    pub(super) except: Vec<&'a audience::List>,
    template: &'a Template,
    /// What they can show of the sender.
    pub(super) sender_gives: Given,
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
    /// The values of the run, where they were read before.
    pub data: Option<Arc<serde_json::Value>>,
    /// How closely the lists are looked at.
    pub care: Care,
    /// Where the earlier runs are.
    pub(super) state: &'a Path,
    /// What its mails carry besides their texts.
    pub(super) supplements: supplement::Read,
    /// What its texts can show besides the fields of a row.
    pub(super) given: OnceLock<Given>,
    /// The lists that were read to their end.
    readings: Mutex<Vec<Reading>>,
}

/// One row of a roll.
#[derive(Clone, Debug)]
pub struct Person {
    /// The list.
    pub list: String,
    /// Where in it.
    pub place: Place,
    /// Normalised address; of an unusable row the one that it speaks of, if there is any.
    pub key: String,
    /// Whom to write to, or what stood there.
    pub mailbox: Result<Mailbox, String>,
    /// Template fields.
    pub fields: serde_json::Map<String, serde_json::Value>,
    /// Why there can be no message for this row.
    pub fault: Option<String>,
    /// Why they get nothing, though there could be a message: `except` names them.
    pub left_out: Option<String>,
    /// When it is due there, if not everywhere at the same time.
    pub hour: Option<Hour>,
    /// Why another zone is taken for the one that the row names.
    pub stray: Option<String>,
    /// Where one message to all names it.
    pub seat: Seat,
    /// The files that go to them alone, as they are stored.
    pub files: Option<String>,
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
        let named = |names: &[String]| {
            let lists = names.iter().filter_map(|name| config.lists.get(name));
            lists.collect()
        };
        Ok(Self {
            schedule,
            lists: named(&schedule.to),
            except: named(&schedule.except),
            template: config
                .templates
                .get(&schedule.send)
                .expect("a loaded configuration has the templates of its schedules"),
            sender_gives: specimen(&sender_of(config, schedule, false)),
            local: schedule.readers.as_ref().map(Local::of),
            copies: Copies::of(config, schedule),
            only: None,
            test: None,
            former: None,
            data: None,
            care: Care::default(),
            state: &config.daemon.state,
            supplements: supplement::Read::default(),
            given: OnceLock::new(),
            readings: Mutex::default(),
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
        self.supplements()?;
        let (except, except_counts) = self.excepted()?;
        let lists = self.lists.iter().filter(|_| self.is_whole());
        let mut seen = Badness::of(lists.map(|list| &*list.name));
        seen.except = except_counts;
        let mut fuse = self.schedule.max_recipients.map(Fuse::new);
        let mut together = self.is_together().then(Together::default);
        let rendered = |step: Sourced<'_>| {
            step.map(|step| match step {
                Step::Row((list, row)) => Step::Row(self.person(&except, &list, row)),
                Step::End(reading) => Step::End(reading),
            })
        };
        let called = in_order(self.rows(), rendered, |step| {
            let person = match step.map_err(|error| End::Of(error.into()))? {
                Step::Row(Some(person)) => person,
                Step::Row(None) => return Ok(()),
                Step::End(reading) => {
                    self.readings().push(reading);
                    return Ok(());
                }
            };
            seen.count(&person);
            if let Some(fuse) = &mut fuse {
                fuse.count(&person).map_err(|error| End::Of(error.into()))?;
            }
            if let Some(together) = &mut together {
                let counted = together.see(&person);
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
            self.call_copied(&mut seen, &mut each, (&mut fuse, together, &except))?;
        }
        if let Some(fuse) = &mut fuse {
            fuse.weigh()?;
        }
        self.weigh(&seen, &except)?;
        Ok(seen)
    }

    /// The same for those who get a copy, and whether one message to all can be made.
    fn call_copied<E: From<RollError>>(
        &self,
        seen: &mut Badness,
        each: &mut impl FnMut(Person) -> Result<(), E>,
        (fuse, mut together, except): (&mut Option<Fuse>, Together, &Except),
    ) -> Result<(), E> {
        if self.is_whole() {
            let copies = self.copies.iter().flat_map(Copies::lists);
            seen.copies = Badness::of(copies.map(|list| &*list.name)).lists;
        }
        for (seat, rows) in self.copied() {
            for row in rows {
                let (list, row) = row?;
                let Some(mut person) = self.person(except, &list, row) else {
                    continue;
                };
                person.seat = seat;
                seen.count(&person);
                if let Some(fuse) = fuse {
                    fuse.count(&person)?;
                }
                together.see(&person)?;
                each(person)?;
            }
        }
        together.weigh(self)?;
        Ok(())
    }

    /// Whether it is for all the people of the lists.
    fn is_whole(&self) -> bool {
        self.only.is_none() && self.test.is_none() && self.former.is_none()
    }

    /// The rows of all lists, each with the name of its list. A list is opened when the one before
    /// it is done; what follows an error must not be used.
    fn rows(&self) -> Box<dyn Iterator<Item = Sourced<'a>> + Send + '_> {
        let Some(former) = &self.former else {
            return Box::new(self.listed());
        };
        let seat = self.is_together().then_some(Seat::To);
        match former::rows(self.state, former, seat) {
            Ok(rows) => {
                Box::new(rows.map(|it| it.map(|(list, row)| Step::Row((Cow::Owned(list), row)))))
            }
            Err(error) => Box::new(iter::once(Err(error))),
        }
    }

    fn listed(&self) -> impl Iterator<Item = Sourced<'a>> + Send {
        let fault = |error| RollError::List(Box::new(error));
        let may_be_empty = self.schedule.empty == Empty::Skip;
        self.lists.iter().flat_map(move |list| {
            let rows = list.read_with(&self.care).map_err(fault).and_then(|rows| {
                if rows.tells_columns() {
                    self.check_columns(&list.name, rows.columns())?;
                }
                Ok((Step::End(Reading::of(list, &rows)), rows))
            });
            let (rows, end) = match rows {
                Ok((end, rows)) => (Some(rows), Some(Ok(end))),
                Err(RollError::List(it)) if may_be_empty && it.is_empty() => (None, None),
                Err(error) => (None, Some(Err(error))),
            };
            let row = move |row: Result<Row, ListError>| {
                Ok(Step::Row((Cow::Borrowed(&*list.name), row.map_err(fault)?)))
            };
            let rows = rows.into_iter().flatten().map(row);
            rows.chain(end)
        })
    }

    /// The lists of which all rows were taken since it was asked last.
    pub(super) fn take_readings(&self) -> Vec<Reading> {
        std::mem::take(&mut *self.readings())
    }

    fn readings(&self) -> MutexGuard<'_, Vec<Reading>> {
        self.readings.lock().expect("no holder of this lock panics")
    }

    /// A row as a person, tried out once, if it is among those that were asked for. Of one message
    /// to all, what it says is seen at the end.
    fn person(&self, except: &Except, list: &str, row: Row) -> Option<Person> {
        if self.only.as_ref().is_some_and(|only| !names(&row, only)) {
            return None;
        }
        let mut person = Person {
            list: list.to_owned(),
            place: row.place,
            key: String::new(),
            mailbox: Err(String::new()),
            fields: serde_json::Map::new(),
            fault: None,
            left_out: None,
            hour: None,
            stray: None,
            seat: Seat::To,
            files: None,
        };
        match row.recipient {
            Ok(recipient) => {
                person.left_out = except.reason(&recipient.key);
                if person.left_out.is_none() && !self.is_together() {
                    match self.try_out(&recipient.fields) {
                        Ok(files) => person.files = files,
                        Err(fault) => person.fault = Some(fault),
                    }
                }
                person.key = recipient.key;
                person.mailbox = Ok(recipient.mailbox);
                person.fields = recipient.fields;
            }
            Err(fault) => {
                person.key = audience::mentioned(&row.raw_address)
                    .next()
                    .unwrap_or_default();
                person.mailbox = Err(row.raw_address);
                person.fault = Some(fault.to_string());
            }
        }
        if person.gets_it()
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

    fn check_columns(&self, list: &str, columns: &[String]) -> Result<(), RollError> {
        let once = self.schedule.once_per.iter().flat_map(|once| &once.fields);
        let mut once = once.filter(|name| *name != EMAIL);
        if let Some(name) = once.find(|name| !columns.contains(name)) {
            return Err(RollError::MissingField(format!(
                "`once_per` names `{name}`, which list `{list}` does not have: it has {}",
                audience::enumerated(columns),
            )));
        }
        let language = self.template.source().language_field.as_ref();
        if let Some(name) = language.filter(|name| !columns.contains(name)) {
            return Err(RollError::MissingField(format!(
                "template `{}` takes the language from `{name}`, which list `{list}` does not \
                 have: it has {}",
                self.template.name(),
                audience::enumerated(columns),
            )));
        }
        let mut used = self.uses();
        let missing = used.find(|it| !columns.contains(&it.name) && !self.is_given(it));
        self.check_supplements(list, columns)?;
        missing.map_or(Ok(()), |variable| {
            Err(RollError::MissingField(format!(
                "template `{}` uses `{}` ({}:{}:{}), which list `{list}` does not have: it has {}",
                self.template.name(),
                variable.name,
                variable.file,
                variable.line,
                variable.column,
                audience::enumerated(columns),
            )))
        })
    }

    fn weigh(&self, seen: &Badness, except: &Except) -> Result<(), RollError> {
        if let Some(address) = &self.only {
            self.weigh_one(address, seen, except)?;
        }
        seen.weigh(self.schedule.bad_rows)?;
        if self.schedule.empty == Empty::Skip {
            return Ok(());
        }
        if let Some(none) = seen.lists.iter().find(|it| it.rows == 0) {
            return Err(RollError::NoRows {
                list: self.titled(none),
                is_inline: self.is_inline(none),
                schedule: self.schedule.name.clone(),
            });
        }
        if seen.usable() > 0 {
            return Ok(());
        }
        Err(RollError::Empty(match (seen.bad, &self.former) {
            _ if seen.left_out > 0 => {
                let left_out = grouped(&seen.left_out.to_string());
                format!("`except` leaves out {left_out} of {}", rows(seen.rows))
            }
            (0, Some(former)) => format!("nobody of run {} is in that state", former.run),
            (0, None) => format!("{} has no rows", self.schedule.to.join(", ")),
            _ => seen.to_string(),
        }))
    }

    /// Why the one person who was asked for gets nothing.
    fn weigh_one(&self, address: &str, seen: &Badness, except: &Except) -> Result<(), RollError> {
        let (address, schedule) = (address.to_owned(), self.schedule.name.clone());
        if seen.usable() > 0 {
            return Ok(());
        }
        Err(match (except.found(), seen.told.first()) {
            (Some((list, place)), _) if seen.left_out > 0 => RollError::LeftOut {
                address,
                schedule,
                list: list.clone(),
                place: *place,
            },
            (_, Some(row)) => RollError::Unusable {
                address,
                schedule,
                row: row.clone(),
            },
            _ => RollError::NotListed {
                address,
                schedule,
                lists: self.schedule.to.join(", "),
                has_copies: self.copies.as_ref().is_some_and(Copies::has_any),
            },
        })
    }

    /// Every list that it reads: those that it goes to, those that get copies, those of `except`.
    pub(super) fn all_lists(&self) -> impl Iterator<Item = &'a audience::List> {
        let copies = self.copies.iter().flat_map(Copies::lists);
        let to = self.lists.iter().copied();
        to.chain(copies).chain(self.except.iter().copied())
    }

    /// Whether the people of a list stand in the configuration.
    pub(super) fn is_inline(&self, count: &ListCount) -> bool {
        let list = self.all_lists().find(|it| it.name == count.list);
        list.is_some_and(|it| matches!(it.source, Source::Inline(_)))
    }

    /// What people know a list by: `list \`staff\` (/etc/postroom/staff.csv)`.
    pub(super) fn titled(&self, count: &ListCount) -> String {
        let list = self.all_lists().find(|it| it.name == count.list);
        let from = list.and_then(|it| it.source.told());
        let from = from.map(|from| format!(" ({from})"));
        format!("list `{}`{}", count.list, from.unwrap_or_default())
    }
}

/// Whether a row is of the person with this normalised address, or was to be.
fn names(row: &Row, key: &str) -> bool {
    match &row.recipient {
        Ok(recipient) => recipient.key == key,
        Err(_) => audience::mentioned(&row.raw_address).any(|it| it == key),
    }
}

impl Person {
    /// Whether it is somebody to write to, once.
    pub(super) fn gets_it(&self) -> bool {
        self.fault.is_none() && self.left_out.is_none()
    }

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
type Sourced<'a> = Result<Step<(Cow<'a, str>, Row)>, RollError>;

/// What comes of a list, one after the other.
enum Step<R> {
    Row(R),
    End(Reading),
}

/// Why a roll is called no further.
enum End<E> {
    /// Nothing more is wanted.
    Enough,
    Of(E),
}

/// Counts different people up to the number that a run may have.
struct Fuse {
    most: u64,
    people: Distinct,
    /// When to look again: there may be that many rows, and fewer people.
    next: usize,
}

impl Fuse {
    fn new(most: u64) -> Self {
        Self {
            most,
            people: Distinct::default(),
            next: usize::try_from(most).unwrap_or(usize::MAX),
        }
    }

    fn count(&mut self, person: &Person) -> Result<(), RollError> {
        if person.gets_it() {
            self.people.add(&person.key, true);
        }
        if self.people.len() > self.next {
            self.weigh()?;
            let next = self.most.saturating_add(self.most / 4 + 1000);
            self.next = usize::try_from(next).unwrap_or(usize::MAX);
        }
        Ok(())
    }

    fn weigh(&mut self) -> Result<(), RollError> {
        if self.people.count() > self.most {
            let most = self.most;
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
        let crowd = Fuse {
            next: COUNTED_TOGETHER, // so that the refusal can name a number
            ..Fuse::new(MOST_TOGETHER)
        };
        Self {
            crowd,
            common: Common::default(),
        }
    }
}

impl Together {
    fn see(&mut self, person: &Person) -> Result<(), RollError> {
        if person.gets_it() && person.seat == Seat::To {
            self.common.see(person);
        }
        self.crowd.count(person).map_err(|_| {
            let people = self.crowd.people.count().to_string();
            RollError::TooManyTogether(format!("at least {}", grouped(&people)))
        })
    }

    fn weigh(mut self, roll: &Roll<'_>) -> Result<(), RollError> {
        let schedule = &roll.schedule.name;
        let people = self.crowd.people.count();
        if people > MOST_TOGETHER {
            return Err(RollError::TooManyTogether(grouped(&people.to_string())));
        }
        self.common.check(schedule, roll)
    }
}
