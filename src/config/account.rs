//! `[account.<name>]`: how mail leaves.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;

use super::amount::Rate;
use super::choice::Tls;
use super::problem::Problem;
use super::provider::{self, Provider};
use super::rule::Rule;
use super::section::Section;
use super::{Dsn, credential, dsn, files, rule};
use crate::audience;
use crate::compose::Sender;
use crate::secret::Secret;

/// The waits after temporary failures if nobody says otherwise, in minutes.
const RETRY_MINUTES: [u64; 7] = [1, 5, 15, 30, 60, 120, 240];
const CONNECTIONS: u64 = 3;
/// Many servers cut a session off soon after.
const MESSAGES_PER_CONNECTION: u64 = 100;
/// As Postfix's smtp_connection_reuse_time_limit.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// Some servers close after ten seconds.
const CONNECTION_IDLE: Duration = Duration::from_secs(9);

/// An SMTP submission account: a server, who we are there, and what it allows.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// The server's name or address.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the session is encrypted.
    pub tls: Tls,
    /// A PEM file of certificates to trust besides the system's.
    pub ca: Option<PathBuf>,
    /// Who logs in; nobody does if the server trusts this host.
    pub login: Option<Login>,
    /// The sender of every mail.
    pub sender: Sender,
    /// How fast the server may be used; every one of them holds.
    pub rate: Vec<Rate>,
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
    /// What its server's refusals mean, before all that is known of servers.
    pub rules: Vec<Rule>,
}

/// A name and the place of its password.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The name to log in with.
    pub user: String,
    /// Where the password comes from.
    pub password: Secret,
}

/// Reads an account. Nothing comes back if anything it cannot do without is missing or wrong, which
/// has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<Account> {
    let preset = section
        .text("provider")
        .and_then(|name| provider::provider(name.text));
    let tls = section
        .choice("tls")
        .or(preset.map(|it| it.tls))
        .unwrap_or_default();
    let host = host(section, preset);
    let port = port(section, preset, tls);
    let login = login(section);
    if let (Some(host), Some(_)) = (&host, &login) {
        check_password_is_encrypted(section, host, port, tls);
    }
    let from = from(section);
    let reply_to = section.mailbox("reply_to");
    let count = |key, default| {
        let count = section.count(key).unwrap_or(default);
        usize::try_from(count).unwrap_or(usize::MAX)
    };
    Some(Account {
        name: section.name.to_owned(),
        host: host?,
        port,
        tls,
        ca: ca(section),
        login,
        sender: Sender {
            from: from?,
            reply_to,
        },
        rate: section.rates("rate").unwrap_or_default(),
        connections: count("connections", CONNECTIONS),
        messages_per_connection: count("messages_per_connection", MESSAGES_PER_CONNECTION),
        connection_age: section.span("connection_age").unwrap_or(CONNECTION_AGE),
        connection_idle: section.span("connection_idle").unwrap_or(CONNECTION_IDLE),
        chaining: section.flag("chaining").unwrap_or(true),
        dsn: dsn::read(section),
        retry: section.spans("retry").unwrap_or_else(default_retry),
        hello: section.text("hello").map(|name| name.text.to_owned()),
        rules: rule::read(section),
    })
}

fn default_retry() -> Vec<Duration> {
    RETRY_MINUTES
        .map(|minutes| Duration::from_secs(60 * minutes))
        .to_vec()
}

fn host(section: &Section<'_>, preset: Option<&Provider>) -> Option<String> {
    if let Some(host) = section.text("host") {
        let is_name =
            |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
        if !host.text.is_empty() && host.text.chars().all(is_name) {
            let is_address = host.text.parse::<IpAddr>().is_ok();
            let Some((name, port)) = host.text.split_once(':').filter(|_| !is_address) else {
                return Some(host.text.to_owned());
            };
            let place =
                section.value_place("host", format!("write host = \"{name}\", port = {port}"));
            let message = "the port has a key of its own";
            section.report(Problem::error("bad-host", message, place).key(section.path("host")));
            return None;
        }
        let place = section.value_place("host", "a name like smtp.example.org");
        let message = format!("`{}` is not the name of a server", host.text);
        section.report(Problem::error("bad-host", message, place).key(section.path("host")));
        return None;
    }
    if preset.is_none() && section.lacks("host") && section.lacks("provider") {
        let message = format!("{} does not say which server to use", section.title());
        let place = section.header_place("needs `host` or `provider`");
        let names = provider::names().join(", ");
        section.report(
            Problem::error("missing-key", message, place)
                .help(format!(
                    "`provider = \"gmail\"` fills in host, port and tls; the providers are {names}"
                ))
                .key(section.path("host")),
        );
    }
    preset.map(|provider| provider.host.to_owned())
}

fn port(section: &Section<'_>, preset: Option<&Provider>, tls: Tls) -> u16 {
    let usual = match tls {
        Tls::Implicit => 465,
        Tls::Starttls => 587,
        Tls::None => 25,
    };
    let preset = preset
        .filter(|preset| preset.tls == tls)
        .map(|preset| preset.port);
    let written = section
        .count("port")
        .and_then(|port| u16::try_from(port).ok());
    let port = written.or(preset).unwrap_or(usual);
    if section.flag("odd_port") != Some(true) {
        check_port_suits_tls(section, port, tls);
    }
    port
}

fn check_port_suits_tls(section: &Section<'_>, port: u16, tls: Tls) {
    let (message, of_port, of_tls, help) = match (port, tls) {
        (25 | 587, Tls::Implicit) => (
            format!("port {port} does not speak TLS from the first byte"),
            if port == 587 {
                "the STARTTLS port"
            } else {
                "the port between mail servers"
            },
            "expects TLS at once",
            "write `port = 465`, or `tls = \"starttls\"`",
        ),
        (465, Tls::Starttls | Tls::None) => (
            "port 465 speaks TLS from the first byte".to_owned(),
            "the TLS port",
            "expects a plain greeting",
            "write `port = 587`, or `tls = \"implicit\"`",
        ),
        _ => return,
    };
    let mut problem = Problem::error("port-tls", message, section.value_place("port", of_port))
        .note("the connection would end in \"invalid TLS record\" or hang until its timeout")
        .help(format!(
            "{help}; if this server really does so, set `odd_port = true`"
        ))
        .key(section.path("port"));
    if section.has("tls") {
        problem = problem.and(section.value_place("tls", of_tls));
    } else {
        problem = problem.note(format!(
            "tls = \"{tls}\" holds where nothing else is written"
        ));
    }
    section.report(problem);
}

fn ca(section: &Section<'_>) -> Option<PathBuf> {
    let path = section.path_of("ca")?;
    let fault = match std::fs::read(&path) {
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
    Some(path)
}

fn login(section: &Section<'_>) -> Option<Login> {
    let user = section.text("user");
    let password = credential::read(section, "password");
    if section.has("user") && section.lacks("password") {
        let message = format!("{} has a user and no password", section.title());
        let place = section.key_place("user", "logs in with what?");
        let help = format!(
            "write `password = {{ file = \"secrets/{}\" }}`, or drop `user` if the server trusts \
             this host",
            section.name
        );
        section.report(
            Problem::error("missing-key", message, place)
                .help(help)
                .key(section.path("password")),
        );
    }
    if section.has("password") && section.lacks("user") {
        let message = format!("{} has a password and no user", section.title());
        let place = section.key_place("password", "whose?");
        section.report(Problem::error("missing-key", message, place).key(section.path("user")));
    }
    Some(Login {
        user: user?.text.to_owned(),
        password: password?,
    })
}

fn check_password_is_encrypted(section: &Section<'_>, host: &str, port: u16, tls: Tls) {
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if tls != Tls::None || is_here {
        return;
    }
    let message = format!("{} would send its password unencrypted", section.title());
    let place = section.value_place("tls", format!("to {host}:{port}, not this machine"));
    section.report(
        Problem::error("plaintext-password", message, place)
            .and(section.key_place("user", "logs in"))
            .help("use `tls = \"starttls\"`, or drop `user` if the relay trusts this host")
            .key(section.path("tls")),
    );
}

fn from(section: &Section<'_>) -> Option<Mailbox> {
    if section.has("from") {
        return section.mailbox("from");
    }
    let user = section.text("user");
    let user_as_sender = user.and_then(|user| audience::mailbox(user.text).ok());
    if user_as_sender.is_none() && section.lacks("from") {
        let message = format!("{} does not say who the mail is from", section.title());
        let place = section.header_place("needs `from`");
        section.report(
            Problem::error("missing-key", message, place)
                .help("write `from = \"Name <name@example.org>\"`")
                .key(section.path("from")),
        );
    }
    user_as_sender
}
