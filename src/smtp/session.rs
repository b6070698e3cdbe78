//! A session that is logged in: offer a message, send its body, hear the answer.
//!
//! A transaction has two halves, so that the caller can make it durable in between that the body
//! may go out: [`Session::offer`] ends with the server's 354, [`Session::send`] with its answer to
//! the end of data. Where the server bears it, the next envelope goes out in the same write as a
//! body, and [`Session::offered`] hears what the server makes of it: a round trip for each message.
//!
//! A half that failed, or whose future was dropped, ends the session: it can only be closed.

use std::fmt::Write as _;
use std::io::IoSlice;

use lettre::transport::smtp::commands::{Data, Quit, Rset};

use super::chaining::Attempt;
use super::stream::Wire;
use super::stuffing::stuffed;
use super::{Capabilities, Chaining, Deadlines, Envelope, Reply, SmtpError, Stage, Trouble, Unfit};

/// A connection that is ready for the next message. Dropping it closes it.
pub struct Session {
    wire: Wire,
    offers: Capabilities,
    deadlines: Deadlines,
    chaining: Chaining,
    /// Permission to chain the next envelope.
    attempt: Option<Attempt>,
    /// The last transaction was refused: RSET goes out with the next group.
    needs_reset: bool,
    phase: Phase,
}

/// Whose turn it is.
enum Phase {
    /// Ours: the server owes no reply.
    Idle,
    /// Ours: it waits for a body.
    Body,
    /// The server's: an envelope went out with the last body.
    Chained(Envelope, Attempt),
    /// Ours: an envelope could not go out with the last body.
    Waiting(Envelope),
    /// Nobody's: an exchange has begun and did not end well.
    Broken,
}

/// What the server said to a sender and its recipients.
#[derive(Debug)]
pub enum Offer {
    /// 354: it takes the body for the recipients whose reply is positive.
    Ready {
        /// One reply for each recipient, in order.
        recipients: Vec<Reply>,
    },
    /// It takes no body. The session goes on.
    Refused {
        /// Mail, Rcpt or Data.
        stage: Stage,
        /// The refusal; of the first recipient if all were refused.
        reply: Reply,
        /// One reply for each recipient, in order; empty if MAIL was refused.
        recipients: Vec<Reply>,
    },
    /// It was not asked: it cannot be given this message. The session goes on.
    Unfit(Unfit),
}

/// The replies to MAIL, RCPT… and DATA.
struct Replies {
    mail: Reply,
    recipients: Vec<Reply>,
    data: Reply,
}

impl Replies {
    /// Commands that followed each other were bad in sequence: it does not take them in one write.
    fn lost_track(&self) -> bool {
        let taken = self.recipients.iter().any(Reply::takes_recipient);
        let lost = |reply: &Reply| reply.code == 503;
        self.mail.code == 250
            && self.data.code != 354
            && (self.recipients.iter().any(lost) || (taken && lost(&self.data)))
    }
}

impl Session {
    pub(super) fn new(
        wire: Wire,
        offers: Capabilities,
        deadlines: Deadlines,
        chaining: Chaining,
    ) -> Self {
        Self {
            wire,
            offers,
            deadlines,
            chaining,
            attempt: None,
            needs_reset: false,
            phase: Phase::Idle,
        }
    }

    /// What the server offers.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.offers
    }

    /// Whether an idle session can still be used: a server that has said anything meanwhile, or
    /// has closed, cannot.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.phase, Phase::Idle) && self.wire.silent().is_ok()
    }

    /// Whether the next envelope may go out with a body. While the server is not known to bear it,
    /// one session at a time says yes, until it has sent.
    pub fn chains(&mut self) -> bool {
        let grouped = self.offers.pipelining && !self.chaining.groups_are_refused();
        if grouped && self.attempt.is_none() {
            self.attempt = self.chaining.attempt();
        }
        self.attempt.is_some()
    }

    /// One RSET and its answer: a round trip that changes nothing (RFC 5321 section 4.1.1.5).
    ///
    /// # Errors
    /// The session is over.
    pub async fn reset(&mut self) -> Result<(), SmtpError> {
        if !matches!(self.take_phase(), Phase::Idle) {
            return Err(SmtpError::new(Stage::Reset, Trouble::Closed));
        }
        self.say(Stage::Reset, &Rset.to_string()).await?;
        self.hear_reset().await?;
        self.phase = Phase::Idle;
        Ok(())
    }

    /// Offers a message: MAIL, RCPT for each recipient, DATA; in one write where the server offers
    /// PIPELINING.
    ///
    /// # Errors
    /// The session is over. Nothing of the message was sent.
    pub async fn offer(&mut self, envelope: &Envelope) -> Result<Offer, SmtpError> {
        if !matches!(self.take_phase(), Phase::Idle) {
            return Err(SmtpError::new(Stage::Mail, Trouble::Closed));
        }
        let offer = self.offer_anew(envelope).await;
        self.settle(offer)
    }

    /// What the server says to the envelope that was handed to the last [`Session::send`].
    ///
    /// # Errors
    /// The session is over. Nothing of that message was sent.
    pub async fn offered(&mut self) -> Result<Offer, SmtpError> {
        let offer = match self.take_phase() {
            Phase::Chained(envelope, attempt) => self.hear_chained(&envelope, attempt).await,
            Phase::Waiting(envelope) => self.offer_anew(&envelope).await,
            _ => Err(SmtpError::new(Stage::Mail, Trouble::Closed)),
        };
        self.settle(offer)
    }

    fn take_phase(&mut self) -> Phase {
        std::mem::replace(&mut self.phase, Phase::Broken)
    }

    fn settle(&mut self, offer: Result<Offer, SmtpError>) -> Result<Offer, SmtpError> {
        match &offer {
            Ok(Offer::Ready { .. }) => self.phase = Phase::Body,
            Ok(Offer::Refused { .. } | Offer::Unfit(_)) => self.phase = Phase::Idle,
            Err(_) => {}
        }
        offer
    }

    async fn offer_anew(&mut self, envelope: &Envelope) -> Result<Offer, SmtpError> {
        if let Err(unfit) = envelope.check(&self.offers) {
            return Ok(Offer::Unfit(unfit));
        }
        let attempt = self.offers.pipelining.then(|| self.chaining.group());
        let Some(attempt) = attempt.flatten() else {
            return self.offer_in_steps(envelope).await;
        };
        let replies = match self.offer_group(envelope).await {
            Ok(replies) => replies,
            Err(error) => {
                if error.reply().is_none() {
                    attempt.ended_the_session(false);
                }
                return Err(error);
            }
        };
        if replies.lost_track() {
            attempt.refused();
            self.needs_reset = true;
            return self.offer_in_steps(envelope).await;
        }
        if replies.data.code == 354 {
            attempt.worked();
        }
        self.judge(replies).await
    }

    async fn offer_group(&mut self, envelope: &Envelope) -> Result<Replies, SmtpError> {
        let mut group = String::with_capacity(256);
        if self.needs_reset {
            let _ = write!(group, "{Rset}");
        }
        self.write_group(envelope, &mut group);
        self.say(Stage::Mail, &group).await?;
        if self.needs_reset {
            self.hear_reset().await?;
        }
        self.hear_group(envelope.to.len()).await
    }

    fn write_group(&self, envelope: &Envelope, group: &mut String) {
        group.push_str(&envelope.mail(&self.offers));
        let rcpts = envelope.rcpts(&self.offers);
        rcpts.for_each(|rcpt| group.push_str(&rcpt));
        let _ = write!(group, "{Data}");
    }

    async fn hear_group(&mut self, recipients: usize) -> Result<Replies, SmtpError> {
        let mail = self.hear(Stage::Mail).await?;
        let mut replies = Vec::with_capacity(recipients);
        for _ in 0..recipients {
            replies.push(self.hear(Stage::Rcpt).await?);
        }
        Ok(Replies {
            mail,
            recipients: replies,
            data: self.hear(Stage::Data).await?,
        })
    }

    /// The replies to a group that came with a body. A server that minds is asked once more, in a
    /// write of its own: it has begun nothing.
    async fn hear_chained(
        &mut self,
        envelope: &Envelope,
        attempt: Attempt,
    ) -> Result<Offer, SmtpError> {
        let replies = match self.hear_group(envelope.to.len()).await {
            Ok(replies) => replies,
            Err(error) => {
                attempt.ended_the_session(false);
                return Err(error);
            }
        };
        if replies.mail.code == 250 {
            attempt.worked();
            return self.judge(replies).await;
        }
        let out_of_order = replies.mail.code == 503;
        if replies.data.code == 354 || !(out_of_order || attempt.is_first()) {
            return self.judge(replies).await;
        }
        self.needs_reset = true;
        if out_of_order {
            attempt.refused();
            return self.offer_anew(envelope).await;
        }
        let offer = self.offer_anew(envelope).await?;
        let about_mail = matches!(
            offer,
            Offer::Refused {
                stage: Stage::Mail,
                ..
            }
        );
        if !about_mail {
            attempt.refused();
        }
        Ok(offer)
    }

    async fn offer_in_steps(&mut self, envelope: &Envelope) -> Result<Offer, SmtpError> {
        if self.needs_reset {
            self.say(Stage::Reset, &Rset.to_string()).await?;
            self.hear_reset().await?;
        }
        self.say(Stage::Mail, &envelope.mail(&self.offers)).await?;
        let mail = self.hear(Stage::Mail).await?;
        if mail.code != 250 {
            return self.refused(Stage::Mail, mail, Vec::new());
        }
        let rcpts = envelope.rcpts(&self.offers);
        let mut recipients = Vec::with_capacity(rcpts.len());
        for rcpt in rcpts {
            self.say(Stage::Rcpt, &rcpt).await?;
            recipients.push(self.hear(Stage::Rcpt).await?);
        }
        if let Some(first) = none_taken(&recipients) {
            return self.refused(Stage::Rcpt, first, recipients);
        }
        self.say(Stage::Data, &Data.to_string()).await?;
        let data = self.hear(Stage::Data).await?;
        self.judge(Replies {
            mail,
            recipients,
            data,
        })
        .await
    }

    /// Weighs the replies to a whole group (RFC 2920 section 3.1: the client must check all).
    async fn judge(&mut self, replies: Replies) -> Result<Offer, SmtpError> {
        let Replies {
            mail,
            recipients,
            data,
        } = replies;
        let nobody = none_taken(&recipients);
        // An answer that is none may be meant as a yes.
        let somebody = !recipients.iter().all(Reply::is_refusal);
        let refused = match (mail.code, nobody) {
            (250, None) => None,
            (250, Some(first)) => Some((Stage::Rcpt, first)),
            _ => Some((Stage::Mail, mail)),
        };
        match (refused, data.code) {
            (None, 354) => match recipients.iter().find(|it| it.is_unclear()) {
                None => Ok(Offer::Ready { recipients }),
                // It may take the message for them, too, and nobody would know.
                Some(reply) => Err(SmtpError::new(Stage::Rcpt, unasked(reply))),
            },
            // A lone dot would deliver an empty mail.
            (Some((stage, reply)), 354) if somebody => Err(SmtpError::new(stage, unasked(&reply))),
            (None, _) => self.refused(Stage::Data, data, recipients),
            (Some((stage, reply)), 354) => {
                // RFC 2920 section 3.1 and RFC 2197: it waits for a body although it has nobody
                // to give it to. A lone dot delivers nothing then.
                self.say(Stage::Dot, ".\r\n").await?;
                self.hear(Stage::Dot).await?;
                self.refused(stage, reply, recipients)
            }
            (Some((stage, reply)), _) => self.refused(stage, reply, recipients),
        }
    }

    fn refused(
        &mut self,
        stage: Stage,
        reply: Reply,
        recipients: Vec<Reply>,
    ) -> Result<Offer, SmtpError> {
        if !reply.is_refusal() {
            let text = format!("unexpected answer `{reply}`");
            return Err(SmtpError::new(stage, Trouble::Protocol(text)));
        }
        self.needs_reset = true;
        Ok(Offer::Refused {
            stage,
            reply,
            recipients,
        })
    }

    /// Sends the body after [`Offer::Ready`] and returns the answer to the end of data: positive,
    /// transient or permanent. `message` ends with CRLF. The envelope `next` goes out along with it
    /// where [`Session::chains`]; either way [`Session::offered`] tells what became of it, and must
    /// be asked.
    ///
    /// # Errors
    /// The session is over; [`SmtpError::in_doubt`] says whether the message may have arrived.
    /// Nothing of `next` was sent.
    pub async fn send(
        &mut self,
        message: &[u8],
        next: Option<Envelope>,
    ) -> Result<Reply, SmtpError> {
        if !matches!(self.take_phase(), Phase::Body) {
            return Err(SmtpError::new(Stage::Body, Trouble::Closed));
        }
        let fits = |next: &Envelope| next.check(&self.offers).is_ok();
        let fits = next.as_ref().is_some_and(fits);
        let attempt = self.attempt.take().filter(|_| fits);
        let mut group = String::new();
        if let (Some(next), Some(_)) = (&next, &attempt) {
            group.reserve(256);
            self.write_group(next, &mut group);
        }
        let answer = self.exchange_body(message, &group).await;
        match (&answer, attempt) {
            (Ok(reply), attempt) => {
                self.needs_reset = attempt.is_none() && !reply.is_positive();
                self.phase = match (next, attempt) {
                    (Some(next), Some(attempt)) => Phase::Chained(next, attempt),
                    (Some(next), None) => Phase::Waiting(next),
                    (None, _) => Phase::Idle,
                };
            }
            (Err(error), Some(attempt)) => attempt.ended_the_session(error.in_doubt),
            (Err(_), None) => {}
        }
        answer
    }

    async fn exchange_body(&mut self, message: &[u8], group: &str) -> Result<Reply, SmtpError> {
        // What it says before it has heard anything would be taken for the answer to the dot.
        let silent = self.wire.silent();
        silent.map_err(|trouble| SmtpError::new(Stage::Body, trouble))?;
        let (mut pieces, end) = stuffed(message);
        pieces.push(IoSlice::new(group.as_bytes()));
        let within = self.deadlines.body;
        self.wire.write_message(&mut pieces, end, within).await?;
        match self.hear(Stage::Dot).await {
            // 220 greets and 221 says goodbye: neither speaks of this message.
            Ok(reply) if reply.is_positive() && !matches!(reply.code, 220 | 221) => Ok(reply),
            Ok(reply) if reply.is_refusal() => Ok(reply),
            Ok(reply) => {
                let trouble = Trouble::Protocol(format!("unexpected answer `{reply}`"));
                Err(SmtpError {
                    in_doubt: true,
                    ..SmtpError::new(Stage::Dot, trouble)
                })
            }
            // 421 is a clear answer: not taken, and goodbye.
            Err(error) => {
                let in_doubt = error.reply().is_none();
                Err(SmtpError { in_doubt, ..error })
            }
        }
    }

    /// Says goodbye and closes; does not insist on an answer. In the middle of an exchange it only
    /// closes: a QUIT there could become part of a message.
    pub async fn quit(mut self) {
        if matches!(self.phase, Phase::Idle)
            && self.say(Stage::Quit, &Quit.to_string()).await.is_ok()
        {
            let _ = self.wire.reply(Stage::Quit, self.deadlines.quit).await;
        }
        let _ = tokio::time::timeout(self.deadlines.quit, self.wire.close()).await;
    }

    async fn hear_reset(&mut self) -> Result<(), SmtpError> {
        let reply = self.hear(Stage::Reset).await?;
        self.needs_reset = false;
        if reply.code == 250 {
            return Ok(());
        }
        Err(SmtpError::new(Stage::Reset, Trouble::Refused(reply)))
    }

    async fn say(&mut self, stage: Stage, text: &str) -> Result<(), SmtpError> {
        if self.wire.has_unasked() {
            let text = "it sent a reply that nobody asked for".to_owned();
            return Err(SmtpError::new(stage, Trouble::Protocol(text)));
        }
        self.wire
            .write(stage, text.as_bytes(), self.deadlines.of(stage))
            .await
    }

    /// The reply to a command; 421 at any stage ends the session (RFC 5321 section 3.8).
    async fn hear(&mut self, stage: Stage) -> Result<Reply, SmtpError> {
        let reply = self.wire.reply(stage, self.deadlines.of(stage)).await?;
        if reply.code == 421 {
            return Err(SmtpError::new(stage, Trouble::Refused(reply)));
        }
        Ok(reply)
    }
}

/// It waits for a message that it may take for somebody whom it has not clearly taken.
fn unasked(reply: &Reply) -> Trouble {
    Trouble::Protocol(format!("it waits for a message after `{reply}`"))
}

/// The first refusal, if no recipient at all was accepted.
fn none_taken(recipients: &[Reply]) -> Option<Reply> {
    if recipients.iter().any(Reply::takes_recipient) {
        None
    } else {
        recipients.first().cloned()
    }
}
