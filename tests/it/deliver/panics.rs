//! A bug in the midst of a lane: whatever it is, it costs one connection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::{people, taken};
use crate::world::office::{Office, Plan, jump, until};

/// A log that is the bug: it panics at the first three messages that it is to tell of. Who tells is
/// the lane.
#[derive(Clone, Default)]
struct Bug {
    told: Arc<AtomicUsize>,
}

impl Subscriber for Bug {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut said = Said(String::new());
        event.record(&mut said);
        if said.0.contains(": sent to ") {
            let before = self.told.fetch_add(1, Ordering::Relaxed);
            assert!(before >= 3, "a bug");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Said(String);

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Office {
    fn count(&self, state: &str) -> usize {
        self.states().iter().filter(|it| *it == state).count()
    }
}

/// A42: another connection takes over, and the run goes on to its end. A message that the lane had
/// armed may have been on its way, for all that anybody knows: it comes into doubt.
#[tokio::test]
async fn a_panic_in_a_lane_ends_its_connection_and_nothing_else() {
    let bug = Bug::default();
    // If there were one only, tracing would ask the log of whichever test comes to a line first
    // whether anybody wants it, and most have none.
    let _second = Dispatch::new(Bug::default());
    let _log = tracing::subscriber::set_default(bug.clone());
    let mut office = Office::new(Plan {
        account: "connections = 2",
        schedule: "on_uncertain = \"hold\"",
        ..Plan::default()
    })
    .await;
    let people = people(20);
    office.send(&people).await;
    until("the end but for three", || {
        office.count("accepted") + office.count("armed") == 20
    })
    .await;
    assert!(office.trouble().is_none(), "{:?}", office.trouble());
    office.drain_during(Duration::ZERO).await; // lanes that live hear their answers
    let armed = office.count("armed");
    assert!(armed <= 3, "one for each panic: {armed}");
    assert!(bug.told.load(Ordering::Relaxed) > 3, "no lane came after");
    jump(Duration::from_secs(3 * 3600)).await; // past all leases
    office.sweep().await;
    assert_eq!(office.count("uncertain"), armed, "{:?}", office.states());
    assert_eq!(office.count("accepted"), 20 - armed);
    let mut taken = taken(&office);
    assert_eq!(taken.len(), 20 - armed);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 20 - armed, "nobody twice");
}
