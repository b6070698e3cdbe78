//! One fault of the grammar: what the parser said, and how a person would.

use std::ops::Range;

use toml::de::Error;

use super::super::document::Document;
use super::super::problem::Problem;
use super::super::unknown;
use super::character;

/// What the parser said, and where.
pub(super) struct Fault<'a> {
    pub(super) doc: &'a Document,
    /// The text with secrets masked: nothing else is ever quoted.
    pub(super) text: &'a str,
    said: &'a str,
    pub(super) span: Range<usize>,
    /// The line it is on.
    pub(super) line: Range<usize>,
}

impl<'a> Fault<'a> {
    pub(super) fn new(doc: &'a Document, error: &'a Error) -> Self {
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
            line: line_start..line_end,
        }
    }

    pub(super) fn line_text(&self) -> &'a str {
        &self.text[self.line.clone()]
    }

    pub(super) fn is_header(&self) -> bool {
        self.line_text().trim_start().starts_with('[')
    }

    pub(super) fn is_duplicate(&self) -> bool {
        self.said.starts_with("duplicate key")
    }

    /// Whether it is one of a text in quotes, which follows from nothing before it.
    pub(super) fn is_of_a_text(&self) -> bool {
        let said = [
            "invalid basic string",
            "invalid literal string",
            "missing escaped value",
        ];
        self.text[self.span.start..].starts_with('`')
            || self.odd().is_some()
            || said.iter().any(|it| self.said.starts_with(it))
    }

    /// Whether its line looks like part of a value that began above.
    pub(super) fn goes_on_a_value(&self) -> bool {
        let line = self.line_text().trim();
        let begins = line.starts_with(['"', '\'', '{', '}', ']']);
        begins || line.ends_with(',') && !line.starts_with('[')
    }

    /// The bracket that nothing closes: what follows was read as if it stood inside.
    pub(super) fn unclosed(&self, at: usize) -> Problem {
        let (message, label) = if self.text[at..].starts_with('[') {
            ("this list has no end", "a ] is missing")
        } else {
            ("this table has no end", "a } is missing")
        };
        self.at(at..at + 1, message, label)
    }

    fn at(&self, span: Range<usize>, message: &str, label: impl Into<String>) -> Problem {
        Problem::error("toml-syntax", message, self.doc.place(span, label))
    }

    fn here(&self, message: &str, label: impl Into<String>) -> Problem {
        self.at(self.span.clone(), message, label)
    }

    /// In the line as it is: where a secret is masked, its quotes are.
    fn odd(&self) -> Option<character::Odd> {
        character::first_odd(self.doc.raw().get(self.line.clone())?)
    }

    /// What stands there, unless it is masked: nobody should write asterisks.
    fn said_again(&self, span: &Range<usize>) -> Option<&'a str> {
        let text = &self.text[span.clone()];
        (self.doc.raw().get(span.clone()) == Some(text)).then_some(text)
    }

    pub(super) fn into_problem(self) -> Problem {
        if let Some(odd) = self.odd() {
            let at = self.line.start + odd.at.start..self.line.start + odd.at.end;
            return self.at(at, &odd.message, odd.label);
        }
        if self.text[self.span.start..].starts_with('`') {
            let span = self.span.start..self.span.start + 1;
            return self.at(
                span,
                "a text stands in double quotes, not in these",
                "write \"",
            );
        }
        if self.said.starts_with("cannot extend value") {
            return self.value_above();
        }
        if let Some(problem) = self.broken_header() {
            return problem;
        }
        let said = self.said.split(',').next().unwrap_or(self.said);
        match said {
            "string values must be quoted" => self.unquoted(),
            "missing value" | "missing value for key" => self.no_value(),
            "key with no value" => self.key_alone(),
            "invalid basic string" | "invalid literal string" => self.broken_string(),
            "invalid multi-line basic string" | "invalid multi-line literal string" => {
                self.endless_text()
            }
            "invalid date" if self.is_day_of_a_year() => {
                let label = format!("write \"{}\"", &self.text[self.span.clone()]);
                self.here("a day of every year stands in quotes", label)
            }
            "missing opening quote" => self.unopened(),
            "missing escaped value" | "too few unicode value digits" => self.backslash(),
            "unexpected key or value" | "unexpected content" => self.leftover(),
            "invalid unquoted key" if self.text[self.span.start..].starts_with(':') => {
                self.key_alone()
            }
            "unquoted keys cannot be empty" if self.line_text().trim_start().starts_with('=') => {
                self.here("there is no name before the `=`", "a key goes here")
            }
            _ => match plain_words(said) {
                Some((message, label)) => self.here(message, label),
                None => self.here("this line cannot be read", said),
            },
        }
    }

    /// A line that would be a header we know, in other brackets or with something beside it.
    fn broken_header(&self) -> Option<Problem> {
        let line = self.line_text();
        let written = line.split('#').next().unwrap_or_default().trim();
        let signs = ['[', ']', '(', ')', '{', '}', '<', '>', ':', '.', ' '];
        let inner = written.trim_matches(signs);
        if inner.is_empty() || written.contains('=') {
            return None;
        }
        let double = written.starts_with("[[");
        let (left, right) = if double { ("[[", "]]") } else { ("[", "]") };
        let candidates = [inner.to_owned(), inner.replace([' ', '/', ':'], ".")];
        let headers = candidates.map(|inner| format!("{left}{inner}{right}"));
        let header = headers
            .into_iter()
            .find(|it| unknown::table_headed(it).is_some())?;
        let start = self.line.start + (line.len() - line.trim_start().len());
        let span = start..start + written.len();
        if header == written {
            return Some(self.odd_name(span, &header));
        }
        let message = "a header stands in square brackets, alone on its line";
        Some(self.at(span, message, format!("write {header}")))
    }

    /// A header with a name in it that needs quotes, or cannot be one.
    fn odd_name(&self, span: Range<usize>, header: &str) -> Problem {
        let brackets = header.len() - header.trim_start_matches('[').len();
        let quoted = |name: String| {
            let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let name = name.replace(' ', "-");
            match name.chars().all(is_bare) {
                true => name,
                false => format!("\"{name}\""),
            }
        };
        let names = unknown::parts_of(header).unwrap_or_default();
        let names: Vec<_> = names.into_iter().map(quoted).collect();
        let (left, right) = ("[".repeat(brackets), "]".repeat(brackets));
        let label = format!("write {left}{}{right}", names.join("."));
        let message = match header.is_ascii() {
            true => "this is not a name",
            false => "a name with letters beyond a to z stands in quotes",
        };
        self.at(span, message, label)
    }

    /// `list = 3`, and `[list.customers]` below it.
    fn value_above(&self) -> Problem {
        let name = &self.text[self.span.clone()];
        let message = format!("`{name}` has a value above, and is a table here");
        let place = self.doc.place(self.span.clone(), "a table");
        let problem = Problem::error("duplicate-name", message, place);
        let mut at = 0;
        let lines = self.text[..self.line.start].split_inclusive('\n');
        let first = lines.into_iter().find_map(|line| {
            let start = at + (line.len() - line.trim_start().len());
            at += line.len();
            let is_it = line
                .split_once('=')
                .is_some_and(|(key, _)| key.trim() == name);
            is_it.then_some(start..start + name.len())
        });
        let first = first.map(|at| self.doc.place(at, "a value: take it out"));
        first.into_iter().fold(problem, Problem::and)
    }

    /// It ends with the file, and begins where its quotes are.
    fn endless_text(&self) -> Problem {
        let fence = match self.said.contains("literal") {
            true => "'''",
            false => "\"\"\"",
        };
        let opened = self.text[..self.span.start].rfind(fence);
        let span = opened.map_or(self.span.clone(), |at| at..at + fence.len());
        let label = format!("no {fence} closes it");
        self.at(span, "a text in triple quotes has no end", label)
    }

    /// `12-24`
    fn is_day_of_a_year(&self) -> bool {
        let parts = self.text[self.span.clone()].split_once('-');
        let is_number = |it: &str| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_digit());
        parts.is_some_and(|(month, day)| is_number(month) && is_number(day))
    }

    fn unquoted(&self) -> Problem {
        let rest = &self.text[self.span.start..self.line.end];
        let value = rest.split('#').next().unwrap_or_default().trim_end();
        if value.is_empty() {
            return self.no_value();
        }
        let span = if self.span.is_empty() {
            self.span.start..self.span.start + value.len()
        } else {
            self.span.clone()
        };
        let label = match self.said_again(&span) {
            Some(text) => format!("write \"{text}\""),
            None => "write \" on both sides".to_owned(),
        };
        self.at(span, "this text needs quotes", label)
    }

    fn no_value(&self) -> Problem {
        let equals = self.text[self.line.start..self.span.start].rfind('=');
        let at = equals.map_or(self.span.start, |at| self.line.start + at);
        self.at(
            at..at + 1,
            "there is nothing after the `=`",
            "write a value",
        )
    }

    fn key_alone(&self) -> Problem {
        if let Some(colon) = self.line_text().find(':') {
            let at = self.line.start + colon;
            return self.at(
                at..at + 1,
                "a key and its value are joined by `=`",
                "write = here",
            );
        }
        let key = self.text[self.line.start..self.span.start].trim();
        let start =
            self.line.start + (self.line_text().len() - self.line_text().trim_start().len());
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
            let label = match self.said_again(&self.span) {
                Some(_) => format!("{what} is invisible: take it out"),
                None => "one of them is invisible: take it out".to_owned(),
            };
            return self.here("a control character cannot stand in a text", label);
        }
        let before = &self.text[self.line.start..self.span.start];
        let quote = if self.said.contains("literal") {
            '\''
        } else {
            '"'
        };
        let start = before
            .rfind(quote)
            .map_or(self.span.start, |at| self.line.start + at);
        let label = format!("write {quote} at its end");
        self.at(
            start..self.span.start,
            "this text has no closing quote",
            label,
        )
    }

    fn unopened(&self) -> Problem {
        let rest = &self.text[self.span.start..self.line.end];
        let end = rest
            .find('"')
            .map_or(self.span.end, |at| self.span.start + at + 1);
        let span = self.span.start..end;
        let label = match self.said_again(&span) {
            Some(text) => format!("write \"{text}"),
            None => "write \" before it".to_owned(),
        };
        self.at(span, "this text has no opening quote", label)
    }

    fn backslash(&self) -> Problem {
        let before = &self.text[self.line.start..self.span.start];
        let start = before
            .rfind('\\')
            .map_or(self.span.start, |at| self.line.start + at);
        let end = (start + 2).min(self.line.end);
        self.at(
            start..end,
            "a backslash begins an escape in \"…\"",
            "there is no such escape",
        )
        .help("write \\\\ for one backslash, or put the text in '…', where it means itself")
    }

    fn leftover(&self) -> Problem {
        let end = self.span.end.max(self.line.end).min(self.line.end);
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
        "invalid date" | "invalid time" | "invalid datetime" => (
            "there is no such date",
            "has the month so many days? it is written like 2026-12-24T09:00:00",
        ),
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
