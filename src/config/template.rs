//! `[template.<name>]` and the folders under `templates/`, compiled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::problem::{Place, Problem};
use super::section::{Section, Text};
use super::text::SourceText;
use super::{files, suggest};
use crate::compose::{LayoutChoice, Source, Template, TemplateFault};

/// Gmail clips what is longer, in bytes.
const CLIPPED: usize = 102 * 1024;
/// compose reads no longer one either.
const DRAWN: u64 = 1 << 20;

/// The templates directory: each template is read and compiled once, when it is first named.
pub(super) struct Templates {
    directory: PathBuf,
    layouts: BTreeMap<String, LayoutChoice>,
    compiled: BTreeMap<String, Option<Arc<Template>>>,
}

impl Templates {
    /// The folder `templates` beside the configuration.
    pub(super) fn beside(config: &Path) -> Self {
        let directory = config.parent().unwrap_or(Path::new("/")).join("templates");
        Self {
            directory,
            layouts: BTreeMap::new(),
            compiled: BTreeMap::new(),
        }
    }

    /// Reads how one template deviates. All have to be read before any is compiled.
    pub(super) fn deviate(&mut self, section: &Section<'_>) {
        let layout = match (section.flag("layout"), section.text("layout")) {
            (Some(false), _) => LayoutChoice::None,
            (_, Some(name)) => LayoutChoice::Named(name.text.to_owned()),
            _ => return,
        };
        self.layouts.insert(section.name.to_owned(), layout);
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
        let template = if let Some(problem) = self.locked(section, name, &folder) {
            section.report(problem);
            None
        } else if is_plain(name.text) && !folder.is_dir() {
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

    /// A file of the templates directory, to point into.
    pub(super) fn file(&self, relative: &Path) -> Option<Arc<SourceText>> {
        let path = self.directory.join(relative);
        let bytes = files::read_regular(&path, DRAWN).ok()?;
        let (text, _, _) = encoding_rs::UTF_8.decode(&bytes);
        Some(Arc::new(SourceText::plain(&path, text.into_owned())))
    }

    fn compile(&self, section: &Section<'_>, name: &Text<'_>) -> Option<Arc<Template>> {
        let layout = self
            .layouts
            .get(name.text)
            .cloned()
            .unwrap_or(LayoutChoice::Default);
        let source = Source::read(&self.directory, name.text, layout);
        match source.and_then(Template::compile) {
            Ok(template) => {
                self.warn_of_html(section, name, &template);
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
            let Some(file) = self.file(Path::new(&raw.file)) else {
                continue;
            };
            let field = &raw.name;
            let message = format!(
                "template `{}` puts `{field}` into its HTML as it is",
                name.text
            );
            let span = file.span_at(raw.line, raw.column, raw.span_len);
            let place = Place::new(&file, span, "three braces: <, > and & are not escaped");
            let help = format!("write {{{{{field}}}}}, unless the column is meant to hold HTML");
            section.report(Problem::warning("raw-html", message, place).help(help));
        }
        let bytes = template.html_len();
        let Some(body) = (bytes > CLIPPED)
            .then_some(template.source().html.as_ref())
            .flatten()
        else {
            return;
        };
        let message = format!(
            "the HTML of template `{}` has {} KB",
            name.text,
            bytes / 1024
        );
        let place = match self.file(Path::new(&body.file)) {
            Some(file) => Place::new(&file, 0..0, ""),
            None => section.doc.place(name.span.clone(), ""),
        };
        let note = "Gmail shows the first 102 KB of a mail, and a link to the rest";
        section.report(Problem::warning("large-html", message, place).note(note));
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
        let of_layout = match fault.code {
            "missing-layout" => true,
            "template-name" => is_plain(name.text) && section.kind() == "template",
            _ => false,
        };
        let named = || match of_layout {
            true => section.value_place("layout", fault.label.clone()),
            false => section.doc.place(name.span.clone(), fault.label.clone()),
        };
        let Some(file) = self.file(&fault.file) else {
            return Problem::error(fault.code, fault.message.clone(), named())
                .maybe_help(fault.help.clone());
        };
        let span = file.span_at(fault.line, fault.column, fault.span_len);
        let place = Place::new(&file, span, fault.label.clone());
        let problem = Problem::error(fault.code, fault.message, place).maybe_help(fault.help);
        match fault.second {
            Some((line, column, length, label)) => {
                problem.and(Place::new(&file, file.span_at(line, column, length), label))
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
            "make the folder {} with subject.txt, body.txt and body.html in it",
            folder.display()
        ))
    }

    fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let folders = entries.filter(|entry| entry.path().join("subject.txt").is_file());
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
