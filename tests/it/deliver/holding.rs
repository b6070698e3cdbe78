//! A hold while mail is going out.

use std::time::Duration;

use postroom::outbox::{Hold, Scope, Unhold};
use postroom::sandbox::Options;

use super::{office_with, people, taken};
use crate::world::office::{lull, until};

#[tokio::test]
async fn after_a_hold_nothing_more_is_armed_and_after_its_release_everybody_gets_it() {
    let server = Options {
        latency: Duration::from_millis(20),
        ..Options::default()
    };
    let office = office_with("connections = 2", server).await;
    let everybody = people(60);
    office.send(&everybody).await;
    until("some", || office.accepted().len() >= 5).await;
    let hold = Hold {
        scope: Scope::All,
        reason: "wrong price".to_owned(),
        author: "uid 0 (root)".to_owned(),
        ends_at: None,
    };
    office.outbox.submit(hold).await.unwrap();
    // What was armed before may still hear its answer, and nothing else.
    until("no message under way", || {
        let states = office.states();
        !states
            .iter()
            .any(|state| state == "armed" || state == "leased")
    })
    .await;
    let before = office.accepted().len();
    assert!(before < everybody.len(), "the hold came in time");
    office.wake();
    lull().await;
    assert_eq!(office.accepted().len(), before);
    let states = office.states();
    let waiting = states.iter().filter(|state| *state == "queued").count();
    assert_eq!(waiting, everybody.len() - before, "no attempt was burnt");

    let release = Unhold {
        scope: Scope::All,
        author: "uid 0 (root)".to_owned(),
    };
    office.outbox.submit(release).await.unwrap();
    office.wake();
    until("everybody", || office.accepted().len() == everybody.len()).await;
    super::each_once(&office, &everybody, taken(&office));
}
