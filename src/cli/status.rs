//! `postroom status`

use super::clock_words::{ago, ahead, between, wall};
use super::exit::{self, Exit};
use super::out::{Out, alarming, bold, count, counted, plain};
use super::source::Source;
use super::table::Table;
use super::{Trouble, hold, unknown_schedule, words};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::daemon::api::Status;
use crate::deliver::{AccountView, MeterView};
use crate::outbox::RunRow;
use crate::outbox::state::State;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Only this schedule
    schedule: Option<String>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let source = Source::of(config)?;
    let names = source.names()?;
    let mut status = source.status()?;
    if let Some(name) = &args.schedule {
        if !names.schedules.contains(name) {
            return Err(unknown_schedule(&names.schedules, name));
        }
        status.open.retain(|run| run.schedule == *name);
        let open = |id: &String| status.open.iter().any(|run| run.id == *id);
        status.forecasts.retain(|forecast| open(&forecast.run));
        status.last.retain(|run| run.schedule == *name);
        status.next.retain(|next| next.schedule == *name);
    }
    if out.json {
        out.value(&status);
        return Ok(exit::DONE);
    }
    head(&status, out);
    accounts(&names.accounts, &status, out);
    open_runs(&status, out);
    schedules(&names.schedules, args, &status, out);
    Ok(exit::DONE)
}

fn head(status: &Status, out: &Out) {
    let what = match &status.daemon {
        Some(process) => format!(
            "up {}   pid {}",
            between(process.started, status.now),
            process.pid
        ),
        None => alarming("no daemon runs: nothing is sent (`postroom daemon`)"),
    };
    let config = status.configuration.as_ref();
    let holds = config.map_or_else(String::new, |it| {
        let verdict = it.refused.as_ref().map_or(" (ok)", |_| "");
        format!("   config of {}{verdict}", wall(it.loaded_at))
    });
    out.line(format!(
        "{} {}   {what}{holds}",
        bold("postroom"),
        status.version
    ));
    if let Some(refused) = config.and_then(|it| it.refused.as_ref()) {
        let (at, text) = (wall(refused.at), plain(&refused.text));
        let more = match refused.errors {
            0 => "",
            _ => " (postroom check)",
        };
        out.line(alarming(&format!("! reload refused {at}: {text}{more}")));
    }
    if let Some(text) = &status.full {
        out.line(alarming(&format!("! {}", plain(text))));
    }
    for held in &status.holds {
        out.line(alarming(&format!("! {}", hold::words(held))));
    }
    let doubt: i64 = status
        .open
        .iter()
        .map(|run| run.counts.of(State::Uncertain))
        .sum();
    if doubt > 0 {
        let text = format!(
            "! nobody knows whether {} arrived: postroom queue --state uncertain",
            counted(doubt, "message", "messages")
        );
        out.line(alarming(&text));
    }
}

fn accounts(names: &[String], status: &Status, out: &Out) {
    let paced = status.accounts.iter().any(|view| !view.meters.is_empty());
    let mut table = match paced {
        true => Table::new(&["ACCOUNT", "STATE", "WAITING", "USED", "NOTE"]),
        false => Table::new(&["ACCOUNT", "STATE", "WAITING", "NOTE"]),
    };
    for name in names {
        let of_account = || status.open.iter().filter(|run| run.account == *name);
        let waiting: i64 = of_account()
            .map(|run| {
                run.counts
                    .sum(&[State::Queued, State::Leased, State::Armed, State::Deferred])
            })
            .sum();
        let view = status.accounts.iter().find(|view| view.name == *name);
        let (state, note) = match view.map(|view| (&view.trouble, view.connections)) {
            None => ("-".to_owned(), String::new()),
            Some((None, 0)) => ("idle".to_owned(), String::new()),
            Some((None, n)) => (
                "sending".to_owned(),
                counted(n as u64, "connection", "connections"),
            ),
            Some((Some(trouble), _)) => {
                let again = trouble.retry_at.map_or_else(
                    || "mend it and reload".to_owned(),
                    |at| format!("next try {}", ahead(at, status.now)),
                );
                let down = format!("down {}", between(trouble.since, status.now));
                (down, format!("{}; {again}", plain(&trouble.text)))
            }
        };
        let used = view.map_or_else(String::new, used);
        let taught = view.into_iter().flat_map(taught);
        let notes: Vec<String> = [note]
            .into_iter()
            .filter(|it| !it.is_empty())
            .chain(taught)
            .collect();
        let mut row = vec![name.clone(), state, count(waiting)];
        row.extend(paced.then_some(used));
        row.push(notes.join("; "));
        table.row(row);
    }
    out.lines(&table.lines());
}

/// How much of each rate is taken now.
fn used(view: &AccountView) -> String {
    let mut rates: Vec<&MeterView> = view.meters.iter().collect();
    rates.dedup_by(|burst, whole| burst.rate == whole.rate);
    let used = rates
        .iter()
        .map(|it| format!("{} of {}", count(it.taken()), it.rate));
    used.collect::<Vec<_>>().join(", ")
}

/// What the account's server, or its absence, has led to.
fn taught(view: &AccountView) -> impl Iterator<Item = String> {
    let learned = view.learned.as_ref();
    let learned = learned.map(|rate| format!("its server wants less: {rate} at most, for now"));
    let carried = view.carried_by.as_ref();
    let carried = carried.map(|other| format!("its mail goes through {other}"));
    learned.into_iter().chain(carried)
}

fn open_runs(status: &Status, out: &Out) {
    if status.open.is_empty() {
        return;
    }
    let mut table = Table::new(&["RUNNING", "SINCE", "RUN", "SO FAR"]);
    let now = Timestamp::from_millisecond(status.now).unwrap_or(Timestamp::MIN);
    for run in &status.open {
        let so_far = if run.state == "expanding" {
            match words::counts(&run.counts) {
                none if none.is_empty() => "reading its lists".to_owned(),
                some => format!("reading its lists: {some}"),
            }
        } else {
            let ends = words::ends(&status.forecasts, &run.id, now);
            let more = [ends, run.reason.as_deref().map(plain)];
            let said = std::iter::once(words::result(run)).chain(more.into_iter().flatten());
            said.collect::<Vec<_>>().join("; ")
        };
        table.row(vec![
            run.schedule.clone(),
            ago(run.opened_at, status.now),
            run.id.clone(),
            so_far,
        ]);
    }
    out.lines(&table.lines());
}

fn schedules(names: &[String], args: &Args, status: &Status, out: &Out) {
    let mut table = Table::new(&["SCHEDULE", "LAST RUN", "NEXT", "RESULT"]);
    let wanted = |name: &&String| args.schedule.as_ref().is_none_or(|it| it == *name);
    for name in names.iter().filter(wanted) {
        let last = status.last.iter().find(|run| run.schedule == *name);
        let next = status.next.iter().find(|next| next.schedule == *name);
        table.row(vec![
            name.clone(),
            last.map_or_else(|| "-".to_owned(), |run| wall(run.opened_at)),
            next.map_or_else(
                || "by hand".to_owned(),
                |next| format!("{} ({})", wall(next.at), ahead(next.at, status.now)),
            ),
            last.map_or_else(String::new, ended),
        ]);
    }
    out.lines(&table.lines());
}

fn ended(run: &RunRow) -> String {
    match run.state.as_str() {
        "completed" => words::result(run),
        state => format!("{state}: {}", words::result(run)),
    }
}
