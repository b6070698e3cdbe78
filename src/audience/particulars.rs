//! What a reading was made of, for people who want to know which file was read and how.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::audience::separator::Separator;
use crate::audience::stream::Stream;
use crate::audience::text::Text;

/// How the text of a list was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Particulars {
    /// The file, as it was when it was opened; nothing if a program printed it.
    pub file: Option<FileSeen>,
    /// The encoding it is read as, as browsers call it: `UTF-8`.
    pub encoding: &'static str,
    /// What stands between its cells, where it has any.
    pub separator: Option<Separator>,
}

/// A file when it was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSeen {
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was written last, if its file system knows.
    pub modified: Option<SystemTime>,
}

impl Particulars {
    pub(super) fn of(text: &Text<Stream>, path: Option<PathBuf>) -> Self {
        let file = match text.input() {
            Stream::File(file) => path.map(|path| {
                let (bytes, modified) = file.as_opened();
                FileSeen {
                    path,
                    bytes,
                    modified,
                }
            }),
            Stream::Program(_) => None,
        };
        Self {
            file,
            encoding: text.encoding(),
            separator: None,
        }
    }
}
