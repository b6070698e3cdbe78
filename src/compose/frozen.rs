//! What goes along with the messages of a run, as it is kept with the run and read again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::enclosure::Content;
use super::generated::Generated;
use super::line::Line;
use super::supplements::{Item, Supplements, What, hash_of, hex};

/// What a run keeps: a list, and the contents that it names by their hashes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frozen {
    /// JSON.
    pub list: String,
    /// Each content once, in the order of their hashes (SHA-256).
    pub contents: Vec<Vec<u8>>,
}

#[derive(Deserialize, Serialize)]
struct List {
    /// The hash of the values of the run, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    items: Vec<Kept>,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    what: KeptWhat,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum KeptWhat {
    Shared {
        file_name: String,
        hash: String,
    },
    Each {
        folder: PathBuf,
        path: String,
        optional: bool,
    },
    Generated {
        hash: String,
    },
}

impl Supplements {
    /// What is to be kept of it; nothing of nothing.
    #[must_use]
    pub fn freeze(&self) -> Option<Frozen> {
        if self.is_empty() {
            return None;
        }
        let mut contents = BTreeMap::new();
        let mut keep = |bytes: &[u8]| {
            let hash = hash_of(bytes);
            contents.entry(hash).or_insert_with(|| bytes.to_vec());
            hex(&hash)
        };
        let json = "plain data serialises";
        let data = self.data.as_ref();
        let data = data.map(|it| keep(&serde_json::to_vec(&**it).expect(json)));
        let items = self.items.iter().map(|item| Kept {
            name: item.name.as_ref().map(|it| it.written().to_owned()),
            media_type: item.media_type.clone(),
            what: match &item.what {
                What::Shared {
                    file_name, bytes, ..
                } => KeptWhat::Shared {
                    file_name: file_name.clone(),
                    hash: keep(bytes),
                },
                What::Each {
                    folder,
                    path,
                    optional,
                } => KeptWhat::Each {
                    folder: folder.clone(),
                    path: path.written().to_owned(),
                    optional: *optional,
                },
                What::Generated { template, .. } => KeptWhat::Generated {
                    hash: keep(&serde_json::to_vec(template.source()).expect(json)),
                },
            },
        });
        let items = items.collect();
        let list = serde_json::to_string(&List { data, items }).expect(json);
        let contents = contents.into_values().collect();
        Some(Frozen { list, contents })
    }

    /// What was kept, with its contents encoded.
    ///
    /// # Errors
    /// What of it cannot be used, in a word.
    pub fn thaw(frozen: &Frozen) -> Result<Self, &'static str> {
        let list: List = serde_json::from_str(&frozen.list).map_err(|_| "attachments")?;
        let contents: BTreeMap<String, &[u8]> = (frozen.contents.iter())
            .map(|bytes| (hex(&hash_of(bytes)), bytes.as_slice()))
            .collect();
        let content = |hash: &String| contents.get(hash).copied();
        let data = match &list.data {
            Some(hash) => {
                let bytes = content(hash).ok_or("data")?;
                Some(Arc::new(serde_json::from_slice(bytes).map_err(|_| "data")?))
            }
            None => None,
        };
        let items = list.items.into_iter().map(|kept| {
            let line = |written: &str| Line::compile(written).map(Arc::new).ok();
            let name = match &kept.name {
                Some(name) => Some(line(name)?),
                None => None,
            };
            let what = match kept.what {
                KeptWhat::Shared { file_name, hash } => What::Shared {
                    file_name,
                    bytes: Arc::new([]),
                    content: OnceLock::from(Content::new(content(&hash)?)),
                },
                KeptWhat::Each {
                    folder,
                    path,
                    optional,
                } => What::Each {
                    folder,
                    path: line(&path)?,
                    optional,
                },
                KeptWhat::Generated { hash } => {
                    let source = serde_json::from_slice(content(&hash)?).ok()?;
                    What::Generated {
                        template: Arc::new(Generated::compile(source).ok()?),
                        content: OnceLock::new(),
                    }
                }
            };
            Some(Item {
                name,
                media_type: kept.media_type,
                what,
            })
        });
        let items = items.collect::<Option<_>>().ok_or("attachments")?;
        Ok(Self { data, items })
    }
}
