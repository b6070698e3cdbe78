//! `[account.<name>]`: how mail leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use super::choice::Tls;
use super::domain::{self, DomainLimits};
use super::login::{self, Login};
use super::problem::Problem;
use super::provider::{self, Provider};
use super::rate::Rate;
use super::rule::Rule;
use super::section::Section;
use super::{Dkim, Dsn, amount, dkim, dsn, files, kind, misfit, rule, server};
use crate::audience;
use crate::compose::{Manner, Sender};

/// The waits after temporary failures if nobody says otherwise, in minutes.
const RETRY_MINUTES: [u64; 7] = [1, 5, 15, 30, 60, 120, 240];
const CONNECTIONS: usize = 3;
/// Many servers cut a session off soon after.
const MESSAGES_PER_CONNECTION: usize = 100;
/// As Postfix's smtp_connection_reuse_time_limit.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// Some servers close after ten seconds.
const CONNECTION_IDLE: Duration = Duration::from_secs(9);

/// An SMTP submission account: a server, who we are there, and what it allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// Whose server it is, if that is known: named by the user, or by its host.
    pub provider: Option<&'static Provider>,
    /// The server's name or address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the session is encrypted.
    pub tls: Tls,
    /// A PEM file of certificates to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// What that file holds, as far as to know whether it is another one by now (SHA-256).
    pub ca_digest: Option<[u8; 32]>,
    /// Who logs in; nobody does if the server trusts this host.
    pub login: Option<Login>,
    /// The sender of every mail.
    pub sender: Sender,
    /// How fast the server may be used; every one of them holds.
    pub rate: Vec<Rate>,
    /// What holds besides for recipients of a domain, which is in lower case and an A-label.
    pub domains: BTreeMap<String, DomainLimits>,
    /// How many sessions at once, at least 1.
    pub connections: usize,
    /// A session is renewed after so many messages, at least 1.
    pub messages_per_connection: usize,
    /// A session is renewed at this age.
    pub connection_age: Duration,
    /// A session without work says goodbye after this time.
    pub connection_idle: Duration,
    /// Whether the next envelope may go out with a body, where the server offers PIPELINING.
    pub chaining: bool,
    /// Which delivery notices are asked for (RFC 3461), if it is asked at all.
    pub dsn: Option<Dsn>,
    /// The waits after temporary failures, at least one; the last repeats.
    pub retry: Vec<Duration>,
    /// The name given in EHLO, if not this machine's.
    pub hello: Option<String>,
    /// The keys that sign its mail; without any it is not signed.
    pub dkim: Vec<Dkim>,
    /// What `{{postal_address}}` shows.
    pub postal_address: Option<String>,
    /// The last part of Feedback-ID: who sends, as Gmail's postmaster tools know them.
    pub feedback_id: Option<String>,
    /// What its server's refusals mean, before all that is known of servers.
    pub rules: Vec<Rule>,
}

/// Reads an account. Nothing comes back if anything it cannot do without is missing or wrong, which
/// has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<Account> {
    if section.has_only_tables() {
        return tables_alone(section);
    }
    let preset = server::preset(section);
    let tls = section
        .choice("tls")
        .or(preset.map(|it| it.tls))
        .unwrap_or_default();
    let host = server::host(section, preset);
    let port = server::port(section, preset, tls);
    let login = login::read(section);
    if let (Some(host), Some(login)) = (&host, &login) {
        login::check_is_encrypted(section, login, (host, port), tls);
    }
    let from = from(section);
    let reply_to = section.mailbox("reply_to");
    let rate = rate(section, preset);
    let usual = preset.and_then(|it| it.connections);
    let connections = count(section, "connections", usual.unwrap_or(CONNECTIONS));
    let domains = domain::read(section, &rate, connections);
    let (connection_age, connection_idle) = ages(section);
    let usual = preset.and_then(|it| it.messages_per_connection);
    let usual = usual.unwrap_or(MESSAGES_PER_CONNECTION);
    let messages_per_connection = count(section, "messages_per_connection", usual);
    let dkim = dkim::read(section, from.as_ref());
    let sender = from.map(|from| Sender {
        from,
        reply_to,
        manner: Manner::default(),
    });
    let provider = preset.or_else(|| provider::owner_of(host.as_deref()?));
    if let (Some(provider), Some(sender)) = (provider, &sender) {
        misfit::check(section, provider, login.as_ref(), sender);
    }
    let (ca, ca_digest) = ca(section, preset);
    // What cannot be done without comes last: all the rest has been judged by then.
    Some(Account {
        name: section.name.to_owned(),
        port,
        tls,
        ca,
        ca_digest,
        login,
        rate,
        domains,
        connections,
        messages_per_connection,
        connection_age,
        connection_idle,
        chaining: section.flag("chaining").unwrap_or(true),
        dsn: dsn::read(section),
        retry: section.spans("retry").unwrap_or_else(default_retry),
        hello: section.text("hello").map(|name| name.text.to_owned()),
        postal_address: kind::postal_address(section),
        feedback_id: kind::feedback_id(section),
        rules: rule::read(section),
        provider,
        dkim: dkim?,
        host: host?,
        sender: sender?,
    })
}

/// What stands in them is judged all the same.
fn tables_alone(section: &Section<'_>) -> Option<Account> {
    section.report(only_its_tables(section));
    domain::read(section, &[], usize::MAX);
    dkim::read(section, None);
    rule::read(section);
    None
}

/// `[account.mian.domain."gmail.com"]`, and no `[account.mian]`.
fn only_its_tables(section: &Section<'_>) -> Problem {
    let (name, title) = (section.name, section.title());
    let message = format!("{title} has further tables, and none of its own");
    let place = section.header_place(format!("where is [account.{name}]?"));
    Problem::error("missing-key", message, place)
        .help(format!(
            "write [account.{name}] with its `host` or `provider`, or mend the name"
        ))
        .key(section.path("host"))
}

fn count(section: &Section<'_>, key: &str, usual: usize) -> usize {
    let written = section.count(key);
    written.map_or(usual, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// How old a session gets, and how long it waits for work.
fn ages(section: &Section<'_>) -> (Duration, Duration) {
    let age = section.span("connection_age").unwrap_or(CONNECTION_AGE);
    let idle = section.span("connection_idle").unwrap_or(CONNECTION_IDLE);
    if section.has("connection_idle") && idle > age {
        section.report(idles_in_vain(section, age));
    }
    (age, idle)
}

fn idles_in_vain(section: &Section<'_>, age: Duration) -> Problem {
    let message = format!("`connection_idle` of {} ends no session", section.title());
    let place = section.value_place("connection_idle", "a shorter time, or none");
    let problem = Problem::warning("no-effect", message, place);
    let problem = problem.key(section.path("connection_idle"));
    if section.has("connection_age") {
        problem.and(section.value_place("connection_age", "it is over by then"))
    } else {
        let age = amount::format_duration(age);
        problem.note(format!("at `connection_age`, {age}, it is over already"))
    }
}

fn default_retry() -> Vec<Duration> {
    RETRY_MINUTES
        .map(|minutes| Duration::from_secs(60 * minutes))
        .to_vec()
}

/// The rates that are written, or else that of the preset.
fn rate(section: &Section<'_>, preset: Option<&Provider>) -> Vec<Rate> {
    let usual = || preset.and_then(|it| it.rate).into_iter().collect();
    section.rates("rate").unwrap_or_else(usual)
}

fn ca(section: &Section<'_>, preset: Option<&Provider>) -> (Option<PathBuf>, Option<[u8; 32]>) {
    if let Some(origin) = preset.and_then(|it| it.own_certificate)
        && section.lacks("ca")
        && section.lacks("host")
    {
        let message = format!("{} needs `ca`", section.title());
        let place = section.value_place("provider", "no public authority knows its certificate");
        let problem = Problem::error("missing-key", message, place).help(origin);
        section.report(problem.key(section.path("ca")));
    }
    let Some(path) = section.path_of("ca") else {
        return (None, None);
    };
    let pem = files::read_certificates(&path);
    let print = pem.as_ref().ok().and_then(|pem| {
        let print = ring::digest::digest(&ring::digest::SHA256, pem);
        print.as_ref().try_into().ok()
    });
    let fault = match pem {
        Ok(pem) if memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").is_some() => None,
        Ok(_) => Some("there is no PEM certificate in it".to_owned()),
        Err(error) => Some(files::reason(&path, &error)),
    };
    if let Some(fault) = fault {
        let message = format!(
            "the certificates of {} cannot be used: {fault}",
            section.title()
        );
        let place = section.value_place("ca", path.display().to_string());
        let mut problem = Problem::error("bad-certificates", message, place);
        if path.ends_with("sandbox/ca.pem") {
            problem = problem.help("`postroom sandbox`, started beside this file, makes it");
        }
        section.report(problem.of_data().key(section.path("ca")));
    }
    (Some(path), print)
}

fn from(section: &Section<'_>) -> Option<Mailbox> {
    if section.has("from") {
        return section.mailbox("from");
    }
    let user = section.text("user");
    let user_as_sender = user.and_then(|user| audience::mailbox(user.text).ok());
    // Whose the password is, is asked already.
    let is_asked = section.lacks("user") && (section.has("password") || section.has("token"));
    let is_known = section.is_unclear("user") || is_asked;
    if user_as_sender.is_none() && section.lacks("from") && !is_known {
        let message = format!("{} does not say who the mail is from", section.title());
        let problem = if section.has("user") {
            let label = "is no mail address, so `from` is needed";
            Problem::error("missing-key", message, section.value_place("user", label))
        } else {
            Problem::error("missing-key", message, section.header_place("needs `from`"))
        };
        section.report(
            problem
                .help("write `from = \"Name <name@example.org>\"`")
                .key(section.path("from")),
        );
    }
    user_as_sender
}
