//! What is wrong with a configuration: collected, ordered, counted.
//!
//! A [`Problem`] is one root cause. It names the person's own things, points at the exact word in
//! their file, and says what to write instead. `render.rs` draws it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mask;
use super::text::SourceText;

/// How many problems of one file are shown; the rest is counted.
pub(super) const SHOWN_PER_FILE: usize = 20;
/// How many places of one problem are shown; the rest is counted.
const PLACES: usize = 10;

/// Whether the thing works in spite of the problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot work.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// It works as it should; somebody may wonder.
    Note,
}

/// What a problem stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The configuration itself: an error refuses it as a whole.
    Config,
    /// Something the configuration points at and that may be there the next time: a list file, a
    /// secret. `check` fails, the daemon runs on with everything that does not need it.
    Data,
    /// The same, but only the service can judge it: what systemd passes to it and to nobody else.
    Service,
}

/// One fault, with all that a person needs to mend it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// A stable word for the kind of fault: `unknown-key`.
    pub code: &'static str,
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// What it stands in the way of.
    pub scope: Scope,
    /// One sentence in the person's words.
    pub message: String,
    /// Where: the first is the fault, the others say what it conflicts with. Never empty.
    pub places: Vec<Place>,
    /// Why, if that is not obvious.
    pub notes: Vec<String>,
    /// Text to paste or a command to run.
    pub helps: Vec<String>,
    /// The key it is about, with its tables: `schedule.weekly.via`.
    pub key: Option<String>,
    /// What to write instead of the marked word, for an editor's quick fix.
    pub suggestion: Option<String>,
}

/// A marked piece of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The file.
    pub file: Arc<SourceText>,
    /// Bytes of its text; both ends on character boundaries.
    pub span: Range<usize>,
    /// What is said under the mark; may be empty.
    pub label: String,
}

impl Place {
    pub(super) fn new(
        file: &Arc<SourceText>,
        span: Range<usize>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            file: Arc::clone(file),
            span: file.clamp(span),
            label: label.into(),
        }
    }

    fn is_at(&self, other: &Self) -> bool {
        self.file.path() == other.file.path() && self.span == other.span
    }
}

impl Problem {
    pub(super) fn error(code: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self {
            code,
            severity: Severity::Error,
            scope: Scope::Config,
            message: message.into(),
            places: vec![place],
            notes: Vec::new(),
            helps: Vec::new(),
            key: None,
            suggestion: None,
        }
    }

    pub(super) fn warning(code: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message, place)
        }
    }

    /// What nobody has to mend.
    pub(super) fn aside(code: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self {
            severity: Severity::Note,
            ..Self::error(code, message, place)
        }
    }

    /// The thing it points at may be there the next time.
    pub(super) fn of_data(mut self) -> Self {
        self.scope = Scope::Data;
        self
    }

    /// Only the service sees the thing it points at.
    pub(super) fn of_service(mut self) -> Self {
        self.scope = Scope::Service;
        self
    }

    /// A second place, which the first conflicts with.
    pub(super) fn and(mut self, place: Place) -> Self {
        self.places.push(place);
        self
    }

    pub(super) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }

    pub(super) fn maybe_note(self, text: Option<String>) -> Self {
        text.into_iter().fold(self, Self::note)
    }

    pub(super) fn maybe_help(self, text: Option<String>) -> Self {
        text.into_iter().fold(self, Self::help)
    }

    pub(super) fn key(mut self, path: impl Into<String>) -> Self {
        self.key = Some(path.into());
        self
    }

    /// What to write instead, if the guess is good; it becomes the label where there is none.
    pub(super) fn suggest(mut self, better: Option<impl Into<String>>) -> Self {
        if let Some(better) = better.map(Into::into) {
            let label = &mut self.places[0].label;
            if label.is_empty() {
                *label = format!("did you mean `{better}`?");
            }
            self.suggestion = Some(better);
        }
        self
    }

    /// Values are repeated here and there: an address may have a password in it.
    fn mask(&mut self) {
        let labels = self.places.iter_mut().map(|it| &mut it.label);
        let more = self.notes.iter_mut().chain(&mut self.helps);
        let more = more.chain(&mut self.key).chain(&mut self.suggestion);
        labels.chain(more).for_each(mask::passwords_in_urls);
        mask::passwords_in_urls(&mut self.message);
    }

    /// Where the fault is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.places[0]
    }
}

/// All faults of one look at a configuration: the main file's first, each file's in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems {
    main: PathBuf,
    found: Vec<Problem>,
}

/// One for each cause: a list that is not there may be named by many schedules, and a field that a
/// template uses may be missing in many lists. The first speaks, the others' places follow.
fn by_cause(found: Vec<Problem>) -> Vec<Problem> {
    let mut causes: Vec<Problem> = Vec::new();
    for problem in found {
        let mut same_code = causes.iter_mut().filter(|it| it.code == problem.code);
        let first = match problem.code {
            "unknown-name" => same_code.find(|it| it.message == problem.message),
            "missing-field" => same_code.find(|it| it.place().is_at(problem.place())),
            _ => None,
        };
        let Some(first) = first else {
            causes.push(problem);
            continue;
        };
        if problem.scope == Scope::Config {
            first.scope = Scope::Config;
        }
        for mut place in problem.places {
            if place.label == first.place().label {
                place.label = "and here".to_owned();
            }
            if !first.places.iter().any(|it| it.is_at(&place)) {
                first.places.push(place);
            }
        }
    }
    for more in causes.iter_mut().filter(|it| it.places.len() > PLACES) {
        let left_out = more.places.len() - PLACES;
        more.places.truncate(PLACES);
        more.notes.push(format!("and {left_out} more places"));
    }
    causes
}

impl Problems {
    /// Orders what was found and drops repetitions.
    pub(super) fn new(mut found: Vec<Problem>, main: &Path) -> Self {
        found.iter_mut().for_each(Problem::mask);
        found.sort_by(|a, b| {
            let order = |problem: &Problem| {
                let Place { file, span, .. } = problem.place();
                (
                    file.path() != main,
                    file.path().to_owned(),
                    span.start,
                    span.end,
                )
            };
            order(a)
                .cmp(&order(b))
                .then_with(|| a.severity.cmp(&b.severity))
        });
        found.dedup();
        Self {
            main: main.to_owned(),
            found: by_cause(found),
        }
    }

    /// Whether anything is wrong at all; a warning is not.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// The configuration file that was looked at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.main
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        let same = |problem: &&Problem| problem.severity == severity;
        self.found.iter().filter(same).count()
    }

    /// Whether there is neither an error nor a warning.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors() + self.warnings() == 0
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Without what only the service can judge, and how much that was: who looks from outside the
    /// service knows nothing of it.
    #[must_use]
    pub fn from_outside(mut self) -> (Self, usize) {
        let all = self.found.len();
        self.found.retain(|it| it.scope != Scope::Service);
        let unseen = all - self.found.len();
        (self, unseen)
    }

    /// Those that keep the configuration from loading, and those of the tables that `is_of` says
    /// the key of a problem to be of.
    #[must_use]
    pub fn only(mut self, is_of: impl Fn(&str) -> bool) -> Self {
        self.found.retain(|it| {
            let refuses = it.severity == Severity::Error && it.scope == Scope::Config;
            refuses || it.key.as_deref().is_some_and(&is_of)
        });
        self
    }

    /// The problems in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.found.iter()
    }

    /// Whether the configuration as a whole has to be refused.
    pub(super) fn refuse_the_whole(&self) -> bool {
        self.found
            .iter()
            .any(|it| it.severity == Severity::Error && it.scope == Scope::Config)
    }
}
