//! `headers` of a template: what its mails say to programs, besides what postroom says of them.

use std::collections::BTreeMap;

use super::extras::written;
use super::problem::Problem;
use super::section::{Section, Text, text_of};
use crate::compose::fault_of_name;

/// What people write here and what says it: in lower case.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &["subject"],
        "that is `subject` of the template, or its subject.txt",
    ),
    (&["from", "sender"], "that is `from` of the account"),
    (
        &["reply-to"],
        "that is `reply_to` of the schedule or the account",
    ),
    (&["to"], "that is `to` of the schedule"),
    (
        &["cc", "bcc"],
        "those are `cc` and `bcc` of a schedule with `group = true`",
    ),
    (&["list-id"], "that is `list_id` of the schedule"),
    (
        &["list-unsubscribe", "list-unsubscribe-post"],
        "those are written where there is [unsubscribe], for schedules with `class = \"bulk\"`",
    ),
    (
        &["precedence", "auto-submitted", "x-auto-response-suppress"],
        "that is written as `class` of the schedule says",
    ),
    (&["feedback-id"], "that is `feedback_id` of the account"),
    (
        &["return-path", "errors-to"],
        "mail servers write that one from the envelope",
    ),
    (
        &["dkim-signature"],
        "that is made with `dkim` of the account",
    ),
    (
        &["date", "message-id", "mime-version", "x-postroom-id"],
        "postroom writes that one itself, so that a mail is the same on each attempt",
    ),
];

/// The values by their names. A name or a value that no header can have has been reported.
pub(super) fn read<'d>(section: &Section<'d>) -> BTreeMap<&'d str, Text<'d>> {
    let mut headers: BTreeMap<&'d str, Text<'d>> = BTreeMap::new();
    for (key, value) in written(section, "headers") {
        let name: &'d str = key.get_ref().as_ref();
        let Some(text) = text_of(value) else {
            let message = format!("`{}` of {} cannot be that", shown(name), section.title());
            let place = section.doc.place(value.span(), "write a text in quotes");
            report(section, Problem::error("wrong-type", message, place));
            continue;
        };
        if let Some((label, help)) = fault(name) {
            let message = format!(
                "{} cannot add the header `{}`",
                section.title(),
                shown(name)
            );
            let place = section.doc.place(key.span(), label);
            report(
                section,
                Problem::error("bad-mail-header", message, place)
                    .maybe_help(help.map(str::to_owned)),
            );
            continue;
        }
        if let Some(first) = headers.keys().find(|it| it.eq_ignore_ascii_case(name)) {
            let message = format!("{} has the header `{name}` twice", section.title());
            let label = format!("`{first}` is the same one: case makes no difference");
            let place = section.doc.place(key.span(), label);
            let problem = Problem::error("only-one-of", message, place);
            report(section, problem.help("keep one of them"));
            continue;
        }
        let label = if text.text.trim().is_empty() {
            "there is nothing in it"
        } else if text.text.contains(char::is_control) {
            "a header is one line, without control characters"
        } else {
            headers.insert(name, text);
            continue;
        };
        let message = format!("`{name}` of {} cannot be that", section.title());
        let place = section.doc.place(value.span(), label);
        report(section, Problem::error("bad-mail-header", message, place));
    }
    headers
}

fn report(section: &Section<'_>, problem: Problem) {
    section.report(problem.key(section.path("headers")));
}

/// What is wrong with a name, and what to do instead.
fn fault(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    let lower = name.to_ascii_lowercase();
    let mut known = INSTEAD.iter();
    if let Some((_, instead)) = known.find(|(names, _)| names.contains(&lower.as_str())) {
        return Some(("has a place of its own", Some(instead)));
    }
    if let Some(why) = fault_of_name(name) {
        return Some((why, None));
    }
    let is_own = lower
        .strip_prefix("x-")
        .is_some_and(|rest| !rest.is_empty());
    (!is_own).then_some((
        "does not begin with X-",
        Some("other names have a meaning to servers and readers: write X-… for your own"),
    ))
}

/// A name that may be anything.
fn shown(name: &str) -> String {
    name.chars()
        .take(60)
        .collect::<String>()
        .escape_debug()
        .to_string()
}
