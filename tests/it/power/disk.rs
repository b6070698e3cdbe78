//! A state directory on a disk that remembers what it was told and when it was synced: `disk.c`
//! below the daemon, and after its end what a disk would have kept.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::replay::{Files, Kept, Record, Replay, records};

/// The library, compiled once for all tests.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/power/disk.c");
        let compiled = Command::new("cc")
            .args([
                "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
            ])
            .args([&path, &source])
            .output()
            .expect("a C compiler, as Rust's linking needs one");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        (folder, path)
    });
    path
}

/// The call that fails, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) call: &'static str,
    /// The end of the file's name, or `*`.
    pub(super) file: &'static str,
    /// Counts from 1.
    pub(super) nth: usize,
    /// `EIO`, `ENOSPC`, `SHORT`; `EROFS` is also for all that follow.
    pub(super) how: &'static str,
}

/// From the start of a daemon to its end.
pub(super) struct Disk {
    state: PathBuf,
    log: tempfile::NamedTempFile,
    begun: Replay,
    fault: Option<Fault>,
    forgets_syncs: bool,
}

impl Disk {
    /// What lies in the directory now is on the disk.
    pub(super) fn below(state: &Path) -> Self {
        fs::create_dir_all(state).unwrap();
        Self {
            state: state.to_owned(),
            log: tempfile::NamedTempFile::new().unwrap(),
            begun: Replay::of(state),
            fault: None,
            forgets_syncs: false,
        }
    }

    pub(super) fn failing(self, fault: Fault) -> Self {
        let fault = Some(fault);
        Self { fault, ..self }
    }

    /// As if nothing was ever synced: `synchronous=OFF`.
    pub(super) fn forgetting_syncs(self) -> Self {
        Self {
            forgets_syncs: true,
            ..self
        }
    }

    /// What the daemon needs in its environment.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut all = vec![
            ("LD_PRELOAD", library().into()),
            ("DISK_DIR", (&self.state).into()),
            ("DISK_LOG", self.log.path().into()),
        ];
        if let Some(Fault {
            call,
            file,
            nth,
            how,
        }) = self.fault
        {
            all.push(("DISK_FAULT", format!("{call} {file} {nth} {how}").into()));
        }
        if self.forgets_syncs {
            all.push(("DISK_FORGETS_SYNCS", "1".into()));
        }
        all
    }

    /// All that the disk was told.
    pub(super) fn told(&self) -> Vec<Record> {
        records(&fs::read(self.log.path()).unwrap())
    }

    /// The file of the call that was to fail, once it was made.
    pub(super) fn failed(&self) -> Option<String> {
        self.told().into_iter().find_map(|record| match record {
            Record::FailedSync { name, .. } | Record::Refused { name } => Some(name),
            _ => None,
        })
    }

    /// Whether the database was written to and synced after the call that failed. What that call
    /// was for may be lost though the next one succeeds.
    pub(super) fn was_trusted_again(&self) -> bool {
        let told = self.told().into_iter();
        let after = told.skip_while(|record| {
            !matches!(record, Record::FailedSync { .. } | Record::Refused { .. })
        });
        after
            .into_iter()
            .any(|record| matches!(record, Record::Sync { name, .. } if name == "postroom.db"))
    }

    /// The power goes, and comes back: in the directory lies what a disk has kept of it. The daemon
    /// is gone already.
    pub(super) fn cut(self, keeps: &mut Kept<'_>) {
        let told = self.told();
        self.assert_complete(&told);
        let kept = self.begun.after(&told, keeps);
        write(&self.state, &kept);
    }

    /// Nothing may be missing in the log, or the test would be about another program: all of it
    /// together is what lies in the directory, but for a last change that was not made any more.
    fn assert_complete(&self, told: &[Record]) {
        let real: Files = read(&self.state);
        let matches = |told: &[Record]| self.begun.clone().live(told) == real;
        let but_one = &told[..told.len().saturating_sub(1)];
        assert!(
            matches(told) || matches(but_one),
            "the log of {} changes does not lead to what is there",
            told.len()
        );
    }
}

/// Makes a directory hold these files and no others.
pub(super) fn write(dir: &Path, files: &Files) {
    fs::create_dir_all(dir).unwrap();
    for name in names(dir) {
        fs::remove_file(dir.join(name)).unwrap();
    }
    for (name, bytes) in files {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

/// The regular files of a directory, but for the memory-mapped index, which is made anew.
pub(super) fn read(dir: &Path) -> Files {
    let files = names(dir).into_iter();
    let files = files.filter(|name| !name.ends_with("-shm"));
    files
        .map(|name| (name.clone(), fs::read(dir.join(name)).unwrap()))
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}
