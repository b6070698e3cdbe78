//! What is wrong, with the lines of the file around it.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::compose::{RenderFault, TemplateFault};
use crate::config::{Problem, Severity};

/// Lines before and after the one concerned.
const AROUND: usize = 2;
/// No longer line is shown.
const WIDEST: usize = 400;
/// No larger file is looked into.
const LARGEST: u64 = 1 << 20;

/// A fault as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fault {
    pub(super) severity: &'static str,
    /// `postroom explain CODE` says more; empty for a fault of one row.
    pub(super) code: String,
    pub(super) message: String,
    /// As a person knows it.
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) label: String,
    pub(super) more: Vec<String>,
    pub(super) excerpt: Vec<Line>,
}

/// A line of the file, and which of its characters are concerned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Line {
    number: usize,
    text: String,
    mark: Option<(usize, usize)>,
}

impl Fault {
    /// One that is nowhere in particular.
    pub(super) fn plain(message: impl ToString) -> Self {
        Self {
            severity: Severity::Error.word(),
            code: String::new(),
            message: message.to_string(),
            file: String::new(),
            line: 0,
            column: 0,
            label: String::new(),
            more: Vec::new(),
            excerpt: Vec::new(),
        }
    }

    /// What `check` says. Its text has every secret masked.
    pub(super) fn of_problem(problem: &Problem, folder: &Path) -> Self {
        let place = problem.place();
        let (start, end) = (
            place.file.position(place.span.start),
            place.file.position(place.span.end),
        );
        let path = place.file.path();
        let length = match start.line == end.line {
            true => end.column - start.column,
            false => 0,
        };
        Self {
            severity: problem.severity.word(),
            code: problem.code.to_owned(),
            file: path
                .strip_prefix(folder)
                .unwrap_or(path)
                .display()
                .to_string(),
            line: start.line,
            column: start.column,
            label: place.label.clone(),
            more: problem
                .notes
                .iter()
                .chain(&problem.helps)
                .cloned()
                .collect(),
            excerpt: excerpt(place.file.text(), start.line, start.column, length),
            ..Self::plain(&problem.message)
        }
    }

    /// What keeps a template from being used that no schedule names.
    pub(super) fn of_template(fault: &TemplateFault, templates: &Path) -> Self {
        let text = text_of(templates, &fault.file);
        let (line, column) = (fault.line, fault.column);
        Self {
            code: fault.code.to_owned(),
            file: Path::new("templates")
                .join(&fault.file)
                .display()
                .to_string(),
            line,
            column,
            label: fault.label.clone(),
            more: fault.help.iter().cloned().collect(),
            excerpt: excerpt(&text, line, column, fault.span_len),
            ..Self::plain(&fault.message)
        }
    }

    /// Why a row has no message.
    pub(super) fn of_row(fault: &RenderFault, templates: &Path) -> Self {
        let Some((line, column)) = fault.at else {
            return Self::plain(fault);
        };
        let text = text_of(templates, Path::new(&fault.file));
        let length = fault.variable.as_ref().map_or(1, |it| it.chars().count());
        Self {
            file: format!("templates/{}", fault.file),
            line,
            column,
            excerpt: excerpt(&text, line, column, length),
            ..Self::plain(&fault.problem)
        }
    }
}

/// The text of a file of the templates directory; none if it lies elsewhere.
fn text_of(templates: &Path, file: &Path) -> String {
    let read = || {
        let (root, real) = (templates.canonicalize().ok()?, templates.join(file));
        let real = real
            .canonicalize()
            .ok()
            .filter(|it| it.starts_with(&root))?;
        let about = fs::metadata(&real).ok()?;
        let bytes = (about.is_file() && about.len() <= LARGEST).then(|| fs::read(&real).ok())??;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

fn excerpt(text: &str, line: usize, column: usize, length: usize) -> Vec<Line> {
    let first = line.saturating_sub(AROUND).max(1);
    let lines = (1..).zip(text.lines()).skip(first - 1);
    let lines = lines.take_while(|(number, _)| *number <= line + AROUND);
    let from = column.saturating_sub(1);
    lines
        .map(|(number, text)| Line {
            number,
            text: text.chars().take(WIDEST).collect(),
            mark: (number == line && length > 0 && from < WIDEST).then_some((from, from + length)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_the_line_and_those_around_it() {
        let lines = excerpt("a\nb\nc {{x}}\nd\ne\nf", 3, 3, 5);
        let numbers: Vec<usize> = lines.iter().map(|it| it.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(lines[2].mark, Some((2, 7)));
        assert_eq!(lines.iter().filter(|it| it.mark.is_some()).count(), 1);
        assert!(excerpt("", 1, 1, 0).is_empty());
    }

    #[test]
    fn nothing_is_read_from_outside_the_templates() {
        let folder = tempfile::tempdir().expect("there is room");
        let inner = folder.path().join("templates");
        fs::create_dir(&inner).expect("it is made");
        fs::write(folder.path().join("secret"), "hunter2").expect("it is written");
        fs::write(inner.join("body.txt"), "Hi").expect("it is written");
        assert_eq!(text_of(&inner, Path::new("body.txt")), "Hi");
        assert_eq!(text_of(&inner, Path::new("../secret")), "");
    }
}
