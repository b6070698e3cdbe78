//! `postroom suppress add`: an address that a person names, or the holder of a token.

use std::io::Read;

use serde_json::json;

use super::super::changing::change;
use super::super::exit::{self, Exit};
use super::super::out::Out;
use super::super::source::key_of;
use super::super::{Trouble, hold, runtime};
use super::import;
use crate::compose::{Unsubscription, read_token};
use crate::config::Config;
use crate::daemon::api::{Changed, SuppressRequest};
use crate::deliver::token_keys;
use crate::outbox::{Banned, Suppress};
use crate::plan::Roll;

/// Who says so of those who used their own link.
const SOURCE: &str = "unsubscribe";
const REASON: &str = "unsubscribed by the link in a mail";
/// No token is longer, in bytes.
const LONGEST: u64 = 4096;

#[derive(clap::Args, Debug)]
pub(in super::super) struct Args {
    /// The address
    #[arg(required_unless_present = "token")]
    address: Option<String>,
    /// Whoever holds this token of an unsubscribe link; `-` reads it from standard input
    #[arg(long, conflicts_with_all = ["address", "scope", "reason", "until"])]
    token: Option<String>,
    /// Only the mail of this schedule
    #[arg(long, value_name = "SCHEDULE")]
    scope: Option<String>,
    /// Why, for those who ask later
    #[arg(long, default_value = "asked for by a person")]
    reason: String,
    /// When it ends by itself: after a span (`90d`), or at a time (`2026-12-24T09:00:00Z`)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

pub(super) fn run(config: &Config, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let (address, scope, changed) = match &args.token {
        Some(token) => by_token(config, token)?,
        None => by_name(config, args)?,
    };
    if out.json {
        let told = match &args.token {
            Some(_) => json!({ "changed": changed, "address": address, "scope": scope }),
            None => json!({ "changed": changed }),
        };
        out.value(&told);
        return Ok(exit::DONE);
    }
    let of = of(&scope);
    out.line(match (&args.until, changed) {
        (Some(until), true) => format!("{address} gets no mail{of} from now on, until {until}"),
        (None, true) => format!("{address} gets no mail{of} from now on"),
        (_, false) => format!("{address} got no mail{of} before, for as long or longer"),
    });
    Ok(exit::DONE)
}

/// What follows "no mail" where that is of one schedule only.
pub(super) fn of(scope: &str) -> String {
    match scope {
        "" => String::new(),
        scope => format!(" of schedule {scope}"),
    }
}

fn by_name(config: &Config, args: &Args) -> Result<(String, String, bool), Trouble> {
    let typed = args.address.clone().unwrap_or_default();
    let key = key_of(&typed)?;
    let scope = args.scope.clone().unwrap_or_default();
    if args.scope.is_some() {
        Roll::of(config, &scope).map_err(|error| Trouble::new((&error).into(), error))?;
    }
    let request = SuppressRequest {
        address: key.clone(),
        reason: args.reason.clone(),
        ends_at: args.until.as_deref().map(hold::end).transpose()?,
        scope: scope.clone(),
    };
    let changed = change(
        config,
        |client| {
            let answer: Changed = client.post("/v1/suppressions", &request)?;
            Ok(answer.changed)
        },
        |outbox, author| {
            let banned = Banned {
                ends_at: request.ends_at,
                scope: request.scope.clone(),
                ..Banned::new(&key, &request.reason, author)
            };
            Ok(outbox.submit(Suppress::from(banned)).wait()? > 0)
        },
    )?;
    Ok((typed, scope, changed))
}

fn by_token(config: &Config, token: &str) -> Result<(String, String, bool), Trouble> {
    let token = match token {
        "-" => typed()
            .map_err(|error| Trouble::new(exit::IO, format!("cannot read the token: {error}")))?,
        token => token.to_owned(),
    };
    let Unsubscription { address, scope } = holder(config, token.trim())?;
    let banned = Banned {
        scope: scope.clone(),
        ..Banned::new(&address, REASON, SOURCE)
    };
    let changed = import::write(config, vec![banned])?.added > 0;
    Ok((address, scope, changed))
}

fn typed() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(LONGEST)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// What a token says. There is one answer for all that are none.
fn holder(config: &Config, token: &str) -> Result<Unsubscription, Trouble> {
    let Some(unsubscribing) = &config.unsubscribe else {
        let text = "there are no tokens without [unsubscribe] in the configuration";
        return Err(Trouble::new(exit::CONFIG, text));
    };
    let (keys, faults) = runtime().block_on(token_keys(unsubscribing));
    let said = read_token(token, &keys).filter(|said| key_of(&said.address).is_ok());
    said.ok_or_else(|| match faults.into_iter().next() {
        Some(fault) => Trouble::new(exit::PERMISSION, fault),
        None => Trouble::new(exit::DATA, "this is no token of this postroom"),
    })
}
