//! One message to several recipients, in as many transactions as the server wants.

use lettre::Address;

use super::{Envelope, Offer, Reply, Session, SmtpError, Stage, Trouble};

/// So many recipients share a transaction where the server names no limit: every server takes
/// that many (RFC 5321 section 4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;

/// What became of a message for one of its recipients.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The recipient.
    pub to: Address,
    /// The reply that decided, to RCPT, DATA or the end of data (or to MAIL, for everybody); or how
    /// the session ended.
    pub result: Result<(Stage, Reply), SmtpError>,
}

impl Session {
    /// Gives `message` to all recipients of `envelope`, and tells for each what came of it, in the
    /// order in which it was decided. Those that the server finds too many for one transaction
    /// (RFC 5321 section 4.5.3.1.10) go into the next one.
    ///
    /// Nothing is made durable in between: for messages that nobody counts.
    pub async fn deliver(&mut self, envelope: &Envelope, message: &[u8]) -> Vec<Answer> {
        let mut most = self.capabilities().rcpt_max.unwrap_or(RECIPIENTS_MAX);
        let mut waiting = envelope.to.clone();
        let mut answers = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let rest = waiting.split_off(most.min(waiting.len()));
            let part = Envelope {
                to: std::mem::replace(&mut waiting, rest),
                ..envelope.clone()
            };
            match self.transact(&part, message).await {
                Ok((mut decided, carried)) => {
                    answers.append(&mut decided);
                    if !carried.is_empty() {
                        most = part.to.len() - carried.len();
                        waiting.splice(..0, carried);
                    }
                }
                Err((mut decided, error)) => {
                    answers.append(&mut decided);
                    let others = part.to.into_iter().chain(waiting);
                    let known: Vec<_> = answers.iter().map(|answer| answer.to.clone()).collect();
                    let unsent = SmtpError {
                        in_doubt: false, // these were not offered, or not taken
                        ..error
                    };
                    answers.extend(others.filter(|to| !known.contains(to)).map(|to| Answer {
                        to,
                        result: Err(unsent.clone()),
                    }));
                    break;
                }
            }
        }
        answers
    }

    /// One transaction. Returns who has an answer, and who is to come with the next one.
    async fn transact(&mut self, part: &Envelope, message: &[u8]) -> Transacted {
        let answer = |to: &Address, stage, reply: &Reply| Answer {
            to: to.clone(),
            result: Ok((stage, reply.clone())),
        };
        let unsent = |error| (Vec::new(), error);
        let recipients = match self.offer(part).await.map_err(unsent)? {
            Offer::Ready { recipients } => recipients,
            Offer::Refused {
                stage,
                reply,
                recipients,
            } => {
                let own = recipients.iter().map(Some).chain(std::iter::repeat(None));
                let replies = part.to.iter().zip(own);
                let answers = replies.map(|(to, own)| match own {
                    Some(own) if stage == Stage::Rcpt => answer(to, stage, own),
                    _ => answer(to, stage, &reply),
                });
                return Ok((answers.collect(), Vec::new()));
            }
            Offer::Unfit(unfit) => {
                let trouble = Trouble::Missing(unfit.to_string());
                return Err(unsent(SmtpError::new(Stage::Mail, trouble)));
            }
        };
        let (mut answers, mut taken, mut carried) = (Vec::new(), Vec::new(), Vec::new());
        for (to, reply) in part.to.iter().zip(&recipients) {
            if reply.takes_recipient() {
                taken.push(to);
            } else if reply.wants_fewer_recipients() {
                carried.push(to.clone());
            } else {
                answers.push(answer(to, Stage::Rcpt, reply));
            }
        }
        match self.send(message, None).await {
            Ok(reply) => answers.extend(taken.iter().map(|to| answer(to, Stage::Dot, &reply))),
            Err(error) => {
                answers.extend(taken.into_iter().map(|to| Answer {
                    to: to.clone(),
                    result: Err(error.clone()),
                }));
                return Err((answers, error));
            }
        }
        Ok((answers, carried))
    }
}

type Transacted = Result<(Vec<Answer>, Vec<Address>), (Vec<Answer>, SmtpError)>;
