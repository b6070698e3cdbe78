//! The bytes of a message.

use std::slice;

use jiff::tz::{Offset, TimeZone};
use lettre::message::Mailbox;

use super::enclosure::Enclosure;
use super::gate::{self, WireFault};
use super::render::Rendered;
use super::sender::Sender;
use super::{header, listing, mime};
use crate::clock::Timestamp;

/// What makes a message this one and no other. It belongs to the delivery and is the same on every
/// attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The Message-ID without its angle brackets: the delivery's public id, `@`, the domain of the
    /// sender.
    pub message_id: String,
    /// When the run was opened.
    pub date: Timestamp,
    /// The offset from UTC that the date is written with.
    pub utc_offset_seconds: i32,
}

/// Why no message can be made. None of these gets better by trying again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeFault {
    /// A line break or another control character in a header's text.
    #[error("the {0} has a control character in it, such as a line break")]
    ControlCharacter(&'static str),
    /// A domain in letters that DNS does not know.
    #[error("the domain of the {0} address `{1}` is not in ASCII (xn--...)")]
    Domain(&'static str, String),
    /// There is nothing to say.
    #[error("the message has no text")]
    NoBody,
    /// The Message-ID is not `left@right`, or the date is out of range.
    #[error("the message's {0} is not usable: {1}")]
    Identity(&'static str, String),
    /// A header that would say something else than was meant: its name, and why.
    #[error("the header `{0}` cannot be written: {1}")]
    Header(String, String),
    /// A file that cannot be enclosed: its name, and why.
    #[error("the file `{0}` cannot be enclosed: {1}")]
    Enclosure(String, String),
    /// The finished bytes did not pass the wire gate.
    #[error("the message is not fit to be sent: {0}")]
    Wire(#[from] WireFault),
}

/// Whom the header of a message names. Who else gets it is nobody's business.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressees {
    /// To. Without anybody it says so (RFC 5322 section 3.4: a group may have no members).
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
}

/// Writes a message to one person that carries nothing but its texts: see [`Mail::compose`].
///
/// # Errors
///
/// [`ComposeFault`] for whatever would not be a well-formed message.
pub fn message(
    rendered: &Rendered,
    sender: &Sender,
    to: &Mailbox,
    identity: &Identity,
) -> Result<Vec<u8>, ComposeFault> {
    let addressees = Addressees {
        to: vec![to.clone()],
        cc: Vec::new(),
    };
    let mail = Mail {
        rendered,
        sender,
        addressees: &addressees,
        identity,
        enclosures: &[],
        unsubscribe_url: None,
        unsubscribe_mail: None,
    };
    mail.compose()
}

/// All that a message is made of.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// What it says.
    pub rendered: &'a Rendered,
    /// Who it is from, and what kind of mail it is.
    pub sender: &'a Sender,
    /// Whom it names.
    pub addressees: &'a Addressees,
    /// What makes it this one.
    pub identity: &'a Identity,
    /// The files that it carries.
    pub enclosures: &'a [Enclosure],
    /// Where its one reader unsubscribes with one click (RFC 8058).
    pub unsubscribe_url: Option<&'a str>,
    /// The same by mail: an address and a subject.
    pub unsubscribe_mail: Option<(&'a str, &'a str)>,
}

impl Mail<'_> {
    /// Its bytes: the same for the same arguments, in every process.
    ///
    /// The lines end with CRLF; dots are not doubled yet. The bytes are ASCII, but for addresses
    /// that are not: these stand in their header as they are (RFC 6532), and only a server with
    /// SMTPUTF8 takes such a message.
    ///
    /// # Errors
    ///
    /// [`ComposeFault`] for whatever would not be a well-formed message.
    pub fn compose(&self) -> Result<Vec<u8>, ComposeFault> {
        let Self {
            rendered,
            sender,
            addressees,
            identity,
            enclosures,
            unsubscribe_url,
            unsubscribe_mail,
        } = *self;
        let manner = &sender.manner;
        let mut head = String::with_capacity(1024);
        let public_id = public_id(&identity.message_id)?;
        header::plain(&mut head, "Date", &date(identity)?);
        mailboxes(&mut head, "From", slice::from_ref(&sender.from))?;
        if let Some(reply_to) = &sender.reply_to {
            mailboxes(&mut head, "Reply-To", slice::from_ref(reply_to))?;
        }
        if addressees.to.is_empty() {
            header::plain(&mut head, "To", "undisclosed-recipients:;");
        } else {
            mailboxes(&mut head, "To", &addressees.to)?;
        }
        if !addressees.cc.is_empty() {
            mailboxes(&mut head, "Cc", &addressees.cc)?;
        }
        if rendered.subject.contains(char::is_control) {
            return Err(ComposeFault::ControlCharacter("subject"));
        }
        header::text(&mut head, "Subject", &rendered.subject);
        header::plain(
            &mut head,
            "Message-ID",
            &format!("<{}>", identity.message_id),
        );
        header::plain(&mut head, "X-Postroom-Id", public_id);
        listing::class(&mut head, manner.class);
        listing::list(&mut head, manner, unsubscribe_url, unsubscribe_mail)?;
        listing::added(&mut head, &rendered.headers)?;
        header::plain(&mut head, "MIME-Version", "1.0");
        mime::write(&mut head, rendered, enclosures, &identity.message_id)?;
        let bytes = head.into_bytes();
        gate::check(&bytes)?;
        Ok(bytes)
    }
}

fn mailboxes(
    head: &mut String,
    name: &'static str,
    mailboxes: &[Mailbox],
) -> Result<(), ComposeFault> {
    for mailbox in mailboxes {
        let address: &str = mailbox.email.as_ref();
        let has_control = |text: &str| text.contains(char::is_control);
        if has_control(address) || mailbox.name.as_deref().is_some_and(has_control) {
            return Err(ComposeFault::ControlCharacter(match name {
                "From" => "sender's name or address",
                "Reply-To" => "name or address for replies",
                _ => "recipient's name or address",
            }));
        }
        if !mailbox.email.domain().is_ascii() {
            return Err(ComposeFault::Domain(name, address.to_owned()));
        }
    }
    header::mailboxes(head, name, mailboxes);
    Ok(())
}

/// The left side of the Message-ID. Some relays replace a Message-ID; this header they keep.
fn public_id(message_id: &str) -> Result<&str, ComposeFault> {
    let fit = |side: &str| {
        !side.is_empty()
            && side
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"<>@()\"\\".contains(&b))
    };
    message_id
        .split_once('@')
        .filter(|(left, right)| fit(left) && fit(right))
        .map(|(left, _)| left)
        .ok_or_else(|| ComposeFault::Identity("id", message_id.to_owned()))
}

fn date(identity: &Identity) -> Result<String, ComposeFault> {
    let unusable = |error: jiff::Error| ComposeFault::Identity("date", error.to_string());
    let offset = Offset::from_seconds(identity.utc_offset_seconds).map_err(unusable)?;
    let local = identity.date.to_zoned(TimeZone::fixed(offset));
    jiff::fmt::rfc2822::to_string(&local).map_err(unusable)
}
