//! The log, as it is written while a test runs.

use std::sync::{Arc, Mutex};

use crate::world::hearer::{Hearing, hear};

/// Hears what is logged on its thread.
pub(super) struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
    _hearing: Hearing,
}

impl Listener {
    pub(super) fn new() -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let lines = Arc::clone(&heard);
        Self {
            heard,
            _hearing: hear(move |line| lines.lock().unwrap().push(line)),
        }
    }

    /// The lines with these words, each with all its fields.
    pub(super) fn lines(&self, words: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let lines = heard.iter().filter(|line| line.contains(words));
        lines.cloned().collect()
    }
}
