//! Reading the files that a configuration consists of, and saying why one cannot be read.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::problem::{Place, Problem};
use super::text::SourceText;

/// A configuration longer than this is another file.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The text of the configuration and its permission bits.
///
/// # Errors
/// If it cannot be read, or is not UTF-8. A byte order mark is skipped.
pub(super) fn read_config(path: &Path) -> Result<(String, u32), Box<Problem>> {
    let unreadable = |error: &std::io::Error| {
        let message = format!("the configuration cannot be read: {}", reason(path, error));
        Box::new(Problem::error("file-missing", message, nowhere(path)))
    };
    let metadata = path.metadata().map_err(|error| unreadable(&error))?;
    if metadata.len() > LONGEST {
        return Err(unreadable(&ErrorKind::FileTooLarge.into()));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(&error))?;
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
        Ok(text) => Ok((text.to_owned(), metadata.permissions().mode())),
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

/// A place for what has none: the file as such.
fn nowhere(path: &Path) -> Place {
    Place::new(&Arc::new(SourceText::plain(path, String::new())), 0..0, "")
}

/// Why a file cannot be opened, in a few words, and what the service has to do with it.
pub(super) fn reason(path: &Path, error: &std::io::Error) -> String {
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
