//! `postroom secret`: what nobody may see gets where it belongs.
//!
//! A value is read from a terminal without an echo or from a pipe, goes into the file that the
//! configuration names, and is printed nowhere.

mod ask;
mod store;

use std::io::{self, IsTerminal};

pub(super) use self::ask::{ask, line};
pub(super) use self::store::{Service, cannot, create, folder, store, store_new};

use super::exit::{self, Exit};
use super::out::{Out, plain};
use super::{Ready, Trouble};
use crate::config::Config;
use crate::secret::Secret;

#[derive(clap::Subcommand, Debug)]
pub(super) enum Verb {
    /// Write a password or a token into the file that the configuration names for it
    ///
    /// Asks twice on a terminal, without showing what is typed, or reads one line from a pipe. The
    /// file is written whole or not at all, and only the service and you can read it.
    Set {
        /// The account, or the key: `main`, `account.main.password` or `unsubscribe.key`
        name: String,
    },
}

pub(super) fn run(ready: &Ready, verb: &Verb, out: &Out) -> Result<Exit, Trouble> {
    let Verb::Set { name } = verb;
    let wanted = wanted(&ready.config, name)?;
    let title = wanted.title();
    let Secret::File(path) = wanted.secret else {
        return Err(Trouble::new(exit::USAGE, elsewhere(&title, &wanted)));
    };
    let value = ask(&title, false, out)?;
    let stored = store(path, &value, &Service::of(&ready.config.daemon.state))?;
    if out.json {
        out.value(&serde_json::json!({
            "account": wanted.account,
            "key": wanted.path(),
            "file": path,
            "mode": format!("{:04o}", stored.mode),
            "owner": stored.owner,
        }));
        return Ok(exit::DONE);
    }
    out.line(format!(
        "{} holds {title} now ({:04o} {})",
        path.display(),
        stored.mode,
        stored.owner
    ));
    if io::stderr().is_terminal() {
        out.note(match wanted.account {
            Some(name) => {
                format!("It is read at the next login; `postroom account test {name}` tries it.")
            }
            None => "`postroom reload` has a running daemon read it.".to_owned(),
        });
    }
    Ok(exit::DONE)
}

/// A secret that was meant.
struct Wanted<'a> {
    /// Whose it is, if it is an account's.
    account: Option<&'a str>,
    /// The key that it stands under.
    key: &'static str,
    secret: &'a Secret,
}

impl Wanted<'_> {
    fn title(&self) -> String {
        match self.account {
            Some(account) => format!("the {} of account `{account}`", self.key),
            None => format!("the {} of [unsubscribe]", self.key),
        }
    }

    fn path(&self) -> String {
        match self.account {
            Some(account) => format!("account.{account}.{}", self.key),
            None => format!("unsubscribe.{}", self.key),
        }
    }
}

/// The secret that somebody names. An account goes before [unsubscribe], whose key has a full name.
fn wanted<'a>(config: &'a Config, typed: &str) -> Result<Wanted<'a>, Trouble> {
    let is_of_links = typed == "unsubscribe.key"
        || (typed == "unsubscribe" && !config.accounts.contains_key(typed));
    if let Some(unsubscribing) = config.unsubscribe.as_ref().filter(|_| is_of_links) {
        return Ok(Wanted {
            account: None,
            key: "key",
            secret: &unsubscribing.key,
        });
    }
    let name = typed.strip_prefix("account.").unwrap_or(typed);
    let (name, asked) = match name.rsplit_once('.') {
        Some((name, key @ ("password" | "token"))) => (name, Some(key)),
        _ => (name, None),
    };
    let unknown = |text: String| Trouble::new(exit::USAGE, plain(&text));
    let Some(account) = config.accounts.get(name) else {
        let known: Vec<&str> = config.accounts.keys().map(String::as_str).collect();
        let known = match known.join(", ") {
            known if known.is_empty() => "none".to_owned(),
            known => known,
        };
        return Err(unknown(format!(
            "no account is called `{name}`; there are {known}"
        )));
    };
    let Some(login) = &account.login else {
        return Err(unknown(format!(
            "account `{name}` does not log in: write `user`, and `password = {{ file = \
             \"secrets/{name}\" }}`"
        )));
    };
    let key = login.proof.name();
    match asked {
        Some(asked) if asked != key => Err(unknown(format!(
            "account `{name}` has a {key}, not a {asked}"
        ))),
        _ => Ok(Wanted {
            account: Some(&account.name),
            key,
            secret: login.proof.secret(),
        }),
    }
}

/// Why there is no file to write, and what to do instead.
fn elsewhere(title: &str, wanted: &Wanted<'_>) -> String {
    let Wanted { key, secret, .. } = wanted;
    let name = wanted.account.unwrap_or("unsubscribe");
    let file = format!("write `{key} = {{ file = \"secrets/{name}\" }}`");
    match secret {
        Secret::Literal(_) => {
            format!("{title} stands in the configuration itself: {file} there, then say this again")
        }
        Secret::Env(variable) => format!(
            "{title} comes from the environment variable `{variable}`: set it where the service is \
             started, or {file}"
        ),
        Secret::Command { .. } => format!(
            "{title} comes from a program ({}): change it there, or {file}",
            secret.origin()
        ),
        Secret::Credential(credential) => format!(
            "{title} is the credential `{credential}` of systemd: write the file that \
             LoadCredential={credential}:… of the unit names and restart the service, or {file}"
        ),
        Secret::File(path) => format!("{title} is in {}", path.display()),
    }
}
