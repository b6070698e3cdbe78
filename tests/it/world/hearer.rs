//! Hearing the log line by line, as it is written.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// The log of this thread is heard for as long as this lives.
pub(crate) struct Hearing {
    /// If there were one only, tracing would ask the log of whichever test comes to a line first
    /// whether anybody wants it, and most have none.
    _second: Dispatch,
    _guard: DefaultGuard,
}

/// Calls `hear` with each line, in which all fields of the event stand: `event="sent" message=… `.
pub(crate) fn hear(hear: impl Fn(String) + Send + Sync + 'static) -> Hearing {
    Hearing {
        _second: Dispatch::new(Hearer(drop)),
        _guard: tracing::subscriber::set_default(Hearer(hear)),
    }
}

struct Hearer<F>(F);

impl<F: Fn(String) + Send + Sync + 'static> Subscriber for Hearer<F> {
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
        (self.0)(line.0);
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
