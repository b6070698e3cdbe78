//! What `status` says of a run that does not go on.

use std::time::Duration;

use postroom::clock::Timestamp;
use postroom::daemon::answer::status;
use postroom::plan::{Order, open};

use super::{Desk, hello};

impl Desk {
    fn open_at(&self, more: &str, occurrence: &str, due_at: Timestamp) {
        let config = self.config(&hello(more));
        let order = Order::due("hello", occurrence.to_owned(), due_at);
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        open(&config, &outbox, &clock, &order).unwrap();
    }

    fn said(&self, more: &str) -> Vec<String> {
        let config = self.config(&hello(more));
        let reader = self.outbox.reader().unwrap();
        let status = status(&config, &reader, &self.clock).unwrap();
        let reasons = status.open.into_iter().map(|run| run.reason);
        reasons.map(Option::unwrap_or_default).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_needs_no_word() {
    let desk = Desk::new();
    desk.open_at("", "a", desk.clock.now());
    assert_eq!(desk.said(""), [""]);
}

#[tokio::test(start_paused = true)]
async fn a_late_run_and_one_that_waits_for_it_are_told() {
    let desk = Desk::new();
    let ago = Duration::from_secs(25 * 60);
    desk.open_at("catch_up = \"6h\"", "a", desk.clock.now() - ago);
    desk.open_at("", "b", desk.clock.now());
    let said = desk.said("");
    assert_eq!(said[0], "opened 25 min late");
    let first = &desk.runs()[0].id;
    let wanted = format!("waits until everybody of run {first} was tried");
    assert_eq!(said[1], wanted);
}

#[tokio::test(start_paused = true)]
async fn a_run_outside_its_hours_says_when_it_goes_on() {
    let desk = Desk::new();
    let hours = "between = \"09:00-17:00 Tue-Fri\"\ntimezone = \"Europe/Berlin\"";
    desk.open_at(hours, "a", desk.clock.now()); // Monday
    let told = "outside its hours (`between`): it goes on Tue 2026-06-02 09:00 CEST";
    assert_eq!(desk.said(hours), [told]);
}
