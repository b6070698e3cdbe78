//! The same at a server that counts: a daemon that is killed, whose clock is set, and whose rates
//! are lowered, with two schedules that share an account.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use postroom::clock::Clock;

use crate::world::history;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::wall_clock::{Moves, WallClock};
use crate::world::windows::{self, Era, Window};
use crate::world::workspace::{Daemon, Workspace};

const SCHEDULES: [&str; 2] = ["one", "two"];
/// Much longer than an answer takes.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What happens, each once but for the kills.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Kill,
    /// The rates are lowered, and the daemon is told.
    Lower,
    Forward,
    Back,
}

const DEEDS: [Deed; 9] = [
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Lower,
    Deed::Forward,
    Deed::Back,
];

/// How many people each schedule has, and the rates before and after they are lowered.
struct Extent {
    people: usize,
    rates: [[&'static str; 2]; 2],
}

impl Extent {
    fn wanted() -> Self {
        if std::env::var_os("POSTROOM_TEST_LONG").is_some() {
            Self {
                people: 500,
                rates: [["20/2s", "150/30s"], ["14/2s", "100/30s"]],
            }
        } else {
            Self {
                people: 80,
                rates: [["20/1s", "50/6s"], ["14/1s", "30/6s"]],
            }
        }
    }
}

/// The office, and what its clocks say.
struct Post {
    workspace: Workspace,
    catcher: Catcher,
    wall: WallClock,
    /// The server's, which nobody sets.
    clock: Clock,
    extent: Extent,
    eras: Vec<Era>,
}

impl Post {
    fn new(mut wall: WallClock, extent: Extent) -> Self {
        let clock = Clock::system();
        let catcher = Catcher::start_by(&clock, Duration::from_millis(5));
        let workspace = Workspace::new("");
        workspace.write("password", Catcher::PASSWORD);
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(workspace.path("password"), private).unwrap();
        for schedule in SCHEDULES {
            let mut list = "email\n".to_owned();
            for n in 0..extent.people {
                list += &format!("{schedule}{n}@example.org\n");
            }
            workspace.write(&format!("{schedule}.csv"), list);
        }
        workspace.write("templates/hello/subject.txt", "Hello\n");
        workspace.write("templates/hello/body.txt", "Dear {{email}}, hello!\n");
        wall.hang(&workspace, Timestamp::now());
        let mut post = Self {
            workspace,
            catcher,
            wall,
            clock,
            extent,
            eras: Vec::new(),
        };
        post.write(0);
        post.era(0, Duration::ZERO);
        post
    }

    /// Writes rates into the configuration.
    fn write(&self, which: usize) {
        let rates = self.extent.rates[which];
        let mut config = format!(
            "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n
             [account.main]\nhost = \"localhost\"\nfrom = \"post@example.org\"\n\
             connections = 3\nrate = {rates:?}\n{}\n",
            self.catcher.account()
        );
        for schedule in SCHEDULES {
            config += &format!(
                "[list.{schedule}]\ncsv = \"{schedule}.csv\"\n\
                 [schedule.{schedule}]\nsend = \"hello\"\nto = \"{schedule}\"\nvia = \"main\"\n\
                 resend_after = \"1s\"\n"
            );
        }
        self.workspace.write("postroom.toml", config);
    }

    /// From now on, or a little later, these rates count.
    fn era(&mut self, which: usize, later: Duration) {
        let rates = self.extent.rates[which];
        self.eras.push(Era {
            from: self.clock.ticks() + later,
            windows: rates.map(Window::of).to_vec(),
        });
    }

    fn daemon(&self) -> Daemon {
        self.wall.daemon(&self.workspace)
    }

    fn wait_until_taken(&self, count: u64) {
        wait_for("so many to be taken", || {
            (self.catcher.taken() >= count).then_some(())
        });
    }

    /// So that a deed falls into a rest, more often than not.
    fn wait_for_a_moment(&self, span: Duration) {
        let end = self.clock.ticks() + span;
        wait_for("a moment", || (self.clock.ticks() >= end).then_some(()));
    }

    fn shift(&self, by: SignedDuration) {
        self.wall.set(self.wall.now() + by);
    }

    fn meet(&mut self, deed: Deed, daemon: Daemon) -> Daemon {
        match deed {
            Deed::Kill => daemon.kill(),
            Deed::Lower => {
                self.write(1);
                self.workspace.said(&["reload"]);
                // What was claimed by the old rates may still be on its way.
                self.era(1, ON_ITS_WAY);
                return daemon;
            }
            Deed::Forward => {
                self.shift(HOUR);
                return daemon;
            }
            Deed::Back => {
                self.shift(-HOUR);
                return daemon;
            }
        }
        self.daemon()
    }

    /// The end of both runs: what the outbox says of each, and the server's log against it.
    fn objections(self, daemon: Daemon) -> Vec<String> {
        let ended = |schedule: &&str| {
            wait_for("the end of a run", || {
                history::ended(&self.workspace.reader()?, schedule)
            })
        };
        let runs: Vec<_> = SCHEDULES.iter().map(ended).collect();
        assert!(daemon.stop().success());
        let log = self.catcher.accept_log();
        let (logged, instants) = (history::logged(&log), windows::accepted(&log));
        self.catcher.stop();

        let reader = self.workspace.reader().unwrap();
        let mut taken: BTreeMap<String, Vec<history::Taken>> = BTreeMap::new();
        for it in logged {
            let (run, _) = it.id.split_once('.').unwrap();
            taken.entry(run.to_owned()).or_default().push(it);
        }
        let mut found = Vec::new();
        for run in &runs {
            let told = history::told(&reader, run);
            let accepted = told.iter().filter(|it| it.row.state == "accepted");
            assert_eq!(accepted.count(), self.extent.people, "{}", run.schedule);
            let taken = taken.remove(&run.id).unwrap_or_default();
            found.extend(history::against_server(&told, &taken));
        }
        found.extend(windows::objections(&instants, &self.eras));
        found
    }
}

#[test]
fn no_window_is_over_at_a_server_whatever_happens_to_the_daemon() {
    let untried = "rates while the clock is set";
    let Some(wall) = WallClock::new(Moves::TheWallClock, untried) else {
        return;
    };
    let seed = std::env::var("POSTROOM_TEST_SEED").map_or_else(
        |_| fastrand::u64(..),
        |seed| seed.parse().expect("POSTROOM_TEST_SEED is a number"),
    );
    println!("POSTROOM_TEST_SEED={seed}");
    let mut dice = Rng::with_seed(seed);
    let mut deeds = DEEDS;
    dice.shuffle(&mut deeds);
    let mut post = Post::new(wall, Extent::wanted());
    let mut daemon = post.daemon();
    for schedule in SCHEDULES {
        post.workspace.said(&["send", schedule, "--yes"]);
    }
    let step = post.extent.people as u64 * 2 / (deeds.len() as u64 + 1);
    for (n, deed) in (0..).zip(deeds) {
        post.wait_until_taken(n * step + dice.u64(..step));
        post.wait_for_a_moment(Duration::from_millis(dice.u64(..700)));
        daemon = post.meet(deed, daemon);
    }
    let found = post.objections(daemon);
    assert!(found.is_empty(), "{deeds:?}:\n{}", found.join("\n"));
}
