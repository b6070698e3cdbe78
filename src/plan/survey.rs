//! What a run would be, without opening it.

use std::collections::HashSet;
use std::path::Path;

use super::badness::Badness;
use super::census::{Census, Counts};
use super::change::{self, Refused};
use super::distinct::Distinct;
use super::group::Seats;
use super::moved::{self, Moved};
use super::not_to::NotTo;
use super::opening::Order;
use super::refusal::RollError;
use super::roll::{Person, Roll};
use crate::clock::Timestamp;
use crate::compose::Rendered;
use crate::config::Schedule;
use crate::outbox::{Bans, Kept, Notices, OutboxError, Reader};

/// What a run would be.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Different people who can be mailed and would be.
    pub people: u64,
    /// If they get one message together, where it names them.
    pub seats: Option<Seats>,
    /// People who get no mail because they are suppressed.
    pub suppressed: u64,
    /// Rows that repeat an address.
    pub duplicates: u64,
    /// People who were sent the same notice before, or soon will be.
    pub sent_before: u64,
    /// Unusable rows.
    pub badness: Badness,
    /// The first person with the message they would get.
    pub first: Option<(Person, Rendered)>,
}

impl Survey {
    /// Rows that bring nobody a mail.
    #[must_use]
    pub fn not_to(&self) -> NotTo {
        NotTo {
            duplicates: self.duplicates,
            left_out: self.badness.left_out,
            suppressed: self.suppressed,
            sent_before: self.sent_before,
            unusable: self.badness.bad,
        }
    }
}

/// What the run of `order` would be, and whether it would be.
///
/// # Errors
/// Why it would not be sent.
pub fn survey_of(roll: &Roll<'_>, order: &Order) -> Result<Survey, RollError> {
    let survey = survey(roll, Some(order.due_at))?;
    let is_guarded = roll.schedule().max_change.is_some() || change::guards_lists(roll, order);
    if is_guarded && Reader::exists(roll.state) {
        let reader = Reader::open(roll.state).map_err(unreadable)?;
        guard(roll, order, &reader, &survey).map_err(|refused| match refused {
            Refused::Roll(error) => error,
            Refused::Outbox(error) => unreadable(error),
        })?;
    }
    Ok(survey)
}

fn guard(roll: &Roll<'_>, order: &Order, reader: &Reader, survey: &Survey) -> Result<(), Refused> {
    change::weigh_lists(roll, order, reader, &survey.badness)?;
    change::weigh(roll.schedule(), order, reader, (None, survey.people))
}

/// Reads and renders everything, and changes nothing. With a time the outbox is asked, too, what a
/// run that opens then would not send: to those who are suppressed, and what was sent before.
///
/// # Errors
/// Why a run would not be sent.
pub fn survey(roll: &Roll<'_>, at: Option<Timestamp>) -> Result<Survey, RollError> {
    look(
        roll,
        at.map(|at| Asked {
            at,
            by: Reader::open,
        }),
    )
    .outcome
}

/// A [`survey`], and what was found of the lists that were read to their end: what a run would be
/// refused for may be wrong with another list, or with the sum of them.
pub struct Overview {
    /// The survey, or why there is none.
    pub outcome: Result<Survey, RollError>,
    /// What each list has, in the order in which they were read.
    pub lists: Vec<Census>,
    /// The people of the survey, if there is one.
    people: Distinct,
}

impl Overview {
    /// Who came and who went since the last run of the schedule whose roll it was. Nothing comes
    /// back where that cannot be told.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn moved(
        &mut self,
        schedule: &Schedule,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<Option<Moved>, OutboxError> {
        match &self.outcome {
            Ok(_) => moved::since_last_run(&mut self.people, schedule, reader, now),
            Err(_) => Ok(None),
        }
    }
}

/// Reads and renders everything, once, and says what would be if the calendar opened the run now.
/// Nothing is written, not even what readers of the outbox share; one that is not there or cannot
/// be read so is asked nothing, and guards nothing.
#[must_use]
pub fn look_over(roll: &Roll<'_>, now: Timestamp) -> Overview {
    let asked = Reader::exists(roll.state).then_some(Asked {
        at: now,
        by: Reader::peek,
    });
    let mut found = look(roll, asked);
    if matches!(found.outcome, Err(RollError::Former(_))) {
        found = look(roll, None);
    }
    let order = Order::due(&roll.schedule().name, String::new(), now);
    if let (Ok(survey), Ok(reader)) = (&found.outcome, Reader::peek(roll.state))
        && let Err(Refused::Roll(error)) = guard(roll, &order, &reader, survey)
    {
        found.outcome = Err(error);
    }
    found
}

/// What the outbox is asked about.
#[derive(Clone, Copy)]
struct Asked {
    /// The moment.
    at: Timestamp,
    /// How it is opened.
    by: fn(&Path) -> Result<Reader, OutboxError>,
}

fn look(roll: &Roll<'_>, asked: Option<Asked>) -> Overview {
    let mut seen = match Seen::new(roll, asked) {
        Ok(seen) => seen,
        Err(error) => {
            return Overview {
                outcome: Err(error),
                lists: Vec::new(),
                people: Distinct::default(),
            };
        }
    };
    let outcome = call(roll, &mut seen);
    let lists = seen.counts.end(roll.take_readings(), &mut seen.people);
    Overview {
        outcome,
        lists,
        people: seen.people,
    }
}

fn call(roll: &Roll<'_>, seen: &mut Seen) -> Result<Survey, RollError> {
    let mut first = None;
    let badness = roll.call::<RollError>(|person| {
        seen.counts.row(&person, &mut seen.people);
        if !person.gets_it() {
            seen.leave_out(&person);
            return Ok(());
        }
        if first.is_none()
            && let Ok(mut rendered) = roll.render(&person.fields)
        {
            rendered.subject = roll.marked(&rendered.subject);
            first = Some((person.clone(), rendered));
        }
        seen.add(&person)
    })?;
    seen.counts.end_list(&mut seen.people);
    let (people, sent_before) = seen.count();
    Ok(Survey {
        people: people - sent_before,
        seats: seen.seats.take().map(|(seats, _)| seats),
        duplicates: badness.usable() - people - seen.suppressed_rows,
        suppressed: seen.suppressed_rows,
        sent_before,
        badness,
        first,
    })
}

/// The usable rows, to be counted.
struct Seen {
    people: Distinct,
    counts: Counts,
    suppressed: Option<Suppressed>,
    /// Their rows are none of the people.
    suppressed_rows: u64,
    once: Option<Once>,
    /// Where one message to all names them, and who was counted there.
    seats: Option<(Seats, HashSet<String>)>,
}

/// Who gets no mail.
struct Suppressed {
    listed: Reader,
    bans: Bans,
    schedule: String,
    now: i64,
}

/// Who was sent what before.
struct Once {
    sent: Reader,
    notices: Notices,
    now: i64,
    /// Each row by the fingerprint of its address, and its notice unless that was sent.
    rows: Vec<(i64, Option<u64>)>,
}

impl Seen {
    fn new(roll: &Roll<'_>, asked: Option<Asked>) -> Result<Self, RollError> {
        let asked = asked.filter(|_| Reader::exists(roll.state));
        let once = asked.zip(roll.once_per()).map(|(asked, once)| {
            let sent = (asked.by)(roll.state)?;
            let notices = sent.notices(&roll.schedule().name, once)?;
            Ok(Once {
                sent,
                notices,
                now: asked.at.as_millisecond(),
                rows: Vec::new(),
            })
        });
        let suppressed = asked.map(|asked| {
            let listed = (asked.by)(roll.state)?;
            let now = asked.at.as_millisecond();
            let schedule = roll.schedule().name.clone();
            Ok(listed.bans()?.map(|bans| Suppressed {
                listed,
                bans,
                schedule,
                now,
            }))
        });
        let suppressed: Option<Option<_>> = suppressed.transpose().map_err(unreadable)?;
        Ok(Self {
            people: Distinct::default(),
            counts: Counts::default(),
            suppressed: suppressed.flatten(),
            suppressed_rows: 0,
            once: once.transpose().map_err(unreadable)?,
            seats: roll.is_together().then(Default::default),
        })
    }

    /// Somebody of a list who gets no mail is one of its people all the same.
    fn leave_out(&mut self, person: &Person) {
        if person.mailbox.is_ok() {
            self.people.add(&person.key, false);
        }
    }

    fn add(&mut self, person: &Person) -> Result<(), RollError> {
        if let Some(it) = &self.suppressed
            && it
                .listed
                .is_banned(&it.bans, &person.key, &it.schedule, it.now)
                .map_err(unreadable)?
        {
            self.suppressed_rows += 1;
            self.leave_out(person);
            return Ok(());
        }
        self.people.add(&person.key, true);
        if let Some((seats, seen)) = &mut self.seats
            && seen.insert(person.key.clone())
        {
            seats.add(person.seat);
        }
        let Some(once) = &mut self.once else {
            return Ok(());
        };
        let notice = once.notices.of(&person.key, &person.fields);
        let sent = once.sent.is_sent(&once.notices, notice, once.now);
        let notice = (!sent.map_err(unreadable)?).then_some(notice.prefix());
        once.rows.push((Kept::fingerprint(&person.key), notice));
        Ok(())
    }

    /// Different people, and how many of them get nothing because it was sent before: the first row
    /// of each decides, as in a run.
    fn count(&mut self) -> (u64, u64) {
        let people = self.people.count();
        let Some(Once { rows, .. }) = &mut self.once else {
            return (people, 0);
        };
        rows.sort_by_key(|(address, _)| *address);
        rows.dedup_by_key(|(address, _)| *address);
        let notices: HashSet<u64> = rows.iter().filter_map(|(_, notice)| *notice).collect();
        (people, people - notices.len() as u64)
    }
}

fn unreadable(error: OutboxError) -> RollError {
    RollError::Former(error.to_string())
}
