//! `postroom send` as a person types it, with a daemon and without one.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use postroom::daemon::api::SendAnswer;

use crate::world::letter;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

/// The exit code and what was said of a command that does not do what it was asked to.
fn refused(workspace: &Workspace, args: &[&str]) -> (Option<i32>, String) {
    let output = workspace.postroom(args).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told)
}

fn send<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["send", letter::SCHEDULE], more].concat()
}

#[test]
fn a_run_for_other_people_than_the_last_goes_out_only_if_a_person_says_that_it_is_meant() {
    let catcher = Catcher::start(Duration::ZERO);
    let row = |name: &str| format!("{name}@example.org,{name},Paris,n,1\n");
    let list = |names: &[&str]| {
        let rows: String = names.iter().map(|name| row(name)).collect();
        format!("email,name,city,note,number\n{rows}")
    };
    let more = "max_change = \"20%\"\n";
    let workspace = letter::workspace(&catcher.account(), more, &list(&["ada", "bob"]));
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    let daemon = workspace.daemon();
    workspace.said(&send(&["--yes"]));
    workspace.write("people.csv", list(&["ada", "bob", "cyd"]));
    for asked in [send(&["--yes"]), send(&["--dry-run"])] {
        let (code, told) = refused(&workspace, &asked);
        assert_eq!(code, Some(65), "{told}");
        assert!(told.contains("3 people, and 2 in its last run"), "{told}");
        assert!(
            told.contains("`postroom send letters --accept-change`"),
            "{told}"
        );
    }
    let plan: SendAnswer = workspace.json(&send(&["--dry-run", "--accept-change"]));
    assert_eq!(plan.people, 3);
    workspace.said(&send(&["--yes", "--accept-change"]));
    workspace.said(&send(&["--yes"]));
    assert!(daemon.stop().success());
    // The same without a daemon.
    workspace.write("people.csv", list(&["ada"]));
    let (code, told) = refused(&workspace, &send(&["--yes"]));
    assert_eq!(code, Some(65), "{told}");
    assert!(told.contains("1 person, and 3 in its last run"), "{told}");
    workspace.said(&send(&["--yes", "--accept-change", "--wait"]));
    let (code, told) = refused(
        &workspace,
        &send(&["--accept-change", "--only", "ada@example.org"]),
    );
    assert_eq!(code, Some(64), "{told}");
    catcher.stop();
}
