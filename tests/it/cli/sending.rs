//! `postroom send` as a person types it, with a daemon and without one; and what stops a run.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use postroom::daemon::api::{SendAnswer, Status};
use postroom::outbox::{RunRow, Scope};
use postroom::plan::ALERT;

use crate::world::letter;
use crate::world::patience::wait_for;
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

/// The alerts that were accepted, oldest first, each by its occurrence.
fn alerts(workspace: &Workspace) -> Vec<RunRow> {
    let mut runs = workspace
        .reader()
        .unwrap()
        .runs(Some(ALERT), None, 10)
        .unwrap();
    runs.retain(|run| run.state == "completed");
    runs.reverse();
    runs
}

#[test]
fn a_run_that_is_refused_over_and_over_stops_and_a_person_is_told_once_and_decides() {
    let catcher = Catcher::start(Duration::ZERO);
    let rows = (0..200).map(|n| format!("5xx+{n}@example.org,N,Paris,n,{n}\n"));
    let list = format!("email,name,city,note,number\n{}", rows.collect::<String>());
    let alert = "\n[daemon.alert]\nto = \"ops@example.org\"\nvia = \"main\"\n";
    let workspace = letter::workspace(&catcher.account(), alert, &list);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    let daemon = workspace.daemon();
    workspace.said(&send(&["--yes"]));
    let held = |but: i64| {
        let status: Status = workspace.json(&["status"]);
        let hold = status.holds.into_iter().find(|hold| hold.created_at != but);
        hold.filter(|hold| hold.author == "breaker")
    };
    let hold = wait_for("the breaker", || held(0));
    let Scope::Run(run) = &hold.scope else {
        panic!("{hold:?}");
    };
    let told = workspace.said(&["status"]);
    assert!(told.contains("on hold by the breaker since"), "{told}");
    assert!(
        told.contains(&format!("`postroom release {run}` lets it go on")),
        "{told}"
    );
    wait_for("the alert", || {
        (!alerts(&workspace).is_empty()).then_some(())
    });
    // A person lets it go on; it is refused on, and that is news.
    let said = workspace.said(&["release", run]);
    assert!(said.contains("is no longer on hold"), "{said}");
    wait_for("the breaker again", || held(hold.created_at));
    wait_for("the second alert", || {
        (alerts(&workspace).len() == 2).then_some(())
    });
    // Another process tells nothing that was told.
    assert!(daemon.stop().success());
    let daemon = workspace.daemon();
    workspace.said(&["queue", "cancel", "--run", run, "--yes"]);
    letter::ended(&workspace);
    assert_eq!(alerts(&workspace).len(), 2);
    for alert in alerts(&workspace) {
        let cause = format!("run-held {run}:");
        assert!(alert.occurrence.starts_with(&cause), "{alert:?}");
    }
    assert!(daemon.stop().success());
    let taken = std::fs::read_to_string(catcher.accept_log()).unwrap();
    assert_eq!(taken.matches("ops@example.org").count(), 2, "{taken}");
    catcher.stop();
}
