//! What time has passed over: the one judgement of a configuration that needs the time.

use jiff::Timestamp;

use super::{About, Config, Remark, Schedule, Severity};
use crate::audience::List;

impl Config {
    /// What was right when it was written and is over: files of holidays that hold none to come,
    /// schedules that have run for the last time, and lists that are older than their `max_age`.
    #[must_use]
    pub fn outdated(&self, now: Timestamp) -> Vec<Remark> {
        let schedules = self.schedules.values();
        let schedules = schedules.flat_map(|schedule| schedule.outdated(now));
        let lists = self.lists.values().filter_map(|list| stale(list, now));
        schedules.chain(lists).collect()
    }
}

/// A run that were due now would be refused; there may be a new file until one is.
fn stale(list: &List, now: Timestamp) -> Option<Remark> {
    let fault = list.stale(now)?;
    let path = fault.path.unwrap_or_default();
    Some(Remark {
        about: About::List(list.name.clone()),
        keys: vec!["max_age"],
        code: "stale-file",
        severity: Severity::Warning,
        message: format!(
            "the file of list `{}` is too old: {}",
            list.name, fault.message
        ),
        label: path.display().to_string(),
        notes: Vec::new(),
        helps: fault.help.into_iter().collect(),
        rows: Vec::new(),
    })
}

impl Schedule {
    fn outdated(&self, now: Timestamp) -> Vec<Remark> {
        let name = &self.name;
        let Some(calendar) = &self.calendar else {
            return Vec::new();
        };
        if calendar.next_after(now).is_none() {
            let message = format!("schedule `{name}` has run for the last time");
            let help = "write a later time, or take the schedule out";
            return vec![self.over(vec!["ends", "on", "cron", "every"], message, "over", help)];
        }
        let today = self.zone.to_datetime(now).date();
        let past = self.holiday_files.iter().filter(|file| file.last < today);
        past.map(|file| {
            let message = format!(
                "the holidays of schedule `{name}` end with {}: {} knows none to come",
                file.last,
                file.path.display()
            );
            let help = "get a newer calendar file";
            self.over(vec!["holidays"], message, "", help)
        })
        .collect()
    }

    fn over(&self, keys: Vec<&'static str>, message: String, label: &str, help: &str) -> Remark {
        Remark {
            about: About::Schedule(self.name.clone()),
            keys,
            code: "outdated",
            severity: Severity::Warning,
            message,
            label: label.to_owned(),
            notes: Vec::new(),
            helps: vec![help.to_owned()],
            rows: Vec::new(),
        }
    }
}
