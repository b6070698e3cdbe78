//! `[account.<name>.dkim]`, one or several: the keys that sign an account's mail.

use std::ops::Range;

use lettre::message::Mailbox;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::credential;
use super::problem::Problem;
use super::section::{Section, Value};
use super::tables;
use crate::audience;
use crate::compose::dkim::SigningKey;
use crate::secret::Secret;

const TABLE: &str = "account.*.dkim";
/// No label of a domain is longer (RFC 1035 section 2.3.4).
const LABEL: usize = 63;

/// A key that signs, and where its public half stands in DNS.
#[derive(Clone, Debug, PartialEq)]
pub struct Dkim {
    /// The domain that signs, in lower case and as A-labels.
    pub domain: String,
    /// The name below `_domainkey` in it, in lower case.
    pub selector: String,
    /// Where the private key comes from.
    pub key: Secret,
}

/// Reads the keys of an account. What is wrong with one has been reported. Nothing comes back if
/// any of them cannot be told: mail that was to be signed does not go out with fewer signatures.
pub(super) fn read(account: &Section<'_>, from: Option<&Mailbox>) -> Option<Vec<Dkim>> {
    let Some(value) = account.value("dkim") else {
        return (!account.has("dkim")).then(Vec::new);
    };
    let own = from.and_then(|from| audience::domain(from.email.domain()).ok());
    let mut all: Vec<(Range<usize>, Dkim)> = Vec::new();
    let mut whole = true;
    for (value, entries) in written(value) {
        let header = tables::header(account.doc, value.span());
        let section = Section::open(account.doc, TABLE, account.name, header.clone(), entries);
        let Some(dkim) = read_one(&section, own.as_deref()) else {
            whole = false;
            continue;
        };
        let same = |it: &Dkim| (&it.domain, &it.selector) == (&dkim.domain, &dkim.selector);
        if let Some((earlier, _)) = all.iter().find(|(_, it)| same(it)) {
            section.report(twice(&section, &dkim, earlier.clone()));
            whole = false;
        }
        all.push((header, dkim));
    }
    whole.then(|| all.into_iter().map(|(_, it)| it).collect())
}

/// The one table, or those in the list.
fn written<'d>(value: &'d Value<'d>) -> Vec<(&'d Value<'d>, &'d DeTable<'d>)> {
    let all = match value.get_ref() {
        DeValue::Array(list) => list.iter().collect(),
        _ => vec![value],
    };
    let all = all.into_iter();
    all.filter_map(|it| Some((it, it.get_ref().as_table()?)))
        .collect()
}

fn read_one(section: &Section<'_>, own: Option<&str>) -> Option<Dkim> {
    match (section.lacks("selector"), section.lacks("key")) {
        (true, true) => section.report(missing(section, "selector", "and no `key`")),
        (true, false) => section.report(missing(section, "selector", "its name in DNS")),
        (false, true) => section.report(missing(section, "key", "where it comes from")),
        (false, false) => {}
    }
    let selector = selector(section);
    let domain = match section.text("domain") {
        Some(text) => match audience::domain(text.text) {
            Ok(domain) => Some(domain),
            Err(_) => {
                let message = format!("`domain` cannot be `{}`", text.text);
                let place = section.value_place("domain", "write a domain, like example.org");
                let problem = Problem::error("bad-value", message, place);
                section.report(problem.key(section.path("domain")));
                None
            }
        },
        None if section.has("domain") => None,
        None => own.map(str::to_owned),
    };
    if let (Some(domain), Some(own)) = (&domain, own) {
        check_aligns(section, domain, own);
    }
    let key = credential::read(section, "key");
    if let Some(key) = &key {
        check_key(section, key);
    }
    Some(Dkim {
        domain: domain?,
        selector: selector?,
        key: key?,
    })
}

fn missing(section: &Section<'_>, key: &str, what: &str) -> Problem {
    let message = format!("{} has no `{key}`", section.title());
    Problem::error("missing-key", message, section.header_place(what))
        .help(format!(
            "`postroom account dkim {}` makes keys and says what to write here",
            section.name
        ))
        .key(section.path(key))
}

fn selector(section: &Section<'_>) -> Option<String> {
    let text = section.text("selector")?;
    let is_label = |label: &str| {
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=LABEL).contains(&label.len()) && label.bytes().all(is_good)
    };
    if text.text.split('.').all(is_label) {
        return Some(text.text.to_ascii_lowercase());
    }
    let message = format!("`selector` cannot be `{}`", text.text);
    let place = section.value_place("selector", "letters, digits and - make a name in DNS");
    let problem = Problem::error("bad-value", message, place);
    section.report(problem.key(section.path("selector")));
    None
}

/// DMARC takes a signature for the sender's only if it is of the sender's domain or of one that
/// has it as a part (RFC 7489 section 3.1.1).
fn check_aligns(section: &Section<'_>, domain: &str, own: &str) {
    let is_part = own
        .strip_suffix(domain)
        .is_some_and(|rest| rest.ends_with('.'));
    if domain == own || is_part {
        return;
    }
    let message = format!("a signature of {domain} says nothing about mail from {own}");
    let place = section.value_place("domain", "another domain than that of `from`");
    section.report(
        Problem::warning("dkim-unaligned", message, place)
            .note("DMARC counts a signature only if its domain is that of `from`, or one above it")
            .help(format!("take `domain` out, or write `domain = \"{own}\"`"))
            .key(section.path("domain")),
    );
}

/// Looks at the key itself where that takes no program and needs no other user's eyes; whether it
/// may be read at all has been looked at.
fn check_key(section: &Section<'_>, key: &Secret) {
    if key.keep().is_some() {
        let place = section.value_place("key", "take `keep` out");
        section.report(
            Problem::error("needless-key", "`keep` means nothing for a key", place)
                .note("it is read once, and kept until the configuration is read again")
                .key(section.path("key")),
        );
    }
    let text = match key {
        Secret::Literal(text) => text.clone(),
        Secret::File(path) if key.inspect().is_ok() => match std::fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(_) => return,
        },
        _ => return,
    };
    if text.trim().is_empty() {
        return; // has been reported
    }
    if let Err(fault) = SigningKey::parse(&text) {
        let message = format!("the key of {} cannot sign", section.title());
        let place = section.value_place("key", "");
        section.report(
            Problem::error("bad-dkim-key", message, place)
                .note(format!("{} {fault}", key.origin()))
                .help(format!(
                    "`postroom account dkim {}` makes one",
                    section.name
                ))
                .key(section.path("key"))
                .of_data(),
        );
    }
}

fn twice(section: &Section<'_>, dkim: &Dkim, earlier: Range<usize>) -> Problem {
    let (domain, selector) = (&dkim.domain, &dkim.selector);
    let message = format!("two keys have the selector `{selector}` in {domain}");
    let place = section.header_place("give this one another `selector`");
    let earlier = section.doc.place(earlier, "has it here");
    Problem::error("duplicate-name", message, place)
        .and(earlier)
        .note("each key has a record of its own in DNS")
}
