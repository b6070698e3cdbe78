//! Trying an account: the door that deliver goes through, and nothing of the outbox.

use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

use crate::clock::{Clock, Timestamp};
use crate::compose::dkim::Signer;
use crate::compose::{self, Identity, Rendered};
use crate::config::Account;
use crate::deliver::verdict::{Fault, Scope, judge, judge_error};
use crate::deliver::{signed, signers, target};
use crate::smtp::{
    self, Answer, Deadlines, Envelope, Seen, Session, SmtpError, Stage, Target, Transcript,
    Utterance, connect_as,
};

/// So many round trips are measured. Few: Exim closes after ten commands that are not mail.
pub(super) const ROUNDS: usize = 3;

/// What a try of an account found.
pub(in super::super) struct Found<'a> {
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

/// A message that was offered, and what became of it for each recipient.
pub(super) struct Message {
    pub(super) id: String,
    pub(super) subject: String,
    /// In bytes.
    pub(super) size: usize,
    pub(super) answers: Vec<Answer>,
}

/// Why a try came to its end before the end.
pub(super) struct Failure {
    /// Where, if there was a connection to be in.
    pub(super) stage: Option<Stage>,
    pub(super) text: String,
    /// What can be done about it.
    pub(super) hint: Option<String>,
}

impl Found<'_> {
    /// Whether the account works, and took the message for everybody if there was one.
    pub(in super::super) fn is_good(&self) -> bool {
        let mut answers = self.message.iter().flat_map(|it| &it.answers);
        self.failure.is_none() && answers.all(taken)
    }

    /// What the account's owner can do about the first refusal that is not the recipient's own.
    pub(super) fn advice(&self) -> Option<String> {
        let answers = self.message.iter().flat_map(|it| &it.answers);
        let mut scopes = answers.filter(|it| !taken(it)).map(|it| match &it.result {
            Ok((stage, reply)) => judge(&self.account.rules, *stage, reply).scope,
            Err(error) => judge_error(&self.account.rules, error).scope,
        });
        scopes.find_map(|it| advice(self.account, it))
    }
}

/// Whether a recipient's message was accepted.
pub(super) fn taken(answer: &Answer) -> bool {
    matches!(&answer.result, Ok((_, reply)) if reply.is_positive())
}

/// What the account's owner can do. What is wrong with a server, its own words say.
fn advice(account: &Account, scope: Scope) -> Option<String> {
    let Scope::Account(fault) = scope else {
        return None;
    };
    Some(match (fault, &account.login) {
        (Fault::Server, _) => return None,
        (Fault::Login, Some(login)) => format!("check `user` and `{}`", login.proof.name()),
        (Fault::Login, None) => "it wants a login: write `user` and `password`".to_owned(),
        (Fault::Sender, _) => "check that `user` may send mail that is `from` this address".into(),
        (Fault::Quota | Fault::Rate | Fault::Key, _) => fault.advice().to_owned(),
    })
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
    let signers = signers(&account.dkim).await;
    match (target(account, Deadlines::default()), signers) {
        (Err(error), _) => found.failure = Some(Failure::before(error.to_string())),
        (_, Err(error)) => found.failure = Some(Failure::before(error.to_string())),
        (Ok(target), Ok(signers)) => {
            let transcript = Transcript::new(clock);
            let target = Target {
                transcript: Some(transcript.clone()),
                ..target
            };
            let mail = (to, &signers[..]);
            let tried = converse((&target, &transcript), &mut found, mail, zone, clock).await;
            found.seen = transcript.seen();
            found.said = transcript.said();
            if let Err(error) = tried {
                found.failure = Some(Failure::of(&found, &error));
            }
        }
    }
    found
}

/// Connects, measures, sends if there is anybody to send to, and says goodbye.
async fn converse(
    (target, transcript): (&Target, &Transcript),
    found: &mut Found<'_>,
    (to, signers): (&[Mailbox], &[Signer]),
    zone: &TimeZone,
    clock: &Clock,
) -> Result<(), SmtpError> {
    let identity = found.account.login.as_ref().map(smtp::Identity::new);
    let mut session = connect_as(target, identity.as_ref(), clock.ticks()).await?;
    found.opening = Some(transcript.elapsed());
    found.round_trip = Some(round_trip(&mut session, clock).await?);
    if !to.is_empty() {
        send(&mut session, found, (to, signers), zone, clock).await;
    }
    session.quit().await;
    Ok(())
}

/// Writes a message and sends it.
async fn send(
    session: &mut Session,
    found: &mut Found<'_>,
    (to, signers): (&[Mailbox], &[Signer]),
    zone: &TimeZone,
    clock: &Clock,
) {
    match write(found.account, (to, signers), zone, clock) {
        Ok((mut message, bytes)) => {
            let sender = &found.account.sender;
            let envelope = Envelope {
                from: sender.from.email.clone(),
                to: to.iter().map(|it| it.email.clone()).collect(),
                reply_to: sender.reply_to.as_ref().map(|it| it.email.clone()),
                named: Vec::new(),
                size: bytes.len(),
                dsn: None,
            };
            message.answers = session.deliver(&envelope, &bytes).await;
            found.message = Some(message);
        }
        Err(fault) => {
            let text = format!("there is no test message: {fault}");
            found.failure = Some(Failure::before(text));
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
    (to, signers): (&[Mailbox], &[Signer]),
    zone: &TimeZone,
    clock: &Clock,
) -> Result<(Message, Vec<u8>), String> {
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
        language: "en".to_owned(),
        headers: Vec::new(),
        images: Vec::new(),
    };
    // To several people it is addressed to its sender: a message has one recipient by name.
    let head = match to {
        [one] => one.clone(),
        _ => Mailbox::new(None, from.email.clone()),
    };
    let bytes = compose::message(&rendered, &account.sender, &head, &identity);
    let bytes = bytes.map_err(|fault| fault.to_string())?;
    let (bytes, _) = signed(signers, &bytes, now).map_err(|fault| fault.to_string())?;
    let message = Message {
        id: identity.message_id,
        subject: rendered.subject,
        size: bytes.len(),
        answers: Vec::new(),
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

impl Failure {
    /// Nothing was said to any server.
    fn before(text: String) -> Self {
        Self {
            stage: None,
            text,
            hint: None,
        }
    }

    /// The session did not come to be, or ended.
    fn of(found: &Found<'_>, error: &SmtpError) -> Self {
        let account = found.account;
        let told = error.login.as_ref().and_then(|it| it.hint).is_some();
        // Without a reply, its text says what to do.
        let needed = error.reply().is_some() && !told;
        let scope = judge_error(&account.rules, error).scope;
        Self {
            stage: Some(error.stage)
                .filter(|it| *it == Stage::Connect || found.seen.peer.is_some()),
            text: error.to_string(),
            hint: advice(account, scope).filter(|_| needed),
        }
    }
}
