//! `postroom check --lists`: every list read, every message rendered into nothing.
//!
//! A list is read once for each schedule that uses it, and what is told of it comes from the first
//! of these readings; one that no schedule uses is read for itself.

use std::path::Path;

use super::super::Trouble;
use super::super::exit;
use crate::audience::{Care, List, ListError, Source};
use crate::clock::Clock;
use crate::config::{Config, Copied, Schedule, nearest};
use crate::outbox::{Reader, Reading};
use crate::plan::{Census, Moved, Roll, RollError, Size, Survey, look_over};

/// What reading lists found.
#[derive(Default)]
pub(super) struct Looks {
    /// The lists, in the order of the file.
    pub(super) lists: Vec<ListLook>,
    /// The schedules that use them.
    pub(super) schedules: Vec<Look>,
}

/// What reading a list found.
pub(super) struct ListLook {
    pub(super) name: String,
    pub(super) outcome: Result<Census, ListError>,
    /// What the last run found that read it.
    pub(super) before: Option<Reading>,
    /// The schedules that use it.
    pub(super) schedules: Vec<String>,
}

/// What reading the lists of one schedule found.
pub(super) struct Look {
    pub(super) schedule: String,
    pub(super) outcome: Result<Survey, RollError>,
    /// What was found of its lists, as far as they were read.
    pub(super) lists: Vec<Census>,
    pub(super) moved: Option<Moved>,
}

/// Reads the lists of these names, or all if there are none.
pub(super) fn look_at(config: &Config, names: &[String], clock: &Clock) -> Looks {
    let reader = Reader::peek(&config.daemon.state).ok();
    let care = Care::Fresh(clock.clone());
    let lists: Vec<&List> = (config.written.names("list"))
        .filter(|name| names.is_empty() || names.iter().any(|it| it == name))
        .filter_map(|name| config.lists.get(name))
        .collect();
    let schedules = config.schedules.values();
    let schedules =
        schedules.filter(|it| names.is_empty() || lists.iter().any(|list| uses(it, list)));
    let schedules: Vec<Look> = schedules
        .map(|it| Look::at(config, it, reader.as_ref(), clock))
        .collect();
    let lists = lists.into_iter().map(|list| {
        let last = |reader: &Reader| reader.last_reading(&list.name, 0).ok().flatten();
        let users = config.schedules.values().filter(|it| uses(it, list));
        ListLook {
            name: list.name.clone(),
            outcome: found(&list.name, &schedules).unwrap_or_else(|| Census::of(list, &care)),
            before: reader.as_ref().and_then(last),
            schedules: users.map(|it| it.name.clone()).collect(),
        }
    });
    Looks {
        lists: lists.collect(),
        schedules,
    }
}

/// Whether a schedule goes to a list, copies it or leaves its people out.
fn uses(schedule: &Schedule, list: &List) -> bool {
    let group = schedule.group.iter();
    let copies = group.flat_map(|it| it.cc.iter().chain(&it.bcc));
    let mut copied = copies.filter_map(|it| match it {
        Copied::List(name) => Some(name),
        Copied::One(_) => None,
    });
    let names = schedule.to.iter().chain(&schedule.except);
    names.chain(copied.by_ref()).any(|name| *name == list.name)
}

/// What is known of a list from the schedules that it was read for.
fn found(list: &str, schedules: &[Look]) -> Option<Result<Census, ListError>> {
    let mut lists = schedules.iter().flat_map(|it| &it.lists);
    if let Some(census) = lists.find(|it| it.list == list) {
        return Some(Ok(census.clone()));
    }
    let mut faults = schedules.iter().filter_map(|it| match &it.outcome {
        Err(RollError::List(fault) | RollError::Except(fault)) if fault.list == list => Some(fault),
        _ => None,
    });
    faults.next().map(|fault| Err((**fault).clone()))
}

impl Look {
    fn at(config: &Config, schedule: &Schedule, reader: Option<&Reader>, clock: &Clock) -> Self {
        let mut look = Self {
            schedule: schedule.name.clone(),
            outcome: Err(RollError::Former(String::new())),
            lists: Vec::new(),
            moved: None,
        };
        match Roll::of(config, &schedule.name) {
            Err(error) => look.outcome = Err(error),
            Ok(mut roll) => {
                roll.care = Care::Fresh(clock.clone());
                let mut found = look_over(&roll, clock.now());
                let moved = reader.map(|reader| found.moved(schedule, reader, clock.now()));
                look.moved = moved.and_then(|it| it.ok().flatten());
                look.outcome = found.outcome;
                look.lists = found.lists;
            }
        }
        look
    }
}

/// Whether each of these is the name of a list.
pub(super) fn check_names(config: &Config, names: &[String]) -> Result<(), Trouble> {
    let is_unknown = |name: &&String| !config.lists.contains_key(*name);
    let Some(name) = names.iter().find(is_unknown) else {
        return Ok(());
    };
    let known: Vec<&str> = config.written.names("list").collect();
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", known.join(", ")),
    };
    let name = name.escape_debug();
    let text = format!("no list is called `{name}`; {help}");
    Err(Trouble::new(exit::USAGE, text))
}

pub(super) fn sizes_of(looks: &[Look]) -> impl Iterator<Item = (String, Size)> {
    looks.iter().filter_map(|look| {
        let people = look.outcome.as_ref().ok()?.people;
        let as_of = None;
        Some((look.schedule.clone(), Size { people, as_of }))
    })
}

/// How many people are on the lists that were read, and how many lists nobody has counted. A list
/// of the configuration itself is counted there.
pub(super) fn people(config: &Config, looks: Option<&Looks>) -> (u64, usize) {
    let of = |list: &List| match (&list.source, looks.and_then(|it| it.find(&list.name))) {
        (_, Some(census)) => Some(census.people),
        (Source::Inline(people), None) => Some(people.len() as u64),
        _ => None,
    };
    let counted: Vec<u64> = config.lists.values().filter_map(of).collect();
    (counted.iter().sum(), config.lists.len() - counted.len())
}

impl Looks {
    /// What was found of a list.
    fn find(&self, list: &str) -> Option<&Census> {
        let look = self.lists.iter().find(|it| it.name == list)?;
        look.outcome.as_ref().ok()
    }
}

/// A path as it is written below the folder of the configuration.
pub(super) fn shown(path: &Path, config: &Config) -> String {
    let folder = config.path.parent().unwrap_or(Path::new("/"));
    path.strip_prefix(folder)
        .unwrap_or(path)
        .display()
        .to_string()
}
