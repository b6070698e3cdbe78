//! `[account.<name>.domain."<domain>"]`: what holds besides for recipients of one domain.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeString, DeTable};

use super::key::keys_of;
use super::problem::{Place, Problem};
use super::rate::Rate;
use super::section::{Section, Text, Value};
use super::{slack, tables};
use crate::audience::{self, AddressFault};

const TABLE: &str = "account.*.domain.*";

/// What holds for recipients of one domain, besides what holds for the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainLimits {
    /// How fast the account may send to it; every one of them holds.
    pub rate: Vec<Rate>,
    /// How many mails to it may be under way at once, at least 1; as many as the account has
    /// connections without it.
    pub connections: Option<usize>,
}

/// Reads the domains of an account, each by its name in lower case and as an A-label, as those of
/// recipients are. What is wrong has been reported. `rate` and `connections` are those of
/// the account itself.
pub(super) fn read(
    account: &Section<'_>,
    rate: &[Rate],
    connections: usize,
) -> BTreeMap<String, DomainLimits> {
    let tables = account
        .value("domain")
        .and_then(|it| it.get_ref().as_table());
    let mut tables: Vec<_> = tables.into_iter().flatten().collect();
    tables.sort_by_key(|(key, _)| key.span().start);
    let mut read: BTreeMap<String, (Text<'_>, DomainLimits)> = BTreeMap::new();
    for (key, value) in tables {
        let name = Text {
            text: key.get_ref(),
            span: key.span(),
        };
        let Some((domain, entries)) = heading(account, key, &name, value) else {
            continue;
        };
        if let Some((earlier, _)) = read.get(&domain) {
            let message = format!("{} has domain `{domain}` twice", account.title());
            let place = account.doc.place(name.span, "the same domain again");
            let earlier = account
                .doc
                .place(earlier.span.clone(), "has its table here");
            account.report(Problem::error("duplicate-name", message, place).and(earlier));
            continue;
        }
        let header = tables::header(account.doc, value.span());
        let names = (account.name, name.text);
        let section = Section::open_within(account.doc, TABLE, names, header, entries);
        let limits = limits(&section, account, rate, connections);
        read.insert(domain, (name, limits));
    }
    let read = read.into_iter();
    read.map(|(domain, (_, limits))| (domain, limits)).collect()
}

/// The domain, and its table.
fn heading<'d>(
    account: &Section<'_>,
    key: &Spanned<DeString<'_>>,
    name: &Text<'_>,
    value: &'d Value<'d>,
) -> Option<(String, &'d DeTable<'d>)> {
    let Some(entries) = value.get_ref().as_table() else {
        let message = format!("domain `{}` is a table of limits", name.text);
        let place = account
            .doc
            .place(value.span(), "write { rate = \"60/minute\" }");
        account.report(Problem::error("wrong-type", message, place));
        return None;
    };
    if let Some(problem) = without_quotes(account, key, entries) {
        account.report(problem);
        return None;
    }
    match audience::domain(name.text) {
        Ok(domain) => Some((domain, entries)),
        Err(fault) => {
            account.report(not_a_domain(account, name, &fault));
            None
        }
    }
}

/// `[account.main.domain.gmail.com]`: to TOML, that is a table `com` in a table `gmail`.
fn without_quotes(
    account: &Section<'_>,
    key: &Spanned<DeString<'_>>,
    entries: &DeTable<'_>,
) -> Option<Problem> {
    let (mut domain, mut span) = (key.get_ref().to_string(), key.span());
    let mut entries = entries;
    while let Some((key, inner)) = entries.iter().next()
        && let Some(inner) = inner.get_ref().as_table()
        && !keys_of(TABLE).any(|limit| limit.name() == key.get_ref())
    {
        domain = format!("{domain}.{}", key.get_ref());
        span.end = key.span().end.max(span.end);
        entries = inner;
    }
    if domain == **key.get_ref() || key.get_ref().contains('.') {
        return None;
    }
    let message = format!("the dots of domain `{domain}` need quotes");
    let place = account.doc.place(span, format!("write \"{domain}\""));
    let mut problem = Problem::error("bad-domain", message, place);
    problem.suggestion = Some(format!("\"{domain}\""));
    Some(problem)
}

fn not_a_domain(account: &Section<'_>, name: &Text<'_>, fault: &AddressFault) -> Problem {
    let text = name.text.trim();
    let bare = match text.rsplit_once('@') {
        Some((_, after)) => after,
        None => text,
    };
    let bare = bare.trim_start_matches(['*', '.']).trim_end_matches('.');
    let instead = audience::domain(bare).ok();
    let message = format!("`{}` is not a domain", name.text.escape_debug());
    let label = match &instead {
        Some(domain) => format!("write \"{domain}\""),
        None if text == "*" => "name one domain".to_owned(),
        None => fault.to_string(),
    };
    let place = account.doc.place(name.span.clone(), label);
    let mut problem = Problem::error("bad-domain", message, place);
    if text == "*" {
        problem = problem.help("for all domains together write `rate` in the account itself");
    } else if text.contains('*') {
        problem = problem.note("a subdomain is a domain of its own, with a table of its own");
    }
    problem.suggestion = instead.map(|domain| format!("\"{domain}\""));
    problem
}

fn limits(
    section: &Section<'_>,
    account: &Section<'_>,
    rate: &[Rate],
    connections: usize,
) -> DomainLimits {
    if section.lacks("rate") && section.lacks("connections") {
        let message = format!("{} has no limit", section.title());
        let place = section.header_place("needs `rate` or `connections`");
        let problem = Problem::error("missing-key", message, place);
        let help = "write `rate = \"60/minute\"`, or `connections = 1`";
        section.report(problem.help(help).key(section.path("rate")));
    }
    let own = section.rates("rate").unwrap_or_default();
    slack::beside(section, "rate", &own, &of_account(account, rate));
    let few = section.count("connections");
    let few = few.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    if few.is_some_and(|few| few >= connections) {
        let message = format!(
            "`connections` of {} never holds anything back: the account has {connections}",
            section.title()
        );
        let place = section.value_place("connections", "a lower number, or none");
        let problem = Problem::warning("no-effect", message, place);
        section.report(problem.key(section.path("connections")));
    }
    DomainLimits {
        rate: own,
        connections: few,
    }
}

/// The account's rates, and where they stand: written, or with its provider.
fn of_account(account: &Section<'_>, rates: &[Rate]) -> Vec<(Rate, Place)> {
    let texts = account.texts("rate").unwrap_or_default();
    let place = |(index, rate): (usize, &Rate)| {
        let label = "holds for the whole account";
        let place = match texts.get(index) {
            Some(text) => account.doc.place(text.span.clone(), label),
            None => account.value_place("provider", format!("{rate} {label}")),
        };
        (*rate, place)
    };
    rates.iter().enumerate().map(place).collect()
}
