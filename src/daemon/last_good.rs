//! The files of the configuration that runs, kept beside the outbox: whoever has broken theirs
//! finds here what worked.
//!
//! The daemon never reads it and never starts from it. A file may hold a password, so nobody but
//! its owner may read the copies. The folder is complete at any time: it is made beside, and the
//! two change places at once.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::config::{Config, WrittenFile};

const FOLDER: &str = "config.last-good";
/// Half made, or about to be removed.
const BESIDE: &str = "config.last-good.new";

/// Keeps the files of a configuration that holds, and answers whether it has. Trouble is logged: it
/// stops nothing else.
pub(super) async fn keep(config: Arc<Config>) -> bool {
    let kept = tokio::task::spawn_blocking(move || {
        let state = &config.daemon.state;
        replace(state, &config.written.files).map_err(|error| (state.join(FOLDER), error))
    });
    let kept = kept.await.expect("copying files does not panic");
    if let Err((folder, error)) = &kept {
        let folder = folder.display();
        tracing::warn!("the configuration that holds is not kept in {folder}: {error}");
    }
    kept.is_ok()
}

fn replace(state: &Path, files: &[WrittenFile]) -> io::Result<()> {
    let (folder, beside) = (state.join(FOLDER), state.join(BESIDE));
    remove(&beside)?; // what a crash left
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(&beside)?;
    for (name, file) in names(files).into_iter().zip(files) {
        let path = beside.join(name);
        if let Some(parent) = path.parent() {
            private.create(parent)?;
        }
        let mut options = OpenOptions::new();
        let mut copy = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        copy.write_all(file.text.as_bytes())?;
        copy.sync_all()?;
    }
    if fs::rename(&beside, &folder).is_err() {
        renameat_with(CWD, &beside, CWD, &folder, RenameFlags::EXCHANGE)?;
        remove(&beside)?;
    }
    File::open(state)?.sync_all()
}

/// Where each file goes: as it lies to the main one's folder, or by its number if elsewhere.
fn names(files: &[WrittenFile]) -> Vec<PathBuf> {
    let root = files.first().and_then(|main| main.path.parent());
    let root = root.unwrap_or(Path::new("/"));
    let plain = |path: &&Path| path.components().all(|it| it.as_os_str() != "..");
    let named = files.iter().enumerate().map(|(n, file)| {
        let below = file.path.strip_prefix(root).ok();
        let elsewhere = || {
            let name = file.path.file_name().unwrap_or_default();
            PathBuf::from(format!("elsewhere/{n}-{}", name.display()))
        };
        below.filter(plain).map_or_else(elsewhere, Path::to_owned)
    });
    named.collect()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
