//! Schedules that cannot do what they say at the rates of the configuration: known before anything
//! is sent, from how many people they are for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scene::{Lately, Scene};
use super::{entry, foresee};
use crate::clock::Timestamp;
use crate::config::{About, Config, Overlap, Remark, Schedule, Severity, format_duration};
use crate::outbox::{OutboxError, Reader};
use crate::pace::forecast::Outlook;
use crate::plan::opening::PART;

/// So many times to come are looked at.
const TIMES: usize = 50;
/// Where open hours make each time another one, so many.
const TIMES_OF_HOURS: usize = 15;

/// How many people a schedule is for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// So many.
    pub people: u64,
    /// As many as its run had that was opened then, in milliseconds; none if its lists say so.
    pub as_of: Option<i64>,
}

/// How many people each schedule's last whole run was for, where there was one.
///
/// # Errors
/// The outbox cannot be read.
pub fn last_sizes(config: &Config, reader: &Reader) -> Result<BTreeMap<String, Size>, OutboxError> {
    let mut sizes = BTreeMap::new();
    for schedule in config.schedules.keys() {
        if let Some(last) = reader.last_audience(schedule, PART, None)? {
            let size = Size {
                people: last.people,
                as_of: Some(last.opened_at),
            };
            sizes.insert(schedule.clone(), size);
        }
    }
    Ok(sizes)
}

/// What cannot be: runs that do not end before they expire, or before they are due again.
#[must_use]
pub fn remarks(config: &Config, sizes: &BTreeMap<String, Size>, now: Timestamp) -> Vec<Remark> {
    let sized = config.schedules.values();
    let sized = sized.filter_map(|schedule| Some((schedule, *sizes.get(&schedule.name)?)));
    let remarks = sized.filter_map(|(schedule, size)| {
        let case = Case {
            config,
            schedule,
            size,
        };
        let blown = case.blows_the_fuse();
        blown
            .or_else(|| case.too_slow(now))
            .or_else(|| case.overlaps(now))
    });
    remarks.collect()
}

struct Case<'a> {
    config: &'a Config,
    schedule: &'a Schedule,
    size: Size,
}

impl Case<'_> {
    /// What went the last time would not go again.
    fn blows_the_fuse(&self) -> Option<Remark> {
        let most = self
            .schedule
            .max_recipients
            .filter(|most| self.size.people > *most)?;
        let name = &self.schedule.name;
        Some(Remark {
            about: About::Schedule(name.clone()),
            keys: vec!["max_recipients"],
            code: "too-many",
            severity: Severity::Warning,
            message: format!("schedule `{name}` is for more people than `max_recipients` allows"),
            label: format!("a run of more than {most} is refused"),
            notes: vec![self.people()],
            helps: Vec::new(),
            rows: Vec::new(),
        })
    }

    fn too_slow(&self, now: Timestamp) -> Option<Remark> {
        let schedule = self.schedule;
        let mut times = self.times(now);
        if schedule.between.is_none() {
            times.truncate(1); // all days are alike
        }
        let (at, late) = times.into_iter().find_map(|at| {
            let (_, late) = foresee(self.config, schedule, self.size.people, at);
            Some((at, late?))
        })?;
        let (patient, _) = self.patient(at);
        let ends = patient.ends.map_or("never".to_owned(), |ends| {
            format!(
                "after {}",
                format_duration(Duration::from_secs(ends.as_secs()))
            )
        });
        let cause = match late.rate.as_str() {
            "" => late.whose.clone(),
            rate => format!("{} sends {rate}", late.whose),
        };
        let expires = format_duration(schedule.expires);
        let raise = match late.rate.as_str() {
            "" => "",
            _ => ", or raise that rate if the server allows it",
        };
        Some(Remark {
            about: About::Schedule(schedule.name.clone()),
            keys: vec!["expires", "rate"],
            code: "too-slow",
            severity: Severity::Error,
            message: format!(
                "schedule `{}` cannot end before its mail expires",
                schedule.name
            ),
            label: format!("{} of {} messages would not be sent", late.late, late.of),
            notes: vec![format!(
                "{}: {cause}, so the last message would leave {ends}; `expires` is {expires}",
                self.people()
            )],
            helps: vec![format!("write `expires = \"{}\"`{raise}", late.expires)],
            rows: Vec::new(),
        })
    }

    fn overlaps(&self, now: Timestamp) -> Option<Remark> {
        let schedule = self.schedule;
        let calendar = schedule.calendar.as_ref()?;
        if schedule.readers.is_some() {
            return None; // its runs pass each other on their way around the earth
        }
        let mut known = None;
        let (at, ends, next, binds) = self.times(now).into_iter().find_map(|at| {
            let next = calendar.next_after(at)?.at;
            let (outlook, binds) = match &known {
                Some(known) if schedule.between.is_none() => Clone::clone(known),
                _ => self.patient(at),
            };
            known = Some((outlook, binds.clone()));
            let ends = at.checked_add(outlook.ends?).ok()?;
            (ends > next).then_some((at, ends, next, binds?))
        })?;
        let shown = |at: Timestamp| {
            let at = at.to_zoned(schedule.zone.clone());
            at.strftime("%a %-d %b %H:%M").to_string()
        };
        let then = match schedule.overlap {
            Overlap::Queue => "that one waits (`overlap = \"queue\"`)",
            Overlap::Skip => "that one is skipped (`overlap = \"skip\"`)",
        };
        Some(Remark {
            about: About::Schedule(schedule.name.clone()),
            keys: vec!["cron", "every", "on"],
            code: "overlaps",
            severity: Severity::Warning,
            message: format!(
                "schedule `{}` has not ended when it is due again",
                schedule.name
            ),
            label: "more often than it can be sent".to_owned(),
            notes: vec![format!(
                "{}: the run of {} ends {}, as {binds} binds, and the next is due {}; {then}",
                self.people(),
                shown(at),
                shown(ends),
                shown(next)
            )],
            helps: vec![
                "run it less often, or raise that limit if the server allows it".to_owned(),
            ],
            rows: Vec::new(),
        })
    }

    /// When it may begin: the times to come, or now.
    fn times(&self, now: Timestamp) -> Vec<Timestamp> {
        let most = match self.schedule.between {
            Some(_) => TIMES_OF_HOURS,
            None => TIMES,
        };
        let calendar = self.schedule.calendar.iter();
        let times = calendar.flat_map(|it| it.after(now).take(most).map(|it| it.at));
        let mut times: Vec<Timestamp> = times.collect();
        if times.is_empty() {
            times.push(now);
        }
        times
    }

    /// A run that begins at `at` and has all the time in the world, and what binds it.
    fn patient(&self, at: Timestamp) -> (Outlook, Option<String>) {
        let nothing = Lately::default();
        let mut scene = Scene::new(self.config, &nothing, at);
        let mut entry = entry(self.schedule, self.size.people, Duration::ZERO);
        entry
            .parts
            .iter_mut()
            .for_each(|(_, part)| part.expires = None);
        let run = scene.add(entry);
        let outlook = scene.outlooks()[run];
        (outlook, outlook.binds.map(|binding| scene.binds(binding)))
    }

    fn people(&self) -> String {
        let people = match self.size.people {
            1 => "1 person".to_owned(),
            n => format!("{n} people"),
        };
        let as_of = self
            .size
            .as_of
            .and_then(|at| Timestamp::from_millisecond(at).ok());
        match as_of {
            Some(at) => {
                let at = at.to_zoned(self.schedule.zone.clone());
                let at = at.strftime("%a %Y-%m-%d %H:%M");
                format!("{people}, as in the run of {at}")
            }
            None => format!("{people} in its lists"),
        }
    }
}
