//! Who a message is from and for, and the commands that say so.

use std::fmt;

use lettre::Address;
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::{MailParameter, RcptParameter};

use super::Capabilities;
use crate::config;

/// What a server is told before it is given a message.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Return path.
    pub from: Address,
    /// Recipients, at least one. They share one transaction, and each has an answer of their own.
    pub to: Vec<Address>,
    /// Where answers go, if the message says so. No command speaks of it, but its letters too may
    /// need SMTPUTF8.
    pub reply_to: Option<Address>,
    /// Whom the message names as its recipients besides those above. The same holds for them.
    pub named: Vec<Address>,
    /// The message's size in bytes, before dot-stuffing.
    pub size: usize,
    /// Delivery status notifications, where the server offers them.
    pub dsn: Option<Dsn>,
}

/// Delivery status notifications as RFC 3461 has them. Only the headers come back (RET=HDRS).
#[derive(Clone, Debug)]
pub struct Dsn {
    /// ENVID: what a notification says about which message it is (section 4.4).
    pub envelope_id: String,
    /// NOTIFY: when one is wanted (section 4.1).
    pub notify: config::Dsn,
}

/// Why a message cannot be given to this server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// It is larger than the server's SIZE (RFC 1870).
    TooLarge {
        /// Bytes it has.
        size: usize,
        /// Bytes that the server takes.
        limit: u64,
    },
    /// An address has letters before the @ that need SMTPUTF8 (RFC 6531), which is not offered.
    NeedsSmtpUtf8(Address),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, limit } => write!(
                f,
                "the message has {size} bytes, the server takes at most {limit}"
            ),
            Self::NeedsSmtpUtf8(address) => write!(
                f,
                "{address} has letters before the @ that this server cannot mail (it does not \
                 offer SMTPUTF8)"
            ),
        }
    }
}

impl Envelope {
    /// Whether an address is the sender's own: where the message, or an answer to it, goes back to.
    #[must_use]
    pub fn is_sender(&self, address: &Address) -> bool {
        self.senders().any(|sender| sender == address)
    }

    fn senders(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.from).chain(&self.reply_to)
    }

    /// Whether a server with these offers can be given the message at all.
    pub(super) fn check(&self, offers: &Capabilities) -> Result<(), Unfit> {
        if let Some(limit) = offers.size_limit()
            && self.size as u64 > limit
        {
            let size = self.size;
            return Err(Unfit::TooLarge { size, limit });
        }
        match self.international() {
            Some(address) if !offers.smtputf8 => Err(Unfit::NeedsSmtpUtf8(address.clone())),
            _ => Ok(()),
        }
    }

    fn international(&self) -> Option<&Address> {
        let mut all = self.senders().chain(&self.to).chain(&self.named);
        all.find(|address| !AsRef::<str>::as_ref(*address).is_ascii())
    }

    /// MAIL, with the parameters that are needed and offered.
    pub(super) fn mail(&self, offers: &Capabilities) -> String {
        let mut parameters = Vec::new();
        if offers.size.is_some() {
            parameters.push(MailParameter::Size(self.size));
        }
        if self.international().is_some() {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Some(dsn) = self.dsn.as_ref().filter(|_| offers.dsn) {
            let other = |keyword: &str, value: &str| MailParameter::Other {
                keyword: keyword.to_owned(),
                value: Some(value.to_owned()),
            };
            parameters.push(other("RET", "HDRS"));
            parameters.push(other("ENVID", &dsn.envelope_id));
        }
        Mail::new(Some(self.from.clone()), parameters).to_string()
    }

    /// RCPT for each recipient.
    pub(super) fn rcpts<'a>(
        &'a self,
        offers: &Capabilities,
    ) -> impl ExactSizeIterator<Item = String> + use<'a> {
        let dsn = self.dsn.as_ref().filter(|_| offers.dsn);
        let parameter = dsn.map(|dsn| RcptParameter::Other {
            keyword: "NOTIFY".to_owned(),
            value: Some(notify(dsn.notify)),
        });
        let parameters: Vec<_> = parameter.into_iter().collect();
        self.to
            .iter()
            .map(move |to| Rcpt::new(to.clone(), parameters.clone()).to_string())
    }
}

fn notify(when: config::Dsn) -> String {
    let words = [
        (when.success, "SUCCESS"),
        (when.failure, "FAILURE"),
        (when.delay, "DELAY"),
    ];
    let wanted = words.iter().filter(|(wanted, _)| *wanted);
    let wanted: Vec<_> = wanted.map(|(_, word)| *word).collect();
    if wanted.is_empty() {
        "NEVER".to_owned()
    } else {
        wanted.join(",")
    }
}
