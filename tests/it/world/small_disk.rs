//! A disk that is soon full.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::skip::skip;

/// A small file system of its own; `None`, and a loud word, where mounting is not permitted.
pub(crate) struct SmallDisk(TempDir);

impl SmallDisk {
    pub(crate) fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(dir.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skip("no tmpfs can be mounted here", "a full disk");
        }
        mounted.then_some(Self(dir))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills what is left, to the last byte.
    pub(crate) fn stuff(&self) -> std::io::Result<()> {
        let mut file = File::create(self.path().join("stuffing"))?;
        while file.write(&[0; 512]).is_ok_and(|n| n > 0) {}
        Ok(())
    }

    /// Makes room again.
    pub(crate) fn unstuff(&self) -> std::io::Result<()> {
        std::fs::remove_file(self.path().join("stuffing"))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}
