//! `postroom check`

use std::collections::BTreeMap;

use super::clock_words::{ahead, in_zone};
use super::exit::{self, Exit};
use super::out::{self, Out, counted};
use super::progress::during;
use super::{Cli, Trouble};
use crate::audience;
use crate::clock::{Clock, Timestamp};
use crate::config::{self, Config, Loaded, Problems, Scope};
use crate::daemon::times;
use crate::outbox::Reader;
use crate::plan::{Roll, Size, last_sizes, remarks, survey};

#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Also read every list and render every message into nothing
    #[arg(long)]
    lists: bool,
    /// Warnings fail, too
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(cli: &Cli, args: &Args, out: &Out) -> Result<Exit, Trouble> {
    let path = config::find(cli.config.as_deref()).map_err(|e| Trouble::new(exit::CONFIG, e))?;
    let (config, problems) = match config::load(&path) {
        Ok(Loaded { config, problems }) => (Some(config), problems),
        Err(problems) => (None, problems),
    };
    let lists = match &config {
        Some(config) if args.lists => during("reading the lists", out, || look_at_lists(config)),
        _ => Vec::new(),
    };
    let now = Clock::system().now();
    let problems = match &config {
        Some(config) => foretold(config, problems, &lists, now),
        None => problems,
    };
    let outdated: Vec<_> = config.iter().flat_map(|it| it.outdated(now)).collect();
    if out.json {
        out.value(&serde_json::json!({
            "problems": problems.to_json(),
            "outdated": outdated,
            "lists": lists.iter().map(Look::to_json).collect::<Vec<_>>(),
        }));
    } else {
        tell(config.as_ref(), &problems, &lists, out);
        for note in &outdated {
            out.line(format!("warning: {note}"));
        }
    }
    let strict = args.strict && !outdated.is_empty();
    Ok(match verdict(&problems, &lists, args.strict) {
        exit::DONE if strict => exit::DATA,
        verdict => verdict,
    })
}

/// The problems, and those of schedules that cannot be sent as they say.
fn foretold(config: &Config, problems: Problems, lists: &[Look], now: Timestamp) -> Problems {
    let mut sizes = Reader::peek(&config.daemon.state)
        .and_then(|reader| last_sizes(config, &reader))
        .unwrap_or_default(); // before the first run nobody knows
    sizes.extend(sizes_of(lists));
    problems.with(&config.path, remarks(config, &sizes, now))
}

/// How many people are in the lists of each schedule that could be sent.
pub(super) fn list_sizes(config: &Config) -> BTreeMap<String, Size> {
    sizes_of(&look_at_lists(config)).collect()
}

fn sizes_of(lists: &[Look]) -> impl Iterator<Item = (String, Size)> {
    lists.iter().filter_map(|look| {
        let people = look.outcome.as_ref().ok()?.people;
        let as_of = None;
        Some((look.schedule.clone(), Size { people, as_of }))
    })
}

fn verdict(problems: &Problems, lists: &[Look], strict: bool) -> Exit {
    let wrong = problems.has_errors() || strict && !problems.is_clean();
    let of_config = problems.iter().any(|it| it.scope == Scope::Config);
    if wrong && of_config {
        exit::CONFIG
    } else if wrong || lists.iter().any(|look| look.outcome.is_err()) {
        exit::DATA
    } else {
        exit::DONE
    }
}

fn tell(config: Option<&Config>, problems: &Problems, lists: &[Look], out: &Out) {
    if !problems.is_empty() {
        out.line(problems.render(out::errors_have_colour()));
    }
    for look in lists {
        out.line(look.words());
    }
    let Some(config) = config else { return };
    if !problems.has_errors() {
        out.line(format!("{}: {}", config.path.display(), in_order(problems)));
    }
    out.line(format!(
        "  {}   {}   {}   {}",
        counted(config.accounts.len(), "account", "accounts"),
        counted(config.lists.len(), "list", "lists"),
        counted(config.templates.len(), "template", "templates"),
        counted(config.schedules.len(), "schedule", "schedules"),
    ));
    let now = Clock::system().now();
    for (i, next) in times::next(config, now).iter().take(3).enumerate() {
        let schedule = config.schedules.get(&next.schedule);
        let zone = schedule.and_then(|it| it.calendar.as_ref().map(|it| it.zone.clone()));
        out.line(format!(
            "  {:5} {}  {} {}  ({})",
            if i == 0 { "next:" } else { "" },
            next.schedule,
            in_zone(
                next.at,
                &zone.unwrap_or(jiff::tz::TimeZone::UTC),
                "%a %-d %b %H:%M"
            ),
            next.zone,
            ahead(next.at, now.as_millisecond()),
        ));
    }
}

fn in_order(problems: &Problems) -> &'static str {
    if problems.is_clean() {
        "no problems"
    } else {
        "no errors"
    }
}

/// What reading the lists of one schedule found.
struct Look {
    schedule: String,
    outcome: Result<crate::plan::Survey, String>,
}

fn look_at_lists(config: &Config) -> Vec<Look> {
    let looks = config.schedules.keys().map(|schedule| Look {
        schedule: schedule.clone(),
        outcome: Roll::of(config, schedule)
            .and_then(|roll| survey(&roll, None))
            .map_err(|error| error.to_string()),
    });
    looks.collect()
}

impl Look {
    fn words(&self) -> String {
        let schedule = &self.schedule;
        match &self.outcome {
            Err(error) => format!("{schedule}: would not be sent: {}", out::plain(error)),
            Ok(survey) => {
                let people = counted(survey.people, "person", "people");
                let mut text = format!("{schedule}: {people}");
                if survey.duplicates > 0 {
                    let repeated = "repeated addresses";
                    let repeated = counted(survey.duplicates, "repeated address", repeated);
                    text += &format!(", {repeated}");
                }
                if survey.badness.bad > 0 {
                    text += &format!(", {}", out::plain(&survey.badness.to_string()));
                }
                if let Some(strays) = survey.badness.strays_told() {
                    text += &format!("; {}", out::plain(&strays));
                }
                text
            }
        }
    }

    fn to_json(&self) -> serde_json::Value {
        match &self.outcome {
            Err(error) => serde_json::json!({ "schedule": self.schedule, "error": error }),
            Ok(survey) => serde_json::json!({
                "schedule": self.schedule,
                "people": survey.people,
                "duplicates": survey.duplicates,
                "invalid": survey.badness.bad,
                "invalid_told": survey.badness.told,
                "unknown_zones": survey.badness.strays,
                "unknown_zones_told": survey.badness.strays_told,
                "first": survey.first.as_ref().and_then(|(person, _)| {
                    person.mailbox.as_ref().ok().map(|it| audience::mask(it.email.as_ref()))
                }),
            }),
        }
    }
}
