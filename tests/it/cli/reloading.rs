//! `postroom reload` and SIGHUP, with the real daemon.

use rustix::process::{Pid, Signal, kill_process};

use crate::world::patience::wait_for;
use crate::world::workspace::{Daemon, Workspace};

const ACCOUNT: &str = "[account.ops]\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
                       from = \"ops@example.org\"\n";
const REST: &str = "[list.people]\ninline = [\"ada@example.org\"]\n\
                    [schedule.hello]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n";

fn workspace() -> Workspace {
    let workspace = Workspace::new(&[ACCOUNT, REST].concat());
    workspace.write("templates/hello/subject.txt", "Hello");
    workspace.write("templates/hello/body.txt", "Hello\n");
    workspace
}

fn edit(workspace: &Workspace, daemon: &str, rest: &str) {
    let daemon = format!("[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n{daemon}\n");
    workspace.write("postroom.toml", [&daemon, ACCOUNT, REST, rest].concat());
}

fn hang_up(daemon: &Daemon) {
    let pid = Pid::from_raw(i32::try_from(daemon.id()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

#[test]
fn a_reload_says_what_changed_and_the_daemon_goes_on_by_it() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    let said = workspace.said(&["reload"]);
    assert!(said.starts_with("nothing changed in "), "{said}");
    edit(
        &workspace,
        "",
        "[schedule.later]\nsend = \"hello\"\nto = \"people\"\nvia = \"ops\"\n\
         cron = \"0 9 1 1 *\"\n",
    );
    assert!(!workspace.said(&["status", "--json"]).contains("\"later\""));
    let said = workspace.said(&["reload"]);
    assert!(said.contains("+ schedule.later  first run "), "{said}");
    assert!(workspace.said(&["status", "--json"]).contains("\"later\""));
    assert!(daemon.stop().success());
}

/// The account itself is another one then: its work ends, and the daemon's does not.
#[test]
fn an_account_may_change() {
    let workspace = workspace();
    let mut daemon = workspace.daemon();
    for count in [2, 3] {
        let account = format!("{ACCOUNT}connections = {count}\nrate = \"{count}/minute\"\n");
        let daemon = "[daemon]\nstate = \"state\"\ntimezone = \"UTC\"\n";
        workspace.write("postroom.toml", [daemon, &account, REST].concat());
        let said = workspace.said(&["reload"]);
        assert!(said.contains("~ account.ops  connections "), "{said}");
    }
    assert_eq!(daemon.ended(), None, "{}", daemon.log());
    assert!(workspace.said(&["status"]).contains("0 of 3/minute"));
    assert!(daemon.stop().success());
}

#[test]
fn a_reload_that_is_refused_changes_nothing_and_says_why() {
    let workspace = workspace();
    let daemon = workspace.daemon();
    edit(&workspace, "socket = \"other.sock\"", "");
    hang_up(&daemon);
    let refused = || {
        daemon
            .log()
            .contains("`daemon.socket` changed: that takes a restart")
            .then_some(())
    };
    wait_for("the refusal", refused);
    edit(&workspace, "", "[schedule.broken]\nsend = \"nothing\"\n");
    hang_up(&daemon);
    let refused = || daemon.log().contains("schedule `broken`").then_some(());
    wait_for("the other refusal", refused);
    let output = workspace.postroom(&["reload"]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    edit(&workspace, "", "");
    let said = workspace.said(&["reload"]);
    assert!(said.starts_with("nothing changed in "), "{said}");
    assert!(daemon.stop().success());
}

#[test]
fn without_a_daemon_there_is_nothing_to_reload() {
    let output = workspace().postroom(&["reload"]).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("no daemon answers at"), "{errors}");
}
