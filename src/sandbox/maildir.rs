//! Accepted mail, kept in a Maildir that any reader opens (<https://cr.yp.to/proto/maildir.html>).
//!
//! A file is written under `tmp/` and renamed into `new/`: what lies in `new/` is whole. The names
//! end in `.eml`, so that a double click opens them, and sort by time of arrival.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug)]
pub(super) struct Maildir(PathBuf);

impl Maildir {
    /// Makes the folder and its three parts where they are missing. Only the owner may look
    /// inside: people try their real templates and lists here.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        for part in ["tmp", "new", "cur"] {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path.join(part))?;
        }
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Keeps a message under a name that no other has.
    pub(super) fn store(&self, name: &str, head: &[u8], message: &[u8]) -> io::Result<()> {
        let draft = self.0.join("tmp").join(name);
        let write = || {
            let mut file = File::create_new(&draft)?;
            file.write_all(head)?;
            file.write_all(message)?;
            fs::rename(&draft, self.stored(name))
        };
        write().inspect_err(|_| drop(fs::remove_file(&draft)))
    }

    /// Takes a stored message back.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.stored(name))
    }

    fn stored(&self, name: &str) -> PathBuf {
        self.0.join("new").join(name)
    }
}
