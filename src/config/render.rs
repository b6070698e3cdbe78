//! Draws problems for people, and writes them for programs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::problem::{Place, Problem, Problems, SHOWN_PER_FILE, Severity};

impl Problems {
    /// Every problem as rustc would draw it, and a last line that counts them. `color` adds ANSI
    /// escapes; the drawing itself is ASCII.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = renderer.term_width(160);
        let mut text = String::new();
        for of_file in self.by_file() {
            for problem in of_file.iter().take(SHOWN_PER_FILE) {
                text.push_str(&renderer.render(&[problem.drawing()]));
                text.push_str("\n\n");
            }
            if of_file.len() > SHOWN_PER_FILE {
                let more = of_file.len() - SHOWN_PER_FILE;
                let file = of_file[0].place().file.path().display();
                text.push_str(&format!("and {more} more in {file}\n\n"));
            }
        }
        text.push_str(&self.summary());
        text
    }

    /// The problems as commands of GitHub's workflows, which show them beside the lines they are
    /// about. Paths below `folder` are told from there.
    #[must_use]
    pub fn to_github(&self, folder: &Path) -> Vec<String> {
        self.iter().map(|it| it.to_github(folder)).collect()
    }

    /// The count alone: `postroom.toml: 2 errors, 1 warning`.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut counts = Vec::new();
        for (count, noun) in [(self.errors(), "error"), (self.warnings(), "warning")] {
            match count {
                0 => {}
                1 => counts.push(format!("1 {noun}")),
                _ => counts.push(format!("{count} {noun}s")),
            }
        }
        if counts.is_empty() {
            counts.push("no problems".to_owned());
        }
        format!("{}: {}", self.whose(), counts.join(", "))
    }

    /// The file that the problems are in, or how many.
    fn whose(&self) -> String {
        let main = file_name(self.path());
        let counted = self.iter().filter(|it| it.severity != Severity::Note);
        let files: BTreeSet<&Path> = counted.map(|it| it.place().file.path()).collect();
        let is_included = |it: &&&Path| {
            **it != self.path() && it.extension().is_some_and(|ending| ending == "toml")
        };
        let included: Vec<&Path> = files.iter().filter(is_included).copied().collect();
        let others = included.len();
        let folder = self.path().parent();
        match included.as_slice() {
            [] => main,
            [only] if files.len() == 1 => {
                let inner = folder.and_then(|it| only.strip_prefix(it).ok());
                inner.unwrap_or(only).display().to_string()
            }
            _ if files.len() == others => format!("{others} files that {main} includes"),
            [_] => format!("{main} and 1 included file"),
            _ => format!("{main} and {others} included files"),
        }
    }

    /// The problems as an array of objects with code, severity, file, span, message and help.
    /// Ignore members that you do not know.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.iter().map(Problem::to_json).collect()
    }

    fn by_file(&self) -> impl Iterator<Item = Vec<&Problem>> {
        let mut files: Vec<Vec<&Problem>> = Vec::new();
        for problem in self.iter() {
            match files.last_mut() {
                Some(same) if same[0].place().file.path() == problem.place().file.path() => {
                    same.push(problem);
                }
                _ => files.push(vec![problem]),
            }
        }
        files.into_iter()
    }
}

/// One line for each problem, as compilers and editors know it:
/// `file:line:column: error[code]: message`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|problem| writeln!(f, "{problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, span, .. } = self.place();
        let at = file.position(span.start);
        let (path, Problem { code, message, .. }) = (file.path().display(), self);
        let severity = self.severity.word();
        write!(
            f,
            "{path}:{}:{}: {severity}[{code}]: {message}",
            at.line, at.column
        )
    }
}

impl std::error::Error for Problems {}

impl Severity {
    /// What it is called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl Problem {
    fn drawing(&self) -> Group<'_> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut places: Vec<(&Place, AnnotationKind)> = self
            .places
            .iter()
            .map(|place| (place, AnnotationKind::Context))
            .collect();
        places[0].1 = AnnotationKind::Primary;
        let mut elements: Vec<Element<'_>> = Vec::new();
        while let Some(file) = places.first().map(|(place, _)| &place.file) {
            let (here, elsewhere) = places
                .iter()
                .copied()
                .partition(|(place, _)| place.file.path() == file.path());
            elements.push(if file.text().is_empty() {
                Origin::path(file.path().to_string_lossy()).into()
            } else {
                snippet(here).into()
            });
            places = elsewhere;
        }
        elements.extend(
            self.notes
                .iter()
                .map(|text| Level::NOTE.message(text).into()),
        );
        elements.extend(
            self.helps
                .iter()
                .map(|text| Level::HELP.message(text).into()),
        );
        level
            .primary_title(&self.message)
            .id(self.code)
            .elements(elements)
    }

    fn to_github(&self, folder: &Path) -> String {
        let place = self.place();
        let path = place.file.path();
        let path = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
        let start = place.file.position(place.span.start);
        let end = place.file.position(place.span.end);
        let label = (!place.label.is_empty()).then_some(&place.label);
        let more = label.into_iter().chain(&self.notes).chain(&self.helps);
        let text = more.fold(self.message.clone(), |text, more| text + "\n" + more);
        format!(
            "::{} file={},line={},col={},endLine={},endColumn={},title={}::{}",
            match self.severity {
                Severity::Note => "notice",
                other => other.word(),
            },
            property(&path),
            start.line,
            start.column,
            end.line,
            end.column,
            property(self.code),
            escaped(&text),
        )
    }

    fn to_json(&self) -> Value {
        let mut object = json!({
            "code": self.code,
            "severity": self.severity.word(),
            "message": self.message,
        });
        let members = object.as_object_mut().expect("it was written as an object");
        members.extend(place_to_json(self.place()));
        let related = self.places[1..]
            .iter()
            .map(|place| Value::from(place_to_json(place)));
        members.insert("related".into(), related.collect());
        members.insert("notes".into(), json!(self.notes));
        members.insert("help".into(), json!(self.helps));
        members.insert("key".into(), json!(self.key));
        members.insert("suggestion".into(), json!(self.suggestion));
        object
    }
}

/// All marks of one file in one piece of it.
fn snippet<'a>(
    places: Vec<(&'a Place, AnnotationKind)>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let file = &places[0].0.file;
    let marks = places.iter().map(|(place, kind)| {
        let label = (!place.label.is_empty()).then_some(place.label.as_str());
        kind.span(place.span.clone()).label(label)
    });
    Snippet::source(file.text())
        .path(file.path().to_string_lossy())
        .annotations(marks)
}

fn place_to_json(place: &Place) -> serde_json::Map<String, Value> {
    let start = place.file.position(place.span.start);
    let end = place.file.position(place.span.end);
    let object = json!({
        "file": place.file.path().to_string_lossy(),
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "label": place.label,
    });
    match object {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    }
}

/// Text of a workflow command, as GitHub's toolkit escapes it.
fn escaped(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
