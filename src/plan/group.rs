//! One message to all people of a run: who is in it besides those of `to`, and what it can say.

use std::collections::HashSet;
use std::{fmt, iter};

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::former;
use super::refusal::RollError;
use super::roll::{Person, Roll};
use crate::audience::{Care, List, NAME, Place, Recipient, Row};
use crate::compose::{Addressees, Enclosure, Rendered};
use crate::config::{Config, Copied, Empty, Schedule};
use crate::outbox::Seat;

/// Who gets the message of a schedule along with the people of `to`.
pub(super) struct Copies<'a>(Vec<(Seat, Copy<'a>)>);

enum Copy<'a> {
    List(&'a List),
    /// With its place in `cc` or `bcc`.
    One(u64, &'a Mailbox),
}

/// A row with the name of its list, or why there is none.
type Sourced<'a> = Box<dyn Iterator<Item = Result<(String, Row), RollError>> + 'a>;

impl<'a> Copies<'a> {
    /// None if each person gets an own message.
    pub(super) fn of(config: &'a Config, schedule: &'a Schedule) -> Option<Self> {
        let group = schedule.group.as_ref()?;
        let copies = [(Seat::Cc, &group.cc), (Seat::Bcc, &group.bcc)];
        let copies = copies.into_iter().flat_map(|(seat, copied)| {
            (1..).zip(copied).filter_map(move |(place, copied)| {
                let copy = match copied {
                    Copied::List(name) => Copy::List(config.lists.get(name)?),
                    Copied::One(mailbox) => Copy::One(place, mailbox),
                };
                Some((seat, copy))
            })
        });
        Some(Self(copies.collect()))
    }
}

impl<'a> Copies<'a> {
    /// The lists among them.
    pub(super) fn lists(&self) -> impl Iterator<Item = &'a List> {
        self.0.iter().filter_map(|(_, copy)| match copy {
            Copy::List(list) => Some(*list),
            Copy::One(..) => None,
        })
    }

    /// Whether there is anybody, or a list.
    pub(super) fn has_any(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Roll<'_> {
    /// Whether all its people get one message. Whoever is picked out, or tests, gets an own one.
    #[must_use]
    pub fn is_together(&self) -> bool {
        self.copies.is_some() && self.only.is_none() && self.test.is_none()
    }

    /// The rows of those who get a copy, each with its seat; to the people of an earlier run, those
    /// who had one then.
    pub(super) fn copied(&self) -> impl Iterator<Item = (Seat, Sourced<'_>)> {
        let (former, copies) = match (&self.former, &self.copies) {
            _ if !self.is_together() => (None, None),
            (Some(former), _) => (Some(former), None),
            (None, copies) => (None, copies.as_ref()),
        };
        let seats = [Seat::Cc, Seat::Bcc].into_iter();
        let former = former.map(|former| {
            seats.map(|seat| match former::rows(self.state, former, Some(seat)) {
                Ok(rows) => (seat, Box::new(rows) as Sourced<'_>),
                Err(error) => (seat, Box::new(iter::once(Err(error))) as Sourced<'_>),
            })
        });
        let copies = copies.into_iter().flat_map(|it| &it.0);
        let may_be_empty = self.schedule().empty == Empty::Skip;
        let copies = copies.map(move |(seat, copy)| {
            let rows = copy.rows(*seat, &self.care, may_be_empty);
            (*seat, rows)
        });
        former.into_iter().flatten().chain(copies)
    }
}

/// The one message of a schedule to all its people, as a run would begin it now.
pub struct Together {
    /// Whom it names.
    pub addressees: Addressees,
    /// What it says.
    pub rendered: Rendered,
    /// What it carries.
    pub enclosures: Vec<Enclosure>,
}

impl Roll<'_> {
    /// Reads who gets the one message, and renders it. Asks the outbox for nobody.
    ///
    /// # Errors
    /// Why a run would not be sent.
    pub fn together(&self) -> Result<Together, RollError> {
        let (mut common, mut seen) = (Common::default(), HashSet::new());
        let (mut to, mut cc) = (Vec::new(), Vec::new());
        self.call::<RollError>(|person| {
            if person.gets_it() && seen.insert(person.key.clone()) {
                let named = person.mailbox.iter().cloned();
                match person.seat {
                    Seat::To => to.extend(named),
                    Seat::Cc => cc.extend(named),
                    Seat::Bcc => {}
                }
            }
            if person.gets_it() && person.seat == Seat::To {
                common.see(&person);
            }
            Ok(())
        })?;
        let fields = common.fields(&self.lists);
        let enclosures = self.enclosures(&fields)?;
        let rendered = self.render(&fields);
        let rendered = rendered.map_err(|fault| RollError::MissingField(fault.to_string()))?;
        let addressees = Addressees { to, cc };
        Ok(Together {
            addressees,
            rendered,
            enclosures,
        })
    }
}

/// How many people get one message together, by where it names them.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Seats {
    /// In To.
    pub to: u64,
    /// In Cc.
    pub cc: u64,
    /// Nowhere.
    pub bcc: u64,
}

impl Seats {
    pub(super) fn add(&mut self, seat: Seat) {
        *match seat {
            Seat::To => &mut self.to,
            Seat::Cc => &mut self.cc,
            Seat::Bcc => &mut self.bcc,
        } += 1;
    }
}

impl fmt::Display for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in To", self.to)?;
        if self.cc > 0 {
            write!(f, ", {} in Cc", self.cc)?;
        }
        if self.bcc > 0 {
            write!(f, ", {} hidden", self.bcc)?;
        }
        Ok(())
    }
}

impl Copy<'_> {
    fn rows(&self, seat: Seat, care: &Care, may_be_empty: bool) -> Sourced<'_> {
        let fault = |error| RollError::List(Box::new(error));
        match self {
            Self::List(list) => match list.read_with(care) {
                Ok(rows) => {
                    Box::new(rows.map(move |row| Ok((list.name.clone(), row.map_err(fault)?))))
                }
                Err(error) if may_be_empty && error.is_empty() => Box::new(iter::empty()),
                Err(error) => Box::new(iter::once(Err(fault(error)))),
            },
            Self::One(place, mailbox) => {
                let list = match seat {
                    Seat::Bcc => "bcc",
                    _ => "cc",
                };
                let row = Row {
                    place: Place::line(*place),
                    raw_address: mailbox.email.to_string(),
                    recipient: Ok(Recipient::new((*mailbox).clone(), Map::new())),
                };
                Box::new(iter::once(Ok((list.to_owned(), row))))
            }
        }
    }
}

/// What is the same for everybody in To: all that one message to them can say.
#[derive(Default)]
pub(super) struct Common {
    first: Option<(String, Map<String, Value>)>,
    /// Names with a row that has another value, or none, than the first one has.
    others: Vec<(String, String)>,
}

impl Common {
    pub(super) fn see(&mut self, person: &Person) {
        let place = || format!("{} {}", person.list, person.place);
        let Some((_, first)) = &self.first else {
            self.first = Some((place(), person.fields.clone()));
            return;
        };
        let names = first.keys().chain(person.fields.keys());
        for name in names.filter(|name| first.get(*name) != person.fields.get(*name)) {
            if !self.others.iter().any(|(known, _)| known == name) {
                self.others.push((name.clone(), place()));
            }
        }
    }

    /// The fields of the message: none of a person's own.
    pub(super) fn fields(self, lists: &[&List]) -> Map<String, Value> {
        let mut fields = self.first.map(|(_, fields)| fields).unwrap_or_default();
        let is_own = |name: &String| {
            let of = |list: &&List| {
                *name == list.address_column || *name == list.name_column.as_deref().unwrap_or(NAME)
            };
            lists.iter().any(of) || self.others.iter().any(|(other, _)| other == name)
        };
        fields.retain(|name, _| !is_own(name));
        fields
    }

    /// Whether the template can be rendered once for all.
    pub(super) fn check(self, schedule: &str, roll: &Roll<'_>) -> Result<(), RollError> {
        let (template, lists) = (roll.template(), &roll.lists);
        let Some((first, _)) = &self.first else {
            return Ok(());
        };
        let used = template.variables().iter().find_map(|variable| {
            let other = self
                .others
                .iter()
                .find(|(name, _)| *name == variable.name)?;
            Some((variable, &other.1))
        });
        let name = template.name();
        if let Some((variable, other)) = used {
            return Err(RollError::MissingField(format!(
                "template `{name}` uses `{}` ({}:{}:{}), which is not the same for everybody: \
                 {first} and {other} differ, and schedule `{schedule}` sends one message to all \
                 (`group = true`)",
                variable.name, variable.file, variable.line, variable.column,
            )));
        }
        let fields = self.fields(lists);
        roll.try_out(&fields).map(drop).map_err(|fault| {
            RollError::MissingField(format!(
                "template `{name}` cannot be rendered for all people of schedule `{schedule}` \
                 (`group = true`): {fault}"
            ))
        })
    }
}
