//! `[schedule.<name>]`: what goes to whom, via which account, and when.

use std::time::Duration;

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

use super::attachment::Attachment;
use super::canary::{self, Canary};
use super::choice::{BadRows, Empty, OnUncertain, Overlap};
use super::group::{self, Group};
use super::holidays::HolidayFile;
use super::problem::Problem;
use super::rate::Rate;
use super::section::{Section, Text};
use super::times;
use super::zone::{self, ReaderZones};
use super::{kind, program, tables};
use crate::audience::{Share, Values};
use crate::calendar::{self, Calendar, OpenHours};
use crate::compose::Class;
use crate::program::Program;

const EXPIRES: Duration = Duration::from_secs(24 * 60 * 60);
const CATCH_UP: Duration = Duration::from_secs(60 * 60);
const RESEND_AFTER: Duration = Duration::from_secs(15 * 60);

/// What goes to whom, via which account, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its name in the configuration.
    pub name: String,
    /// The template's name.
    pub send: String,
    /// The lists' names, at least one.
    pub to: Vec<String>,
    /// The names of the lists whose people get nothing of it.
    pub except: Vec<String>,
    /// The accounts' names, at least one; the later carry what those before them cannot.
    pub via: Vec<String>,
    /// When it runs; only `postroom send` runs one without.
    pub calendar: Option<Calendar>,
    /// The files that its holidays come from.
    pub holiday_files: Vec<HolidayFile>,
    /// When its mail may leave; outside, its runs pause.
    pub between: Option<OpenHours>,
    /// The zone of its times and of its mails' dates.
    pub zone: TimeZone,
    /// Its times come to each reader in a zone of their own.
    pub readers: Option<ReaderZones>,
    /// A program that says whether a run is opened when it is due.
    pub when: Option<Program>,
    /// The waits after temporary failures, if not the account's; the last repeats.
    pub retry: Option<Vec<Duration>>,
    /// Mail that could not be sent for so long is not sent any more.
    pub expires: Duration,
    /// How fast it may send, besides what the account allows; every one of them holds.
    pub rate: Vec<Rate>,
    /// A run with more people is refused.
    pub max_recipients: Option<u64>,
    /// A run is refused whose people differ from the last run's by a larger share of those.
    pub max_change: Option<Share>,
    /// Who gets it first.
    pub canary: Option<Canary>,
    /// What happens to a run that was missed.
    pub catch_up: CatchUp,
    /// What happens to a run that is due while an earlier one is being sent.
    pub overlap: Overlap,
    /// What is done with a mail whose end was not acknowledged.
    pub on_uncertain: OnUncertain,
    /// How long such a mail waits before it is sent once more.
    pub resend_after: Duration,
    /// What a run without recipients is.
    pub empty: Empty,
    /// What is done with rows that cannot be sent to.
    pub bad_rows: BadRows,
    /// What is never sent again.
    pub once_per: Option<OncePer>,
    /// All people get one mail together, and these with them.
    pub group: Option<Group>,
    /// What kind of mail it is.
    pub class: Class,
    /// The value of List-Id, if not the usual one.
    pub list_id: Option<String>,
    /// Where answers go, if not where the account says.
    pub reply_to: Option<Mailbox>,
    /// The files that go along, those of its template first.
    pub attachments: Vec<Attachment>,
    /// Where the values of its runs come from, its own or its template's.
    pub data: Option<Values>,
}

/// The field of [`OncePer`] that is the address, whatever its column is called.
pub const EMAIL: &str = "email";

/// What makes a mail the same notice as one of an earlier run, which is not sent again.
#[derive(Clone, Debug, PartialEq)]
pub struct OncePer {
    /// Fields of the lists; [`EMAIL`] is the normalised address.
    pub fields: Vec<String>,
    /// How long it counts after its run was opened; for ever without.
    pub lasts: Option<Duration>,
}

/// What happens to a run that fell due while the daemon was down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CatchUp {
    /// The last one missed is started if it is at most so late.
    Within(Duration),
    /// It is recorded as missed.
    Never,
}

/// A schedule and where its names stand, before they are looked up.
pub(super) struct Draft<'d> {
    pub(super) schedule: Schedule,
    pub(super) send: Text<'d>,
    pub(super) to: Vec<Text<'d>>,
    pub(super) except: Vec<Text<'d>>,
    pub(super) via: Vec<Text<'d>>,
    pub(super) once_per: Vec<Text<'d>>,
    pub(super) zone_column: Option<Text<'d>>,
    /// The lists' names in `cc` and in `bcc`.
    pub(super) copies: [Vec<Text<'d>>; 2],
    /// Its data, or its template's, cannot be used, which has been reported.
    pub(super) has_bad_data: bool,
}

/// Reads a schedule. Nothing comes back if it does not say what goes to whom via which account,
/// which has been reported.
pub(super) fn read<'d>(section: &Section<'d>, timezone: &TimeZone) -> Option<Draft<'d>> {
    check_sentence(section);
    let (zone_column, readers) = zone::of_readers(section, "timezone").unzip();
    let zone_column = zone_column.flatten();
    let zone = match &readers {
        Some(readers) => readers.otherwise.clone(),
        None => zone::read(section, "timezone"),
    };
    let zone = zone.unwrap_or_else(|| timezone.clone());
    let first = readers.as_ref().map(|_| calendar::first_zone());
    let times = times::read(section, first.as_ref().unwrap_or(&zone));
    if zone_column.is_some() {
        check_fits_readers(section, times.calendar.as_ref());
    }
    let send = section.text("send");
    let (to, via) = (named_once(section, "to"), named_once(section, "via"));
    let owned = |names: &[Text<'_>]| names.iter().map(|name| name.text.to_owned()).collect();
    let (to, via) = (to.unwrap_or_default(), via.unwrap_or_default());
    let except = named_once(section, "except").unwrap_or_default();
    let once_per = section.some_texts("once_per").unwrap_or_default();
    let (group, copies) = group::read(section);
    check_apart(section, to.iter().chain(copies.iter().flatten()), &except);
    let schedule = Schedule {
        name: section.name.to_owned(),
        send: send
            .as_ref()
            .map(|it| it.text.to_owned())
            .unwrap_or_default(),
        to: owned(&to),
        except: owned(&except),
        via: owned(&via),
        calendar: times.calendar,
        holiday_files: times.holiday_files,
        between: times.between,
        zone,
        readers,
        when: when(section),
        retry: section.spans("retry"),
        expires: section.span("expires").unwrap_or(EXPIRES),
        rate: section.rates("rate").unwrap_or_default(),
        max_recipients: section.count("max_recipients"),
        max_change: section.share("max_change"),
        canary: canary::read(section),
        catch_up: catch_up(section),
        overlap: section.choice("overlap").unwrap_or_default(),
        on_uncertain: section.choice("on_uncertain").unwrap_or_default(),
        resend_after: section.duration("resend_after").unwrap_or(RESEND_AFTER),
        empty: section.choice("empty").unwrap_or_default(),
        bad_rows: section.choice("bad_rows").unwrap_or_default(),
        once_per: once(section, owned(&once_per)),
        group,
        class: kind::class(section),
        list_id: kind::list_id(section),
        reply_to: section.mailbox("reply_to"),
        attachments: Vec::new(), // follow when the templates are known
        data: None,
    };
    Some(Draft {
        schedule,
        send: send?,
        to,
        except,
        via,
        once_per,
        zone_column,
        copies,
        has_bad_data: false, // known with the templates
    })
}

/// What follows the sun has times of day, and is never over before the next one begins.
fn check_fits_readers(section: &Section<'_>, calendar: Option<&Calendar>) {
    let wrong = |key: &str, message: &str| {
        let place = section.key_place(key, "not with a time zone for each reader");
        let message = format!("{message}, which {} does not have", section.title());
        section.report(Problem::error("only-one-of", message, place).key(section.path(key)));
    };
    if let Some(calendar) = calendar
        && !calendar.when.keeps_time_of_day()
    {
        let key = if section.has("every") {
            "every"
        } else {
            "cron"
        };
        wrong(key, "times by the hour have one zone for all");
    }
    if section.has("between") {
        wrong(
            "between",
            "hours at which mail may leave have one zone for all",
        );
    }
    if section.has("overlap") {
        wrong(
            "overlap",
            "runs can only wait for each other in one zone for all",
        );
    }
}

/// A schedule reads as a sentence: send this to them via that.
fn check_sentence(section: &Section<'_>) {
    let parts = [
        (
            "send",
            "what it sends",
            "\"weekly-news\"`, a folder in templates/",
        ),
        ("to", "who gets it", "\"customers\"`, the name of a list"),
        ("via", "how it is sent", "\"main\"`, the name of an account"),
    ];
    let missing: Vec<_> = parts
        .iter()
        .filter(|(key, ..)| section.lacks(key))
        .collect();
    let Some((first, ..)) = missing.first() else {
        return;
    };
    let lacking: Vec<_> = missing.iter().map(|(_, lacking, _)| *lacking).collect();
    let keys: Vec<_> = missing.iter().map(|(key, ..)| format!("`{key}`")).collect();
    let message = format!("{} does not say {}", section.title(), lacking.join(", or "));
    let place = section.header_place(format!("needs {}", keys.join(" and ")));
    let problem = Problem::error("missing-key", message, place).key(section.path(first));
    section.report(missing.iter().fold(problem, |problem, (key, _, example)| {
        problem.help(format!("write `{key} = {example}"))
    }));
}

/// Names of lists, or of accounts: each one once.
fn named_once<'d>(section: &Section<'d>, key: &str) -> Option<Vec<Text<'d>>> {
    let kind = if key == "via" { "account" } else { "list" };
    let names = section.some_texts(key)?;
    for (index, name) in names.iter().enumerate() {
        if let Some(earlier) = names[..index].iter().find(|it| it.text == name.text) {
            let message = format!("{} names {kind} `{}` twice", section.title(), name.text);
            let again = match key {
                "via" => "name another one",
                _ => "take it out",
            };
            let place = section.doc.place(name.span.clone(), again);
            let earlier = section
                .doc
                .place(earlier.span.clone(), "named here already");
            let problem = Problem::error("duplicate-name", message, place).and(earlier);
            section.report(problem.key(section.path(key)));
        }
    }
    Some(names)
}

/// Nobody is on a list and not on it.
fn check_apart<'t, 'd: 't>(
    section: &Section<'_>,
    to: impl Iterator<Item = &'t Text<'d>> + Clone,
    except: &[Text<'_>],
) {
    for name in except {
        let Some(also) = to.clone().find(|it| it.text == name.text) else {
            continue;
        };
        let message = format!(
            "{} goes to list `{}` and leaves out all of it",
            section.title(),
            name.text
        );
        let place = section.doc.place(name.span.clone(), "nobody of it gets it");
        let also = section.doc.place(also.span.clone(), "who gets it");
        let problem = Problem::error("duplicate-name", message, place).and(also);
        let help = "take it out of one of them";
        section.report(problem.help(help).key(section.path("except")));
    }
}

/// The program that is asked before a run is opened.
fn when(section: &Section<'_>) -> Option<Program> {
    let value = section.value("when")?;
    let entries = value.get_ref().as_table()?;
    let header = tables::header(section.doc, value.span());
    let inner = Section::open(
        section.doc,
        "schedule.*.when",
        section.name,
        header,
        entries,
    );
    if inner.lacks("command") {
        let message = format!("{} names no program", inner.title());
        let place = inner.header_place("needs `command`");
        let problem = Problem::error("missing-key", message, place);
        let help = "write `when = { command = [\"/usr/local/bin/is-it-time\"] }`";
        inner.report(problem.help(help).key(inner.path("command")));
    }
    program::read(&inner)
}

fn once(section: &Section<'_>, fields: Vec<String>) -> Option<OncePer> {
    if section.has("once_for") && section.lacks("once_per") {
        let message = format!("{} says for how long, and not what", section.title());
        let place = section.key_place("once_for", "needs `once_per`");
        let problem = Problem::error("missing-key", message, place);
        let help = "write `once_per = [\"email\"]`, the fields that make it the same notice";
        section.report(problem.help(help).key(section.path("once_per")));
    }
    let lasts = section.span("once_for");
    (!fields.is_empty()).then_some(OncePer { fields, lasts })
}

fn catch_up(section: &Section<'_>) -> CatchUp {
    match section.text("catch_up") {
        Some(word) if word.text == "never" => CatchUp::Never,
        Some(_) => CatchUp::Within(section.span("catch_up").unwrap_or(CATCH_UP)),
        None => CatchUp::Within(CATCH_UP),
    }
}
