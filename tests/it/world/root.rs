//! A server of a Debian package that cannot be installed beside Postfix: it lies in a folder of its
//! own, which `.ci/run` makes, and runs there with the `etc` and `var` of one test over the
//! package's. It sees the machine's loopback and nothing else of it, and cannot outlive the test.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::certificate::{CA, KEY, certify};
use super::loopback::listens;
use super::patience::wait_for;
use super::skip::skip;
use super::workspace::folder;

/// Where the packages' folders are; `.ci/run` says the same.
const ROOTS: &str = "POSTROOM_TEST_ROOTS";
const ROOTS_DEFAULT: &str = "/var/cache/postroom-test-roots";

/// What the server runs as once it listens, and who owns delivered mail.
pub(crate) const DAEMON: u32 = 101;
pub(crate) const NOBODY: u32 = 65_534;

const PASSWD: &str = "\
root:x:0:0::/:/bin/sh
Debian-exim:x:101:101::/:/bin/false
opensmtpd:x:101:101::/var/empty:/bin/false
opensmtpq:x:102:102::/var/empty:/bin/false
nobody:x:65534:65534::/:/bin/sh
";

const GROUP: &str = "\
root:x:0:
Debian-exim:x:101:
opensmtpd:x:101:
opensmtpq:x:102:
nogroup:x:65534:
";

/// Arguments: the test's folder, the package's folder, the program and its arguments. This is the
/// first process of its namespace, with which all others end. It ends with the server, or when the
/// test closes its standard input, even by being killed.
const ENTER: &str = r#"
set -e
mount --bind "$1/etc" "$2/etc"
mount --bind "$1/var" "$2/var"
mount --rbind /dev "$2/dev"
root=$2
shift 2
trap 'exit 1' TERM
{ chroot "$root" "$@" || true; kill 1; } </dev/null &
read -r end || true
"#;

/// A package, unpacked, and the `etc` and `var` of one test.
pub(crate) struct Root {
    package: PathBuf,
    folder: TempDir,
}

impl Root {
    /// The package's folder, or a word that `untried` was not tried because it is not there.
    /// `etc` holds users, a certificate and its authority; `var` an empty Maildir `mail`.
    #[track_caller]
    pub(crate) fn of(package: &str, untried: &str) -> Option<Self> {
        let roots = std::env::var_os(ROOTS).unwrap_or_else(|| ROOTS_DEFAULT.into());
        let package = Path::new(&roots).join(package);
        if !package.exists() {
            skip(
                &format!("`.ci/run` has not made {}", package.display()),
                untried,
            );
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("only root enters another root", untried);
            return None;
        }
        let root = Self {
            package,
            folder: folder(),
        };
        fs::create_dir(root.path("etc")).unwrap();
        root.write("etc/passwd", PASSWD);
        root.write("etc/group", GROUP);
        certify(&root.path("etc"));
        for part in ["new", "cur", "tmp"] {
            root.folder(&format!("var/mail/{part}"), NOBODY);
        }
        Some(root)
    }

    /// Makes a folder and those above it.
    pub(crate) fn folder(&self, name: &str, owner: u32) {
        fs::create_dir_all(self.path(name)).unwrap();
        chown(self.path(name), Some(owner), Some(owner)).unwrap();
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Gives the certificate's key to a user.
    pub(crate) fn give_key(&self, owner: u32) {
        chown(self.path("etc").join(KEY), Some(owner), None).unwrap();
    }

    /// The authority's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.path("etc").join(CA)
    }

    pub(crate) fn maildir(&self) -> PathBuf {
        self.path("var/mail")
    }

    /// What lies below this folder outside is `/etc/…` and `/var/…` inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a program that stays in the foreground, and waits until it listens. What it says goes
    /// to `said`.
    #[track_caller]
    pub(crate) fn start(self, program: &[&str], port: u16) -> Running {
        let said = || {
            File::options()
                .create(true)
                .append(true)
                .open(self.path("said"))
                .unwrap()
        };
        let child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "sh", "-c", ENTER, "enter"])
            .args([self.folder.path(), &self.package])
            .args(program)
            .stdin(Stdio::piped())
            .stdout(said())
            .stderr(said())
            .spawn()
            .unwrap();
        let mut running = Running { root: self, child };
        wait_for("the server's port", || {
            let ended = running.child.try_wait().unwrap();
            assert_eq!(
                ended,
                None,
                "{program:?} ended: {}",
                running.root.read("said")
            );
            listens(port).then_some(())
        });
        running
    }
}

/// A server in its root; it ends with this value.
pub(crate) struct Running {
    pub(crate) root: Root,
    child: Child,
}

impl Running {
    /// Waits until no file is left in these folders of the server.
    #[track_caller]
    pub(crate) fn settle(&self, queues: &[&str]) {
        wait_for("the server's queue to run empty", || {
            let mut queues = queues.iter();
            queues
                .all(|queue| is_empty(&self.root.path(queue)))
                .then_some(())
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Whether no file lies in a folder, which may have folders in it.
pub(crate) fn is_empty(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().all(|entry| {
        let kind = entry.file_type();
        kind.is_ok_and(|kind| kind.is_dir()) && is_empty(&entry.path())
    })
}
