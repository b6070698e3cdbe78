//! Faults of TOML's own grammar, in words that need no grammar.

use std::ops::Range;

use toml::de::{DeTable, Error};

use super::document::Document;
use super::problem::Problem;

/// Quotes that word processors and chat windows make of `"` and `'`.
const CURLY_QUOTES: [char; 9] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '＂'];

/// More rounds than this find nothing that a person would still read.
const ROUNDS: usize = 20;

/// One problem for each line that cannot be read. What follows from a fault is noise.
///
/// The parser gives up building values at some faults and would not see the next ones: so the lines
/// that are known to be bad are blanked out and the rest is read again, until nothing new is found.
pub(super) fn problems(doc: &Document, errors: Vec<Error>) -> Vec<Problem> {
    let mut found = Found::default();
    let mut text = doc.raw().to_owned();
    let mut errors = errors;
    for round in 0..ROUNDS {
        let before = found.lines.len();
        for error in &errors {
            let fault = Fault::new(doc, error);
            if let Some(open) = unclosed(&fault, &errors) {
                found
                    .problems
                    .retain(|it| it.place().span.end <= open.place().span.start);
                found.problems.push(open);
                return found.problems;
            }
            // Without its header a table's keys look like those of the table before it.
            if round == 0 || !fault.said.starts_with("duplicate key") {
                found.add(fault);
            }
        }
        if found.lines.len() == before {
            break;
        }
        for (start, end) in &found.lines {
            text.replace_range(start..end, &" ".repeat(end - start));
        }
        errors = DeTable::parse_recoverable(&text).1;
    }
    found.problems
}

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
    /// The lines they are on, from and to.
    lines: Vec<(usize, usize)>,
    /// Where tables begin that are defined again: their keys are not repeated as well.
    repeated_tables: Vec<usize>,
}

impl Found {
    fn add(&mut self, fault: Fault<'_>) {
        let line = (fault.line_start, fault.line_end);
        let is_duplicate = fault.said.starts_with("duplicate key");
        if self.lines.contains(&line)
            || is_duplicate && self.repeated_tables.contains(&fault.table_start())
        {
            return;
        }
        if is_duplicate && fault.line().trim_start().starts_with('[') {
            self.repeated_tables.push(fault.line_start);
        }
        self.lines.push(line);
        self.problems.push(fault.into_problem());
    }
}

/// What the parser said, and where.
struct Fault<'a> {
    doc: &'a Document,
    /// The text with secrets masked: nothing else is ever quoted.
    text: &'a str,
    said: &'a str,
    span: Range<usize>,
    line_start: usize,
    line_end: usize,
}

impl<'a> Fault<'a> {
    fn new(doc: &'a Document, error: &'a Error) -> Self {
        let text = doc.file.text();
        let span = doc.file.clamp(error.span().unwrap_or(0..0));
        let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[span.start..]
            .find('\n')
            .map_or(text.len(), |at| span.start + at);
        Self {
            doc,
            text,
            said: error.message(),
            span,
            line_start,
            line_end,
        }
    }

    fn line(&self) -> &'a str {
        &self.text[self.line_start..self.line_end]
    }

    /// Where the last table header before this line begins, this line's own not counted.
    fn table_start(&self) -> usize {
        self.text[..self.line_start]
            .rfind("\n[")
            .map_or(0, |at| at + 1)
    }

    fn at(&self, span: Range<usize>, message: &str, label: impl Into<String>) -> Problem {
        Problem::error("toml-syntax", message, self.doc.place(span, label))
    }

    fn here(&self, message: &str, label: impl Into<String>) -> Problem {
        self.at(self.span.clone(), message, label)
    }

    fn into_problem(self) -> Problem {
        if let Some(at) = self.line().find(CURLY_QUOTES) {
            let at = self.line_start + at;
            let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
            return self.at(
                at..at + width,
                "these are not the quotes of a keyboard",
                "write \"",
            );
        }
        let said = self.said.split(',').next().unwrap_or(self.said);
        match said {
            "duplicate key" => self.duplicate(),
            "string values must be quoted" => self.unquoted(),
            "missing value" | "missing value for key" => self.no_value(),
            "key with no value" => self.key_alone(),
            "invalid basic string" | "invalid literal string" => self.broken_string(),
            "invalid multi-line basic string" | "invalid multi-line literal string" => self.here(
                "a text in triple quotes has no end",
                "the closing ones are missing",
            ),
            "missing escaped value" | "too few unicode value digits" => self.backslash(),
            "unexpected key or value" | "unexpected content" => self.leftover(),
            "unquoted keys cannot be empty" if self.line().trim_start().starts_with('=') => {
                self.here("there is no name before the `=`", "a key goes here")
            }
            _ => match plain_words(said) {
                Some((message, label)) => self.here(message, label),
                None => self.here("this line cannot be read", said),
            },
        }
    }

    fn unquoted(&self) -> Problem {
        let rest = &self.text[self.span.start..self.line_end];
        let value = rest.split('#').next().unwrap_or_default().trim_end();
        if value.is_empty() {
            return self.no_value();
        }
        let span = if self.span.is_empty() {
            self.span.start..self.span.start + value.len()
        } else {
            self.span.clone()
        };
        let label = format!("write \"{}\"", &self.text[span.clone()]);
        self.at(span, "this text needs quotes", label)
    }

    fn no_value(&self) -> Problem {
        let equals = self.text[self.line_start..self.span.start].rfind('=');
        let at = equals.map_or(self.span.start, |at| self.line_start + at);
        self.at(
            at..at + 1,
            "there is nothing after the `=`",
            "write a value",
        )
    }

    fn key_alone(&self) -> Problem {
        if let Some(colon) = self.line().find(':') {
            let at = self.line_start + colon;
            return self.at(
                at..at + 1,
                "a key and its value are joined by `=`",
                "write = here",
            );
        }
        let key = self.text[self.line_start..self.span.start].trim();
        let start = self.line_start + (self.line().len() - self.line().trim_start().len());
        let label = format!("write it as {key} = …");
        self.at(
            start..start + key.len(),
            "a key and its value are joined by `=`",
            label,
        )
    }

    fn broken_string(&self) -> Problem {
        if !self.span.is_empty() {
            let what = self.text[self.span.clone()].escape_debug().to_string();
            let label = format!("{what} is invisible: take it out");
            return self.here("a control character cannot stand in a text", label);
        }
        let before = &self.text[self.line_start..self.span.start];
        let quote = if self.said.contains("literal") {
            '\''
        } else {
            '"'
        };
        let start = before
            .rfind(quote)
            .map_or(self.span.start, |at| self.line_start + at);
        let label = format!("write {quote} at its end");
        self.at(
            start..self.span.start,
            "this text has no closing quote",
            label,
        )
    }

    fn backslash(&self) -> Problem {
        let before = &self.text[self.line_start..self.span.start];
        let start = before
            .rfind('\\')
            .map_or(self.span.start, |at| self.line_start + at);
        let end = (start + 2).min(self.line_end);
        self.at(
            start..end,
            "a backslash begins an escape in \"…\"",
            "there is no such escape",
        )
        .help("write \\\\ for one backslash, or put the text in '…', where it means itself")
    }

    fn leftover(&self) -> Problem {
        let end = self.span.end.max(self.line_end).min(self.line_end);
        let rest = self.text[self.span.start..end]
            .split('#')
            .next()
            .unwrap_or_default()
            .trim_end();
        let span = self.span.start..self.span.start + rest.len();
        let label = match rest {
            "" => "",
            "," => "a comma too many",
            "\"" | "'" => "a quote too many",
            "]" | "}" => "this closes nothing",
            _ if rest.contains('=') => "begin a new line for it",
            _ => "take it out, or into the quotes",
        };
        self.at(span, "nothing may follow a value on its line", label)
    }

    /// The parser tells only where the second is.
    fn duplicate(&self) -> Problem {
        if self.line().trim_start().starts_with('[') {
            return self.duplicate_table();
        }
        let name = &self.text[self.span.clone()];
        let mut at = self.table_start();
        let first = self.text[at..self.line_start]
            .split_inclusive('\n')
            .find_map(|line| {
                let start = at + (line.len() - line.trim_start().len());
                at += line.len();
                let rest = self.text[start..].strip_prefix(name)?;
                rest.trim_start()
                    .starts_with(['=', '.'])
                    .then_some(start..start + name.len())
            });
        let place = self.doc.place(self.span.clone(), "again");
        let problem = Problem::error(
            "duplicate-key",
            format!("`{name}` stands here twice"),
            place,
        );
        let first = first.map(|span| self.doc.place(span, "first here"));
        first.into_iter().fold(problem, Problem::and)
    }

    fn duplicate_table(&self) -> Problem {
        let name = &self.text[self.span.clone()];
        let header = self.line().trim().split(']').next().unwrap_or_default();
        let kind = header
            .trim_matches(['[', ' '])
            .split('.')
            .next()
            .unwrap_or_default();
        let message = if header.contains('.') {
            format!(
                "two {kind}s are called `{}`",
                name.trim_matches(['"', '\''])
            )
        } else {
            format!("[{name}] stands here twice")
        };
        let place = self.doc.place(self.span.clone(), "defined again");
        let problem = Problem::error("duplicate-name", message, place);
        let first = self.text[..self.line_start]
            .find(&format!("{header}]"))
            .and_then(|at| {
                let start = at + header.rfind(name)?;
                Some(
                    self.doc
                        .place(start..start + name.len(), "first defined here"),
                )
            });
        first.into_iter().fold(problem, Problem::and)
    }
}

/// If this fault is the first sign of a list or an inline table without an end: what follows is
/// read as if it stood inside, so the fault is where the bracket opens.
fn unclosed(fault: &Fault<'_>, errors: &[Error]) -> Option<Problem> {
    let said_anywhere = |what: &str| errors.iter().any(|error| error.message().starts_with(what));
    let (bracket, message, label) = if said_anywhere("unclosed array, ") {
        ('[', "this list has no end", "a ] is missing")
    } else if said_anywhere("unclosed inline table") {
        ('{', "this table has no end", "a } is missing")
    } else {
        return None;
    };
    let signs = [
        "missing comma",
        "unclosed array, ",
        "unclosed inline",
        "unexpected `=` in array",
    ];
    if !signs.iter().any(|sign| fault.said.starts_with(sign)) {
        return None;
    }
    let at = fault.text[..fault.span.start].rfind(bracket)?;
    Some(fault.at(at..at + 1, message, label))
}

/// What the parser says, and how a person would.
fn plain_words(said: &str) -> Option<(&'static str, &'static str)> {
    Some(match said {
        "unclosed table" | "unclosed array table" => ("this header has no end", "a ] is missing"),
        "missing comma between array elements" => (
            "the values of a list have commas between them",
            "a comma goes before this",
        ),
        "missing comma between key-value pairs" => (
            "the keys in braces have commas between them",
            "a comma goes before this",
        ),
        "extra comma in array" | "extra comma in inline table" => {
            ("there is a comma too many", "take it out")
        }
        "extra `=`" => ("there is an = too many", "take it out"),
        "invalid boolean" => (
            "this text needs quotes",
            "or write true or false, in small letters",
        ),
        "invalid date" | "invalid time" | "invalid datetime" => {
            ("there is no such date", "write it like 2026-12-24T09:00:00")
        }
        "invalid unquoted key" | "unquoted keys cannot be empty" => (
            "this is not a name",
            "letters, digits, - and _; anything else in quotes",
        ),
        "unexpected leading zero" => (
            "a number does not begin with 0",
            "take the 0 out, or put all of it in quotes",
        ),
        "carriage return must be followed by newline" => (
            "a carriage return without a line feed",
            "save the file with ordinary line ends",
        ),
        "missing table open" | "invalid key-value pair" => ("this closes nothing", "take it out"),
        "cannot recurse further; max recursion depth met" => {
            ("the brackets are nested too deeply", "")
        }
        _ => return None,
    })
}
