//! Trying an account: the door that deliver goes through, and nothing of the outbox.

use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::Address;
use lettre::message::Mailbox;

use crate::clock::{Clock, Timestamp};
use crate::compose::{self, ComposeFault, Identity, Rendered};
use crate::config::Account;
use crate::deliver::verdict::{Scope, judge_error};
use crate::deliver::{credentials, target};
use crate::smtp::{
    Credentials, Deadlines, Offer, Reply, Seen, Session, SmtpError, Stage, Target, Transcript,
    Trouble, Utterance, connect,
};

/// So many round trips are measured. Few: Exim closes after ten commands that are not mail.
pub(super) const ROUNDS: usize = 3;

/// What a try of an account found.
pub(super) struct Found<'a> {
    pub(super) account: &'a Account,
    /// What the connection showed of itself, as far as it came.
    pub(super) seen: Seen,
    pub(super) said: Vec<Utterance>,
    /// From the name's look-up to a session that may send, if it came to be.
    pub(super) opening: Option<Duration>,
    /// The middle one of [`ROUNDS`] round trips of RSET.
    pub(super) round_trip: Option<Duration>,
    /// The message, if one was to be sent and could be offered.
    pub(super) message: Option<Message>,
    pub(super) failure: Option<Failure>,
}

/// A message that was offered.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) subject: String,
    /// In bytes.
    pub(super) size: usize,
    /// What the server said of each recipient; of none if it did not come to that.
    pub(super) recipients: Vec<(Address, Reply)>,
    /// What it said to the end of the message, if it came to that.
    pub(super) answer: Option<Reply>,
}

/// Why a try came to its end before the end.
pub(super) struct Failure {
    /// Where, if there was a connection to be in.
    pub(super) stage: Option<Stage>,
    pub(super) text: String,
    /// What can be done about it.
    pub(super) hint: Option<&'static str>,
}

impl Found<'_> {
    /// Whether the account works, and took the message for everybody if there was one.
    pub(super) fn is_good(&self) -> bool {
        let taken = |message: &Message| message.recipients.iter().all(|(_, it)| it.is_positive());
        self.failure.is_none() && self.message.as_ref().is_none_or(taken)
    }
}

/// Tries an account, and sends a message to `to` unless that is empty.
pub(super) async fn probe<'a>(
    account: &'a Account,
    to: &[Mailbox],
    zone: &TimeZone,
    clock: &Clock,
) -> Found<'a> {
    let mut found = Found {
        account,
        seen: Seen::default(),
        said: Vec::new(),
        opening: None,
        round_trip: None,
        message: None,
        failure: None,
    };
    match prepare(account).await {
        Err(failure) => found.failure = Some(failure),
        Ok((target, credentials)) => {
            let transcript = Transcript::new(clock);
            let target = Target {
                transcript: Some(transcript.clone()),
                ..target
            };
            let tried = converse(&target, credentials, &mut found, to, zone, clock).await;
            if let Err(error) = tried {
                found.failure = Some(error.into());
            }
            found.seen = transcript.seen();
            found.said = transcript.said();
        }
    }
    found
}

/// What needs no connection.
async fn prepare(account: &Account) -> Result<(Target, Option<Credentials>), Failure> {
    let target = target(account, Deadlines::default());
    let target = target.map_err(|it| Failure::before(it.to_string()))?;
    let credentials = credentials(account).await;
    let credentials = credentials.map_err(|it| Failure::before(it.to_string()))?;
    Ok((target, credentials))
}

/// Connects, measures, sends if there is anybody to send to, and says goodbye. Where the server
/// refuses the message, the session goes on; an error ends it.
async fn converse(
    target: &Target,
    credentials: Option<Credentials>,
    found: &mut Found<'_>,
    to: &[Mailbox],
    zone: &TimeZone,
    clock: &Clock,
) -> Result<(), SmtpError> {
    let began = clock.ticks();
    let mut session = connect(target, credentials.as_ref()).await?;
    found.opening = Some(clock.ticks() - began);
    found.round_trip = Some(round_trip(&mut session, clock).await?);
    if !to.is_empty() {
        deliver_one(&mut session, found, to, zone, clock).await?;
    }
    session.quit().await;
    Ok(())
}

/// Writes a message and sends it.
async fn deliver_one(
    session: &mut Session,
    found: &mut Found<'_>,
    to: &[Mailbox],
    zone: &TimeZone,
    clock: &Clock,
) -> Result<(), SmtpError> {
    match write(found.account, to, zone, clock) {
        Ok((message, bytes)) => {
            found.message = Some(message);
            send(session, found, to, &bytes).await
        }
        Err(fault) => {
            let text = format!("there is no test message: {fault}");
            found.failure = Some(Failure::before(text));
            Ok(())
        }
    }
}

/// The middle one of a few round trips.
async fn round_trip(session: &mut Session, clock: &Clock) -> Result<Duration, SmtpError> {
    let mut spans = [Duration::ZERO; ROUNDS];
    for span in &mut spans {
        let began = clock.ticks();
        session.reset().await?;
        *span = clock.ticks() - began;
    }
    spans.sort_unstable();
    Ok(spans[ROUNDS / 2])
}

/// A message that says what it is, and its bytes.
fn write(
    account: &Account,
    to: &[Mailbox],
    zone: &TimeZone,
    clock: &Clock,
) -> Result<(Message, Vec<u8>), ComposeFault> {
    let now = clock.now();
    let from = &account.sender.from;
    let identity = Identity {
        message_id: format!("test.{}@{}", clock.new_id(), from.email.domain()),
        date: now,
        utc_offset_seconds: zone.to_offset(now).seconds(),
    };
    let rendered = Rendered {
        subject: format!("postroom test: account {}", account.name),
        text: Some(text(account, to, now, zone)),
        html: None,
    };
    // To several people it is addressed to its sender: a message has one recipient by name.
    let head = match to {
        [one] => one.clone(),
        _ => Mailbox::new(None, from.email.clone()),
    };
    let bytes = compose::message(&rendered, &account.sender, &head, &identity)?;
    let message = Message {
        id: identity.message_id,
        subject: rendered.subject,
        size: bytes.len(),
        recipients: Vec::new(),
        answer: None,
    };
    Ok((message, bytes))
}

fn text(account: &Account, to: &[Mailbox], now: Timestamp, zone: &TimeZone) -> String {
    let time = now.to_zoned(zone.clone());
    let time = time.strftime("%Y-%m-%d %H:%M:%S %:z");
    let uname = rustix::system::uname();
    let machine = uname.nodename().to_string_lossy();
    let to: Vec<String> = to.iter().map(|it| it.email.to_string()).collect();
    format!(
        "This is a test of the account `{}` of postroom, and you can read it: the account \
         works.\n\nSent     {time}\nfrom     {machine}\nthrough  {}:{}\nto       {}\n\nSomebody \
         typed `postroom account test`; it belongs to no schedule and no run.\n",
        account.name,
        account.host,
        account.port,
        to.join(", "),
    )
}

/// One transaction for all recipients.
async fn send(
    session: &mut Session,
    found: &mut Found<'_>,
    to: &[Mailbox],
    bytes: &[u8],
) -> Result<(), SmtpError> {
    let to: Vec<Address> = to.iter().map(|it| it.email.clone()).collect();
    let offer = session.offer(&found.account.sender.from.email, &to, bytes.len());
    let (recipients, refusal) = match offer.await? {
        Offer::Ready { recipients } => (recipients, None),
        Offer::Refused {
            stage,
            reply,
            recipients,
        } => (recipients, Some((stage, reply))),
    };
    let recipients = to.into_iter().zip(recipients).collect();
    let message = found.message.as_mut();
    let message = message.expect("it was written before");
    message.recipients = recipients;
    if let Some((stage, reply)) = refusal {
        found.failure = Some(Failure::answered(stage, &reply));
        return Ok(());
    }
    let answer = session.send(bytes).await?;
    if !answer.is_positive() {
        found.failure = Some(Failure::answered(Stage::Dot, &answer));
    }
    message.answer = Some(answer);
    Ok(())
}

impl Failure {
    /// Nothing was said to any server.
    fn before(text: String) -> Self {
        Self {
            stage: None,
            text,
            hint: None,
        }
    }

    fn answered(stage: Stage, reply: &Reply) -> Self {
        SmtpError::new(stage, Trouble::Refused(reply.clone())).into()
    }
}

impl From<SmtpError> for Failure {
    fn from(error: SmtpError) -> Self {
        let doubt = "; nobody knows whether it arrived";
        let doubt = if error.in_doubt { doubt } else { "" };
        let hint = match judge_error(&error).scope {
            Scope::Account(fault) if error.reply().is_some() => fault.advice(),
            _ => None,
        };
        Self {
            stage: Some(error.stage),
            text: format!("{error}{doubt}"),
            hint,
        }
    }
}
