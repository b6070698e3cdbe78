//! `user`, and `password` or `token`: who logs in, and with what.

use super::choice::Tls;
use super::credential;
use super::problem::Problem;
use super::section::Section;
use super::server;
use crate::secret::Secret;

/// A name and where its proof comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    /// The name to log in with.
    pub user: String,
    /// What proves that it is us.
    pub proof: Proof,
}

/// Where the proof of an identity comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// A password, or what providers call an app password or authorisation code.
    Password(Secret),
    /// An OAuth2 access token (RFC 6750).
    Token(Secret),
}

impl Proof {
    /// The key that it is written with.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Token(_) => "token",
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Password(secret) | Self::Token(secret) => secret,
        }
    }
}

/// Reads the keys of a login.
pub(super) fn read(section: &Section<'_>) -> Option<Login> {
    let user = section.text("user");
    let password = credential::read(section, "password").map(Proof::Password);
    let token = credential::read(section, "token").map(Proof::Token);
    let keys = [("password", "one"), ("token", "the other")];
    let title = section.title();
    if let Some(problem) = section.only_one_of(&keys, format!("{title} has a password and a token"))
    {
        let help = "keep `token` where the server takes OAuth2 only, else `password`";
        section.report(problem.help(help));
        return None;
    }
    if section.has("user") && section.lacks("password") && section.lacks("token") {
        section.report(nothing_to_prove_it(section));
    }
    for key in ["password", "token"] {
        if section.has(key) && section.lacks("user") {
            let message = format!("{title} has a {key} and no user");
            let place = section.key_place(key, "whose?");
            section.report(Problem::error("missing-key", message, place).key(section.path("user")));
        }
    }
    Some(Login {
        user: user?.text.to_owned(),
        proof: password.or(token)?,
    })
}

fn nothing_to_prove_it(section: &Section<'_>) -> Problem {
    let message = format!("{} has a user and no password", section.title());
    let place = section.key_place("user", "logs in with what?");
    let help = format!(
        "write `password = {{ file = \"secrets/{}\" }}`, or `token` for OAuth2, or drop `user` if \
         the server trusts this host",
        section.name
    );
    Problem::error("missing-key", message, place)
        .help(help)
        .key(section.path("password"))
}

/// Nothing that proves an identity leaves this machine unencrypted.
pub(super) fn check_is_encrypted(
    section: &Section<'_>,
    login: &Login,
    (host, port): (&str, u16),
    tls: Tls,
) {
    if tls != Tls::None || server::is_this_machine(host) {
        return;
    }
    let key = login.proof.name();
    let message = format!("{} would send its {key} unencrypted", section.title());
    let place = section.value_place("tls", format!("to {host}:{port}, not this machine"));
    section.report(
        Problem::error("plaintext-password", message, place)
            .and(section.key_place("user", "logs in"))
            .help("use `tls = \"starttls\"`, or drop `user` if the relay trusts this host")
            .key(section.path("tls")),
    );
}
