//! What the name of a file says: which text it holds, and for readers of which language.
//!
//! A file whose name only looks like that of a text would never be read, and its author would not
//! learn why nothing changes. So such names are faults. What is neither (samples, pictures, copies
//! of an editor's) is left alone.

use std::collections::BTreeMap;

use super::fault::{TemplateFault, nearest};
use super::language::Language;
use super::reading::{Reader, bad_name, is_plain_name};
use super::source::{Choices, LayoutChoice, Part, Wording};

/// Which text of a template it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Subject,
    Markdown,
    Text,
    Html,
    LayoutText,
    LayoutHtml,
}

impl Role {
    pub(super) const ALL: [Self; 6] = [
        Self::Subject,
        Self::Markdown,
        Self::Text,
        Self::Html,
        Self::LayoutText,
        Self::LayoutHtml,
    ];

    const OF_FOLDER: [(Self, &str, &str); 4] = [
        (Self::Subject, "subject", "txt"),
        (Self::Text, "body", "txt"),
        (Self::Html, "body", "html"),
        (Self::Markdown, "body", "md"),
    ];
}

/// What other programs call the kinds of files that texts are.
const ENDINGS: [(&str, &str); 9] = [
    ("txt", "txt"),
    ("text", "txt"),
    ("html", "html"),
    ("htm", "html"),
    ("xhtml", "html"),
    ("md", "md"),
    ("markdown", "md"),
    ("hbs", ""),
    ("handlebars", ""),
];

/// Texts by the tag of their language; those without one under an empty tag.
pub(super) struct Texts(pub(super) BTreeMap<String, Wording>);

/// Reads the texts of a template, and the layouts.
pub(super) fn texts(reader: &mut Reader, template: &str, choices: &Choices) -> Texts {
    let mut texts = Texts(BTreeMap::new());
    texts.read_folder(reader, template);
    if let Some(subject) = &choices.subject {
        texts.put_subject(template, subject, &mut reader.faults);
    }
    if let Some(markdown) = &choices.markdown {
        texts.read_markdown(reader, template, markdown);
    }
    texts.read_layouts(reader, &choices.layout);
    texts
}

/// Reads all partials, those of all languages.
pub(super) fn partials(reader: &mut Reader) -> BTreeMap<String, Part> {
    let names = reader.names("partials").into_iter();
    names
        .filter(|name| name.ends_with(".txt") || name.ends_with(".html"))
        .filter_map(|name| {
            let part = reader.file(&format!("partials/{name}"))?;
            Some((name, part))
        })
        .collect()
}

/// The name of a partial without its language, and the language's tag; empty without one.
pub(super) fn untagged(partial: &str) -> (String, String) {
    let parts: Vec<&str> = partial.split('.').collect();
    if let [stem, tag, ending] = parts[..]
        && let Ok(language) = Language::parse(tag)
    {
        return (format!("{stem}.{ending}"), language.to_string());
    }
    (partial.to_owned(), String::new())
}

/// Why `key` is never included as `name`, although it seems to be made for that.
pub(super) fn stray_partial(
    key: &str,
    part: &Part,
    name: &str,
    ending: &str,
) -> Option<TemplateFault> {
    let tag = tag_of(key, name, ending)?;
    let stray = Language::parse(tag).is_err() && !part.derived;
    stray.then(|| no_language(key, tag).at(&part.file))
}

impl Texts {
    fn read_folder(&mut self, reader: &mut Reader, template: &str) {
        let names = reader.names(template);
        for (role, stem, ending) in Role::OF_FOLDER {
            // One may read files of a folder that one may not list.
            let name = format!("{stem}.{ending}");
            if !names.contains(&name) {
                self.read(reader, &format!("{template}/{name}"), role, "");
            }
        }
        for name in &names {
            match of_folder(name, &names) {
                Ok(Some((role, tag))) => {
                    self.read(reader, &format!("{template}/{name}"), role, &tag)
                }
                Ok(None) => {}
                Err(fault) => reader.faults.push(fault.at(&format!("{template}/{name}"))),
            }
        }
    }

    fn read_markdown(&mut self, reader: &mut Reader, template: &str, file: &str) {
        let before = reader.faults.len();
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let stem = name.strip_suffix(".md").unwrap_or(name);
        for other in reader.names(folder) {
            let Some(tag) = tag_of(&other, stem, "md") else {
                continue;
            };
            let path = match folder {
                "" => other.clone(),
                _ => format!("{folder}/{other}"),
            };
            match Language::parse(tag) {
                Ok(language) => {
                    self.read(reader, &path, Role::Markdown, &language.to_string());
                }
                Err(_) => reader.faults.push(no_language(&other, tag).at(&path)),
            }
        }
        if let Some(other) = self.0.get("").and_then(|it| it.markdown.as_ref()) {
            let message = format!(
                "template `{template}` has Markdown here and in {}",
                other.file
            );
            let fault = TemplateFault::of_file("only-one-of", "", message);
            let help = "take the file away, or the key `markdown`";
            reader.faults.push(fault.help(help));
            return;
        }
        self.read(reader, file, Role::Markdown, "");
        let found = self.0.get("").is_some_and(|it| it.markdown.is_some());
        if !found && reader.faults.len() == before {
            let message = format!("there is no file templates/{file}");
            reader
                .faults
                .push(TemplateFault::of_file("missing-markdown", file, message));
        }
    }

    fn put_subject(&mut self, template: &str, subject: &str, faults: &mut Vec<TemplateFault>) {
        let own = self.0.entry(String::new()).or_default();
        if let Some(file) = &own.subject {
            let message = format!(
                "template `{template}` has a subject here and in {}",
                file.file
            );
            let mut fault = TemplateFault::of_file("only-one-of", subject_key(template), message);
            fault.span_len = subject.chars().count();
            faults.push(fault.help("take the file away, or the key `subject`"));
        }
        own.subject = Some(Part {
            file: subject_key(template),
            content: subject.to_owned(),
            derived: false,
        });
    }

    fn read_layouts(&mut self, reader: &mut Reader, choice: &LayoutChoice) {
        let name = match choice {
            LayoutChoice::None => return,
            LayoutChoice::Default => "layout",
            LayoutChoice::Named(name) if is_plain_name(name) => name,
            LayoutChoice::Named(name) => {
                reader.faults.push(bad_name("layout", name));
                return;
            }
        };
        let before = reader.faults.len();
        let names = reader.names("");
        for (role, ending) in [(Role::LayoutText, "txt"), (Role::LayoutHtml, "html")] {
            self.read(reader, &format!("{name}.{ending}"), role, "");
            for file in &names {
                let Some(tag) = tag_of(file, name, ending) else {
                    continue;
                };
                match Language::parse(tag) {
                    Ok(language) => self.read(reader, file, role, &language.to_string()),
                    Err(_) => reader.faults.push(no_language(file, tag).at(file)),
                }
            }
        }
        let own = self.0.get("");
        let found = own.is_some_and(|it| it.layout_text.is_some() || it.layout_html.is_some());
        if !found && reader.faults.len() == before && *choice != LayoutChoice::Default {
            let message = format!("there is no layout `{name}`");
            let help =
                format!("write templates/{name}.html, .txt or both, with {{{{{{body}}}}}} in them");
            let fault = TemplateFault::of_file("missing-layout", format!("{name}.html"), message);
            reader.faults.push(fault.help(help));
        }
    }

    fn read(&mut self, reader: &mut Reader, path: &str, role: Role, tag: &str) {
        let Some(part) = reader.file(path) else {
            return;
        };
        let slot = self.0.entry(tag.to_owned()).or_default().slot(role);
        if let Some(other) = slot {
            let message = format!("{path} and {} are of the same language", other.file);
            let fault = TemplateFault::of_file("stray-file", path, message);
            reader.faults.push(fault.help("take one of them away"));
        }
        *slot = Some(part);
    }

    /// Reports what is missing, and forgets layouts in languages that no text is in.
    pub(super) fn require(
        &mut self,
        name: &str,
        language: &Language,
        faults: &mut Vec<TemplateFault>,
    ) {
        let others: Vec<String> = self
            .0
            .keys()
            .filter(|tag| !tag.is_empty())
            .cloned()
            .collect();
        let own = self.0.entry(String::new()).or_default();
        if own.subject.is_none() {
            let message = format!("template `{name}` has no subject.txt");
            let fault =
                TemplateFault::of_file("missing-subject", format!("{name}/subject.txt"), message);
            faults.push(fault.help("write the subject into it, on one line"));
        }
        let is_without = |wording: &Wording| !wording.has_body();
        if is_without(own) {
            let file = format!("{name}/body.txt");
            let help = "write body.txt, body.html or both, or body.md alone";
            let message = match others.iter().any(|tag| self.0[tag].has_body()) {
                false => format!("template `{name}` has no body.txt"),
                true => format!("template `{name}` has no body for readers of other languages"),
            };
            faults.push(TemplateFault::of_file("missing-body", file, message).help(help));
        }
        for wording in self.0.values() {
            if let (Some(markdown), Some(html)) = (&wording.markdown, &wording.html) {
                let message = format!("{} and {} are both for HTML", markdown.file, html.file);
                let fault = TemplateFault::of_file("only-one-of", markdown.file.clone(), message);
                faults.push(fault.help("take one of them away"));
            }
        }
        for tag in others {
            let wording = &self.0[&tag];
            let Some(subject) = wording.subject.as_ref().filter(|_| is_without(wording)) else {
                continue;
            };
            let Ok(own) = Language::parse(&tag) else {
                continue;
            };
            let mut nearer = own.lookup().into_iter();
            let is_found =
                nearer.any(|it| self.0.get(&it.to_string()).is_some_and(Wording::has_body));
            if !is_found && !language.is_kin_of(&own) {
                let message = format!("template `{name}` has a subject in `{tag}` and no body");
                let fault = TemplateFault::of_file("missing-body", subject.file.clone(), message);
                faults.push(fault.help(format!(
                    "write body.{tag}.txt, body.{tag}.html or both, or body.{tag}.md alone"
                )));
            }
        }
    }
}

/// The name under which the subject of a template goes that stands in the configuration.
#[must_use]
pub fn subject_key(template: &str) -> String {
    format!("template.{template}.subject")
}

/// The same of a header's value.
#[must_use]
pub fn header_key(template: &str, header: &str) -> String {
    format!("template.{template}.headers.{header}")
}

/// The values of the headers that a template adds.
pub(super) fn headers(template: &str, choices: &Choices) -> BTreeMap<String, Part> {
    let headers = choices.headers.iter();
    let headers = headers.map(|(name, value)| {
        let part = Part {
            file: header_key(template, name),
            content: value.clone(),
            derived: false,
        };
        (name.clone(), part)
    });
    headers.collect()
}

/// What stands between the name and the ending of a file, if there is one thing.
fn tag_of<'a>(file: &'a str, stem: &str, ending: &str) -> Option<&'a str> {
    let rest = file.strip_prefix(stem)?.strip_prefix('.')?;
    let tag = rest.strip_suffix(ending)?.strip_suffix('.')?;
    (!tag.is_empty() && !tag.contains('.')).then_some(tag)
}

/// A fault whose file is still to be told.
struct Stray {
    code: &'static str,
    message: String,
    label: Option<String>,
    help: Option<String>,
}

impl Stray {
    fn at(self, path: &str) -> TemplateFault {
        let mut fault = TemplateFault::of_file(self.code, path, self.message);
        fault.label = self.label.unwrap_or_default();
        fault.help = self.help;
        fault
    }
}

fn no_language(file: &str, tag: &str) -> Stray {
    let near = Language::parse(tag).err().and_then(|fault| fault.near);
    Stray {
        code: "bad-language",
        message: format!("`{tag}` in the name {file} is not the tag of a language"),
        label: near.map(|near| format!("did you mean `{near}`?")),
        help: Some("tags are like de, pt-BR or zh-Hant; rename the file, or take it away".into()),
    }
}

/// The text that a file of a template's folder holds, and its language's tag.
fn of_folder(name: &str, all: &[String]) -> Result<Option<(Role, String)>, Stray> {
    for (role, stem, ending) in Role::OF_FOLDER {
        if name.strip_prefix(stem).and_then(|it| it.strip_prefix('.')) == Some(ending) {
            return Ok(Some((role, String::new())));
        }
        if let Some(tag) = tag_of(name, stem, ending) {
            let language = Language::parse(tag).map_err(|_| no_language(name, tag))?;
            return Ok(Some((role, language.to_string())));
        }
    }
    match meant(name, all) {
        None => Ok(None),
        Some(meant) => Err(Stray {
            code: "stray-file",
            message: format!("{name} is not the name of a text, and would never be read"),
            label: None,
            help: Some(format!("call it {meant}, or take it away")),
        }),
    }
}

/// The name that a file should have that nobody would read, if it looks like a text of a template.
fn meant(name: &str, all: &[String]) -> Option<String> {
    let lower = name.to_lowercase();
    let mut parts: Vec<&str> = lower.split('.').collect();
    let ending = parts.pop()?;
    let (_, mut ending) = *ENDINGS.iter().find(|(known, _)| *known == ending)?;
    if ending.is_empty() {
        let inner = parts.pop()?;
        ending = ENDINGS.iter().find(|(known, _)| *known == inner)?.1;
    }
    let (stem, middle) = parts.split_first()?;
    let known = ["subject", "body"];
    let stem = match known.iter().find(|it| *it == stem) {
        Some(stem) => *stem,
        None => nearest(stem, known.into_iter())?,
    };
    let ending = match stem {
        "subject" => "txt",
        _ => ending,
    };
    let tag = match middle {
        [] => String::new(),
        [tag] => Language::parse(tag).ok().map(|tag| format!(".{tag}"))?,
        _ => return None,
    };
    let meant = format!("{stem}{tag}.{ending}");
    let begins = |name: &str, stem: &str| {
        let rest = name.strip_prefix(stem);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    // Beside a body, something like body-notes.md is no slip.
    let is_slip = begins(&lower, stem) || !all.iter().any(|it| begins(it, stem));
    is_slip.then_some(meant)
}
