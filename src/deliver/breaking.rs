//! Stops a run whose messages are refused too often, until a person lets it go on.

use std::collections::HashMap;
use std::sync::Mutex;

use super::account::AccountWork;
use super::carry::Task;
use super::verdict::{Decision, Verdict};
use crate::outbox::{BREAKER, Claimed, Hold, RunNo, Scope};
use crate::pace::{Answer, Breaker, Tripped};
use crate::smtp::Reply;

/// Breakers of so many runs are remembered.
const KEPT: usize = 4096;

/// What servers write to a message that they refuse for reasons of policy, without an enhanced
/// code that says so.
const POLICY: [&str; 7] = [
    "spam",
    "policy",
    "blocked",
    "blacklist",
    "block list",
    "reputation",
    "dmarc",
];

/// The breakers of the runs that are being sent.
#[derive(Default)]
pub(super) struct Breakers(Mutex<HashMap<RunNo, Breaker>>);

impl Breakers {
    fn heard(&self, run: RunNo, taken_before: bool, answer: Answer) -> Option<Tripped> {
        let mut all = self.0.lock().expect("no holder of this lock panics");
        if all.len() >= KEPT && !all.contains_key(&run) {
            all.clear(); // rare: then they count from here
        }
        let breaker = all.entry(run);
        breaker
            .or_insert_with(|| Breaker::new(taken_before))
            .heard(answer)
    }
}

impl AccountWork {
    /// Tells the breaker of a run what became of one of its messages.
    pub(super) fn heard(&self, task: &Task, verdict: Verdict, reply: Option<&Reply>) {
        let answer = match (verdict.decision, reply) {
            (Decision::Accept, _) => Answer::Taken,
            (Decision::Later, _) | (_, None) => return,
            (Decision::Never, Some(reply)) if is_policy(reply) => Answer::Policy,
            (Decision::Never | Decision::Gone, _) => Answer::Refused,
        };
        let (run, taken) = (task.row.id.run, task.head.taken_before());
        if let Some(tripped) = self.tools.breakers.heard(run, taken, answer) {
            let reply = reply.map_or_else(String::new, |reply| format!("; the last: {reply}"));
            self.stop_run(&task.row, tripped, &reply);
        }
    }

    fn stop_run(&self, row: &Claimed, tripped: Tripped, last: &str) {
        let (run, schedule) = (&row.run_id, &row.schedule);
        tracing::error!(
            event = "run-held",
            schedule,
            run,
            account = self.account.name,
            "{schedule} is on hold: {tripped}; `postroom release {run}` lets it go on{last}"
        );
        let hold = Hold {
            scope: Scope::Run(run.clone()),
            reason: format!("{tripped}{last}"),
            author: BREAKER.to_owned(),
            ends_at: None,
        };
        drop(self.tools.outbox.submit(hold));
        self.give_back_run(row.id.run);
    }

    /// Gives what no lane has taken of a run back.
    pub(super) fn give_back_run(&self, run: RunNo) {
        let mut state = self.state();
        let mut of_run = Vec::new();
        state.ready.retain(|it| {
            let own = it.id.run == run;
            of_run.extend(own.then(|| it.clone()));
            !own
        });
        drop(state);
        self.give_back(&of_run);
    }
}

/// RFC 3463: X.7.X is security or policy.
fn is_policy(reply: &Reply) -> bool {
    match reply.enhanced {
        Some(enhanced) => enhanced.1 == 7,
        None => {
            let text = reply.text.to_lowercase();
            reply.code == 554 && POLICY.iter().any(|word| text.contains(word))
        }
    }
}
