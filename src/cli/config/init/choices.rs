//! What a new configuration is to say: from the options, or asked for.

use std::path::PathBuf;

use lettre::message::Mailbox;

use super::super::super::out::Out;
use super::super::super::secret::line;
use super::super::super::{Trouble, exit};
use super::Args;
use crate::audience;
use crate::config::{PROVIDERS, Provider, Servers, is_this_machine, provider, provider_of};

/// What a new configuration is to say.
pub(super) struct Choices {
    pub(super) from: Mailbox,
    pub(super) server: Server,
    pub(super) user: Option<String>,
    pub(super) ca: Option<PathBuf>,
    /// Who is on the first list.
    pub(super) to: Mailbox,
    /// The time zone of this machine.
    pub(super) zone: String,
}

/// Where the mail goes out.
pub(super) enum Server {
    Known(&'static Provider, Option<String>),
    Host(String, Option<u16>, Option<String>),
}

impl Choices {
    /// With somebody at a terminal, what is missing is asked for.
    pub(super) fn make(args: &Args, person: Option<&Out>) -> Result<Self, Trouble> {
        let address = given(
            &args.address,
            person,
            "The address that the mail is from: ",
            None,
        )?;
        let Some(address) = address else {
            return Err(missing("--address ADDR, who the mail is from"));
        };
        let from = mailbox(&address)?;
        let server = server(args, &from, person)?;
        let ca = args.ca.clone().map(|it| it.canonicalize().unwrap_or(it));
        if let (Server::Known(known, _), None) = (&server, &ca)
            && let Some(why) = known.own_certificate
        {
            return Err(Trouble::new(exit::USAGE, format!("--ca is missing: {why}")));
        }
        let own = from.email.to_string();
        let user = match &server {
            // The mail server of this machine trusts it.
            Server::Host(host, Some(25), _) if is_this_machine(host) => args.user.clone(),
            _ => given(&args.user, person, "The name to log in with", Some(&own))?.or(Some(own)),
        };
        let own = from.to_string();
        let to = given(&args.to, person, "Who gets the first tests", Some(&own))?;
        let zone = jiff::tz::TimeZone::system();
        let zone = zone.iana_name().filter(|name| *name != "Etc/UTC");
        Ok(Self {
            to: mailbox(&to.unwrap_or(own))?,
            from,
            server,
            user,
            ca,
            zone: zone.unwrap_or("UTC").to_owned(),
        })
    }

    pub(super) fn logs_in(&self) -> bool {
        self.user.is_some()
    }

    /// What proves who logs in: the key that it is written under.
    pub(super) fn proof(&self) -> &'static str {
        match &self.server {
            Server::Known(known, _) if !known.takes_passwords() => "token",
            _ => "password",
        }
    }

    /// What somebody who looks for that must know.
    pub(super) fn hint(&self) -> Option<String> {
        match &self.server {
            Server::Known(known, _) if known.takes_passwords() => {
                Some(format!("{}.", known.password_hint))
            }
            Server::Known(known, _) => known.token_hint.map(|hint| format!("{hint}.")),
            Server::Host(..) => None,
        }
    }
}

/// What was given, or is answered; nothing where nobody can be asked.
fn given(
    option: &Option<String>,
    person: Option<&Out>,
    question: &str,
    usual: Option<&str>,
) -> Result<Option<String>, Trouble> {
    let Some(out) = person.filter(|_| option.is_none()) else {
        return Ok(option.clone());
    };
    match usual {
        Some(usual) => out.prompt(&format!("{question} [{usual}]: ")),
        None => out.prompt(question),
    }
    let answer = line()?;
    Ok(match (answer.trim(), usual) {
        ("", None) => None,
        ("", Some(usual)) => Some(usual.to_owned()),
        (answer, _) => Some(answer.to_owned()),
    })
}

fn server(args: &Args, from: &Mailbox, person: Option<&Out>) -> Result<Server, Trouble> {
    if let Some(name) = &args.provider {
        let Some(known) = provider(name) else {
            let text = format!("no provider is called `{}`; there are {}", name, names());
            return Err(Trouble::new(exit::USAGE, text));
        };
        return with_region(known, args, person);
    }
    let guess = provider_of(from.email.domain());
    let usual = guess.map(|it| it.name);
    let question = match usual {
        Some(_) => "The mail provider, or its server".to_owned(),
        None => format!("The mail server, or a provider ({}): ", names()),
    };
    let answer = given(&args.host, person, &question, usual)?;
    match (answer.as_deref(), guess) {
        (None, Some(known)) => with_region(known, args, person),
        (None, None) => Err(missing(&format!(
            "--host SERVER, or --provider NAME with one of {}",
            names()
        ))),
        (Some(answer), _) => match provider(answer) {
            Some(known) if args.host.is_none() => with_region(known, args, person),
            _ => host(answer, args.tls.clone()),
        },
    }
}

fn host(text: &str, tls: Option<String>) -> Result<Server, Trouble> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => Ok(Server::Host(host.to_owned(), Some(port), tls)),
            Err(_) => {
                let text = format!("`{port}` is not a port: write {host}:587 or {host}:465");
                Err(Trouble::new(exit::USAGE, text))
            }
        },
        _ => Ok(Server::Host(text.to_owned(), None, tls)),
    }
}

fn with_region(
    known: &'static Provider,
    args: &Args,
    person: Option<&Out>,
) -> Result<Server, Trouble> {
    let Servers::Regions { usual, all } = &known.servers else {
        return Ok(Server::Known(known, None));
    };
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let question = format!("The region of the account ({names})");
    let region = given(&args.region, person, &question, *usual)?;
    match region.as_deref().or(*usual) {
        Some(region) if all.iter().any(|(name, _)| *name == region) => {
            Ok(Server::Known(known, Some(region.to_owned())))
        }
        Some(region) => {
            let text = format!("{} has no region `{region}`; there are {names}", known.name);
            Err(Trouble::new(exit::USAGE, text))
        }
        None => Err(missing(&format!("--region NAME, one of {names}"))),
    }
}

fn names() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|it| it.name).collect();
    names.join(", ")
}

fn missing(what: &str) -> Trouble {
    Trouble::new(exit::USAGE, format!("nothing was written; needed: {what}"))
}

fn mailbox(text: &str) -> Result<Mailbox, Trouble> {
    audience::mailbox(text).map_err(|fault| {
        let text = format!("`{}` is not an address: {fault}", text.escape_debug());
        Trouble::new(exit::USAGE, text)
    })
}
