//! `postroom suppress`

mod export;
mod import;

use super::changing::change;
use super::clock_words::exact;
use super::exit::{self, Exit};
use super::out::Out;
use super::source::{Source, key_of};
use super::table::Table;
use super::{To, Trouble, hold};
use crate::config::Config;
use crate::daemon::api::{AddressQuery, Changed, SuppressRequest};
use crate::outbox::{Banned, FORGOTTEN, Suppress, Unsuppress};

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
        /// When it ends by itself: after a span (`90d`), or at a time (`2026-12-24T09:00:00Z`)
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Send to this address again
    Remove {
        /// The address
        address: String,
    },
    /// Send nothing more to all of these
    Import(import::Args),
    /// The whole list as CSV
    Export(export::Args),
}

impl Verb {
    pub(super) fn to(&self) -> To {
        match self {
            Self::List | Self::Export { .. } => To::Read,
            _ => To::Change,
        }
    }
}

pub(super) fn run(config: &Config, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    let changed = match verb {
        Verb::List => return list(config, out),
        Verb::Import(args) => return import::run(config, args, out),
        Verb::Export(args) => return export::run(config, args, out),
        Verb::Add {
            address,
            reason,
            until,
        } => add(config, &key_of(address)?, reason, until.as_deref())?,
        Verb::Remove { address } => remove(config, &key_of(address)?)?,
    };
    if out.json {
        out.value(&Changed { changed });
    } else {
        out.line(match (verb, changed) {
            (Verb::Add { address, until, .. }, true) => match until {
                Some(until) => format!("{address} gets no mail from now on, until {until}"),
                None => format!("{address} gets no mail from now on"),
            },
            (Verb::Add { address, .. }, false) => {
                format!("{address} got no mail before, for as long or longer")
            }
            (Verb::Remove { address }, true) => format!("{address} gets mail again"),
            (Verb::Remove { address }, false) => format!("{address} was not suppressed"),
            (Verb::List | Verb::Import(_) | Verb::Export(_), _) => String::new(),
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
    let mut table = Table::new(&["ADDRESS", "SINCE", "END", "SOURCE", "WHY"]);
    for row in rows {
        table.row(vec![
            row.address.unwrap_or_else(|| FORGOTTEN.to_owned()),
            exact(row.created_at),
            row.ends_at.map_or_else(|| "never".to_owned(), exact),
            row.source,
            row.reason,
        ]);
    }
    if table.is_empty() {
        out.line("nobody is suppressed");
    } else {
        out.lines(&table.lines());
    }
    Ok(exit::DONE)
}

fn add(config: &Config, key: &str, reason: &str, until: Option<&str>) -> Result<bool, Trouble> {
    let request = SuppressRequest {
        address: key.to_owned(),
        reason: reason.to_owned(),
        ends_at: until.map(hold::end).transpose()?,
    };
    change(
        config,
        |client| client.post("/v1/suppressions", &request).map(changed),
        |outbox, author| {
            let banned = Banned {
                ends_at: request.ends_at,
                ..Banned::new(key, reason, author)
            };
            Ok(outbox.submit(Suppress::from(banned)).wait()? > 0)
        },
    )
}

fn remove(config: &Config, key: &str) -> Result<bool, Trouble> {
    let query = AddressQuery {
        address: key.to_owned(),
    };
    change(
        config,
        |client| client.delete("/v1/suppressions", &query).map(changed),
        |outbox, author| {
            let unsuppress = Unsuppress {
                key: key.to_owned(),
                author: author.to_owned(),
            };
            Ok(outbox.submit(unsuppress).wait()?)
        },
    )
}

fn changed(answer: Changed) -> bool {
    answer.changed
}
