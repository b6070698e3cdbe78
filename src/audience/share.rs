//! How far a number of people or rows may be from the one before it.

use std::fmt;

/// A share of something, in percent: `50%`. More than all of it is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(
    /// At least 1.
    pub u32,
);

impl Share {
    /// Whether `now` differs from `before` by no more than this share of `before`.
    #[must_use]
    pub fn allows(self, before: u64, now: u64) -> bool {
        u128::from(before.abs_diff(now)) * 100 <= u128::from(before) * u128::from(self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}
