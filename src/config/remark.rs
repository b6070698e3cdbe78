//! Faults of schedules that only show beside what is known from elsewhere: they are found by
//! others, and shown in the file like all the rest.

use std::path::Path;

use toml::de::DeTable;

use super::include;
use super::problem::{Problem, Problems, Severity};
use super::section::Section;
use super::tables::named;

/// A fault of one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Remark {
    /// The schedule.
    pub schedule: String,
    /// The keys that are to blame: the first that is written is marked, or else the header.
    pub keys: Vec<&'static str>,
    /// A stable word for the kind of fault.
    pub code: &'static str,
    /// Whether it is an error or a warning. It keeps nothing from working but the schedule.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// What is said under the mark.
    pub label: String,
    /// Why.
    pub notes: Vec<String>,
    /// What to write.
    pub helps: Vec<String>,
}

impl Problems {
    /// These problems, and the remarks at their places in the file. Without the file, which was
    /// there a moment ago, there are no places, and nothing is added.
    #[must_use]
    pub fn with(self, path: &Path, remarks: Vec<Remark>) -> Self {
        let (Ok(docs), false) = (include::documents(path), remarks.is_empty()) else {
            return self;
        };
        let mut found: Vec<Problem> = self.iter().cloned().collect();
        for doc in &docs {
            let (root, _) = DeTable::parse_recoverable(doc.raw());
            let top = Section::open(doc, "", "", 0..0, root.get_ref());
            for it in named(&top, "schedule", "schedule.*") {
                let about = remarks
                    .iter()
                    .filter(|remark| remark.schedule == it.name.text);
                found.extend(about.map(|remark| remark.clone().at(&it.section)));
            }
        }
        Self::new(found, path)
    }
}

impl Remark {
    fn at(self, section: &Section<'_>) -> Problem {
        let key = self.keys.iter().find(|key| section.has(key));
        let place = match key {
            Some(key) => section.value_place(key, self.label),
            None => section.header_place(self.label),
        };
        let problem = match self.severity {
            Severity::Error => Problem::error(self.code, self.message, place).of_data(),
            Severity::Warning => Problem::warning(self.code, self.message, place).of_data(),
            Severity::Note => Problem::aside(self.code, self.message, place).of_data(),
        };
        let path = key.map_or_else(|| section.title(), |key| section.path(key));
        let problem = problem.key(path);
        let problem = self.notes.into_iter().fold(problem, Problem::note);
        self.helps.into_iter().fold(problem, Problem::help)
    }
}
