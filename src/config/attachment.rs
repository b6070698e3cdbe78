//! `attachments` and `data` of a template or a schedule: what mails carry besides their texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::key::{Kind, wants};
use super::problem::Problem;
use super::section::{Section, Text, Value, text_of};
use super::template::Templates;
use super::{files, program, suggest, tables};
use crate::audience::{Care, Values, ValuesSource};
use crate::compose::{Generated, Line, MOST_ENCLOSED, TemplateFault, is_refused};

/// A file that goes along with each mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    /// What it is called where that is not the file's own name.
    pub name: Option<Arc<Line>>,
    /// Its media type where that is not what the name says.
    pub media_type: Option<String>,
    /// What it holds.
    pub content: Attached,
}

/// What an attachment holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Attached {
    /// A file that is the same for all.
    File(PathBuf),
    /// A file of each person.
    Each {
        /// It lies below this folder.
        folder: PathBuf,
        /// Where there.
        path: Arc<Line>,
        /// Whether a mail goes without it if it is not there.
        optional: bool,
    },
    /// What is made from a template.
    Generated(Arc<Generated>),
}

/// What a template or a schedule adds to its mails.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried {
    pub(super) attachments: Vec<Attachment>,
    pub(super) data: Option<Values>,
    /// Data are written that cannot be used, which has been reported.
    pub(super) has_bad_data: bool,
}

impl Carried {
    /// With what a schedule adds: its files come after, its data in place of the template's.
    pub(super) fn with(&self, schedule: Self) -> Self {
        let files = self.attachments.iter().cloned();
        Self {
            attachments: files.chain(schedule.attachments).collect(),
            data: schedule.data.or_else(|| self.data.clone()),
            has_bad_data: self.has_bad_data || schedule.has_bad_data,
        }
    }
}

/// Reads both keys of a section whose mails are made from this template.
pub(super) fn read(section: &Section<'_>, templates: &Templates<'_>, template: &str) -> Carried {
    let items = section.value("attachments");
    let items = items.and_then(|it| it.get_ref().as_array());
    let reader = Reader {
        section,
        templates,
        template,
    };
    let items = items.into_iter().flatten();
    let data = data(section);
    Carried {
        attachments: items.filter_map(|item| reader.item(item)).collect(),
        has_bad_data: data.is_none() && (section.has("data") || section.is_unclear("data")),
        data,
    }
}

struct Reader<'a, 'd> {
    section: &'a Section<'d>,
    templates: &'a Templates<'d>,
    template: &'a str,
}

const FORMS: [&str; 2] = ["file", "template"];
const KEYS: [&str; 5] = ["file", "template", "name", "type", "optional"];

impl<'d> Reader<'_, 'd> {
    fn report(&self, problem: Problem) {
        self.section
            .report(problem.key(self.section.path("attachments")));
    }

    fn wrong(&self, code: &'static str, message: impl Into<String>, at: std::ops::Range<usize>) {
        let place = self.section.doc.place(at, "");
        self.report(Problem::error(code, message, place));
    }

    fn item(&self, item: &'d Value<'d>) -> Option<Attachment> {
        match item.get_ref() {
            DeValue::String(text) if text.trim().is_empty() => {
                let message = "there is nothing in the quotes of an attachment";
                self.wrong("bad-value", message, item.span());
                None
            }
            DeValue::String(_) => Some(Attachment {
                name: None,
                media_type: None,
                content: self.file(&text_of(item)?, false)?,
            }),
            DeValue::Table(table) => self.table(item, table),
            _ => {
                let wants = wants(Kind::Attachments);
                let message = format!("`attachments` wants {wants}");
                self.wrong("wrong-type", message, item.span());
                None
            }
        }
    }

    fn table(&self, item: &'d Value<'d>, table: &'d DeTable<'d>) -> Option<Attachment> {
        let unknown = table
            .keys()
            .filter(|key| !KEYS.contains(&key.get_ref().as_ref()));
        unknown.for_each(|key| self.report(no_key(self.section, key, &KEYS, "an attachment")));
        let optional = table.get("optional");
        if let Some(other) = optional.filter(|it| it.get_ref().as_bool().is_none()) {
            self.wrong("wrong-type", "`optional` wants true or false", other.span());
        }
        let is_optional = optional.is_some_and(|it| it.get_ref().as_bool() == Some(true));
        let name = self.text(table, "name");
        let media_type = self.text(table, "type");
        let content = match (self.text(table, "file"), self.text(table, "template")) {
            (Some(file), None) => self.file(&file, is_optional)?,
            (None, Some(template)) => self.generated(&template)?,
            (Some(_), Some(_)) => {
                let message = "an attachment is a file, or made from a template, and not both";
                self.wrong("only-one-of", message, item.span());
                return None;
            }
            (None, None) => {
                if !FORMS.iter().any(|form| table.contains_key(*form)) {
                    let place = self.section.doc.place(item.span(), "write file = \"…\"");
                    let message = "an attachment is from no file and no template";
                    self.report(Problem::error("missing-key", message, place));
                }
                return None;
            }
        };
        if let Some(optional) = optional.filter(|_| !matches!(content, Attached::Each { .. })) {
            let place = self.section.doc.place(optional.span(), "take it out");
            let message = "only a file of each person may be optional";
            let help = "its path has a field of the list in it, \"invoices/{{invoice}}.pdf\"";
            self.report(Problem::error("needless-key", message, place).help(help));
        }
        let name = match name {
            Some(name) => Some(self.line(&name)?),
            None => None,
        };
        Some(Attachment {
            name,
            media_type: self.media_type(media_type),
            content,
        })
    }

    fn text(&self, table: &'d DeTable<'d>, key: &str) -> Option<Text<'d>> {
        let value = table.get(key)?;
        let text = text_of(value).filter(|text| !text.text.trim().is_empty());
        if text.is_none() {
            self.wrong(
                "wrong-type",
                format!("`{key}` wants a text in quotes"),
                value.span(),
            );
        }
        text
    }

    fn media_type(&self, text: Option<Text<'_>>) -> Option<String> {
        let text = text?;
        let is_token = |part: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
            !part.is_empty() && part.bytes().all(fits)
        };
        let is_type = text.text.split_once('/');
        if is_type.is_some_and(|(kind, sub)| is_token(kind) && is_token(sub)) {
            return Some(text.text.to_ascii_lowercase());
        }
        let message = format!("`{}` is no media type", text.text.escape_debug());
        let place = self.section.doc.place(text.span, "");
        let help = "write it like \"application/pdf\", or leave it out: the name says it mostly";
        self.report(Problem::error("bad-value", message, place).help(help));
        None
    }

    fn line(&self, text: &Text<'_>) -> Option<Arc<Line>> {
        match Line::compile(text.text) {
            Ok(line) => Some(Arc::new(line)),
            Err(faults) => {
                for fault in faults {
                    let place = self.section.doc.place(text.span.clone(), fault.label);
                    let problem = Problem::error(fault.code, fault.message, place);
                    self.report(problem.maybe_help(fault.help));
                }
                None
            }
        }
    }

    fn file(&self, text: &Text<'_>, optional: bool) -> Option<Attached> {
        let doc = self.section.doc;
        let Some(tag) = text.text.find("{{") else {
            let path = doc.resolve(text.text);
            self.look_at(text, &path);
            return Some(Attached::File(path));
        };
        let Some(slash) = text.text[..tag].rfind('/') else {
            let place = doc.place(text.span.clone(), "which folder do they lie in?");
            let message = "a path with a field in it must begin with a folder";
            let help = format!("write \"invoices/{}\", for example", text.text);
            self.report(Problem::error("bad-value", message, place).help(help));
            return None;
        };
        let folder = match &text.text[..slash] {
            "" => PathBuf::from("/"),
            folder => doc.resolve(folder),
        };
        let path = Text {
            text: &text.text[slash + 1..],
            span: text.span.clone(),
        };
        let path = self.line(&path)?;
        if !folder.is_dir() {
            let message = format!("there is no folder {}", folder.display());
            let place = doc.place(text.span.clone(), "the files are looked for in it");
            self.report(Problem::error("missing-file", message, place).of_data());
        }
        self.warn_of_kind(text);
        Some(Attached::Each {
            folder,
            path,
            optional,
        })
    }

    /// What a run that opens now would be refused for.
    fn look_at(&self, text: &Text<'_>, path: &Path) {
        let doc = self.section.doc;
        let found = files::regular(path);
        let (code, why) = match found {
            Ok(length) if length <= MOST_ENCLOSED => return self.warn_of_kind(text),
            Ok(length) => {
                let size = format!(
                    "it has {} MiB, and a mail may carry {}",
                    length >> 20,
                    MOST_ENCLOSED >> 20
                );
                ("unreadable-file", size)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                ("missing-file", files::reason(path, &error))
            }
            Err(error) => ("unreadable-file", files::reason(path, &error)),
        };
        let message = format!("the attachment {} cannot be sent: {why}", path.display());
        let place = doc.place(text.span.clone(), "");
        self.report(Problem::error(code, message, place).of_data());
    }

    fn warn_of_kind(&self, text: &Text<'_>) {
        if !is_refused(text.text) {
            return;
        }
        let message = format!(
            "Gmail and others refuse mails with a file like `{}`",
            text.text
        );
        let place = self.section.doc.place(text.span.clone(), "");
        let help = "put it where people can fetch it, and write the link into the text";
        self.report(Problem::warning("refused-attachment", message, place).help(help));
    }

    fn generated(&self, text: &Text<'_>) -> Option<Attached> {
        let made = Generated::read(
            self.templates.directory(),
            self.templates.language(),
            self.template,
            text.text,
        );
        match made {
            Ok(made) => Some(Attached::Generated(Arc::new(made))),
            Err(faults) => {
                let faults = faults.into_iter();
                faults.for_each(|fault| self.report(self.fault(text, fault)));
                None
            }
        }
    }

    fn fault(&self, text: &Text<'_>, fault: TemplateFault) -> Problem {
        self.templates.problem(self.section, text, fault)
    }
}

fn no_key(
    section: &Section<'_>,
    key: &Spanned<DeString<'_>>,
    known: &[&'static str],
    of: &str,
) -> Problem {
    let message = format!("`{}` is not a key of {of}", key.get_ref().escape_debug());
    let place = section.doc.place(key.span(), "");
    let near = suggest::nearest(key.get_ref(), known.iter().copied());
    Problem::error("unknown-key", message, place)
        .suggest(near)
        .help(format!("the keys here are {}", known.join(", ")))
}

/// The values of a run. That they cannot be had now is a fault of the data.
fn data(section: &Section<'_>) -> Option<Values> {
    let value = section.value("data")?;
    let entries = value.get_ref().as_table()?;
    let table = match section.kind() {
        "template" => "template.*.data",
        _ => "schedule.*.data",
    };
    let header = tables::header(section.doc, value.span());
    let inner = Section::open(section.doc, table, section.name, header, entries);
    let forms = [("file", "one"), ("command", "two")];
    let message = format!("{} comes from two places", inner.title());
    if let Some(problem) = inner.only_one_of(&forms, message) {
        inner.report(problem);
        return None;
    }
    if inner.lacks("file") && inner.lacks("command") {
        let message = format!("{} comes from nowhere", inner.title());
        let place = inner.header_place("needs `file` or `command`");
        let problem = Problem::error("missing-key", message, place);
        let help = "write `data = { file = \"data/report.json\" }`";
        inner.report(problem.help(help).key(inner.path("file")));
        return None;
    }
    let needless = [
        ("file", "timeout", "runs no program"),
        ("command", "max_age", "is no file"),
    ];
    for (form, key, why) in needless {
        if !inner.has(form) || !inner.has(key) {
            continue;
        }
        let message = format!("{} {why}: `{key}` has no meaning here", inner.title());
        let place = inner.key_place(key, "take it out");
        inner.report(Problem::error("needless-key", message, place).key(inner.path(key)));
    }
    let source = match inner.path_of("file") {
        Some(path) => ValuesSource::File(path),
        None => ValuesSource::Command(program::read(&inner)?),
    };
    let values = Values {
        source,
        max_age: inner.span("max_age"),
    };
    if !values.runs_a_program()
        && let Err(error) = values.read(&Care::Readable)
    {
        let message = format!("{} cannot be used: {error}", inner.title());
        let place = inner.value_place("file", "");
        let problem = Problem::error(error.code(), message, place);
        inner.report(problem.key(inner.path("file")).of_data());
    }
    Some(values)
}
