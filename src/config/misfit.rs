//! What a provider is known to make of an account: the wrong kind of proof, a server that is not
//! its own, a sender that it would not let stand.

use super::login::{Login, Proof};
use super::problem::Problem;
use super::provider::Provider;
use super::section::Section;
use crate::audience;
use crate::compose::Sender;

/// The provider that puts the address of who logs in into From.
const REWRITING: &str = "gmail";
/// Providers that refuse a From that is not the address of who logs in.
const REFUSING: [&str; 10] = [
    "126",
    "163",
    "aliyun",
    "exmail",
    "icloud",
    "office365",
    "outlook",
    "qq",
    "yahoo",
    "zoho",
];
/// Providers that take no passwords, or will not for long: Microsoft ends basic authentication.
const TOKENS_ONLY: [&str; 2] = ["office365", "outlook"];

impl Provider {
    /// Whether it takes a password, and will for long.
    #[must_use]
    pub fn takes_passwords(&self) -> bool {
        !TOKENS_ONLY.contains(&self.name)
    }
}

/// Warns of what will not work there.
pub(super) fn check(
    section: &Section<'_>,
    provider: &Provider,
    login: Option<&Login>,
    sender: &Sender,
) {
    let problems = [
        login.and_then(|login| proof(section, provider, login)),
        login.and_then(|login| foreign_sender(section, provider, login, sender)),
        foreign_server(section, provider),
    ];
    problems
        .into_iter()
        .flatten()
        .for_each(|it| section.report(it));
}

fn proof(section: &Section<'_>, provider: &Provider, login: &Login) -> Option<Problem> {
    let name = provider.name;
    let (message, label, help) = match &login.proof {
        Proof::Password(_) if !provider.takes_passwords() => (
            format!("{name} takes a token, not a password"),
            "only where basic authentication is still on",
            "write `token = { command = [\"…\"] }`, a program that prints an OAuth2 access token",
        ),
        Proof::Token(_) if provider.token_hint.is_none() => (
            format!("{name} is not known to take a token"),
            "OAuth2 is not what it asks for",
            "write `password`, and there what the provider calls app password, authorisation \
             code or API key",
        ),
        _ => return None,
    };
    let key = login.proof.name();
    let problem = Problem::warning("wrong-proof", message, section.key_place(key, label));
    Some(problem.help(help).key(section.path(key)))
}

/// Only what is certain: the sender is at another domain than who logs in.
fn foreign_sender(
    section: &Section<'_>,
    provider: &Provider,
    login: &Login,
    sender: &Sender,
) -> Option<Problem> {
    let name = provider.name;
    let user = audience::mailbox(&login.user).ok()?.email;
    let from = &sender.from.email;
    if !section.has("from") || user.domain().eq_ignore_ascii_case(from.domain()) {
        return None;
    }
    let message = match name {
        REWRITING => format!("{name} puts `{user}` in the place of `{from}`"),
        _ if REFUSING.contains(&name) => format!("{name} refuses mail of `{user}` from `{from}`"),
        _ => return None,
    };
    let place = section.value_place("from", format!("not at {}", user.domain()));
    let problem = Problem::warning("foreign-sender", message, place)
        .and(section.value_place("user", "logs in"))
        .note("it lets stand only what has been set up there as an address of that account")
        .help(format!(
            "write `from = \"Name <{user}>\"`, and `reply_to` for the other address"
        ));
    Some(problem.key(section.path("from")))
}

/// A server of somebody else's, with the port, the encryption and the limits of this provider.
fn foreign_server(section: &Section<'_>, provider: &Provider) -> Option<Problem> {
    if !section.has("provider") || provider.own_certificate.is_some() {
        return None;
    }
    let host = section.text("host")?;
    let owner = |host: &str| {
        let mut labels = host.rsplit('.');
        let last = labels.next().map(str::to_lowercase);
        (last, labels.next().map(str::to_lowercase))
    };
    if provider
        .hosts()
        .any(|known| owner(known) == owner(host.text))
    {
        return None;
    }
    let message = format!("`{}` is not a server of {}", host.text, provider.name);
    let place = section.value_place("host", "this is used");
    let problem = Problem::warning("foreign-server", message, place)
        .and(section.value_place(
            "provider",
            "and this for its port, its encryption and limits",
        ))
        .help("take out `host` for the provider's server, or `provider` for your own");
    Some(problem.key(section.path("host")))
}
