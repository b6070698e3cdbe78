//! Reading the files of the templates directory.
//!
//! Nothing is read from outside of it, whatever a name or a symbolic link says, and nothing but
//! regular files of UTF-8 (or UTF-16 with its mark) is read at all.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::fault::{TemplateFault, nearest};
use super::source::Part;
use super::tags;

/// No text of a template is larger, in bytes. Readers cut a message off far below that.
const LARGEST_FILE: u64 = 1 << 20;

/// Reads files of the templates directory, and notes what is wrong with them.
pub(super) struct Reader {
    pub(super) root: PathBuf,
    pub(super) faults: Vec<TemplateFault>,
}

impl Reader {
    /// A reader of nothing outside of `root`, which is a canonical path.
    pub(super) fn of(root: PathBuf) -> Self {
        let faults = Vec::new();
        Self { root, faults }
    }

    /// The names of the files in a folder, in order; none of those that are hidden.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }

    /// A file's text; none if there is no such file, or if it has a fault.
    pub(super) fn file(&mut self, relative: &str) -> Option<Part> {
        let path = self.root.join(relative);
        let about = fs::metadata(&path).ok();
        if about.is_none() && fs::symlink_metadata(&path).is_err() {
            return None;
        }
        match self.text(&path, about.as_ref(), relative) {
            Ok(content) => Some(Part {
                file: relative.to_owned(),
                content,
                derived: false,
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
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let single = matches!(components.next(), Some(Component::Normal(part)) if part == name);
    single && components.next().is_none() && !name.contains(['\\', '\0']) && !name.starts_with('.')
}

pub(super) fn bad_name(what: &str, name: &str) -> TemplateFault {
    let message = format!("`{}` is not a name for a {what}", name.escape_debug());
    TemplateFault::of_file("template-name", "", message)
        .help("use the name alone: no slash, no backslash, no dot in front")
}

pub(super) fn missing_template(root: &Path, name: &str) -> TemplateFault {
    let folders: Vec<String> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|folder| holds_texts(&root.join(folder)))
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

/// Whether a folder looks like a template's.
#[must_use]
pub fn holds_texts(folder: &Path) -> bool {
    let texts = ["subject.txt", "body.txt", "body.html", "body.md"];
    texts.iter().any(|name| folder.join(name).is_file())
}
