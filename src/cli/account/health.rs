//! What a try of an account comes to, in a line.

use super::json;
use super::probe::Found;
use super::report::end_of;
use crate::clock::Clock;
use crate::config::Account;
use crate::smtp::Stage;

/// What a try of an account comes to.
pub(in super::super) enum Health {
    /// It works: how.
    Works(String),
    /// It works, and the server's certificate ends soon: when.
    Ending(String, String),
    /// It does not.
    Fails {
        /// Where in the conversation, if there was one.
        at: Option<Stage>,
        why: String,
        /// What can be done about it.
        hint: Option<String>,
    },
}

impl Found<'_> {
    pub(in super::super) fn account(&self) -> &Account {
        self.account
    }

    pub(in super::super) fn health(&self, clock: &Clock) -> Health {
        if let Some(failure) = &self.failure {
            return Health::Fails {
                at: failure.stage,
                why: failure.text.clone(),
                hint: failure.hint.clone(),
            };
        }
        let certificate = self.seen.certificate.as_ref();
        match certificate.map(|it| end_of(it, clock.now())) {
            Some(Err(end)) => Health::Ending(self.way(), end),
            _ => Health::Works(self.way()),
        }
    }

    /// The key that a failure is about, if it is about one.
    pub(in super::super) fn blamed(&self) -> Option<&'static str> {
        let failure = self.failure.as_ref()?;
        let login = self.account.login.as_ref();
        match failure.stage {
            None | Some(Stage::Auth) => login.map(|it| it.proof.name()),
            _ => None,
        }
    }

    pub(in super::super) fn to_json(&self, clock: &Clock) -> serde_json::Value {
        json::of(self, false, clock)
    }

    /// The way to the server: "smtp.example.org:465, TLS 1.3, PLAIN as ada".
    fn way(&self) -> String {
        let account = self.account;
        let mut parts = vec![format!("{}:{}", account.host, account.port)];
        match &self.seen.tls {
            Some(tls) => parts.push(tls.version.to_string()),
            None => parts.push("no encryption".to_owned()),
        }
        match (&account.login, &self.seen.mechanism) {
            (Some(login), Some(mechanism)) => {
                parts.push(format!("{mechanism} as {}", login.user));
            }
            _ => parts.push("no login".to_owned()),
        }
        parts.join(", ")
    }
}
