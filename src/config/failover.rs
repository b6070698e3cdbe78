//! `via` with several accounts: From stays the first one's, and another server may not care for it.

use std::collections::BTreeMap;

use super::account::Account;
use super::problem::Problem;
use super::section::{Section, Text};

/// Warns of accounts that stand in for one whose sender is of another domain than their own: what
/// they authenticate (SPF, DKIM) is then not aligned with From (RFC 7489, section 3.1).
pub(super) fn check_senders(
    section: &Section<'_>,
    via: &[Text<'_>],
    accounts: &BTreeMap<String, Account>,
) {
    let domain = |name: &str| Some(accounts.get(name)?.sender.from.email.domain());
    let Some((first, from)) = via.first().and_then(|it| Some((it, domain(it.text)?))) else {
        return;
    };
    for name in &via[1..] {
        let Some(own) = domain(name.text).filter(|own| !are_aligned(own, from)) else {
            continue;
        };
        let message = format!(
            "{} may send mail from `{from}` through an account for `{own}`",
            section.title()
        );
        let place = section
            .doc
            .place(name.span.clone(), format!("its `from` is at {own}"));
        let stays = format!("the mail is from {from}, whoever carries it");
        let stays = section.doc.place(first.span.clone(), stays);
        let note = format!(
            "unless its server may send for {from} (SPF) and signs for it (DKIM), that mail is \
             refused or taken for junk"
        );
        let problem = Problem::warning("not-aligned", message, place).and(stays);
        section.report(problem.note(note).key(section.path("via")));
    }
}

/// Relaxed, as DMARC is unless it is told otherwise: one may be a part of the other.
fn are_aligned(one: &str, other: &str) -> bool {
    let is_part = |part: &str, whole: &str| {
        let host = part.strip_suffix(whole);
        host.is_some_and(|host| host.is_empty() || host.ends_with('.'))
    };
    is_part(one, other) || is_part(other, one)
}
