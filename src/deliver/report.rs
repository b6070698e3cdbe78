//! Telling the outbox and the log how a message ended, in that order.

use std::sync::Arc;

use super::account::AccountWork;
use crate::audience::mask;
use crate::config::Addresses;
use crate::outbox::state::State;
use crate::outbox::{Claimed, OutboxError, Outcome, Receipt, Record, Records};
use crate::smtp::{Reply, SmtpError, Stage};

/// Refusals in a row are confirmed together, so many at most.
const PENDING_MAX: usize = 16;

/// After the outbox refused a result.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What decided the end of a try.
#[derive(Clone)]
pub(super) struct Happened {
    pub(super) stage: Stage,
    pub(super) reply: Option<Reply>,
    pub(super) text: String,
}

impl Happened {
    pub(super) fn reply(stage: Stage, reply: &Reply) -> Self {
        Self {
            stage,
            reply: Some(reply.clone()),
            text: reply.text.clone(),
        }
    }

    pub(super) fn error(error: &SmtpError) -> Self {
        Self {
            stage: error.stage,
            reply: error.reply().cloned(),
            text: error
                .reply()
                .map_or_else(|| error.to_string(), |reply| reply.text.clone()),
        }
    }

    /// No server said this.
    pub(super) fn here(stage: Stage, text: String) -> Self {
        Self {
            stage,
            reply: None,
            text,
        }
    }

    /// For people: what was said, and to what.
    pub(super) fn at_stage(&self) -> String {
        match &self.reply {
            Some(reply) => format!("{}: {reply}", self.stage),
            None => self.text.clone(),
        }
    }
}

/// How far the body of the message in a lane's hands may have got.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Body {
    /// Nobody was asked whether it may go.
    Kept,
    /// The outbox was asked, and has not answered: it has not gone, but its row may be armed.
    Asked,
    /// It may be on its way.
    Gone,
}

/// A lane's word about the message in its hands and the one before.
pub(super) struct Report {
    work: Arc<AccountWork>,
    started_at: i64,
    body: Body,
    /// Handed to the outbox, not known to be durable yet, in that order.
    pending: Vec<Pending>,
}

/// The ends of the tries of one message: one, or one for each of a group.
type Pending = (Receipt<Vec<Option<State>>>, Records, Vec<Told>);

/// What the log will say.
struct Told {
    schedule: String,
    run: String,
    to: String,
    attempt: i64,
    code: Option<u16>,
    outcome: Outcome,
    text: String,
}

impl Report {
    pub(super) fn new(work: Arc<AccountWork>) -> Self {
        let started_at = work.tools.clock.now().as_millisecond();
        Self {
            work,
            started_at,
            body: Body::Kept,
            pending: Vec::new(),
        }
    }

    /// A message is offered to the server.
    pub(super) fn begin(&mut self) {
        self.started_at = self.work.tools.clock.now().as_millisecond();
        self.body = Body::Kept;
    }

    /// Its arm was handed in.
    pub(super) fn asked(&mut self) {
        self.body = Body::Asked;
    }

    /// Its body may be on its way from now on.
    pub(super) fn armed(&mut self) {
        self.body = Body::Gone;
    }

    pub(super) fn body(&self) -> Body {
        self.body
    }

    /// It is out of this lane's hands.
    pub(super) fn end(&mut self) {
        self.body = Body::Kept;
    }

    /// Hands the end of a try to the outbox, the same for all who share the message.
    /// [`Report::confirm`] waits for it.
    pub(super) fn submit(&mut self, row: &Claimed, outcome: &Outcome, happened: &Happened) {
        let ends = row.each();
        self.submit_all(ends.map(|row| (row, outcome.clone(), happened.clone())));
    }

    /// The same, to each his own.
    pub(super) fn submit_all<'a>(
        &mut self,
        ends: impl Iterator<Item = (&'a Claimed, Outcome, Happened)>,
    ) {
        let (records, told): (Vec<_>, Vec<_>) = ends
            .map(|(row, outcome, happened)| self.written(row, outcome, happened))
            .unzip();
        if records.is_empty() {
            return;
        }
        let records = Records(records);
        let receipt = self.work.tools.outbox.submit(records.clone());
        self.pending.push((receipt, records, told));
    }

    fn written(&self, row: &Claimed, outcome: Outcome, happened: Happened) -> (Record, Told) {
        let code = happened.reply.as_ref().map(|reply| reply.code);
        let told = Told {
            schedule: row.schedule.clone(),
            run: row.run_id.clone(),
            to: self.shown(&row.address),
            attempt: row.tries + 1,
            code,
            outcome: outcome.clone(),
            text: happened.text.clone(),
        };
        let record = Record {
            id: row.id,
            epoch: row.epoch,
            outcome,
            account: self.work.account.name.clone(),
            started_at: self.started_at,
            stage: happened.stage.name(),
            code,
            enhanced: happened
                .reply
                .and_then(|reply| reply.enhanced)
                .map(|it| it.to_string()),
            reply: happened.text,
        };
        (record, told)
    }

    /// An address as it may stand in the log.
    pub(super) fn shown(&self, address: &str) -> String {
        match self.work.manners().addresses {
            Addresses::Masked => mask(address),
            Addresses::Full => address.to_owned(),
            Addresses::None => "-".to_owned(),
        }
    }

    /// Whether more waits to be confirmed than a lane should keep in memory.
    pub(super) fn is_long(&self) -> bool {
        self.pending.len() >= PENDING_MAX
    }

    /// Waits until what was handed in is durable, and logs it. What the server said is not given
    /// up: a result that cannot be recorded now, for want of disk space for example, is handed in
    /// until it is, and this lane sends nothing before.
    pub(super) async fn confirm(&mut self) {
        for (mut receipt, records, told) in std::mem::take(&mut self.pending) {
            while let Err(error) = self.tell(receipt.await, &told) {
                let stopped = matches!(error, OutboxError::Stopped(_));
                if stopped {
                    self.work.tools.fatal.cancel();
                }
                if stopped || self.work.tools.abort.is_cancelled() {
                    break;
                }
                self.work.tools.clock.sleep(AGAIN).await;
                receipt = self.work.tools.outbox.submit(records.clone());
            }
        }
    }

    fn tell(
        &self,
        recorded: Result<Vec<Option<State>>, OutboxError>,
        all: &[Told],
    ) -> Result<(), OutboxError> {
        match recorded {
            Ok(states) => {
                for (state, told) in states.into_iter().zip(all) {
                    self.tell_one(state, told);
                }
                Ok(())
            }
            Err(error) => {
                for Told { run, to, text, .. } in all {
                    tracing::error!(
                        run,
                        "the result for {to} is not recorded yet ({text}): {error}"
                    );
                }
                Err(error)
            }
        }
    }

    fn tell_one(&self, recorded: Option<State>, told: &Told) {
        let Told { run, to, text, .. } = told;
        if recorded.is_some() {
            log(&self.work.account.name, told);
        } else {
            tracing::warn!(
                run,
                "the result for {to} came after its lease had ended: {text}"
            );
        }
    }
}

fn log(account: &str, told: &Told) {
    let Told {
        schedule,
        run,
        to,
        attempt,
        code,
        outcome,
        text,
    } = told;
    macro_rules! line {
        ($level:ident, $event:literal, $($words:tt)+) => {
            tracing::$level!(event = $event, schedule, run, account, to, attempt, code,
                reply = text, $($words)+)
        };
    }
    match outcome {
        Outcome::Accepted => line!(info, "sent", "{schedule}: sent to {to}"),
        Outcome::Deferred { .. } => line!(info, "deferred", "{schedule}: {to} later: {text}"),
        Outcome::NotSent { .. } => line!(info, "not-sent", "{schedule}: {to} later: {text}"),
        Outcome::Rejected { .. } => line!(warn, "rejected", "{schedule}: {to} refused: {text}"),
        Outcome::Invalid => line!(warn, "invalid", "{schedule}: no message for {to}: {text}"),
        Outcome::Uncertain => line!(
            warn,
            "uncertain",
            "{schedule}: nobody knows whether {to} got it, it may be sent more than once: {text}"
        ),
    }
}
