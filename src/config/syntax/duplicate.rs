//! Keys and tables that stand there twice: the parser tells only where the second is.
//!
//! Keys in a row that all stand there twice are a sign of something else: the header between the
//! two tables is lost.

use std::ops::Range;

use super::super::brackets;
use super::super::document::Document;
use super::super::problem::Problem;
use super::super::unknown;
use super::fault::Fault;

/// One problem for each cause; none for what follows from those that were found before.
pub(super) fn problems(twice: &[Fault<'_>], before: &[Problem]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut repeated_tables = Vec::new();
    let mut groups: Vec<Vec<Twice<'_>>> = Vec::new();
    for fault in twice {
        if fault.is_header() {
            let has_a_fault = |line: usize| {
                let on_it = |it: &Problem| text_line(fault.text, it.place().span.start) == line;
                before.iter().any(on_it)
            };
            if has_a_fault(fault.line.start) {
                continue;
            }
            let told = table(fault);
            let earlier = told.as_ref().and_then(|it| it.places.get(1));
            let earlier = earlier.map(|it| text_line(fault.text, it.span.start));
            if let Some(problem) = told.filter(|_| !earlier.is_some_and(has_a_fault)) {
                repeated_tables.push(fault.line.start);
                problems.push(problem);
            }
            continue;
        }
        let it = Twice::new(fault);
        if repeated_tables.contains(&it.table) || it.follows_from(before) {
            continue;
        }
        match groups.last_mut() {
            Some(same) if same[0].table == it.table => same.push(it),
            _ => groups.push(vec![it]),
        }
    }
    problems.extend(groups.iter().map(|group| of_one_table(group)));
    problems
}

/// Where the line begins that this place is on.
fn text_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// A repetition that nothing explains.
pub(super) fn alone(fault: &Fault<'_>) -> Problem {
    match fault.is_header() {
        true => {
            let name = &fault.text[fault.span.clone()];
            let message = format!("`{name}` stands in this file in another form already");
            let place = fault.doc.place(fault.span.clone(), "and here as a table");
            Problem::error("duplicate-name", message, place)
        }
        false => of_one_table(&[Twice::new(fault)]),
    }
}

/// A key that stands there twice.
struct Twice<'a> {
    doc: &'a Document,
    text: &'a str,
    name: &'a str,
    span: Range<usize>,
    /// Where its table begins.
    table: usize,
    first: Option<Range<usize>>,
}

impl<'a> Twice<'a> {
    fn new(fault: &Fault<'a>) -> Self {
        let (text, span) = (fault.text, fault.span.clone());
        let table = text[..fault.line.start].rfind("\n[").map_or(0, |at| at + 1);
        let name = &text[span.clone()];
        let mut keys = keys_in(text, table..fault.line.start);
        let first = keys.find(|(key, _)| *key == name).map(|(_, span)| span);
        Self {
            doc: fault.doc,
            text,
            name,
            span,
            table,
            first,
        }
    }

    /// Whether a header cannot be read between the two.
    fn follows_from(&self, before: &[Problem]) -> bool {
        let between = self.first.as_ref().map_or(self.table, |it| it.end)..self.span.start;
        before.iter().any(|problem| {
            let at = problem.place().span.start;
            let line = text_line(self.text, at);
            let line = self.text[line..].lines().next().unwrap_or_default();
            between.contains(&at) && !line.contains('=')
        })
    }
}

/// The keys that begin a line, in this part of the text.
fn keys_in(text: &str, part: Range<usize>) -> impl Iterator<Item = (&str, Range<usize>)> {
    let mut at = part.start;
    text[part].split_inclusive('\n').filter_map(move |line| {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let key = line.split(['=', '.']).next()?.trim();
        let is_one = line.contains('=') && !key.is_empty() && !key.starts_with(['#', '[']);
        is_one.then_some((key, start..start + key.len()))
    })
}

fn of_one_table(twice: &[Twice<'_>]) -> Problem {
    if let Some(problem) = under_a_lost_header(twice) {
        return problem;
    }
    let first = &twice[0];
    let names: Vec<_> = twice.iter().map(|it| it.name).collect();
    let message = match twice {
        [one] => format!("`{}` stands here twice", one.name),
        _ => format!("{} stand here twice", unknown::enumerated(&names)),
    };
    let place = first.doc.place(first.span.clone(), "again");
    let mut problem = Problem::error("duplicate-key", message, place);
    for it in &twice[1..] {
        problem = problem.and(it.doc.place(it.span.clone(), "again"));
    }
    let earlier = twice.iter().filter_map(|it| it.first.clone());
    for span in earlier {
        problem = problem.and(first.doc.place(span, "first here"));
    }
    if twice.len() > 1 {
        problem = problem.help("if another table begins here, its [header] is missing");
    }
    problem
}

/// If the keys before these do not belong to the table either.
fn under_a_lost_header(twice: &[Twice<'_>]) -> Option<Problem> {
    let Twice {
        doc,
        text,
        table,
        span,
        ..
    } = &twice[0];
    let header = text[*table..].lines().next()?;
    let table_path = unknown::table_headed(header)?;
    let rest = &text[span.start..];
    let end = rest.find("\n[").map_or(text.len(), |at| span.start + at);
    let keys: Vec<_> = keys_in(text, *table..end).collect();
    let lost = unknown::lost_header(doc, table_path, &keys)?;
    (lost.problem.place().span.start <= span.start).then_some(lost.problem)
}

/// `[schedule.weekly]` once more. In double brackets it may stand there as often as one likes.
fn table(fault: &Fault<'_>) -> Option<Problem> {
    let (text, name) = (fault.text, &fault.text[fault.span.clone()]);
    let line = fault.line_text().trim();
    if let Some(problem) = brackets::needless(fault.doc, line, fault.span.clone()) {
        return Some(problem);
    }
    let header = line.split(']').next().unwrap_or_default();
    let inner = header.trim_matches(['[', ' ']);
    let kind = inner.split('.').next().unwrap_or_default();
    let single = text[..fault.line.start].find(&format!("[{inner}]"));
    let mut first = single.map(|at| at + 1 + inner.len() - name.len());
    let message = if header.starts_with("[[") {
        first = first.filter(|at| !text[..*at - inner.len() + name.len()].ends_with("[["));
        first?;
        format!("[{inner}] has single brackets above and double ones here")
    } else if inner.matches('.').count() == 1 {
        format!(
            "two {kind}s are called `{}`",
            name.trim_matches(['"', '\''])
        )
    } else {
        format!("[{inner}] stands here twice")
    };
    let (again, earlier) = if header.starts_with("[[") {
        (
            "one of several, or so it says",
            "write two brackets on both sides",
        )
    } else {
        ("defined again", "first defined here")
    };
    let place = fault.doc.place(fault.span.clone(), again);
    let problem = Problem::error("duplicate-name", message, place);
    let first = first.map(|at| fault.doc.place(at..at + name.len(), earlier));
    Some(first.into_iter().fold(problem, Problem::and))
}
