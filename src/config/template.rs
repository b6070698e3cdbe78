//! `[template.<name>]` and the folders under `templates/`, compiled.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::document::Document;
use super::problem::{Place, Problem, Severity};
use super::section::{Section, Text};
use super::text::SourceText;
use super::{files, headers, suggest};
use crate::compose::{
    Choices, Language, LayoutChoice, Source, Template, TemplateFault, header_key, holds_texts,
    subject_key,
};

/// Gmail clips what is longer, in bytes.
const CLIPPED: usize = 102 * 1024;
/// compose reads no longer one either.
const DRAWN: u64 = 1 << 20;

/// The templates directory: each template is read and compiled once, when it is first named.
pub(super) struct Templates<'d> {
    directory: PathBuf,
    /// The language of texts whose names have none.
    language: Language,
    tables: BTreeMap<String, Deviation<'d>>,
    compiled: BTreeMap<String, Option<Arc<Template>>>,
}

/// What `[template.<name>]` says.
struct Deviation<'d> {
    doc: &'d Document,
    layout: LayoutChoice,
    subject: Option<Text<'d>>,
    /// Relative to the templates directory.
    markdown: Option<String>,
    language: Option<Text<'d>>,
    /// Whether something is wrong with it that has been reported.
    is_wrong: bool,
    headers: BTreeMap<&'d str, Text<'d>>,
}

impl<'d> Deviation<'d> {
    /// A text that stands in the table of a template and is known by this name.
    fn written(&self, template: &str, name: &Path) -> Option<&Text<'d>> {
        if Path::new(&subject_key(template)) == name {
            return self.subject.as_ref();
        }
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| Path::new(&header_key(template, header)) == name);
        found.map(|(_, value)| value)
    }
}

/// A text of a template, to point into.
pub(super) struct Shown<'d> {
    pub(super) text: Arc<SourceText>,
    /// Where it stands, if that is in the configuration.
    key: Option<(&'d Document, Range<usize>)>,
}

impl Shown<'_> {
    pub(super) fn place(&self, span: Range<usize>, label: impl Into<String>) -> Place {
        match &self.key {
            None => Place::new(&self.text, span, label),
            Some((doc, value)) => {
                let inside = doc.inside(value.clone(), self.text.text(), span);
                doc.place(inside, label)
            }
        }
    }
}

impl<'d> Templates<'d> {
    /// The folder `templates` beside the configuration.
    pub(super) fn beside(config: &Path, language: &Language) -> Self {
        let directory = config.parent().unwrap_or(Path::new("/")).join("templates");
        Self {
            directory,
            language: language.clone(),
            tables: BTreeMap::new(),
            compiled: BTreeMap::new(),
        }
    }

    /// Reads how one template deviates. All have to be read before any is compiled.
    pub(super) fn deviate(&mut self, section: &Section<'d>) {
        let layout = match (section.flag("layout"), section.text("layout")) {
            (Some(false), _) => LayoutChoice::None,
            (_, Some(name)) => LayoutChoice::Named(name.text.to_owned()),
            _ => LayoutChoice::Default,
        };
        let markdown = section.path_of("markdown");
        let within = markdown.as_ref().map(|path| self.within(section, path));
        let deviation = Deviation {
            doc: section.doc,
            layout,
            subject: section.text("subject"),
            is_wrong: within == Some(None)
                || section.is_unclear("subject")
                || section.is_unclear("markdown"),
            markdown: within.flatten(),
            language: section.text("language"),
            headers: headers::read(section),
        };
        self.tables.insert(section.name.to_owned(), deviation);
    }

    /// A path as it is within the templates directory.
    fn within(&self, section: &Section<'_>, path: &Path) -> Option<String> {
        let mut plain = PathBuf::new();
        for step in path.components() {
            match step {
                Component::ParentDir => drop(plain.pop()),
                step => plain.push(step),
            }
        }
        let inner = plain.strip_prefix(&self.directory).ok();
        if let Some(inner) = inner.and_then(Path::to_str) {
            return Some(inner.to_owned());
        }
        let message = format!("`markdown` of {} is not in templates/", section.title());
        let place = section.value_place("markdown", "leads elsewhere");
        let problem = Problem::error("outside", message, place);
        let help = format!("put the file into {}", self.directory.display());
        section.report(problem.help(help).key(section.path("markdown")));
        None
    }

    /// The field that names the reader's language, where a template says so.
    pub(super) fn language_field(&self, template: &str) -> Option<(&'d Document, &Text<'d>)> {
        let deviation = self.tables.get(template)?;
        Some((deviation.doc, deviation.language.as_ref()?))
    }

    /// The template that a key (or a table) names. If it cannot be had, that has been reported,
    /// here or where it was named first.
    pub(super) fn named(
        &mut self,
        section: &Section<'_>,
        name: &Text<'_>,
    ) -> Option<Arc<Template>> {
        if let Some(known) = self.compiled.get(name.text) {
            return known.clone();
        }
        let folder = self.directory.join(name.text);
        let is_wrong = self.tables.get(name.text).is_some_and(|it| it.is_wrong);
        let template = if is_wrong {
            None
        } else if let Some(problem) = self.locked(section, name, &folder) {
            section.report(problem);
            None
        } else if is_plain(name.text) && !folder.is_dir() && self.needs_folder(name.text) {
            section.report(self.unknown(section, name, &folder));
            None
        } else {
            self.compile(section, name)
        };
        self.compiled.insert(name.text.to_owned(), template.clone());
        template
    }

    /// All that compiled.
    pub(super) fn into_compiled(self) -> BTreeMap<String, Arc<Template>> {
        let compiled = self.compiled.into_iter();
        compiled
            .filter_map(|(name, template)| Some((name, template?)))
            .collect()
    }

    /// A text of a template, to point into: a file of the templates directory, or a key.
    pub(super) fn text(&self, relative: &Path) -> Option<Shown<'d>> {
        let path = self.directory.join(relative);
        let key = self
            .tables
            .iter()
            .find_map(|(name, it)| Some((it.doc, it.written(name, relative)?)));
        if let Some((doc, text)) = key {
            return Some(Shown {
                text: Arc::new(SourceText::plain(&path, text.text.to_owned())),
                key: Some((doc, text.span.clone())),
            });
        }
        let bytes = files::read_regular(&path, DRAWN).ok()?;
        let (text, _, _) = encoding_rs::UTF_8.decode(&bytes);
        Some(Shown {
            text: Arc::new(SourceText::plain(&path, text.into_owned())),
            key: None,
        })
    }

    /// Whether something of a template has to be in its folder.
    fn needs_folder(&self, name: &str) -> bool {
        let table = self.tables.get(name);
        table.is_none_or(|it| it.subject.is_none() || it.markdown.is_none())
    }

    fn choices(&self, name: &str) -> Choices {
        let table = self.tables.get(name);
        let owned = |text: &Text<'_>| text.text.to_owned();
        let headers = table.iter().flat_map(|it| &it.headers);
        Choices {
            layout: table.map(|it| it.layout.clone()).unwrap_or_default(),
            subject: table.and_then(|it| it.subject.as_ref().map(owned)),
            markdown: table.and_then(|it| it.markdown.clone()),
            language: self.language.clone(),
            language_field: table.and_then(|it| it.language.as_ref().map(owned)),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), owned(value)))
                .collect(),
        }
    }

    fn compile(&self, section: &Section<'_>, name: &Text<'_>) -> Option<Arc<Template>> {
        let source = Source::read(&self.directory, name.text, self.choices(name.text));
        match source.and_then(Template::compile) {
            Ok(template) => {
                self.warn_of_html(section, name, &template);
                self.lint(section, name, &template);
                Some(Arc::new(template))
            }
            Err(faults) => {
                for fault in faults {
                    section.report(self.problem(section, name, fault));
                }
                None
            }
        }
    }

    fn warn_of_html(&self, section: &Section<'_>, name: &Text<'_>, template: &Template) {
        for raw in template.variables().iter().filter(|it| it.unescaped) {
            let Some(shown) = self.text(Path::new(&raw.file)) else {
                continue;
            };
            let field = &raw.name;
            let message = format!(
                "template `{}` puts `{field}` into its HTML as it is",
                name.text
            );
            let span = shown.text.span_at(raw.line, raw.column, raw.span_len);
            let place = shown.place(span, "three braces: <, > and & are not escaped");
            let help = format!("write {{{{{field}}}}}, unless the column is meant to hold HTML");
            section.report(Problem::warning("raw-html", message, place).help(help));
        }
        let longest = template.longest_html();
        let Some((bytes, body)) = longest.filter(|(bytes, _)| *bytes > CLIPPED) else {
            return;
        };
        let message = format!(
            "the HTML of template `{}` has {} KB",
            name.text,
            bytes / 1024
        );
        let place = match self.text(Path::new(&body.file)) {
            Some(shown) => shown.place(0..0, ""),
            None => section.doc.place(name.span.clone(), ""),
        };
        let note = "Gmail shows the first 102 KB of a mail, and a link to the rest";
        section.report(Problem::warning("large-html", message, place).note(note));
    }

    fn lint(&self, section: &Section<'_>, name: &Text<'_>, template: &Template) {
        for fault in template.lint() {
            let mut problem = self.problem(section, name, fault);
            problem.severity = Severity::Warning;
            section.report(problem);
        }
    }

    /// The language of texts whose names have none.
    pub(super) fn language(&self) -> &Language {
        &self.language
    }

    /// The templates directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A fault in the words of a problem; `name` is what led to it.
    pub(super) fn problem(
        &self,
        section: &Section<'_>,
        name: &Text<'_>,
        fault: TemplateFault,
    ) -> Problem {
        let of_key = match fault.code {
            "missing-layout" => Some("layout"),
            "missing-markdown" | "only-one-of" => Some("markdown"),
            "template-name" if is_plain(name.text) && section.kind() == "template" => {
                Some("layout")
            }
            _ => None,
        };
        let named = || match of_key {
            Some(key) => section.value_place(key, fault.label.clone()),
            None => section.doc.place(name.span.clone(), fault.label.clone()),
        };
        let Some(shown) = self.text(&fault.file) else {
            return Problem::error(fault.code, fault.message.clone(), named())
                .maybe_help(fault.help.clone());
        };
        let span_at = |line, column, length| shown.text.span_at(line, column, length);
        let span = span_at(fault.line, fault.column, fault.span_len);
        let place = shown.place(span, fault.label.clone());
        let problem = Problem::error(fault.code, fault.message, place).maybe_help(fault.help);
        match fault.second {
            Some((line, column, length, label)) => {
                problem.and(shown.place(span_at(line, column, length), label))
            }
            None => problem,
        }
    }

    /// The folder may be there: this user may not look.
    fn locked(&self, section: &Section<'_>, name: &Text<'_>, folder: &Path) -> Option<Problem> {
        let error = std::fs::metadata(folder).err()?;
        if error.kind() != std::io::ErrorKind::PermissionDenied || !is_plain(name.text) {
            return None;
        }
        let why = files::reason(&self.directory, &error);
        let message = format!("template `{}` cannot be read: {why}", name.text);
        let place = section
            .doc
            .place(name.span.clone(), folder.display().to_string());
        Some(Problem::error("unreadable", message, place))
    }

    fn unknown(&self, section: &Section<'_>, name: &Text<'_>, folder: &Path) -> Problem {
        let message = format!("no template is called `{}`", name.text);
        let place = section.doc.place(name.span.clone(), "");
        let folders = self.folders();
        let near = suggest::nearest(name.text, folders.iter().map(String::as_str));
        let key = match section.kind() {
            "schedule" => section.path("send"),
            _ => format!("template.{}", name.text),
        };
        let problem = Problem::error("unknown-name", message, place)
            .suggest(near)
            .key(key);
        if near.is_some() {
            return problem;
        }
        problem.help(format!(
            "make the folder {} with subject.txt and body.txt, body.html or body.md in it",
            folder.display()
        ))
    }

    fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let folders = entries.filter(|entry| holds_texts(&entry.path()));
        let mut names: Vec<_> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }
}

/// One folder's name, and not a way out of the templates directory; compose says what is wrong with
/// any other.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\\', '\0']) && !name.starts_with('.')
}
