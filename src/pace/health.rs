//! Rests after trouble with an account: nobody knocks at a closed door all day, and a password
//! that was refused is not tried by every lane.

use std::time::Duration;

/// Waits after trouble on the way to the server, in seconds; the last one repeats.
const TROUBLE: [u64; 7] = [2, 5, 10, 30, 60, 120, 300];
/// Waits after a refused login, in seconds: more of them lock accounts.
const LOGIN: [u64; 4] = [60, 300, 900, 3600];
/// Waits after a server said that a quota is used up, in seconds.
const QUOTA: [u64; 3] = [300, 900, 3600];

/// Whether an account may be used, and when again.
#[derive(Debug, Default)]
pub struct Health {
    /// Whether anybody has got through to it yet.
    proven: bool,
    /// How often in a row, for each reason.
    failures: [usize; 5],
    rest: Option<Rest>,
    until: Duration,
}

/// Why an account rests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Rest {
    /// It cannot be reached, or closes on us.
    Trouble,
    /// The login was refused.
    Login,
    /// It takes no more for now.
    Quota,
    /// It takes more, but not so fast.
    Haste,
    /// What is needed to sign its mail cannot be had.
    Key,
}

impl Health {
    /// Something is wrong with the account, not with a message. Faults of lanes that were already
    /// on their way count as one. `spread` makes the wait longer or shorter by chance.
    pub fn fault(
        &mut self,
        now: Duration,
        why: Rest,
        spread: impl FnOnce(Duration) -> Duration,
    ) -> Duration {
        if self.rest == Some(why) && now < self.until {
            return self.until - now;
        }
        let ladder: &[u64] = match why {
            Rest::Trouble | Rest::Haste | Rest::Key => &TROUBLE,
            Rest::Login => &LOGIN,
            Rest::Quota => &QUOTA,
        };
        let failures = &mut self.failures[why as usize];
        let wait = spread(Duration::from_secs(
            ladder[(*failures).min(ladder.len() - 1)],
        ));
        *failures += 1;
        // A graver trouble is not cut short by a lighter one.
        if now + wait > self.until {
            self.rest = Some(why);
            self.until = now + wait;
        }
        self.until - now
    }

    /// A session was opened, with login: more may be. Returns whether that is news.
    pub fn reached(&mut self) -> bool {
        !std::mem::replace(&mut self.proven, true)
    }

    /// The account works.
    pub fn good(&mut self) {
        *self = Self {
            proven: true,
            ..Self::default()
        };
    }

    /// How long the account rests from `now` on.
    #[must_use]
    pub fn rests(&self, now: Duration) -> Option<Duration> {
        (self.rest.is_some() && now < self.until).then(|| self.until - now)
    }

    /// Whether it rests for this reason.
    #[must_use]
    pub fn rests_for(&self, why: Rest, now: Duration) -> bool {
        self.rest == Some(why) && now < self.until
    }

    /// What it rests for may be mended: it is tried once more now.
    pub fn try_now(&mut self) {
        self.until = Duration::ZERO;
    }

    /// Whether others should do its work: what is wrong is not over in a moment. A server that asks
    /// for less still serves, and nobody else has its key.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        let times = |why: Rest| self.failures[why as usize];
        times(Rest::Login) > 0 || times(Rest::Quota) > 0 || times(Rest::Trouble) > 1
    }

    /// Whether nothing good is known yet, or trouble: then one lane at a time tries.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.rest.is_some() || !self.proven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_lane_tries_until_a_session_was_opened() {
        let mut health = Health::default();
        assert!(health.is_doubtful());
        assert!(health.reached() && !health.reached());
        assert!(!health.is_doubtful());
    }

    #[test]
    fn a_lighter_trouble_does_not_cut_a_graver_rest_short() {
        let mut health = Health::default();
        let at = Duration::from_secs;
        health.fault(at(0), Rest::Login, |wait| wait);
        assert_eq!(health.fault(at(1), Rest::Trouble, |wait| wait), at(59));
        assert_eq!(health.rests(at(59)), Some(at(1)));
        assert_eq!(health.fault(at(61), Rest::Login, |wait| wait), at(300));
    }

    #[test]
    fn one_trouble_is_no_failure_yet() {
        let at = Duration::from_secs;
        let fails = |why, times: u64| {
            let mut health = Health::default();
            (0..times).for_each(|n| {
                health.fault(at(1000 * n), why, |wait| wait);
            });
            health.is_failing()
        };
        assert!(!fails(Rest::Trouble, 1) && fails(Rest::Trouble, 2));
        assert!(fails(Rest::Login, 1) && fails(Rest::Quota, 1));
        assert!(!fails(Rest::Haste, 9) && !fails(Rest::Key, 9));
    }

    #[test]
    fn one_that_may_be_mended_is_tried_once_and_rests_longer_if_it_is_not() {
        let mut health = Health::default();
        let at = Duration::from_secs;
        health.fault(at(0), Rest::Login, |wait| wait);
        assert!(health.rests_for(Rest::Login, at(1)));
        health.try_now();
        assert!(health.rests(at(1)).is_none() && health.is_doubtful() && health.is_failing());
        assert_eq!(health.fault(at(2), Rest::Login, |wait| wait), at(300));
    }

    #[test]
    fn rests_grow_and_end_with_the_first_success() {
        let mut health = Health::default();
        let at = Duration::from_secs;
        assert_eq!(health.fault(at(0), Rest::Trouble, |wait| wait), at(2));
        assert_eq!(
            health.fault(at(1), Rest::Trouble, |wait| wait),
            at(1),
            "the same trouble"
        );
        assert_eq!(health.fault(at(3), Rest::Trouble, |wait| wait), at(5));
        assert_eq!(health.rests(at(4)), Some(at(4)));
        assert!(health.rests(at(8)).is_none() && health.is_doubtful());
        health.good();
        assert!(!health.is_doubtful());
        assert_eq!(health.fault(at(9), Rest::Login, |wait| wait), at(60));
    }
}
