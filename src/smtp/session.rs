//! A session that is logged in: offer a message, send its body, hear the answer.
//!
//! A transaction has two halves, so that the caller can make it durable in between that the body
//! may go out: [`Session::offer`] ends with the server's 354, [`Session::send`] with its answer to
//! the end of data. A failed half ends the session.

use std::fmt::Write;

use lettre::Address;
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::MailParameter;
use memchr::memmem;

use super::stream::Wire;
use super::{Capabilities, Deadlines, Reply, SmtpError, Stage, Trouble};

/// Larger bodies are written in pieces of this size, each with its own deadline.
const PIECE: usize = 64 * 1024;

/// What a body ends with (RFC 5321 section 4.1.1.4).
const END: &[u8] = b"\r\n.\r\n";

/// A connection that is ready for the next message. Dropping it closes it.
pub struct Session {
    wire: Wire,
    offers: Capabilities,
    deadlines: Deadlines,
    /// The last transaction was refused: RSET goes out with the next group.
    needs_reset: bool,
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
}

impl Session {
    pub(super) fn new(wire: Wire, offers: Capabilities, deadlines: Deadlines) -> Self {
        Self {
            wire,
            offers,
            deadlines,
            needs_reset: false,
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
        self.wire.silent().is_ok()
    }

    /// Offers a message of `size` bytes: MAIL, RCPT for each recipient, DATA; in one write where
    /// the server offers PIPELINING.
    ///
    /// # Errors
    /// The session is over. Nothing of the message was sent.
    pub async fn offer(
        &mut self,
        from: &Address,
        to: &[Address],
        size: usize,
    ) -> Result<Offer, SmtpError> {
        let parameters = match self.offers.size {
            Some(_) => vec![MailParameter::Size(size)],
            None => Vec::new(),
        };
        let mail = Mail::new(Some(from.clone()), parameters).to_string();
        let rcpts = to
            .iter()
            .map(|to| Rcpt::new(to.clone(), Vec::new()).to_string());
        if self.offers.pipelining {
            self.offer_grouped(&mail, rcpts).await
        } else {
            self.offer_in_steps(&mail, rcpts).await
        }
    }

    async fn offer_grouped(
        &mut self,
        mail: &str,
        rcpts: impl ExactSizeIterator<Item = String>,
    ) -> Result<Offer, SmtpError> {
        let count = rcpts.len();
        let mut group = String::with_capacity(256);
        if self.needs_reset {
            let _ = write!(group, "{Rset}");
        }
        group.push_str(mail);
        rcpts.for_each(|rcpt| group.push_str(&rcpt));
        let _ = write!(group, "{Data}");
        self.say(Stage::Mail, &group).await?;
        if self.needs_reset {
            self.hear_reset().await?;
        }
        let mail = self.hear(Stage::Mail).await?;
        let mut recipients = Vec::with_capacity(count);
        for _ in 0..count {
            recipients.push(self.hear(Stage::Rcpt).await?);
        }
        let data = self.hear(Stage::Data).await?;
        self.judge(mail, recipients, data).await
    }

    async fn offer_in_steps(
        &mut self,
        mail: &str,
        rcpts: impl ExactSizeIterator<Item = String>,
    ) -> Result<Offer, SmtpError> {
        if self.needs_reset {
            self.say(Stage::Reset, &Rset.to_string()).await?;
            self.hear_reset().await?;
        }
        self.say(Stage::Mail, mail).await?;
        let mail = self.hear(Stage::Mail).await?;
        if mail.code != 250 {
            return self.refused(Stage::Mail, mail, Vec::new());
        }
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
        self.judge(mail, recipients, data).await
    }

    /// Weighs the replies to a whole group (RFC 2920 section 3.1: the client must check all).
    async fn judge(
        &mut self,
        mail: Reply,
        recipients: Vec<Reply>,
        data: Reply,
    ) -> Result<Offer, SmtpError> {
        let nobody = none_taken(&recipients);
        let somebody = nobody.is_none();
        let refused = match (mail.code, nobody) {
            (250, None) => None,
            (250, Some(first)) => Some((Stage::Rcpt, first)),
            _ => Some((Stage::Mail, mail)),
        };
        match (refused, data.code) {
            (None, 354) => Ok(Offer::Ready { recipients }),
            // A lone dot would deliver an empty mail.
            (Some((stage, reply)), 354) if somebody => {
                let text = format!("it waits for a message after `{reply}`");
                Err(SmtpError::new(stage, Trouble::Protocol(text)))
            }
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
        if !reply.is_transient() && !reply.is_permanent() {
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
    /// transient or permanent. `message` ends with CRLF.
    ///
    /// # Errors
    /// The session is over; [`SmtpError::in_doubt`] says whether the message may have arrived.
    pub async fn send(&mut self, message: &[u8]) -> Result<Reply, SmtpError> {
        // What it says before it has heard anything would be taken for the answer to the dot.
        let silent = self.wire.silent();
        silent.map_err(|trouble| SmtpError::new(Stage::Body, trouble))?;
        let stuffed = stuff(message);
        if let Err(mut error) = self.write_body(&stuffed).await {
            // A refusal may be waiting: a server that has seen enough answers and closes.
            if !error.in_doubt
                && let Ok(reply) = self.wire.reply(Stage::Body, self.deadlines.quit).await
                && (reply.is_transient() || reply.is_permanent())
            {
                error.trouble = Trouble::Refused(reply);
            }
            return Err(error);
        }
        let heard = self.hear(Stage::Dot).await;
        match heard {
            // 220 greets and 221 says goodbye: neither speaks of this message.
            Ok(reply) if reply.is_positive() && !matches!(reply.code, 220 | 221) => Ok(reply),
            Ok(reply) if reply.is_transient() || reply.is_permanent() => {
                self.needs_reset = true;
                Ok(reply)
            }
            Ok(reply) => Err(SmtpError {
                stage: Stage::Dot,
                trouble: Trouble::Protocol(format!("unexpected answer `{reply}`")),
                in_doubt: true,
            }),
            // 421 is a clear answer: not taken, and goodbye.
            Err(error) => {
                let in_doubt = error.reply().is_none();
                Err(SmtpError { in_doubt, ..error })
            }
        }
    }

    async fn write_body(&mut self, stuffed: &[u8]) -> Result<(), SmtpError> {
        let within = self.deadlines.body;
        // The last piece holds the whole end of data.
        let last = stuffed.len().saturating_sub(END.len()) / PIECE * PIECE;
        for piece in stuffed[..last].chunks(PIECE) {
            self.wire.write(Stage::Body, piece, within).await?;
        }
        let rest = &stuffed[last..];
        let written = self.wire.write_counted(Stage::Body, rest, within).await;
        written.map_err(|(count, error)| SmtpError {
            // Some servers take a dot without its LF.
            in_doubt: count + 1 >= rest.len(),
            ..error
        })?;
        let flushed = self.wire.flush(Stage::Dot, within).await;
        flushed.map_err(|e| SmtpError {
            in_doubt: true,
            ..e
        })
    }

    /// Says goodbye and closes; does not insist on an answer.
    pub async fn quit(mut self) {
        if self.say(Stage::Quit, &Quit.to_string()).await.is_ok() {
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

/// The first refusal, if no recipient at all was accepted.
fn none_taken(recipients: &[Reply]) -> Option<Reply> {
    let taken = recipients
        .iter()
        .any(|reply| matches!(reply.code, 250 | 251));
    if taken {
        None
    } else {
        recipients.first().cloned()
    }
}

/// Doubles the dots that begin a line and adds the end of data (RFC 5321 section 4.5.2).
fn stuff(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    if message.first() == Some(&b'.') {
        stuffed.push(b'.');
    }
    let mut from = 0;
    for at in memmem::find_iter(message, b"\r\n.") {
        stuffed.extend_from_slice(&message[from..at + 3]);
        stuffed.push(b'.');
        from = at + 3;
    }
    stuffed.extend_from_slice(&message[from..]);
    if !message.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
mod tests {
    use super::stuff;

    #[test]
    fn dots_at_the_beginning_of_lines_are_doubled_and_the_end_is_marked() {
        assert_eq!(stuff(b".a\r\n..\r\nb.\r\n"), b"..a\r\n...\r\nb.\r\n.\r\n");
        assert_eq!(stuff(b"no end"), b"no end\r\n.\r\n");
        assert_eq!(stuff(b""), b"\r\n.\r\n");
        assert_eq!(stuff(b"x\r\n.\r\n.\r\n"), b"x\r\n..\r\n..\r\n.\r\n");
    }
}
