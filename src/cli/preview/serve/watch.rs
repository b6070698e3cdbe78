//! Whether files were saved: their times, sizes and numbers are looked at six times a second.
//!
//! Editors write in place or rename over, and some file systems tell nobody: looking works with all
//! of them, and a few hundred files cost a fraction of a millisecond.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::desk::Desk;

const GLANCE: Duration = Duration::from_millis(150);
/// Folders in folders, so deep.
pub(super) const DEEPEST: usize = 4;
/// No more entries of a folder are looked at.
const MOST: usize = 5_000;

/// Looks for as long as there is a page.
pub(super) async fn follow(desk: Arc<Desk>) {
    let mut glances = interval(GLANCE);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        glances.tick().await;
        let desk = Arc::clone(&desk);
        if spawn_blocking(move || desk.look()).await.is_err() {
            return; // the program ends
        }
    }
}

/// A number for the state of some files and of folders, so deep: another one after a change.
pub(super) fn mark(paths: &[PathBuf], deep: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    paths.iter().for_each(|path| add(path, deep, &mut hasher));
    hasher.finish()
}

fn add(path: &Path, deep: usize, hasher: &mut DefaultHasher) {
    path.hash(hasher);
    let Ok(about) = fs::metadata(path) else {
        return;
    };
    let seen = (
        about.ino(),
        about.len(),
        about.mtime(),
        about.mtime_nsec(),
        about.mode(),
    );
    seen.hash(hasher);
    if deep == 0 || !about.is_dir() {
        return;
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut inner: Vec<PathBuf> = entries.map(|it| it.path()).take(MOST).collect();
    inner.sort();
    inner.iter().for_each(|path| add(path, deep - 1, hasher));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_made_and_removed_makes_another_mark() {
        let folder = tempfile::tempdir().expect("there is room");
        let inner = folder.path().join("a");
        fs::create_dir(&inner).expect("it is made");
        let (file, paths) = (inner.join("b.txt"), [folder.path().to_owned()]);
        let mut marks = vec![mark(&paths, DEEPEST)];
        for text in ["one", "three"] {
            fs::write(&file, text).expect("it is written");
            marks.push(mark(&paths, DEEPEST));
            assert_eq!(marks.last(), Some(&mark(&paths, DEEPEST)));
        }
        fs::remove_file(&file).expect("it is there");
        marks.push(mark(&paths, DEEPEST));
        let changed = marks.windows(2).filter(|it| it[0] != it[1]).count();
        assert_eq!(changed, 3);
    }
}
