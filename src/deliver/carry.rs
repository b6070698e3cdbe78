//! One row after the other: compose, offer, arm, send. How it ends is in `ending.rs`.
//!
//! While a body is on its way the envelope of the next row may travel with it. That one is armed
//! after its own 354 like any other; if it may not go by then, the connection is dropped, for a
//! lone dot would deliver an empty mail.

use std::slice;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;

use super::account::AccountWork;
use super::lane::Lane;
use super::leaving::token_key;
use super::letter::{Letter, Letterhead, NoLetterhead};
use super::line::Line;
use super::report::{Body, Happened};
use super::verdict::{self, Fault, Lesson, Scope};
use crate::compose::TokenKey;
use crate::outbox::{Arm, ArmRefusal, Claimed, Outcome};
use crate::smtp::{Dsn, Envelope, Offer, SmtpError, Stage, Unfit};

/// A row whose run another account's key has to sign waits so long if that cannot be had.
const WITHOUT_KEY: Duration = Duration::from_secs(60);
const NEEDS_SMTPUTF8: &str = "the address has letters before the @ that this server cannot mail \
                              (it does not offer SMTPUTF8)";

/// A row with its message, ready to go.
pub(super) struct Task {
    pub(super) row: Claimed,
    pub(super) head: Arc<Letterhead>,
    letter: Letter,
    envelope: Envelope,
    /// A session broke before it had its turn, and it was tried on another one at once.
    pub(super) again: bool,
}

/// What to do with a row that a server did not take a body for.
pub(super) enum Next {
    /// Offer it once more, on a new connection.
    Again,
    /// It is out of this lane's hands.
    Done,
}

impl Lane {
    /// Brings one row, and those that are chained to it, as far as they go.
    pub(super) async fn carry(&mut self, row: Claimed) {
        let work = Arc::clone(&self.place.work);
        let composed = tokio::select! {
            biased;
            composed = Task::compose(&work, &row) => composed,
            () = work.tools.drain.cancelled() => return self.give_back(&row),
        };
        let task = match composed {
            Ok(task) => task,
            Err(Obstacle::Later(fault, why)) => return self.account_fault(&row, fault, &why),
            Err(Obstacle::Elsewhere(why)) => return self.wait_for_key(&row, &why),
            Err(Obstacle::Linkless(why)) => return self.wait_for_token_key(&row, &why),
            Err(Obstacle::Never(why)) => return self.invalid(&row, why),
        };
        tokio::select! {
            biased;
            () = self.transact(task) => {}
            () = work.tools.abort.cancelled() => self.give_up(),
        }
    }

    async fn transact(&mut self, mut task: Task) {
        let mut chained = false;
        loop {
            let Some(offered) = self.offer(&mut task, chained).await else {
                return;
            };
            match offered {
                Ok(Offer::Ready { recipients }) => {
                    self.seat(&mut task, &recipients);
                    let Some(next) = self.send(&task).await else {
                        return;
                    };
                    (task, chained) = (next, true);
                    continue;
                }
                Ok(Offer::Refused {
                    stage,
                    reply,
                    recipients,
                }) => match self.refused(&mut task, (stage, &reply), &recipients) {
                    Next::Again => chained = false,
                    Next::Done => return,
                },
                Ok(Offer::Unfit(unfit)) => match self.unfit(&mut task, &unfit) {
                    Next::Again => chained = false,
                    Next::Done => return,
                },
                Err(error) => match self.broken_offer(&mut task, &error) {
                    Next::Again => chained = false,
                    Next::Done => return,
                },
            }
        }
    }

    /// The server does not take such messages, by what it offers: it was not asked.
    fn unfit(&mut self, task: &mut Task, unfit: &Unfit) -> Next {
        let why = unfit.to_string();
        match unfit {
            Unfit::TooLarge { .. } => {
                let happened = Happened::here(Stage::Mail, why);
                self.end(&task.row, &Outcome::Rejected { suppress: false }, &happened);
            }
            // It would burn every recipient of the run.
            Unfit::NeedsSmtpUtf8(address) if task.envelope.is_sender(address) => {
                self.account_fault(&task.row, Fault::Sender, &why);
            }
            Unfit::NeedsSmtpUtf8(address) if task.envelope.named.contains(address) => {
                let shown = self.report.shown(address.as_ref());
                let who = Some(shown.as_str()).filter(|it| *it != "-");
                let who = who.unwrap_or("somebody");
                let why = format!("the message names {who}, and {NEEDS_SMTPUTF8}");
                self.invalid(&task.row, why);
            }
            Unfit::NeedsSmtpUtf8(address) => {
                if self.go_on_without(task, address, NEEDS_SMTPUTF8) {
                    return Next::Again;
                }
                // Who that is stands beside it, masked where the log is to have it so.
                self.invalid(&task.row, NEEDS_SMTPUTF8.to_owned());
            }
        }
        Next::Done
    }

    /// Offers a message, or hears about the envelope that went ahead. Nothing is armed yet, so a
    /// stop need not wait for it; `None` if the row went back.
    async fn offer(&mut self, task: &mut Task, chained: bool) -> Option<Result<Offer, SmtpError>> {
        let work = Arc::clone(&self.place.work);
        let offered = async {
            if !chained && !self.open_line(&task.row).await {
                return None;
            }
            self.report.begin();
            if !chained {
                self.shorten(task);
            }
            let line = self.line.as_mut()?;
            Some(if chained {
                line.session.offered().await
            } else {
                line.messages += 1;
                line.session.offer(&task.envelope).await
            })
        };
        tokio::select! {
            biased;
            offered = offered => return offered,
            () = work.tools.drain.cancelled() => {}
        }
        self.line = None;
        self.give_back_at_once(&task.row);
        None
    }

    /// A connection that may carry the next message. If none can be had, the account rests, and the
    /// row goes back.
    async fn open_line(&mut self, row: &Claimed) -> bool {
        let work = Arc::clone(&self.place.work);
        if let Some(line) = &mut self.line {
            let spent = line.is_spent(&work);
            if !spent && line.session.is_alive() {
                return true;
            }
            if let Some(line) = self.line.take().filter(|_| spent) {
                line.session.quit().await;
            }
        }
        self.line = None;
        let _one_at_a_time = match &work.account.login {
            Some(_) => Some(work.login.lock().await),
            None => None,
        };
        if work.state().rests(work.tools.clock.ticks()) {
            self.give_back(row); // another lane has found out meanwhile
            return false;
        }
        match Line::open(&work).await {
            Ok(line) => {
                self.line = Some(line);
                work.reached();
                true
            }
            Err(error) => {
                self.no_line(row, &error);
                false
            }
        }
    }

    /// There is no connection: because there are enough, or because the account is in trouble.
    fn no_line(&mut self, row: &Claimed, error: &SmtpError) {
        let verdict = verdict::judge_error(&self.place.work.account.rules, error);
        let work = &self.place.work;
        let open = work.state().connections;
        if open > 0 && verdict.lesson == Some(Lesson::Connections) {
            work.enough_connections(open, &error.to_string());
            self.retires = true;
            return self.give_back(row);
        }
        let goodbye = error.reply().filter(|reply| reply.code == 421);
        let fault = match (verdict.scope, goodbye) {
            (Scope::Account(Fault::Server), Some(reply)) => work.behind_goodbye(reply),
            (Scope::Account(fault), _) => fault,
            _ => Fault::Server,
        };
        self.account_fault(row, fault, &error.to_string());
    }

    /// After the 354: make it durable that the body may go, then let it go. Returns the message
    /// whose envelope went with it, if one did.
    async fn send(&mut self, task: &Task) -> Option<Task> {
        let work = Arc::clone(&self.place.work);
        let digest = ring::digest::digest(&ring::digest::SHA256, task.letter.unsigned());
        let digest = digest.as_ref().try_into().expect("a SHA-256 has 32 bytes");
        let armed = work.tools.outbox.submit(Arm {
            rows: task.row.apart(),
            account: work.account.name.clone(),
            digest,
        });
        self.report.asked();
        let next = self.compose_next().await; // while the arm is being written
        self.report.confirm().await; // handed in before the arm, so durable no later
        let refusal = match armed.await {
            Ok(refusals) => ArmRefusal::first(&refusals),
            Err(error) => {
                self.line = None;
                self.place.give_back_next();
                self.give_back_at_once(&task.row);
                work.cannot_record(&error);
                return None;
            }
        };
        if let Some(refusal) = refusal {
            // The server waits for a body, and a lone dot would deliver an empty mail.
            self.line = None;
            self.place.give_back_next();
            self.withdrawn(&task.row, refusal);
            return None;
        }
        self.report.armed();
        let envelope = next.as_ref().map(|next| next.envelope.clone());
        let session = &mut self.line.as_mut()?.session;
        match session.send(&task.letter.bytes, envelope).await {
            Ok(reply) => self.answered(task, &reply),
            Err(error) => self.broken(task, &error),
        }
        let next = next?;
        if work.tools.drain.is_cancelled() {
            self.line = None; // whatever the server says to it, it gets no body now
        }
        match &mut self.line {
            None => {
                self.place.give_back_told_next();
                None
            }
            Some(line) => {
                line.messages += 1;
                self.place.advance();
                Some(next)
            }
        }
    }

    /// A run of another account cannot be signed: it is that account's to mend, and this one goes
    /// on with its own.
    fn wait_for_key(&mut self, row: &Claimed, why: &str) {
        let work = Arc::clone(&self.place.work);
        let (account, run) = (&work.account.name, &row.run_id);
        tracing::warn!(
            account,
            run,
            "mail of run {run} waits for its DKIM key: {why}"
        );
        let at = work.tools.clock.now() + WITHOUT_KEY;
        row.each().for_each(|row| work.unused(row));
        work.release(slice::from_ref(row), Some(at.as_millisecond()));
        self.report.end();
    }

    /// The message whose envelope may go out with the next body.
    async fn compose_next(&mut self) -> Option<Task> {
        let work = Arc::clone(&self.place.work);
        let line = self.line.as_mut()?;
        if work.tools.drain.is_cancelled() || line.is_spent(&work) || !line.session.chains() {
            return None;
        }
        let most = line.recipients_max();
        loop {
            let row = self.place.take_ahead(most)?;
            match Task::compose(&work, &row).await {
                Ok(task) => return Some(task),
                Err(Obstacle::Later(..) | Obstacle::Elsewhere(_) | Obstacle::Linkless(_)) => {
                    self.place.give_back_next();
                    return None;
                }
                Err(Obstacle::Never(why)) => {
                    self.place.forget_next();
                    work.used(&row);
                    let happened = Happened::here(Stage::Connect, why);
                    self.report.submit(&row, &Outcome::Invalid, &happened);
                }
            }
        }
    }

    /// Stopped at once: what was armed is in doubt, and recorded so; the rest goes back.
    fn give_up(&mut self) {
        self.line = None;
        self.place.give_back_told_next();
        let Some(row) = self.place.row() else {
            return;
        };
        let stopped = |stage, before: &str| {
            Happened::here(stage, format!("postroom was stopped before {before}"))
        };
        match self.report.body() {
            Body::Kept => self.give_back(&row),
            Body::Asked => {
                // Both are behind the arm in the outbox: the one that fits its answer takes effect.
                let work = Arc::clone(&self.place.work);
                let next_at = work.tools.clock.now().as_millisecond();
                let happened = stopped(Stage::Data, "the message went out");
                self.end(&row, &Outcome::NotSent { next_at }, &happened);
                work.release(slice::from_ref(&row), None);
            }
            Body::Gone => {
                let happened = stopped(Stage::Dot, "the server's answer came");
                self.end(&row, &Outcome::Uncertain, &happened);
            }
        }
    }
}

/// The message of a row. The files of one person alone are read for it, and who waits for a slow
/// disk, or for one elsewhere, keeps no session waiting.
async fn written(
    head: &Arc<Letterhead>,
    row: &Claimed,
    key: Option<&TokenKey>,
) -> Result<Letter, Obstacle> {
    if row.files.is_none() {
        return head.write(row, key).map_err(Obstacle::Never);
    }
    let (head, row, key) = (Arc::clone(head), row.clone(), key.cloned());
    let work = tokio::task::spawn_blocking(move || head.write(&row, key.as_ref()));
    match work.await {
        Ok(written) => written.map_err(Obstacle::Never),
        Err(error) => Err(Obstacle::Later(Fault::Server, error.to_string())),
    }
}

/// The last step: the signatures of the account that the run belongs to.
async fn signed(work: &AccountWork, home: &str, letter: Letter) -> Result<Letter, Obstacle> {
    let own = &work.account.name;
    let Some(keys) = work.tools.keys.of(home, own) else {
        return Ok(letter);
    };
    let signed = keys.sign(letter.bytes, letter.date).await;
    let (bytes, signatures) = signed.map_err(|error| {
        let why = error.to_string();
        match home == own {
            true => Obstacle::Later(Fault::Key, why),
            false => Obstacle::Elsewhere(why),
        }
    })?;
    Ok(Letter {
        bytes,
        signatures,
        ..letter
    })
}

/// Why there is no message for a row.
enum Obstacle {
    /// Not now: the account is at fault.
    Later(Fault, String),
    /// Not now: another account's key is missing, and this one can do nothing about it.
    Elsewhere(String),
    /// Not now: the key of its link cannot be had.
    Linkless(String),
    /// Never.
    Never(String),
}

impl Task {
    /// Goes on for those in these places only, at least one.
    pub(super) fn keep(&mut self, places: &[bool]) {
        let staying = |at: &usize| places[*at];
        let rows = self.row.apart();
        let rows = (0..rows.len()).filter(staying).map(|at| rows[at].clone());
        let to = (0..places.len()).filter(staying);
        let to = to.map(|at| self.envelope.to[at].clone()).collect();
        if let Some(row) = Claimed::together(rows.collect()) {
            (self.row, self.envelope.to) = (row, to);
        }
    }

    /// Which of its recipients are others than this one.
    pub(super) fn others_than(&self, to: &Address) -> Vec<bool> {
        self.envelope.to.iter().map(|it| it != to).collect()
    }

    async fn compose(work: &AccountWork, row: &Claimed) -> Result<Self, Obstacle> {
        let head = match work.tools.heads.of(row.id.run) {
            Ok(head) => head,
            Err(NoLetterhead::Unreadable(error)) => {
                return Err(Obstacle::Later(Fault::Server, error.to_string()));
            }
            Err(NoLetterhead::Broken(why)) => {
                let run = &row.run_id;
                tracing::error!(run, "a message of run {run} cannot be composed: {why}");
                return Err(Obstacle::Never(why));
            }
        };
        let manners = work.manners();
        let key = token_key(&manners, &head)
            .await
            .map_err(Obstacle::Linkless)?;
        let letter = written(&head, row, key).await?;
        let letter = signed(work, head.account(), letter).await?;
        let dsn = work.account.dsn.map(|notify| Dsn {
            envelope_id: letter.id.clone(),
            notify,
        });
        let envelope = Envelope {
            from: letter.from.clone(),
            to: letter.to.clone(),
            reply_to: letter.reply_to.clone(),
            named: letter.named.clone(),
            size: letter.bytes.len(),
            dsn,
        };
        Ok(Self {
            row: row.clone(),
            head,
            letter,
            envelope,
            again: false,
        })
    }
}
