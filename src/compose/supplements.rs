//! What messages carry besides their texts: attachments, and the values of the run.
//!
//! A run reads them once, when it opens, and freezes them: a file that is the same for all by its
//! content, what is made from a template by its texts, and one person's file by the path and the
//! hash that were found when the run opened. A message carries what was checked then, or is not
//! made.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::beneath;
use super::enclosure::{Content, Enclosure};
use super::generated::Generated;
use super::given::Given;
use super::line::Line;
use super::media::media_type;

/// So many bytes may be attached to one message, before they are encoded. Many servers take no
/// message of more than 25 MB.
pub const MOST_ENCLOSED: u64 = 25 << 20;

type Fields = Map<String, Value>;

/// All that goes along with the messages of a run.
#[derive(Debug, Default)]
pub struct Supplements {
    /// What `{{data.…}}` shows.
    pub data: Option<Arc<Value>>,
    /// The attachments, in their order.
    pub items: Vec<Item>,
}

/// One attachment.
#[derive(Debug)]
pub struct Item {
    /// What it is called where that is not the file's own name.
    pub name: Option<Arc<Line>>,
    /// Its media type where that is not what the name says.
    pub media_type: Option<String>,
    /// What it holds.
    pub what: What,
}

/// What an attachment holds.
#[derive(Debug)]
pub enum What {
    /// The same for everybody.
    Shared {
        /// The name of the file.
        file_name: String,
        /// Its bytes, until they are frozen; empty after.
        bytes: Arc<[u8]>,
        /// The same, encoded at its first use.
        content: OnceLock<Content>,
    },
    /// A file for each person.
    Each {
        /// It lies below this folder.
        folder: PathBuf,
        /// Where there.
        path: Arc<Line>,
        /// Whether a message may go without it.
        optional: bool,
    },
    /// Made from a template.
    Generated {
        /// The template.
        template: Arc<Generated>,
        /// What it is, where that is the same for everybody; made at its first use.
        content: OnceLock<Content>,
    },
}

/// The file of one person, as it was found when the run opened.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FilePin {
    /// Below the folder.
    pub path: String,
    /// SHA-256 of its content, in hexadecimal digits.
    pub hash: String,
}

impl Supplements {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_none() && self.items.is_empty()
    }

    /// How many bytes it holds in memory, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        let items = self.items.iter().map(|item| match &item.what {
            What::Shared { bytes, content, .. } => {
                bytes.len() + content.get().map_or(0, |it| it.len() * 4 / 3)
            }
            What::Each { .. } => 0,
            What::Generated { content, .. } => content.get().map_or(0, |it| it.len() * 4 / 3),
        });
        items.sum()
    }

    /// Whether one person's message carries what another's does not.
    #[must_use]
    pub fn has_own_files(&self) -> bool {
        let mut items = self.items.iter();
        items.any(|item| matches!(item.what, What::Each { .. }))
    }

    /// Whether a message to this person can carry it all, and the files of theirs that it carries:
    /// one for each attachment that has its own for each person. Nothing is encoded.
    ///
    /// # Errors
    /// In a person's words, what keeps it from that.
    pub fn pin(&self, fields: &Fields, given: &Given) -> Result<Vec<Option<FilePin>>, String> {
        let (mut pins, mut length) = (Vec::new(), 0);
        for item in &self.items {
            let file_name = match &item.what {
                What::Shared {
                    file_name, bytes, ..
                } => {
                    length += bytes.len();
                    file_name.clone()
                }
                What::Each {
                    folder,
                    path,
                    optional,
                } => {
                    let found = find(folder, path, *optional, (fields, given))?;
                    let (pin, file_name, size) = match found {
                        Some((path, bytes)) => {
                            let hash = hex(&hash_of(&bytes));
                            let name = base_name(&path).to_owned();
                            (Some(FilePin { path, hash }), name, bytes.len())
                        }
                        None => (None, String::new(), 0),
                    };
                    let is_there = pin.is_some();
                    pins.push(pin);
                    length += size;
                    if !is_there {
                        continue; // it needs no name
                    }
                    file_name
                }
                What::Generated { template, content } => {
                    length += match content.get() {
                        Some(content) => content.len(),
                        None => {
                            let made = template.render(fields, given);
                            made.map_err(|fault| fault.to_string())?.len()
                        }
                    };
                    template.file_name().to_owned()
                }
            };
            item.name(file_name, fields, given)?;
        }
        if length as u64 > MOST_ENCLOSED {
            return Err(format!(
                "its attachments are larger than {} MiB together",
                MOST_ENCLOSED >> 20
            ));
        }
        Ok(pins)
    }

    /// What the message to this person carries: of their own files those that were found by
    /// [`Supplements::pin`], and no other content.
    ///
    /// # Errors
    /// In a person's words, why it cannot be had any more.
    pub fn enclose(
        &self,
        fields: &Fields,
        given: &Given,
        pins: &[Option<FilePin>],
    ) -> Result<Vec<Enclosure>, String> {
        let mut pins = pins.iter();
        let mut enclosures = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let (file_name, content) = match &item.what {
                What::Shared {
                    file_name,
                    bytes,
                    content,
                } => {
                    let content = content.get_or_init(|| Content::new(bytes));
                    (file_name.clone(), content.clone())
                }
                What::Each { folder, path, .. } => {
                    let Some(pin) = pins.next() else {
                        let path = path.written();
                        return Err(format!("which file is meant by `{path}` is not kept"));
                    };
                    let Some(pin) = pin else { continue };
                    let bytes = pin.read(folder)?;
                    let name = base_name(&pin.path).to_owned();
                    (name, Content::new(&bytes))
                }
                What::Generated { template, content } => {
                    // What is the same for all is nobody's, whatever their language.
                    let nobody = Map::new();
                    let no_link = Given {
                        unsubscribe_url: None,
                        ..given.clone()
                    };
                    let (fields, given) = match template.is_common() {
                        true => (&nobody, &no_link),
                        false => (fields, given),
                    };
                    let made = || template.render(fields, given).map_err(|it| it.to_string());
                    let content = match content.get() {
                        Some(content) => content.clone(),
                        None if template.is_common() => {
                            let made = Content::new(&made()?);
                            content.get_or_init(|| made).clone()
                        }
                        None => Content::new(&made()?),
                    };
                    (template.file_name().to_owned(), content)
                }
            };
            let name = item.name(file_name.clone(), fields, given)?;
            enclosures.push(Enclosure {
                media_type: item.media_type(&file_name, &name),
                name,
                content,
                content_id: None,
            });
        }
        Ok(enclosures)
    }
}

impl Item {
    fn name(&self, file_name: String, fields: &Fields, given: &Given) -> Result<String, String> {
        let Some(line) = &self.name else {
            return Ok(file_name);
        };
        let filled = line.fill(fields, given);
        let name = filled.map_err(|why| self.fault(&format!("its name: {why}")))?;
        match name.contains('/') {
            true => Err(self.fault(&format!("its name `{name}` has a slash in it"))),
            false => Ok(name),
        }
    }

    fn fault(&self, why: &str) -> String {
        let written = match &self.what {
            What::Shared { file_name, .. } => file_name,
            What::Each { path, .. } => path.written(),
            What::Generated { template, .. } => template.file_name(),
        };
        format!("attachment `{written}`: {why}")
    }

    fn media_type(&self, file_name: &str, name: &str) -> String {
        if let Some(stated) = &self.media_type {
            return stated.clone();
        }
        let by_name = match media_type(name) {
            "application/octet-stream" => media_type(file_name),
            known => known,
        };
        by_name.to_owned()
    }
}

/// The file of a person, with its path below the folder; none where there need be none.
fn find(
    folder: &Path,
    path: &Line,
    optional: bool,
    (fields, given): (&Fields, &Given),
) -> Result<Option<(String, Vec<u8>)>, String> {
    let fault = |why: &str| format!("attachment `{}`: {why}", path.written());
    let filled = match path.fill(fields, given) {
        Ok(filled) => filled,
        Err(why) if optional && why.contains("is empty") => return Ok(None),
        Err(why) => return Err(fault(&why)),
    };
    let file = folder.join(&filled);
    match beneath::read(folder, &filled, MOST_ENCLOSED) {
        Ok(Some(bytes)) => Ok(Some((filled, bytes))),
        Ok(None) if optional => Ok(None),
        Ok(None) => Err(fault(&format!("there is no file {}", file.display()))),
        Err(why) => Err(fault(&format!("{}: {why}", file.display()))),
    }
}

impl FilePin {
    /// What was found when the run opened, if it is still there.
    fn read(&self, folder: &Path) -> Result<Vec<u8>, String> {
        let file = folder.join(&self.path);
        let fault = |why: &str| format!("the attachment {}: {why}", file.display());
        let found = beneath::read(folder, &self.path, MOST_ENCLOSED);
        let bytes = found.map_err(|why| fault(&why))?;
        let bytes = bytes.ok_or_else(|| fault("it is not there any more"))?;
        match hex(&hash_of(&bytes)) == self.hash {
            true => Ok(bytes),
            false => Err(fault(
                "it was changed after the run opened, and what it was then is what was checked",
            )),
        }
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// SHA-256.
pub(super) fn hash_of(bytes: &[u8]) -> [u8; 32] {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

pub(super) fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
