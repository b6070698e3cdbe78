//! What time has passed over: the one judgement of a configuration that needs the time.

use jiff::Timestamp;

use super::{Config, Schedule};

impl Config {
    /// What was right when it was written and is over, a sentence each: files of holidays that hold
    /// none to come, and schedules that have run for the last time.
    #[must_use]
    pub fn outdated(&self, now: Timestamp) -> Vec<String> {
        let schedules = self.schedules.values();
        schedules
            .flat_map(|schedule| schedule.outdated(now))
            .collect()
    }
}

impl Schedule {
    fn outdated(&self, now: Timestamp) -> Vec<String> {
        let name = &self.name;
        let Some(calendar) = &self.calendar else {
            return Vec::new();
        };
        if calendar.next_after(now).is_none() {
            return vec![format!("schedule `{name}` has run for the last time")];
        }
        let today = self.zone.to_datetime(now).date();
        let past = self.holiday_files.iter().filter(|file| file.last < today);
        past.map(|file| {
            format!(
                "the holidays of schedule `{name}` end with {}: {} knows none to come",
                file.last,
                file.path.display()
            )
        })
        .collect()
    }
}
