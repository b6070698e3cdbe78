//! Holds and changes by the real binary, with a daemon and by hand where none runs.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use postroom::daemon::api::{ChangeAnswer, History, HoldAnswer, Status, Why};
use postroom::outbox::{ChangeRow, DeliveryRow, Scope};

use crate::world::letter;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const LIST: &str = "email,name,city,note,number\n\
    ada@example.org,Ada,Paris,n,1\n\
    bob@example.com,Bob,Rome,n,2\n\
    eve@example.org,Eve,Bonn,n,3\n";

fn workspace(catcher: &Catcher) -> Workspace {
    use std::os::unix::fs::PermissionsExt;
    let workspace = letter::workspace(&catcher.account(), "", LIST);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

fn queue(workspace: &Workspace, args: &[&str]) -> Vec<DeliveryRow> {
    workspace.json(&[&["queue", "list"], args].concat())
}

fn change(workspace: &Workspace, args: &[&str]) -> i64 {
    let answer: ChangeAnswer = workspace.json(&[&["queue"], args].concat());
    answer.changed
}

/// What a command says on standard error; it must fail with this code.
#[track_caller]
fn refused(workspace: &Workspace, args: &[&str], code: i32) -> String {
    let output = workspace.postroom(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Opens a run while all is on hold.
fn opened(workspace: &Workspace) -> Vec<DeliveryRow> {
    let held: HoldAnswer = workspace.json(&["hold", "--all", "--reason", "wrong price"]);
    assert!(held.changed);
    assert_eq!(held.holds[0].scope, Scope::All);
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    queue(workspace, &[])
}

#[test]
fn a_person_stops_looks_changes_and_lets_go_on() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    let rows = opened(&workspace);
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0].held.as_ref().unwrap().reason, "wrong price");
    let told = workspace.said(&["queue"]);
    assert!(told.contains("on hold"), "{told}");
    let status: Status = workspace.json(&["status"]);
    assert_eq!(status.holds.len(), 1);
    let told = workspace.said(&["status"]);
    let uid = rustix::process::getuid().as_raw();
    assert!(told.contains(&format!("by uid {uid}")), "{told}");
    assert!(told.contains("everything: wrong price"), "{told}");

    // One by its id, the rest of a domain by a filter, nothing without a word.
    let id = rows[0].id.as_str();
    assert_eq!(
        change(&workspace, &["cancel", id, "--reason", "left us"]),
        1
    );
    let told = refused(&workspace, &["queue", "cancel"], 64);
    assert!(told.contains("--all"), "{told}");
    let told = refused(&workspace, &["queue", "cancel", "--to", "@example.org"], 64);
    assert!(told.contains("1 message"), "{told}");
    let dry = ["cancel", "--to", "@example.com", "--dry-run"];
    assert_eq!(change(&workspace, &dry), 1);
    assert_eq!(queue(&workspace, &[]).len(), 2);
    let why: Why = workspace.json(&["why", "ada@example.org"]);
    assert!(why.deliveries[0].changes[0].detail.contains("left us"));
    assert_eq!(why.deliveries[0].changes[0].was, "queued");
    let told = workspace.said(&["why", "ada@example.org"]);
    assert!(told.contains(&format!("cancelled by uid {uid}")), "{told}");
    let shown: History = workspace.json(&["queue", "show", id]);
    assert_eq!(shown.delivery.state, "cancelled");

    // The hold outlives the daemon, which is killed here.
    daemon.kill();
    let daemon = workspace.daemon();
    assert_eq!(queue(&workspace, &["--state", "queued"]).len(), 2);
    assert_eq!(catcher.taken(), 0);
    let released: HoldAnswer = workspace.json(&["release", "--all"]);
    assert!(released.changed && released.holds.is_empty());
    wait_for("two letters", || (catcher.taken() == 2).then_some(()));
    wait_for("their record", || {
        queue(&workspace, &[]).is_empty().then_some(())
    });
    assert_eq!(
        change(&workspace, &["retry", "--state", "cancelled", "--yes"]),
        1
    );
    wait_for("the third", || (catcher.taken() == 3).then_some(()));

    let changes: Vec<ChangeRow> = workspace.json(&["log", "--changes"]);
    let acts: Vec<_> = changes.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(acts, ["hold", "cancel", "release", "retry"]);
    assert!(
        daemon.log().contains("asked for by uid"),
        "the daemon tells"
    );
    assert!(daemon.stop().success());
    catcher.stop();
}

#[test]
fn the_same_works_by_hand_where_no_daemon_runs() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    let rows = opened(&workspace);
    assert!(daemon.stop().success());

    assert_eq!(
        change(&workspace, &["cancel", "--to", "BOB@example.com", "--yes"]),
        1
    );
    assert_eq!(change(&workspace, &["retry", &rows[1].id]), 1);
    let told = workspace.said(&["queue", "export"]);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert!(lines[0].starts_with("id,schedule,account,state,address,name,list,line"));
    assert!(lines[2].contains("bob@example.com"), "{told}");
    let told = workspace.said(&["queue", "export", "--json", "--to", "@example.org"]);
    let row: DeliveryRow = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!(
        (told.lines().count(), row.address.as_str()),
        (2, "ada@example.org")
    );

    let held: HoldAnswer = workspace.json(&["hold", letter::SCHEDULE, "--until", "2h"]);
    assert!(held.changed && held.holds.len() == 2);
    let told = workspace.said(&["release", letter::SCHEDULE]);
    assert!(
        told.contains("no longer on hold") && told.contains("still on hold"),
        "{told}"
    );

    // Ids as another command printed them.
    let listed = workspace.said(&["queue", "list"]);
    let mut cancel = workspace.postroom(&["queue", "cancel", "-"]);
    let mut cancel = cancel.stdin(Stdio::piped()).spawn().unwrap();
    cancel
        .stdin
        .take()
        .unwrap()
        .write_all(listed.as_bytes())
        .unwrap();
    assert!(cancel.wait().unwrap().success());
    assert_eq!(queue(&workspace, &[]), []);
    catcher.stop();
}

#[test]
fn what_there_is_not_is_said_with_what_there_is() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    let rows = opened(&workspace);
    let (run, _) = rows[0].id.split_once('.').unwrap();
    let all_unknown = |workspace: &Workspace| {
        for (args, words) in [
            (vec!["queue", "--schedule", "x"], "there are letters"),
            (vec!["queue", "--account", "x"], "there are main"),
            (vec!["queue", "cancel", "--run", "x", "--yes"], run),
            (vec!["queue", "retry", "x.1"], run),
            (vec!["queue", "show", "x"], "is not the id of a message"),
            (vec!["hold", "x"], "no schedule (letters)"),
            (vec!["queue", "--state", "x"], "there are queued"),
            (vec!["queue", "--to", "@"], "not a domain"),
        ] {
            let told = refused(workspace, &args, 64);
            assert!(told.contains(words), "{args:?}: {told}");
        }
    };
    all_unknown(&workspace);
    assert_eq!(queue(&workspace, &["--run", &run[..20]]).len(), 3);
    assert!(daemon.stop().success());
    all_unknown(&workspace);
    catcher.stop();
}

#[test]
fn a_daemon_that_is_started_held_sends_nothing_until_it_is_released() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    opened(&workspace);
    assert!(daemon.stop().success());
    workspace.said(&["release", "--all"]);

    let daemon = workspace.daemon_held();
    let status: Status = workspace.json(&["status"]);
    assert_eq!(status.holds[0].reason, "started with --held");
    assert_eq!(catcher.taken(), 0);
    workspace.said(&["release", "--all"]);
    wait_for("all letters", || (catcher.taken() == 3).then_some(()));
    assert!(daemon.stop().success());
    catcher.stop();
}

/// They come in pages, so that neither the daemon nor anybody who asks it meanwhile waits for all.
#[test]
fn a_list_of_thousands_is_whole() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let mut list = "email,name,city,note,number\n".to_owned();
    for n in 0..4_001 {
        list += &format!("p{n}@example.org,P,Paris,n,{n}\n");
    }
    workspace.write("people.csv", list);
    let daemon = workspace.daemon();
    let rows = opened(&workspace);
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| &row.id).collect();
    assert_eq!((rows.len(), ids.len()), (4_001, 4_001));
    assert_eq!(queue(&workspace, &["-n", "2000"]).len(), 2_000);
    assert_eq!(queue(&workspace, &["-n", "2001"]).len(), 2_001);
    assert!(daemon.stop().success());
    catcher.stop();
}
