//! The breaker of a run: too many refusals stop it before they burn its list and the sender's name.

use std::collections::VecDeque;
use std::fmt;

/// A run whose first so many answers are all refusals stops.
const FIRST: usize = 10;
/// It stops, too, when so many of its last answers were refusals for reasons of policy.
const POLICY: usize = 8;
const LAST: usize = 20;

/// What a server said to one message, in the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It was taken.
    Taken,
    /// It was refused, as its recipient or its content is.
    Refused,
    /// It was refused for a reason of policy (RFC 3463, X.7.X): who sends, or what is sent.
    Policy,
}

/// Why a run stops.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tripped {
    /// Nobody of the first so many was taken.
    First(usize),
    /// So many of the last were refused for reasons of policy.
    Policy(usize, usize),
}

impl fmt::Display for Tripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(count) => write!(f, "the first {count} were all refused"),
            Self::Policy(count, of) => {
                write!(
                    f,
                    "{count} of the last {of} were refused by the server's policy"
                )
            }
        }
    }
}

/// Watches the answers to one run.
#[derive(Debug)]
pub struct Breaker {
    /// So many refusals, if there was nothing else yet.
    first: Option<usize>,
    /// Whether each of the last was refused for reasons of policy.
    last: VecDeque<bool>,
}

impl Breaker {
    /// Watches from now on; `taken` says whether anything was taken before.
    #[must_use]
    pub fn new(taken: bool) -> Self {
        Self {
            first: (!taken).then_some(0),
            last: VecDeque::with_capacity(LAST),
        }
    }

    /// One more answer. Once it has tripped it begins anew, for a run that is let go on.
    pub fn heard(&mut self, answer: Answer) -> Option<Tripped> {
        self.first = match self.first {
            Some(count) if answer != Answer::Taken => Some(count + 1),
            _ => None,
        };
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(answer == Answer::Policy);
        let policy = self.last.iter().filter(|policy| **policy).count();
        let tripped = if policy >= POLICY {
            Tripped::Policy(policy, self.last.len())
        } else if self.first.is_some_and(|count| count >= FIRST) {
            Tripped::First(FIRST)
        } else {
            return None;
        };
        *self = Self::new(self.first.is_none());
        Some(tripped)
    }
}

#[cfg(test)]
mod tests {
    use super::Answer::{Policy, Refused, Taken};
    use super::*;

    fn trips(taken: bool, answers: &[Answer]) -> Vec<(usize, Tripped)> {
        let mut breaker = Breaker::new(taken);
        let heard = answers.iter().map(|answer| breaker.heard(*answer));
        let tripped = heard.enumerate().filter_map(|(n, it)| Some((n + 1, it?)));
        tripped.collect()
    }

    #[test]
    fn ten_refusals_stop_a_run_that_has_only_begun() {
        assert_eq!(trips(false, &[Refused; 9]), []);
        assert_eq!(trips(false, &[Refused; 10]), [(10, Tripped::First(10))]);
        let mut one_taken = [Refused; 40];
        one_taken[9] = Taken;
        assert_eq!(trips(false, &one_taken), []);
        assert_eq!(trips(true, &[Refused; 40]), []);
    }

    #[test]
    fn eight_of_twenty_for_reasons_of_policy_stop_any_run() {
        let mut answers = [Taken; 24];
        for n in [0, 4, 8, 10, 12, 14, 16, 20] {
            answers[n] = Policy;
        }
        assert_eq!(
            trips(true, &answers),
            [],
            "the first is more than twenty ago"
        );
        answers[19] = Policy;
        assert_eq!(trips(true, &answers), [(20, Tripped::Policy(8, 20))]);
        assert_eq!(trips(false, &[Policy; 8]), [(8, Tripped::Policy(8, 8))]);
    }

    #[test]
    fn it_begins_anew_for_a_run_that_was_let_go_on() {
        let twice = [(10, Tripped::First(10)), (20, Tripped::First(10))];
        assert_eq!(trips(false, &[Refused; 20]), twice);
        assert_eq!(trips(true, &[Policy; 9]).len(), 1);
    }
}
