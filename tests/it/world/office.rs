//! A whole office: configuration, outbox, deliver, and a sandbox on loopback as the server.
//!
//! Sockets are real, time is not: it runs on, and [`jump`] skips what nobody wants to wait for.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postroom::clock::Clock;
use postroom::config::Config;
use postroom::deliver::{Deliver, Ready, Settings, TroubleView};
use postroom::outbox::{AttemptRow, DeliveryRow, Filter, Outbox, Sweep};
use postroom::plan::{Opening, Order, open};
use postroom::sandbox::{Options, Sandbox};
use serde_json::Value;

use super::bench::start;
use super::house::House;
use super::sandbox::successor;

pub(crate) struct Office {
    pub(crate) house: House,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
    pub(crate) config: Arc<Config>,
    pub(crate) deliver: Option<Deliver>,
    pub(crate) sandbox: Option<Sandbox>,
}

/// What an office is like, where it differs.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    /// Further lines of `[account.ops]`.
    pub(crate) account: &'a str,
    /// Further lines of `[schedule.hello]`.
    pub(crate) schedule: &'a str,
    pub(crate) server: Options,
    /// No server is there at first.
    pub(crate) deserted: bool,
    /// The account's server is another one: its `host`, `port` and `tls`.
    pub(crate) elsewhere: Option<String>,
    /// What its messages say, if not the usual.
    pub(crate) body: Option<&'a str>,
    /// Its messages have five million bytes: more than all the buffers of a connection take.
    pub(crate) large: bool,
}

/// Lets time pass for everybody in this runtime.
pub(crate) async fn jump(span: Duration) {
    tokio::time::pause();
    tokio::time::advance(span).await;
    tokio::time::resume();
}

/// Time for what must not happen to happen. Too short a lull lets a fault pass now and then; it
/// never fails a program that is right.
pub(crate) async fn lull() {
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Looks until `done`, a bounded number of times.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never: {what}");
}

impl Office {
    pub(crate) async fn new(plan: Plan<'_>) -> Self {
        Self::with_daemon("", plan).await
    }

    /// With further lines of `[daemon]`.
    pub(crate) async fn with_daemon(daemon: &str, plan: Plan<'_>) -> Self {
        let house = House::new();
        house.people(&["nobody@example.org"]);
        if plan.large {
            let line = "As long as lines of a message are, and one of many that are all like it.\n";
            house.write("templates/partials/chapter.txt", &line.repeat(14_000));
            house.write("templates/hello/body.txt", &"{{> chapter}}\n".repeat(5));
        }
        if let Some(body) = plan.body {
            house.write("templates/hello/body.txt", body);
        }
        let clock = Clock::simulated(start(), 1);
        let mut server = plan.server;
        server.plain = Some("127.0.0.1:0".parse().unwrap());
        server.accept_log = Some(house.path().join("accepted"));
        let sandbox = Sandbox::start(server, clock.clone()).await.unwrap();
        let port = sandbox.plain_address().unwrap().port();
        let sandbox = (!plan.deserted && plan.elsewhere.is_none()).then_some(sandbox);
        let here = format!("host = \"127.0.0.1\"\nport = {port}\ntls = \"none\"");
        let server = plan.elsewhere.unwrap_or(here);
        let config = house.config(&format!(
            "[daemon]\nstate = \"state\"\n{daemon}\n
             [account.ops]\n{server}\n\
             from = \"Ops <ops@example.org>\"\nretry = [\"1m\"]\n{}\n
             [list.people]\ncsv = \"people.csv\"\n
             [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n{}\n",
            plan.account, plan.schedule
        ));
        std::fs::create_dir_all(&config.daemon.state).unwrap();
        let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
        let mut office = Self {
            house,
            clock,
            outbox,
            config,
            deliver: None,
            sandbox,
        };
        office.start();
        office
    }

    /// Starts to deliver, as a process does.
    pub(crate) fn start(&mut self) {
        let settings = Settings::of(&self.config);
        let deliver = Deliver::start(settings, &[], &self.outbox, &self.clock).unwrap();
        self.deliver = Some(deliver);
    }

    /// Goes on by other settings.
    pub(crate) async fn renew(&mut self, settings: Settings) {
        let ready = Ready::of(settings).unwrap();
        self.deliver.as_mut().unwrap().renew(ready).await.unwrap();
    }

    pub(crate) fn port(&self) -> u16 {
        self.config.accounts["ops"].port
    }

    /// Opens a run for these people and wakes deliver.
    pub(crate) async fn send<T: AsRef<str>>(&self, people: &[T]) -> Opening {
        self.send_by("hello", people).await
    }

    /// The same by another schedule.
    pub(crate) async fn send_by<T: AsRef<str>>(&self, schedule: &str, people: &[T]) -> Opening {
        self.house.people(people);
        let order = Order::manual(schedule, &self.clock);
        let (config, outbox) = (Arc::clone(&self.config), self.outbox.clone());
        let clock = self.clock.clone();
        let opened = tokio::task::spawn_blocking(move || open(&config, &outbox, &clock, &order));
        let opening = opened.await.unwrap().unwrap();
        self.wake();
        opening
    }

    pub(crate) fn wake(&self) {
        if let Some(deliver) = &self.deliver {
            deliver.watch().wake();
        }
    }

    pub(crate) async fn sweep(&self) {
        self.outbox.submit(Sweep).await.unwrap();
        self.wake();
    }

    pub(crate) fn rows(&self) -> Vec<DeliveryRow> {
        let states = postroom::outbox::state::State::ALL;
        let filter = Filter {
            states: states.iter().map(|state| state.name().to_owned()).collect(),
            ..Filter::default()
        };
        self.outbox.reader().unwrap().deliveries(&filter).unwrap()
    }

    pub(crate) fn row(&self, address: &str) -> DeliveryRow {
        let mut rows = self.rows();
        rows.retain(|row| row.address == address);
        assert_eq!(rows.len(), 1, "{address}");
        rows.remove(0)
    }

    /// States in the order of the rows.
    pub(crate) fn states(&self) -> Vec<String> {
        self.rows().into_iter().map(|row| row.state).collect()
    }

    pub(crate) async fn until_states(&self, wanted: &[&str]) {
        let mut last = Vec::new();
        for _ in 0..2000 {
            last = self.states();
            if last == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("never {wanted:?}, at last {last:?}: {:#?}", self.rows());
    }

    /// Skips `span`, again if somebody had not begun to wait yet, until the states are these.
    pub(crate) async fn skip_until_states(&self, span: Duration, wanted: &[&str]) {
        for _ in 0..5 {
            jump(span).await;
            for _ in 0..40 {
                if self.states() == wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        panic!("never {wanted:?}, at last {:?}", self.states());
    }

    /// Until nothing is under way or due.
    pub(crate) async fn quiet(&self) {
        let busy = ["queued", "leased", "armed"];
        until("quiet", || {
            let states = self.states();
            states.iter().all(|state| !busy.contains(&state.as_str()))
        })
        .await;
    }

    pub(crate) fn tries(&self, address: &str) -> Vec<AttemptRow> {
        let reader = self.outbox.reader().unwrap();
        let mut history = reader.history(&address.to_lowercase()).unwrap();
        assert_eq!(history.len(), 1, "{address}");
        history.remove(0).1
    }

    pub(crate) fn trouble(&self) -> Option<TroubleView> {
        let views = self.deliver.as_ref().unwrap().watch().accounts();
        views.into_iter().next().unwrap().trouble
    }

    fn log_path(&self) -> PathBuf {
        self.house.path().join("accepted")
    }

    /// What the server said 250 to.
    pub(crate) fn accepted(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        log.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Stops what runs, while time goes on by `span`, again if that was not enough.
    pub(crate) async fn drain_during(&mut self, span: Duration) {
        let mut deliver = self.deliver.take().unwrap();
        let drained = tokio_util::sync::CancellationToken::new();
        tokio::join!(
            async {
                deliver.drain().await;
                drained.cancel();
            },
            async {
                for _ in 0..5 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if drained.is_cancelled() {
                        return;
                    }
                    jump(span).await;
                }
            }
        );
    }

    /// The server comes (back) at its port.
    pub(crate) async fn server_returns(&mut self, server: Options) {
        let server = Options {
            plain: Some(([127, 0, 0, 1], self.port()).into()),
            accept_log: Some(self.log_path()),
            ..server
        };
        self.sandbox = Some(successor(&server, &self.clock).await);
    }
}

/// Runs `work` beside a look at the clock: for what a real second must be enough for.
pub(crate) async fn within<T>(seconds: u64, work: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(seconds);
    tokio::time::timeout(limit, work).await.expect("in time")
}
