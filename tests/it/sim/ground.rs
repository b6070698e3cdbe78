//! What all simulations stand on: a configuration that was read once, and an empty outbox to copy.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use fastrand::Rng;
use postroom::audience::{InlineRow, Source};
use postroom::clock::Clock;
use postroom::config::{Config, DomainLimits, Group, OnUncertain, Rate};
use postroom::deliver::target;
use postroom::outbox::Outbox;
use postroom::smtp::{Deadlines, Target};
use tempfile::TempDir;

use super::swarm::Kind;
use crate::world::bench::start;
use crate::world::house::House;

/// Everybody's domain.
pub(crate) const DOMAIN: &str = "example.org";
pub(crate) const SCHEDULES: [&str; 3] = ["daily", "weekly", "invoices"];

const CONFIG: &str = r#"
[daemon]
state = "state"
[account.ops]
host = "localhost"
tls = "none"
from = "Ops <ops@example.org>"
hello = "here.example.org"
retry = ["1m"]
[account.shop]
host = "localhost"
tls = "none"
from = "Shop <shop@example.org>"
hello = "here.example.org"
retry = ["30s", "5m"]
[list.people]
inline = ["p0@example.org"]
[schedule.daily]
send = "hello"
to = "people"
via = "ops"
[schedule.weekly]
send = "hello"
to = "people"
via = "shop"
[schedule.invoices]
send = "hello"
to = "people"
via = "ops"
[schedule.notices]
send = "notice"
to = "people"
via = "ops"
group = true
"#;

struct Ground {
    config: Config,
    /// The files of an outbox that has seen nothing.
    empty: Vec<(&'static str, Vec<u8>)>,
    target: Target,
}

fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(|| {
        let house = House::new();
        house.write("templates/notice/subject.txt", "Notice\n");
        house.write("templates/notice/body.txt", "To all of you\n\n.\nA dot.\n");
        let config = Config::clone(&house.config(CONFIG));
        let clock = Clock::simulated(start(), 1);
        let outbox = Outbox::open_inline(house.path(), clock).unwrap();
        outbox.close();
        drop(outbox); // the last one to close it moves the log into the file
        // The stamp belongs to it: without, it is a copy that must be asked about.
        let empty = ["postroom.db", "stamp"]
            .map(|name| (name, std::fs::read(house.path().join(name)).unwrap()))
            .to_vec();
        let target = target(&config.accounts["ops"], Deadlines::default()).unwrap();
        Ground {
            config,
            empty,
            target,
        }
    })
}

/// How the server of an account is reached, but for the way there.
pub(crate) fn door() -> Target {
    ground().target.clone()
}

/// A state directory with an outbox that has seen nothing.
pub(crate) fn state() -> TempDir {
    let memory = Path::new("/dev/shm");
    let within = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    let dir = tempfile::tempdir_in(within).unwrap();
    for (name, bytes) in &ground().empty {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let ballast = std::fs::File::create(dir.path().join("ballast")).unwrap();
    ballast.set_len(1 << 20).unwrap(); // quicker than random bytes, and nobody fills this disk
    dir
}

/// The configuration of one seed.
pub(crate) fn config(dice: &mut Rng, kind: Kind) -> Config {
    let mut config = ground().config.clone();
    for account in config.accounts.values_mut() {
        account.connections = dice.usize(1..=3);
        account.chaining = dice.bool();
        account.messages_per_connection = [2, 100][dice.usize(..2)];
    }
    for schedule in config.schedules.values_mut() {
        let policies = [
            OnUncertain::Resend,
            OnUncertain::Hold,
            OnUncertain::AssumeSent,
        ];
        schedule.on_uncertain = policies[dice.usize(..3)];
        schedule.resend_after = Duration::from_secs(dice.u64(1..20) * 60);
        schedule.expires = Duration::from_secs([1, 24, 24][dice.usize(..3)] * 3600);
    }
    match kind {
        Kind::Mixed => {}
        Kind::Slow | Kind::Fickle => {
            let accounts = config.accounts.values_mut();
            accounts.for_each(|account| account.connections = dice.usize(1..=2));
        }
        Kind::Silent => {
            for schedule in config.schedules.values_mut() {
                schedule.on_uncertain = OnUncertain::Resend;
                schedule.resend_after = Duration::from_secs(60);
            }
        }
        Kind::Paced => {
            let accounts = config.accounts.values_mut();
            for account in accounts {
                account.rate = vec![rate(dice, 4)];
                let limits = DomainLimits {
                    rate: vec![rate(dice, 3)],
                    connections: dice.bool().then_some(1),
                };
                if dice.bool() {
                    account.domains.insert(DOMAIN.to_owned(), limits);
                }
            }
            let schedules = config.schedules.values_mut();
            schedules.for_each(|schedule| schedule.rate = vec![rate(dice, 2)]);
        }
    }
    // One in five of them, whatever else the dice say.
    if dice.clone().u32(..5) == 0 {
        let (send, group) = (&config.schedules["notices"].send, Some(Group::default()));
        let send = send.clone();
        for name in ["weekly", "invoices"] {
            let schedule = config.schedules.get_mut(name).unwrap();
            (schedule.send, schedule.group) = (send.clone(), group.clone());
        }
    }
    config.schedules.remove("notices");
    let people = dice.usize(2..=7);
    let mut rows: Vec<_> = (0..people)
        .map(|n| row(&format!("p{n}@example.org")))
        .collect();
    if dice.bool() {
        let twice = format!("P{}@Example.ORG", dice.usize(..people));
        rows.insert(dice.usize(..=people), row(&twice));
    }
    config.lists.get_mut("people").unwrap().source = Source::Inline(rows);
    config
}

fn rate(dice: &mut Rng, most: u32) -> Rate {
    Rate {
        count: dice.u32(1..=most),
        window: Duration::from_secs(dice.u64(5..100)),
        burst: None,
    }
}

pub(crate) fn people(config: &Config) -> usize {
    match &config.lists["people"].source {
        Source::Inline(rows) => rows.len(),
        _ => unreachable!("the people are written into the configuration"),
    }
}

fn row(address: &str) -> InlineRow {
    InlineRow {
        address: address.to_owned(),
        fields: serde_json::Map::new(),
    }
}
