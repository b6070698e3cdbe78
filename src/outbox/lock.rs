//! One process has a state directory at a time, and says who it is.
//!
//! The lock is the kernel's (`flock`): it ends with the process, however that ends. The text in the
//! file only tells a person who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The held lock on a state directory; dropping it lets go.
#[derive(Debug)]
pub struct StateLock(#[expect(dead_code, reason = "open means locked")] File);

/// Who holds a state directory.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// Name of the machine.
    pub host: String,
    /// When it started.
    pub started: Timestamp,
    /// Its configuration file.
    pub config: PathBuf,
}

/// Why the state directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works there.
    #[error("another postroom uses {}{}", .dir.display(), holder_text(.holder.as_ref()))]
    Taken {
        /// The state directory.
        dir: PathBuf,
        /// Who, if its note could be read.
        holder: Option<Holder>,
    },
    /// A file system over the network, where neither locks nor the store can be trusted.
    #[error(
        "the state directory {} is on a network file system; the outbox needs a local disk: \
         set `state` in [daemon] to a local directory", .dir.display()
    )]
    Network {
        /// The state directory.
        dir: PathBuf,
    },
    /// It cannot be made or opened.
    #[error("cannot use the state directory {}: {reason}", .dir.display())]
    Unusable {
        /// The state directory.
        dir: PathBuf,
        /// What the system said.
        reason: String,
    },
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!(
            ": pid {} on {}, started {}, config {}",
            holder.pid,
            holder.host,
            holder.started.strftime("%Y-%m-%d %H:%M:%SZ"),
            holder.config.display()
        )
    })
}

impl StateLock {
    /// Takes the directory, making it (mode 0700) if need be.
    ///
    /// # Errors
    /// Somebody has it, it is on a network file system, or it cannot be used.
    pub fn take(dir: &Path, holder: &Holder) -> Result<Self, LockError> {
        let unusable = |e: std::io::Error| LockError::Unusable {
            dir: dir.to_owned(),
            reason: e.to_string(),
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(unusable)?;
        refuse_network(dir)?;
        refuse_others(dir)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(dir.join("lock"))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Taken {
                    dir: dir.to_owned(),
                    holder: note(&mut file),
                });
            }
            Err(TryLockError::Error(e)) => return Err(unusable(e)),
        }
        let text = serde_json::to_string(holder).expect("a holder is plain data");
        file.set_len(0).map_err(unusable)?;
        file.rewind().map_err(unusable)?;
        file.write_all(text.as_bytes()).map_err(unusable)?;
        Ok(Self(file))
    }
}

fn note(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Files of two users in one directory could not be read by the one or the other later: root would
/// leave some to a service, for example.
fn refuse_others(dir: &Path) -> Result<(), LockError> {
    let unusable = |reason| LockError::Unusable {
        dir: dir.to_owned(),
        reason,
    };
    let owner = fs::metadata(dir)
        .map_err(|e| unusable(e.to_string()))?
        .uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(unusable(format!(
        "it belongs to another user (uid {owner}): run this as that user"
    )))
}

/// NFS, SMB and CIFS, by the magic numbers of statfs(2).
fn refuse_network(dir: &Path) -> Result<(), LockError> {
    match rustix::fs::statfs(dir) {
        Ok(stat) if is_network(stat.f_type) => Err(LockError::Network {
            dir: dir.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn is_network(kind: i64) -> bool {
    [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42].contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_over_the_network_are_known_by_the_kernels_numbers() {
        // linux/magic.h: NFS, SMB, CIFS, SMB2; then ext4, XFS, Btrfs, tmpfs.
        for kind in [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42] {
            assert!(is_network(kind), "{kind:x}");
        }
        for kind in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994] {
            assert!(!is_network(kind), "{kind:x}");
        }
        let text = LockError::Network { dir: "/srv".into() }.to_string();
        for word in ["/srv is on a network file system", "local disk", "`state`"] {
            assert!(text.contains(word), "{text}");
        }
    }
}
