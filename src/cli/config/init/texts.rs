//! The texts of a new configuration.

use super::SECRET;
use super::choices::{Choices, Server};
use crate::config::{Tls, is_this_machine};

/// What is written beside the configuration.
pub(super) const NAMES: &[&str] = &[
    "templates/hello/subject.txt",
    "templates/hello/body.txt",
    "templates/hello/body.html",
    "lists/people.csv",
];

/// The files beside the configuration.
pub(super) fn files(choices: &Choices) -> Vec<(&'static str, String)> {
    let name = choices.to.name.as_deref().unwrap_or_default();
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let people = format!("email,name\n{},{}\n", choices.to.email, cell(name));
    let texts = [
        include_str!("template/subject.txt").to_owned(),
        include_str!("template/body.txt").to_owned(),
        include_str!("template/body.html").to_owned(),
        people,
    ];
    NAMES.iter().copied().zip(texts).collect()
}

/// The configuration; one that lies anywhere keeps its state beside it, so that no other one shares
/// it.
pub(super) fn config(choices: &Choices, lies_anywhere: bool) -> String {
    let mut account = Vec::new();
    match &choices.server {
        Server::Known(known, region) => {
            let what = format!("port {}, {}", known.port, tls(known.tls == Tls::Implicit));
            account.push(("provider", quoted(known.name), what));
            if let Some(region) = region {
                let what = "where the account is".to_owned();
                account.push(("region", quoted(region), what));
            }
        }
        Server::Host(host, port, tls) => {
            account.push(("host", quoted(host), String::new()));
            if let Some(port) = port {
                account.push(("port", port.to_string(), String::new()));
            }
            let of_port = match port {
                // Nothing that proves an identity leaves this machine unencrypted.
                Some(25) if choices.logs_in() && !is_this_machine(host) => Some("starttls"),
                Some(25) => Some("none"),
                Some(587) => Some("starttls"),
                _ => None,
            };
            if let Some(word) = tls.as_deref().or(of_port) {
                account.push(("tls", quoted(word), String::new()));
            }
        }
    }
    if let Some(ca) = &choices.ca {
        let what = "besides the system's certificates".to_owned();
        account.push(("ca", quoted(&ca.to_string_lossy()), what));
    }
    if let Some(user) = &choices.user {
        account.push(("user", quoted(user), String::new()));
        let what = "`postroom secret set main` writes it".to_owned();
        let secret = format!("{{ file = {} }}", quoted(SECRET));
        account.push((choices.proof(), secret, what));
    }
    let from = choices.from.to_string();
    account.push(("from", quoted(&from), String::new()));
    let zone = quoted(&choices.zone);
    let mut daemon = vec![("timezone", zone, "of the times below".to_owned())];
    if lies_anywhere {
        let what = "what was sent and what waits".to_owned();
        daemon.push(("state", quoted("state"), what));
    }
    HEAD.replace("DAEMON\n", &rows(&daemon))
        .replace("ACCOUNT\n", &rows(&account))
}

const HEAD: &str = r#"# `postroom check` says what is wrong in here, `postroom reload` applies it,
# and `postroom explain KEY` says what a key means.
config_version = 1

[daemon]
DAEMON

# How mail leaves.
[account.main]
ACCOUNT

# Who gets it: a column `email`, and what else the template shall know of people.
[list.people]
csv = "lists/people.csv"

# What goes to whom, and when.
[schedule.hello]
send = "hello"                  # templates/hello/: subject.txt, body.txt, body.html
to   = "people"
via  = "main"
cron = "0 9 * * Mon"            # minute hour day month weekday; without it only by hand
"#;

fn tls(implicit: bool) -> &'static str {
    if implicit {
        "TLS from the start"
    } else {
        "STARTTLS"
    }
}

/// Keys and values in columns, with what there is to say about them.
fn rows(rows: &[(&str, String, String)]) -> String {
    let wide = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value, what) in rows {
        let row = format!("{key:wide$} = {value}");
        match what.as_str() {
            "" => text += &format!("{row}\n"),
            what => text += &format!("{row:30}  # {what}\n"),
        }
    }
    text
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
