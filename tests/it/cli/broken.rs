//! What a person can do while the configuration is broken: see everything, and stop it.

use std::process::Output;

use crate::world::workspace::Workspace;

const GOOD: &str = "[account.ops]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
    from = \"ops@example.org\"\n\
    [list.people]\ninline = [\"ada@example.org\"]\n\
    [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";
const STATE: &str = "[daemon]\nstate = \"state\"\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new(GOOD);
    workspace.write("templates/hello/subject.txt", "Hello");
    workspace.write("templates/hello/body.txt", "Hello\n");
    workspace
}

fn break_it(workspace: &Workspace, how: &str) {
    let text = match how {
        "key" => GOOD.replace("via =", "vai ="),
        "table" => GOOD.replace("[schedule.hello]", "[schedul.hello]"),
        "quote" => GOOD.replace("\"ops@example.org\"", "\"ops@example.org"),
        _ => format!("{GOOD}[[[\n"),
    };
    workspace.write("postroom.toml", [STATE, &text].concat());
}

fn run(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = workspace.postroom(args).output().unwrap();
    let text = [stdout, stderr].concat();
    (status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_running_daemon_is_seen_and_stopped_however_broken_the_file_is() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    for how in ["key", "table", "quote", "bracket"] {
        break_it(&workspace, how);
        for (args, wanted) in [
            (&["status"][..], "hello"),
            (&["queue"], "nothing"),
            (&["why", "ada@example.org"], "ada@example.org"),
            (&["hold", "hello"], "schedule hello is on hold"),
            (&["release", "hello"], "no longer on hold"),
            (&["hold", "--all"], "is on hold"),
            (&["release", "--all"], "no longer on hold"),
        ] {
            let (code, said) = run(&workspace, args);
            assert_eq!(code, Some(0), "{how}: {args:?}: {said}");
            assert!(
                said.to_lowercase().contains(wanted),
                "{how}: {args:?}: {said}"
            );
            assert!(
                said.contains("the daemon goes on by what it read last"),
                "{said}"
            );
        }
        let (code, said) = run(&workspace, &["reload"]);
        assert_eq!(code, Some(78), "{how}: {said}");
    }
    assert!(daemon.stop().success());
}

#[test]
fn without_a_daemon_the_outbox_answers_and_nothing_is_changed() {
    let workspace = workspace();
    workspace.daemon().stop();
    break_it(&workspace, "key");
    let (code, said) = run(&workspace, &["why", "ada@example.org"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("this is what the outbox says"), "{said}");
    for args in [
        &["hold", "--all"][..],
        &["send", "hello", "--yes"],
        &["reload"],
    ] {
        let (code, said) = run(&workspace, args);
        assert_eq!(code, Some(78), "{args:?}: {said}");
        assert!(said.contains("unknown key `vai`"), "{said}");
    }
}

#[test]
fn another_files_daemon_is_left_alone() {
    let (workspace, other) = (workspace(), workspace());
    let daemon = workspace.daemon();
    let state = workspace.path("state").display().to_string();
    let theirs = workspace.path("postroom.toml").display().to_string();
    let same = format!("[daemon]\nstate = \"{state}\"\n");
    for text in [GOOD.to_owned(), GOOD.replace("via =", "vai =")] {
        other.write("postroom.toml", [same.as_str(), &text].concat());
        for args in [
            &["hold", "--all"][..],
            &["send", "hello", "--yes"],
            &["reload"],
            &["reload", "--dry-run"],
            &["queue", "cancel", "--all", "--yes"],
            &["status"],
        ] {
            let (code, said) = run(&other, args);
            assert_eq!(code, Some(75), "{args:?}: {said}");
            assert!(
                said.contains(&format!("runs by {theirs}, not by")),
                "{said}"
            );
        }
    }
    other.write("postroom.toml", "");
    std::fs::remove_file(other.path("postroom.toml")).unwrap();
    let (code, said) = run(&other, &["hold", "--all"]);
    assert_ne!(code, Some(0), "{said}");
    assert!(daemon.stop().success());
}
