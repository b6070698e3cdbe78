//! One mail transaction: MAIL, RCPT, DATA, and the message's own end.

use std::borrow::Cow;
use std::io;
use std::slice;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::behaviour::Behaviour;
use super::command::Mail;
use super::data::{Body, Fault, header, message_id};
use super::keep::Parcel;
use super::limit::{Limit, Place};
use super::session::{Session, Turn};

/// Recipients in one transaction (RFC 5321, section 4.5.3.1.8, asks for at least 100).
const RECIPIENTS_MAX: usize = 1000;

/// The envelope so far, and how its recipients want the message to end.
#[derive(Debug, Default)]
pub(super) struct Transaction<'a> {
    sender: String,
    smtputf8: bool,
    recipients: Vec<String>,
    refusal: Option<Cow<'static, str>>,
    delay: Duration,
    drops: bool,
    doubts: bool,
    /// What it was let in with, unless that is decided at its end.
    place: Option<Place<'a>>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn mail(&mut self, mail: Mail) -> Turn {
        if let Some(obstacle) = self.obstacle() {
            return self.refuse(obstacle);
        }
        if self.transaction.is_some() {
            return self.blame("503 5.5.1 One sender at a time: RSET first");
        }
        if std::mem::take(&mut self.hurried) {
            self.wire
                .reply("503 5.5.1 Commands pipelined after the end of a message");
            return Turn::Next;
        }
        let most = self.reception.messages_per_connection;
        if most.is_some_and(|most| self.messages >= most) {
            return self.refuse("421 4.7.0 Too many messages on this connection, closing");
        }
        self.messages += 1;
        if mail.extended && !self.hello.as_ref().is_some_and(|hello| hello.extended) {
            return self.refuse("555 5.5.4 Parameters need EHLO");
        }
        let limit = u64::try_from(self.reception.max_message_size).unwrap_or(u64::MAX);
        if mail.size.is_some_and(|size| size > limit) {
            return self.refuse(TOO_LARGE);
        }
        if mail.smtputf8 && !self.reception.smtputf8 {
            return self.refuse("555 5.5.4 SMTPUTF8 is not offered");
        }
        if !mail.smtputf8 && !mail.sender.is_ascii() {
            return self.refuse(NEEDS_SMTPUTF8);
        }
        let admitted = (!self.reception.limits_at_dot).then(|| self.admit());
        let place = match admitted.transpose() {
            Ok(place) => place,
            Err(limit) => return self.refuse_over(limit),
        };
        self.transaction = Some(Transaction {
            sender: mail.sender,
            smtputf8: mail.smtputf8,
            place,
            ..Transaction::default()
        });
        self.say("250 2.1.0 Sender ok")
    }

    pub(super) async fn rcpt(&mut self, recipient: String) -> io::Result<Turn> {
        let Some(transaction) = &mut self.transaction else {
            return Ok(self.blame("503 5.5.1 Say MAIL first"));
        };
        if transaction.recipients.len() >= RECIPIENTS_MAX {
            return Ok(self.refuse("452 4.5.3 Too many recipients"));
        }
        if !transaction.smtputf8 && !recipient.is_ascii() {
            return Ok(self.refuse(NEEDS_SMTPUTF8));
        }
        match Behaviour::of(&recipient) {
            Behaviour::Ordinary => {}
            Behaviour::RefuseRcpt(reply) => {
                return Ok(self.refuse_for(slice::from_ref(&recipient), &reply));
            }
            Behaviour::Greylist => {
                let pair = format!("{} {recipient}", transaction.sender).to_lowercase();
                if self.reception.greylist.is_first(pair) {
                    let reply = "450 4.7.1 Greylisted: try again";
                    return Ok(self.refuse_for(slice::from_ref(&recipient), reply));
                }
            }
            Behaviour::Hang => return Err(self.wire.ignore().await),
            Behaviour::RefuseDot(reply) => transaction.refusal = Some(reply),
            Behaviour::Slow(delay) => transaction.delay = transaction.delay.max(delay),
            Behaviour::Drop => transaction.drops = true,
            Behaviour::Doubt => transaction.doubts = true,
        }
        transaction.recipients.push(recipient);
        Ok(self.say("250 2.1.5 Recipient ok"))
    }

    pub(super) async fn data(&mut self) -> io::Result<Turn> {
        if !self.wire.is_drained() {
            // DATA ends a group (RFC 2920, section 3.1). What follows may be a message, and must
            // not be taken for commands.
            self.wire
                .reply("503 5.5.0 Wait for 354 before the message, closing");
            return Ok(Turn::Close);
        }
        let addressed = self
            .transaction
            .take_if(|started| !started.recipients.is_empty());
        let Some(transaction) = addressed else {
            return Ok(self.refuse("503 5.5.1 No valid recipients"));
        };
        self.wire.reply("354 End with a dot on a line of its own");
        if transaction.drops {
            self.wire.chunk().await?;
            return Ok(Turn::Drop);
        }
        let mut body = Body::new(self.reception.max_message_size);
        loop {
            let chunk = self.wire.chunk().await?;
            let read = chunk.len();
            if let Some(used) = body.feed(chunk) {
                self.wire.consume(used);
                break;
            }
            self.wire.consume(read);
        }
        if !self.wire.is_drained() {
            self.reception.count_chained();
            self.hurried = !self.reception.chaining;
        }
        self.finish(transaction, body).await
    }

    /// Answers the end of data.
    async fn finish(&mut self, mut transaction: Transaction<'a>, body: Body) -> io::Result<Turn> {
        let pause = self.reception.latency + transaction.delay;
        if !pause.is_zero() {
            self.reception.clock().sleep(pause).await;
        }
        let message = match body.into_message() {
            Ok(message) => message,
            Err(fault) => {
                return Ok(self.refuse_for(&transaction.recipients, &complaint(fault)));
            }
        };
        if !transaction.smtputf8 && !header(&message).is_ascii() {
            let reply = "554 5.6.0 A header beyond ASCII needs SMTPUTF8 in MAIL";
            return Ok(self.refuse_for(&transaction.recipients, reply));
        }
        if let Some(refusal) = &transaction.refusal {
            return Ok(self.refuse_for(&transaction.recipients, refusal));
        }
        let place = match transaction.place.take().map_or_else(|| self.admit(), Ok) {
            Ok(place) => place,
            Err(limit) => return Ok(self.refuse_over(limit)),
        };
        let message_id = message_id(&message);
        let parcel = Parcel {
            connection: self.caller.connection,
            sender: &transaction.sender,
            recipients: &transaction.recipients,
            message_id: message_id.as_deref(),
            message,
            received: self.received(transaction.smtputf8),
        };
        let id = match self
            .reception
            .keep
            .keep(parcel, self.reception.clock())
            .await
        {
            Ok(id) => id,
            Err(error) => {
                tracing::error!("the sandbox cannot keep a message: {error}");
                return Ok(self.refuse("451 4.3.0 The message cannot be kept here"));
            }
        };
        place.accepted(self.reception.clock());
        self.reception.count_accepted();
        if transaction.doubts {
            // A message without an id is known by its envelope.
            let key = message_id.unwrap_or_else(|| format!("{transaction:?}"));
            if self.reception.doubts.is_first(key) {
                return Ok(Turn::Drop);
            }
        }
        Ok(self.say(&format!("250 2.0.0 Accepted as {id}")))
    }

    /// Who gave us the message and how (RFC 5321, section 4.4; RFC 6531, section 4.3).
    fn received(&self, smtputf8: bool) -> String {
        let (name, extended) = match &self.hello {
            Some(hello) => (hello.name.as_str(), hello.extended),
            None => ("unknown", false),
        };
        let peer = self
            .caller
            .peer
            .map_or("in process".to_owned(), |peer| peer.to_string());
        let protocol = match (extended, smtputf8) {
            (false, _) => "SMTP",
            (true, false) => "ESMTP",
            (true, true) => "UTF8SMTP",
        };
        let encrypted = if extended && self.caller.encrypted {
            "S"
        } else {
            ""
        };
        let logged_in = if extended && self.logged_in { "A" } else { "" };
        format!(
            "from {name} ({peer})\r\n\tby localhost (postroom sandbox) \
             with {protocol}{encrypted}{logged_in}"
        )
    }

    fn admit(&self) -> Result<Place<'a>, Limit> {
        let reception = self.reception;
        reception.gate.admit(reception.clock())
    }

    fn refuse_over(&mut self, limit: Limit) -> Turn {
        self.reception.count_limited();
        self.refuse(&format!("421 4.7.0 Rate limit exceeded: {limit}, closing"))
    }

    /// Turns a sender, a recipient or a message away; a 421 ends the session too.
    fn refuse(&mut self, reply: &str) -> Turn {
        self.refuse_for(&[], reply)
    }

    /// The same, where it is known whom it was for.
    fn refuse_for(&mut self, recipients: &[String], reply: &str) -> Turn {
        let connection = self.caller.connection;
        self.reception.count_refusal(connection, recipients, reply);
        self.wire.reply(reply);
        if reply.starts_with("421") {
            Turn::Close
        } else {
            Turn::Next
        }
    }
}

/// RFC 6531, section 3.5.
const NEEDS_SMTPUTF8: &str = "553 5.6.7 An address beyond ASCII needs SMTPUTF8 in MAIL";

const TOO_LARGE: &str = "552 5.3.4 Larger than SIZE allows";

fn complaint(fault: Fault) -> Cow<'static, str> {
    match fault {
        Fault::TooLarge => TOO_LARGE.into(),
        Fault::BareLf(line) => {
            format!("554 5.6.0 Line {line} has a LF without a CR; lines end with CRLF").into()
        }
        Fault::BareCr(line) => {
            format!("554 5.6.0 Line {line} has a CR without a LF; lines end with CRLF").into()
        }
    }
}
