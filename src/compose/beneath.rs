//! Reading a file below a folder, and never anywhere else, whatever a list says of its name.
//!
//! The kernel walks the path beneath the open folder (openat2(2), Linux 5.6). Where it cannot, each
//! step is taken by itself and no symbolic link is followed. Only regular files are read, and
//! opening one never waits for somebody at its other end.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// What a file below `folder` holds, `longest` bytes at most.
///
/// # Errors
/// In a person's words, why it is not read. That there is no such file is `None` alone.
pub(super) fn read(folder: &Path, path: &str, longest: u64) -> Result<Option<Vec<u8>>, String> {
    check(path)?;
    let opened = open(folder, path, openat2_beneath);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound && folder.is_dir() => return Ok(None),
        Err(error) => return Err(reason(&error)),
    };
    let metadata = file.metadata().map_err(|error| reason(&error))?;
    if metadata.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if !metadata.is_file() {
        return Err("it is no file but a pipe, a socket or a device".to_owned());
    }
    let too_large = || format!("it is larger than {} MiB", longest >> 20);
    if metadata.len() > longest {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let read = file.take(longest + 1).read_to_end(&mut bytes);
    match read {
        Ok(length) if length as u64 > longest => Err(too_large()),
        Ok(_) => Ok(Some(bytes)),
        Err(error) => Err(reason(&error)),
    }
}

/// A path that names one thing only, below.
fn check(path: &str) -> Result<(), String> {
    for step in path.split('/') {
        let why = match step {
            "" => "has a step without a name",
            "." | ".." => "leads elsewhere",
            _ if step.contains('\0') => "has a NUL character in it",
            _ => continue,
        };
        return Err(format!("its path {why}"));
    }
    Ok(())
}

type Opening = fn(&File, &str) -> Result<File, Errno>;

fn open(folder: &Path, path: &str, beneath: Opening) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = openat(CWD, folder, flags, Mode::empty())?;
    let folder = File::from(folder);
    match beneath(&folder, path) {
        // A kernel, or a sandbox around it, that does not have the call.
        Err(Errno::NOSYS | Errno::PERM | Errno::OPNOTSUPP) => Ok(step_by_step(folder, path)?),
        opened => Ok(opened?),
    }
}

fn reading() -> OFlags {
    OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

fn openat2_beneath(folder: &File, path: &str) -> Result<File, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let file = openat2(folder, path, reading(), Mode::empty(), resolve)?;
    Ok(File::from(file))
}

fn step_by_step(mut folder: File, path: &str) -> Result<File, Errno> {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    for step in above.split('/').filter(|step| !step.is_empty()) {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        folder = File::from(openat(&folder, step, flags, Mode::empty())?);
    }
    let flags = reading() | OFlags::NOFOLLOW;
    Ok(File::from(openat(&folder, name, flags, Mode::empty())?))
}

fn reason(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::XDEV | Errno::LOOP) => "a symbolic link leads out of its folder".to_owned(),
        Some(Errno::NXIO) => "it is no file but a pipe, a socket or a device".to_owned(),
        Some(Errno::NAMETOOLONG) => "its name is too long".to_owned(),
        Some(Errno::NOTDIR) => "a part of its path is no folder".to_owned(),
        _ => match error.kind() {
            ErrorKind::NotFound => "its folder is not there".to_owned(),
            ErrorKind::PermissionDenied => "the user that runs postroom may not read it".to_owned(),
            _ => format!("it cannot be read: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn no_openat2(_: &File, _: &str) -> Result<File, Errno> {
        Err(Errno::NOSYS)
    }

    #[test]
    fn nothing_is_read_that_is_not_a_file_below_the_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let below = dir.path().join("below");
        std::fs::create_dir_all(below.join("deep")).expect("folders");
        std::fs::write(dir.path().join("secret"), "no").expect("a file");
        std::fs::write(below.join("deep/a.pdf"), "yes").expect("a file");
        symlink("../secret", below.join("out")).expect("a link");
        symlink("/etc", below.join("etc")).expect("a link");
        symlink("deep/a.pdf", below.join("in")).expect("a link");
        let (mode, pipe) = (Mode::RUSR | Mode::WUSR, below.join("pipe"));
        rustix::fs::mknodat(CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        let read = |path: &str| read(&below, path, 10);
        assert_eq!(read("deep/a.pdf"), Ok(Some(b"yes".to_vec())));
        assert_eq!(
            read("in"),
            Ok(Some(b"yes".to_vec())),
            "a link that stays below"
        );
        assert_eq!(read("deep/b.pdf"), Ok(None));
        let fault = |path: &str| read(path).expect_err("refused");
        let out = "a symbolic link leads out of its folder";
        assert_eq!(
            (fault("out"), fault("etc/passwd")),
            (out.into(), out.into())
        );
        assert_eq!(fault("../secret"), "its path leads elsewhere");
        assert_eq!(fault("/etc/passwd"), "its path has a step without a name");
        assert_eq!(fault("deep"), "it is a folder");
        assert!(fault("pipe").contains("pipe"));
        std::fs::write(below.join("large"), [0; 11]).expect("a file");
        assert!(fault("large").contains("larger"));
    }

    #[test]
    fn where_the_kernel_cannot_walk_beneath_no_link_is_followed() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(dir.path().join("deep")).expect("a folder");
        std::fs::write(dir.path().join("deep/a"), "yes").expect("a file");
        symlink("deep", dir.path().join("link")).expect("a link");
        symlink("deep/a", dir.path().join("b")).expect("a link");
        let open = |path| open(dir.path(), path, no_openat2);
        assert!(open("deep/a").is_ok());
        for path in ["link/a", "b"] {
            let error = open(path).expect_err("a link");
            assert!(
                [
                    "a symbolic link leads out of its folder",
                    "a part of its path is no folder"
                ]
                .contains(&&*reason(&error))
            );
        }
    }
}
