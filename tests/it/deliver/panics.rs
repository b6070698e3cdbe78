//! A bug in the midst of a lane: whatever it is, it costs one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{people, taken};
use crate::world::hearer::hear;
use crate::world::office::{Office, Plan, jump, until};

impl Office {
    fn count(&self, state: &str) -> usize {
        self.states().iter().filter(|it| *it == state).count()
    }
}

/// A42: another connection takes over, and the run goes on to its end. A message that the lane had
/// armed may have been on its way, for all that anybody knows: it comes into doubt.
#[tokio::test]
async fn a_panic_in_a_lane_ends_its_connection_and_nothing_else() {
    // The log is the bug: it panics at the first three messages that it is to tell of. Who tells is
    // the lane.
    let told = Arc::new(AtomicUsize::new(0));
    let bug = Arc::clone(&told);
    let _log = hear(move |line| {
        if line.contains(": sent to ") {
            let before = bug.fetch_add(1, Ordering::Relaxed);
            assert!(before >= 3, "a bug");
        }
    });
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
    assert!(told.load(Ordering::Relaxed) > 3, "no lane came after");
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
