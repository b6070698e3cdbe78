//! Lists that a program prints, from the command line: what runs it, and what it is told.

use crate::world::workspace::Workspace;

/// The list `people` is printed by this script, in which `%` is the folder.
fn workspace(script: &str) -> Workspace {
    let workspace = Workspace::new(
        "[account.main]\nhost = \"127.0.0.1\"\nport = 2525\nfrom = \"me@example.org\"\n\n\
         [list.people]\ncommand = [\"./people\"]\ntimeout = \"5m\"\n\n\
         [schedule.news]\nsend = \"note\"\nto = \"people\"\nvia = \"main\"\n",
    );
    workspace.write("templates/note/subject.txt", "Hello {{first_name}}");
    workspace.write("templates/note/body.txt", "Hello {{first_name}}\n");
    let folder = workspace.path("").display().to_string();
    let script = script.replace('%', folder.trim_end_matches('/'));
    workspace.write("people", format!("#!/bin/sh\n{script}\n"));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(workspace.path("people"), mode).unwrap();
    workspace
}

const ADA: &str = "echo >> %/runs; echo email,first_name; echo ada@example.org,Ada";

fn runs(workspace: &Workspace) -> usize {
    std::fs::read(workspace.path("runs")).map_or(0, |it| it.len())
}

#[test]
fn a_check_does_not_run_it_and_one_of_the_lists_runs_it_once() {
    let workspace = workspace(ADA);
    for (args, count) in [
        (&["check"][..], 0),
        (&["check", "--strict"], 0),
        (&["check", "--lists"], 1),
        (&["send", "news", "--dry-run"], 2),
        (&["preview", "news"], 3),
    ] {
        let said = workspace.said(args);
        assert_eq!(runs(&workspace), count, "{args:?}: {said}");
    }
}

#[test]
fn it_cannot_speak_in_the_name_of_the_service() {
    let workspace = workspace(&format!("env > %/told; {ADA}"));
    let output = workspace
        .postroom(&["check", "--lists"])
        .env("NOTIFY_SOCKET", "/run/systemd/notify")
        .env("WATCHDOG_USEC", "1000000")
        .env("LISTEN_FDS", "1")
        .env("OF_THE_USER", "kept")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = std::fs::read_to_string(workspace.path("told")).unwrap();
    assert!(told.contains("OF_THE_USER=kept"), "{told}");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"] {
        assert!(!told.contains(name), "{told}");
    }
}

#[test]
fn a_column_that_it_does_not_print_is_found_when_it_runs() {
    let workspace = workspace("echo email; echo ada@example.org");
    let check = workspace.postroom(&["check"]).output().unwrap();
    assert!(check.status.success(), "nobody can know: {check:?}");
    let lists = workspace.postroom(&["check", "--lists"]).output().unwrap();
    let said = String::from_utf8_lossy(&lists.stdout);
    assert_eq!(lists.status.code(), Some(65), "{said}");
    assert!(said.contains("uses `first_name`"), "{said}");
}

#[test]
fn nothing_is_sent_to_the_half_of_a_list_and_the_reason_is_told() {
    let half = format!("{ADA}; echo the database is gone >&2; exit 1");
    let workspace = workspace(&half);
    let send = workspace.postroom(&["send", "news"]).output().unwrap();
    let said = String::from_utf8_lossy(&send.stderr);
    let reason = "failed (exit status: 1): the database is gone";
    assert!(!send.status.success() && said.contains(reason), "{said}");
    assert_eq!(runs(&workspace), 1);
    assert!(workspace.reader().is_none(), "nothing was begun");
}
