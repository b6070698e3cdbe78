//! `postroom suppress`

use super::Trouble;
use super::client::Client;
use super::clock_words::exact;
use super::exit::{self, Exit};
use super::out::Out;
use super::source::{Source, key_of};
use super::table::Table;
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::{AddressQuery, Changed, SuppressRequest};
use crate::daemon::take_state;
use crate::outbox::{Outbox, OutboxError, Suppress, Unsuppress};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    /// Who gets no mail, and why
    List,
    /// Send nothing more to this address
    Add {
        /// The address
        address: String,
        /// Why, for those who ask later
        #[arg(long, default_value = "asked for by a person")]
        reason: String,
    },
    /// Send to this address again
    Remove {
        /// The address
        address: String,
    },
}

pub(super) fn run(config: &Config, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    let changed = match verb {
        Verb::List => return list(config, out),
        Verb::Add { address, reason } => add(config, &key_of(address)?, reason)?,
        Verb::Remove { address } => remove(config, &key_of(address)?)?,
    };
    if out.json {
        out.value(&Changed { changed });
    } else {
        out.line(match (verb, changed) {
            (Verb::Add { address, .. }, true) => format!("{address} gets no mail from now on"),
            (Verb::Add { address, .. }, false) => format!("{address} got no mail before"),
            (Verb::Remove { address }, true) => format!("{address} gets mail again"),
            (Verb::Remove { address }, false) => format!("{address} was not suppressed"),
            (Verb::List, _) => String::new(),
        });
    }
    Ok(exit::DONE)
}

fn list(config: &Config, out: &Out) -> Result<Exit, Trouble> {
    let rows = Source::of(config)?.suppressions()?;
    if out.json {
        out.value(&rows);
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["ADDRESS", "SINCE", "SOURCE", "WHY"]);
    for row in rows {
        table.row(vec![
            row.address.unwrap_or_else(|| "(forgotten)".to_owned()),
            exact(row.created_at),
            row.source,
            row.reason,
        ]);
    }
    if table.is_empty() {
        out.line("nobody is suppressed");
    } else {
        table.lines().iter().for_each(|line| out.line(line));
    }
    Ok(exit::DONE)
}

fn add(config: &Config, key: &str, reason: &str) -> Result<bool, Trouble> {
    if let Ok(client) = Client::connect(&config.daemon.socket) {
        let request = SuppressRequest {
            address: key.to_owned(),
            reason: reason.to_owned(),
        };
        let answer: Result<Changed, _> = client.post("/v1/suppressions", &request);
        return answer
            .map(|it| it.changed)
            .map_err(|e| Trouble::new(exit::UNAVAILABLE, e));
    }
    let entry = Suppress {
        key: key.to_owned(),
        address: key.to_owned(),
        reason: reason.to_owned(),
        source: "a person".to_owned(),
    };
    alone(config, |outbox| outbox.submit(entry).wait())
}

fn remove(config: &Config, key: &str) -> Result<bool, Trouble> {
    if let Ok(client) = Client::connect(&config.daemon.socket) {
        let query = AddressQuery {
            address: key.to_owned(),
        };
        let answer: Result<Changed, _> = client.delete("/v1/suppressions", &query);
        return answer
            .map(|it| it.changed)
            .map_err(|e| Trouble::new(exit::UNAVAILABLE, e));
    }
    alone(config, |outbox| {
        outbox
            .submit(Unsuppress {
                key: key.to_owned(),
            })
            .wait()
    })
}

/// Changes the outbox where no daemon runs.
fn alone(
    config: &Config,
    change: impl FnOnce(&Outbox) -> Result<bool, OutboxError>,
) -> Result<bool, Trouble> {
    let (_lock, outbox) =
        take_state(config, &Clock::system()).map_err(|e| Trouble::new((&e).into(), e))?;
    let changed = change(&outbox).map_err(|e| Trouble::new((&e).into(), e));
    outbox.close();
    changed
}
