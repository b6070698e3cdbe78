//! Whether a server bears several commands in one write: a group (RFC 2920), and the next group in
//! the same write as a body.
//!
//! Servers that offer PIPELINING take groups, but for a few that do not mean it. RFC 2920 section
//! 3.1 allows a body to be followed by the next commands, and most servers take it. Some answer 503
//! to the MAIL that came along (Haraka, against smuggling); others may close. So one session at a
//! time tries it first, and what it learns holds for all sessions of the account. A word against it
//! holds for as long as this process lives; ends of sessions may have had another reason, and are
//! forgiven after a while.

use std::sync::{Arc, Mutex, MutexGuard};

/// So many sessions may end in the first try before it is given up.
const STRIKES: u8 = 2;
/// After so many messages without it, it is tried once more.
const PAUSE: u32 = 10_000;
/// The same, where the try left a message in doubt.
const PAUSE_AFTER_DOUBT: u32 = 100_000;

/// What is known of one server. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Chaining {
    groups: Known,
    bodies: Known,
}

#[derive(Clone, Debug, Default)]
struct Known(Arc<Mutex<Trust>>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trust {
    Untried {
        strikes: u8,
    },
    Trying {
        strikes: u8,
    },
    Proven,
    /// Not now: sessions ended in the try.
    Paused {
        messages: u32,
    },
    Refused,
}

impl Default for Trust {
    fn default() -> Self {
        Self::Untried { strikes: 0 }
    }
}

impl Chaining {
    /// Chaining that is never tried.
    #[must_use]
    pub fn never() -> Self {
        let chaining = Self::default();
        *chaining.bodies.trust() = Trust::Refused;
        chaining
    }

    /// Permission to chain once, if it is known to work or nobody else is trying.
    pub(super) fn attempt(&self) -> Option<Attempt> {
        self.bodies.attempt()
    }

    /// Permission to send one group, if that is known to work or nobody else is trying.
    pub(super) fn group(&self) -> Option<Attempt> {
        self.groups.attempt()
    }

    /// Whether the server offers PIPELINING and does not mean it.
    pub(super) fn groups_are_refused(&self) -> bool {
        matches!(*self.groups.trust(), Trust::Paused { .. } | Trust::Refused)
    }
}

impl Known {
    fn attempt(&self) -> Option<Attempt> {
        let mut trust = self.trust();
        match *trust {
            Trust::Untried { strikes } => *trust = Trust::Trying { strikes },
            Trust::Paused { messages: 0 } => {
                *trust = Trust::Trying {
                    strikes: STRIKES - 1,
                };
            }
            Trust::Paused { messages } => {
                *trust = Trust::Paused {
                    messages: messages - 1,
                };
                return None;
            }
            Trust::Proven => {}
            Trust::Trying { .. } | Trust::Refused => return None,
        }
        Some(Attempt(self.clone()))
    }

    fn trust(&self) -> MutexGuard<'_, Trust> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// One use of it. Dropped without a word, it has taught nothing.
pub(super) struct Attempt(Known);

impl Attempt {
    /// Whether nobody knows yet how the server takes it.
    pub(super) fn is_first(&self) -> bool {
        matches!(*self.0.trust(), Trust::Trying { .. })
    }

    /// The server took the commands.
    pub(super) fn worked(self) {
        let mut trust = self.0.trust();
        if matches!(*trust, Trust::Trying { .. }) {
            *trust = Trust::Proven; // what another session has learned meanwhile stands
        }
    }

    /// The server minds. Where it is known to have worked it may be another server now, and is left
    /// for a while.
    pub(super) fn refused(self) {
        let mut trust = self.0.trust();
        *trust = match *trust {
            Trust::Proven | Trust::Paused { .. } => Trust::Paused { messages: PAUSE },
            _ => Trust::Refused,
        };
    }

    /// The session ended. One may; and where it is known to work, it was something else.
    pub(super) fn ended_the_session(self, in_doubt: bool) {
        let mut trust = self.0.trust();
        if let Trust::Trying { strikes } = *trust {
            *trust = if in_doubt {
                Trust::Paused {
                    messages: PAUSE_AFTER_DOUBT,
                }
            } else if strikes + 1 >= STRIKES {
                Trust::Paused { messages: PAUSE }
            } else {
                Trust::Untried {
                    strikes: strikes + 1,
                }
            };
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut trust = self.0.trust();
        if let Trust::Trying { strikes } = *trust {
            *trust = Trust::Untried { strikes };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_tries_first_and_all_learn_from_it() {
        let chaining = Chaining::default();
        let first = chaining.attempt().unwrap();
        assert!(first.is_first() && chaining.attempt().is_none());
        drop(first); // it had nothing to chain
        chaining.attempt().unwrap().worked();
        let (one, two) = (chaining.attempt().unwrap(), chaining.attempt().unwrap());
        assert!(!one.is_first());
        one.ended_the_session(true);
        two.refused();
        assert!(chaining.attempt().is_none());
        let late = Attempt(chaining.bodies.clone());
        late.worked(); // its answer was on the way
        assert!(chaining.attempt().is_none());
    }

    #[test]
    fn a_first_try_that_leaves_a_doubt_is_the_last() {
        let chaining = Chaining::default();
        chaining.attempt().unwrap().ended_the_session(true);
        assert!(chaining.attempt().is_none());
        assert!(Chaining::never().attempt().is_none());
    }

    #[test]
    fn one_that_fails_twice_is_left_for_a_while() {
        let chaining = Chaining::default();
        chaining.attempt().unwrap().ended_the_session(false);
        for round in 0..2 {
            chaining.attempt().unwrap().ended_the_session(false);
            for message in 0..PAUSE {
                assert!(chaining.attempt().is_none(), "{round}: {message}");
            }
        }
        chaining.attempt().unwrap().worked();
        assert!(!chaining.attempt().unwrap().is_first());
    }
}
