//! From a claimed row and its frozen run to the bytes that go out: always the same ones.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::{Offset, TimeZone};
use lettre::Address;
use lettre::message::Mailbox;
use serde_json::{Map, Value};

use crate::audience::mailbox;
use crate::clock::Timestamp;
use crate::compose::{
    Addressees, Enclosure, FilePin, Frozen, Given, Identity, Link, Mail, Sender, Supplements,
    Template, TokenKey, Unsubscribe,
};
use crate::outbox::state::State;
use crate::outbox::{Carried, Claimed, Group, Named, Outbox, OutboxError, Reader, RunNo};

/// A run needs its template compiled once, not once for each person.
const KEPT_RUNS: usize = 64;
/// So many bytes of attachments are kept for all runs together, besides those of the latest.
const KEPT_BYTES: usize = 64 << 20;
/// No message is larger, in bytes: no server that people use takes as much.
const LARGEST: usize = 50 << 20;

/// What all messages of a run have in common.
pub(super) struct Letterhead {
    template: Template,
    sender: Sender,
    opened_at: Timestamp,
    utc_offset: i32,
    retry: Vec<Duration>,
    account: String,
    taken_before: bool,
    /// All people of the run get one message.
    group: Option<Group>,
    /// What they carry besides their texts.
    supplements: Supplements,
    /// Where instants in them are shown.
    zone: TimeZone,
    /// The day on which the run was opened, there.
    run_date: String,
}

/// A message ready for the wire.
pub(super) struct Letter {
    /// The left side of its Message-ID.
    pub(super) id: String,
    pub(super) from: Address,
    /// As many as its rows.
    pub(super) to: Vec<Address>,
    pub(super) reply_to: Option<Address>,
    /// Whom its header names, where those may be others.
    pub(super) named: Vec<Address>,
    pub(super) bytes: Vec<u8>,
    /// So many of the bytes are signatures, which go first.
    pub(super) signatures: usize,
    /// The date that it bears.
    pub(super) date: Timestamp,
}

impl Letter {
    /// What was composed: nothing of it changes with a key (decisions.md 6).
    pub(super) fn unsigned(&self) -> &[u8] {
        &self.bytes[self.signatures..]
    }
}

impl Letterhead {
    /// Reads and compiles the letterhead of a run.
    ///
    /// # Errors
    /// The outbox cannot be read, or what is frozen there cannot be used.
    pub(super) fn load(reader: &Reader, run: RunNo) -> Result<Self, NoLetterhead> {
        let (row, frozen) = reader.frozen(run).map_err(NoLetterhead::Unreadable)?;
        let broken = |what: &str| {
            NoLetterhead::Broken(format!(
                "the frozen {what} of run {} cannot be used",
                row.id
            ))
        };
        let source = serde_json::from_str(&frozen.template).map_err(|_| broken("template"))?;
        let opened_at = Timestamp::from_millisecond(row.opened_at).map_err(|_| broken("date"))?;
        let zone = zone(frozen.zone.as_deref(), frozen.utc_offset);
        Ok(Self {
            run_date: opened_at.to_zoned(zone.clone()).date().to_string(),
            zone,
            template: Template::compile(source).map_err(|_| broken("template"))?,
            sender: serde_json::from_str(&frozen.sender).map_err(|_| broken("sender"))?,
            opened_at,
            utc_offset: frozen.utc_offset,
            retry: frozen.retry,
            account: row.account,
            taken_before: row.counts.of(State::Accepted) > 0,
            group: reader.group(run).map_err(NoLetterhead::Unreadable)?,
            supplements: match frozen.carried {
                Some(carried) => supplements(carried).map_err(broken)?,
                None => Supplements::default(),
            },
        })
    }

    /// How many bytes the files that its messages carry hold in memory, about.
    fn weight(&self) -> usize {
        self.supplements.weight() + self.template.weight()
    }

    /// The account that the run belongs to.
    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// Whether a server had taken any message of the run when this was read.
    pub(super) fn taken_before(&self) -> bool {
        self.taken_before
    }

    /// The wait after the `tries`-th try failed.
    pub(super) fn wait_after(&self, tries: i64) -> Duration {
        let step = usize::try_from(tries)
            .unwrap_or(0)
            .min(self.retry.len().saturating_sub(1));
        self.retry
            .get(step)
            .copied()
            .unwrap_or(Duration::from_secs(60))
    }

    /// How many people whom the one message of the run named were forgotten.
    pub(super) fn forgotten(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.forgotten)
    }

    /// Whether its messages hold tokens, which need a key.
    pub(super) fn has_links(&self) -> bool {
        let unsubscribe = self.sender.manner.unsubscribe.as_ref();
        unsubscribe.is_some_and(Unsubscribe::is_signed)
    }

    /// Composes the message of `row`, with the key of tokens.
    ///
    /// # Errors
    /// In a person's words, why there can be no message for this row.
    pub(super) fn write(&self, row: &Claimed, key: Option<&TokenKey>) -> Result<Letter, String> {
        // A panic in a template engine concerns this message, not the lane.
        catch_unwind(AssertUnwindSafe(|| self.compose(row, key)))
            .unwrap_or_else(|_| Err("postroom failed to compose this message (a bug)".to_owned()))
    }

    /// How the reader of `row` leaves, if the run says how.
    fn link(&self, row: &Claimed, key: Option<&TokenKey>) -> Result<Option<Link>, String> {
        let Some(unsubscribe) = &self.sender.manner.unsubscribe else {
            return Ok(None);
        };
        let link = unsubscribe.link(key, &row.key);
        let no_key = || "the key of [unsubscribe] is not there to sign its link".to_owned();
        link.map(Some).ok_or_else(no_key)
    }

    /// A message that waits for its reader's morning is not dated the evening before.
    fn date(&self, row: &Claimed) -> Timestamp {
        let own = Timestamp::from_millisecond(row.not_before).unwrap_or(self.opened_at);
        own.max(self.opened_at)
    }

    /// What the message shows besides the fields.
    fn given(&self, link: Option<&Link>) -> Given {
        Given {
            data: self.supplements.data.clone(),
            run_date: Some(self.run_date.clone()),
            zone: Some(self.zone.clone()),
            unsubscribe_url: link.map(Link::shown),
            postal_address: self.sender.manner.postal_address.clone(),
            ..Given::default()
        }
    }

    /// What the message of `row` carries.
    fn enclosures(
        &self,
        row: &Claimed,
        fields: &Map<String, Value>,
        given: &Given,
    ) -> Result<Vec<Enclosure>, String> {
        let pins: Vec<Option<FilePin>> = match &row.files {
            Some(files) => serde_json::from_str(files).map_err(|error| error.to_string())?,
            None => Vec::new(),
        };
        self.supplements.enclose(fields, given, &pins)
    }

    fn compose(&self, row: &Claimed, key: Option<&TokenKey>) -> Result<Letter, String> {
        let to: Vec<Address> = row
            .each()
            .map(|row| address(&row.address))
            .collect::<Result<_, _>>()?;
        let own: Map<String, Value>;
        let (addressees, fields, id) = match &self.group {
            // Rows count from 1.
            Some(group) => (
                addressees(group)?,
                &group.fields,
                format!("{}.0", row.run_id),
            ),
            None => {
                own = serde_json::from_str(&row.fields).map_err(|e| e.to_string())?;
                let to = vec![Mailbox::new(row.name.clone(), to[0].clone())];
                let cc = Vec::new();
                let id = format!("{}.{}", row.run_id, row.id.seq);
                (Addressees { to, cc }, &own, id)
            }
        };
        let link = self.link(row, key)?;
        let given = self.given(link.as_ref());
        let rendered = self.template.render_given(fields, &given);
        let rendered = rendered.map_err(|fault| fault.to_string())?;
        let enclosures = self.enclosures(row, fields, &given)?;
        let from = self.sender.from.email.clone();
        let identity = Identity {
            message_id: format!("{id}@{}", from.domain()),
            date: self.date(row),
            utc_offset_seconds: self.utc_offset,
        };
        let mail = Mail {
            rendered: &rendered,
            sender: &self.sender,
            addressees: &addressees,
            identity: &identity,
            enclosures: &enclosures,
            unsubscribe_url: link.as_ref().and_then(Link::url),
            unsubscribe_mail: link.as_ref().and_then(Link::mail),
        };
        let bytes = mail.compose().map_err(|e| e.to_string())?;
        if bytes.len() > LARGEST {
            return Err(format!(
                "the message has {} MiB, and none may have more than {}",
                bytes.len() >> 20,
                LARGEST >> 20
            ));
        }
        let named = match &self.group {
            Some(_) => {
                let all = addressees.to.into_iter().chain(addressees.cc);
                all.map(|it| it.email).collect()
            }
            None => Vec::new(),
        };
        Ok(Letter {
            id,
            from,
            to,
            reply_to: self.sender.reply_to.as_ref().map(|it| it.email.clone()),
            named,
            bytes,
            signatures: 0,
            date: identity.date,
        })
    }
}

/// The zone of a run; the offset that it had where its name is not kept, or not known here.
fn zone(name: Option<&str>, utc_offset: i32) -> TimeZone {
    let offset = Offset::from_seconds(utc_offset).unwrap_or(Offset::UTC);
    let named = name.and_then(|name| TimeZone::get(name).ok());
    named.unwrap_or_else(|| TimeZone::fixed(offset))
}

/// What was frozen, to be read by deliver.
fn supplements(carried: Carried) -> Result<Supplements, &'static str> {
    let contents = carried.blobs.iter().map(|it| it.content().to_vec());
    let contents = contents.collect();
    let list = carried.list;
    Supplements::thaw(&Frozen { list, contents })
}

fn address(text: &str) -> Result<Address, String> {
    let mailbox = mailbox(text).map_err(|fault| fault.to_string())?;
    Ok(mailbox.email)
}

fn addressees(group: &Group) -> Result<Addressees, String> {
    let mailboxes = |named: &[Named]| {
        let all = named.iter();
        all.map(|(to, name)| Ok(Mailbox::new(name.clone(), address(to)?)))
            .collect::<Result<_, String>>()
    };
    Ok(Addressees {
        to: mailboxes(&group.to)?,
        cc: mailboxes(&group.cc)?,
    })
}

/// Why there is no letterhead.
pub(super) enum NoLetterhead {
    /// The outbox cannot be read now: that is no fault of the run's.
    Unreadable(OutboxError),
    /// What is frozen with the run cannot be used, now or ever.
    Broken(String),
}

/// The letterheads of the runs that are being sent.
pub(super) struct Letterheads {
    reader: Mutex<Reader>,
    kept: Mutex<HashMap<RunNo, Arc<Letterhead>>>,
}

impl Letterheads {
    pub(super) fn new(outbox: &Outbox) -> Result<Self, OutboxError> {
        Ok(Self {
            reader: Mutex::new(outbox.reader()?),
            kept: Mutex::default(),
        })
    }

    /// The letterhead of a run, read and compiled at its first message. One that names people is
    /// read for each: somebody may have been forgotten since.
    ///
    /// # Errors
    /// The outbox cannot be read, or what is frozen there cannot be used.
    pub(super) fn of(&self, run: RunNo) -> Result<Arc<Letterhead>, NoLetterhead> {
        if let Some(head) = self
            .kept
            .lock()
            .expect("no holder of this lock panics")
            .get(&run)
        {
            return Ok(Arc::clone(head));
        }
        let reader = self.reader.lock().expect("no holder of this lock panics");
        let head = Arc::new(Letterhead::load(&reader, run)?);
        drop(reader);
        if head.group.is_some() {
            return Ok(head);
        }
        let mut kept = self.kept.lock().expect("no holder of this lock panics");
        let weight: usize = kept.values().map(|head| head.weight()).sum();
        if kept.len() >= KEPT_RUNS || weight + head.weight() > KEPT_BYTES {
            kept.clear(); // rare, and compiling again is cheap
        }
        kept.insert(run, Arc::clone(&head));
        Ok(head)
    }
}
