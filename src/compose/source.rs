//! The texts of a template, as files and as the frozen copy that a run keeps.
//!
//! Nothing is read from outside the templates directory, whatever a name or a symbolic link says,
//! and nothing but regular files of UTF-8 (or UTF-16 with its mark) is read at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{TemplateFault, nearest};
use super::tags;

/// No text of a template is larger, in bytes. Readers cut a message off far below that.
const LARGEST_FILE: u64 = 1 << 20;

/// All the texts that a template is made of. Equal sources render equal messages: a run keeps
/// this, as JSON, and edits of the files touch the next run only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the template: the name of its folder.
    pub name: String,
    /// `subject.txt`.
    pub subject: Part,
    /// `body.txt`.
    pub text: Option<Part>,
    /// `body.html`.
    pub html: Option<Part>,
    /// The layout around the text body.
    pub layout_text: Option<Part>,
    /// The layout around the HTML body.
    pub layout_html: Option<Part>,
    /// Partials by file name: `footer.txt`, `footer.html`.
    pub partials: BTreeMap<String, Part>,
}

/// One file of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path relative to the templates directory, as it is shown to people.
    pub file: String,
    /// Its text.
    pub content: String,
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
    /// Reads the folder `name` of the templates directory, with the layout and all partials.
    ///
    /// # Errors
    ///
    /// Every fault that can be seen without parsing: missing, unreadable or wrongly encoded files,
    /// names that lead out of the directory.
    pub fn read(
        templates_dir: &Path,
        name: &str,
        layout: LayoutChoice,
    ) -> Result<Self, Vec<TemplateFault>> {
        if !is_plain_name(name) {
            return Err(vec![bad_name("template", name)]);
        }
        let Ok(root) = templates_dir.canonicalize() else {
            return Err(vec![missing_template(templates_dir, name)]);
        };
        if !root.join(name).is_dir() {
            return Err(vec![missing_template(&root, name)]);
        }
        let mut reader = Reader {
            root,
            faults: Vec::new(),
        };
        let subject = reader.file(&format!("{name}/subject.txt"));
        let text = reader.file(&format!("{name}/body.txt"));
        let html = reader.file(&format!("{name}/body.html"));
        let (layout_text, layout_html) = reader.layout(layout);
        let partials = reader.partials();
        if reader.faults.is_empty() {
            reader.require(name, subject.is_some(), text.is_some(), html.is_some());
        }
        match subject {
            Some(subject) if reader.faults.is_empty() => Ok(Self {
                name: name.to_owned(),
                subject,
                layout_text: layout_text.filter(|_| text.is_some()),
                layout_html: layout_html.filter(|_| html.is_some()),
                text,
                html,
                partials,
            }),
            _ => Err(reader.faults),
        }
    }

    /// The part whose file is `file`.
    pub(super) fn part(&self, file: &str) -> Option<&Part> {
        let bodies = [&self.text, &self.html, &self.layout_text, &self.layout_html];
        std::iter::once(&self.subject)
            .chain(bodies.into_iter().flatten())
            .chain(self.partials.values())
            .find(|part| part.file == file)
    }
}

struct Reader {
    root: PathBuf,
    faults: Vec<TemplateFault>,
}

impl Reader {
    fn layout(&mut self, choice: LayoutChoice) -> (Option<Part>, Option<Part>) {
        let name = match &choice {
            LayoutChoice::None => return (None, None),
            LayoutChoice::Default => "layout",
            LayoutChoice::Named(name) if is_plain_name(name) => name,
            LayoutChoice::Named(name) => {
                self.faults.push(bad_name("layout", name));
                return (None, None);
            }
        };
        let before = self.faults.len();
        let found = (
            self.file(&format!("{name}.txt")),
            self.file(&format!("{name}.html")),
        );
        let missing = found == (None, None) && self.faults.len() == before;
        if missing && choice != LayoutChoice::Default {
            let message = format!("there is no layout `{name}`");
            let help =
                format!("write templates/{name}.html, .txt or both, with {{{{{{body}}}}}} in them");
            let fault = TemplateFault::of_file("missing-layout", format!("{name}.html"), message);
            self.faults.push(fault.help(help));
        }
        found
    }

    fn partials(&mut self) -> BTreeMap<String, Part> {
        let mut names: Vec<String> = fs::read_dir(self.root.join("partials"))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .filter(|name| name.ends_with(".txt") || name.ends_with(".html"))
            .collect();
        names.sort();
        names
            .into_iter()
            .filter_map(|name| {
                self.file(&format!("partials/{name}"))
                    .map(|part| (name, part))
            })
            .collect()
    }

    fn require(&mut self, name: &str, subject: bool, text: bool, html: bool) {
        if !subject {
            let file = format!("{name}/subject.txt");
            let message = format!("template `{name}` has no subject.txt");
            let fault = TemplateFault::of_file("missing-subject", file, message);
            self.faults
                .push(fault.help("write the subject into it, on one line"));
        }
        if !text && !html {
            let file = format!("{name}/body.txt");
            let message = format!("template `{name}` has no body.txt");
            let fault = TemplateFault::of_file("missing-body", file, message);
            self.faults
                .push(fault.help("write body.txt, and body.html beside it if you like"));
        } else if !text {
            let file = format!("{name}/body.txt");
            let message = format!("template `{name}` has a body.html but no body.txt");
            let help = "write the same as plain text into body.txt: some readers see only that, \
                        and mail without it is often taken for spam";
            self.faults
                .push(TemplateFault::of_file("missing-text", file, message).help(help));
        }
    }

    /// A file's text; none if there is no such file, or if it has a fault.
    fn file(&mut self, relative: &str) -> Option<Part> {
        let path = self.root.join(relative);
        let about = fs::metadata(&path).ok();
        if about.is_none() && fs::symlink_metadata(&path).is_err() {
            return None;
        }
        match self.text(&path, about.as_ref(), relative) {
            Ok(content) => Some(Part {
                file: relative.to_owned(),
                content,
            }),
            Err(fault) => {
                self.faults.push(*fault);
                None
            }
        }
    }

    fn text(
        &self,
        path: &Path,
        about: Option<&fs::Metadata>,
        relative: &str,
    ) -> Result<String, Box<TemplateFault>> {
        let fault = |code, message| Box::new(TemplateFault::of_file(code, relative, message));
        let unreadable = |why: String| fault("unreadable", format!("{relative} {why}"));
        let Some(about) = about else {
            return Err(unreadable("is a symbolic link to nothing".to_owned()));
        };
        let real = path
            .canonicalize()
            .map_err(|e| unreadable(format!("cannot be read: {e}")))?;
        if !real.starts_with(&self.root) {
            let message = format!("{relative} is a symbolic link out of the templates directory");
            let refused = TemplateFault::of_file("outside", relative, message);
            return Err(Box::new(
                refused.help("put a copy of the file here instead"),
            ));
        }
        if !about.is_file() {
            return Err(unreadable("is not a file".to_owned()));
        }
        if about.len() > LARGEST_FILE {
            return Err(unreadable(format!(
                "is larger than {} MiB",
                LARGEST_FILE >> 20
            )));
        }
        let bytes = fs::read(&real).map_err(|e| unreadable(format!("cannot be read: {e}")))?;
        decode(&bytes, relative)
    }
}

/// UTF-8, with or without its mark, or UTF-16 with its mark.
fn decode(bytes: &[u8], file: &str) -> Result<String, Box<TemplateFault>> {
    let (encoding, mark) = encoding_rs::Encoding::for_bom(bytes).unwrap_or((encoding_rs::UTF_8, 0));
    let bytes = &bytes[mark..];
    let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(bytes) else {
        let message = format!("{file} is not UTF-8 text");
        let mut fault = TemplateFault::of_file("not-utf8", file, message)
            .help("save it as UTF-8; most editors have this under \"Save as\" or \"Encoding\"");
        if let Err(error) = std::str::from_utf8(bytes)
            && encoding == encoding_rs::UTF_8
        {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            (fault.line, fault.column) = tags::place(&good, good.len());
            fault.span_len = 1;
        }
        return Err(Box::new(fault));
    };
    if let Some(at) = text.find('\0') {
        let message = format!("{file} holds a NUL character, which no mail may carry");
        let mut fault = TemplateFault::of_file("not-text", file, message);
        (fault.line, fault.column) = tags::place(&text, at);
        fault.span_len = 1;
        return Err(Box::new(fault));
    }
    Ok(text.into_owned())
}

/// A name that is one folder or file, and leads nowhere else.
fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let single = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    single && components.next().is_none() && !name.contains(['\\', '\0']) && !name.starts_with('.')
}

fn bad_name(what: &str, name: &str) -> TemplateFault {
    let message = format!("`{}` is not a name for a {what}", name.escape_debug());
    TemplateFault::of_file("template-name", "", message)
        .help("use the name alone: no slash, no backslash, no dot in front")
}

fn missing_template(root: &Path, name: &str) -> TemplateFault {
    let folders: Vec<String> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|folder| root.join(folder).join("subject.txt").is_file())
        .collect();
    let message = format!("there is no template `{name}`");
    let fault = TemplateFault::of_file("missing-template", name, message);
    match nearest(name, folders.iter().map(String::as_str)) {
        Some(near) => fault.label(format!("did you mean `{near}`?")),
        None => fault.help(format!(
            "make the folder {} with subject.txt and body.txt in it",
            root.join(name).display()
        )),
    }
}
