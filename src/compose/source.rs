//! The texts of a template, as files and as the frozen copy that a run keeps.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::fault::TemplateFault;
use super::format::{self, Bodies};
use super::gallery::{self, Files};
use super::image::Image;
use super::language::Language;
use super::naming::{self, Role};
use super::reading::{Reader, bad_name, is_plain_name, missing_template};

/// All the texts that a template is made of. Equal sources render equal messages: a run keeps
/// this, as JSON, and edits of the files touch the next run only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the template: the name of its folder.
    pub name: String,
    /// `subject.txt`.
    pub subject: Part,
    /// `body.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markdown: Option<Part>,
    /// `body.txt`.
    pub text: Option<Part>,
    /// `body.html`.
    pub html: Option<Part>,
    /// The layout around the text body.
    pub layout_text: Option<Part>,
    /// The layout around the HTML body.
    pub layout_html: Option<Part>,
    /// Partials by file name: `footer.txt`, `footer.html`, `footer.de.html`.
    pub partials: BTreeMap<String, Part>,
    /// The language of all these texts, where their names have none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub language: Language,
    /// The field that names the reader's language; without one, `language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_field: Option<String>,
    /// Values of headers that it adds, by their names: the same in all languages.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Part>,
    /// What is said differently in other languages, by their tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<String, Wording>,
    /// The images that its HTML shows from files, by their paths in the templates directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Image>,
    /// The style sheets that its HTML has from files, by their paths there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub styles: BTreeMap<String, Part>,
}

/// The texts of a template that are a language's own: `subject.de.txt`, `body.de.html`, ….
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wording {
    /// `subject.txt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Part>,
    /// `body.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<Part>,
    /// `body.txt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Part>,
    /// `body.html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<Part>,
    /// `layout.txt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout_text: Option<Part>,
    /// `layout.html`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout_html: Option<Part>,
}

/// One file of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path relative to the templates directory, as it is shown to people.
    pub file: String,
    /// Its text.
    pub content: String,
    /// Whether the text was made from what the file holds, and is not as it stands there.
    #[serde(default, skip_serializing_if = "is_default")]
    pub derived: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How a template deviates from its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Its layout.
    pub layout: LayoutChoice,
    /// The subject, in place of `subject.txt`.
    pub subject: Option<String>,
    /// The Markdown, in place of `body.md`: a path relative to the templates directory.
    pub markdown: Option<String>,
    /// The language of texts whose names have none.
    pub language: Language,
    /// The field that names the reader's language.
    pub language_field: Option<String>,
    /// Values of headers that it adds, by their names.
    pub headers: BTreeMap<String, String>,
}

impl From<LayoutChoice> for Choices {
    fn from(layout: LayoutChoice) -> Self {
        Self {
            layout,
            ..Self::default()
        }
    }
}

/// Which layout goes around the bodies of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LayoutChoice {
    /// `layout.html` and `layout.txt` of the templates directory, where they exist.
    #[default]
    Default,
    /// No layout.
    None,
    /// `NAME.html` and `NAME.txt` of the templates directory; at least one must exist.
    Named(String),
}

impl Source {
    /// A template of a subject and a plain text that stand in no file.
    #[must_use]
    pub fn of_texts(name: &str, subject: &str, text: &str) -> Self {
        let part = |content: &str| Part {
            file: name.to_owned(),
            content: content.to_owned(),
            derived: false,
        };
        Self {
            name: name.to_owned(),
            subject: part(subject),
            markdown: None,
            text: Some(part(text)),
            html: None,
            layout_text: None,
            layout_html: None,
            partials: BTreeMap::new(),
            language: Language::english(),
            language_field: None,
            headers: BTreeMap::new(),
            languages: BTreeMap::new(),
            images: BTreeMap::new(),
            styles: BTreeMap::new(),
        }
    }

    /// Reads the folder `name` of the templates directory, with the layout and all partials.
    ///
    /// # Errors
    ///
    /// Every fault that can be seen without parsing: missing, unreadable or wrongly encoded files,
    /// names that lead out of the directory, and names that only look like those of texts.
    pub fn read(
        templates_dir: &Path,
        name: &str,
        choices: impl Into<Choices>,
    ) -> Result<Self, Vec<TemplateFault>> {
        let choices = choices.into();
        if !is_plain_name(name) {
            return Err(vec![bad_name("template", name)]);
        }
        let Ok(root) = templates_dir.canonicalize() else {
            return Err(vec![missing_template(templates_dir, name)]);
        };
        let needs_folder = choices.subject.is_none() || choices.markdown.is_none();
        if needs_folder && !root.join(name).is_dir() {
            return Err(vec![missing_template(&root, name)]);
        }
        let mut reader = Reader::of(root);
        let mut texts = naming::texts(&mut reader, name, &choices);
        let headers = naming::headers(name, &choices);
        let partials = naming::partials(&mut reader);
        if reader.faults.is_empty() {
            texts.require(name, &choices.language, &mut reader.faults);
        }
        match texts.0.remove("") {
            Some(Wording {
                subject: Some(subject),
                markdown,
                text,
                html,
                layout_text,
                layout_html,
            }) if reader.faults.is_empty() => {
                let source = Self {
                    name: name.to_owned(),
                    subject,
                    markdown,
                    text,
                    html,
                    layout_text,
                    layout_html,
                    partials,
                    language: choices.language,
                    language_field: choices.language_field,
                    headers,
                    languages: texts.0,
                    images: BTreeMap::new(),
                    styles: BTreeMap::new(),
                };
                source.settled()?.illustrated(reader)
            }
            _ => Err(reader.faults),
        }
    }

    /// Reads the images and style sheets that the texts use.
    fn illustrated(mut self, mut reader: Reader) -> Result<Self, Vec<TemplateFault>> {
        let Files { images, styles } = gallery::read(&mut reader, &self);
        (self.images, self.styles) = (images, styles);
        let mut faults = reader.faults;
        if faults.is_empty() {
            return Ok(self);
        }
        faults.sort_by(TemplateFault::by_place);
        faults.dedup();
        Err(faults)
    }

    /// Makes the bodies that can be made from others, in each language.
    fn settled(mut self) -> Result<Self, Vec<TemplateFault>> {
        format::settle_partials(&mut self.partials);
        let mut settled = self.clone();
        // Layouts of languages that nothing else is in are of no use.
        let used: HashSet<String> = self.tags().flat_map(chain).collect();
        settled.languages.retain(|tag, _| used.contains(tag));
        let mut faults = Vec::new();
        for tag in self.tags() {
            let own = |role| self.own(tag, role).cloned();
            let around = |role| self.find(tag, |tag| self.own(tag, role)).cloned();
            let mut bodies = Bodies {
                markdown: own(Role::Markdown),
                text: own(Role::Text),
                html: own(Role::Html),
                layout_text: around(Role::LayoutText),
                layout_html: around(Role::LayoutHtml),
            };
            if bodies.markdown.is_none() && bodies.text.is_none() && bodies.html.is_none() {
                continue; // it has a subject of its own and no more
            }
            faults.extend(format::settle(&mut bodies, &self.partials_of(tag)));
            settled.put(tag, bodies);
        }
        match faults.is_empty() {
            true => Ok(settled),
            false => {
                faults.sort_by(TemplateFault::by_place);
                faults.dedup();
                Err(faults)
            }
        }
    }

    fn put(&mut self, tag: &str, bodies: Bodies) {
        let layouts = [
            (
                Role::LayoutText,
                bodies.layout_text.filter(|_| bodies.text.is_some()),
            ),
            (
                Role::LayoutHtml,
                bodies.layout_html.filter(|_| bodies.html.is_some()),
            ),
        ];
        self.set(tag, Role::Text, bodies.text);
        self.set(tag, Role::Html, bodies.html);
        for (role, layout) in layouts {
            // What is found anyway need not be kept for each language.
            self.set(tag, role, None);
            if self.said(tag).part(role) != layout.as_ref() {
                self.set(tag, role, layout);
            }
        }
    }

    /// The languages that there are editions of, the one of the texts without a language first.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        let others = self.languages.iter();
        let others = others.filter(|(_, it)| it.subject.is_some() || it.has_body());
        std::iter::once("").chain(others.map(|(tag, _)| tag.as_str()))
    }

    /// The texts for readers of the language `tag`, which is one of `languages` or empty.
    pub(super) fn said(&self, tag: &str) -> Said<'_> {
        let has_body = |tag: &&str| {
            let bodies = [Role::Markdown, Role::Text, Role::Html];
            bodies.iter().any(|role| self.own(tag, *role).is_some())
        };
        let chain = chain(tag);
        let of = chain
            .iter()
            .map(String::as_str)
            .find(has_body)
            .unwrap_or("");
        let (text, html) = (self.own(of, Role::Text), self.own(of, Role::Html));
        // A layout that was made of another belongs to bodies that were.
        let around = |role, body: Option<&Part>| {
            let body = body?;
            let fits = |layout: &&Part| body.derived || !layout.derived;
            self.find(tag, |tag| self.own(tag, role).filter(fits))
        };
        let subject = self.find(tag, |tag| self.own(tag, Role::Subject));
        Said {
            subject: subject.unwrap_or(&self.subject),
            markdown: self.own(of, Role::Markdown),
            layout_text: around(Role::LayoutText, text),
            layout_html: around(Role::LayoutHtml, html),
            text,
            html,
        }
    }

    /// The partials for readers of that language, by their names without one.
    pub(super) fn partials_of(&self, tag: &str) -> BTreeMap<String, Part> {
        let chosen = self.chosen_partials(tag).into_iter();
        chosen
            .map(|(name, key)| (name, self.partials[key].clone()))
            .collect()
    }

    /// Of each partial the one for readers of that language: names without one, and with it.
    pub(super) fn chosen_partials(&self, tag: &str) -> BTreeMap<String, &str> {
        let chain = chain(tag);
        let rank = |language: &str| chain.iter().position(|it| it == language);
        let mut chosen: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for key in self.partials.keys() {
            let (name, language) = naming::untagged(key);
            let Some(rank) = rank(&language) else {
                continue;
            };
            let best = chosen.entry(name).or_insert((rank, key));
            if rank < best.0 {
                *best = (rank, key);
            }
        }
        let chosen = chosen.into_iter();
        chosen.map(|(name, (_, key))| (name, key)).collect()
    }

    fn find<'a>(&'a self, tag: &str, part: impl Fn(&str) -> Option<&'a Part>) -> Option<&'a Part> {
        chain(tag).iter().find_map(|tag| part(tag))
    }

    fn own(&self, tag: &str, role: Role) -> Option<&Part> {
        if !tag.is_empty() {
            return self.languages.get(tag)?.part(role);
        }
        match role {
            Role::Subject => Some(&self.subject),
            Role::Markdown => self.markdown.as_ref(),
            Role::Text => self.text.as_ref(),
            Role::Html => self.html.as_ref(),
            Role::LayoutText => self.layout_text.as_ref(),
            Role::LayoutHtml => self.layout_html.as_ref(),
        }
    }

    fn set(&mut self, tag: &str, role: Role, part: Option<Part>) {
        if !tag.is_empty() {
            *self.languages.entry(tag.to_owned()).or_default().slot(role) = part;
            return;
        }
        match role {
            Role::Subject => self.subject = part.expect("nobody takes the subject away"),
            Role::Markdown => self.markdown = part,
            Role::Text => self.text = part,
            Role::Html => self.html = part,
            Role::LayoutText => self.layout_text = part,
            Role::LayoutHtml => self.layout_html = part,
        }
    }

    /// The part whose file is `file`, as it stands there.
    pub(super) fn part(&self, file: &str) -> Option<&Part> {
        self.files().find(|part| part.file == file)
    }

    /// The text that an included `file` has in plain texts or in HTML: it may be made of another.
    pub(super) fn partial(&self, file: &str, html: bool) -> Option<&Part> {
        let ending = if html { ".html" } else { ".txt" };
        let mut partials = self.partials.iter();
        let found = partials.find(|(name, part)| name.ends_with(ending) && part.file == file);
        found.map(|(_, part)| part)
    }

    /// Every text that is a file's or a key's, of all languages, in no order.
    pub fn files(&self) -> impl Iterator<Item = &Part> {
        let tags = std::iter::once("").chain(self.languages.keys().map(String::as_str));
        let parts = tags.flat_map(|tag| Role::ALL.iter().filter_map(|role| self.own(tag, *role)));
        let parts = parts.chain(self.partials.values().chain(self.headers.values()));
        parts.filter(|part| !part.derived)
    }

    /// What each file and key of it holds, images and style sheets too, by its path or its name, in
    /// no order.
    pub fn contents(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let texts = self.files().chain(self.styles.values());
        let texts = texts.map(|part| (part.file.as_str(), part.content.as_bytes()));
        let images = self.images.iter();
        texts.chain(images.map(|(file, image)| (file.as_str(), image.bytes())))
    }

    /// Writes something before the subject, in each language.
    pub fn mark_subjects(&mut self, mark: impl Fn(&str) -> String) {
        let others = self.languages.values_mut();
        let others = others.filter_map(|wording| wording.subject.as_mut());
        for subject in std::iter::once(&mut self.subject).chain(others) {
            subject.content = mark(&subject.content);
        }
    }
}

/// The texts for readers of one language, wherever they come from.
pub(super) struct Said<'a> {
    pub(super) subject: &'a Part,
    pub(super) markdown: Option<&'a Part>,
    pub(super) text: Option<&'a Part>,
    pub(super) html: Option<&'a Part>,
    pub(super) layout_text: Option<&'a Part>,
    pub(super) layout_html: Option<&'a Part>,
}

impl<'a> Said<'a> {
    fn part(&self, role: Role) -> Option<&'a Part> {
        match role {
            Role::Subject => Some(self.subject),
            Role::Markdown => self.markdown,
            Role::Text => self.text,
            Role::Html => self.html,
            Role::LayoutText => self.layout_text,
            Role::LayoutHtml => self.layout_html,
        }
    }
}

impl Wording {
    fn part(&self, role: Role) -> Option<&Part> {
        match role {
            Role::Subject => self.subject.as_ref(),
            Role::Markdown => self.markdown.as_ref(),
            Role::Text => self.text.as_ref(),
            Role::Html => self.html.as_ref(),
            Role::LayoutText => self.layout_text.as_ref(),
            Role::LayoutHtml => self.layout_html.as_ref(),
        }
    }

    pub(super) fn has_body(&self) -> bool {
        self.markdown.is_some() || self.text.is_some() || self.html.is_some()
    }

    pub(super) fn slot(&mut self, role: Role) -> &mut Option<Part> {
        match role {
            Role::Subject => &mut self.subject,
            Role::Markdown => &mut self.markdown,
            Role::Text => &mut self.text,
            Role::Html => &mut self.html,
            Role::LayoutText => &mut self.layout_text,
            Role::LayoutHtml => &mut self.layout_html,
        }
    }
}

/// Where texts for readers of a language are looked for, the nearest first.
fn chain(tag: &str) -> Vec<String> {
    let language = Language::parse(tag).ok();
    let tags = language.iter().flat_map(Language::lookup);
    tags.map(|tag| tag.to_string())
        .chain([String::new()])
        .collect()
}
