//! What went out lately, as deliver knows it while the daemon runs.

use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, Rate};
use crate::deliver::{AccountView, MeterView, Watch};
use crate::outbox::{OutboxError, Reader};
use crate::pace::Used;
use crate::plan::{Lately, Whose};

/// What went out lately. The outbox is asked for the rest: what was used of the limits of domains,
/// and how fast servers were that have not been used since the start.
pub(super) fn lately(
    config: &Config,
    reader: &Reader,
    clock: &Clock,
    watch: &Watch,
    accounts: &[AccountView],
) -> Result<Lately, OutboxError> {
    let mut lately = if config.accounts.values().any(|it| !it.domains.is_empty()) {
        Lately::read(config, reader, clock)?
    } else {
        Lately {
            speeds: reader.speeds()?,
            ..Lately::default()
        }
    };
    for account in accounts {
        let name = &account.name;
        lately.set(Whose::Account(name.clone()), windows(&account.meters));
        let seen = account.speed.or(lately.speeds.get(name).copied());
        let taught = account.learned_per_second;
        if let Some(speed) = seen.into_iter().chain(taught).reduce(f64::min) {
            lately.speeds.insert(name.clone(), speed);
        }
        // What another account carries, or nobody, ends when nobody knows.
        if account.trouble.is_some() || account.carried_by.is_some() {
            lately.down.insert(name.clone());
        }
    }
    for (name, meters) in watch.shared_meters() {
        let whose = match name.as_str() {
            "" => Whose::All,
            _ => Whose::Schedule(name),
        };
        lately.set(whose, windows(&meters));
    }
    Ok(lately)
}

fn windows(meters: &[MeterView]) -> Vec<Used> {
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let windows = meters.iter().filter_map(|meter| {
        let uses = meter.uses.iter();
        Some(Used {
            rate: meter.rate.parse::<Rate>().ok()?,
            most: size(meter.most),
            length: Duration::from_millis(meter.length),
            uses: uses
                .map(|(ago, count)| (Duration::from_millis(*ago), size(*count)))
                .collect(),
            under_way: 0, // those are among the people who are left
        })
    });
    windows.collect()
}
