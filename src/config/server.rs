//! Which server an account uses: `host`, `provider` and `region`, `port` and `tls`.

use std::net::IpAddr;

use super::choice::Tls;
use super::problem::Problem;
use super::provider::{self, Provider, Servers};
use super::section::{Section, Text};
use super::suggest;

/// Whether a host is certainly the machine that we are on.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The preset that the account names.
pub(super) fn preset(section: &Section<'_>) -> Option<&'static Provider> {
    let name = section.text("provider")?;
    provider::provider(name.text)
}

/// The server's name, as written, or as the preset and the region have it.
pub(super) fn host(section: &Section<'_>, preset: Option<&Provider>) -> Option<String> {
    let region = section.text("region");
    if let Some(host) = section.text("host") {
        if region.is_some() {
            let label = "the server that counts";
            let why = section.value_place("host", label);
            section.report(idle_region(section, "`host` is written").and(why));
        }
        return written(section, &host);
    }
    let Some(preset) = preset else {
        if section.lacks("host") && section.lacks("provider") {
            section.report(no_server(section));
        }
        return None;
    };
    match &preset.servers {
        Servers::One(host) => {
            if region.is_some() {
                let why = format!("{} has one server for all", preset.name);
                section.report(idle_region(section, &why));
            }
            Some((*host).to_owned())
        }
        Servers::Regions { usual, all } => regional(section, preset, *usual, all),
    }
}

fn written(section: &Section<'_>, host: &Text<'_>) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let (message, label) = if host.text.is_empty() || !host.text.chars().all(is_name) {
        let message = format!("`{}` is not the name of a server", host.text);
        (message, "a name like smtp.example.org".to_owned())
    } else {
        let is_address = host.text.parse::<IpAddr>().is_ok();
        let Some((name, port)) = host.text.split_once(':').filter(|_| !is_address) else {
            return Some(host.text.to_owned());
        };
        let message = "the port has a key of its own".to_owned();
        (message, format!("write host = \"{name}\", port = {port}"))
    };
    let place = section.value_place("host", label);
    section.report(Problem::error("bad-host", message, place).key(section.path("host")));
    None
}

fn no_server(section: &Section<'_>) -> Problem {
    let message = format!("{} does not say which server to use", section.title());
    let place = section.header_place("needs `host` or `provider`");
    let names = provider::names().join(", ");
    Problem::error("missing-key", message, place)
        .help(format!(
            "`provider = \"gmail\"` fills in host, port and tls; the providers are {names}"
        ))
        .key(section.path("host"))
}

fn idle_region(section: &Section<'_>, why: &str) -> Problem {
    let message = format!("`region` means nothing here: {why}");
    let place = section.key_place("region", "take it out");
    Problem::error("no-effect", message, place).key(section.path("region"))
}

/// The server of the region: the one written, or the usual one.
fn regional(
    section: &Section<'_>,
    preset: &Provider,
    usual: Option<&str>,
    all: &[(&'static str, &'static str)],
) -> Option<String> {
    let name = preset.name;
    let regions = || all.iter().map(|(region, _)| *region);
    let known = || format!("{name} is in {}", regions().collect::<Vec<_>>().join(", "));
    let written = section.text("region");
    let wanted = written.as_ref().map(|text| text.text).or(usual);
    let server = wanted.and_then(|wanted| all.iter().find(|(region, _)| *region == wanted));
    if let Some((_, host)) = server {
        return Some((*host).to_owned());
    }
    if let Some(region) = written {
        let message = format!("{name} has no region `{}`", region.text);
        let place = section.value_place("region", "");
        let problem = Problem::error("bad-choice", message, place)
            .suggest(suggest::nearest(region.text, regions()))
            .help(format!(
                "{}; write `host` for a server that is newer than this list",
                known()
            ));
        section.report(problem.key(section.path("region")));
    } else if section.lacks("region") {
        let message = format!("{} does not say in which region it is", section.title());
        let place = section.value_place("provider", "has one server for each region");
        let problem = Problem::error("missing-key", message, place)
            .help(format!("write `region = \"…\"`; {}", known()));
        section.report(problem.key(section.path("region")));
    }
    None
}

/// The port, as written, or as the preset has it, or as is usual for that kind of TLS.
pub(super) fn port(section: &Section<'_>, preset: Option<&Provider>, tls: Tls) -> u16 {
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
    if section.flag("odd_port") != Some(true) && !section.is_unclear("tls") {
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
