//! Faults of TOML's own grammar, in words that need no grammar.
//!
//! The parser gives up building values at some faults and would not see the next ones: so the lines
//! that are known to be bad are blanked out and the rest is read again, until nothing new is found.
//! What follows from a fault is noise, and left out: a list without an end, a header that cannot be
//! read or a lost quote upset everything after them.

mod character;
mod duplicate;
mod extent;
mod fault;

use std::ops::Range;

use toml::de::{DeTable, Error};
use zeroize::Zeroizing;

use super::document::Document;
use super::problem::Problem;
use extent::Extent;
use fault::Fault;

/// More rounds than this find nothing that a person would still read.
const ROUNDS: usize = 20;

/// One problem for each cause; at least one if there is an error.
pub(super) fn problems(doc: &Document, errors: Vec<Error>) -> Vec<Problem> {
    if errors.is_empty() {
        return Vec::new();
    }
    let mut found = Found {
        problems: Vec::new(),
        bad: Vec::new(),
        extents: extent::all(doc.file.text()),
    };
    let mut text = Zeroizing::new(doc.raw().to_owned());
    let mut errors = errors;
    for round in 0..ROUNDS {
        let before = found.bad.len();
        let mut faults: Vec<_> = errors.iter().map(|error| Fault::new(doc, error)).collect();
        faults.sort_by_key(|it| it.span.start);
        let (mut twice, others): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(Fault::is_duplicate);
        let understood = found.take_in(others);
        // Later, without their headers, a table's keys look like those of the one before it.
        if round == 0 {
            twice.retain(|it| it.span.start < understood);
            found.add_duplicates(&twice);
        }
        if found.bad.len() == before {
            break;
        }
        for bad in &found.bad {
            let blank = blank(&text[bad.clone()]);
            text.replace_range(bad.clone(), &blank);
        }
        errors = DeTable::parse_recoverable(&text).1;
    }
    found.problems
}

/// As long and with as many lines.
fn blank(text: &str) -> String {
    let blank = |byte| if byte == b'\n' { '\n' } else { ' ' };
    text.bytes().map(blank).collect()
}

struct Found {
    problems: Vec<Problem>,
    /// What cannot be read: whole lines.
    bad: Vec<Range<usize>>,
    extents: Vec<Extent>,
}

impl Found {
    /// Adds what one reading found, up to where it lost its way, which it answers.
    fn take_in(&mut self, faults: Vec<Fault<'_>>) -> usize {
        for fault in faults {
            let open = self.extents.iter().position(|extent| {
                let begins_before = |at| at < fault.span.start;
                extent.unclosed.is_some_and(begins_before)
            });
            let Some(open) = open else {
                let at = fault.span.start;
                let is_in_brackets = fault.is_of_a_text() && self.is_in_brackets(&fault);
                self.add(fault);
                match is_in_brackets {
                    true => return at, // their end may have been taken for text
                    false => continue,
                }
            };
            // Where a quote is lost, a bracket may seem to be.
            let at = self.extents[open].unclosed.take();
            let understood = at.unwrap_or(fault.span.start);
            let lines = self.extents[open].lines.clone();
            if lines.contains(&fault.span.start) && fault.is_of_a_text() {
                self.add(fault);
            } else if let Some(at) = at {
                self.problems.push(fault.unclosed(at));
                self.bad.push(lines);
            }
            return understood;
        }
        usize::MAX
    }

    fn is_in_brackets(&self, fault: &Fault<'_>) -> bool {
        let extent = self
            .extents
            .iter()
            .find(|it| it.lines.contains(&fault.line.start));
        let start = extent.map_or(fault.line.start, |it| it.lines.start);
        fault.text[start..fault.span.start].contains(['[', '{'])
    }

    fn add(&mut self, fault: Fault<'_>) {
        if self.bad.iter().any(|bad| bad.contains(&fault.line.start)) {
            return;
        }
        let is_below_bad = |bad: &Range<usize>| bad.end + 1 == fault.line.start;
        if fault.goes_on_a_value() && self.bad.iter().any(is_below_bad) {
            self.bad.push(fault.line);
            return;
        }
        let extent = self.extents.iter();
        let extent = extent.map(|it| &it.lines);
        let lines = extent.clone().find(|it| it.contains(&fault.line.start));
        let lines = lines.unwrap_or(&fault.line).clone();
        let is_within = |it: &Problem| lines.contains(&it.place().span.start);
        if !fault.is_of_a_text() && self.problems.iter().any(is_within) {
            return;
        }
        // Without its first or last line the rest of a value is no value.
        let is_inner = fault.line.start > lines.start && fault.line.end < lines.end;
        self.bad
            .push(if is_inner { fault.line.clone() } else { lines });
        self.problems.push(fault.into_problem());
    }

    fn add_duplicates(&mut self, twice: &[Fault<'_>]) {
        let told = duplicate::problems(twice, &self.problems);
        if let ([first, ..], true) = (twice, told.is_empty() && self.problems.is_empty()) {
            self.problems.push(duplicate::alone(first));
        }
        self.problems.extend(told);
    }
}
