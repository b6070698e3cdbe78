//! `postroom demo`: the whole way of a batch, on this machine alone.
//!
//! The example `examples/quickstart` is written into a folder. The sandbox runs in this process;
//! the daemon is a child running this same program, so what is seen is what will run. When the
//! schedule has fired and nothing more can be done, it tells what became of every row. The folder
//! stays and can be run by hand; no process stays, however the demo ends.

mod account;
mod folder;
mod letter;
mod next_steps;
mod process;
mod waiting;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::client::{AskError, Client};
use super::exit::{self, Exit};
use super::out::{self, Out, bold, count, plain};
use super::{Trouble, runtime};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::outbox::RunRow;
use crate::sandbox::{Options, Sandbox};
use account::Told;
use folder::Folder;
use process::Process;

/// The schedule of the example.
const SCHEDULE: &str = "power-cut";
/// Where the example looks for the sandbox, and where `postroom sandbox` listens.
const PORT: u16 = 2465;

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// A new or empty folder to do it in; it stays [default: one in the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let runtime = runtime();
    let stop = stop_on_signals(&runtime)?;
    let folder = Folder::make(args.dir.as_deref(), &Clock::system())?;
    let sandbox = start_sandbox(&runtime, &folder)?;
    let shown = prepare(&folder, &sandbox).and_then(|config| show(&config, &folder, &stop, out));
    runtime.block_on(sandbox.stop());
    match shown {
        Err(_) if stop.is_cancelled() => {
            let folder = folder.path().display();
            out.note(format!("\nStopped. What was done so far lies in {folder}"));
            Ok(exit::NO)
        }
        shown => shown.map(|()| exit::DONE),
    }
}

/// Is cancelled when somebody wants this to end.
fn stop_on_signals(runtime: &Runtime) -> Result<CancellationToken, Trouble> {
    let stop = CancellationToken::new();
    let _context = runtime.enter();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let mut signals = signal(kind)
            .map_err(|error| Trouble::new(exit::IO, format!("cannot handle signals: {error}")))?;
        let stop = stop.clone();
        runtime.spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

/// Starts the sandbox where the example looks for it, or on any port if that one is taken.
fn start_sandbox(runtime: &Runtime, folder: &Folder) -> Result<Sandbox, Trouble> {
    let on = |port| Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        dir: Some(folder.sandbox()),
        ..Options::default()
    };
    let start = |port| runtime.block_on(Sandbox::start(on(port), Clock::system()));
    start(PORT)
        .or_else(|_| start(0))
        .map_err(|error| Trouble::new(exit::IO, error))
}

/// Makes the folder's configuration one for this sandbox, and reads it.
fn prepare(folder: &Folder, sandbox: &Sandbox) -> Result<Config, Trouble> {
    folder.set_port(sandbox.address().port())?;
    match config::load(&folder.config()) {
        Ok(loaded) if loaded.problems.is_empty() => Ok(loaded.config),
        Ok(loaded) => Err(loaded.problems),
        Err(problems) => Err(problems),
    }
    .map_err(|problems| Trouble::new(exit::CONFIG, problems.render(out::errors_have_colour())))
}

fn show(
    config: &Config,
    folder: &Folder,
    stop: &CancellationToken,
    out: &Out,
) -> Result<(), Trouble> {
    introduce(config, folder, out);
    let mut daemon = Process::start(folder, stop)?;
    let client = daemon.connect(&config.daemon.socket)?;
    let (run, rows) = follow(&client, &mut daemon, out).map_err(|it| daemon.explain(it))?;
    drop(client);
    daemon.stop();
    report(config, folder, &run, &rows, out)
}

/// From the wait for the schedule to the last row of its run.
fn follow(
    client: &Client,
    daemon: &mut Process,
    out: &Out,
) -> Result<(RunRow, Vec<Told>), Trouble> {
    waiting::for_the_schedule(client, daemon, out)?;
    let run = waiting::for_the_run(client, daemon, out)?;
    let rows = account::rows_of(client, &run)?;
    Ok((run, rows))
}

fn introduce(config: &Config, folder: &Folder, out: &Out) {
    if out.json {
        return;
    }
    let account = config.schedules[SCHEDULE].via.join(", ");
    let address = &config.accounts[&account];
    out.line(format!(
        "{}, in {}",
        bold("postroom demo"),
        folder.path().display()
    ));
    for (what, which, where_) in [
        (
            "configuration",
            "postroom.toml",
            "one schedule, every minute".to_owned(),
        ),
        (
            "list",
            "lists/members.csv",
            "people with names in eight scripts".to_owned(),
        ),
        (
            "template",
            "templates/notice/",
            "subject, text and HTML".to_owned(),
        ),
        (
            "mail server",
            "sandbox/",
            format!(
                "{}:{}, takes mail and delivers none",
                address.host, address.port
            ),
        ),
        ("daemon", "daemon.log", "what it says".to_owned()),
    ] {
        out.line(format!("  {what:<14} {which:<18} {where_}"));
    }
}

fn report(
    config: &Config,
    folder: &Folder,
    run: &RunRow,
    rows: &[Told],
    out: &Out,
) -> Result<(), Trouble> {
    let kept = folder.mail();
    let letter = letter::choose(rows, &kept)?;
    if out.json {
        out.value(&serde_json::json!({
            "folder": folder.path(), "config": folder.config(), "mail": kept,
            "run": run, "rows": rows.iter().map(|it| &it.row).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    account::tell(config, run, rows, out);
    if let Some(letter) = &letter {
        out.line(format!("\n{}", bold("One message as its reader sees it")));
        letter.lines().iter().for_each(|line| out.line(plain(line)));
    }
    let messages = count(letter::kept(&kept)?.len() as u64);
    out.line(format!("\n{messages} messages lie as .eml files in"));
    out.line(format!("  {}", kept.display()));
    let reader = letter.as_ref().map(|letter| letter.address.as_str());
    next_steps::tell(config, folder, rows, reader, out);
    Ok(())
}

fn asked<T>(answer: Result<T, AskError>) -> Result<T, Trouble> {
    answer.map_err(|error| Trouble::new(exit::UNAVAILABLE, error))
}
