//! What stands where a file should and never ends, or never answers, keeps nobody waiting.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkfifoat};

use super::{configuration, ended, hang_up};
use crate::world::authority::Authority;
use crate::world::patience::wait_for;
use crate::world::workspace::{Daemon, Workspace};

const DAEMON: &str = "include = [\"conf.d/*.toml\"]\n\
                      [daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n";
const REST: &str = "[account.ops]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
                    from = \"ops@example.org\"\nca = \"ca.pem\"\n\
                    [list.people]\ninline = [\"ada@example.org\"]\n\
                    [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";
/// Each has a place in it.
const FILES: [&str; 6] = [
    "conf.d/a.toml",
    "templates/hello/subject.txt",
    "templates/hello/body.txt",
    "templates/layout.txt",
    "ca.pem",
    "postroom.toml",
];

fn workspace() -> Workspace {
    let workspace = Workspace::new("");
    workspace.write("postroom.toml", [DAEMON, REST].concat());
    workspace.write("conf.d/a.toml", "[list.more]\ninline = []\n");
    workspace.write("templates/hello/subject.txt", "Hello");
    workspace.write("templates/hello/body.txt", "Hello\n");
    workspace.write("templates/layout.txt", "{{{body}}}");
    workspace.write("ca.pem", Authority::new().pem());
    workspace
}

fn put_pipe(path: &Path) {
    let _ = std::fs::remove_file(path);
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

#[test]
fn check_names_a_pipe_a_device_or_a_folder_that_stands_for_a_file() {
    for file in FILES {
        let workspace = workspace();
        let path = workspace.path(file);
        let told = |why: &str| {
            let (code, said) = ended(&workspace, &["check"]);
            assert!(matches!(code, Some(65 | 78)), "{file}: {code:?}: {said}");
            let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words.contains(why), "{file}: `{why}` in\n{said}");
        };
        let template = format!("{} is not a file", file.trim_start_matches("templates/"));
        let of = |why: &'static str| match file.starts_with("templates/") {
            true => template.clone(),
            false => why.to_owned(),
        };
        put_pipe(&path);
        told(&of("it is no file but a pipe"));
        std::fs::remove_file(&path).unwrap();
        if !file.starts_with("templates/") {
            std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
            told("it is no file but a pipe, a socket or a device");
            std::fs::remove_file(&path).unwrap();
        }
        if !file.starts_with("conf.d/") {
            std::fs::create_dir(&path).unwrap();
            told(&of("it is a directory"));
        }
    }
}

#[test]
fn a_reload_refuses_a_pipe_and_the_daemon_still_ends_when_told() {
    for file in FILES {
        let workspace = workspace();
        let daemon = workspace.daemon();
        put_pipe(&workspace.path(file));
        hang_up(&daemon);
        let refused = || daemon.log().contains("stays as it was").then_some(());
        wait_for("the refusal", refused);
        assert!(daemon.stop().success(), "{file}");
    }
}

/// A daemon that reads its roots from a pipe whenever it reads its configuration, from now on.
fn daemon_with_a_pipe(workspace: &Workspace) -> Daemon {
    workspace.write("roots.pem", Authority::new().pem());
    let roots = workspace.path("roots.pem");
    let daemon = workspace.daemon_with(&[("SSL_CERT_FILE", roots.clone().into_os_string())]);
    put_pipe(&roots);
    daemon
}

/// The other end of the pipe, once the daemon has opened it: now it waits.
fn other_end(workspace: &Workspace) -> File {
    let mut options = OpenOptions::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    options.write(true).custom_flags(flags);
    let path = workspace.path("roots.pem");
    wait_for("somebody who reads", || options.open(&path).ok())
}

#[test]
fn a_reload_that_waits_for_a_file_keeps_nobody_else_waiting() {
    let workspace = workspace();
    let daemon = daemon_with_a_pipe(&workspace);
    hang_up(&daemon);
    let _end = other_end(&workspace);
    assert_eq!(configuration(&workspace).generation, 1);
    assert!(daemon.stop().success());
}

#[test]
fn what_is_written_while_the_files_are_read_is_read_after_that() {
    let workspace = workspace();
    let daemon = daemon_with_a_pipe(&workspace);
    let reloads = |daemon: &Daemon| daemon.log().matches("event=reloaded").count();
    hang_up(&daemon);
    let mut end = other_end(&workspace);
    let other = REST.replace("schedule.hello", "schedule.hey");
    workspace.write("postroom.toml", [DAEMON, &other].concat());
    hang_up(&daemon);
    assert_eq!(reloads(&daemon), 0);
    end.write_all(Authority::new().pem().as_bytes()).unwrap();
    drop(end);
    wait_for("the first", || (reloads(&daemon) == 1).then_some(()));
    assert_eq!(configuration(&workspace).generation, 1);
    let mut end = other_end(&workspace);
    end.write_all(Authority::new().pem().as_bytes()).unwrap();
    drop(end);
    wait_for("the second", || (reloads(&daemon) == 2).then_some(()));
    assert_eq!(configuration(&workspace).generation, 2);
    assert!(daemon.stop().success());
}
