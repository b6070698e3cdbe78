//! Writing files that only the service and its administrator may read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid, fchown};
use rustix::process::geteuid;

use super::super::Trouble;
use super::super::exit;
use crate::config::state_directory;

/// The group of the packaged service.
const GROUP: &str = "postroom";

/// Whom the service runs as, as far as that can be known.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Service {
    /// In the group that the package makes, which is for nobody else.
    Group(u32),
    /// As this user. Whoever else may be in its group is not known.
    User(u32),
    /// As nobody that is known, or as root.
    Unknown,
}

/// A file that was written.
pub(in super::super) struct Stored {
    /// Its permission bits.
    pub(in super::super) mode: u32,
    /// Its owner and group, for people.
    pub(in super::super) owner: String,
}

impl Service {
    /// Whoever owns the outbox; before there is one, the group that the package makes.
    pub(in super::super) fn of(state: &Path) -> Self {
        let packaged = group(GROUP).filter(|gid| *gid != 0);
        match (fs::metadata(state), packaged) {
            (Ok(owner), Some(gid)) if owner.gid() == gid => Self::Group(gid),
            (Ok(owner), _) if owner.uid() != 0 => Self::User(owner.uid()),
            (Err(_), Some(gid)) => Self::Group(gid),
            _ => Self::Unknown,
        }
    }

    /// The service of a configuration that is about to be written.
    pub(in super::super) fn of_config(path: &Path) -> Self {
        Self::of(&state_directory(path))
    }

    /// Lets the service read a file of ours; answers the permission bits that this takes. A group
    /// that others may be in gets nothing.
    fn admit(self, file: &File) -> io::Result<u32> {
        if !geteuid().is_root() {
            let own = file.metadata()?.gid();
            return Ok(if group(GROUP) == Some(own) {
                0o640
            } else {
                0o600
            });
        }
        match self {
            Self::Group(gid) => {
                fchown(file, None, Some(Gid::from_raw(gid)))?;
                Ok(0o640)
            }
            Self::User(uid) => {
                fchown(file, Some(Uid::from_raw(uid)), None)?;
                Ok(0o600)
            }
            Self::Unknown => Ok(0o600),
        }
    }
}

/// Writes a secret into its file, whole or not at all. The folder is made if it is missing.
pub(in super::super) fn store(
    path: &Path,
    value: &str,
    service: &Service,
) -> Result<Stored, Trouble> {
    // A link stays one: what it leads to is written.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let parent = path.parent().unwrap_or(Path::new("/"));
    folder(parent, service)?;
    write(&path, parent, value, service).map_err(|error| cannot(&path, &error))
}

/// The same for a file that is not there: one that is stays as it is.
pub(in super::super) fn store_new(
    path: &Path,
    value: &str,
    service: &Service,
) -> Result<(), Trouble> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    folder(parent, service)?;
    let written = || {
        let new = temporary(path, parent);
        create(&new.0, &[value.trim_end(), "\n"], 0, service)?;
        fs::hard_link(&new.0, path)?; // fails where something is
        File::open(parent)?.sync_all()
    };
    written().map_err(|error| cannot(path, &error))
}

/// Makes a folder, and those above it that are missing, which the service may look into and others
/// may not. Answers what was made, outermost first.
pub(in super::super) fn folder(path: &Path, service: &Service) -> Result<Vec<PathBuf>, Trouble> {
    let missing: Vec<&Path> = path.ancestors().take_while(|it| !it.is_dir()).collect();
    let mut made = Vec::new();
    for level in missing.into_iter().rev() {
        if !level.is_dir() {
            make(level, service).map_err(|error| cannot(level, &error))?;
            made.push(level.to_owned());
        }
    }
    Ok(made)
}

fn make(path: &Path, service: &Service) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    let admitted = || {
        let folder = File::open(path)?;
        service.admit(&folder)?;
        folder.set_permissions(fs::Permissions::from_mode(0o750)) // whatever the umask
    };
    // Half made it would be taken for one that somebody else made so.
    admitted().inspect_err(|_| drop(fs::remove_dir(path)))
}

/// Makes a file that is not there yet and that the service can read; `also` are permission bits
/// beside those that this takes. It is on the disk when this returns, or not there at all.
pub(in super::super) fn create(
    path: &Path,
    pieces: &[&str],
    also: u32,
    service: &Service,
) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    let mut written = || {
        for piece in pieces {
            file.write_all(piece.as_bytes())?;
        }
        let mode = service.admit(&file)? | also;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()
    };
    written().inspect_err(|_| drop(fs::remove_file(path)))?;
    Ok(file)
}

/// Why something was not written.
pub(in super::super) fn cannot(path: &Path, error: &io::Error) -> Trouble {
    let exit = match error.kind() {
        ErrorKind::PermissionDenied => exit::PERMISSION,
        ErrorKind::StorageFull => exit::LATER,
        _ => exit::CANNOT_CREATE,
    };
    let text = format!("{} cannot be written: {error}", path.display());
    Trouble::new(exit, text)
}

fn write(path: &Path, parent: &Path, value: &str, service: &Service) -> io::Result<Stored> {
    let new = temporary(path, parent);
    let file = create(&new.0, &[value, "\n"], 0, service)?;
    fs::rename(&new.0, path)?;
    File::open(parent)?.sync_all()?;
    let owner = file.metadata()?;
    Ok(Stored {
        mode: owner.mode() & 0o7777,
        owner: format!(
            "{}:{}",
            name_of("/etc/passwd", owner.uid()),
            name_of("/etc/group", owner.gid())
        ),
    })
}

fn temporary(path: &Path, parent: &Path) -> Temporary {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Temporary(parent.join(format!(".{name}.new-{}", std::process::id())))
}

/// A file that is gone when this ends, unless it became another.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The number of a group of this machine.
pub(in super::super) fn group(name: &str) -> Option<u32> {
    entries("/etc/group").find_map(|(known, id)| (known == name).then_some(id))
}

fn name_of(file: &str, id: u32) -> String {
    let name = entries(file).find_map(|(name, known)| (known == id).then_some(name));
    name.unwrap_or_else(|| id.to_string())
}

/// The names and numbers of group(5) and passwd(5).
fn entries(file: &str) -> impl Iterator<Item = (String, u32)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let entry = |line: &str| {
        let mut parts = line.split(':');
        Some((parts.next()?.to_owned(), parts.nth(1)?.parse().ok()?))
    };
    let found: Vec<(String, u32)> = text.lines().filter_map(entry).collect();
    found.into_iter()
}
