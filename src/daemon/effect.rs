//! What follows from another configuration: when it holds, when schedules run next, what of the
//! queue it touches.

use jiff::tz::TimeZone;

use super::reloaded::{Difference, How, Reloaded};
use crate::clock::Timestamp;
use crate::config::{Config, Schedule};
use crate::outbox::state::State;
use crate::outbox::{OutboxError, Reader, RunRow};
use crate::plan::{Roll, survey};

/// Keys of a schedule that say when it runs.
const TIMES: [&str; 9] = [
    "cron",
    "on",
    "every",
    "starts",
    "ends",
    "timezone",
    "holidays",
    "on_holiday",
    "jitter",
];
/// Messages that were not tried, or are to be tried again.
const WAITING: [State; 4] = [State::Queued, State::Leased, State::Armed, State::Deferred];
const NEXT_MESSAGE: &str = "from the next message";

/// What is to be known for it.
pub(super) struct Scene<'a> {
    /// What held, or holds still.
    pub(super) before: &'a Config,
    /// What holds, or would.
    pub(super) after: &'a Config,
    /// The time.
    pub(super) now: Timestamp,
    /// Lists are read, to say how many people a new schedule has.
    pub(super) counts_people: bool,
}

impl Scene<'_> {
    /// Says of each difference what follows.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub(super) fn tell(&self, reloaded: &mut Reloaded, reader: &Reader) -> Result<(), OutboxError> {
        let open = reader.open_runs()?;
        for difference in &mut reloaded.changes {
            match difference.how {
                How::Changed => self.changed(difference, &open),
                How::Added => difference.effect = self.added(difference),
                How::Removed => difference.effect = self.removed(difference, &open),
                How::Unused => {}
            }
        }
        Ok(())
    }

    fn changed(&self, difference: &mut Difference, open: &[RunRow]) {
        let (kind, name) = (difference.kind.clone(), difference.name.clone());
        if !difference.files.is_empty() {
            difference.effect = match kind.as_str() {
                "template" => Some(self.keep_the_old_text(&name, open)),
                "schedule" => self.next_runs(&name),
                _ => Some(NEXT_MESSAGE.to_owned()),
            };
        }
        for key in &mut difference.keys {
            let table = key.key.split('.').next().unwrap_or_default();
            key.effect = match (kind.as_str(), table) {
                _ if key.restart => Some("needs a restart".to_owned()),
                ("account", "from" | "reply_to") => {
                    Some("from the next run; open ones keep theirs".to_owned())
                }
                ("account", "retry") => Some("from the next run".to_owned()),
                ("account", _) | ("daemon", "rate") | ("schedule", "rate" | "between") => {
                    Some(NEXT_MESSAGE.to_owned())
                }
                ("daemon", "timezone") => None, // said of each schedule
                ("daemon", _) => Some("at once".to_owned()),
                ("template", _) => Some(self.keep_the_old_text(&name, open)),
                ("schedule", table) if TIMES.contains(&table) => self.next_runs(&name),
                _ => Some("from the next run".to_owned()),
            };
        }
    }

    fn added(&self, difference: &Difference) -> Option<String> {
        if difference.kind != "schedule" {
            return None;
        }
        let schedule = self.after.schedules.get(&difference.name)?;
        let first = match self.next(schedule) {
            Some(at) => {
                let zone = schedule.zone.iana_name().unwrap_or("UTC");
                format!("first run {} {zone}", told(at, &schedule.zone))
            }
            None if schedule.calendar.is_some() => "no run is due any more".to_owned(),
            None => format!("runs by hand: postroom send {}", schedule.name),
        };
        let people = self.people(schedule);
        Some(people.map_or(first.clone(), |people| format!("{first}, {people}")))
    }

    fn people(&self, schedule: &Schedule) -> Option<String> {
        if !self.counts_people {
            return None;
        }
        let roll = Roll::of(self.after, &schedule.name).ok()?;
        Some(match survey(&roll, Some(self.now)) {
            Ok(survey) => counted(survey.people, "person", "people"),
            Err(error) => format!("but it would not be sent: {error}"),
        })
    }

    fn removed(&self, difference: &Difference, open: &[RunRow]) -> Option<String> {
        let name = &difference.name;
        match difference.kind.as_str() {
            "schedule" => {
                let left = waiting(open, |run| run.schedule == *name);
                (left > 0).then(|| {
                    format!(
                        "{} still queued will be sent; `postroom queue cancel --schedule {name}` \
                         drops {}",
                        counted(left, "message", "messages"),
                        if left == 1 { "it" } else { "them" }
                    )
                })
            }
            "account" => {
                let left = waiting(open, |run| run.via.iter().all(|via| via == name));
                (left > 0).then(|| {
                    format!(
                        "{} of open runs wait for it, and expire if it does not come back",
                        counted(left, "message", "messages")
                    )
                })
            }
            _ => None,
        }
    }

    fn keep_the_old_text(&self, template: &str, open: &[RunRow]) -> String {
        let sends = |run: &RunRow| {
            let schedule = self.before.schedules.get(&run.schedule);
            schedule.is_some_and(|it| it.send == template)
        };
        match waiting(open, sends) {
            0 => "from the next run".to_owned(),
            left => format!(
                "from the next run; {} of open ones keep the old text",
                counted(left, "message", "messages")
            ),
        }
    }

    fn next_runs(&self, name: &str) -> Option<String> {
        let (before, after) = (
            self.before.schedules.get(name)?,
            self.after.schedules.get(name)?,
        );
        let told = |schedule: &Schedule| {
            let at = self.next(schedule);
            at.map_or_else(|| "by hand".to_owned(), |at| told(at, &schedule.zone))
        };
        let (old, new) = (told(before), told(after));
        Some(match old == new {
            true => format!("next run {new}, as before"),
            false => format!("next run {old} -> {new}"),
        })
    }

    fn next(&self, schedule: &Schedule) -> Option<Timestamp> {
        let calendar = schedule.calendar.as_ref()?;
        calendar
            .next_after(self.now)
            .map(|occurrence| occurrence.at)
    }
}

fn told(at: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    at.strftime("%a %-d %b %H:%M").to_string()
}

fn waiting(open: &[RunRow], of: impl Fn(&RunRow) -> bool) -> u64 {
    let runs = open.iter().filter(|run| of(run));
    let left: i64 = runs.map(|run| run.counts.sum(&WAITING)).sum();
    u64::try_from(left).unwrap_or(0)
}

fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
