//! Opens a list file so that nothing can hang or change under the reader unnoticed.
//!
//! Links are followed: a link to a regular file is a fine list. Anything but a regular file is
//! refused before it is opened (opening a pipe would wait for its writer, opening a device may do
//! something), and once more after, in case it was exchanged in between.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::audience::Care;
use crate::audience::error::{FileFault, Located};
use crate::clock::{self, Timestamp};

/// A writer that is still at work has written again by then.
const REST: Duration = Duration::from_secs(2);
/// A time up to so far ahead is that of another place, or of a clock that goes wrong a little.
const AHEAD: Duration = Duration::from_secs(26 * 3600);

/// A regular file that is the same at its end as it was when it was opened; if it is not, its last
/// read fails with [`FileFault::Changed`].
#[derive(Debug)]
pub(super) struct ListFile {
    file: File,
    opened: Stamp,
    care: Care,
}

/// What tells one version of a file from another.
#[derive(Debug, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl ListFile {
    pub(super) fn open(
        path: &Path,
        max_age: Option<Duration>,
        care: &Care,
    ) -> Result<Self, Located> {
        let explain = |error: io::Error| explain(path, &error);
        regular(&std::fs::metadata(path).map_err(explain)?)?;
        // Should a pipe have taken its place by now, this does not wait for a writer.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(i32::try_from(flags).expect("the flags of open(2) are an int"))
            .open(path)
            .map_err(explain)?;
        let metadata = file.metadata().map_err(explain)?;
        regular(&metadata)?;
        let opened = Stamp::of(&metadata);
        if let (Some(allowed), Care::Fresh(clock) | Care::AtRest(clock)) = (max_age, care) {
            young(&opened, allowed, clock.now())?;
        }
        Ok(Self {
            file,
            opened,
            care: care.clone(),
        })
    }

    /// Whether it is as it was when it was opened, after a while if it was changed just now: what
    /// is written every other moment looks whole in between.
    fn is_unchanged(&self) -> io::Result<bool> {
        let now = || Ok::<_, io::Error>(Stamp::of(&self.file.metadata()?));
        if now()? != self.opened {
            return Ok(false);
        }
        let Care::AtRest(clock) = &self.care else {
            return Ok(true);
        };
        let age = self.opened.age(clock.now());
        let Some(rest) = age.and_then(|age| REST.checked_sub(age)) else {
            return Ok(true);
        };
        clock::block(rest);
        Ok(now()? == self.opened)
    }

    /// Its length and when it was written last, as it was opened.
    pub(super) fn as_opened(&self) -> (u64, Option<SystemTime>) {
        (self.opened.length, self.opened.modified)
    }
}

impl Read for ListFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.is_unchanged()? {
            return Err(Located::from(FileFault::Changed).into());
        }
        Ok(count)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    /// How long ago it was written; nothing if that is still to come, by this clock.
    fn age(&self, now: Timestamp) -> Option<Duration> {
        let modified = Timestamp::try_from(self.modified?).ok()?;
        Duration::try_from(now.duration_since(modified)).ok()
    }

    /// How long it is until the time at which it was written, by this clock.
    fn ahead(&self, now: Timestamp) -> Option<Duration> {
        let modified = Timestamp::try_from(self.modified?).ok()?;
        Duration::try_from(modified.duration_since(now)).ok()
    }
}

/// What is wrong with the age of a file, if it is there and too old.
pub(super) fn stale(path: &Path, allowed: Duration, now: Timestamp) -> Option<FileFault> {
    let metadata = std::fs::metadata(path).ok()?;
    young(&Stamp::of(&metadata), allowed, now).err()
}

/// A time that is still to come is a clock's fault, and no age. Far ahead it would count as young
/// for ever.
fn young(stamp: &Stamp, allowed: Duration, now: Timestamp) -> Result<(), FileFault> {
    match (stamp.age(now), stamp.ahead(now)) {
        (Some(age), _) if age > allowed => Err(FileFault::Stale { age, allowed }),
        (_, Some(ahead)) if ahead > AHEAD => Err(FileFault::Future(ahead)),
        _ => Ok(()),
    }
}

fn regular(metadata: &Metadata) -> Result<(), FileFault> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(FileFault::NotAFile(kind(metadata.file_type())))
}

fn kind(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_fifo() {
        "a pipe (FIFO)"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn explain(path: &Path, error: &io::Error) -> FileFault {
    match error.kind() {
        ErrorKind::NotFound => match path.read_link() {
            Ok(target) => FileFault::Dangling(target),
            Err(_) => FileFault::Missing { help: hidden(path) },
        },
        ErrorKind::PermissionDenied => FileFault::Forbidden {
            help: hidden(path).or(Some(
                "give that user leave to read the file and to enter its folders",
            )),
        },
        _ if Errno::from_io_error(error) == Some(Errno::LOOP) => FileFault::Circle,
        _ => FileFault::unreadable(error),
    }
}

/// Places that a service under systemd usually does not see, though a person's shell does. That is
/// so only where all of it is out of sight; else the name is mistyped.
fn hidden(path: &Path) -> Option<&'static str> {
    const HOME: &str =
        "a service does not see /home (ProtectHome=yes): keep lists in /etc/postroom/lists";
    const TMP: &str =
        "a service has its own /tmp (PrivateTmp=yes): keep lists in /etc/postroom/lists";
    let places = [
        ("/home", HOME),
        ("/root", HOME),
        ("/run/user", HOME),
        ("/tmp", TMP),
        ("/var/tmp", TMP),
    ];
    places.into_iter().find_map(|(place, hint)| {
        let below = path.strip_prefix(place).ok()?.components().next()?;
        (!Path::new(place).join(below).exists()).then_some(hint)
    })
}
