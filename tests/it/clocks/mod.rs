//! Clocks at the real daemon: changes of summer time, jumps, suspension, downtime. What it has
//! opened is compared with what must be, run by run, and with what the server took.

mod changes;
mod downtime;
mod jumps;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use jiff::Timestamp;
use postroom::clock::Clock;
use rusqlite::{Connection, OpenFlags};

use crate::world::history;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::wall_clock::{Moves, WallClock};
use crate::world::workspace::{Daemon, Workspace};

const PEOPLE: [&str; 2] = ["ada@example.org", "bob@example.org"];

/// Rings every other second after each landing of a clock, so that nobody waits for the daemon to
/// look by itself, which it does twice a minute. What rings is not compared.
const BELL: &str = "bell";
const RINGS: i64 = 20;

/// A daemon's folder, its server, and its clock.
struct Post {
    workspace: Workspace,
    catcher: Catcher,
    clock: WallClock,
    schedules: usize,
}

/// A run, as far as the calendar decides about it.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
struct Told {
    due: Timestamp,
    schedule: String,
    occurrence: String,
    state: String,
}

impl Post {
    /// At a time, with these schedules to all people.
    #[track_caller]
    fn at(now: &str, moves: Moves, schedules: &[(&str, &str)]) -> Option<Self> {
        Self::with_latency(now, moves, schedules, Duration::ZERO)
    }

    #[track_caller]
    fn with_latency(
        now: &str,
        moves: Moves,
        schedules: &[(&str, &str)],
        latency: Duration,
    ) -> Option<Self> {
        let mut clock = WallClock::new(moves, "clocks that are moved under the daemon")?;
        let catcher = Catcher::start_by(&Clock::simulated(at(now), 1), latency);
        let mut config = format!(
            "[account.main]\nhost = \"localhost\"\nfrom = \"post@example.org\"\n\
             connections = 1\n{}\n\
             [list.people]\ncsv = \"people.csv\"\n[list.nobody]\ncsv = \"nobody.csv\"\n",
            catcher.account()
        );
        for (name, keys) in schedules {
            config += &format!("\n[schedule.{name}]\nsend = \"hello\"\nvia = \"main\"\n{keys}\n");
            if *name != BELL {
                config += "to = \"people\"\n";
            }
        }
        let workspace = Workspace::new(&config);
        workspace.write("password", Catcher::PASSWORD);
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(workspace.path("password"), private).unwrap();
        workspace.write("people.csv", ["email", PEOPLE[0], PEOPLE[1], ""].join("\n"));
        workspace.write("nobody.csv", "email\n");
        workspace.write("templates/hello/subject.txt", "Hello\n");
        workspace.write("templates/hello/body.txt", "Dear {{email}}, hello!\n");
        clock.hang(&workspace, at(now));
        Some(Self {
            workspace,
            catcher,
            clock,
            schedules: schedules.len(),
        })
    }

    /// A daemon that knows its schedules: what falls due from now on is its business.
    #[track_caller]
    fn daemon(&self) -> Daemon {
        let daemon = self.clock.daemon(&self.workspace);
        wait_for("the begin of all schedules", || {
            let outbox = Connection::open_with_flags(
                self.workspace.path("state/postroom.db"),
                OpenFlags::SQLITE_OPEN_READ_ONLY,
            );
            let count = "SELECT count(*) FROM schedule";
            let known: usize = outbox.ok()?.query_row(count, [], |row| row.get(0)).ok()?;
            (known == self.schedules).then_some(())
        });
        daemon
    }

    /// Waits until each of these has come to its end, and looks that there is nothing else.
    #[track_caller]
    fn comes_to(&self, expected: &[Told]) {
        let mut expected = expected.to_vec();
        expected.sort();
        wait_for(&format!("{expected:#?}"), || {
            let told = self.told();
            // What was only told as missed may be taken back; a run may not.
            let ended = |it: &&Told| it.state == "completed" || it.state == "failed";
            let other = told.iter().filter(ended).find(|it| !expected.contains(it));
            assert_eq!(other, None, "of {told:#?}");
            (told == expected).then_some(())
        });
    }

    /// What there is, by the time at which it was due.
    fn told(&self) -> Vec<Told> {
        let runs = self.workspace.reader().unwrap().runs(None, None, 1000);
        let runs = runs.unwrap().into_iter().filter(|run| run.schedule != BELL);
        let told = runs.map(|run| Told {
            due: Timestamp::from_millisecond(run.due_at).unwrap(),
            schedule: run.schedule,
            occurrence: run.occurrence,
            state: run.state,
        });
        let mut told: Vec<Told> = told.collect();
        told.sort();
        told
    }

    /// Waits for a word about the clock in its log.
    #[track_caller]
    fn hears(&self, daemon: &Daemon, event: &str) {
        wait_for(event, || (heard(daemon, event) > 0).then_some(()));
    }

    /// Each of these has come to its end, there is nothing else, and everybody got each once.
    #[track_caller]
    fn ends_with(self, daemon: Daemon, expected: &[Told]) {
        self.comes_to(expected);
        assert!(daemon.stop().success());
        self.comes_to(expected);
        let runs = self.workspace.reader().unwrap().runs(None, None, 1000);
        let runs = runs.unwrap().into_iter();
        let sent = runs.filter(|run| run.schedule != BELL && run.state == "completed");
        let sent: BTreeMap<String, Vec<String>> = sent
            .map(|run| (run.id, PEOPLE.map(String::from).to_vec()))
            .collect();
        let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for it in history::logged(&self.catcher.accept_log()) {
            let (run, _) = it.id.split_once('.').unwrap();
            taken.entry(run.to_owned()).or_default().push(it.to);
        }
        for people in taken.values_mut() {
            people.sort();
        }
        self.catcher.stop();
        assert_eq!(taken, sent, "what the server took, and what was opened");
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            due,
            schedule,
            occurrence,
            state,
        } = self;
        write!(f, "{schedule} {occurrence} due {due} {state}")
    }
}

/// How often the log tells of an event.
fn heard(daemon: &Daemon, event: &str) -> usize {
    let (event, bell) = (format!("event={event}"), format!("schedule={BELL}"));
    let log = daemon.log();
    let lines = log.lines().filter(|line| {
        let mut fields = line.split(' ');
        fields.clone().any(|it| it == event) && fields.all(|it| it != bell)
    });
    lines.count()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A run at a time on the wall, which is an instant.
fn sent(schedule: &str, occurrence: &str, due: &str) -> Told {
    Told {
        due: at(due),
        schedule: schedule.to_owned(),
        occurrence: occurrence.to_owned(),
        state: "completed".to_owned(),
    }
}

/// A run that is known by its instant.
fn sent_at(schedule: &str, due: &str) -> Told {
    sent(schedule, due, &due.replace('Z', ":00Z"))
}

fn missed(told: Told) -> Told {
    let state = "missed".to_owned();
    Told { state, ..told }
}

/// The bell, for landings.
fn bell(landings: &[&str]) -> String {
    let rings = landings.iter().flat_map(|landing| {
        let rings = 1..=RINGS;
        rings.map(|ring| at(landing) + Duration::from_secs(2 * ring.unsigned_abs()))
    });
    let rings: Vec<String> = rings
        .map(|it| it.strftime("%Y-%m-%dT%H:%M:%S").to_string())
        .collect();
    format!(
        "on = [{}]\nto = \"nobody\"\nempty = \"skip\"\ncatch_up = \"never\"",
        rings.join(", ")
    )
}
