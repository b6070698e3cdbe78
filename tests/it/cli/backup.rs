//! Backups with the real binary: made while it sends, checked, put back, and nothing sent from them
//! before a person says so.

use std::fs;
use std::process::Command;
use std::time::Duration;

use postroom::outbox::state::State;
use postroom::outbox::{Holdings, Restored};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outbox::break_a_page;
use crate::world::patience::wait_for;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;
use crate::world::{history, letter, people};

const ROWS: usize = 400;

fn workspace(catcher: &Catcher) -> Workspace {
    let (file, _) = people::list(ROWS);
    let workspace = letter::workspace(&catcher.account(), "", &file);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(workspace.path("password"), private).unwrap();
    workspace
}

/// The exit code and what was said, of a command that fails.
#[track_caller]
fn refused(mut command: Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

fn member<T: DeserializeOwned>(value: &Value, name: &str) -> T {
    serde_json::from_value(value[name].clone()).unwrap()
}

/// A22: last night's backup, put back as the program does it.
#[test]
fn a_backup_that_was_made_while_mail_was_sent_is_put_back_and_sends_nothing_by_itself() {
    let catcher = Catcher::start(Duration::from_millis(20));
    let workspace = workspace(&catcher);
    let copy = workspace.path("copy");
    let copy = copy.to_str().unwrap();

    let daemon = workspace.daemon();
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    wait_for("some to be taken", || (catcher.taken() > 20).then_some(()));
    let told: Value = workspace.json(&["backup", copy, "--verify"]);
    let held: Holdings = member(&told, "holdings");
    assert!(held.waiting > 0 && told["verified"] == true, "{told}");
    let (code, said) = refused(workspace.postroom(&["backup", copy]));
    assert_eq!(
        (code, said.contains("is there already")),
        (Some(73), true),
        "{said}"
    );
    let (code, said) = refused(workspace.postroom(&["restore", copy]));
    assert_eq!(
        (code, said.contains("another postroom")),
        (Some(75), true),
        "{said}"
    );
    let config = fs::read(workspace.path("postroom.toml")).unwrap();
    assert_eq!(
        fs::read(workspace.path("copy/postroom.toml")).unwrap(),
        config
    );
    letter::ended(&workspace);
    assert!(daemon.stop().success());
    let all = catcher.taken();

    assert!(
        workspace
            .said(&["restore", copy, "--verify"])
            .contains("is in order")
    );
    let restored: Restored = workspace.json(&["restore", copy]);
    assert_eq!(restored.holdings.deliveries, held.deliveries);
    assert!(restored.before.unwrap().exists());
    let daemon = workspace.daemon();
    assert!(
        daemon
            .log()
            .contains("nothing is sent: this outbox was put back")
    );
    assert!(daemon.log().contains("on hold: run"));
    // Its claims are made before it answers, and hundreds would go out while these are asked.
    for _ in 0..5 {
        workspace.said(&["suppress", "list"]);
        workspace.said(&["status"]);
    }
    assert!(daemon.stop().success());
    assert_eq!(catcher.taken(), all, "nothing went out");

    let sql = rusqlite::Connection::open(workspace.path("state/postroom.db")).unwrap();
    sql.execute("DELETE FROM hold", []).unwrap();
    drop(sql);
    let daemon = workspace.daemon();
    let run = letter::ended(&workspace);
    assert!(daemon.stop().success());
    assert!(catcher.taken() > all, "what waited in the copy went out");
    let reader = workspace.reader().unwrap();
    let told = history::told(&reader, &run);
    assert_eq!(history::against_tally(&reader, &run, &told), [""; 0]);
    assert_eq!(run.counts.sum(&[State::Queued, State::Deferred]), 0);
    catcher.stop();
}

/// A19: a page that no start reads.
#[test]
fn damage_that_an_end_without_a_word_left_is_found_and_ends_the_daemon() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = workspace(&catcher);
    let daemon = workspace.daemon();
    workspace.said(&["send", letter::SCHEDULE, "--yes"]);
    letter::ended(&workspace);
    daemon.kill();
    let mut daemon = workspace.daemon();
    wait_for("the look through the outbox", || {
        daemon.log().contains("is in order").then_some(())
    });
    assert_eq!(daemon.ended(), None);
    daemon.kill();

    let file = workspace.path("state/postroom.db");
    break_a_page(&file);
    let mut daemon = workspace.begin(&[]);
    let ended = wait_for("the daemon's end", || daemon.ended());
    assert_eq!(ended.code(), Some(74));
    let log = daemon.log();
    assert!(log.contains("the outbox is damaged") && log.contains("postroom restore"));
    let mut daemon = workspace.begin(&[]);
    let again = wait_for("its end again", || daemon.ended());
    assert_eq!(
        again.code(),
        Some(74),
        "that it was found once makes nothing better"
    );
    catcher.stop();
}
