//! The folder of a demo: `examples/quickstart`, which this program carries along.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::super::exit;
use super::{PORT, Trouble};
use crate::clock::Clock;

/// The files of the example.
macro_rules! example {
    ($($path:literal),* $(,)?) => {
        &[$((
            $path,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/", $path)),
        )),*]
    };
}

/// Paths and contents.
const FILES: &[(&str, &[u8])] = example![
    "lists/members.csv",
    "postroom.toml",
    "templates/alert/body.de.html",
    "templates/alert/body.html",
    "templates/alert/body.zh.html",
    "templates/alert/sample.csv",
    "templates/alert/subject.de.txt",
    "templates/alert/subject.txt",
    "templates/alert/subject.zh.txt",
    "templates/digest/body.de.html",
    "templates/digest/body.html",
    "templates/digest/body.zh.html",
    "templates/digest/data.json",
    "templates/digest/sample.csv",
    "templates/digest/subject.de.txt",
    "templates/digest/subject.txt",
    "templates/digest/subject.zh.txt",
    "templates/layout.html",
    "templates/layout.txt",
    "templates/notice/body.ar.md",
    "templates/notice/body.de.md",
    "templates/notice/body.html",
    "templates/notice/body.txt",
    "templates/notice/body.zh.md",
    "templates/notice/sample.csv",
    "templates/notice/subject.ar.txt",
    "templates/notice/subject.de.txt",
    "templates/notice/subject.txt",
    "templates/notice/subject.zh.txt",
    "templates/partials/footer.ar.html",
    "templates/partials/footer.ar.txt",
    "templates/partials/footer.de.html",
    "templates/partials/footer.de.txt",
    "templates/partials/footer.html",
    "templates/partials/footer.txt",
    "templates/partials/footer.zh.html",
    "templates/partials/footer.zh.txt",
    "templates/partials/leave.ar.html",
    "templates/partials/leave.ar.txt",
    "templates/partials/leave.de.html",
    "templates/partials/leave.de.txt",
    "templates/partials/leave.html",
    "templates/partials/leave.txt",
    "templates/partials/leave.zh.html",
    "templates/partials/leave.zh.txt",
    "templates/report/body.de.html",
    "templates/report/body.html",
    "templates/report/body.zh.html",
    "templates/report/data.json",
    "templates/report/sample.csv",
    "templates/report/subject.de.txt",
    "templates/report/subject.txt",
    "templates/report/subject.zh.txt",
    "templates/report/table.csv",
];

const CONFIG: &str = "postroom.toml";

/// A folder with the example in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Writes the example into `wanted`, which must be new or empty, or into a new folder of the
    /// temporary directory.
    pub(super) fn make(wanted: Option<&Path>, clock: &Clock) -> Result<Self, Trouble> {
        let path = match wanted {
            Some(path) => path.to_owned(),
            None => {
                let id = clock.new_id().to_string().to_lowercase();
                std::env::temp_dir().join(format!("postroom-demo-{}", &id[20..]))
            }
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        let unusable = |error: io::Error| {
            let path = path.display();
            Trouble::new(
                exit::CANNOT_CREATE,
                format!("cannot write to {path}: {error}"),
            )
        };
        make(&path, wanted.is_none()).map_err(unusable)?;
        if fs::read_dir(&path).map_err(unusable)?.next().is_some() {
            let text = format!(
                "{} is not empty: name a folder that is new, so that nothing of yours is touched",
                path.display()
            );
            return Err(Trouble::new(exit::CANNOT_CREATE, text));
        }
        let folder = Self(path.clone());
        FILES
            .iter()
            .try_for_each(|(name, content)| folder.write(name, content))
            .map_err(unusable)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.0.join("daemon.log")
    }

    /// Where the sandbox keeps what it has.
    pub(super) fn sandbox(&self) -> PathBuf {
        self.0.join("sandbox")
    }

    /// Where the sandbox keeps mail.
    pub(super) fn mail(&self) -> PathBuf {
        self.sandbox().join("mail/new")
    }

    /// Makes the configuration look for the sandbox at `port`.
    pub(super) fn set_port(&self, port: u16) -> Result<(), Trouble> {
        if port == PORT {
            return Ok(());
        }
        let path = self.config();
        fs::read_to_string(&path)
            .and_then(|text| fs::write(&path, with_port(&text, port)))
            .map_err(|error| Trouble::new(exit::IO, format!("{}: {error}", path.display())))
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)
    }
}

/// Only the owner may look inside; one that must be new may not have been put there by another.
fn make(path: &Path, new: bool) -> io::Result<()> {
    DirBuilder::new().recursive(!new).mode(0o700).create(path)
}

fn with_port(config: &str, port: u16) -> String {
    config.replace(&format!("= {PORT}\n"), &format!("= {port}\n"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_carried_along_is_the_example_as_it_is() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart");
        let mut found = BTreeMap::new();
        for part in ["lists", "templates", "postroom.toml"] {
            collect(&example, &example.join(part), &mut found);
        }
        let carried: BTreeMap<String, Vec<u8>> = FILES
            .iter()
            .map(|(path, content)| ((*path).to_owned(), content.to_vec()))
            .collect();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&carried), names(&found));
        assert!(carried == found);
    }

    fn collect(root: &Path, path: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                collect(root, &entry.unwrap().path(), found);
            }
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, fs::read(path).unwrap());
        }
    }

    #[test]
    fn the_port_stands_once_in_the_example() {
        let (_, text) = FILES.iter().find(|(path, _)| *path == CONFIG).unwrap();
        let text = std::str::from_utf8(text).unwrap();
        let moved = with_port(text, 4711);
        assert_eq!(moved.matches("= 4711\n").count(), 1);
        assert!(!moved.contains("2465"));
    }
}
