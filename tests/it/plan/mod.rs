//! From a calendar and lists to runs, in virtual time.

mod asking;
mod change;
mod firing;
mod forecast;
mod former;
mod local;
mod once;
mod opening;
mod pace;
mod roll;
mod standing;

use std::path::Path;
use std::sync::Arc;

use postroom::clock::Clock;
use postroom::config::Config;
use postroom::outbox::{DeliveryRow, Filter, Outbox, RunRow};

use crate::world::bench::start;
use crate::world::house::House;

const ACCOUNT: &str =
    "[account.ops]\nhost = \"mx.example.org\"\nfrom = \"Ops <ops@example.org>\"\n";

/// A schedule `hello` to `people`, with further lines of its own.
fn hello(more: &str) -> String {
    format!(
        "{ACCOUNT}[list.people]\ncsv = \"people.csv\"\n
         [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n{more}\n"
    )
}

struct Desk {
    house: House,
    clock: Clock,
    outbox: Outbox,
}

impl Desk {
    fn new() -> Self {
        let house = House::new();
        house.people(&["ada@example.org"]);
        let clock = Clock::simulated(start(), 1);
        let outbox = Outbox::open_inline(house.path(), clock.clone()).unwrap();
        Self {
            house,
            clock,
            outbox,
        }
    }

    fn config(&self, text: &str) -> Arc<Config> {
        self.house.config(text)
    }

    fn state(&self) -> &Path {
        self.house.path()
    }

    /// Oldest first.
    fn runs(&self) -> Vec<RunRow> {
        let mut runs = self
            .outbox
            .reader()
            .unwrap()
            .runs(None, None, 1000)
            .unwrap();
        runs.reverse();
        runs
    }

    /// Occurrence and state of each run of a schedule, by occurrence.
    fn occurrences(&self, schedule: &str) -> Vec<(String, String)> {
        let runs = self
            .runs()
            .into_iter()
            .filter(|run| run.schedule == schedule);
        let mut all: Vec<_> = runs.map(|run| (run.occurrence, run.state)).collect();
        all.sort();
        all
    }

    fn rows(&self, run: &str) -> Vec<DeliveryRow> {
        let states = postroom::outbox::state::State::ALL;
        let filter = Filter {
            states: states.iter().map(|state| state.name().to_owned()).collect(),
            run: Some(run.to_owned()),
            ..Filter::default()
        };
        self.outbox.reader().unwrap().deliveries(&filter).unwrap()
    }
}
