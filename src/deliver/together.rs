//! A message to several people: what the server says to each of them.
//!
//! To MAIL, DATA and the end of data there is one answer for all. To RCPT each has their own, and
//! the message goes to those whom the server takes; what it says about another one is that
//! recipient's end, or leads to a transaction of their own with the same bytes. Where the server
//! finds them too many, half of them go on and the others come next. A transaction is one message
//! to the rates and to the breaker of its run.

use std::sync::Arc;

use lettre::Address;

use super::carry::{Next, Task};
use super::lane::Lane;
use super::line::Line;
use super::report::Happened;
use super::verdict::{self, Decision, Fault, Lesson, Scope, Verdict};
use crate::outbox::{Claimed, Outcome};
use crate::smtp::{Reply, Stage};

/// What a recipient who was not taken is in for.
enum Fate {
    /// This is their end, or they are tried again later.
    End(Outcome),
    /// They go into another transaction from this time on (milliseconds), no attempt burnt.
    Next(i64),
}

impl Lane {
    /// The server takes the body for some: the others are out of this transaction.
    pub(super) fn seat(&mut self, task: &mut Task, replies: &[Reply]) {
        let taken: Vec<bool> = replies.iter().map(Reply::takes_recipient).collect();
        if taken.iter().all(|it| *it) {
            return;
        }
        let work = Arc::clone(&self.place.work);
        let rows = task.row.apart();
        let (mut ends, mut fault) = (Vec::new(), None);
        for (row, reply) in rows
            .iter()
            .zip(replies)
            .filter(|it| !it.1.takes_recipient())
        {
            let happened = Happened::reply(Stage::Rcpt, reply);
            let verdict = verdict::judge(&work.account.rules, Stage::Rcpt, reply);
            if let Scope::Account(of @ (Fault::Server | Fault::Quota | Fault::Rate)) = verdict.scope
            {
                fault.get_or_insert((of, happened.at_stage()));
            }
            match self.fate(task, verdict) {
                Fate::End(outcome) => ends.push((row, outcome, happened)),
                Fate::Next(at) => work.release(std::slice::from_ref(row), Some(at)),
            }
        }
        same_time(&mut ends);
        self.report.submit_all(ends.into_iter());
        self.go_on_with(task, &taken);
        if let Some((fault, text)) = fault {
            work.fault(fault, &text);
        }
    }

    /// What follows for one who was not taken while others were.
    fn fate(&self, task: &Task, verdict: Verdict) -> Fate {
        let now = self.place.work.tools.clock.now().as_millisecond();
        match (verdict.scope, verdict.lesson) {
            (_, Some(Lesson::Recipients)) | (Scope::Session, _) => Fate::Next(now),
            (Scope::Account(Fault::Server | Fault::Quota | Fault::Rate), _) => {
                Fate::Next(self.next_at(task, false))
            }
            // Who we are and whom it is from was good enough for the others.
            _ => Fate::End(self.end_of(task, verdict)),
        }
    }

    fn end_of(&self, task: &Task, verdict: Verdict) -> Outcome {
        match verdict.decision {
            Decision::Never => Outcome::Rejected { suppress: false },
            Decision::Gone => Outcome::Rejected { suppress: true },
            Decision::Later | Decision::Accept => Outcome::Deferred {
                next_at: self.next_at(task, true),
            },
        }
    }

    /// The server takes the body for nobody.
    pub(super) fn refused(
        &mut self,
        task: &mut Task,
        (stage, reply): (Stage, &Reply),
        recipients: &[Reply],
    ) -> Next {
        let work = Arc::clone(&self.place.work);
        let rules = &work.account.rules;
        let for_all = (
            verdict::judge(rules, stage, reply),
            Happened::reply(stage, reply),
        );
        if task.row.companions.is_empty() || stage == Stage::Mail {
            return self.not_taken(task, for_all.0, for_all.1);
        }
        let judged: Vec<Option<Verdict>> = recipients
            .iter()
            .map(|own| (!own.takes_recipient()).then(|| verdict::judge(rules, Stage::Rcpt, own)))
            .collect();
        let is_own = |it: &Option<Verdict>| {
            it.is_some_and(|it| matches!(it.scope, Scope::Recipient | Scope::Message))
        };
        let others: Vec<bool> = judged.iter().map(|it| !is_own(it)).collect();
        let rows = task.row.apart();
        let own = rows.iter().zip(recipients).zip(&judged);
        let own = own.filter(|(_, judged)| is_own(judged));
        let mut ends: Vec<_> = own
            .filter_map(|((row, reply), judged)| {
                let outcome = self.end_of(task, (*judged)?);
                Some((row, outcome, Happened::reply(Stage::Rcpt, reply)))
            })
            .collect();
        same_time(&mut ends);
        let all_own = ends.len() == rows.len();
        self.report.submit_all(ends.into_iter());
        if all_own {
            work.good();
            work.heard(task, for_all.0, Some(reply));
            self.ended(&task.row);
            return Next::Done;
        }
        self.go_on_with(task, &others);
        // Where nobody was taken, the first of the others speaks for them.
        let first = (others.iter().zip(judged).zip(recipients))
            .find_map(|((other, judged), reply)| Some((judged.filter(|_| *other)?, reply)));
        match first.filter(|_| stage == Stage::Rcpt) {
            Some((verdict, reply)) => {
                self.not_taken(task, verdict, Happened::reply(Stage::Rcpt, reply))
            }
            None => self.not_taken(task, for_all.0, for_all.1),
        }
    }

    /// Offers no more people at once than the server takes: the others wait, as they were, for a
    /// transaction of their own.
    pub(super) fn shorten(&mut self, task: &mut Task) {
        let work = Arc::clone(&self.place.work);
        let most = self.line.as_ref().map_or(usize::MAX, Line::recipients_max);
        let most = work.state().sharing(&task.row, most, &work);
        let rows = task.row.apart();
        if most < rows.len() {
            let now = work.tools.clock.now().as_millisecond();
            work.release(&rows[most..], Some(now));
            let places: Vec<bool> = (0..rows.len()).map(|at| at < most).collect();
            self.go_on_with(task, &places);
        }
    }

    /// Whether the server finds that the message goes to too many, and fewer may do.
    pub(super) fn is_too_many(&self, task: &Task, verdict: Verdict) -> bool {
        let people = task.row.each().count();
        let too_many = verdict.lesson == Some(Lesson::Recipients) && people > 1;
        if too_many {
            let work = &self.place.work;
            let now = work.tools.clock.ticks();
            work.state().limits.too_many_recipients(people, now);
        }
        too_many
    }

    /// The server cannot be given mail for one whom the message does not name: that is their own
    /// end, and the others go on. False if nobody else is there.
    pub(super) fn go_on_without(&mut self, task: &mut Task, to: &Address, why: &str) -> bool {
        let places = task.others_than(to);
        let gone = places.iter().position(|stays| !stays);
        let Some(gone) = gone.filter(|_| places.len() > 1) else {
            return false;
        };
        let row = task.row.apart().swap_remove(gone);
        let happened = Happened::here(Stage::Rcpt, why.to_owned());
        self.report.submit(&row, &Outcome::Invalid, &happened);
        self.go_on_with(task, &places);
        true
    }

    fn go_on_with(&mut self, task: &mut Task, places: &[bool]) {
        task.keep(places);
        self.place.keep(&task.row);
    }
}

/// Those who are tried again later are tried at one time, in one transaction.
fn same_time(ends: &mut [(&Claimed, Outcome, Happened)]) {
    let mut first = None;
    for (_, outcome, _) in ends {
        if let Outcome::Deferred { next_at } = outcome {
            *next_at = *first.get_or_insert(*next_at);
        }
    }
}
