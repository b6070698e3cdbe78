//! What a person means by a filter: names that exist, one run, rows by their ids.

use crate::audience;
use crate::config::Config;
use crate::outbox::state::State;
use crate::outbox::{DeliveryId, Filter, OutboxError, Reader, RunNo, RunRow, Scope};

use super::answer;
use super::api::QueueQuery;

/// Why a question cannot be asked so.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It names something that there is not.
    #[error("{0}")]
    Unknown(String),
    /// The outbox cannot be read.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// The deliveries that a query means.
///
/// # Errors
/// It names a state, schedule, account, run, row or address that there is not.
pub fn filter(config: &Config, reader: &Reader, query: &QueueQuery) -> Result<Filter, Unfit> {
    let states = query.state.iter().flat_map(|states| states.split(','));
    let states = states.filter(|word| !word.is_empty()).map(state);
    if let Some(name) = &query.schedule {
        known_schedule(config, reader, name)?;
    }
    if let Some(name) = &query.account {
        known_account(config, reader, name)?;
    }
    let run = query.run.as_ref().map(|id| the_run(reader, id));
    let ids = query.id.as_ref().map(|ids| {
        let ids = ids.split(',').filter(|id| !id.is_empty());
        ids.map(|id| row(reader, id)).collect::<Result<_, _>>()
    });
    Ok(Filter {
        states: states.collect::<Result<_, _>>()?,
        schedule: query.schedule.clone(),
        account: query.account.clone(),
        run: run.transpose()?.map(|run| run.id),
        to: query.to.as_deref().map(recipient).transpose()?,
        since: query.since,
        before: query.before,
        ids: ids.transpose()?,
        after: query.after.as_ref().map(|id| row(reader, id)).transpose()?,
        limit: query.limit,
    })
}

/// What a hold is on, with the whole id of a run.
///
/// # Errors
/// There is no such thing.
pub fn scope(config: &Config, reader: &Reader, scope: Scope) -> Result<Scope, Unfit> {
    match &scope {
        Scope::All => {}
        Scope::Schedule(name) => known_schedule(config, reader, name)?,
        Scope::Account(name) => known_account(config, reader, name)?,
        Scope::Run(id) => return Ok(Scope::Run(the_run(reader, id)?.id)),
    }
    Ok(scope)
}

/// The row that a person named: `01J….17`, or with a beginning of the run's id that fits no other.
///
/// # Errors
/// There is none.
pub fn row(reader: &Reader, id: &str) -> Result<DeliveryId, Unfit> {
    let shown = id.escape_debug();
    let parts = id.split_once('.');
    let parts = parts.and_then(|(run, seq)| Some((run, seq.parse::<i64>().ok()?)));
    let Some((run, seq)) = parts else {
        let text = format!("`{shown}` is not the id of a message: `postroom queue` shows them");
        return Err(Unfit::Unknown(text));
    };
    let run = the_run(reader, run)?;
    let no = reader.run_no(&run.id)?.unwrap_or(RunNo(0));
    Ok(DeliveryId { run: no, seq })
}

fn the_run(reader: &Reader, id: &str) -> Result<RunRow, Unfit> {
    let found = if id.is_empty() { None } else { reader.run(id)? };
    found.map_or_else(|| Err(no_run(reader, id)?), Ok)
}

fn no_run(reader: &Reader, id: &str) -> Result<Unfit, OutboxError> {
    let newest = reader.runs(None, None, 3)?;
    let newest: Vec<String> = newest
        .iter()
        .map(|run| format!("{} ({})", run.id, run.schedule))
        .collect();
    Ok(Unfit::Unknown(format!(
        "no run has the id {0}, or more than one begins with it; the newest are: {1}",
        id.escape_debug(),
        listed(newest.iter().map(String::as_str))
    )))
}

fn state(word: &str) -> Result<String, Unfit> {
    match State::from_name(word) {
        Some(state) => Ok(state.name().to_owned()),
        None => Err(Unfit::Unknown(format!(
            "`{}` is not a state; there are {}",
            word.escape_debug(),
            listed(State::ALL.iter().map(|state| state.name()))
        ))),
    }
}

fn known_schedule(config: &Config, reader: &Reader, name: &str) -> Result<(), Unfit> {
    if config.schedules.contains_key(name) || reader.knows_schedule(name)? {
        return Ok(());
    }
    let known = config.schedules.keys().map(String::as_str);
    Err(unknown("schedule", name, known))
}

fn known_account(config: &Config, reader: &Reader, name: &str) -> Result<(), Unfit> {
    if config.accounts.contains_key(name) || reader.knows_account(name)? {
        return Ok(());
    }
    let known = config.accounts.keys().map(String::as_str);
    Err(unknown("account", name, known))
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Unfit {
    let (name, known) = (name.escape_debug(), listed(known));
    Unfit::Unknown(format!("no {what} is called `{name}`; there are {known}"))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// An address as it is compared, or a domain with its `@`.
fn recipient(text: &str) -> Result<String, Unfit> {
    let bad = |error: String| Unfit::Unknown(error);
    let Some(domain) = text.strip_prefix('@') else {
        return answer::key(text).map_err(|error| bad(error.to_string()));
    };
    // The domain of any address there, in the form in which they are compared.
    let key = audience::mailbox(&format!("a@{domain}")).map_err(|fault| {
        let domain = domain.escape_debug();
        bad(format!("`@{domain}` is not a domain: {fault}"))
    })?;
    let key = audience::key(&key.email);
    Ok(key.strip_prefix('a').unwrap_or(&key).to_owned())
}
