//! A whole postroom in virtual time: a configuration as a person would write it, calendars, an
//! outbox, deliver, and servers that take what comes ([`Wire`]). A month of waiting costs nothing.

use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::config::{self, Config};
use postroom::deliver::{Deliver, Settings, TroubleView};
use postroom::outbox::{DeliveryRow, Filter, Outbox, RunRow, Sweep};
use postroom::plan::{ALERT, Firings, OpenError, Opening, Order, open};
use postroom::sandbox::Reception;
use tempfile::TempDir;

use super::toml::Toml;
use super::wire::{Answers, Mail, Wire};
use crate::world::bench::start;
use crate::world::house::House;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) struct Stage {
    pub(super) wire: Wire,
    pub(super) house: House,
    pub(super) clock: Clock,
    pub(super) config: Arc<Config>,
    pub(super) outbox: Outbox,
    deliver: Deliver,
    /// Of the outbox, in memory if there is such a folder: no test here asks for a disk.
    pub(super) state: TempDir,
}

/// What a stage is like, where it differs.
pub(super) struct Scenery {
    pub(super) house: House,
    pub(super) answers: Answers,
    /// The server behind TLS.
    pub(super) secure: Option<Arc<Reception>>,
}

impl Default for Scenery {
    fn default() -> Self {
        let house = House::new();
        house.people(&["ada@example.org"]);
        Self {
            house,
            answers: |_| None,
            secure: None,
        }
    }
}

impl Scenery {
    /// With files beside the configuration.
    pub(super) fn with_files(files: &[(&str, &str)]) -> Self {
        let scenery = Self::default();
        for (name, text) in files {
            scenery.house.write(name, text);
        }
        scenery
    }

    /// With a server that has other answers.
    pub(super) fn answering(answers: Answers) -> Self {
        Self {
            answers,
            ..Self::default()
        }
    }
}

impl Stage {
    pub(super) fn new(toml: Toml) -> Self {
        Self::among(Scenery::default(), toml)
    }

    pub(super) fn answering(answers: Answers, toml: Toml) -> Self {
        Self::among(Scenery::answering(answers), toml)
    }

    pub(super) fn among(scenery: Scenery, toml: Toml) -> Self {
        let clock = Clock::simulated(start(), 1);
        let memory = std::path::Path::new("/dev/shm");
        let state = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let outbox = Outbox::open_inline(state.path(), clock.clone()).unwrap();
        let config = scenery.house.config(&toml.text());
        let wire = Wire::new(clock.clone(), scenery.answers, scenery.secure);
        let settings = Settings::of(&config);
        let door = {
            let wire = wire.clone();
            move |account: &_, deadlines| wire.target(account, deadlines)
        };
        let deliver = Deliver::start_through(door, settings, &[], &outbox, &clock).unwrap();
        Self {
            wire,
            house: scenery.house,
            clock,
            config,
            outbox,
            deliver,
            state,
        }
    }

    /// Opens a run by hand.
    pub(super) fn open(&self) -> Result<Opening, OpenError> {
        let order = Order::manual("hello", &self.clock);
        let opened = open(&self.config, &self.outbox, &self.clock, &order);
        self.deliver.watch().wake();
        opened
    }

    /// Opens a run for these people by hand, and lets `span` pass.
    pub(super) async fn send(&self, people: &[&str], span: Duration) {
        self.house.people(people);
        self.open().unwrap();
        self.pass(span).await;
    }

    /// Time passes.
    pub(super) async fn pass(&self, span: Duration) {
        let (outbox, clock) = (self.outbox.clone(), self.clock.clone());
        let firings = Firings::new(Arc::clone(&self.config), outbox, clock, Vec::new());
        let watch = self.deliver.watch();
        let step = (span / 1000).clamp(Duration::from_secs(1), MINUTE);
        let sweeps = async {
            loop {
                self.outbox.submit(Sweep).await.unwrap();
                watch.wake();
                self.clock.sleep(step).await;
            }
        };
        tokio::select! {
            ended = firings.run(|| watch.wake()) => panic!("it watches for ever: {ended:?}"),
            () = sweeps => {}
            () = self.clock.sleep(span) => {}
        }
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.wire.mails()
    }

    /// Who got a message, in the order in which they did.
    pub(super) fn readers(&self) -> Vec<String> {
        self.mails().into_iter().map(|mail| mail.to).collect()
    }

    /// Day and time of each message, in UTC.
    pub(super) fn moments(&self) -> Vec<String> {
        let mails = self.mails();
        let moments = mails.iter().map(|mail| mail.at.strftime("%m-%d %H:%M"));
        moments.map(|moment| moment.to_string()).collect()
    }

    /// The seconds from the first connection to each message.
    pub(super) fn seconds(&self) -> Vec<i64> {
        let began = self.wire.calls().first().map(|call| call.began);
        let since = |mail: Mail| mail.at.as_second() - began.unwrap().as_second();
        self.mails().into_iter().map(since).collect()
    }

    /// The seconds between one try and the next.
    pub(super) fn waits(&self, address: &str) -> Vec<i64> {
        let reader = self.outbox.reader().unwrap();
        let tries = reader.history(address).unwrap().remove(0).1;
        let waits = tries
            .windows(2)
            .map(|two| two[1].started_at - two[0].started_at);
        waits.map(|wait| wait / 1000).collect()
    }

    /// All runs but alerts, oldest first.
    pub(super) fn runs(&self) -> Vec<RunRow> {
        let mut runs = self.outbox.reader().unwrap().runs(None, None, 1000);
        let runs = runs.as_mut().unwrap();
        runs.reverse();
        runs.retain(|run| run.schedule != ALERT);
        std::mem::take(runs)
    }

    /// State and reason of each run.
    pub(super) fn ends(&self) -> Vec<(String, String)> {
        let runs = self.runs().into_iter();
        runs.map(|run| (run.state, run.reason.unwrap_or_default()))
            .collect()
    }

    pub(super) fn rows(&self) -> Vec<DeliveryRow> {
        let states = postroom::outbox::state::State::ALL;
        let filter = Filter {
            states: states.iter().map(|state| state.name().to_owned()).collect(),
            ..Filter::default()
        };
        self.outbox.reader().unwrap().deliveries(&filter).unwrap()
    }

    /// The states of all rows.
    pub(super) fn states(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.state).collect()
    }

    /// What keeps the first account from sending.
    pub(super) fn trouble(&self) -> Option<TroubleView> {
        let views = self.deliver.watch().accounts();
        views.into_iter().next().unwrap().trouble
    }
}

/// What `check` says of a configuration that is refused.
pub(super) fn refusal(toml: &Toml) -> String {
    let house = House::new();
    house.people(&["ada@example.org"]);
    house.write("postroom.toml", &toml.text());
    match config::load(&house.path().join("postroom.toml")) {
        Ok(loaded) => panic!("it is taken: {:?}", loaded.config),
        Err(problems) => problems.to_string(),
    }
}
