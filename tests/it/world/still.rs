//! An office in which time stands still while anybody works: configuration, outbox and deliver, and
//! the sandbox at the other end of a pipe. Hours of waiting cost nothing, and no socket is open.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::config::{Account, Config};
use postroom::deliver::{Deliver, Settings, target};
use postroom::outbox::state::State;
use postroom::outbox::{Outbox, Sweep};
use postroom::plan::{Order, open};
use postroom::sandbox::{Options, Port, Reception};
use postroom::smtp::{Deadlines, Resolver, Stream, Target, TlsSetupError};
use tempfile::TempDir;
use tokio::io::duplex;

use super::bench::start;
use super::house::House;

/// A pipe holds so many bytes.
const PIPE: usize = 64 * 1024;
/// Whatever is not over then never will be.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Still {
    pub(crate) reception: Arc<Reception>,
    house: House,
    config: Arc<Config>,
    clock: Clock,
    outbox: Outbox,
    deliver: Deliver,
    /// Of the outbox, in memory if there is such a folder: no test here asks for a disk.
    _state: TempDir,
}

impl Still {
    /// With further keys of the account `ops`, which the schedule `hello` sends over.
    pub(crate) fn new(account: &str, server: &Options) -> Self {
        let house = House::new();
        house.people(&["nobody@example.org"]);
        let config = house.config(&format!(
            "[daemon]\nstate = \"state\"\n
             [account.ops]\nhost = \"localhost\"\ntls = \"none\"\n\
             from = \"Ops <ops@example.org>\"\n{account}\n
             [list.people]\ncsv = \"people.csv\"\n
             [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n"
        ));
        let clock = Clock::simulated(start(), 1);
        let reception = Arc::new(Reception::open(server, clock.clone()).unwrap());
        let memory = Path::new("/dev/shm");
        let state = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let outbox = Outbox::open_inline(state.path(), clock.clone()).unwrap();
        let door = door(Arc::clone(&reception));
        let settings = Settings::of(&config);
        let deliver = Deliver::start_through(door, settings, &[], &outbox, &clock).unwrap();
        Self {
            reception,
            house,
            config,
            clock,
            outbox,
            deliver,
            _state: state,
        }
    }

    /// Opens a run for these people, and waits until everybody has come to an end; how long that
    /// took.
    pub(crate) async fn send<T: AsRef<str>>(&self, people: &[T]) -> Duration {
        self.house.people(people);
        let order = Order::manual("hello", &self.clock);
        open(&self.config, &self.outbox, &self.clock, &order).unwrap();
        let begun = self.clock.ticks();
        while self.goes_on() {
            let passed = self.clock.ticks() - begun;
            assert!(passed < LONGEST, "never: {:?}", self.reception.counts());
            self.outbox.submit(Sweep).await.unwrap();
            self.deliver.watch().wake();
            self.clock.sleep(Duration::from_secs(1)).await;
        }
        self.clock.ticks() - begun
    }

    fn goes_on(&self) -> bool {
        let runs = self.outbox.reader().unwrap().runs(None, None, 1000);
        let moving = [State::Queued, State::Leased, State::Armed, State::Deferred];
        let runs = runs.unwrap();
        runs.iter().any(|run| run.counts.sum(&moving) > 0)
    }
}

/// Leads every account to this server.
fn door(
    reception: Arc<Reception>,
) -> impl Fn(&Account, Deadlines) -> Result<Target, TlsSetupError> {
    move |account, deadlines| {
        let reception = Arc::clone(&reception);
        let here: SocketAddr = ([127, 0, 0, 1], 25).into();
        let resolver = Resolver::new(move |_, _| Box::pin(async move { Ok(vec![here]) }));
        let resolver = resolver.reaching(move |_| {
            let reception = Arc::clone(&reception);
            Box::pin(async move {
                let (ours, theirs) = duplex(PIPE);
                tokio::spawn(async move {
                    let served = reception.serve_stream(ours, Port::Plain, None).await;
                    served.unwrap_or_default(); // a client may hang up
                });
                Ok(Box::new(theirs) as Box<dyn Stream>)
            })
        });
        Ok(Target {
            resolver,
            ..target(account, deadlines)?
        })
    }
}
