//! `[unsubscribe]`: how readers leave, and the key that signs their links.

use std::ops::Range;

use toml::Spanned;

use super::choice::LeaveScope;
use super::credential;
use super::document::Document;
use super::problem::Problem;
use super::section::{Section, Text};
use super::tables::header;
use crate::audience;
use crate::compose::{TOKEN, TokenKey, Unsubscribe};
use crate::secret::Secret;

/// With a token in it, it stands in a header on one line.
const LONGEST_URL: usize = 500;

/// How readers leave.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsubscribing {
    /// An https URL with `{{token}}` in it.
    pub url: Option<String>,
    /// An address that takes a token as a subject.
    pub mailto: Option<String>,
    /// What signs tokens.
    pub key: Secret,
    /// What signed tokens before, which are good still.
    pub former_keys: Vec<Secret>,
    /// What somebody leaves.
    pub scope: LeaveScope,
}

impl Unsubscribing {
    /// What stands in the mail of a schedule.
    #[must_use]
    pub fn of(&self, schedule: &str) -> Unsubscribe {
        let scope = match self.scope {
            LeaveScope::Schedule => schedule.to_owned(),
            LeaveScope::All => String::new(),
        };
        Unsubscribe {
            url: self.url.clone(),
            mailto: self.mailto.clone(),
            scope,
            of_test: false,
        }
    }
}

/// Reads it. What is wrong has been reported.
pub(super) fn read<'d>(top: &Section<'d>, doc: &'d Document) -> Option<Unsubscribing> {
    let value = top.value("unsubscribe")?;
    let entries = value.get_ref().as_table()?;
    let section = Section::open(doc, "unsubscribe", "", header(doc, value.span()), entries);
    let (url, mailto) = (url(&section), mailto(&section));
    if section.lacks("url") && section.lacks("mailto") {
        let message = "[unsubscribe] does not say where to";
        let place = section.header_place("needs `url`, `mailto` or both");
        let problem = Problem::error("missing-key", message, place);
        let help = format!("write `url = \"https://example.org/unsubscribe/{TOKEN}\"`");
        section.report(problem.help(help).key(section.path("url")));
    }
    if section.lacks("key") {
        let message = "[unsubscribe] has no `key`: anybody could unsubscribe anybody";
        let place = section.header_place("needs `key`");
        let problem = Problem::error("missing-key", message, place);
        let help = "write `key = { file = \"secrets/unsubscribe\" }`, and put some 32 letters and \
                    digits there that nobody knows: `openssl rand -hex 32 | postroom secret set \
                    unsubscribe`";
        section.report(problem.help(help).key(section.path("key")));
    }
    let key = credential::read(&section, "key");
    let former_keys = credential::read_all(&section, "former_keys");
    let places = ["key", "former_keys"].map(|key| (key, section.value(key).map(Spanned::span)));
    let keys = key.iter().map(|it| (it, &places[0]));
    for (secret, (name, span)) in keys.chain(former_keys.iter().map(|it| (it, &places[1]))) {
        check_length(&section, name, secret, span.clone().unwrap_or_default());
    }
    Some(Unsubscribing {
        url,
        mailto,
        key: key?,
        former_keys,
        scope: section.choice("scope").unwrap_or_default(),
    })
}

fn url(section: &Section<'_>) -> Option<String> {
    let text = section.text("url")?;
    let fault = fault_of_url(text.text);
    report(section, "url", &text, fault).then(|| text.text.to_owned())
}

/// What is wrong with the URL: it stands between angle brackets in a header, and one click posts
/// to it (RFC 8058 section 3.1: HTTPS).
fn fault_of_url(url: &str) -> Option<(&'static str, &'static str)> {
    let rest = url.strip_prefix("https://");
    let Some(rest) = rest else {
        return Some(("is no https URL", "begin it with https://"));
    };
    let is_bad = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`');
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let path = &rest[host.len()..];
    Some(match path.matches(TOKEN).count() {
        _ if host.is_empty() => ("has no host", "https://example.org/unsubscribe/{{token}}"),
        _ if host.contains(['@', '{']) => ("is no https URL", "the host alone before the first /"),
        0 => (
            "does not say who leaves",
            "write {{token}} in its path or after ?",
        ),
        2.. => ("has {{token}} more than once", "keep one"),
        _ if path.replace(TOKEN, "").contains(['{', '}']) => (
            "has braces besides {{token}}",
            "no other field is filled in here",
        ),
        _ if rest.contains(is_bad) => (
            "has a character that no URL has",
            "write it percent-encoded",
        ),
        _ if path.split_once('#').is_some() => (
            "has a # in it",
            "browsers keep to themselves what follows it",
        ),
        _ if url.len() > LONGEST_URL => ("is too long for a header", "500 characters at most"),
        _ => return None,
    })
}

fn mailto(section: &Section<'_>) -> Option<String> {
    let text = section.text("mailto")?;
    let fault = match audience::mailbox(text.text) {
        _ if text.text.starts_with("mailto:") => {
            Some(("is no address", "the address alone, without mailto:"))
        }
        Err(_) => Some(("is no address", "like unsubscribe@example.org")),
        Ok(mailbox) if mailbox.name.is_some() => Some(("has a name", "the address alone")),
        Ok(_) if !text.text.bytes().all(is_plain) => Some((
            "has a character that no link takes",
            "letters, digits, . - _ and +",
        )),
        Ok(_) => None,
    };
    report(section, "mailto", &text, fault).then(|| text.text.to_owned())
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@.-_+".contains(&byte)
}

/// Whether nothing is wrong.
fn report(section: &Section<'_>, key: &str, text: &Text<'_>, fault: Option<(&str, &str)>) -> bool {
    let Some((message, label)) = fault else {
        return true;
    };
    let message = format!("`{key}` of [unsubscribe] {message}");
    let place = section.doc.place(text.span.clone(), label);
    section.report(Problem::error("bad-unsubscribe", message, place).key(section.path(key)));
    false
}

/// A short key is guessed. Of what stands elsewhere, only a file is looked at.
fn check_length(section: &Section<'_>, key: &str, secret: &Secret, span: Range<usize>) {
    let length = match secret {
        Secret::Literal(text) if text.trim().is_empty() => return, // reported already
        Secret::Literal(text) => text.len() as u64,
        Secret::File(path) => match path.metadata() {
            Ok(file) if file.len() > 0 => file.len(),
            _ => return, // reported already
        },
        _ => return,
    };
    if length < TokenKey::LEAST as u64 {
        let message = format!(
            "`{key}` of [unsubscribe] is too short: whoever guesses it unsubscribes anybody"
        );
        let label = format!("{} bytes at least", TokenKey::LEAST);
        let place = section.doc.place(span, label);
        let problem = Problem::error("bad-unsubscribe", message, place).of_data();
        let help = "`openssl rand -hex 32` prints a good one";
        section.report(problem.help(help).key(section.path(key)));
    }
}
