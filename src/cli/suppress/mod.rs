//! `postroom suppress`

mod add;
mod export;
mod import;

use super::changing::change;
use super::clock_words::exact;
use super::exit::{self, Exit};
use super::out::{Out, plain};
use super::source::{Source, key_of};
use super::table::Table;
use super::{To, Trouble};
use crate::config::Config;
use crate::daemon::api::{Changed, UnsuppressQuery};
use crate::outbox::{FORGOTTEN, Unsuppress};

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    /// Who gets no mail, and why
    List,
    /// Send nothing more to this address
    Add(add::Args),
    /// Send to this address again
    Remove {
        /// The address
        address: String,
        /// The entry that stops the mail of this schedule, and not the one that stops all mail
        #[arg(long, value_name = "SCHEDULE")]
        scope: Option<String>,
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
    match verb {
        Verb::List => list(config, out),
        Verb::Import(args) => import::run(config, args, out),
        Verb::Export(args) => export::run(config, args, out),
        Verb::Add(args) => add::run(config, args, out),
        Verb::Remove { address, scope } => {
            let scope = scope.as_deref().unwrap_or_default();
            remove(config, (address, scope), out)
        }
    }
}

fn list(config: &Config, out: &Out) -> Result<Exit, Trouble> {
    let rows = Source::of(config)?.suppressions()?;
    if out.json {
        out.value(&rows);
        return Ok(exit::DONE);
    }
    let mut table = Table::new(&["ADDRESS", "SCOPE", "SINCE", "END", "SOURCE", "WHY"]);
    for row in rows {
        table.row(vec![
            row.address.unwrap_or_else(|| FORGOTTEN.to_owned()),
            scope_words(row.scope),
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

/// What an entry stops.
fn scope_words(scope: String) -> String {
    match scope.as_str() {
        "" => "all mail".to_owned(),
        _ => scope,
    }
}

fn remove(config: &Config, (address, scope): (&str, &str), out: &Out) -> Result<Exit, Trouble> {
    let key = key_of(address)?;
    let query = UnsuppressQuery {
        address: key.clone(),
        scope: scope.to_owned(),
    };
    let changed = change(
        config,
        |client| {
            let answer: Changed = client.delete("/v1/suppressions", &query)?;
            Ok(answer.changed)
        },
        |outbox, author| {
            let unsuppress = Unsuppress {
                key: key.clone(),
                scope: scope.to_owned(),
                author: author.to_owned(),
            };
            Ok(outbox.submit(unsuppress).wait()?)
        },
    )?;
    if out.json {
        out.value(&Changed { changed });
        return Ok(exit::DONE);
    }
    let of = add::of(scope);
    out.line(match changed {
        true => format!("{address} gets mail{of} again"),
        false => format!("{address} was not suppressed{}", for_mail(&of)),
    });
    for row in Source::of(config)?.suppressions()? {
        if row
            .address
            .is_some_and(|it| key_of(&it).is_ok_and(|it| it == key))
        {
            let of = plain(&add::of(&row.scope));
            out.line(format!(
                "  it still gets no mail{of}: {}",
                plain(&row.reason)
            ));
        }
    }
    Ok(exit::DONE)
}

fn for_mail(of: &str) -> String {
    match of {
        "" => String::new(),
        of => format!(" for mail{of}"),
    }
}
