//! The command line: one file for each verb a person types.
//!
//! Commands talk to the daemon; those that only read open the outbox themselves where no daemon
//! answers. What people read may change; `--json` is stable. Nothing prints but through [`out`],
//! which survives a closed pipe.

mod account;
mod backup;
mod bug;
mod changing;
mod check;
mod client;
mod clock_words;
mod config;
mod daemon;
mod demo;
mod exit;
mod explain;
mod forget;
mod hold;
mod interrupted;
mod load;
mod log;
mod man;
mod mistyped;
mod next;
mod out;
mod preview;
mod progress;
mod queue;
mod reload;
mod restore;
mod sandbox;
mod secret;
mod send;
mod signatures;
mod source;
mod status;
mod suppress;
mod table;
mod which;
mod why;
mod words;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, Loaded, Problems};
use crate::outbox::Reader;
use crate::outbox::state::State;
use crate::program;
use client::{AskError, Client};
use exit::Exit;
use out::Out;

/// Scheduled notification mail that arrives: each person once, none forgotten.
#[derive(Debug, Parser)]
#[command(
    name = "postroom",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    /// The configuration file [default: ./postroom.toml, then ~/.config/postroom/postroom.toml,
    /// then /etc/postroom/postroom.toml]
    #[arg(
        short,
        long,
        global = true,
        env = "POSTROOM_CONFIG",
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    /// Print JSON: one object, stable; ignore members that you do not know
    #[arg(long, global = true)]
    json: bool,
    /// Whether to colour what is printed; NO_COLOR, CLICOLOR_FORCE and TERM=dumb are heeded, too
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[command(subcommand)]
    verb: Verb,
}

/// When to colour.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Color {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run in the foreground: fire schedules, deliver, answer questions
    Daemon(daemon::Args),
    /// Say what is wrong with the configuration
    Check(check::Args),
    /// Say when schedules run
    Next(next::Args),
    /// Show messages as they would be sent: here, in files, or on a page in the browser
    Preview(preview::Args),
    /// Send a schedule now
    Send(send::Args),
    /// Say what runs, what is due and what is stuck
    Status(status::Args),
    /// Let the daemon go on by the configuration as it is now, or say why it does not
    Reload(reload::Args),
    /// Send nothing of a schedule, an account, a run, or at all, until it is released
    Hold(hold::Args),
    /// Let go on what is on hold
    Release(hold::ReleaseArgs),
    /// List what waits to be delivered; try it again, cancel it, settle what is in doubt
    Queue(Box<queue::Args>),
    /// List what was done: runs, and messages that failed
    Log(log::Args),
    /// Say all that happened to one person
    Why(why::Args),
    /// Say who gets no mail, or change that
    #[command(subcommand)]
    Suppress(suppress::Verb),
    /// Remove a person from the outbox, all but for a keyed hash that keeps mail away
    Forget(forget::Args),
    /// Copy the outbox and the configuration file, also while the daemon runs
    Backup(backup::Args),
    /// Put a backup back; nothing is sent from it until you say so
    Restore(restore::Args),
    /// Try an account, or make the keys that sign its mail (DKIM)
    #[command(subcommand)]
    Account(account::Verb),
    /// Look at the configuration as it is in effect, or begin one
    #[command(subcommand)]
    Config(config::Verb),
    /// Say what a key, a code or a topic means; alone, list them all
    Explain(explain::Args),
    /// Write the manual pages into a folder
    #[command(hide = true)]
    Man(man::Args),
    /// Write passwords and tokens to where the configuration looks for them
    #[command(subcommand)]
    Secret(secret::Verb),
    /// Run a mail server to try things against; it delivers nothing
    Sandbox(sandbox::Args),
    /// See it all at work: sandbox, daemon, a schedule that fires; needs no account and no network
    Demo(demo::Args),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut error) => {
            mistyped::explain(&mut error);
            let printed = error.print().and_then(|()| io::stdout().flush());
            return match printed {
                _ if error.use_stderr() => exit::USAGE.into(),
                Err(error) if error.kind() != ErrorKind::BrokenPipe => exit::IO.into(),
                _ => exit::DONE.into(),
            };
        }
    };
    anstream::ColorChoice::from(cli.color).write_global();
    let out = Out::new(cli.json || cli.verb.speaks_json());
    bug::tell_of_panics();
    if cli.verb.runs_programs() {
        interrupted::end_with_programs();
    }
    let done = bug::guarded(|| {
        run(&cli, &out).unwrap_or_else(|trouble| {
            out.error(&trouble.text);
            trouble.exit
        })
    });
    program::end_all();
    match out.failure() {
        Some(error) => {
            out.error(&format!("the answer cannot be written: {error}"));
            exit::IO.into()
        }
        None => done.into(),
    }
}

impl Verb {
    /// Whether it may run programs of the configuration itself, and has no end of its own.
    fn runs_programs(&self) -> bool {
        match self {
            Self::Check(args) => args.runs_programs(),
            Self::Preview(args) => args.ends(),
            Self::Next(_) | Self::Send(_) | Self::Account(_) => true,
            _ => false,
        }
    }

    fn speaks_json(&self) -> bool {
        matches!(self, Self::Check(args) if args.speaks_json())
    }
}

fn run(cli: &Cli, out: &Out) -> Result<Exit, Trouble> {
    match &cli.verb {
        Verb::Sandbox(args) => sandbox::run(args, out),
        Verb::Demo(args) => demo::run(args, out),
        Verb::Check(args) => check::run(cli, args, out),
        Verb::Explain(args) => explain::run(args, out),
        Verb::Man(args) => man::run(args, out),
        Verb::Daemon(args) => daemon::run(load(cli).map_err(Trouble::of_start)?, args, out),
        Verb::Next(args) => next::run(&load(cli)?.config, args, out),
        Verb::Preview(args) => preview::run(cli, args, out),
        Verb::Send(args) => send::run(find(cli, out, To::Change)?, args, out),
        Verb::Reload(args) => reload::run(cli, args, out),
        Verb::Status(args) => status::run(&find(cli, out, To::Read)?, args, out),
        Verb::Hold(args) => hold::hold(&find(cli, out, To::Change)?, args, out),
        Verb::Release(args) => hold::release(&find(cli, out, To::Change)?, args, out),
        Verb::Queue(args) => queue::run(&find(cli, out, args.to())?, args, out),
        Verb::Log(args) => log::run(&find(cli, out, To::Read)?, args, out),
        Verb::Why(args) => why::run(&find(cli, out, To::Read)?, args, out),
        Verb::Backup(args) => backup::run(&find(cli, out, To::Read)?, args, out),
        Verb::Restore(args) => restore::run(&load(cli)?.config, args, out),
        Verb::Account(verb) => account::run(&load(cli)?.config, verb, out),
        Verb::Config(verb) => config::run(cli, verb, out),
        Verb::Secret(verb) => secret::run(&load(cli)?, verb, out),
        Verb::Forget(args) => forget::run(&find(cli, out, To::Change)?, args, out),
        Verb::Suppress(verb) => suppress::run(&find(cli, out, verb.to())?, verb, out),
    }
}

/// Why a command could not do what it was asked to.
struct Trouble {
    exit: Exit,
    text: String,
}

impl Trouble {
    fn new(exit: Exit, text: impl ToString) -> Self {
        Self {
            exit,
            text: text.to_string(),
        }
    }

    /// The same for a service, which is not to be restarted before somebody has mended it.
    fn of_start(self) -> Self {
        Self::new(exit::CONFIG, self.text)
    }
}

fn unknown_schedule<'a>(known: impl IntoIterator<Item = &'a String>, name: &str) -> Trouble {
    let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let name = name.escape_debug();
    Trouble::new(
        exit::USAGE,
        format!("no schedule is called `{name}`; there are {known}"),
    )
}

fn unknown_state(word: &str) -> Trouble {
    let known = State::ALL.map(State::name).join(", ");
    Trouble::new(
        exit::USAGE,
        format!(
            "`{}` is not a state; there are {known}",
            word.escape_debug()
        ),
    )
}

/// The configuration with the problems that leave it usable.
struct Ready {
    config: Config,
    problems: Problems,
}

/// Finds and reads the configuration.
fn load(cli: &Cli) -> Result<Ready, Trouble> {
    let path =
        crate::config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    match crate::config::load(&path) {
        Ok(Loaded { config, problems }) => Ok(Ready { config, problems }),
        Err(problems) => Err(Trouble::new(
            Exit::of_configuration(&path),
            problems.render(out::errors_have_colour()),
        )),
    }
}

/// What a command wants of the daemon or the outbox.
#[derive(Clone, Copy, PartialEq)]
enum To {
    Read,
    Change,
}

/// The same for commands that only have to find the daemon or the outbox: whoever has broken the
/// file must still be able to see what runs, and to stop it. Without a daemon nothing is changed by
/// a file that is wrong.
fn find(cli: &Cli, out: &Out, to: To) -> Result<Config, Trouble> {
    let refused = match load(cli) {
        Ok(ready) => return Ok(ready.config),
        Err(trouble) => trouble,
    };
    let path = crate::config::find(cli.config.as_deref()).ok();
    let Some(config) = path.as_deref().and_then(crate::config::glimpse) else {
        return Err(refused);
    };
    let answers = match Client::of(&config) {
        Err(error @ AskError::Another { .. }) => return Err(source::unreachable(error)),
        answer => answer.is_ok(),
    };
    if !answers && (to == To::Change || !Reader::exists(&config.daemon.state)) {
        return Err(refused);
    }
    let who = if answers {
        "the daemon goes on by what it read last"
    } else {
        "this is what the outbox says"
    };
    let file = config.path.display();
    out.note(format!("{file} has errors (`postroom check`); {who}"));
    Ok(config)
}

/// A runtime for commands that talk to sockets.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("the machine can start a few threads")
}
