//! `postroom send`

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use super::client::{AskError, Client};
use super::exit::{self, Exit};
use super::out::{Out, alarming, count, counted, plain};
use super::progress::{Watched, during, watch};
use super::source::unreachable;
use super::{Trouble, runtime, words};
use crate::clock::Clock;
use crate::config::Config;
use crate::daemon::api::{ListRead, SendAnswer, SendRequest};
use crate::daemon::{self, Engine, answer};
use crate::outbox::RunRow;
use crate::outbox::state::State;
use crate::plan::{Late, NotTo};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The schedule
    schedule: String,
    /// Only to this person of its lists
    #[arg(long, value_name = "ADDR")]
    only: Option<String>,
    /// Send one message, to this address instead of the person it was made for
    #[arg(long, value_name = "ADDR")]
    test: Option<String>,
    /// With --test: the message as this person of its lists would get it, not the first
    #[arg(
        long = "as", value_name = "ADDR", requires = "test",
        conflicts_with_all = ["only", "to_run"],
    )]
    person: Option<String>,
    /// To exactly the people of this run, as its lists had them then, instead of the schedule's
    #[arg(long, value_name = "RUN", conflicts_with = "only")]
    to_run: Option<String>,
    /// Those of them whose messages are in these states, separated by commas [default: accepted]
    #[arg(long, value_name = "STATES", requires = "to_run")]
    state: Option<String>,
    /// Send it although its people are more or fewer than the last run's by more than `max_change`
    #[arg(long, conflicts_with_all = ["only", "test", "to_run"])]
    accept_change: bool,
    /// Read and render everything, say what would be sent, send nothing
    #[arg(long)]
    dry_run: bool,
    /// Wait until it is done; exit 1 if not all was accepted
    #[arg(long)]
    wait: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// What a long opening does.
const READING: &str = "reading the lists";

pub(super) fn run(config: Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let mut request = SendRequest {
        schedule: args.schedule.clone(),
        only: args.only.as_ref().or(args.person.as_ref()).cloned(),
        test: args.test.clone(),
        to_run: args.to_run.clone(),
        state: args.state.clone(),
        accept_change: args.accept_change,
        dry_run: true,
    };
    match Client::of(&config) {
        Ok(client) => {
            let plan: SendAnswer =
                asked(during(READING, out, || client.post("/v1/send", &request)))?;
            if !agreed(&plan, args, out)? {
                return Ok(exit::DONE);
            }
            request.dry_run = false;
            by_daemon(&client, &request, args, out)
        }
        Err(AskError::NoDaemon(_)) => {
            let clock = Clock::system();
            let order =
                answer::order(&request, &clock).map_err(|e| Trouble::new((&e).into(), e))?;
            let plan = answer::survey(&config, &order, &clock)
                .map_err(|e| Trouble::new((&e).into(), e))?;
            if !agreed(&plan, args, out)? {
                return Ok(exit::DONE);
            }
            alone(Arc::new(config), &clock, order, out)
        }
        Err(error) => Err(unreachable(error)),
    }
}

fn asked<T>(answer: Result<T, AskError>) -> Result<T, Trouble> {
    answer.map_err(|error| match error {
        AskError::Refused(_) => Trouble::new(exit::DATA, error),
        AskError::Later(_) => Trouble::new(exit::LATER, error),
        _ => Trouble::new(exit::UNAVAILABLE, error),
    })
}

/// Shows what would be sent and asks, unless that was answered on the command line.
fn agreed(plan: &SendAnswer, args: &Args, out: &Out) -> Result<bool, Trouble> {
    if args.dry_run {
        if out.json {
            out.value(plan);
        } else {
            show(plan, args, out);
            out.line("Nothing was sent: this was a dry run.");
        }
        return Ok(false);
    }
    if args.yes || args.test.is_some() || args.only.is_some() {
        if args.yes {
            not_to(plan).iter().for_each(|line| out.note(line));
        }
        warn_late(plan.late.as_ref(), out);
        if let (true, Some(ends)) = (args.wait, end(plan)) {
            out.note(ends);
        }
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        let text = format!(
            "this sends {}: say so with --yes (nobody is there to be asked)",
            what(plan)
        );
        return Err(Trouble::new(exit::USAGE, text));
    }
    show(plan, args, out);
    out.note("Send now? Type the number of people:");
    let mut typed = String::new();
    let _ = std::io::stdin().lock().read_line(&mut typed);
    let typed: String = typed.chars().filter(char::is_ascii_digit).collect();
    if typed == plan.people.to_string() {
        return Ok(true);
    }
    out.line("Nothing was sent.");
    Ok(false)
}

fn show(plan: &SendAnswer, args: &Args, out: &Out) {
    let schedule = &plan.schedule;
    let whom = match &plan.group {
        None => counted(plan.people, "person", "people"),
        Some(_) => what(plan),
    };
    let seats = plan.group.map(|it| format!(" ({it})")).unwrap_or_default();
    out.line(format!("{schedule} -> {whom} via {}{seats}", plan.account));
    if plan.group.is_some() {
        out.line("  Group    each of them sees all who are in To and Cc");
    }
    out.line(format!("  From     {}", plain(&plan.from)));
    if let (Some(subject), Some(first)) = (&plan.subject, &plan.first) {
        out.line(format!("  Subject  {}", plain(subject)));
        let first = plain(first);
        out.line(format!(
            "           (to {first}; `postroom preview {schedule}` shows it)"
        ));
    }
    if let Some(test) = &args.test {
        out.line(format!("  Test     goes to {} only", plain(test)));
    }
    if plan.lists.len() > 1 {
        let lists: Vec<String> = plan.lists.iter().map(list_words).collect();
        out.line(format!("  Lists    {}", lists.join(", ")));
    }
    not_to(plan).iter().for_each(|line| out.line(line));
    if let Some(ends) = end(plan) {
        out.line(format!("  Ends     {ends}"));
    }
    warn_late(plan.late.as_ref(), out);
}

/// What would leave.
fn what(plan: &SendAnswer) -> String {
    let to = counted(plan.people, "person", "people");
    match plan.group {
        Some(_) => format!("one message to {to}"),
        None => format!("to {to}"),
    }
}

/// `guests 1,204 rows`
fn list_words(list: &ListRead) -> String {
    let rows = counted(list.rows, "row", "rows");
    match list.except {
        true => format!("`except` {} {rows}", list.list),
        false => format!("{} {rows}", list.list),
    }
}

/// Whom it does not go to, and which rows cannot be used.
fn not_to(plan: &SendAnswer) -> Vec<String> {
    let rows = NotTo {
        duplicates: plan.duplicates,
        left_out: plan.left_out,
        suppressed: plan.suppressed,
        sent_before: plan.sent_before,
        unusable: plan.invalid,
    };
    let mut lines = Vec::new();
    let words = rows.words();
    if !words.is_empty() {
        lines.push(format!("  Not to   {}", words.join(", ")));
    }
    lines.extend(bad_rows(plan.invalid, &plan.invalid_told));
    for list in plan.lists.iter().filter(|it| it.except && it.invalid > 0) {
        let rows = counted(list.invalid, "unusable row", "unusable rows");
        lines.push(format!("  Except   {rows} of {}", list.list));
        lines.extend(bad_rows(list.invalid, &list.invalid_told));
    }
    lines
}

/// The first unusable rows, a line each.
fn bad_rows(all: u64, told: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = told
        .iter()
        .map(|row| format!("           {}", plain(row)))
        .collect();
    let more = all.saturating_sub(told.len() as u64);
    if more > 0 && !told.is_empty() {
        lines.push(format!("           and {} more", count(more)));
    }
    lines
}

fn end(plan: &SendAnswer) -> Option<String> {
    words::end(plan.forecast.as_ref()?, Clock::system().now())
}

fn warn_late(late: Option<&Late>, out: &Out) {
    if let Some(late) = late {
        out.note(alarming(&format!("! {late}")));
    }
}

fn by_daemon(
    client: &Client,
    request: &SendRequest,
    args: &Args,
    out: &Out,
) -> Result<Exit, Trouble> {
    let answer: SendAnswer = asked(during(READING, out, || client.post("/v1/send", request)))?;
    let Some(run) = answer.run.clone() else {
        return Ok(exit::DONE);
    };
    if !args.wait {
        if out.json {
            out.value(&answer);
        } else {
            let people = counted(answer.people, "person", "people");
            out.line(format!(
                "run {run}: {people}; `postroom log --run {run}` follows it"
            ));
        }
        return Ok(exit::DONE);
    }
    let path = format!("/v1/runs/{run}");
    let watched = watch(|| asked(client.get::<RunRow>(&path, &())), out)?;
    Ok(conclude(&watched, "the daemon tries those again", out))
}

/// Without a daemon: opens the run, delivers, and stops when nothing more can be done now.
fn alone(
    config: Arc<Config>,
    clock: &Clock,
    order: crate::plan::Order,
    out: &Out,
) -> Result<Exit, Trouble> {
    daemon::log::start_quiet(config.daemon.log, clock.clone());
    let runtime = runtime();
    let engine = runtime
        .block_on(Engine::start(config, clock.clone(), None))
        .map_err(|e| Trouble::new((&e).into(), e))?;
    if let Err(trouble) = not_on_hold(&engine) {
        runtime.block_on(engine.stop());
        return Err(trouble);
    }
    let watched = during(READING, out, || runtime.block_on(engine.open(order)))
        .map_err(|e| Trouble::new((&e).into(), e));
    let watched = watched.and_then(|opening| {
        let reader = engine
            .outbox
            .reader()
            .map_err(|e| Trouble::new((&e).into(), e))?;
        let look = || {
            let run = reader
                .run(&opening.run)
                .map_err(|e| Trouble::new((&e).into(), e))?;
            told_of_trouble(&engine)?;
            run.ok_or_else(|| Trouble::new(exit::IO, "the run is gone"))
        };
        watch(look, out)
    });
    runtime.block_on(engine.stop());
    Ok(conclude(
        &watched?,
        "start the daemon to try those again",
        out,
    ))
}

/// Without a daemon nobody waits for a person to look at an outbox that went back in time.
fn not_on_hold(engine: &Engine) -> Result<(), Trouble> {
    let reader = engine.outbox.reader();
    match reader.and_then(|reader| reader.went_back()) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => {
            let text = format!("nothing is sent: {reason}");
            Err(Trouble::new(exit::LATER, text))
        }
        Err(error) => Err(Trouble::new((&error).into(), error)),
    }
}

/// Without a daemon nobody waits for an account to come back.
fn told_of_trouble(engine: &Engine) -> Result<(), Trouble> {
    let down = engine.watch().accounts().into_iter().find_map(|account| {
        account
            .trouble
            .map(|trouble| format!("account {} is down: {}", account.name, trouble.text))
    });
    down.map_or(Ok(()), |text| {
        let text = format!("{text}\nNothing is lost: what waits is sent when the daemon runs.");
        Err(Trouble::new(exit::LATER, text))
    })
}

fn conclude(watched: &Watched, later: &str, out: &Out) -> Exit {
    let run = &watched.run;
    if out.json {
        out.value(run);
    } else {
        out.line(format!("run {}: {}", run.id, plain(&words::result(run))));
        if !watched.complete {
            out.line(format!("  {later}: `postroom queue --run {}`", run.id));
        }
    }
    let good = [State::Accepted, State::Presumed, State::Skipped];
    if run.state != "failed" && run.counts.sum(&good) == run.counts.total() {
        exit::DONE
    } else {
        exit::NO
    }
}
