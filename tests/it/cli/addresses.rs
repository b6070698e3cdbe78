//! Addresses of any script on the command line: whatever spelling a person types is the one that
//! the list means.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use postroom::daemon::api::{Changed, Why};
use postroom::outbox::state::State;
use postroom::outbox::{RunRow, SuppressionRow};

use crate::world::letter;
use crate::world::sandbox::Catcher;
use crate::world::workspace::Workspace;

const LIST: &str = "email,name,city,note,number\n\
    Jürgen@Bücher.example,Jürgen,Berlin,n,1\n\
    संपर्क@example.org,संपर्क,Delhi,n,2\n\
    张三@example.org,张三,北京,n,3\n";
/// With the diaeresis of its own, and in capitals.
const JUERGEN: &str = "JU\u{308}RGEN@BÜCHER.example";
const JUERGENS_KEY: &str = "jürgen@xn--bcher-kva.example";

/// How many of a run got their mail, and how many are suppressed. A run that did not reach all of
/// its people ends with an exit code of its own.
#[track_caller]
fn sent(workspace: &Workspace, args: &[&str]) -> (i64, i64) {
    let send = ["send", letter::SCHEDULE, "--yes", "--wait", "--json"];
    let output = workspace.postroom(&[&send, args].concat()).output();
    let said = output.unwrap().stdout;
    let run: RunRow = serde_json::from_slice(&said).unwrap();
    (
        run.counts.of(State::Accepted),
        run.counts.of(State::Suppressed),
    )
}

#[track_caller]
fn why(workspace: &Workspace, address: &str) -> Vec<(String, String)> {
    let why: Why = workspace.json(&["why", address]);
    let deliveries = why.deliveries.into_iter().map(|it| it.delivery);
    deliveries.map(|it| (it.address, it.state)).collect()
}

#[test]
fn any_spelling_of_an_address_is_found_suppressed_and_sent_to() {
    let catcher = Catcher::start(Duration::ZERO);
    let workspace = letter::workspace(&catcher.account(), "", LIST);
    workspace.write("password", Catcher::PASSWORD);
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(workspace.path("password"), private).unwrap();
    let changed = |args: &[&str]| workspace.json::<Changed>(args).changed;

    // With a daemon, and by hand where none runs.
    let daemon = workspace.daemon();
    assert!(changed(&["suppress", "add", JUERGEN]));
    let suppressed: Vec<SuppressionRow> = workspace.json(&["suppress", "list"]);
    assert_eq!(suppressed[0].address.as_deref(), Some(JUERGENS_KEY));
    assert_eq!(sent(&workspace, &[]), (2, 1));
    assert_eq!(sent(&workspace, &["--only", "संपर्क@EXAMPLE.org"]), (1, 0));
    assert_eq!(why(&workspace, "संपर्क@example.org").len(), 2);
    assert!(daemon.stop().success());

    let stored = "Jürgen@xn--bcher-kva.example".to_owned();
    let states = why(&workspace, JUERGEN);
    assert_eq!(states, [(stored.clone(), "suppressed".to_owned())]);
    assert!(!changed(&["suppress", "add", "jürgen@BÜCHER.example"]));
    assert!(changed(&["suppress", "remove", JUERGEN]));
    assert_eq!(sent(&workspace, &["--only", JUERGEN]), (1, 0));
    let newest = why(&workspace, JUERGENS_KEY).remove(0);
    assert_eq!(newest, (stored, "accepted".to_owned()));
    assert_eq!(catcher.taken(), 4);
    catcher.stop();
}
