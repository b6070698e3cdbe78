//! One message before there is a run of it.
//!
//! It is rendered and composed by the functions that carry a run: what is shown here is what would
//! go out, but for its Message-ID and its date.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::Mailbox;
use serde_json::{Map, Value};

use crate::clock::{Clock, Timestamp};
use crate::compose::{
    Addressees, ComposeFault, Enclosure, Given, Identity, Link, Mail, RenderFault, Rendered,
    Sender, Template, Unsubscribe,
};
use crate::config::Config;
use crate::plan::{Roll, RollError, sender_of};

/// What stands for them where no schedule gives any.
const NO_POSTAL_ADDRESS: &str = "12 Example Street, Exampletown";
const NO_LINK: &str = "https://example.org/unsubscribe";

/// What all messages of a schedule have in common.
pub(super) struct Head<'a> {
    pub(super) sender: Sender,
    /// Of a schedule that could be sent.
    roll: Option<&'a Roll<'a>>,
    /// What stands for the data of a run where there is no schedule.
    pub(super) sample: Option<Arc<Value>>,
    date: Timestamp,
    utc_offset_seconds: i32,
}

/// A message with its bytes.
pub(super) struct Letter {
    pub(super) rendered: Rendered,
    pub(super) bytes: Vec<u8>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterFault {
    #[error(transparent)]
    Render(#[from] RenderFault),
    #[error(transparent)]
    Roll(#[from] RollError),
    #[error(transparent)]
    Compose(#[from] ComposeFault),
}

impl<'a> Head<'a> {
    /// For the messages of a schedule, as if it were sent now.
    pub(super) fn of(config: &Config, roll: &'a Roll<'a>) -> Self {
        let (date, schedule) = (Clock::system().now(), roll.schedule());
        Self {
            sender: sender_of(config, schedule, false),
            roll: Some(roll),
            sample: None,
            date,
            utc_offset_seconds: schedule.zone.to_offset(date).seconds(),
        }
    }

    /// For a template that no schedule sends, or one that could not: from the first account, if
    /// there is one.
    pub(super) fn of_none(config: Option<&Config>) -> Self {
        let account = config.and_then(|config| config.accounts.values().next());
        let mut sender = account.map_or_else(somebody, |it| it.sender.clone());
        let postal = account.and_then(|it| it.postal_address.clone());
        let postal = postal.unwrap_or_else(|| NO_POSTAL_ADDRESS.to_owned());
        sender.manner.postal_address = Some(postal);
        Self {
            sender,
            roll: None,
            sample: None,
            date: Clock::system().now(),
            utc_offset_seconds: 0,
        }
    }

    /// The message to one person.
    pub(super) fn write(
        &self,
        template: &Template,
        fields: &Map<String, Value>,
        to: Mailbox,
    ) -> Result<Letter, LetterFault> {
        let rendered = template.render_given(fields, &self.given())?;
        let enclosures = match self.roll {
            Some(roll) => roll.enclosures(fields)?,
            None => Vec::new(),
        };
        let addressees = Addressees {
            to: vec![to],
            cc: Vec::new(),
        };
        Ok(self.finish(rendered, &enclosures, &addressees)?)
    }

    /// What its texts can show besides the fields of a row.
    pub(super) fn given(&self) -> Cow<'_, Given> {
        match self.roll {
            Some(roll) => Cow::Borrowed(roll.given()),
            None => Cow::Owned(Given {
                data: self.sample.clone(),
                run_date: Some(self.date.to_zoned(TimeZone::UTC).date().to_string()),
                postal_address: self.sender.manner.postal_address.clone(),
                unsubscribe_url: Some(NO_LINK.to_owned()),
                ..Given::default()
            }),
        }
    }

    /// The message that says this to those.
    pub(super) fn finish(
        &self,
        rendered: Rendered,
        enclosures: &[Enclosure],
        addressees: &Addressees,
    ) -> Result<Letter, ComposeFault> {
        let identity = Identity {
            message_id: format!("preview@{}", self.sender.from.email.domain()),
            date: self.date,
            utc_offset_seconds: self.utc_offset_seconds,
        };
        // It looks like a reader's link to unsubscribe, and is nobody's.
        let link = self.sender.manner.unsubscribe.as_ref();
        let link = link.map(Unsubscribe::specimen);
        let mail = Mail {
            rendered: &rendered,
            sender: &self.sender,
            addressees,
            identity: &identity,
            enclosures,
            unsubscribe_url: link.as_ref().and_then(Link::url),
            unsubscribe_mail: link.as_ref().and_then(Link::mail),
        };
        let bytes = mail.compose()?;
        Ok(Letter { rendered, bytes })
    }
}

/// Who writes where there is no account.
fn somebody() -> Sender {
    let address = Address::new("sender", "example.org").expect("it is an address");
    Sender {
        from: Mailbox::new(None, address),
        reply_to: None,
        manner: Default::default(),
    }
}
