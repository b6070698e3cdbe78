//! A folder with a configuration in it, as private as a real one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use postroom::config::{Loaded, Problems, load};
use tempfile::TempDir;

/// Every key that there is, and every file it names.
pub(super) const FULL: &str = include_str!("full.toml");

/// The templates, lists, secrets and included files of `faults/`, and room for a configuration.
pub(super) struct World(TempDir);

impl World {
    pub(super) fn new() -> Self {
        // Not in /tmp, about which some messages have more to say.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        let world = Self(folder.expect("a folder to write to"));
        for name in ["templates", "lists", "secrets", "sales", "files"] {
            copy(&faults().join(name), &world.path().join(name));
        }
        world.write("ca.pem", "-----BEGIN CERTIFICATE-----\n");
        // What a word processor makes of a letter is no sight for readers of this repository.
        let line = "<span style=\"color: black\">Dear customer,</span>\n";
        world.write("templates/large-html/body.html", line.repeat(2300));
        // git keeps no permissions but the executable bit.
        set_mode(&world.path().join("secrets/open"), 0o644);
        world
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder can be written to");
        set_mode(&path, 0o600);
        path
    }

    pub(super) fn load(&self, text: impl AsRef<[u8]>) -> Result<Loaded, Problems> {
        load(&self.write("postroom.toml", text))
    }

    /// A text with this folder's path replaced by the usual one.
    pub(super) fn redact(&self, text: &str) -> String {
        text.replace(&*self.path().to_string_lossy(), "/etc/postroom")
    }
}

pub(super) fn faults() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/config/faults")
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the file is ours");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder is new");
    for entry in fs::read_dir(from).expect("the folder of faults") {
        let entry = entry.expect("an entry of it");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("the folder can be written to");
            set_mode(&to, 0o600);
        }
    }
}
