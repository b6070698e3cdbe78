//! Looks for bytes in the files of a state directory, whatever is made of them: the last word on
//! whether something is gone.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::ForgetError;
use super::store::BALLAST;

/// So much of a file is looked at together.
const WINDOW: usize = 1 << 20;

/// The files directly below `dir` in which one of `texts` stands, in any case of its ASCII letters.
/// The ballast is not looked at: it is random, and a short name stands in it by chance.
pub(super) fn find(dir: &Path, texts: &BTreeSet<String>) -> Result<Vec<PathBuf>, ForgetError> {
    let needles: Vec<Vec<u8>> = texts
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| text.to_ascii_lowercase().into_bytes())
        .collect();
    let mut found = Vec::new();
    for path in files(dir) {
        if path.ends_with(BALLAST) {
            continue;
        }
        match holds(&path, &needles) {
            Ok(true) => found.push(path),
            Ok(false) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {} // a log that was folded
            Err(error) => {
                return Err(ForgetError::Unseen {
                    path,
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(found)
}

/// Copies of the outbox that stand below the state directory.
pub(super) fn backups(dir: &Path) -> Vec<PathBuf> {
    files(&dir.join("backups"))
}

/// The regular files of a folder, in the order of their names.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

fn holds(path: &Path, needles: &[Vec<u8>]) -> io::Result<bool> {
    let overlap = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut file = File::open(path)?;
    let mut buffer = Vec::with_capacity(WINDOW + overlap);
    loop {
        let read = (&mut file).take(WINDOW as u64).read_to_end(&mut buffer)?;
        if read == 0 {
            return Ok(false);
        }
        buffer.make_ascii_lowercase();
        if needles.iter().any(|needle| contains(&buffer, needle)) {
            return Ok(true);
        }
        let keep = buffer.len().saturating_sub(overlap);
        buffer.drain(..keep);
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else {
        return false;
    };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}
