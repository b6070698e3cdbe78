//! When a schedule runs: `cron`, `every` or `on`, within `starts` and `ends`, off its `holidays`,
//! with its `jitter`; and the hours `between` which its mail may leave.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::de::DeValue;

use super::holidays::{self, HolidayFile};
use super::machine;
use super::problem::Problem;
use super::section::{Section, Text, Value, every as all_good};
use super::unknown::enumerated;
use crate::calendar::{self, Calendar, Cron, Every, OpenHours, When};

/// What a schedule says about time.
pub(super) struct Times {
    pub(super) calendar: Option<Calendar>,
    pub(super) holiday_files: Vec<HolidayFile>,
    pub(super) between: Option<OpenHours>,
}

const KINDS: [(&str, &str); 3] = [
    ("cron", "keep one"),
    ("every", "or the other"),
    ("on", "or the other"),
];

/// Reads them. What is wrong has been reported.
pub(super) fn read(section: &Section<'_>, zone: &TimeZone) -> Times {
    let between = between(section);
    let (starts, ends) = (bound(section, "starts"), bound(section, "ends"));
    check_order(section, starts, ends);
    let (holidays, holiday_files) = holidays::read(section, zone);
    let jitter = section.span("jitter");
    if KINDS.iter().all(|(key, _)| section.lacks(key)) {
        needless_without_times(section);
    }
    let calendar = when(section, starts).map(|when| Calendar {
        starts,
        ends,
        holidays,
        jitter: jitter.map_or(SignedDuration::ZERO, |most| {
            let most = SignedDuration::try_from(most).unwrap_or(SignedDuration::MAX);
            calendar::jitter(most, section.name, &machine::id())
        }),
        ..Calendar::new(when, zone.clone())
    });
    if let Some(calendar) = &calendar
        && !section.doc.has_errors()
    {
        check_some_time(section, calendar);
        if let Some(hours) = between.as_ref().filter(|_| !section.doc.has_errors()) {
            check_some_run_inside(section, calendar, hours);
        }
    }
    Times {
        calendar,
        holiday_files,
        between,
    }
}

fn needless_without_times(section: &Section<'_>) {
    let keys = ["starts", "ends", "holidays", "on_holiday", "jitter"];
    let mut idle: Vec<&str> = keys.into_iter().filter(|key| section.has(key)).collect();
    idle.sort_by_key(|key| section.key_place(key, "").span.start);
    let [first, others @ ..] = idle.as_slice() else {
        return;
    };
    let message = format!(
        "{} has no time of its own: {} {} no meaning here",
        section.title(),
        enumerated(&idle),
        if others.is_empty() { "has" } else { "have" }
    );
    let label = "take it out, or write `cron`, `every` or `on`";
    let problem = Problem::error("needless-key", message, section.key_place(first, label));
    let problem = others.iter().fold(problem, |problem, key| {
        problem.and(section.key_place(key, "and this"))
    });
    section.report(problem.key(section.path(first)));
}

fn when(section: &Section<'_>, starts: Option<DateTime>) -> Option<When> {
    let message = format!("{} says twice when it runs", section.title());
    if let Some(problem) = section.only_one_of(&KINDS, message) {
        section.report(problem.help("make two schedules of it"));
        return None;
    }
    if section.has("cron") {
        cron(section).map(When::Cron)
    } else if section.has("every") {
        every(section, starts).map(When::Every)
    } else {
        on(section).map(When::On)
    }
}

fn cron(section: &Section<'_>) -> Option<Cron> {
    let written = section.text("cron")?;
    let fault = match written.text.parse::<Cron>() {
        Ok(cron) => {
            warn_of_rarities(section, &written, &cron);
            return Some(cron);
        }
        Err(fault) => fault,
    };
    let span = section
        .doc
        .inside(written.span.clone(), written.text, fault.span);
    let span = if span.is_empty() { written.span } else { span };
    let place = section.doc.place(span, fault.label);
    let problem = if fault.never {
        let message = format!("{} would never run", section.title());
        Problem::error("never-fires", message, place)
    } else {
        Problem::error("bad-cron", fault.message, place)
    };
    let problem = problem.maybe_note(fault.note).maybe_help(fault.help);
    section.report(problem.key(section.path("cron")));
    None
}

/// A run that never comes is seen by nobody.
fn warn_of_rarities(section: &Section<'_>, written: &Text<'_>, cron: &Cron) {
    for rarity in cron.rarities() {
        let doc = section.doc;
        let span = doc.inside(written.span.clone(), written.text, rarity.span.clone());
        let message = format!("{}: {}", section.title(), rarity.message);
        let place = doc.place(span, rarity.label.clone());
        let problem = Problem::warning("not-every-date", message, place);
        section.report(problem.key(section.path("cron")));
    }
}

fn every(section: &Section<'_>, starts: Option<DateTime>) -> Option<Every> {
    let step = section.span("every")?;
    let step = SignedDuration::try_from(step).ok()?;
    let Some(anchor) = starts else {
        if section.lacks("starts") {
            let message = format!("{} does not say from when `every` counts", section.title());
            let place = section.key_place("every", "needs `starts`");
            let problem = Problem::error("missing-key", message, place);
            let help = "write `starts = 2026-12-01T09:00:00`, the first time that it runs";
            section.report(problem.help(help).key(section.path("starts")));
        }
        return None;
    };
    Every::new(anchor, step)
        .map_err(|_| {
            let place = section.value_place("every", "write whole minutes, at least one");
            let message = "`every` counts minutes";
            section
                .report(Problem::error("bad-duration", message, place).key(section.path("every")));
        })
        .ok()
}

fn on(section: &Section<'_>) -> Option<Vec<DateTime>> {
    let value = section.value("on")?;
    let moments = one_or_several(value);
    if moments.is_empty() {
        let message = format!("`on` of {} names no date", section.title());
        let place = section.value_place("on", "write at least one");
        section.report(Problem::error("empty-list", message, place).key(section.path("on")));
    }
    all_good(moments.into_iter().map(|moment| {
        if let DeValue::Datetime(date) = moment.get_ref()
            && date.time.is_none()
        {
            let message = format!("`{date}` has no time of day");
            bad_date(
                section,
                "on",
                moment,
                message,
                &format!("write {date}T09:00:00"),
            );
            return None;
        }
        civil(section, "on", moment, calendar::parse_civil)
    }))
}

pub(super) fn one_or_several<'a, 'd>(value: &'a Value<'d>) -> Vec<&'a Value<'d>> {
    match value.get_ref().as_array() {
        Some(list) => list.iter().collect(),
        None => vec![value],
    }
}

fn bound(section: &Section<'_>, key: &'static str) -> Option<DateTime> {
    let is_end = key == "ends";
    let read = |text: &str| calendar::parse_bound(text, is_end);
    civil(section, key, section.value(key)?, read)
}

pub(super) fn civil<T>(
    section: &Section<'_>,
    key: &str,
    value: &Value<'_>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let text = match value.get_ref() {
        DeValue::Datetime(date) if date.offset.is_some() => {
            let message = format!("`{date}` brings its own offset");
            let label = "leave the offset out; `timezone` says where the clock hangs";
            bad_date(section, key, value, message, label);
            return None;
        }
        DeValue::Datetime(date) => date.to_string(),
        other => other.as_str()?.to_owned(),
    };
    read(&text)
        .map_err(|message| bad_date(section, key, value, message, ""))
        .ok()
}

fn bad_date(section: &Section<'_>, key: &str, value: &Value<'_>, message: String, label: &str) {
    let place = section.doc.place(value.span(), label);
    section.report(Problem::error("bad-date", message, place).key(section.path(key)));
}

fn check_order(section: &Section<'_>, starts: Option<DateTime>, ends: Option<DateTime>) {
    if let (Some(starts), Some(ends)) = (starts, ends)
        && ends < starts
    {
        let message = format!("{} ends before it starts", section.title());
        let place = section.value_place("ends", "before");
        let problem = Problem::error("bad-date", message, place);
        let problem = problem.and(section.value_place("starts", "this"));
        section.report(problem.key(section.path("ends")));
    }
}

fn between(section: &Section<'_>) -> Option<OpenHours> {
    let hours = section.some_texts("between")?;
    let hours = all_good(hours.iter().map(|written| {
        let fault = match written.text.parse::<OpenHours>() {
            Ok(hours) => return Some(hours),
            Err(fault) => fault,
        };
        let span = section
            .doc
            .inside(written.span.clone(), written.text, fault.span);
        let place = section.doc.place(span, fault.label);
        let problem = Problem::error("bad-hours", fault.message, place);
        section.report(problem.key(section.path("between")));
        None
    }))?;
    Some(OpenHours::union(hours))
}

/// Times may exist, and none of them within the bounds and off the holidays.
fn check_some_time(section: &Section<'_>, calendar: &Calendar) {
    if calendar.next_after(Timestamp::MIN).is_some() {
        return;
    }
    let message = format!("{} would never run", section.title());
    let (key, _) = KINDS
        .into_iter()
        .find(|(key, _)| section.has(key))
        .unwrap_or(KINDS[0]);
    let problem = Problem::error(
        "never-fires",
        message,
        section.value_place(key, "none of these times is left"),
    );
    let labels = [
        ("starts", "after this"),
        ("ends", "up to this"),
        ("holidays", "and off these"),
    ];
    let problem = labels
        .into_iter()
        .filter(|(key, _)| section.has(key))
        .fold(problem, |problem, (key, label)| {
            problem.and(section.value_place(key, label))
        });
    section.report(problem.key(section.path(key)));
}

/// Such runs wait, each one: that may be meant, or a slip.
fn check_some_run_inside(section: &Section<'_>, calendar: &Calendar, hours: &OpenHours) {
    if !calendar.never_within(hours) {
        return;
    }
    let message = format!("no run of {} begins within `between`", section.title());
    let place = section.value_place("between", "every run waits until these hours");
    let problem = Problem::warning("never-between", message, place);
    section.report(problem.key(section.path("between")));
}
