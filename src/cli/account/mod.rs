//! `postroom account`: what concerns one account.

mod cost;
mod dkim;
mod health;
mod json;
mod probe;
mod report;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

pub(super) use self::health::Health;
pub(super) use self::probe::Found;

use self::probe::probe;
use super::exit::{self, Exit};
use super::out::{Out, alarming, bold, counted};
use super::progress::during;
use super::{Trouble, runtime};
use crate::clock::Clock;
use crate::config::{Account, Config};
use crate::daemon::answer;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    /// Try an account: connect, log in, and say what its server offers and what a message costs
    ///
    /// It works from the configuration alone, with or without a daemon, and writes nothing. For a
    /// running daemon's server it is one connection more. Without --send-to no mail is sent.
    Test(Args),
    /// Make the keys that sign an account's mail (DKIM), and print their records for DNS
    ///
    /// One key with RSA and one with Ed25519, each in a file of its own in secrets/ beside the
    /// configuration. No file that is there is written to: for keys that are there already, or that
    /// the configuration names, their records are printed once more.
    Dkim(dkim::Args),
}

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The account
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// Every account, one after the other
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Also send a small message to this address; several with commas, or repeated. It belongs to
    /// no run: neither `rate` nor suppressions count for it, and no log has it
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    send_to: Vec<String>,
    /// Show the conversation, without secrets
    #[arg(long)]
    transcript: bool,
}

pub(super) fn run(config: &Config, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    match verb {
        Verb::Test(args) => test(config, args, out),
        Verb::Dkim(args) => dkim::run(config, args, out),
    }
}

fn test(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let to = args.send_to.iter().map(|typed| answer::mailbox(typed));
    let to: Vec<Mailbox> = to
        .collect::<Result<_, _>>()
        .map_err(|error| Trouble::new((&error).into(), error))?;
    let accounts: Vec<&Account> = match &args.name {
        Some(name) => vec![
            config
                .accounts
                .get(name)
                .ok_or_else(|| unknown(config, name))?,
        ],
        None => config.accounts.values().collect(),
    };
    let (runtime, clock) = (runtime(), Clock::system());
    let zone = &config.daemon.timezone;
    let tried = accounts.into_iter().enumerate().map(|(i, account)| {
        let work = || runtime.block_on(probe(account, &to, zone, &clock));
        let found = during("trying the account", out, work);
        if !out.json {
            if i > 0 {
                out.line("");
            }
            report::tell(&found, args.transcript, &clock, out);
        }
        found
    });
    let found: Vec<Found<'_>> = tried.collect();
    if args.all {
        conclude(&found, args, &clock, out);
    } else if out.json {
        let one = found.iter().map(|it| json::of(it, args.transcript, &clock));
        one.for_each(|it| out.value(&it));
    }
    let good = found.iter().all(Found::is_good);
    Ok(if good { exit::DONE } else { exit::NO })
}

/// Tries several accounts at once; what was found is in their order.
pub(super) fn try_all<'a>(
    accounts: &[&'a Account],
    zone: &TimeZone,
    clock: &Clock,
) -> Vec<Found<'a>> {
    let runtime = runtime();
    let probe = |account| runtime.block_on(probe(account, &[], zone, clock));
    std::thread::scope(|scope| {
        let tries = accounts.iter();
        let tries: Vec<_> = tries
            .map(|account| scope.spawn(|| probe(*account)))
            .collect();
        let tries = tries.into_iter();
        tries
            .map(|it| it.join().expect("a try of an account does not panic"))
            .collect()
    })
}

/// After all of them: which do not work.
fn conclude(found: &[Found<'_>], args: &Args, clock: &Clock, out: &Out) {
    let bad = found.iter().filter(|it| !it.is_good());
    let bad: Vec<&str> = bad.map(|it| it.account.name.as_str()).collect();
    if out.json {
        let accounts = found.iter().map(|it| json::of(it, args.transcript, clock));
        out.value(&serde_json::json!({
            "ok": bad.is_empty(),
            "failed": bad,
            "accounts": accounts.collect::<Vec<_>>(),
        }));
        return;
    }
    let all = counted(found.len(), "account", "accounts");
    out.line("");
    out.line(if bad.is_empty() {
        bold(&format!("{all}, no trouble"))
    } else {
        alarming(&format!("{all}, trouble with {}", bad.join(", ")))
    });
}

fn unknown(config: &Config, name: &str) -> Trouble {
    let known: Vec<&str> = config.accounts.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    let name = name.escape_debug();
    let text = format!("no account is called `{name}`; there are {known}");
    Trouble::new(exit::USAGE, text)
}
