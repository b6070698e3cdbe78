//! Reading the files that a configuration consists of, and saying why one cannot be read.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::problem::{Place, Problem};
use super::text::SourceText;

/// A configuration longer than this is another file.
const LONGEST: u64 = 16 * 1024 * 1024;
/// The roots that a system trusts have a fiftieth of this.
const LONGEST_CERTIFICATES: u64 = 16 * 1024 * 1024;

/// The text of the configuration and its permission bits.
///
/// # Errors
/// If it cannot be read, or is not UTF-8. A byte order mark is skipped.
pub(super) fn read_config(path: &Path) -> Result<(Zeroizing<String>, u32), Box<Problem>> {
    let unreadable = |error: &io::Error| {
        let message = format!("the configuration cannot be read: {}", reason(path, error));
        Box::new(Problem::error("file-missing", message, nowhere(path)))
    };
    let (bytes, metadata) = read_whole(path, LONGEST).map_err(|error| unreadable(&error))?;
    let bytes = Zeroizing::new(bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    // Its byte order mark, or the other half of its first letter.
    if matches!(
        bytes,
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, ..] | [_, 0, ..]
    ) {
        let message = "this file is UTF-16; a configuration is UTF-8";
        let problem = Problem::error("not-utf8", message, nowhere(path));
        return Err(Box::new(problem.help("save it as \"UTF-8\" in the editor")));
    }
    match str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned().into(), metadata.permissions().mode())),
        Err(error) => Err(Box::new(not_utf8(path, bytes, error.valid_up_to()))),
    }
}

fn not_utf8(path: &Path, bytes: &[u8], valid: usize) -> Problem {
    let file = Arc::new(SourceText::config(path, &String::from_utf8_lossy(bytes)));
    let place = Place::new(
        &file,
        valid..valid + '\u{FFFD}'.len_utf8(),
        "not UTF-8 from here",
    );
    Problem::error("not-utf8", "this file is not UTF-8", place).help(
        "save it as \"UTF-8\" in the editor; `iconv -f gb18030 -t utf-8` converts Chinese text",
    )
}

/// The certificates that an account trusts besides the system's, as they stand in its `ca`.
///
/// # Errors
/// It cannot be read, or is no regular file: a pipe is never waited for.
pub fn read_certificates(path: &Path) -> io::Result<Vec<u8>> {
    read_regular(path, LONGEST_CERTIFICATES)
}

/// What a file of at most `longest` bytes holds.
///
/// # Errors
/// It cannot be read, it is longer, or it is no file that has an end: a pipe is never waited for,
/// and a device is not even opened, as that alone may do something.
pub(super) fn read_regular(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    read_whole(path, longest).map(|(bytes, _)| bytes)
}

/// The length of a file that can be read.
///
/// # Errors
/// It cannot, or it is no file that has an end.
pub(super) fn regular(path: &Path) -> io::Result<u64> {
    let (_, metadata) = open_regular(path)?;
    Ok(metadata.len())
}

fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    check_is_regular(&path.metadata()?)?;
    // Should a pipe have taken its place by now, this does not wait for a writer.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).expect("the flags of open(2) are an int"))
        .open(path)?;
    let metadata = file.metadata()?;
    check_is_regular(&metadata)?;
    Ok((file, metadata))
}

fn read_whole(path: &Path, longest: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let (file, metadata) = open_regular(path)?;
    let mut bytes = Vec::new();
    let length = file.take(longest + 1).read_to_end(&mut bytes)?;
    if length as u64 > longest {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok((bytes, metadata))
}

fn check_is_regular(metadata: &Metadata) -> io::Result<()> {
    match metadata {
        it if it.is_file() => Ok(()),
        it if it.is_dir() => Err(ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::other(
            "it is no file but a pipe, a socket or a device",
        )),
    }
}

/// A place for what has none: the file as such.
fn nowhere(path: &Path) -> Place {
    Place::new(&Arc::new(SourceText::plain(path, String::new())), 0..0, "")
}

/// Why a file cannot be opened, in a few words, and what the service has to do with it.
pub(super) fn reason(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied if path.starts_with("/home") => {
            "permission denied (the service cannot see /home: move it to /etc/postroom)".to_owned()
        }
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "it is a directory".to_owned(),
        ErrorKind::FileTooLarge => "it is too large".to_owned(),
        _ => error.to_string(),
    }
}
