//! What mail says of itself: `class`, `list_id`, `postal_address`, `feedback_id`; and whether the
//! template of bulk mail shows its readers what it owes them.

use super::problem::Problem;
use super::schedule::Draft;
use super::section::Section;
use super::{Account, Unsubscribing};
use crate::compose::{Class, Template};

/// RFC 2919 section 3.
const LONGEST_LIST_ID: usize = 255;
/// Gmail's help on feedback loops (answer 6254652).
const SENDER_ID: std::ops::RangeInclusive<usize> = 5..=15;
/// An address on an envelope has a few lines.
const LONGEST_POSTAL: usize = 500;

pub(super) fn class(section: &Section<'_>) -> Class {
    match section.text("class") {
        Some(word) if word.text == Class::Bulk.name() => Class::Bulk,
        _ => Class::Notice,
    }
}

/// RFC 2919: a name like that of a host, which need not be one.
pub(super) fn list_id(section: &Section<'_>) -> Option<String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let is_label = |label: &str| !label.is_empty() && label.chars().all(is_good);
    let fault = |text: &str| match text {
        _ if text.contains(['<', '>', ' ']) => Some("the name alone, without < and >"),
        _ if !text.contains('.') => Some("like \"news.example.org\""),
        _ if text.len() > LONGEST_LIST_ID => Some("255 characters at most"),
        _ if !text.split('.').all(is_label) => Some("ASCII words with dots between them"),
        _ => None,
    };
    text(section, "list_id", fault)
}

pub(super) fn postal_address(section: &Section<'_>) -> Option<String> {
    let fault = |text: &str| match text {
        _ if text.chars().any(|c| c.is_control() && c != '\n') => {
            Some("a control character is in it")
        }
        _ if text.len() > LONGEST_POSTAL => Some("500 bytes at most"),
        _ => None,
    };
    text(section, "postal_address", fault)
}

pub(super) fn feedback_id(section: &Section<'_>) -> Option<String> {
    let fault = |text: &str| {
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
        (!is_plain || !SENDER_ID.contains(&text.len())).then_some("5 to 15 letters and digits")
    };
    text(section, "feedback_id", fault)
}

fn text(
    section: &Section<'_>,
    key: &str,
    fault: impl Fn(&str) -> Option<&'static str>,
) -> Option<String> {
    let text = section.text(key)?;
    let Some(label) = fault(text.text) else {
        return Some(text.text.to_owned());
    };
    let message = format!("`{key}` of {} cannot be that", section.title());
    let place = section.doc.place(text.span.clone(), label);
    section.report(Problem::error("bad-value", message, place).key(section.path(key)));
    None
}

/// Whether mail of a schedule gives its readers what its template and its class promise them.
pub(super) fn check(
    section: &Section<'_>,
    draft: &Draft<'_>,
    template: &Template,
    (unsubscribing, has_table, account): (Option<&Unsubscribing>, bool, Option<&Account>),
) {
    let is_bulk = draft.schedule.class == Class::Bulk;
    if is_bulk && draft.schedule.group.is_some() {
        let message = format!("{} has `group`, and is bulk", section.title());
        let place = section.key_place("group", "one mail to all");
        let other = section.value_place("class", "each reader has a link of their own");
        let problem = Problem::error("only-one-of", message, place).and(other);
        section.report(problem.key(section.path("group")));
        return;
    }
    check_link(section, draft, template, (unsubscribing, has_table));
    check_postal(section, draft, template, account);
}

fn check_link(
    section: &Section<'_>,
    draft: &Draft<'_>,
    template: &Template,
    (unsubscribing, has_table): (Option<&Unsubscribing>, bool),
) {
    let is_bulk = draft.schedule.class == Class::Bulk;
    let shows = template.shows_anywhere("unsubscribe_url");
    let name = template.name();
    if shows && draft.schedule.group.is_some() {
        let message = format!(
            "template `{name}` shows {{{{unsubscribe_url}}}}, and {} sends one mail to all",
            section.title()
        );
        let place = section.key_place("group", "nobody's link can stand in it");
        let problem = Problem::error("no-unsubscribe", message, place);
        let help = "take it out of the template, or take `group` out: then each gets their own";
        section.report(problem.help(help).key(section.path("group")));
        return;
    }
    // What is wrong in [unsubscribe] has been reported.
    if unsubscribing.is_none() && !has_table && (is_bulk || shows) {
        let message = match is_bulk {
            true => format!("{} is bulk, and nobody can leave it", section.title()),
            false => format!("template `{name}` shows {{{{unsubscribe_url}}}}, and there is none"),
        };
        let place = match is_bulk {
            true => section.value_place("class", "needs [unsubscribe]"),
            false => section
                .doc
                .place(draft.send.span.clone(), "needs [unsubscribe]"),
        };
        let problem = Problem::error("no-unsubscribe", message, place);
        let help = "write `[unsubscribe]` with `url`, `mailto` or both, and a `key`: see \
                    `postroom explain unsubscribe`";
        section.report(problem.help(help).key("unsubscribe"));
    }
    if is_bulk {
        let what = "a link to leave by";
        lacking(
            section,
            draft,
            template,
            ("unsubscribe_url", "no-unsubscribe", what),
        );
    }
}

fn check_postal(
    section: &Section<'_>,
    draft: &Draft<'_>,
    template: &Template,
    account: Option<&Account>,
) {
    let is_bulk = draft.schedule.class == Class::Bulk;
    let shows = template.shows_anywhere("postal_address");
    if let Some(account) = account.filter(|it| it.postal_address.is_none() && (is_bulk || shows)) {
        let message = match is_bulk {
            true => format!(
                "{} is bulk, and does not say where its sender is",
                section.title()
            ),
            false => format!(
                "template `{}` shows {{{{postal_address}}}}, and there is none",
                template.name()
            ),
        };
        let label = format!("account `{}` has no `postal_address`", account.name);
        let span = draft.via.first().map(|it| it.span.clone());
        let place = section.doc.place(span.unwrap_or_default(), label);
        let problem = Problem::error("no-postal-address", message, place);
        let help = format!(
            "write `postal_address = \"Example Ltd, 1 High Street, London\"` into [account.{}]",
            account.name
        );
        let key = format!("account.{}.postal_address", account.name);
        section.report(problem.help(help).key(key));
    }
    if is_bulk {
        let what = "where its sender is";
        lacking(
            section,
            draft,
            template,
            ("postal_address", "no-postal-address", what),
        );
    }
}

/// Reports bodies of bulk mail that do not show what each of them must.
fn lacking(
    section: &Section<'_>,
    draft: &Draft<'_>,
    template: &Template,
    (name, code, what): (&str, &'static str, &str),
) {
    let files = template.bodies_without(name);
    let Some(first) = files.first() else {
        return;
    };
    let message = format!(
        "{} is bulk, and template `{}` does not show {what}",
        section.title(),
        template.name()
    );
    let label = format!("{} has no {{{{{name}}}}}", first.file);
    let place = section.doc.place(draft.send.span.clone(), label);
    let others: Vec<_> = files[1..].iter().map(|it| it.file).collect();
    let note = (!others.is_empty()).then(|| format!("nor have {}", others.join(", ")));
    let problem = Problem::error(code, message, place).maybe_note(note);
    let help = format!(
        "write {{{{{name}}}}} into each body, or into a layout or a partial that all of them use"
    );
    section.report(problem.help(help).key(section.path("send")));
}
