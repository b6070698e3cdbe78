//! The messages that were shown last: their frames are asked for after they were, and a template
//! that has just been broken is still shown as it was.

use std::collections::VecDeque;
use std::sync::Arc;

use super::view::View;

const MOST: usize = 48;

/// The latest come last.
#[derive(Default)]
pub(super) struct Album(VecDeque<(String, Arc<View>)>);

impl Album {
    /// Keeps what was shown for a choice (a template and a row of it).
    pub(super) fn keep(&mut self, choice: &str, view: &Arc<View>) {
        self.0.retain(|it| it.0 != choice);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((choice.to_owned(), Arc::clone(view)));
    }

    /// What was shown last for a choice.
    pub(super) fn last(&self, choice: &str) -> Option<Arc<View>> {
        let found = self.0.iter().find(|it| it.0 == choice);
        found.map(|it| Arc::clone(&it.1))
    }

    /// The message whose HTML, or whose bytes, have this id.
    pub(super) fn by_id(&self, id: &str) -> Option<Arc<View>> {
        let mut latest = self.0.iter().rev();
        let found = latest.find(|it| it.1.id == id || it.1.wire_id == id);
        found.map(|it| Arc::clone(&it.1))
    }
}
