//! How a message leaves a lane's hands: what a verdict means for its row, its connection and its
//! account.

use std::slice;
use std::sync::Arc;

use super::carry::{Next, Task};
use super::lane::Lane;
use super::line::Line;
use super::report::{Body, Happened};
use super::verdict::{self, Decision, Fault, Lesson, Scope, Verdict};
use crate::outbox::{ArmRefusal, Claimed, Outcome};
use crate::smtp::{Reply, SmtpError, Stage, Trouble};

impl Lane {
    /// The session ended before this message had its 354. What is the connection's own is charged
    /// to nobody, once: it may be this message that the server minds.
    pub(super) fn broken_offer(&mut self, task: &mut Task, error: &SmtpError) -> Next {
        let verdict = verdict::judge_error(&self.place.work.account.rules, error);
        let carried = self.line.as_ref().map_or(0, Line::carried);
        if carried > 0 && error.hung_up_before_mail() {
            self.line_ended();
            return Next::Again;
        }
        if error.reply().is_some() {
            return self.not_taken(task, verdict, Happened::error(error));
        }
        self.line = None;
        self.place.work.broke(&error.to_string());
        // Who was waited for in vain is not waited for twice.
        let in_vain = matches!(error.trouble, Trouble::Timeout(_));
        if std::mem::replace(&mut task.again, true) || in_vain {
            self.conclude(task, verdict, Happened::error(error));
            return Next::Done;
        }
        Next::Again
    }

    /// The server ended a connection that had carried messages: it had been idle, or the server has
    /// enough. After a first message it may as well have minded that the next one came so soon.
    fn line_ended(&mut self) {
        let Some(line) = self.line.take().filter(|line| line.carried() > 1) else {
            return;
        };
        let work = &self.place.work;
        let (opened, now) = (line.opened(), work.tools.clock.ticks());
        let mut state = work.state();
        state.limits.ended_after(line.carried(), opened, now);
        drop(state); // before the line, which counts itself out of it
    }

    /// The server takes no body for this message: because of it, or because of the connection or
    /// the account that offered it.
    pub(super) fn not_taken(
        &mut self,
        task: &mut Task,
        verdict: Verdict,
        happened: Happened,
    ) -> Next {
        let work = Arc::clone(&self.place.work);
        let text = happened.at_stage();
        let verdict = self.weigh(task, verdict, &happened);
        if matches!(verdict.scope, Scope::Recipient | Scope::Message) {
            work.good();
            if self.is_too_many(task, verdict) {
                return Next::Again;
            }
            self.conclude(task, verdict, happened);
            return Next::Done;
        }
        let before_whom = matches!(happened.stage, Stage::Mail | Stage::Reset);
        let goodbye = happened.reply.clone().filter(|reply| reply.code == 421);
        let carried = self.line.as_ref().map_or(0, Line::carried);
        let learned = self.learn(verdict, &text);
        let enough =
            goodbye.is_some() && before_whom && carried > 0 && verdict.scope == Scope::Session;
        if enough && !self.retires {
            self.line_ended(); // if the next one says so at once, that is trouble
            return Next::Again;
        }
        self.line = None;
        match (verdict.scope, learned) {
            (_, Some(Lesson::MessagesPerConnection)) => return Next::Again,
            (_, Some(_)) => self.give_back_at_once(&task.row),
            (Scope::Account(fault), _) => {
                self.conclude(task, verdict, happened);
                work.fault(fault, &text);
            }
            _ => {
                if goodbye.is_none() {
                    work.broke(&text);
                    if !std::mem::replace(&mut task.again, true) {
                        return Next::Again;
                    }
                }
                if before_whom {
                    self.give_back_at_once(&task.row);
                } else {
                    self.conclude(task, verdict, happened);
                }
                if let Some(reply) = goodbye {
                    work.goodbye(&reply, &text); // nobody knocks again at once
                }
            }
        }
        Next::Done
    }

    /// A fault of the account that comes with one message, while others are taken, is that
    /// message's: it is tried again at its own pace, and the others go on.
    fn weigh(&self, task: &Task, verdict: Verdict, happened: &Happened) -> Verdict {
        let work = &self.place.work;
        let may_be_its_own = match verdict.scope {
            Scope::Account(Fault::Sender) => true, // each run has a sender of its own
            Scope::Account(Fault::Login | Fault::Quota) => happened.stage != Stage::Mail,
            _ => false,
        };
        let rules = &work.account.rules;
        let ruled = happened
            .reply
            .as_ref()
            .is_some_and(|reply| verdict::is_ruled(rules, happened.stage, reply));
        if may_be_its_own && !ruled && !work.is_to_blame(task.row.id) {
            return Verdict {
                scope: Scope::Message,
                decision: Decision::Later,
                lesson: None,
            };
        }
        verdict
    }

    /// Takes to heart what the server said about its connections, if it did while one was used.
    fn learn(&mut self, verdict: Verdict, text: &str) -> Option<Lesson> {
        let work = &self.place.work;
        let lesson = verdict.lesson.filter(|_| verdict.scope == Scope::Session)?;
        let carried = self.line.as_ref().map_or(0, Line::carried);
        let others = work.state().connections.saturating_sub(1);
        match lesson {
            Lesson::MessagesPerConnection if carried > 0 => {
                let now = work.tools.clock.ticks();
                work.state().limits.enough_messages(carried, now);
            }
            Lesson::Connections if others > 0 => {
                work.enough_connections(others, text);
                self.retires = true;
            }
            _ => return None,
        }
        Some(lesson)
    }

    /// The server answered to the end of data.
    pub(super) fn answered(&mut self, task: &Task, reply: &Reply) {
        let verdict = verdict::judge(&self.place.work.account.rules, Stage::Dot, reply);
        self.ended_at_dot(task, verdict, Happened::reply(Stage::Dot, reply));
    }

    /// The session ended while the body was on its way, or its answer.
    pub(super) fn broken(&mut self, task: &Task, error: &SmtpError) {
        let happened = Happened::error(error);
        if error.in_doubt {
            self.line = None;
            self.end(&task.row, &Outcome::Uncertain, &happened);
            return self.place.work.broke(&error.to_string());
        }
        let verdict = verdict::judge_error(&self.place.work.account.rules, error);
        self.ended_at_dot(task, verdict, happened);
        self.line = None;
    }

    fn ended_at_dot(&mut self, task: &Task, verdict: Verdict, happened: Happened) {
        let work = Arc::clone(&self.place.work);
        let text = happened.at_stage();
        let goodbye = happened.reply.clone().filter(|reply| reply.code == 421);
        let verdict = self.weigh(task, verdict, &happened);
        if matches!(verdict.scope, Scope::Recipient | Scope::Message) {
            work.good();
            if self.is_too_many(task, verdict) {
                let next_at = work.tools.clock.now().as_millisecond();
                return self.end(&task.row, &Outcome::NotSent { next_at }, &happened);
            }
            return self.conclude(task, verdict, happened);
        }
        let learned = self.learn(verdict, &text);
        self.line = None;
        if learned.is_some() {
            let next_at = work.tools.clock.now().as_millisecond();
            return self.end(&task.row, &Outcome::NotSent { next_at }, &happened);
        }
        self.conclude(task, verdict, happened);
        match (verdict.scope, goodbye) {
            (Scope::Account(fault), _) => work.fault(fault, &text),
            (_, Some(reply)) => work.goodbye(&reply, &text),
            _ => work.broke(&text),
        }
    }

    /// Records what follows from a verdict.
    fn conclude(&mut self, task: &Task, verdict: Verdict, what: Happened) {
        let row = &task.row;
        let about_it = matches!(verdict.scope, Scope::Recipient | Scope::Message);
        self.place.work.heard(task, verdict, what.reply.as_ref());
        let next_at = self.next_at(task, about_it);
        let outcome = match verdict.decision {
            Decision::Accept => {
                self.place.work.took_one();
                Outcome::Accepted
            }
            Decision::Never => Outcome::Rejected { suppress: false },
            // What is said of a message to several people is about none of them.
            Decision::Gone => Outcome::Rejected {
                suppress: !row.grouped,
            },
            Decision::Later if !about_it && self.report.body() == Body::Gone => {
                Outcome::NotSent { next_at }
            }
            Decision::Later if matches!(verdict.scope, Scope::Account(_)) => {
                return self.give_back_used(row, next_at);
            }
            Decision::Later => Outcome::Deferred { next_at },
        };
        self.end(row, &outcome, &what);
    }

    /// When to try again. What is not its own fault does not make its waits longer.
    pub(super) fn next_at(&self, task: &Task, about_it: bool) -> i64 {
        let clock = &self.place.work.tools.clock;
        let tries = task.row.each().map(|row| row.tries).max();
        let step = tries.filter(|_| about_it).unwrap_or(0);
        let wait = clock.jittered(task.head.wait_after(step), 20);
        (clock.now() + wait).as_millisecond()
    }

    /// The arm was refused: the row is where it belongs already.
    pub(super) fn withdrawn(&mut self, row: &Claimed, refusal: ArmRefusal) {
        let work = &self.place.work;
        tracing::info!(
            account = work.account.name,
            run = row.run_id,
            "a message was held back before its body: {refusal:?}"
        );
        work.used(row);
        self.report.end();
    }

    pub(super) fn invalid(&mut self, row: &Claimed, why: String) {
        self.end(row, &Outcome::Invalid, &Happened::here(Stage::Connect, why));
    }

    /// Hands the end of a try to the outbox; it is confirmed before the next arm.
    pub(super) fn end(&mut self, row: &Claimed, outcome: &Outcome, happened: &Happened) {
        self.report.submit(row, outcome, happened);
        self.ended(row);
    }

    /// All who share the message have heard.
    pub(super) fn ended(&mut self, row: &Claimed) {
        let work = &self.place.work;
        work.used(row);
        work.note_answered();
        self.report.end();
    }

    /// The account cannot be used: the row goes back as it was, and the account rests.
    pub(super) fn account_fault(&mut self, row: &Claimed, fault: Fault, text: &str) {
        self.give_back(row);
        self.place.work.fault(fault, text);
    }

    /// The server saw nothing of it.
    pub(super) fn give_back(&mut self, row: &Claimed) {
        self.place.work.give_back(slice::from_ref(row));
        self.report.end();
    }

    pub(super) fn give_back_at_once(&mut self, row: &Claimed) {
        let now = self.place.work.tools.clock.now();
        self.give_back_used(row, now.as_millisecond());
    }

    /// The server saw its envelope, but the fault is not its own. Others go first next time: it may
    /// be this one that the server minds.
    fn give_back_used(&mut self, row: &Claimed, next_at: i64) {
        self.place.work.give_back_told(row, Some(next_at));
        self.report.end();
    }
}
