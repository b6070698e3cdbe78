//! The one set of filters: which deliveries a command is about.

use std::io::BufRead;

use super::clock_words::since;
use super::exit;
use super::{Trouble, unknown_state};
use crate::clock::Clock;
use crate::daemon::api::QueueQuery;
use crate::outbox::state::State;

#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Which {
    /// Only this schedule
    #[arg(long)]
    schedule: Option<String>,
    /// Only this account
    #[arg(long)]
    account: Option<String>,
    /// Only this run; the beginning of its id is enough
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Only to this address, or to a domain: `@example.org`
    #[arg(long, value_name = "ADDR")]
    to: Option<String>,
    /// Only these states, separated by commas
    #[arg(long, value_name = "STATES")]
    state: Option<String>,
    /// Only of runs that are older than this: `2h`, `7d`
    #[arg(long, value_name = "SPAN")]
    older: Option<String>,
    /// Only these messages, by their ids; `-` reads ids from standard input
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
}

impl Which {
    /// The same for the daemon.
    ///
    /// # Errors
    /// A state or a span is none.
    pub(super) fn query(&self) -> Result<QueueQuery, Trouble> {
        for state in self.state.iter().flat_map(|states| states.split(',')) {
            State::from_name(state).ok_or_else(|| unknown_state(state))?;
        }
        let now = Clock::system().now();
        let before = self.older.as_ref().map(|span| since(span, now));
        Ok(QueueQuery {
            state: self.state.clone(),
            schedule: self.schedule.clone(),
            account: self.account.clone(),
            run: self.run.clone(),
            to: self.to.clone(),
            before: before
                .transpose()
                .map_err(|error| Trouble::new(exit::USAGE, error))?,
            id: ids(&self.id)?,
            ..QueueQuery::default()
        })
    }

    /// Whether it names the messages one by one.
    pub(super) fn names_ids(&self) -> bool {
        !self.id.is_empty()
    }

    /// With these ids, too.
    pub(super) fn and_ids(&self, ids: &[String]) -> Self {
        let mut which = self.clone();
        which.id.extend_from_slice(ids);
        which
    }
}

/// Ids as the daemon takes them, those from standard input in place of `-`.
fn ids(given: &[String]) -> Result<Option<String>, Trouble> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut ids: Vec<String> = Vec::new();
    for id in given {
        if id != "-" {
            ids.push(id.clone());
            continue;
        }
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|e| Trouble::new(exit::IO, e))?;
            // The first word: what `postroom queue` prints may be piped in as it is.
            ids.extend(line.split_whitespace().next().map(str::to_owned));
        }
        ids.retain(|id| id != "ID");
    }
    Ok(Some(ids.join(",")))
}
