//! A small file system of its own: to be filled to the last byte, or made read-only.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::skip::skip;

const STUFFING: &str = "stuffing";

/// A tmpfs; it ends with this value.
pub(crate) struct SmallDisk {
    at: PathBuf,
    own: Option<TempDir>,
}

impl SmallDisk {
    /// In a folder of its own; `None`, and a loud word, where mounting is not permitted.
    #[track_caller]
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let own = tempfile::tempdir().unwrap();
        let mut disk = Self::mount_at(own.path(), size)?;
        disk.own = Some(own);
        Some(disk)
    }

    /// Over a folder, which is made.
    #[track_caller]
    pub(crate) fn mount_at(at: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o"])
            .arg(format!("size={size},mode=0700"))
            .arg("tmpfs")
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skip("no tmpfs can be mounted here", "a full disk");
        }
        let at = at.to_owned();
        mounted.then_some(Self { at, own: None })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.at
    }

    /// Fills what is left, to the last byte.
    pub(crate) fn stuff(&self) {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(self.at.join(STUFFING))
            .unwrap();
        while file.write(&[0; 512]).is_ok_and(|n| n > 0) {}
    }

    /// Makes room again.
    pub(crate) fn unstuff(&self) {
        fs::remove_file(self.at.join(STUFFING)).unwrap();
    }

    /// Makes it larger.
    pub(crate) fn resize(&self, size: &str) {
        self.remount(&format!("size={size}"));
    }

    /// Nothing can be written, until it can be again; no file may be open for writing.
    pub(crate) fn read_only(&self, on: bool) {
        self.remount(if on { "ro" } else { "rw" });
    }

    fn remount(&self, how: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(&self.at)
            .status();
        assert!(done.unwrap().success(), "{how}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there must not keep the folder.
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
        drop(self.own.take()); // not before
    }
}
