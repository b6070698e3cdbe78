//! From a calendar and lists to runs, in virtual time.

mod asking;
mod attachments;
mod change;
mod data;
mod duplicates;
mod except;
mod firing;
mod forecast;
mod former;
mod lengths;
mod local;
mod once;
mod opening;
mod pace;
mod refusals;
mod roll;
mod standing;

use std::path::Path;
use std::sync::Arc;

use postroom::clock::Clock;
use postroom::config::Config;
use postroom::daemon::answer;
use postroom::outbox::{DeliveryRow, Filter, Outbox, RunRow};
use postroom::plan::{OpenError, Opening, Order, RollError, open};

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

    /// Asks what a run would be, and opens it: what is foretold is what happens, word for word.
    fn carry_out(&self, text: &str, order: &Order) -> Result<Opening, OpenError> {
        let config = self.config(&format!("[daemon]\nstate = \".\"\n{text}"));
        let foretold = answer::survey(&config, order, &self.clock);
        let opened = open(&config, &self.outbox, &self.clock, order);
        match (&foretold, &opened) {
            (Ok(told), Ok(opening)) => {
                let done = answer::sent(&config, order, opening.clone());
                assert_eq!(told.people, opening.people());
                assert_eq!(told.duplicates, done.duplicates);
                assert_eq!(told.left_out, done.left_out);
                assert_eq!(told.suppressed, done.suppressed);
                assert_eq!(told.sent_before, done.sent_before);
                assert_eq!(told.invalid_told, done.invalid_told);
                assert_eq!(told.lists, done.lists);
            }
            (Err(told), Err(OpenError::Roll(error))) => {
                assert_eq!(told.to_string(), error.to_string());
            }
            other => panic!("foretold and done differ: {other:?}"),
        }
        opened
    }

    /// The same, which is refused; why, as the outbox keeps it too, with nothing else of it.
    fn turned_down(&self, text: &str, order: &Order) -> RollError {
        let error = self.carry_out(text, order).unwrap_err();
        let OpenError::Roll(error) = error else {
            panic!("the audience is at fault, not {error}");
        };
        let run = self.runs().pop().unwrap();
        assert_eq!(run.state, "failed");
        assert_eq!(run.reason, Some(error.to_string()));
        assert_eq!(run.counts.total(), 0, "nothing of it is left");
        error
    }

    fn by_hand(&self) -> Order {
        Order::manual("hello", &self.clock)
    }

    /// A list of these addresses in a file of its own.
    fn list(&self, name: &str, addresses: &[&str]) {
        let rows: String = addresses.iter().map(|to| format!("{to}\n")).collect();
        self.house
            .write(&format!("{name}.csv"), &format!("email\n{rows}"));
    }

    /// List, line, state and reason of each row of a run.
    fn told(&self, run: &str) -> Vec<(String, i64, String, String)> {
        let rows = self.rows(run).into_iter();
        let rows = rows.map(|it| {
            (
                it.list,
                it.place.to_stored(),
                it.state,
                it.reason.unwrap_or_default(),
            )
        });
        rows.collect()
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
