//! `check` looks and does not touch: it writes no file, starts no program and opens no socket.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use postroom::clock::Clock;
use postroom::config::load;
use postroom::outbox::Outbox;
use postroom::plan::{Order, open};

use crate::world::skip::skip;
use crate::world::workspace::Workspace;

const STRACE: &str = "/usr/bin/strace";
/// An account that owns nothing.
const NOBODY: &str = "65534";

/// With a template, lists, an outbox of an earlier run, and everything that could be run.
fn workspace() -> Workspace {
    let workspace = Workspace::new(
        "[daemon.alert]\ncommand = [\"/usr/bin/touch\", \"alerted\"]\n\n\
         [account.main]\nhost = \"127.0.0.1\"\nport = 2525\nuser = \"ada\"\n\
         password = { file = \"secret\" }\nfrom = \"me@example.org\"\n\n\
         [account.spare]\nhost = \"localhost\"\nuser = \"ada@example.org\"\n\
         token = { command = [\"/usr/bin/touch\", \"asked\"], keep = \"5m\" }\n\n\
         [list.readers]\ncsv = \"readers.csv\"\n\n\
         [list.team]\ninline = [\"Bo <bo@example.org>\"]\n\n\
         [schedule.news]\nsend = \"note\"\nto = [\"readers\", \"team\"]\n\
         via = [\"main\", \"spare\"]\ncron = \"0 9 * * *\"\nmax_change = \"50%\"\n\
         when = { command = [\"/usr/bin/touch\", \"when\"] }\n",
    );
    workspace.write("templates/note/subject.txt", "Hello");
    workspace.write("templates/note/body.txt", "Hello\n");
    workspace.write("templates/note/body.html", "<p>Hello</p>\n");
    workspace.write("templates/layout.html", "<html>{{{body}}}</html>\n");
    workspace.write("readers.csv", "email\nada@example.org\nno address\n");
    workspace.write("secret", "hunter2\n");
    let secret = workspace.path("secret");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    let config = load(&workspace.path("postroom.toml")).unwrap().config;
    fs::create_dir_all(&config.daemon.state).unwrap();
    let clock = Clock::system();
    let outbox = Outbox::open_inline(&config.daemon.state, clock.clone()).unwrap();
    open(&config, &outbox, &clock, &Order::manual("news", &clock)).unwrap();
    outbox.close();
    workspace
}

/// Every file below a folder, with what would change if it were written to.
fn files(folder: &Path) -> BTreeMap<String, (u64, u32, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.metadata().unwrap();
        let what = (meta.len(), meta.mode(), meta.modified().unwrap());
        found.insert(path.display().to_string(), what);
        if meta.is_dir() {
            found.extend(files(&path));
        }
    }
    found
}

/// The system calls of a check that touch something.
fn touching(workspace: &Workspace, args: &[&str]) -> Vec<String> {
    let check = workspace.postroom(&[&["check"], args].concat());
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("trace");
    let mut strace = Command::new(STRACE);
    strace
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=%file,%desc,%network,%process",
            "-o",
        ])
        .arg(&log);
    strace
        .arg(check.get_program())
        .args(check.get_args())
        .current_dir("/");
    let output = strace.output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 65)), "{output:?}");
    let traced = fs::read_to_string(&log).unwrap();
    assert!(
        traced.contains("templates/note/body.txt"),
        "the trace is not of a check:\n{traced}"
    );
    let own = |call: &&str| call.starts_with("execve(") && call.contains("/postroom\"");
    let calls = traced
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(_, call)| call.trim());
    assert_eq!(calls.clone().filter(own).count(), 1);
    let touching = calls.filter(|call| !own(call) && touches(call));
    touching.map(str::to_owned).collect()
}

fn touches(call: &str) -> bool {
    let Some((name, arguments)) = call.split_once('(') else {
        return false; // the end of a process, or the second half of a call
    };
    // Whoever asks what a terminal is opens it to write; what is written to /dev/null is lost.
    let is_nothing = ["\"/dev/tty\"", "\"/dev/null\""]
        .iter()
        .any(|it| arguments.contains(it));
    match name {
        "open" | "openat" | "openat2" | "creat" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"];
            !is_nothing && (name == "creat" || writes.iter().any(|it| arguments.contains(it)))
        }
        "execve" | "execveat" | "fork" | "vfork" => true,
        // A thread shares the memory; a program does not.
        "clone" | "clone3" => !arguments.contains("CLONE_THREAD"),
        "socket" | "connect" | "bind" | "listen" | "sendto" | "sendmsg" => true,
        _ => [
            "mkdir",
            "mknod",
            "unlink",
            "rmdir",
            "rename",
            "link",
            "symlink",
            "truncate",
            "ftruncate",
            "chmod",
            "fchmod",
            "chown",
            "fchown",
            "lchown",
            "utime",
            "setxattr",
            "fallocate",
        ]
        .iter()
        .any(|it| name.starts_with(it)),
    }
}

#[test]
fn a_check_writes_nothing_runs_nothing_and_opens_no_socket() {
    if !Path::new(STRACE).exists() {
        return skip("there is no strace", "that a check touches nothing");
    }
    let workspace = workspace();
    let before = files(&workspace.path(""));
    for args in [
        &[][..],
        &["--lists"],
        &["--strict"],
        &["--lists", "--strict", "--format", "json"],
    ] {
        let touching = touching(&workspace, args);
        assert!(touching.is_empty(), "{args:?}:\n{}", touching.join("\n"));
        assert_eq!(files(&workspace.path("")), before, "{args:?}");
    }
}

#[test]
fn a_check_does_not_even_run_what_prints_a_list_unless_it_is_asked_to() {
    if !Path::new(STRACE).exists() {
        return skip(
            "there is no strace",
            "that a check runs no program of a list",
        );
    }
    let workspace = workspace();
    let config = fs::read_to_string(workspace.path("postroom.toml")).unwrap();
    let printed = "command = [\"/usr/bin/printf\", \"email\\nada@example.org\\n\"]";
    let printed = config.replace("csv = \"readers.csv\"", printed);
    workspace.write("postroom.toml", printed);
    let plain = touching(&workspace, &[]);
    assert!(plain.is_empty(), "{}", plain.join("\n"));
    let asked = touching(&workspace, &["--lists"]).join("\n");
    assert!(asked.contains("execve(\"/usr/bin/printf\""), "{asked}");
}

/// The same trace of a command that is meant to touch something.
#[test]
fn a_call_that_touches_something_is_seen_in_the_trace() {
    for call in [
        "openat(AT_FDCWD, \"/x\", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 9",
        "execve(\"/usr/bin/touch\", [\"touch\"], 0x7ffd /* 9 vars */) = 0",
        "connect(9, {sa_family=AF_INET, sin_port=htons(25)}, 16) = 0",
        "clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD}, 88) = 7",
        "renameat2(AT_FDCWD, \"/x\", AT_FDCWD, \"/y\", 0) = 0",
        "mkdirat(AT_FDCWD, \"/x\", 0777) = -1 EACCES (Permission denied)",
    ] {
        assert!(touches(call), "{call}");
    }
    for call in [
        "openat(AT_FDCWD, \"/x\", O_RDONLY|O_CLOEXEC) = 9",
        "openat(AT_FDCWD, \"/dev/null\", O_RDWR) = 9",
        "clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SIGHAND}, 88) = 7",
        "statx(0, NULL, AT_STATX_SYNC_AS_STAT, STATX_ALL, NULL) = -1",
        "+++ exited with 0 +++",
    ] {
        assert!(!touches(call), "{call}");
    }
}

#[test]
fn somebody_who_may_not_write_there_checks_and_leaves_nothing_behind() {
    let workspace = workspace();
    let before = files(&workspace.path(""));
    let check = workspace.postroom(&["check", "--lists"]);
    // Whoever builds in a home of their own shows it to nobody.
    let binary = workspace.path("postroom");
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        return skip("this is not root", "a check by somebody else");
    }
    fs::copy(check.get_program(), &binary).unwrap();
    let mut other = Command::new("setpriv");
    other.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    other.arg(&binary).args(check.get_args()).current_dir("/");
    let output = other.output().unwrap();
    fs::remove_file(&binary).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("2 people"), "{said}");
    let mut after = files(&workspace.path(""));
    after.remove(&binary.display().to_string());
    assert_eq!(after, before);
}
