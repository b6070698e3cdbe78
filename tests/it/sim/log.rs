//! What happened in a simulation, in order: for the comparison of two, and for people who read why
//! something did not hold.

use std::collections::BTreeSet;
use std::fmt;

use tokio::time::Instant;

/// So many of the last lines are shown.
const SHOWN: usize = 120;

/// An invariant that did not hold.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The name of the invariant.
    pub(crate) rule: &'static str,
    pub(crate) what: String,
    /// Whose mail it is about, by key.
    pub(crate) whom: Option<String>,
}

impl Fault {
    pub(crate) fn new(rule: &'static str, what: String) -> Self {
        Self {
            rule,
            what,
            whom: None,
        }
    }

    pub(crate) fn about(self, whom: &str) -> Self {
        Self {
            whom: Some(whom.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.what)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Milliseconds since the beginning.
    at: u128,
    /// The connection.
    line: Option<usize>,
    /// Whose mail it is about, by key; nobody's is about everybody's.
    whom: Option<String>,
    what: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9}.{:03}  ", self.at / 1000, self.at % 1000)?;
        match self.line {
            Some(line) => write!(f, "[{line}] {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Log {
    began: Instant,
    pub(crate) events: Vec<Event>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            events: Vec::new(),
        }
    }

    /// Something that is about everybody.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.add(self.now(), None, None, what.into());
    }

    /// What was written to a row, and when.
    pub(crate) fn note_row(&mut self, at: u128, whom: &str, what: String) {
        self.add(at, None, Some(whom.to_owned()), what);
    }

    pub(crate) fn note_line(&mut self, line: usize, whom: Option<&str>, what: String) {
        self.add(self.now(), Some(line), whom.map(str::to_lowercase), what);
    }

    pub(crate) fn now(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    fn add(&mut self, at: u128, line: Option<usize>, whom: Option<String>, what: String) {
        self.events.push(Event {
            at,
            line,
            whom,
            what,
        });
    }

    /// The last lines that have to do with some faults.
    pub(crate) fn about(&self, faults: &[Fault]) -> String {
        let whom: BTreeSet<&str> = faults.iter().filter_map(|it| it.whom.as_deref()).collect();
        let theirs = |event: &Event| match &event.whom {
            Some(person) => whom.is_empty() || whom.contains(person.as_str()),
            None => event.line.is_none(),
        };
        let mine = self.events.iter().filter(|event| theirs(event));
        let lines: BTreeSet<usize> = mine.filter_map(|event| event.line).collect();
        let shown = |event: &&Event| {
            let nobody = event.whom.is_none();
            theirs(event) || (nobody && event.line.is_some_and(|line| lines.contains(&line)))
        };
        let mut all: Vec<&Event> = self.events.iter().filter(shown).collect();
        all.sort_by_key(|event| event.at); // a write is seen when somebody looks
        let all: Vec<String> = all.into_iter().map(Event::to_string).collect();
        let left_out = all.len().saturating_sub(SHOWN);
        let head = match left_out {
            0 => String::new(),
            n => format!("        ({n} lines before)\n"),
        };
        head + &all[left_out..].join("\n")
    }
}
