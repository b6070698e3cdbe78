//! How far windows are used up, for those who look ahead.

use std::time::Duration;

use super::window::{self, Size};
use crate::config::Rate;

/// One window of a meter, and what was used of it lately.
#[derive(Clone, Debug, PartialEq)]
pub struct Used {
    /// Whose window it is.
    pub rate: Rate,
    /// So many may begin in each window.
    pub most: usize,
    /// Its length.
    pub length: Duration,
    /// Uses that count still: how long ago they ended, the oldest first, and how many.
    pub uses: Vec<(Duration, usize)>,
    /// Slots of messages that have not ended.
    pub under_way: usize,
}

impl Used {
    /// How many slots of it are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.under_way + self.uses.iter().map(|(_, count)| count).sum::<usize>()
    }

    /// How many of its slots a run of this size leaves to others.
    #[must_use]
    pub fn spare(&self, size: Size) -> usize {
        window::spare(self.most, self.length, size)
    }
}
