//! What `postroom check` found, told to people, editors, programs and workflows.

use std::path::Path;

use jiff::tz::TimeZone;
use serde_json::json;

use super::super::clock_words::{ahead, in_zone};
use super::super::out::{Out, counted, has_colour};
use super::{Findings, Format, blocks, lists};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::daemon::times;

/// So many of the next runs are told.
const NEXT: usize = 3;

pub(super) fn tell(findings: &Findings<'_>, format: Format, clock: &Clock, out: &Out) {
    let problems = &findings.problems;
    match format {
        Format::Text => text(findings, clock, out),
        Format::Short => out.text(&problems.to_string()),
        Format::Github => {
            let here = std::env::current_dir().unwrap_or_default();
            out.lines(&problems.to_github(&here));
        }
        Format::Json => return out.value(&to_json(findings, clock)),
    }
    if let Some(note) = unseen(findings) {
        out.note(format!("note: {note}"));
    }
}

fn to_json(findings: &Findings<'_>, clock: &Clock) -> serde_json::Value {
    let config = findings.config;
    let now = clock.now();
    let found = config.map(|config| {
        let (people, unread) = lists::people(config, findings.lists.as_ref());
        json!({
            "accounts": config.accounts.len(),
            "lists": config.lists.len(),
            "people": people,
            "lists_not_read": unread,
            "templates": config.templates.len(),
            "schedules": config.schedules.len(),
        })
    });
    let looks = findings.lists.as_ref();
    let lists = looks
        .iter()
        .flat_map(|it| &it.lists)
        .map(lists::ListLook::to_json);
    let schedules = looks
        .iter()
        .flat_map(|it| &it.schedules)
        .map(lists::Look::to_json);
    let tries = findings.tries.iter().map(|it| it.to_json(clock));
    let verdicts = findings.verdicts.iter().map(|it| it.to_json());
    let outdated = findings.problems.iter().filter(|it| it.code == "outdated");
    json!({
        "config": findings.problems.path(),
        "included": config.map_or(&[][..], |it| &it.included),
        "problems": findings.problems.to_json(),
        "errors": findings.problems.errors(),
        "warnings": findings.problems.warnings(),
        "notes": unseen(findings).into_iter().collect::<Vec<_>>(),
        "outdated": outdated.map(|it| &it.message).collect::<Vec<_>>(),
        "found": found,
        "next": config.map(|it| times::next(it, now)),
        "lists": lists.collect::<Vec<_>>(),
        "schedules": schedules.collect::<Vec<_>>(),
        "accounts": tries.collect::<Vec<_>>(),
        "spam": verdicts.collect::<Vec<_>>(),
    })
}

/// What can only be checked where the service runs.
fn unseen(findings: &Findings<'_>) -> Option<String> {
    let unseen = findings.unseen;
    let are = if unseen == 1 { "is" } else { "are" };
    let checks = if unseen == 1 {
        "checks it"
    } else {
        "checks them"
    };
    (unseen > 0).then(|| {
        format!(
            "{} {are} only visible to the service; `postroom reload --dry-run` {checks}",
            counted(unseen, "credential", "credentials")
        )
    })
}

fn text(findings: &Findings<'_>, clock: &Clock, out: &Out) {
    let problems = &findings.problems;
    if !problems.is_empty() {
        out.line(problems.render(has_colour()));
    }
    if let (Some(looks), Some(config)) = (&findings.lists, findings.config) {
        if !problems.is_empty() {
            out.line("");
        }
        out.lines(&blocks::lines(looks, config, clock.now()));
    }
    let tries = findings.tries.iter().filter_map(|it| it.words(clock));
    tries.for_each(|words| out.line(words));
    let verdicts = findings.verdicts.iter();
    verdicts.for_each(|it| out.lines(&it.lines()));
    let Some(config) = findings.config else {
        return;
    };
    if !problems.has_errors() {
        let verdict = if problems.is_clean() {
            "no problems"
        } else {
            "no errors"
        };
        out.line(format!("{}: {verdict}", files(config)));
    }
    out.line(format!("  {}", counts(findings, config)));
    next(config, clock.now(), out);
}

/// The files that were read: `/etc/postroom/postroom.toml + conf.d/20-sales.toml`.
fn files(config: &Config) -> String {
    let folder = config.path.parent().unwrap_or(Path::new("/"));
    config
        .included
        .iter()
        .fold(config.path.display().to_string(), |text, file| {
            let file = file.strip_prefix(folder).unwrap_or(file);
            format!("{text} + {}", file.display())
        })
}

fn counts(findings: &Findings<'_>, config: &Config) -> String {
    let (people, unread) = lists::people(config, findings.lists.as_ref());
    let mut known = Vec::new();
    if people > 0 || unread == 0 {
        known.push(counted(people, "person", "people"));
    }
    if unread > 0 {
        let read = if findings.lists.is_none() {
            "not read: --lists reads them"
        } else {
            "not read"
        };
        known.push(format!("{unread} {read}"));
    }
    let lists = counted(config.lists.len(), "list", "lists");
    format!(
        "{}   {lists} ({})   {}   {}",
        counted(config.accounts.len(), "account", "accounts"),
        known.join(", "),
        counted(config.templates.len(), "template", "templates"),
        counted(config.schedules.len(), "schedule", "schedules"),
    )
}

fn next(config: &Config, now: Timestamp, out: &Out) {
    for (i, next) in times::next(config, now).iter().take(NEXT).enumerate() {
        let schedule = config.schedules.get(&next.schedule);
        let zone = schedule.and_then(|it| it.calendar.as_ref().map(|it| it.zone.clone()));
        out.line(format!(
            "  {:5} {}  {} {}  ({})",
            if i == 0 { "next:" } else { "" },
            next.schedule,
            in_zone(next.at, &zone.unwrap_or(TimeZone::UTC), "%a %-d %b %H:%M"),
            next.zone,
            ahead(next.at, now.as_millisecond()),
        ));
    }
}
