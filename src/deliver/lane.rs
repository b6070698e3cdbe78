//! A lane carries one row after the other over one connection.

use std::sync::Arc;
use std::time::Duration;

use super::account::AccountWork;
use super::letter::{Letter, Letterhead, NoLetterhead};
use super::report::{Body, Happened, Report};
use super::verdict::{self, Decision, Fault, Scope, Verdict};
use crate::outbox::{Arm, ArmRefusal, Claimed, Outcome, Release};
use crate::smtp::{Credentials, Offer, Reply, Session, SmtpError, Stage, Trouble, connect};

/// A connection is renewed after so many messages: many servers cut it off soon after.
const MESSAGES_MAX: usize = 100;
/// A connection is renewed at this age.
const AGE_MAX: Duration = Duration::from_secs(300);
/// A lane without work says goodbye after this time; some servers close after ten seconds.
const IDLE: Duration = Duration::from_secs(9);

/// Carries rows until there are none for a while, or until it is told to stop.
pub(super) async fn run(work: Arc<AccountWork>) {
    let mut lane = Lane {
        place: Place {
            work: Arc::clone(&work),
            row: None,
        },
        line: None,
        report: Report::new(Arc::clone(&work)),
    };
    while let Some(row) = lane.next().await {
        lane.carry(row).await;
    }
    lane.report.confirm().await;
    drop(lane.place); // while it says goodbye it takes no row
    if let Some(line) = lane.line {
        line.session.quit().await;
    }
}

struct Lane {
    place: Place,
    line: Option<Line>,
    report: Report,
}

/// A lane's place among the lanes of its account, and the row in its hands.
struct Place {
    work: Arc<AccountWork>,
    row: Option<Claimed>,
}

impl Drop for Place {
    /// Also after a panic: then the row goes back, unless it is armed; that one comes into doubt
    /// when its lease ends.
    fn drop(&mut self) {
        let mut state = self.work.state();
        state.lanes -= 1;
        match &self.row {
            None => state.idle -= 1,
            Some(row) => {
                state.done(&row.schedule, self.work.tools.clock.ticks());
                let (rows, next_at) = (vec![(row.id, row.epoch)], None);
                drop(self.work.tools.outbox.submit(Release { rows, next_at }));
            }
        }
        drop(state);
        self.work.wake.notify_one();
    }
}

/// An open connection and its use so far.
struct Line {
    session: Session,
    opened: Duration,
    messages: usize,
    _counted: Counted,
}

/// Counts an open connection for as long as it exists.
struct Counted(Arc<AccountWork>);

impl Counted {
    fn new(work: &Arc<AccountWork>) -> Self {
        work.state().connections += 1;
        Self(Arc::clone(work))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.state().connections -= 1;
    }
}

impl Lane {
    /// The next row, or `None` when it is time to end.
    async fn next(&mut self) -> Option<Claimed> {
        let work = Arc::clone(&self.place.work);
        let idle_until = work.tools.clock.ticks() + IDLE;
        loop {
            let ready = work.ready.notified();
            tokio::pin!(ready);
            ready.as_mut().enable(); // before the look, so that nothing is missed
            if let Some(row) = self.take() {
                if self.report.is_long() {
                    self.report.confirm().await;
                }
                return Some(row);
            }
            if work.tools.drain.is_cancelled() {
                return None;
            }
            self.report.confirm().await;
            let left = idle_until.saturating_sub(work.tools.clock.ticks());
            tokio::select! {
                () = ready => {}
                () = work.tools.drain.cancelled() => {}
                () = work.tools.clock.sleep(left) => return None,
            }
        }
    }

    fn take(&mut self) -> Option<Claimed> {
        let work = &self.place.work;
        let mut state = work.state();
        if self.place.row.take().is_some() {
            state.idle += 1;
        }
        let row = state.ready.pop_front();
        if row.is_some() {
            state.idle -= 1;
        }
        self.place.row.clone_from(&row);
        if state.ready.len() < state.lanes {
            work.wake.notify_one();
        }
        row
    }

    /// Brings one row as far as it goes.
    async fn carry(&mut self, row: Claimed) {
        let work = Arc::clone(&self.place.work);
        let head = match work.tools.heads.of(row.id.run) {
            Ok(head) => head,
            Err(NoLetterhead::Unreadable(error)) => {
                return self.account_fault(&row, Fault::Server, &error.to_string());
            }
            Err(NoLetterhead::Broken(why)) => {
                let run = &row.run_id;
                tracing::error!(run, "a message of run {run} cannot be composed: {why}");
                return self.invalid(&row, why);
            }
        };
        let letter = match head.write(&row) {
            Ok(letter) => letter,
            Err(why) => return self.invalid(&row, why),
        };
        tokio::select! {
            biased;
            () = self.transact(&row, &head, &letter) => {}
            () = work.tools.abort.cancelled() => self.give_up(&row),
        }
    }

    /// Stopped at once: what was armed is in doubt, and recorded so; the rest goes back.
    fn give_up(&mut self, row: &Claimed) {
        self.line = None;
        let stopped = |stage, before: &str| Happened {
            stage,
            reply: None,
            text: format!("postroom was stopped before {before}"),
        };
        match self.report.body() {
            Body::Kept => self.give_back(row),
            Body::Asked => {
                // Both are behind the arm in the outbox: the one that fits its answer takes effect.
                let next_at = self.place.work.tools.clock.now().as_millisecond();
                let happened = stopped(Stage::Data, "the message went out");
                self.end(row, Outcome::NotSent { next_at }, happened);
                let (rows, next_at) = (vec![(row.id, row.epoch)], None);
                drop(
                    self.place
                        .work
                        .tools
                        .outbox
                        .submit(Release { rows, next_at }),
                );
            }
            Body::Gone => {
                let happened = stopped(Stage::Dot, "the server's answer came");
                self.end(row, Outcome::Uncertain, happened);
            }
        }
    }

    async fn transact(&mut self, row: &Claimed, head: &Letterhead, letter: &Letter) {
        if let Err(error) = self.ensure_line().await {
            let verdict = verdict::judge_error(&error);
            let Scope::Account(fault) = verdict.scope else {
                return self.account_fault(row, Fault::Server, &error.to_string());
            };
            return self.account_fault(row, fault, &error.to_string());
        }
        let Some(line) = &mut self.line else { return };
        if let Some(limit) = line.session.capabilities().size_limit()
            && letter.bytes.len() as u64 > limit
        {
            let size = letter.bytes.len();
            let text = format!("the message has {size} bytes, the server takes at most {limit}");
            let happened = Happened {
                stage: Stage::Mail,
                reply: None,
                text,
            };
            return self.end(row, Outcome::Rejected { suppress: false }, happened);
        }
        self.report.begin();
        line.messages += 1;
        let to = std::slice::from_ref(&letter.to);
        let used = line.messages > 1;
        let offered = line
            .session
            .offer(&letter.from, to, letter.bytes.len())
            .await;
        match offered {
            // It closed while it was idle, and heard nothing of this message.
            Err(error) if used && error.hung_up_before_mail() => {
                self.line = None;
                Box::pin(self.transact(row, head, letter)).await;
            }
            Ok(Offer::Ready { .. }) => self.send(row, head, letter).await,
            Ok(Offer::Refused { stage, reply, .. }) => self.answered(row, head, stage, &reply),
            Err(error) => self.broken(row, head, &error),
        }
    }

    /// After the 354: make it durable that the body may go, then let it go.
    async fn send(&mut self, row: &Claimed, head: &Letterhead, letter: &Letter) {
        let digest = ring::digest::digest(&ring::digest::SHA256, &letter.bytes);
        let digest = digest.as_ref().try_into().expect("a SHA-256 has 32 bytes");
        let account = self.place.work.account.name.clone();
        let armed = self.place.work.tools.outbox.submit(Arm {
            rows: vec![row.clone()],
            account,
            digest,
        });
        self.report.asked();
        self.report.confirm().await; // handed in before the arm, so durable no later
        let refusal = match armed.await {
            Ok(refusals) => refusals.into_iter().find_map(Result::err),
            Err(error) => {
                tracing::error!("nothing is sent: {error}");
                self.line = None;
                return self.give_back(row);
            }
        };
        if let Some(refusal) = refusal {
            // The server waits for a body, and a lone dot would deliver an empty mail.
            self.line = None;
            return self.withdrawn(row, refusal);
        }
        self.report.armed();
        let Some(line) = &mut self.line else { return };
        match line.session.send(&letter.bytes).await {
            Ok(reply) => self.answered(row, head, Stage::Dot, &reply),
            Err(error) => self.broken(row, head, &error),
        }
    }

    /// The server answered about this message.
    fn answered(&mut self, row: &Claimed, head: &Letterhead, stage: Stage, reply: &Reply) {
        let verdict = verdict::judge(stage, reply);
        self.conclude(row, head, verdict, Happened::reply(stage, reply));
        match verdict.scope {
            Scope::Account(fault) => {
                self.line = None;
                self.place.work.fault(fault, &format!("{stage}: {reply}"));
            }
            Scope::Session => self.line = None,
            Scope::Recipient | Scope::Message => self.place.work.good(),
        }
    }

    /// The session ended in the middle of this message. After a 421 nobody knocks again at once.
    fn broken(&mut self, row: &Claimed, head: &Letterhead, error: &SmtpError) {
        self.line = None;
        let happened = Happened {
            stage: error.stage,
            reply: error.reply().cloned(),
            text: error.to_string(),
        };
        if error.in_doubt {
            self.end(row, Outcome::Uncertain, happened);
            return self.place.work.broke(&error.to_string());
        }
        self.conclude(row, head, verdict::judge_error(error), happened);
        if let Some(goodbye) = error.reply().filter(|reply| reply.code == 421) {
            let text = format!("{}: {goodbye}", error.stage);
            self.place.work.fault(Fault::Server, &text);
        } else {
            self.place.work.broke(&error.to_string());
        }
    }

    /// Records what follows from a verdict.
    fn conclude(&mut self, row: &Claimed, head: &Letterhead, verdict: Verdict, what: Happened) {
        let clock = &self.place.work.tools.clock;
        let wait = clock.jittered(head.wait_after(row.tries), 20);
        let next_at = (clock.now() + wait).as_millisecond();
        let about_it = matches!(verdict.scope, Scope::Recipient | Scope::Message);
        let outcome = match verdict.decision {
            Decision::Accept => Outcome::Accepted,
            Decision::Never => Outcome::Rejected { suppress: false },
            Decision::Gone => Outcome::Rejected { suppress: true },
            Decision::Later if !about_it && self.report.body() == Body::Gone => {
                Outcome::NotSent { next_at }
            }
            Decision::Later if matches!(verdict.scope, Scope::Account(_)) => {
                return self.give_back_used(row, next_at);
            }
            Decision::Later => Outcome::Deferred { next_at },
        };
        self.end(row, outcome, what);
    }

    /// The arm was refused: the row is where it belongs already.
    fn withdrawn(&mut self, row: &Claimed, refusal: ArmRefusal) {
        let work = &self.place.work;
        tracing::info!(
            account = work.account.name,
            run = row.run_id,
            "a message was held back before its body: {refusal:?}"
        );
        work.state().done(&row.schedule, work.tools.clock.ticks());
        self.report.end();
    }

    fn invalid(&mut self, row: &Claimed, why: String) {
        let happened = Happened {
            stage: Stage::Connect,
            reply: None,
            text: why,
        };
        self.end(row, Outcome::Invalid, happened);
    }

    /// Hands the end of a try to the outbox; it is confirmed before the next arm.
    fn end(&mut self, row: &Claimed, outcome: Outcome, happened: Happened) {
        let work = &self.place.work;
        work.state().done(&row.schedule, work.tools.clock.ticks());
        self.report.submit(row, outcome, happened);
    }

    /// The account cannot be used: the row goes back as it was, and the account rests.
    fn account_fault(&mut self, row: &Claimed, fault: Fault, text: &str) {
        self.give_back(row);
        self.place.work.fault(fault, text);
    }

    /// The server saw nothing of it.
    fn give_back(&mut self, row: &Claimed) {
        let work = &self.place.work;
        work.state().give_back(&row.schedule);
        let (rows, next_at) = (vec![(row.id, row.epoch)], None);
        drop(work.tools.outbox.submit(Release { rows, next_at }));
        self.report.end();
    }

    /// The server saw its envelope, but the fault is the account's. Others go first next time: it
    /// may be this one that the server minds.
    fn give_back_used(&mut self, row: &Claimed, next_at: i64) {
        let work = &self.place.work;
        work.state().done(&row.schedule, work.tools.clock.ticks());
        let (rows, next_at) = (vec![(row.id, row.epoch)], Some(next_at));
        drop(work.tools.outbox.submit(Release { rows, next_at }));
        self.report.end();
    }

    /// A connection that may carry the next message.
    async fn ensure_line(&mut self) -> Result<(), SmtpError> {
        let now = self.place.work.tools.clock.ticks();
        if let Some(line) = &mut self.line {
            let spent = line.messages >= MESSAGES_MAX || now - line.opened > AGE_MAX;
            if !spent && line.session.is_alive() {
                return Ok(());
            }
            if spent {
                self.hang_up().await;
            }
        }
        self.line = None;
        self.line = Some(self.dial().await?);
        self.place.work.reached();
        Ok(())
    }

    async fn dial(&self) -> Result<Line, SmtpError> {
        let work = &self.place.work;
        let credentials = match &work.account.login {
            None => None,
            Some(login) => {
                let password = login.password.reveal().await.map_err(|error| {
                    let text = format!("the password cannot be had: {error}");
                    SmtpError::new(Stage::Auth, Trouble::Missing(text))
                })?;
                Some(Credentials {
                    user: login.user.clone(),
                    password,
                })
            }
        };
        let session = connect(&work.target, credentials.as_ref()).await?;
        let opened = work.tools.clock.ticks();
        Ok(Line {
            session,
            opened,
            messages: 0,
            _counted: Counted::new(work),
        })
    }

    async fn hang_up(&mut self) {
        if let Some(line) = self.line.take() {
            line.session.quit().await;
        }
    }
}
