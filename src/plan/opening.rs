//! Opening a run: the roll is called once, into the outbox, and the run is whole or it is nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lettre::message::Mailbox;

use super::roll::{Badness, Person, Roll, RollError};
use crate::clock::{Clock, Timestamp};
use crate::config::{Account, Config, Schedule};
use crate::outbox::{
    AddRows, FinishRun, FrozenRun, Kept, NewDelivery, NewRun, Opened, Outbox, OutboxError,
    RunFailed, RunNo, SealKeys,
};

/// So many rows go to the outbox at once: more would make arms and results wait.
const CHUNK: usize = 500;

/// A run that is to be opened.
#[derive(Clone, Debug)]
pub struct Order {
    /// The schedule.
    pub schedule: String,
    /// The occurrence key.
    pub occurrence: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// Only the person with this normalised address.
    pub only: Option<String>,
    /// One message, to this mailbox.
    pub test: Option<Mailbox>,
}

/// What the occurrence keys of runs begin with that a person asked for.
pub const MANUAL: &str = "manual:";

impl Order {
    /// The order for an occurrence of the calendar.
    #[must_use]
    pub fn due(schedule: &str, occurrence: String, due_at: Timestamp) -> Self {
        Self {
            schedule: schedule.to_owned(),
            occurrence,
            due_at,
            only: None,
            test: None,
        }
    }

    /// The order of a person who wants a schedule sent now.
    #[must_use]
    pub fn manual(schedule: &str, clock: &Clock) -> Self {
        Self::due(schedule, format!("{MANUAL}{}", clock.new_id()), clock.now())
    }
}

/// A run that was opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its ULID.
    pub run: String,
    /// Whether the occurrence had a run already; then nothing was done.
    pub existed: bool,
    /// Rows that were read.
    pub badness: Badness,
    /// People who get no mail because they are suppressed.
    pub suppressed: u64,
    /// Rows that repeat an address.
    pub duplicates: u64,
}

/// Why a run was not opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Something is wrong with the audience. The run is recorded as failed.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// The outbox did not take it. An interrupted opening is begun anew later.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// Opens the run of `order`. Blocks: it reads files and waits for the disk.
///
/// # Errors
/// Nothing is sent to anybody.
pub fn open(
    config: &Config,
    outbox: &Outbox,
    clock: &Clock,
    order: &Order,
) -> Result<Opening, OpenError> {
    let mut roll = Roll::of(config, &order.schedule)?;
    roll.only.clone_from(&order.only);
    roll.test.clone_from(&order.test);
    let new_run = frozen(config, &roll, clock, order);
    let (run, id) = match outbox.submit(new_run).wait()? {
        Opened::Fill(run, id) => (run, id),
        Opened::Exists(run) => {
            return Ok(Opening {
                run,
                existed: true,
                badness: Badness::default(),
                suppressed: 0,
                duplicates: 0,
            });
        }
    };
    let mut filling = Filling::new(outbox, run);
    // A panic in a list reader or a template concerns this run, not all schedules.
    let filled = catch_unwind(AssertUnwindSafe(|| filling.fill(&roll))).unwrap_or_else(|_| {
        let text = "postroom failed while it read the lists (a bug); nothing was sent";
        Err(RollError::BadRows(text.to_owned()).into())
    });
    match filled {
        Ok(badness) => {
            let duplicates = filling.seal()?;
            outbox
                .submit(FinishRun {
                    run,
                    people: filling.seq,
                })
                .wait()?;
            let suppressed = filling.suppressed;
            Ok(Opening {
                run: id,
                existed: false,
                badness,
                suppressed,
                duplicates,
            })
        }
        Err(OpenError::Roll(error)) => {
            outbox
                .submit(RunFailed {
                    run,
                    reason: error.to_string(),
                })
                .wait()?;
            Err(error.into())
        }
        Err(error) => Err(error),
    }
}

/// Freezes what the run needs: later edits of the configuration do not touch it.
fn frozen(config: &Config, roll: &Roll<'_>, clock: &Clock, order: &Order) -> NewRun {
    let schedule = roll.schedule();
    let account = account_of(config, schedule);
    let now = clock.now();
    let json = "plain data serialises";
    NewRun {
        id: clock.new_id().to_string(),
        schedule: schedule.name.clone(),
        occurrence: order.occurrence.clone(),
        due_at: order.due_at.as_millisecond(),
        expires_at: now
            .as_millisecond()
            .saturating_add(i64::try_from(schedule.expires.as_millis()).unwrap_or(i64::MAX)),
        frozen: FrozenRun {
            account: account.name.clone(),
            template: serde_json::to_string(roll.template().source()).expect(json),
            sender: serde_json::to_string(&account.sender).expect(json),
            utc_offset: schedule.zone.to_offset(now).seconds(),
            retry: schedule.retry.as_ref().unwrap_or(&account.retry).clone(),
            on_uncertain: schedule.on_uncertain,
            resend_after: schedule.resend_after,
        },
    }
}

fn account_of<'a>(config: &'a Config, schedule: &Schedule) -> &'a Account {
    let name = schedule.via.first().expect("a schedule names its account");
    config
        .accounts
        .get(name)
        .expect("a loaded configuration has the accounts of its schedules")
}

/// A run while its rows are brought to the outbox.
struct Filling<'a> {
    outbox: &'a Outbox,
    run: RunNo,
    first: bool,
    seq: i64,
    chunk: Vec<NewDelivery>,
    keys: Vec<(i64, i64)>,
    suppressed: u64,
}

impl<'a> Filling<'a> {
    fn new(outbox: &'a Outbox, run: RunNo) -> Self {
        let chunk = Vec::with_capacity(CHUNK);
        Self {
            outbox,
            run,
            first: true,
            seq: 0,
            chunk,
            keys: Vec::new(),
            suppressed: 0,
        }
    }

    fn fill(&mut self, roll: &Roll<'_>) -> Result<Badness, OpenError> {
        let badness = roll.call::<OpenError>(|person| self.add(person))?;
        self.flush()?; // also an empty run drops what an interrupted one left
        Ok(badness)
    }

    fn add(&mut self, person: Person) -> Result<(), OpenError> {
        self.seq += 1;
        if person.fault.is_none() {
            self.keys.push((Kept::fingerprint(&person.key), self.seq));
        }
        let (address, name) = match person.mailbox {
            Ok(mailbox) => (mailbox.email.to_string(), mailbox.name),
            Err(raw) => (raw.chars().take(320).collect(), None),
        };
        self.chunk.push(NewDelivery {
            seq: self.seq,
            list: person.list,
            line: person.line,
            key: person.key,
            address,
            name,
            fields: serde_json::Value::Object(person.fields).to_string(),
            invalid: person.fault,
        });
        if self.chunk.len() >= CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        let rows = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let first = std::mem::take(&mut self.first);
        self.suppressed += self
            .outbox
            .submit(AddRows {
                run: self.run,
                first,
                rows,
            })
            .wait()?;
        Ok(())
    }

    /// Gives each address its one message, in the order of the fingerprints, which keeps the
    /// index's pages in order; the lowest row keeps the address.
    fn seal(&mut self) -> Result<u64, OpenError> {
        self.keys.sort_unstable();
        let mut duplicates = 0;
        for keys in self.keys.chunks(CHUNK) {
            let seal = SealKeys {
                run: self.run,
                keys: keys.to_vec(),
            };
            duplicates += self.outbox.submit(seal).wait()?.duplicates;
        }
        Ok(duplicates)
    }
}
