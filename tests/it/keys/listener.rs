//! The log, as it is written while a test runs.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Hears what is logged on its thread.
pub(super) struct Listener {
    ear: Ear,
    /// If there were one only, tracing would ask the log of whichever test comes to a line first
    /// whether anybody wants it, and most have none.
    _second: Dispatch,
    _guard: DefaultGuard,
}

impl Listener {
    pub(super) fn new() -> Self {
        let ear = Ear::default();
        Self {
            _second: Dispatch::new(Ear::default()),
            _guard: tracing::subscriber::set_default(ear.clone()),
            ear,
        }
    }

    /// The lines with these words, each with all its fields.
    pub(super) fn lines(&self, words: &str) -> Vec<String> {
        let heard = self.ear.0.lock().unwrap();
        let lines = heard.iter().filter(|line| line.contains(words));
        lines.cloned().collect()
    }
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<String>>>);

impl Subscriber for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}
